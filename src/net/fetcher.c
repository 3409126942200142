/* fetcher.c -- replication from one leader: one Fetch in flight, the next after one sync.
 *
 * A fetcher serves all partitions of this shard that follow one leader in one
 * durability class. A fetch offset is a promise of durability, so the next fetch
 * leaves when all that the last reply brought is synced. A partition that becomes
 * ready while a fetch is parked at the leader does not wait for it: a second fetch
 * supersedes the first, which the leader then answers at once.
 *
 * In a session the leader remembers what it was asked, so a Fetch names only what is asked
 * otherwise than before, and what is no longer asked: a partition that rests costs nothing. The
 * first Fetch names all and does not wait, so that the session is there soon; after any failure
 * there is another first one.
 *
 * Source  replica.h judges every answer; KIP-227; KIP-595 for epochs in Fetch. */
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
    uint64_t sent;         /* How many Fetches were. */
    struct list followers; /* struct partition.following */
    struct list unasked;   /* struct partition.unasked */
    uint32_t asked_count;  /* Partitions that the leader was asked for in this session. */
    uint32_t forgotten_count, forgotten_capacity;
    struct partition_key *forgotten; /* It is to forget these. */
    struct timer timer;
    /* The session. */
    int32_t session_id;       /* 0: there is none yet. */
    int32_t session_epoch;    /* Of the next Fetch. */
    broker_epoch session_own; /* This broker's epoch as the session began. */
    bool has_failed;          /* Begin another one when all answers are back. */
    bool is_without;          /* The leader gave none. */
};

struct replica_fetching {
    struct fetcher *fetcher;
    uint64_t number;
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
    list_init(&fetcher->unasked);
    peer_init(partitions->shard, &fetcher->peer, leader, &address);
    list_append(&partitions->fetchers, &fetcher->link);
    return fetcher;
}

/* Let the leader forget it, because nothing more is to be heard of it as it was asked for. */
static void fetcher_forget(struct partition *partition)
{
    struct fetcher *fetcher = partition->fetcher;
    if (partition->asked == 0)
        return;
    mem_grow(fetcher->forgotten, fetcher->forgotten_count, &fetcher->forgotten_capacity);
    fetcher->forgotten[fetcher->forgotten_count++] = partition->key;
    fetcher->asked_count--;
    partition->asked = 0;
}

void fetcher_leave(struct partition *partition)
{
    if (partition->fetcher)
        fetcher_forget(partition);
    list_remove(&partition->following);
    list_remove(&partition->unasked);
    partition->fetcher = NULL;
}

void fetcher_look(struct partition *partition)
{
    if (!partition->fetcher)
        return;
    if (list_is_empty(&partition->unasked))
        list_append(&partition->fetcher->unasked, &partition->unasked);
    partition->shard->partitions->dirty = true;
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
    fetcher_look(partition);
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
        mem_free(fetcher->forgotten);
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

/* With what the leader remembers of producers; without that it is asked again. */
static void follower_begin_anew(struct partition *partition, log_offset start,
                                struct bytes producers)
{
    if (log_begin_anew(partition->log, start, producers) == ERR_NONE)
        env_mark(partition->shard->env, "begun_anew");
    else
        partition->fetch_after = partition->shard->now + REFUSED_BACKOFF_MS;
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
        follower_begin_anew(partition, offset, records);
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

static enum replica_next follower_judge(struct partition *partition, struct replica_answer *answer,
                                        struct buf *frame, struct bytes records)
{
    struct replica_out out;
    log_offset offset = -1;
    if (!list_is_empty(&partition->changed))
        tell_replica(partition);
    if (answer->diverging_epoch >= 0) {
        struct log_epoch_end end = log_find_epoch_end(partition->log, answer->diverging_epoch);
        answer->own_epoch_end = end.end >= 0 ? end.end : log_ends(partition->log)->start;
    }
    if (answer->err == ERR_NONE)
        answer_batches(answer, records);
    if (answer->err == ERR_NONE && records.size > 0 && answer->first_base < 0)
        /* Not even a header. */
        partition->fetch_after = partition->shard->now + REFUSED_BACKOFF_MS;
    enum replica_next next =
        replica_on_answer(partition->replica, partition->shard->now, answer, &offset, &out);
    partition_obey(partition, &out);
    follower_obey(partition, next, offset, answer, frame, records);
    return next;
}

static void follower_take(struct partition *partition, const struct fetch_response_partition *body,
                          struct buf *frame)
{
    struct replica_answer answer = {.plan = partition->plan,
                                    .err = (enum err)body->error_code,
                                    .high_watermark = body->high_watermark,
                                    .log_start = body->log_start_offset,
                                    .diverging_epoch = body->diverging_epoch.epoch,
                                    .diverging_end = body->diverging_epoch.end_offset,
                                    .first_base = -1,
                                    .first_epoch = -1,
                                    .max_epoch = -1};
    enum replica_next next = REPLICA_DISCARD;
    if (partition_is_ready(partition))
        next = follower_judge(partition, &answer, frame, body->records.memory);
    if (!partition->fetcher)
        return; /* The answer has ended that. */
    /* What was not taken would come again at once. */
    if ((next != REPLICA_IDLE && next != REPLICA_APPEND) ||
        partition->fetch_after > partition->shard->now)
        fetcher_forget(partition);
    fetcher_look(partition);
}

/* An answer to what was asked before the partition was last named is not to that question. */
static void fetch_take(const struct replica_fetching *fetching, const struct fetch_response *body,
                       struct buf *frame)
{
    struct fetcher *fetcher = fetching->fetcher;
    for (uint32_t t = 0; t < body->topics_count; t++) {
        const struct fetch_response_topic *topic = &body->topics[t];
        for (uint32_t p = 0; p < topic->partitions_count; p++) {
            struct partition_key key = {.topic_id = topic->topic_id,
                                        .index = topic->partitions[p].index};
            struct partition *partition = partition_find(fetcher->partitions->shard, key);
            if (partition && partition->fetcher == fetcher && partition->asked > 0 &&
                partition->asked <= fetching->number)
                follower_take(partition, &topic->partitions[p], frame);
        }
    }
}

static void session_take(struct fetcher *fetcher, const struct fetch_response *body)
{
    if (fetcher->session_id == 0) {
        fetcher->session_id = body->session_id;
        fetcher->is_without = body->session_id == 0;
    }
    if (body->session_id == 0)
        fetcher->has_failed = true;
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
    fetch_response_init(&body);
    if (result == ERR_NONE &&
        fetch_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE &&
        body.error_code == ERR_NONE) {
        session_take(fetcher, &body);
        fetch_take(fetching, &body, reply->frame.buf);
    } else {
        fetcher->has_failed = true;
    }
    fetcher->partitions->dirty = true;
    arena_free(&arena);
    mem_free(fetching);
}

/* ---- Asking. */

static bool is_syncing(const struct partition *partition)
{
    const struct log_ends *ends = log_ends(partition->log);
    return ends->durable < ends->end;
}

/* Its leader was asked just this, of a log that starts where it does now. */
static bool is_asked(const struct partition *partition, const struct replica_plan *plan)
{
    const struct replica_plan *asked = &partition->plan;
    return partition->asked > 0 && plan->leader == asked->leader &&
           plan->leader_epoch == asked->leader_epoch && plan->offset == asked->offset &&
           plan->last_epoch == asked->last_epoch &&
           log_ends(partition->log)->start == partition->asked_start;
}

/* Look through what may have to be asked: what can be asked now stays first in the list, and its
 * count is returned. The first time to look again goes to *at. */
static uint32_t fetcher_plan(struct fetcher *fetcher, mono_ms *at, bool *syncing)
{
    mono_ms now = fetcher->partitions->shard->now;
    struct list waiting;
    struct list *node, *after;
    uint32_t count = 0;
    list_init(&waiting);
    list_each (node, after, &fetcher->unasked) {
        struct partition *partition = list_entry(node, struct partition, unasked);
        mono_ms later = MONO_NEVER;
        struct replica_plan plan;
        bool may_ask = partition_is_ready(partition) && now >= partition->fetch_after &&
                       replica_plan_fetch(partition->replica, now, &plan, &later);
        if (may_ask && is_asked(partition, &plan)) {
            list_remove(&partition->unasked);
        } else if (may_ask) {
            count++;
        } else {
            list_remove(&partition->unasked);
            list_append(&waiting, &partition->unasked);
            *syncing = *syncing || (partition_is_ready(partition) && is_syncing(partition));
            if (now < partition->fetch_after)
                later = partition->fetch_after;
            *at = later < *at ? later : *at;
        }
    }
    while ((node = list_take_first(&waiting)))
        list_append(&fetcher->unasked, node);
    return count;
}

/* Begin anew: nothing is known to the leader. */
static void session_begin(struct fetcher *fetcher)
{
    struct list *node, *after;
    fetcher->has_failed = false;
    fetcher->session_id = 0;
    fetcher->session_epoch = 0;
    fetcher->session_own = fetcher->partitions->shard->broker_epoch;
    fetcher->asked_count = 0;
    fetcher->forgotten_count = 0;
    list_each (node, after, &fetcher->followers) {
        struct partition *partition = list_entry(node, struct partition, following);
        partition->asked = 0;
        if (list_is_empty(&partition->unasked))
            list_append(&fetcher->unasked, &partition->unasked);
    }
}

static void ask_partition(struct fetcher *fetcher, struct fetch_request_topic *topic,
                          struct arena *arena)
{
    struct partition *asked =
        list_entry(list_take_first(&fetcher->unasked), struct partition, unasked);
    mono_ms at;
    check(replica_plan_fetch(asked->replica, fetcher->partitions->shard->now, &asked->plan, &at));
    fetcher->asked_count += asked->asked == 0;
    asked->asked = fetcher->sent;
    asked->asked_start = log_ends(asked->log)->start;
    topic->topic_id = asked->key.topic_id;
    topic->partitions_count = 1;
    topic->partitions = fetch_request_partition_new(arena, 1);
    topic->partitions[0].index = asked->key.index;
    topic->partitions[0].current_leader_epoch = asked->plan.leader_epoch;
    topic->partitions[0].fetch_offset = asked->plan.offset;
    topic->partitions[0].last_fetched_epoch = asked->plan.last_epoch;
    topic->partitions[0].log_start_offset = asked->asked_start;
    topic->partitions[0].partition_max_bytes = PARTITION_SIZE_MAX;
}

static void put_forgotten(struct fetcher *fetcher, struct fetch_request *body, struct arena *arena)
{
    body->forgotten_topics = fetch_request_forgotten_topic_new(arena, fetcher->forgotten_count);
    body->forgotten_topics_count = fetcher->forgotten_count;
    for (uint32_t i = 0; i < fetcher->forgotten_count; i++) {
        body->forgotten_topics[i].topic_id = fetcher->forgotten[i].topic_id;
        body->forgotten_topics[i].partitions_count = 1;
        body->forgotten_topics[i].partitions = &fetcher->forgotten[i].index;
    }
}

static void fetcher_send(struct fetcher *fetcher, uint32_t count)
{
    struct shard *shard = fetcher->partitions->shard;
    const struct config *config = shard->config;
    struct arena arena = {0};
    struct fetch_request body;
    fetcher->sent++;
    fetch_request_init(&body);
    body.replica_state.replica_id = config->node_id;
    body.replica_state.replica_epoch = shard->broker_epoch;
    body.max_wait_ms =
        fetcher->session_epoch > 0 || fetcher->is_without ? config->replica_fetch_wait_max_ms : 0;
    body.min_bytes = 1;
    body.max_bytes = config->replica_fetch_size_max;
    body.session_id = fetcher->session_id;
    body.session_epoch = fetcher->session_epoch;
    body.topics_count = count;
    body.topics = fetch_request_topic_new(&arena, count);
    for (uint32_t i = 0; i < count; i++)
        ask_partition(fetcher, &body.topics[i], &arena);
    put_forgotten(fetcher, &body, &arena);
    struct replica_fetching *fetching = mem_zalloc(sizeof *fetching);
    *fetching = (struct replica_fetching){.fetcher = fetcher, .number = fetcher->sent};
    fetcher->session_epoch = fetcher->session_epoch == INT32_MAX ? 1 : fetcher->session_epoch + 1;
    fetcher->in_flight++;
    fetcher->forgotten_count = 0;
    if (peer_call(&fetcher->peer, WIRE_FETCH, WIRE_FETCH_MAX, &body,
                  config->replica_fetch_wait_max_ms + FETCH_TIMEOUT_EXTRA_MS, fetch_done,
                  fetching) != ERR_NONE) {
        fetcher->in_flight--;
        fetcher->has_failed = true;
        mem_free(fetching);
    }
    arena_free(&arena);
}

/* It goes by this broker's epoch as it was. */
static bool is_session_over(const struct fetcher *fetcher)
{
    return fetcher->has_failed || fetcher->session_own != fetcher->partitions->shard->broker_epoch;
}

/* One at a time until there is a session, for the second could not tell which. */
static bool may_send(const struct fetcher *fetcher, uint32_t count)
{
    if (fetcher->in_flight == 0)
        return count > 0 || fetcher->asked_count > 0;
    return count > 0 && fetcher->in_flight < FETCHES_MAX && fetcher->session_id != 0 &&
           !is_session_over(fetcher);
}

static void fetcher_go(struct fetcher *fetcher)
{
    struct shard *shard = fetcher->partitions->shard;
    mono_ms at = MONO_NEVER;
    bool syncing = false;
    if (fetcher->in_flight == 0 && (fetcher->session_epoch == 0 || is_session_over(fetcher)))
        session_begin(fetcher);
    uint32_t count = fetcher_plan(fetcher, &at, &syncing);
    if (at == MONO_NEVER)
        timer_stop(&shard->timers, &fetcher->timer);
    else
        timer_start(&shard->timers, &fetcher->timer, at > shard->now ? at : shard->now + 1);
    if (!syncing && may_send(fetcher, count))
        fetcher_send(fetcher, count);
}

void fetchers_go(struct partitions *partitions)
{
    struct list *node, *after;
    if (partitions->draining)
        return;
    list_each (node, after, &partitions->fetchers)
        fetcher_go(list_entry(node, struct fetcher, link));
}
