/* fetcher.c -- replication from one leader: one Fetch in flight, the next after one sync.
 *
 * A fetcher serves all partitions of this shard that follow one leader in one
 * durability class. A fetch offset is a promise of durability, so the next fetch
 * leaves when all that the last reply brought is synced. A partition that becomes
 * ready while a fetch is parked at the leader does not wait for it: a second fetch
 * supersedes the first, which the leader then answers at once.
 *
 * Source  replica.h judges every answer; KIP-595 for epochs in Fetch. */
#include "partition.h"

#include <stdlib.h>

#include "broker.h"
#include "probe.h"

enum {
    FETCH_TIMEOUT_EXTRA_MS = 2000,
    FETCHES_MAX = 2,
    PARTITION_SIZE_MAX = 1 << 20,
    REFUSED_BACKOFF_MS = 200,
};

struct fetcher {
    struct list link; /* In partitions->fetchers. */
    struct partitions *partitions;
    node_id leader;
    bool flush_each;
    struct peer peer;
    uint32_t in_flight;
    struct list followers; /* struct partition.following */
    struct timer timer;
};

struct asked_part {
    struct partition_key key;
    struct replica_plan plan;
    log_offset start; /* Of our log. */
};

struct replica_fetching {
    struct fetcher *fetcher;
    uint32_t count;
    struct asked_part *parts;
};

static void fetcher_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    list_entry(timer, struct fetcher, timer)->partitions->dirty = true;
}

static struct fetcher *fetcher_get(struct partitions *partitions, node_id leader, bool flush_each)
{
    struct list *node, *after;
    list_each (node, after, &partitions->fetchers) {
        struct fetcher *fetcher = list_entry(node, struct fetcher, link);
        if (fetcher->leader == leader && fetcher->flush_each == flush_each)
            return fetcher;
    }
    struct fetcher *fetcher = mem_zalloc(sizeof *fetcher);
    struct env_address address = {.port = 0};
    node_address(partitions->shard, leader, &address);
    fetcher->partitions = partitions;
    fetcher->leader = leader;
    fetcher->flush_each = flush_each;
    fetcher->timer.fire = fetcher_fire;
    list_init(&fetcher->link);
    list_init(&fetcher->followers);
    peer_init(partitions->shard, &fetcher->peer, leader, &address);
    list_append(&partitions->fetchers, &fetcher->link);
    return fetcher;
}

void fetcher_leave(struct partition *partition)
{
    list_remove(&partition->following);
    partition->fetcher = NULL;
    partition->fetching = false;
}

void fetcher_follow(struct partition *partition)
{
    const struct replica_partition *record = replica_partition(partition->replica);
    fetcher_leave(partition);
    if (replica_role(partition->replica) != REPLICA_FOLLOWER || record->leader < 0 ||
        record->leader == partition->shard->config->node_id || partition->removing)
        return;
    partition->fetcher =
        fetcher_get(partition->shard->partitions, record->leader, record->flush_each);
    list_append(&partition->fetcher->followers, &partition->following);
    partition->shard->partitions->dirty = true;
}

void fetchers_image(struct partitions *partitions)
{
    struct list *node, *after;
    struct env_address address;
    list_each (node, after, &partitions->fetchers) {
        struct fetcher *fetcher = list_entry(node, struct fetcher, link);
        if (node_address(partitions->shard, fetcher->leader, &address))
            peer_set_address(&fetcher->peer, &address);
    }
}

void fetchers_close(struct partitions *partitions)
{
    for (struct list *node; (node = list_take_first(&partitions->fetchers));) {
        struct fetcher *fetcher = list_entry(node, struct fetcher, link);
        peer_free(&fetcher->peer);
        timer_stop(&partitions->shard->timers, &fetcher->timer);
        mem_free(fetcher);
    }
}

/* ---- Answers. */

/* Offsets and epochs of the batches of one answer, read from their headers alone. */
static void answer_batches(struct replica_answer *answer, struct bytes rest)
{
    struct batch_info info;
    while (batch_read(rest, &info) == ERR_NONE && info.size <= rest.size) {
        if (answer->first_base < 0) {
            answer->first_base = info.base;
            answer->first_epoch = info.epoch;
        }
        if (info.epoch > answer->max_epoch)
            answer->max_epoch = info.epoch;
        rest.data += info.size;
        rest.size -= info.size;
    }
}

static void follower_append(struct partition *partition, const struct replica_answer *answer,
                            struct buf *frame, struct bytes records)
{
    struct slice slice = {.buf = frame, .bytes = records};
    check(answer->plan.offset == log_ends(partition->log)->end);
    enum err result = log_append_follower(partition->log, &slice, answer->plan.leader_epoch);
    if (result != ERR_NONE) /* A rotten batch, a full disk: the same answer would come at once. */
        partition->fetch_after = partition->shard->now + REFUSED_BACKOFF_MS;
    else
        partition->shard->counters.replication_bytes_in += records.size;
    if (result != ERR_NONE && result != ERR_BUSY)
        trace_warn(partition->shard->env->trace, "%s: batches from leader %d refused: %s",
                   partition->name, answer->plan.leader, err_name(result));
    partition_changed(partition);
}

static void follower_truncate(struct partition *partition, log_offset offset)
{
    struct shard *shard = partition->shard;
    const struct image_partition *known =
        image_partition(shard->image, partition->key.topic_id, partition->key.index);
    bool done = false;
    if (offset < log_ends(partition->log)->start && known && known->unclean_allowed) {
        log_reset(partition->log, offset); /* What lies there is not ours to cut in any more. */
        partition_changed(partition);
        return;
    }
    enum err result = log_truncate(partition->log, offset, known && known->unclean_allowed, &done);
    trace_info(shard->env->trace, "%s truncated to %lld: %s", partition->name, (long long)offset,
               err_name(result));
    if (result == ERR_DATA_LOSS) {
        trace_error(shard->env->trace,
                    "%s offline: its leader lacks committed records from %lld on", partition->name,
                    (long long)offset);
        partition_report(partition, true);
        fetcher_leave(partition);
    }
    partition_changed(partition);
}

static void follower_obey(struct partition *partition, enum replica_next next, log_offset offset,
                          const struct replica_answer *answer, struct buf *frame,
                          struct bytes records)
{
    switch (next) {
    case REPLICA_APPEND:
        follower_append(partition, answer, frame, records);
        break;
    case REPLICA_TRUNCATE:
        follower_truncate(partition, offset);
        break;
    case REPLICA_RESTART:
        log_reset(partition->log, offset);
        partition_changed(partition);
        break;
    case REPLICA_OFFLINE:
        follower_truncate(partition, offset);
        break;
    case REPLICA_DISCARD:
    case REPLICA_IDLE:
    case REPLICA_ASK_START:
    case REPLICA_BACK_OFF:
        break;
    }
}

/* Two answers may come in one tick: what the first one did to the log, the replica is to know
 * before it judges the second. */
static void tell_replica(struct partition *partition)
{
    struct replica_log state = partition_log_state(partition);
    struct replica_out out;
    replica_on_log(partition->replica, partition->shard->now, &state, &out);
    partition_obey(partition, &out);
}

static void follower_take(struct partition *partition, const struct asked_part *asked,
                          const struct fetch_response_partition *body, struct buf *frame)
{
    struct replica_answer answer = {.plan = asked->plan,
                                    .err = (enum err)body->error_code,
                                    .high_watermark = body->high_watermark,
                                    .log_start = body->log_start_offset,
                                    .diverging_epoch = body->diverging_epoch.epoch,
                                    .diverging_end = body->diverging_epoch.end_offset,
                                    .first_base = -1,
                                    .first_epoch = -1,
                                    .max_epoch = -1};
    struct replica_out out;
    log_offset offset = -1;
    if (!partition_is_ready(partition) || partition->fetcher == NULL)
        return;
    if (!list_is_empty(&partition->changed))
        tell_replica(partition);
    if (answer.diverging_epoch >= 0) {
        struct log_epoch_end end = log_find_epoch_end(partition->log, answer.diverging_epoch);
        answer.own_epoch_end = end.end >= 0 ? end.end : log_ends(partition->log)->start;
    }
    answer_batches(&answer, body->records.memory);
    if (body->records.memory.size > 0 && answer.first_base < 0) /* Not even a header. */
        partition->fetch_after = partition->shard->now + REFUSED_BACKOFF_MS;
    enum replica_next next =
        replica_on_answer(partition->replica, partition->shard->now, &answer, &offset, &out);
    partition_obey(partition, &out);
    follower_obey(partition, next, offset, &answer, frame, body->records.memory);
}

static void fetch_take(struct replica_fetching *fetching, const struct fetch_response *body,
                       struct buf *frame)
{
    struct shard *shard = fetching->fetcher->partitions->shard;
    for (uint32_t i = 0; i < fetching->count && i < body->topics_count; i++) {
        struct partition *partition = partition_find(shard, fetching->parts[i].key);
        if (!partition || body->topics[i].partitions_count != 1 ||
            !uuid_equal(body->topics[i].topic_id, fetching->parts[i].key.topic_id) ||
            body->topics[i].partitions[0].index != fetching->parts[i].key.index)
            continue;
        follower_take(partition, &fetching->parts[i], &body->topics[i].partitions[0], frame);
    }
}

static void fetch_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply)
{
    struct replica_fetching *fetching = context;
    struct fetcher *fetcher = fetching->fetcher;
    struct arena arena = {0};
    struct fetch_response body;
    (void)shard;
    fetcher->in_flight--;
    if (fetcher->in_flight == 0) {
        struct list *node, *after;
        list_each (node, after, &fetcher->followers)
            list_entry(node, struct partition, following)->fetching = false;
    }
    fetch_response_init(&body);
    if (result == ERR_NONE &&
        fetch_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE &&
        body.error_code == ERR_NONE)
        fetch_take(fetching, &body, reply->frame.buf);
    fetcher->partitions->dirty = true;
    arena_free(&arena);
    mem_free(fetching->parts);
    mem_free(fetching);
}

/* ---- Asking. */

static bool is_syncing(const struct partition *partition)
{
    const struct log_ends *ends = log_ends(partition->log);
    return ends->durable < ends->end;
}

/* What to ask for each follower that can be asked; the first time to look again in *at. */
static uint32_t fetcher_plan(struct fetcher *fetcher, struct asked_part *parts, mono_ms *at,
                             bool *syncing, bool *news)
{
    mono_ms now = fetcher->partitions->shard->now;
    uint32_t count = 0;
    struct list *node, *after;
    list_each (node, after, &fetcher->followers) {
        struct partition *partition = list_entry(node, struct partition, following);
        mono_ms later = MONO_NEVER;
        struct replica_plan plan;
        if (!partition_is_ready(partition))
            continue;
        if (now < partition->fetch_after) {
            if (partition->fetch_after < *at)
                *at = partition->fetch_after;
            continue;
        }
        if (!replica_plan_fetch(partition->replica, now, &plan, &later)) {
            *syncing = *syncing || is_syncing(partition);
            if (later < *at)
                *at = later;
            continue;
        }
        *news = *news || !partition->fetching;
        if (parts)
            parts[count] = (struct asked_part){
                .key = partition->key, .plan = plan, .start = log_ends(partition->log)->start};
        count++;
    }
    return count;
}

static void mark_fetching(struct fetcher *fetcher, const struct asked_part *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct partition *partition = partition_find(fetcher->partitions->shard, parts[i].key);
        if (partition)
            partition->fetching = true;
    }
}

static void fetcher_send(struct fetcher *fetcher, struct asked_part *parts, uint32_t count)
{
    struct shard *shard = fetcher->partitions->shard;
    struct arena arena = {0};
    struct fetch_request body;
    fetch_request_init(&body);
    body.replica_state.replica_id = shard->config->node_id;
    body.replica_state.replica_epoch = shard->broker_epoch;
    body.max_wait_ms = shard->config->replica_fetch_wait_max_ms;
    body.min_bytes = 1;
    body.max_bytes = shard->config->replica_fetch_size_max;
    body.topics_count = count;
    body.topics = fetch_request_topic_new(&arena, count);
    for (uint32_t i = 0; i < count; i++) {
        struct fetch_request_partition *partition = fetch_request_partition_new(&arena, 1);
        partition->index = parts[i].key.index;
        partition->current_leader_epoch = parts[i].plan.leader_epoch;
        partition->fetch_offset = parts[i].plan.offset;
        partition->last_fetched_epoch = parts[i].plan.last_epoch;
        partition->log_start_offset = parts[i].start;
        partition->partition_max_bytes = PARTITION_SIZE_MAX;
        body.topics[i].topic_id = parts[i].key.topic_id;
        body.topics[i].partitions_count = 1;
        body.topics[i].partitions = partition;
    }
    struct replica_fetching *fetching = mem_zalloc(sizeof *fetching);
    *fetching = (struct replica_fetching){.fetcher = fetcher, .count = count, .parts = parts};
    if (peer_call(&fetcher->peer, WIRE_FETCH, WIRE_FETCH_MAX, &body,
                  shard->config->replica_fetch_wait_max_ms + FETCH_TIMEOUT_EXTRA_MS, fetch_done,
                  fetching) == ERR_NONE) {
        fetcher->in_flight++;
        mark_fetching(fetcher, parts, count);
    } else {
        mem_free(parts);
        mem_free(fetching);
    }
    arena_free(&arena);
}

static void fetcher_go(struct fetcher *fetcher)
{
    struct shard *shard = fetcher->partitions->shard;
    mono_ms at = MONO_NEVER;
    bool syncing = false, news = false;
    uint32_t count = fetcher_plan(fetcher, NULL, &at, &syncing, &news);
    if (at == MONO_NEVER)
        timer_stop(&shard->timers, &fetcher->timer);
    else
        timer_start(&shard->timers, &fetcher->timer, at > shard->now ? at : shard->now + 1);
    if (count == 0 || syncing || fetcher->in_flight >= FETCHES_MAX ||
        (fetcher->in_flight > 0 && !news))
        return;
    struct asked_part *parts = mem_zalloc(count * sizeof *parts);
    fetcher_plan(fetcher, parts, &at, &syncing, &news);
    fetcher_send(fetcher, parts, count);
}

void fetchers_go(struct partitions *partitions)
{
    struct list *node, *after;
    if (partitions->draining)
        return;
    list_each (node, after, &partitions->fetchers)
        fetcher_go(list_entry(node, struct fetcher, link));
}
