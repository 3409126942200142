/* producer.c -- a model producer: batches in order a partition, retried as real clients do.
 *
 * Idempotent ones keep up to five batches of a partition in flight; after a failure
 * they wait for the others, then send again from the lowest sequence. Plain ones
 * either retry (and may double) or send once, and then a definite error must be true. */
#include <stdio.h>

#include "actor.h"
#include "batch.h"
#include "check.h"
#include "keyed.h"
#include "value.h"

enum { IN_FLIGHT_MAX = 5, QUEUE_MAX = 12, RECORDS_MAX = 5 };

struct outgoing {
    struct outgoing *next; /* Of its partition, in order of sequence. */
    uint32_t topic;
    int32_t partition;
    struct uuid topic_id;
    uint64_t value;
    uint32_t count, value_size;
    int32_t sequence;
    uint64_t place; /* In its partition. */
    bool in_flight;
    uint32_t attempts;
};

struct lane {
    struct outgoing *first, *last;
    uint32_t count, in_flight;
    int32_t sequence; /* Of the next new batch. */
    uint64_t place;   /* Of it. */
    bool draining;    /* Something failed: wait for what is in flight. */
    sim_us again_at;  /* Not before. */
    bool acknowledged;
};

struct producer {
    struct actor actor;
    bool idempotent, retries;
    int16_t acks, version;
    uint32_t value_size;
    enum codec_type codec;
    struct codec_writer *writer;
    sim_us pace, next_at;
    int64_t producer_id;
    int16_t producer_epoch;
    bool asked_id;
    uint64_t values;
    struct lane lanes[SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
};

static struct outgoing *make_batch(struct producer *producer, uint32_t topic, int32_t partition)
{
    struct actor *actor = &producer->actor;
    struct lane *lane = &producer->lanes[topic][partition];
    struct outgoing *batch = mem_zalloc(sizeof *batch);
    batch->topic = topic;
    batch->partition = partition;
    batch->topic_id = actor->topics[topic].id;
    batch->count = 1 + (uint32_t)rand_below(&actor->rand, RECORDS_MAX);
    batch->value = (uint64_t)(actor->index + 1) << 40 | (producer->values + 1);
    producer->values += batch->count;
    batch->value_size = VALUE_SIZE_MIN + (uint32_t)rand_below(&actor->rand, producer->value_size);
    batch->sequence = lane->sequence;
    batch->place = lane->place++;
    lane->sequence += (int32_t)batch->count;
    if (lane->last)
        lane->last->next = batch;
    else
        lane->first = batch;
    lane->last = batch;
    lane->count++;
    return batch;
}

/* The same batch in the producer's codec. Owns  takes `plain`. */
static struct buf *compress(const struct producer *producer, struct buf *plain)
{
    struct batch_limits limits = {.size_max = BATCH_SIZE_MAX, .zstd_allowed = true, .now = -1};
    struct batch_form form = {.append_time = -1,
                              .codec = producer->codec,
                              .levels = {[CODEC_GZIP] = 1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 1},
                              .writer = producer->writer};
    struct slice slice = {.buf = plain, .bytes = {.data = plain->data, .size = plain->size}};
    struct batch_refusal refusal;
    struct batch_info info;
    enum err err = batch_admit(&slice, &limits, &form, &info, &refusal);
    check(err == ERR_NONE);
    return slice.buf;
}

static struct buf *build(const struct producer *producer, const struct outgoing *batch)
{
    struct batch_record records[RECORDS_MAX] = {0};
    struct arena arena = {0};
    const struct swarm *swarm = &producer->actor.world->swarm;
    bool has_keys = swarm_compacts(swarm, batch->topic);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (has_keys) {
            char *key = arena_alloc(&arena, VALUE_KEY_SIZE);
            uint32_t size = value_key(key, batch->value + i, swarm->keys);
            records[i].key = (struct bytes){.data = (const uint8_t *)key, .size = size};
        }
        if (has_keys && i > 0 && value_is_tombstone(batch->value + i))
            continue;
        uint8_t *value = arena_alloc(&arena, batch->value_size);
        value_write(value, batch->value_size, batch->value + i);
        records[i].value = (struct bytes){.data = value, .size = batch->value_size};
    }
    struct batch_spec spec = batch_spec(0, -1, world_wall(producer->actor.world));
    if (producer->idempotent) {
        spec.producer_id = producer->producer_id;
        spec.producer_epoch = producer->producer_epoch;
        spec.base_sequence = batch->sequence;
    }
    struct buf *built = batch_build(&spec, records, batch->count);
    arena_free(&arena);
    return compress(producer, built);
}

static void forget(struct lane *lane, struct outgoing *batch)
{
    struct outgoing **at = &lane->first;
    struct outgoing *before = NULL;
    while (*at != batch) {
        before = *at;
        at = &(*at)->next;
    }
    *at = batch->next;
    if (lane->last == batch)
        lane->last = before;
    lane->count--;
    mem_free(batch);
}

static bool send_batch(struct producer *producer, struct outgoing *batch, uint32_t node)
{
    struct actor *actor = &producer->actor;
    struct buf *built = build(producer, batch);
    struct produce_request request;
    struct produce_request_topic topic;
    struct produce_request_partition partition;
    produce_request_init(&request);
    produce_request_topic_init(&topic);
    produce_request_partition_init(&partition);
    request.acks = producer->acks;
    request.timeout_ms = 1500;
    request.transactional_id = (struct str){0};
    request.topics_count = 1;
    request.topics = &topic;
    topic.name = str_from(actor->topics[batch->topic].name);
    topic.topic_id = batch->topic_id;
    topic.partitions_count = 1;
    topic.partitions = &partition;
    partition.index = batch->partition;
    partition.records = (struct bytes){.data = built->data, .size = built->size};
    bool sent = link_send(link_to(actor, node), WIRE_PRODUCE, producer->version, &request, batch,
                          producer->acks != 0);
    buf_unref(built);
    return sent;
}

static void send_lane(struct producer *producer, uint32_t topic_index, int32_t index)
{
    struct lane *lane = &producer->lanes[topic_index][index];
    const struct actor_partition *partition =
        &producer->actor.topics[topic_index].partitions[index];
    if (lane->draining && lane->in_flight == 0)
        lane->draining = false;
    if (lane->draining || partition->leader < 1 ||
        producer->actor.world->kernel.now < lane->again_at)
        return;
    struct outgoing *next;
    /* Kafka takes any first sequence of a producer that it does not know, so a second batch
     * could overtake a first one that is refused; the first goes alone. A broker remembers five
     * batches: none leaves that is further from the oldest that waits. */
    uint32_t window = lane->acknowledged || !producer->idempotent ? IN_FLIGHT_MAX : 1;
    uint64_t end = lane->first ? lane->first->place + window : 0;
    for (struct outgoing *batch = lane->first; batch && batch->place < end; batch = next) {
        next = batch->next;
        if (batch->in_flight)
            continue;
        if (!send_batch(producer, batch, (uint32_t)partition->leader - 1))
            return;
        batch->attempts++;
        if (producer->acks == 0) {
            forget(lane, batch);
            continue;
        }
        batch->in_flight = true;
        lane->in_flight++;
    }
}

static void ask_producer_id(struct producer *producer)
{
    struct init_producer_id_request request;
    init_producer_id_request_init(&request);
    request.transactional_id = (struct str){0};
    request.transaction_timeout_ms = 1000;
    uint32_t node = (uint32_t)rand_below(&producer->actor.rand, producer->actor.world->swarm.nodes);
    producer->asked_id =
        link_send(link_to(&producer->actor, node), WIRE_INIT_PRODUCER_ID, 4, &request, NULL, true);
}

static void make_new(struct producer *producer)
{
    struct actor *actor = &producer->actor;
    struct world *world = actor->world;
    if (clients_are_quiet(world) || world->kernel.now < producer->next_at)
        return;
    producer->next_at = world->kernel.now + kernel_delay(&actor->rand, producer->pace);
    uint32_t topic = (uint32_t)rand_below(&actor->rand, world->swarm.topics);
    if (actor->topics[topic].partition_count == 0)
        return;
    int32_t partition = (int32_t)rand_below(&actor->rand, actor->topics[topic].partition_count);
    if (producer->lanes[topic][partition].count < QUEUE_MAX)
        make_batch(producer, topic, partition);
}

static void drive(struct actor *actor)
{
    struct producer *producer = (struct producer *)actor;
    if (producer->idempotent && producer->producer_id < 0) {
        if (!producer->asked_id && !clients_are_quiet(actor->world))
            ask_producer_id(producer);
        return;
    }
    make_new(producer);
    for (uint32_t topic = 0; topic < actor->world->swarm.topics; topic++)
        for (uint32_t i = 0; i < actor->topics[topic].partition_count; i++)
            send_lane(producer, topic, (int32_t)i);
}

static void acknowledge(struct producer *producer, struct outgoing *batch, log_offset offset)
{
    struct history_ack ack = {.key = {.topic_id = batch->topic_id, .index = batch->partition},
                              .offset = offset,
                              .value = batch->value,
                              .producer = producer->actor.index,
                              .acks = producer->acks,
                              .idempotent = producer->idempotent};
    if (offset >= 0)
        history_add_ack(producer->actor.world, &ack);
}

/* The program hears of it at once: nothing was written. */
static bool is_definite(enum err err)
{
    return err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_KAFKA_STORAGE_ERROR ||
           err == ERR_NOT_ENOUGH_REPLICAS || err == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
           err == ERR_UNKNOWN_TOPIC_ID || err == ERR_FENCED_LEADER_EPOCH;
}

static bool is_never_right(const struct producer *producer, const struct lane *lane,
                           const struct outgoing *batch, enum err err)
{
    switch (err) {
    case ERR_CORRUPT_MESSAGE:
    case ERR_INVALID_RECORD:
    case ERR_UNKNOWN_SERVER_ERROR:
    case ERR_INVALID_REQUIRED_ACKS:
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_INVALID_PRODUCER_EPOCH:
    case ERR_UNKNOWN_PRODUCER_ID:
        return true;
    case ERR_OUT_OF_ORDER_SEQUENCE_NUMBER: /* All before it were acknowledged: they are gone. */
        return producer->idempotent && lane->first == batch;
    default:
        return false;
    }
}

/* Of what compaction has made thinner a replica that copies it knows the last batch of each
 * producer, and not the four before: one of those that is sent again is out of order. */
static bool is_thinned(const struct producer *producer, const struct outgoing *batch)
{
    struct partition_key key = {.topic_id = batch->topic_id, .index = batch->partition};
    const struct ghost_partition *partition = ghost_partition_find(producer->actor.world, key);
    return partition && keyed_is_thinned(partition);
}

/* Finish `batch`, or keep it to be sent again. */
static void settle(struct producer *producer, struct outgoing *batch, bool answered, enum err err,
                   log_offset offset)
{
    struct actor *actor = &producer->actor;
    struct lane *lane = &producer->lanes[batch->topic][batch->partition];
    if (!uuid_equal(batch->topic_id, actor->topics[batch->topic].id)) {
        mem_free(batch); /* Its topic is gone, and the lane is another one's. */
        return;
    }
    batch->in_flight = false;
    lane->in_flight--;
    if (answered && err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER && lane->first == batch &&
        is_thinned(producer, batch)) {
        forget(lane, batch); /* The program would begin a new epoch. */
        return;
    }
    if (answered && is_never_right(producer, lane, batch, err))
        world_violation(actor->world, "P8", "producer %u, topic%u/%d sequence %d: %s", actor->index,
                        batch->topic, batch->partition, batch->sequence, err_name(err));
    if (answered && (err == ERR_NONE || err == ERR_DUPLICATE_SEQUENCE_NUMBER)) {
        acknowledge(producer, batch, err == ERR_NONE ? offset : -1);
        lane->acknowledged = true;
        forget(lane, batch);
        return;
    }
    actor->metadata_due = true;
    if (!producer->retries) {
        if (answered && is_definite(err))
            history_add_refused(actor->world, batch->value);
        forget(lane, batch);
        return;
    }
    lane->draining = true;
    lane->again_at =
        actor->world->kernel.now + 20 * SIM_MS + kernel_delay(&actor->rand, 50 * SIM_MS);
}

static void take_produce(struct producer *producer, struct client_reply *reply,
                         struct outgoing *batch)
{
    if (!reply) {
        settle(producer, batch, false, ERR_CLOSED, -1);
        return;
    }
    struct arena arena = {0};
    struct produce_response response;
    enum err result = produce_response_read(&response, reply->version, &reply->reader, &arena);
    if (result != ERR_NONE || response.topics_count != 1 ||
        response.topics[0].partitions_count != 1)
        world_violation(producer->actor.world, "client", "a Produce reply does not fit");
    const struct produce_response_partition *partition = &response.topics[0].partitions[0];
    enum err err = (enum err)partition->error_code;
    if (str_equal(partition->error_message, STR("an earlier batch of this producer is missing")))
        err = ERR_OUT_OF_ORDER_SEQUENCE_NUMBER; /* It is that, and may be sent again. */
    settle(producer, batch, true, err, partition->base_offset);
    arena_free(&arena);
}

static void take_producer_id(struct producer *producer, struct client_reply *reply)
{
    struct init_producer_id_response response;
    struct arena arena = {0};
    producer->asked_id = false;
    if (!reply)
        return;
    enum err result =
        init_producer_id_response_read(&response, reply->version, &reply->reader, &arena);
    if (result == ERR_NONE && response.error_code == ERR_NONE) {
        producer->producer_id = response.producer_id;
        producer->producer_epoch = response.producer_epoch;
    }
    arena_free(&arena);
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct producer *producer = (struct producer *)actor;
    (void)node;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    if (api_key == WIRE_PRODUCE)
        take_produce(producer, reply, object);
    else
        take_producer_id(producer, reply);
}

/* Another topic under the name: sequences start anew, what waited is void. */
static void topic_changed(struct actor *actor, uint32_t topic)
{
    struct producer *producer = (struct producer *)actor;
    for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++) {
        struct lane *lane = &producer->lanes[topic][i];
        struct outgoing *next;
        for (struct outgoing *batch = lane->first; batch; batch = next) {
            next = batch->next;
            if (!batch->in_flight)
                mem_free(batch);
        }
        *lane = (struct lane){0};
    }
}

static uint32_t waiting(struct actor *actor)
{
    struct producer *producer = (struct producer *)actor;
    uint32_t count = 0;
    for (uint32_t topic = 0; topic < SIM_TOPICS_MAX; topic++)
        for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++)
            count += producer->lanes[topic][i].count;
    return count;
}

struct actor *producer_new(struct world *world, uint32_t index)
{
    struct producer *producer = mem_zalloc(sizeof *producer);
    struct actor *actor = &producer->actor;
    actor->answered = answered;
    actor->drive = drive;
    actor->topic_changed = topic_changed;
    actor->waiting = waiting;
    actor_init(actor, world, index);
    producer->idempotent = rand_chance(&actor->rand, 2, 3);
    producer->retries = producer->idempotent || rand_chance(&actor->rand, 1, 3);
    uint64_t draw = rand_below(&actor->rand, 8);
    producer->acks = producer->idempotent || draw < 5 ? -1 : draw < 7 ? 1 : 0;
    producer->version = world->swarm.recreates ? 13 : (int16_t)(9 + rand_below(&actor->rand, 5));
    producer->value_size = rand_chance(&actor->rand, 1, 4) ? 5000 : 100;
    producer->pace = (sim_us)(2 + rand_below(&actor->rand, 60)) * SIM_MS;
    producer->producer_id = -1;
    producer->writer = codec_writer_open();
    /* Half of them compress; by the seed alone, so that nothing else that is drawn changes. */
    uint64_t codec = (world->kernel.seed + 3 * (uint64_t)index) % 8;
    producer->codec = codec <= CODEC_ZSTD ? (enum codec_type)codec : CODEC_NONE;
    return actor;
}
