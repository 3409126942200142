/* consumer.c -- a model consumer with assign(): reads every partition from the start and holds
 * what it gets against what was seen before. */
#include <stdio.h>

#include "actor.h"
#include "batch.h"
#include "check.h"
#include "keyed.h"
#include "value.h"

enum { READINGS = 2 };

/* What a node was asked last about a partition. */
struct asked {
    bool is_in; /* Its session, so it need not be told again. */
    struct uuid topic_id;
    log_offset offset;
    log_epoch epoch;
};

struct consumer {
    struct actor actor;
    int16_t version;
    int32_t max_wait_ms, max_bytes;
    bool has_sessions; /* Fetches in sessions (KIP-227). */
    struct {
        int32_t id, epoch; /* Epoch 0: the next Fetch begins one. */
    } sessions[SIM_NODES_MAX];
    struct asked asked[SIM_NODES_MAX][SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
    log_offset positions[SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
    struct check_told told[SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
    /* Of compacted partitions: what was read since it stood at the start, and how often it has
     * read to the end since nothing is written any more. */
    struct check_reader readers[SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
    uint32_t readings[SIM_TOPICS_MAX][ACTOR_PARTITIONS_MAX];
    bool fetching[SIM_NODES_MAX];
    sim_us again_at[SIM_NODES_MAX];
};

static void forget(struct fetch_request *request, const struct actor_topic *topic,
                   struct asked *asked, int32_t index, struct arena *arena)
{
    struct fetch_request_forgotten_topic *to =
        &request->forgotten_topics[request->forgotten_topics_count++];
    to->name = str_from(topic->name);
    to->topic_id = asked->topic_id;
    to->partitions_count = 1;
    to->partitions = arena_copy(arena, &index, sizeof index);
    asked->is_in = false;
}

/* What is to be said of one topic to one node; how much of it is asked in all. */
static uint32_t fill_topic(struct consumer *consumer, uint32_t node, uint32_t t,
                           struct fetch_request *request, struct arena *arena)
{
    const struct actor_topic *topic = &consumer->actor.topics[t];
    struct fetch_request_topic *to = &request->topics[request->topics_count];
    uint32_t count = 0;
    to->name = str_from(topic->name);
    to->topic_id = topic->id;
    to->partitions = fetch_request_partition_new(arena, ACTOR_PARTITIONS_MAX);
    for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++) {
        struct asked *asked = &consumer->asked[node][t][i];
        struct asked now = {.is_in = true,
                            .topic_id = topic->id,
                            .offset = consumer->positions[t][i],
                            .epoch = topic->partitions[i].leader_epoch};
        bool leads = i < topic->partition_count && topic->partitions[i].leader == (int32_t)node + 1;
        if (asked->is_in && (!leads || !uuid_equal(asked->topic_id, topic->id)))
            forget(request, topic, asked, (int32_t)i, arena);
        if (!leads)
            continue;
        count++;
        if (asked->is_in && asked->offset == now.offset && asked->epoch == now.epoch)
            continue;
        *asked = now;
        struct fetch_request_partition *partition = &to->partitions[to->partitions_count++];
        partition->index = (int32_t)i;
        partition->current_leader_epoch = now.epoch;
        partition->fetch_offset = now.offset;
        partition->partition_max_bytes = consumer->max_bytes;
    }
    request->topics_count += to->partitions_count > 0;
    return count;
}

static void fetch(struct consumer *consumer, uint32_t node)
{
    struct arena arena = {0};
    struct fetch_request request;
    uint32_t topics = consumer->actor.world->swarm.topics, count = 0;
    fetch_request_init(&request);
    request.max_wait_ms = consumer->max_wait_ms;
    request.min_bytes = 1;
    request.rack_id = STR("");
    request.cluster_id = (struct str){0};
    request.session_id = consumer->sessions[node].id;
    request.session_epoch = consumer->has_sessions ? consumer->sessions[node].epoch : -1;
    if (request.session_epoch <= 0)
        memset(consumer->asked[node], 0, sizeof consumer->asked[node]);
    request.topics = fetch_request_topic_new(&arena, topics);
    request.forgotten_topics =
        fetch_request_forgotten_topic_new(&arena, topics * ACTOR_PARTITIONS_MAX);
    for (uint32_t t = 0; t < topics; t++)
        count += fill_topic(consumer, node, t, &request, &arena);
    if (count + request.forgotten_topics_count > 0)
        consumer->fetching[node] = link_send(link_to(&consumer->actor, node), WIRE_FETCH,
                                             consumer->version, &request, NULL, true);
    if (consumer->fetching[node])
        consumer->sessions[node].epoch++;
    else
        consumer->sessions[node].epoch = 0; /* It has not heard what was to be said. */
    arena_free(&arena);
}

static struct ghost_partition *partition_of(const struct consumer *consumer, uint32_t topic,
                                            uint32_t index)
{
    struct partition_key key = {.topic_id = consumer->actor.topics[topic].id,
                                .index = (partition_id)index};
    return ghost_partition_find(consumer->actor.world, key);
}

/* Begin again at the start. */
static void rewind_to_start(struct consumer *consumer, uint32_t topic, uint32_t index)
{
    consumer->positions[topic][index] = 0;
    check_k1_begin(&consumer->readers[topic][index], 0);
}

/* Where it has read all, what it has read is what is there. When nothing is written any more it
 * compares, reads all once more, and compares again; before that it begins again now and then. */
static void reread(struct consumer *consumer, uint32_t topic, uint32_t index)
{
    struct world *world = consumer->actor.world;
    const struct ghost_partition *partition = partition_of(consumer, topic, index);
    uint32_t *readings = &consumer->readings[topic][index];
    if (!partition || !partition->keyed || partition->removed ||
        consumer->positions[topic][index] < partition->high_watermark)
        return;
    bool again = !clients_are_quiet(world) && rand_chance(&consumer->actor.rand, 1, 50);
    if (!again && (!clients_are_quiet(world) || *readings == READINGS))
        return;
    check_k1_compare(world, partition->key, &consumer->readers[topic][index],
                     consumer->positions[topic][index]);
    *readings += !again;
    if (*readings < READINGS)
        rewind_to_start(consumer, topic, index);
}

static void drive(struct actor *actor)
{
    struct consumer *consumer = (struct consumer *)actor;
    for (uint32_t t = 0; actor->world->swarm.cleans && t < actor->world->swarm.topics; t++)
        for (uint32_t i = 0; i < actor->topics[t].partition_count; i++)
            reread(consumer, t, i);
    for (uint32_t node = 0; node < actor->world->swarm.nodes; node++)
        if (!consumer->fetching[node] && actor->world->kernel.now >= consumer->again_at[node])
            fetch(consumer, node);
}

static void take_record(struct consumer *consumer, uint32_t node, uint32_t topic,
                        struct partition_key key, const struct batch_record *record)
{
    struct world *world = consumer->actor.world;
    const struct ghost_partition *partition = ghost_partition_of(world, key);
    if (partition->keyed && !partition->removed) {
        check_k4_read(world, &world->nodes[node], key, record);
        check_k1_read(&consumer->readers[topic][key.index], record);
    }
    if (record->value.data) /* A tombstone is told from others by K4. */
        check_p7_seen(world, key, record->offset, value_read(record->value));
    history_add_read(world);
}

/* Whatever stands between its position and `to` the node has not served. */
static void skip(struct consumer *consumer, uint32_t node, struct partition_key key,
                 log_offset *position, log_offset to)
{
    struct world *world = consumer->actor.world;
    const struct ghost_partition *partition = ghost_partition_of(world, key);
    if (to <= *position)
        return;
    if (!partition->keyed)
        world_violation(world, "P7", "partition %d: asked at %lld, node %u serves from %lld",
                        key.index, (long long)*position, node + 1, (long long)to);
    if (!partition->logs[node].rotten && !partition->removed)
        check_k2_skipped(world, &world->nodes[node], key, *position, to);
    *position = to;
}

/* Walk one whole batch; records before the position were read already. */
static void take_batch(struct consumer *consumer, uint32_t node, uint32_t topic,
                       struct partition_key key, struct bytes bytes)
{
    struct world *world = consumer->actor.world;
    log_offset *position = &consumer->positions[topic][key.index];
    struct batch_walk walk;
    struct batch_record record;
    struct codec_reader *reader = codec_reader_open();
    enum err err;
    batch_walk_open(&walk, bytes, reader);
    bool is_new = batch_end(&walk.info) > *position;
    skip(consumer, node, key, position, walk.info.base);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE) {
        if (record.offset < *position)
            continue;
        skip(consumer, node, key, position, record.offset);
        take_record(consumer, node, topic, key, &record);
        *position = record.offset + 1;
    }
    if (err != ERR_NOT_FOUND)
        world_violation(world, "P13", "node %u serves a batch that does not walk", node + 1);
    if (is_new)
        skip(consumer, node, key, position, batch_end(&walk.info));
    batch_walk_close(&walk);
    codec_reader_close(reader);
}

/* As auto.offset.reset=earliest does: what it wanted to read has been retired. The answer may be
 * an old one, and another node's have moved it since. */
static bool reset_position(struct consumer *consumer, uint32_t node, uint32_t topic,
                           struct partition_key key)
{
    struct ghost_partition *partition = ghost_partition_of(consumer->actor.world, key);
    log_offset *position = &consumer->positions[topic][key.index];
    if (consumer->asked[node][topic][key.index].offset >= partition->start_max)
        return partition->removed;
    if (*position < partition->logs[node].start) {
        *position = partition->logs[node].start;
        consumer->readers[topic][key.index].from = *position;
    }
    return true;
}

static void take_partition(struct consumer *consumer, uint32_t node, uint32_t topic,
                           const struct fetch_response_partition *from)
{
    struct actor *actor = &consumer->actor;
    if (from->index < 0 || from->index >= ACTOR_PARTITIONS_MAX)
        return;
    struct partition_key key = {.topic_id = actor->topics[topic].id, .index = from->index};
    if (from->error_code != ERR_NONE) {
        actor->metadata_due = true;
        consumer->again_at[node] = actor->world->kernel.now + 30 * SIM_MS;
        if (from->error_code == ERR_OFFSET_OUT_OF_RANGE && uuid_is_zero(key.topic_id))
            return;
        if (from->error_code == ERR_OFFSET_OUT_OF_RANGE &&
            reset_position(consumer, node, topic, key))
            return;
        if (from->error_code == ERR_OFFSET_OUT_OF_RANGE)
            world_violation(actor->world, "P7",
                            "node %u: %lld of partition %d is out of range, and was readable",
                            node + 1, (long long)consumer->asked[node][topic][from->index].offset,
                            from->index);
        return;
    }
    const struct asked *asked = &consumer->asked[node][topic][from->index];
    struct check_told now = {.epoch = asked->epoch, .high_watermark = from->high_watermark};
    if (!asked->is_in || !uuid_equal(asked->topic_id, key.topic_id))
        world_violation(actor->world, "client", "node %u answers for partition %d, unasked",
                        node + 1, from->index);
    check_p4_told(actor->world, &actor->world->nodes[node], key,
                  &consumer->told[topic][from->index], &now);
    if (asked->offset > consumer->positions[topic][from->index])
        return; /* It has begun again since. */
    struct bytes rest = from->records.memory, bytes;
    struct batch_info info;
    check_p13_bytes(actor->world, &actor->world->nodes[node], key, rest);
    while (batch_next(&rest, &info, &bytes) == ERR_NONE)
        take_batch(consumer, node, topic, key, bytes);
}

static void take_fetch(struct consumer *consumer, uint32_t node, struct client_reply *reply)
{
    struct actor *actor = &consumer->actor;
    struct arena arena = {0};
    struct fetch_response response;
    if (fetch_response_read(&response, reply->version, &reply->reader, &arena) != ERR_NONE)
        world_violation(actor->world, "client", "a Fetch reply does not parse");
    for (uint32_t t = 0; t < response.topics_count; t++) {
        const struct fetch_response_topic *topic = &response.topics[t];
        int index = actor_topic_of(actor, topic->name, topic->topic_id);
        for (uint32_t i = 0; index >= 0 && i < topic->partitions_count; i++)
            take_partition(consumer, node, (uint32_t)index, &topic->partitions[i]);
    }
    if (response.error_code != ERR_NONE)
        consumer->again_at[node] = actor->world->kernel.now + 100 * SIM_MS;
    consumer->sessions[node].id = response.session_id;
    if (response.error_code != ERR_NONE || response.session_id == 0)
        consumer->sessions[node].epoch = 0;
    arena_free(&arena);
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct consumer *consumer = (struct consumer *)actor;
    (void)object;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    consumer->fetching[node] = false;
    if (reply) {
        take_fetch(consumer, node, reply);
        return;
    }
    consumer->again_at[node] = actor->world->kernel.now + 50 * SIM_MS;
    consumer->sessions[node].epoch = 0;
}

static void topic_changed(struct actor *actor, uint32_t topic)
{
    struct consumer *consumer = (struct consumer *)actor;
    for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++) {
        consumer->told[topic][i] = (struct check_told){.epoch = -1, .high_watermark = -1};
        consumer->readings[topic][i] = 0;
        rewind_to_start(consumer, topic, i);
    }
}

static bool is_done(struct actor *actor, char *why, size_t size)
{
    struct consumer *consumer = (struct consumer *)actor;
    for (uint32_t t = 0; t < actor->world->swarm.topics; t++)
        for (uint32_t i = 0; i < actor->topics[t].partition_count; i++) {
            const struct ghost_partition *partition = partition_of(consumer, t, i);
            log_offset wanted = partition && !partition->removed ? partition->high_watermark : 0;
            bool is_map = wanted > 0 && partition->keyed;
            if (consumer->positions[t][i] >= wanted &&
                (!is_map || consumer->readings[t][i] == READINGS))
                continue;
            snprintf(why, size, "consumer %u is at %lld of %lld of topic%u/%u", actor->index,
                     (long long)consumer->positions[t][i], (long long)wanted, t, i);
            return false;
        }
    return true;
}

struct actor *consumer_new(struct world *world, uint32_t index)
{
    struct consumer *consumer = mem_zalloc(sizeof *consumer);
    struct actor *actor = &consumer->actor;
    actor->answered = answered;
    actor->drive = drive;
    actor->topic_changed = topic_changed;
    actor->is_done = is_done;
    for (uint32_t t = 0; t < SIM_TOPICS_MAX; t++)
        topic_changed(actor, t);
    actor_init(actor, world, index);
    consumer->version = world->swarm.recreates ? 16 : (int16_t)(12 + rand_below(&actor->rand, 5));
    consumer->max_wait_ms = (int32_t)rand_below(&actor->rand, 500);
    consumer->max_bytes = rand_chance(&actor->rand, 1, 3) ? 1 : 1 << 20;
    consumer->has_sessions = rand_chance(&actor->rand, 1, 2);
    return actor;
}
