/* partition_alter.c -- proposals of this shard's leaders, in one AlterPartition at a time.
 *
 * The answer tells a replica only that its proposal is over; what became of it is
 * learned from committed records alone (rules 4, 5). */
#include "partition.h"

#include "controller_link.h"
#include "probe.h"

enum { ALTER_RETRY_MS = 50, ALTER_MAX = 1000 };

void partition_ask(struct partition *partition)
{
    if (list_is_empty(&partition->asking))
        list_append(&partition->shard->partitions->asking, &partition->asking);
    partition->shard->partitions->dirty = true;
}

/* What is in flight, by identity: a partition may be gone when the answer comes. */
struct altered {
    struct partition_key key;
    int32_t partition_epoch;
    bool is_proposal; /* Else a yield. */
    enum err err;
};

struct alteration {
    struct partitions *partitions;
    uint32_t count;
    struct altered *parts;
};

/* Only this says that we lead on. After any other answer, or none, we ask again until a record
 * tells. */
static void yield_tell(struct partition *partition, enum err err)
{
    if (err == ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE)
        partition->yielded = -1;
}

static void altered_tell(struct shard *shard, const struct altered *altered)
{
    struct partition *partition = partition_find(shard, altered->key);
    struct replica_out out;
    if (!partition || !partition->replica || shard->closing)
        return;
    if (!altered->is_proposal) {
        yield_tell(partition, altered->err);
        return;
    }
    replica_on_altered(partition->replica, shard->now, altered->partition_epoch, altered->err,
                       &out);
    partition_obey(partition, &out);
}

static void alteration_read(struct alteration *alteration,
                            const struct alter_partition_response *body)
{
    for (uint32_t i = 0; i < alteration->count; i++) {
        struct altered *altered = &alteration->parts[i];
        altered->err = (enum err)(body->error_code ? body->error_code : ERR_UNKNOWN_TOPIC_ID);
        for (uint32_t t = 0; t < body->topics_count; t++) {
            if (!uuid_equal(body->topics[t].topic_id, altered->key.topic_id))
                continue;
            for (uint32_t p = 0; p < body->topics[t].partitions_count; p++)
                if (body->topics[t].partitions[p].index == altered->key.index)
                    altered->err = (enum err)body->topics[t].partitions[p].error_code;
        }
    }
}

static void alter_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply)
{
    struct alteration *alteration = context;
    struct partitions *partitions = alteration->partitions;
    struct arena arena = {0};
    struct alter_partition_response body;
    alter_partition_response_init(&body);
    bool heard =
        result == ERR_NONE &&
        alter_partition_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE;
    if (heard)
        alteration_read(alteration, &body);
    else
        env_mark(shard->env, "alter_partition_lost");
    partitions->alter_in_flight = false;
    for (uint32_t i = 0; i < alteration->count; i++) {
        if (!heard)
            alteration->parts[i].err = ERR_NETWORK_EXCEPTION;
        altered_tell(shard, &alteration->parts[i]);
    }
    partitions->dirty = true;
    arena_free(&arena);
    mem_free(alteration->parts);
    mem_free(alteration);
}

static void put_isr(struct alter_partition_request_partition *out,
                    const struct replica_proposal *proposal, struct arena *arena)
{
    out->leader_epoch = proposal->leader_epoch;
    out->partition_epoch = proposal->partition_epoch;
    out->new_isr = alter_partition_request_replica_new(arena, proposal->count);
    out->new_isr_count = proposal->count;
    for (uint32_t i = 0; i < proposal->count; i++) {
        out->new_isr[i].broker_id = proposal->isr[i].id;
        out->new_isr[i].broker_epoch = proposal->isr[i].epoch;
    }
}

static void probe_alter(struct partition *partition)
{
    int64_t mask = 0;
    for (uint32_t i = 0; i < partition->proposal.count; i++)
        mask |= (int64_t)1 << (partition->proposal.isr[i].id & 63);
    env_probe(partition->shard->env, &(struct probe){.kind = PROBE_ALTER_SENT,
                                                     .key = partition->key,
                                                     .epoch = partition->proposal.leader_epoch,
                                                     .value = mask,
                                                     .other = partition->proposal.partition_epoch});
}

/* One partition's entry; false: it has nothing to ask right now. */
static bool put_partition(struct partition *partition, struct alter_partition_request_topic *topic,
                          struct altered *altered, struct arena *arena)
{
    struct shard *shard = partition->shard;
    const struct replica_partition *record = replica_partition(partition->replica);
    bool yields = !partition->has_proposal && partition_yields(partition);
    if (replica_role(partition->replica) != REPLICA_LEADER ||
        (yields && shard->now < partition->yield_again) || (!yields && !partition->has_proposal)) {
        partition->has_proposal = false;
        return false;
    }
    topic->topic_id = partition->key.topic_id;
    topic->partitions_count = 1;
    topic->partitions = alter_partition_request_partition_new(arena, 1);
    topic->partitions[0].index = partition->key.index;
    *altered = (struct altered){.key = partition->key, .is_proposal = !yields};
    if (yields) {
        topic->partitions[0].yield = true;
        topic->partitions[0].leader_epoch = record->leader_epoch;
        topic->partitions[0].partition_epoch = record->partition_epoch;
        partition->yield_again = shard->now + YIELD_INTERVAL_MS;
        partition->yielded = record->leader_epoch;
        return true;
    }
    put_isr(&topic->partitions[0], &partition->proposal, arena);
    altered->partition_epoch = partition->proposal.partition_epoch;
    partition->has_proposal = false;
    probe_alter(partition);
    return true;
}

static void alter_later(struct partitions *partitions)
{
    if (!timer_is_running(&partitions->alter_timer))
        timer_start(&partitions->shard->timers, &partitions->alter_timer,
                    partitions->shard->now + ALTER_RETRY_MS);
}

static void alter_send(struct partitions *partitions, struct arena *arena,
                       struct alter_partition_request *body, struct alteration *alteration)
{
    struct shard *shard = partitions->shard;
    body->broker_id = shard->config->node_id;
    body->broker_epoch = shard->broker_epoch;
    partitions->alter_in_flight = true;
    if (controller_call(shard, WIRE_ALTER_PARTITION, body, shard->config->request_timeout_ms,
                        alter_done, alteration) != ERR_NONE)
        alter_done(shard, alteration, ERR_UNREACHABLE, NULL);
    arena_free(arena);
}

void partitions_alter(struct partitions *partitions)
{
    struct shard *shard = partitions->shard;
    if (partitions->alter_in_flight || list_is_empty(&partitions->asking))
        return;
    if (shard->controller->leader < 0) {
        alter_later(partitions);
        return;
    }
    struct arena arena = {0};
    struct alter_partition_request body;
    alter_partition_request_init(&body);
    body.topics = alter_partition_request_topic_new(&arena, ALTER_MAX);
    struct altered *parts = mem_zalloc(ALTER_MAX * sizeof *parts);
    while (body.topics_count < ALTER_MAX && !list_is_empty(&partitions->asking)) {
        struct partition *partition =
            list_entry(list_take_first(&partitions->asking), struct partition, asking);
        if (put_partition(partition, &body.topics[body.topics_count], &parts[body.topics_count],
                          &arena))
            body.topics_count++;
    }
    if (body.topics_count == 0) {
        mem_free(parts);
        arena_free(&arena);
        return;
    }
    struct alteration *alteration = mem_zalloc(sizeof *alteration);
    *alteration =
        (struct alteration){.partitions = partitions, .count = body.topics_count, .parts = parts};
    alter_send(partitions, &arena, &body, alteration);
}

void partitions_alter_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    list_entry(timer, struct partitions, alter_timer)->dirty = true;
}
