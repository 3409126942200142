/* quorum_fetch.c -- the metadata log's replication: our fetches, and those of others.
 *
 * A fetch that finds nothing new is parked, and answered when the log grows, the
 * high watermark passes what the replica knows (KIP-1166), leadership changes, or
 * its time is over. A fetch offset is the replica's durable end, so it is the ack. */
#include "quorum_state.h"

enum { FETCH_SIZE_MAX = 8 << 20, FETCH_TIMEOUT_MS = 2000 };

/* ---- Answering. */

static void parked_free(struct parked_fetch *parked)
{
    timer_stop(&parked->quorum->shard->timers, &parked->timer);
    list_remove(&parked->link);
}

static void verdict_fill(struct fetch_response_partition *out,
                         const struct raft_fetch_verdict *verdict, const struct quorum *quorum)
{
    out->error_code = (int16_t)verdict->error;
    out->high_watermark = verdict->high_watermark;
    out->log_start_offset = log_ends(quorum->log)->start;
    out->current_leader.leader_id = verdict->leader;
    out->current_leader.leader_epoch = verdict->epoch;
    if (verdict->error == ERR_NONE && verdict->diverging) {
        out->diverging_epoch.epoch = verdict->diverging_epoch;
        out->diverging_epoch.end_offset = verdict->diverging_end;
    }
}

/* Answer as things are now. `request` ends. */
static void fetch_answer(struct quorum *quorum, struct request *request,
                         const struct raft_fetch *fetch, uint32_t size_max)
{
    struct raft_fetch_verdict verdict;
    raft_judge_fetch(quorum->raft, fetch, &verdict);
    struct fetch_response_partition partition;
    fetch_response_partition_init(&partition);
    verdict_fill(&partition, &verdict, quorum);
    struct log_extent extent = {.file = -1};
    if (verdict.error == ERR_NONE && !verdict.diverging &&
        log_find(quorum->log, fetch->offset, size_max, LOG_BOUND_WRITTEN, &extent) == ERR_NONE &&
        extent.size > 0) {
        partition.records.file = extent.file;
        partition.records.position = extent.position;
        partition.records.size = extent.size;
        env_hold(quorum->shard->env, extent.file);
    }
    struct fetch_response_topic topic;
    fetch_response_topic_init(&topic);
    topic.topic_id = quorum_key().topic_id;
    topic.partitions_count = 1;
    topic.partitions = &partition;
    struct fetch_response body;
    fetch_response_init(&body);
    body.topics_count = 1;
    body.topics = &topic;
    request_reply(request, &body);
}

static bool fetch_is_due(struct quorum *quorum, const struct raft_fetch *fetch)
{
    struct raft_fetch_verdict verdict;
    raft_judge_fetch(quorum->raft, fetch, &verdict);
    if (verdict.error != ERR_NONE || verdict.diverging ||
        verdict.high_watermark > fetch->high_watermark)
        return true;
    return log_ends(quorum->log)->written > fetch->offset;
}

static void parked_answer(struct parked_fetch *parked)
{
    parked_free(parked);
    fetch_answer(parked->quorum, parked->request, &parked->fetch, parked->size_max);
}

static void parked_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    parked_answer(list_entry(timer, struct parked_fetch, timer));
}

void quorum_wake_fetches(struct quorum *quorum)
{
    struct list *node, *after;
    list_each (node, after, &quorum->parked) {
        struct parked_fetch *parked = list_entry(node, struct parked_fetch, link);
        if (fetch_is_due(quorum, &parked->fetch))
            parked_answer(parked);
    }
}

void quorum_take_fetch(struct quorum *quorum, struct request *request,
                       const struct fetch_request *fetch)
{
    if (!quorum->raft || fetch->topics_count != 1 || fetch->topics[0].partitions_count != 1) {
        request_close(request);
        return;
    }
    const struct fetch_request_partition *partition = &fetch->topics[0].partitions[0];
    struct parked_fetch *parked = arena_alloc(&request->arena, sizeof *parked);
    *parked = (struct parked_fetch){
        .quorum = quorum, .request = request, .size_max = (uint32_t)FETCH_SIZE_MAX};
    parked->timer.fire = parked_fire;
    list_init(&parked->link);
    parked->fetch = (struct raft_fetch){.from = fetch->replica_state.replica_id,
                                        .from_directory = partition->replica_directory_id,
                                        .to = quorum->shard->config->node_id,
                                        .epoch = partition->current_leader_epoch,
                                        .offset = partition->fetch_offset,
                                        .last_epoch = partition->last_fetched_epoch,
                                        .high_watermark = partition->high_watermark,
                                        .cluster_id = quorum_cluster_read(fetch->cluster_id)};
    mono_ms deadline =
        quorum->shard->now +
        (fetch->max_wait_ms < QUORUM_FETCH_WAIT_MS ? fetch->max_wait_ms : QUORUM_FETCH_WAIT_MS);
    request_release_frame(request);
    list_append(&quorum->parked, &parked->link);
    timer_start(&quorum->shard->timers, &parked->timer, deadline);
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_FETCH, .fetch = &parked->fetch};
    quorum_step(quorum, &event, &out); /* Wakes parked fetches that are due, this one included. */
}

/* ---- Asking. */

struct fetching {
    struct quorum *quorum;
    struct raft_fetch fetch;
};

static void fetch_failed(struct quorum *quorum, uint64_t id)
{
    if (quorum->shard->closing)
        return;
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_FETCH_FAILED, .fetch_id = id};
    quorum_step(quorum, &event, &out);
}

/* Append batch by batch, so that raft hears of each epoch and each voter set in turn. */
static void fetch_append(struct quorum *quorum, const struct raft_fetch *fetch, struct buf *frame,
                         struct bytes records)
{
    struct batch_info info;
    struct bytes rest = records, batch;
    log_offset before = log_ends(quorum->log)->end;
    while (batch_next(&rest, &info, &batch) == ERR_NONE) {
        if (info.base != log_ends(quorum->log)->end || info.epoch > fetch->epoch)
            break;
        struct slice slice = {.buf = frame, .bytes = batch};
        if (log_append_follower(quorum->log, &slice, fetch->epoch) != ERR_NONE)
            break;
        quorum->dirty = true;
        quorum_note_voters(quorum, batch);
        struct raft_out out;
        struct raft_event event = {
            .kind = RAFT_LOG_APPENDED, .epoch = info.epoch, .offset = log_ends(quorum->log)->end};
        quorum_step(quorum, &event, &out);
    }
    if (log_ends(quorum->log)->end == before)
        fetch_failed(quorum, fetch->id); /* Nothing will become durable, so ask again. */
}

static void fetch_take_reply(struct quorum *quorum, const struct raft_fetch *fetch,
                             const struct fetch_response *body, struct buf *frame)
{
    if (body->error_code != ERR_NONE || body->topics_count != 1 ||
        body->topics[0].partitions_count != 1) {
        fetch_failed(quorum, fetch->id);
        return;
    }
    const struct fetch_response_partition *partition = &body->topics[0].partitions[0];
    struct raft_fetch_reply reply = {
        .id = fetch->id,
        .from = fetch->to,
        .has_records = partition->records.memory.size > 0,
        .verdict = {.error = (enum err)partition->error_code,
                    .leader = partition->current_leader.leader_id,
                    .epoch = partition->current_leader.leader_epoch,
                    .diverging = partition->diverging_epoch.epoch >= 0 ||
                                 partition->diverging_epoch.end_offset >= 0,
                    .diverging_epoch = partition->diverging_epoch.epoch,
                    .diverging_end = partition->diverging_epoch.end_offset,
                    .high_watermark = partition->high_watermark}};
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_FETCH_REPLY, .fetch_reply = &reply};
    if (reply.verdict.error == ERR_NONE) {
        if (quorum->answered_by < 0 && partition->high_watermark > quorum->news_from)
            quorum->news_from = partition->high_watermark; /* What was missed is old. */
        quorum->answered_by = fetch->to;
        quorum->answered_at = quorum->shard->now;
    }
    quorum_step(quorum, &event, &out);
    if (out.records_wanted)
        fetch_append(quorum, fetch, frame, partition->records.memory);
}

static void fetch_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply)
{
    struct fetching *fetching = context;
    struct quorum *quorum = fetching->quorum;
    struct arena arena = {0};
    struct fetch_response body;
    (void)shard;
    fetch_response_init(&body);
    if (result == ERR_NONE &&
        fetch_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE)
        fetch_take_reply(quorum, &fetching->fetch, &body, reply->frame.buf);
    else
        fetch_failed(quorum, fetching->fetch.id);
    arena_free(&arena);
    mem_free(fetching);
}

void quorum_send_fetch(struct quorum *quorum, const struct raft_fetch *fetch)
{
    char cluster[UUID_TEXT_SIZE];
    struct env_address address;
    if (!node_address(quorum->shard, fetch->to, &address)) {
        quorum->fetch_unsent = fetch->id;
        return;
    }
    peer_set_address(&quorum->fetch_peer, &address); /* First: what it drops is the old node's. */
    quorum->fetch_peer.node = fetch->to;
    struct fetch_request_partition partition;
    fetch_request_partition_init(&partition);
    partition.current_leader_epoch = fetch->epoch;
    partition.fetch_offset = fetch->offset;
    partition.last_fetched_epoch = fetch->last_epoch;
    partition.log_start_offset = log_ends(quorum->log)->start;
    partition.partition_max_bytes = FETCH_SIZE_MAX;
    partition.replica_directory_id = fetch->from_directory;
    partition.high_watermark = fetch->high_watermark;
    struct fetch_request_topic topic;
    fetch_request_topic_init(&topic);
    topic.topic_id = quorum_key().topic_id;
    topic.partitions_count = 1;
    topic.partitions = &partition;
    struct fetch_request body;
    fetch_request_init(&body);
    body.cluster_id = quorum_cluster_text(fetch->cluster_id, cluster);
    body.replica_state.replica_id = fetch->from;
    body.max_wait_ms = QUORUM_FETCH_WAIT_MS;
    body.min_bytes = 1;
    body.max_bytes = FETCH_SIZE_MAX;
    body.topics_count = 1;
    body.topics = &topic;
    struct fetching *fetching = mem_zalloc(sizeof *fetching);
    *fetching = (struct fetching){.quorum = quorum, .fetch = *fetch};
    if (peer_call(&quorum->fetch_peer, WIRE_FETCH, WIRE_FETCH_MAX, &body, FETCH_TIMEOUT_MS,
                  fetch_done, fetching) != ERR_NONE) {
        quorum->fetch_unsent = fetch->id;
        mem_free(fetching);
    }
}

static void fetch_link_changed(struct shard *shard, struct peer *peer, enum err result)
{
    struct quorum *quorum = peer->owner;
    if (result == ERR_NONE || !quorum->raft)
        return;
    if (result == ERR_REFUSED)
        env_probe(shard->env, &(struct probe){.kind = PROBE_RAFT_DIAL_REFUSED,
                                              .key = quorum_key(),
                                              .peer = peer->node});
    struct raft_out out;
    struct raft_event event = {.kind = result == ERR_REFUSED ? RAFT_DIAL_REFUSED : RAFT_PEER_CLOSED,
                               .peer = peer->node};
    quorum_step(quorum, &event, &out);
}

void quorum_fetch_init(struct quorum *quorum)
{
    struct env_address nowhere = {.port = 0};
    peer_init(quorum->shard, &quorum->fetch_peer, -1, &nowhere);
    quorum->fetch_peer.changed = fetch_link_changed;
    quorum->fetch_peer.owner = quorum;
    quorum->answered_by = -1;
}

void quorum_end_parked(struct quorum *quorum)
{
    while (!list_is_empty(&quorum->parked)) {
        struct parked_fetch *parked = list_entry(quorum->parked.next, struct parked_fetch, link);
        parked_free(parked);
        request_close(parked->request);
    }
}

void quorum_fetch_free(struct quorum *quorum)
{
    peer_free(&quorum->fetch_peer);
}
