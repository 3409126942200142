/* cluster.c -- the harness: queue, disks, network, and the runtime's side of raft.h. */
#include "cluster.h"

#include <stdarg.h>
#include <stdio.h>

void cluster_trace(struct cluster *cluster, const char *format, ...)
{
    char text[400];
    va_list arguments;
    int at;

    if (cluster->line == NULL)
        return;
    at = snprintf(text, sizeof text, "%ld ", (long)cluster->now);
    va_start(arguments, format);
    vsnprintf(text + at, sizeof text - (size_t)at, format, arguments);
    va_end(arguments);
    cluster->line(cluster->context, text);
}

static bool packet_before(const struct packet *a, const struct packet *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void queue_push(struct cluster *cluster, const struct packet *from)
{
    struct packet *packet = mem_alloc(sizeof *packet);

    *packet = *from;
    packet->order = cluster->order++;
    mem_grow(cluster->heap, cluster->heap_count, &cluster->heap_capacity);
    uint32_t at = cluster->heap_count++;
    for (; at > 0 && packet_before(packet, cluster->heap[(at - 1) / 2]); at = (at - 1) / 2)
        cluster->heap[at] = cluster->heap[(at - 1) / 2];
    cluster->heap[at] = packet;
}

static struct packet *queue_pop(struct cluster *cluster)
{
    struct packet *first = cluster->heap[0];
    struct packet *last = cluster->heap[--cluster->heap_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= cluster->heap_count)
            break;
        if (child + 1 < cluster->heap_count &&
            packet_before(cluster->heap[child + 1], cluster->heap[child]))
            child++;
        if (!packet_before(cluster->heap[child], last))
            break;
        cluster->heap[at] = cluster->heap[child];
        at = child;
    }
    cluster->heap[at] = last;
    return first;
}

static mono_ms between(struct cluster *cluster, uint32_t min, uint32_t max)
{
    return (mono_ms)(min + rand_below(&cluster->rand, max - min + 1));
}

static mono_ms network_at(struct cluster *cluster)
{
    return cluster->now +
           between(cluster, cluster->config.delay_min_ms, cluster->config.delay_max_ms);
}

static mono_ms disk_at(struct cluster *cluster, uint32_t index)
{
    if (cluster->nodes[index].sync_ms > 0)
        return cluster->now + cluster->nodes[index].sync_ms;
    return cluster->now +
           between(cluster, cluster->config.sync_min_ms, cluster->config.sync_max_ms);
}

static uint32_t index_of(const struct cluster *cluster, node_id id)
{
    check(id >= 1);
    check((uint32_t)id <= cluster->config.node_count);
    return (uint32_t)id - 1;
}

static void append_record(struct records *records, struct record record)
{
    mem_grow(records->items, records->count, &records->capacity);
    records->items[records->count++] = record;
}

static void copy_records(struct records *to, const struct records *from)
{
    to->count = 0;
    for (uint32_t i = 0; i < from->count; i++)
        append_record(to, from->items[i]);
}

/* --- Network --- */

static void send_packet(struct cluster *cluster, struct packet *packet)
{
    const struct node *to = &cluster->nodes[packet->to];
    bool is_lost = rand_chance(&cluster->rand, cluster->config.loss_percent, 100);
    bool is_doubled = rand_chance(&cluster->rand, cluster->config.duplicate_percent, 100);

    packet->at = network_at(cluster);
    if (cluster->cut[packet->from][packet->to] || is_lost) {
        if (packet->kind == PACKET_FETCH) {
            uint32_t fetcher = packet->from;
            *packet = (struct packet){.kind = PACKET_FETCH_LOST,
                                      .at = cluster->now + 1000,
                                      .from = packet->to,
                                      .to = fetcher,
                                      .incarnation = cluster->nodes[fetcher].incarnation,
                                      .fetch = packet->fetch};
            queue_push(cluster, packet);
        }
        return;
    }
    if (!to->up) {
        struct packet refusal = {.kind = PACKET_REFUSED,
                                 .at = packet->at,
                                 .from = packet->to,
                                 .to = packet->from,
                                 .incarnation = cluster->nodes[packet->from].incarnation};
        queue_push(cluster, &refusal);
        if (packet->kind != PACKET_FETCH)
            return;
        refusal.kind = PACKET_FETCH_LOST;
        refusal.fetch = packet->fetch;
        queue_push(cluster, &refusal);
        return;
    }
    queue_push(cluster, packet);
    if (is_doubled) {
        packet->at = network_at(cluster) + between(cluster, 0, 300);
        queue_push(cluster, packet);
    }
}

static void trace_message(struct cluster *cluster, const struct raft_message *message)
{
    bool is_reply = message->kind == RAFT_VOTE_REPLY || message->kind == RAFT_BEGIN_REPLY ||
                    message->kind == RAFT_END_REPLY;

    if (message->kind == RAFT_VOTE_REQUEST)
        cluster_trace(cluster, "n%d -> n%d %s epoch %d, log (%d, %ld)", message->from, message->to,
                      message->pre_vote ? "PreVote" : "Vote", message->epoch, message->last_epoch,
                      (long)message->last_offset);
    else if (message->kind == RAFT_VOTE_REPLY)
        cluster_trace(cluster, "n%d -> n%d %s reply: %s, epoch %d, leader %d%s%s", message->from,
                      message->to, message->pre_vote ? "PreVote" : "Vote",
                      message->granted ? "granted" : "denied", message->epoch, message->leader,
                      message->error == ERR_NONE ? "" : ", ",
                      message->error == ERR_NONE ? "" : err_name(message->error));
    else
        cluster_trace(cluster, "n%d -> n%d %s epoch %d%s%s", message->from, message->to,
                      raft_message_name(message->kind), message->epoch, is_reply ? " " : "",
                      is_reply ? err_name(message->error) : "");
}

static void send_raft_message(struct cluster *cluster, uint32_t index,
                              const struct raft_message *message)
{
    struct packet packet = {.kind = PACKET_MESSAGE,
                            .from = index,
                            .to = index_of(cluster, message->to),
                            .message = *message};

    if (message->kind == RAFT_VOTE_REPLY && message->granted && !message->pre_vote)
        check_grant(cluster, index, message);
    trace_message(cluster, message);
    send_packet(cluster, &packet);
}

/* --- The log of one node --- */

static void sync_log(struct cluster *cluster, uint32_t index)
{
    const struct node *node = &cluster->nodes[index];
    struct packet packet = {.kind = PACKET_LOG_SYNCED,
                            .at = disk_at(cluster, index),
                            .from = index,
                            .to = index,
                            .incarnation = node->incarnation,
                            .end = node->log.count,
                            .cut_count = node->cut_count};

    queue_push(cluster, &packet);
}

/* Append to the log and tell raft; a founding record first tells the voters. */
static void append_and_tell(struct cluster *cluster, uint32_t index, struct record record)
{
    struct node *node = &cluster->nodes[index];
    log_offset offset = node->log.count;

    append_record(&node->log, record);
    check_appended(cluster, node);
    if (record.form >= 0) {
        const struct founding *founding = &cluster->foundings[record.form];
        struct raft_event voters = {.kind = RAFT_VOTERS,
                                    .offset = offset,
                                    .voters = founding->voters,
                                    .voter_count = founding->voter_count,
                                    .cluster_id = founding->cluster_id};
        cluster_step(cluster, index, &voters);
    }
    struct raft_event appended = {
        .kind = RAFT_LOG_APPENDED, .epoch = record.epoch, .offset = offset + 1};
    cluster_step(cluster, index, &appended);
}

static void open_epoch(struct cluster *cluster, uint32_t index, const struct raft_out *out)
{
    struct record record = {.epoch = out->epoch, .value = ++cluster->value, .form = -1};

    if (out->form) {
        mem_grow(cluster->foundings, cluster->founding_count, &cluster->founding_capacity);
        struct founding *founding = &cluster->foundings[cluster->founding_count];
        *founding =
            (struct founding){.cluster_id = out->cluster_id, .voter_count = out->voter_count};
        memcpy(founding->voters, out->voters, sizeof founding->voters);
        record.form = (int32_t)cluster->founding_count++;
    }
    append_and_tell(cluster, index, record);
    sync_log(cluster, index);
}

static void truncate_log(struct cluster *cluster, uint32_t index, log_offset to)
{
    struct node *node = &cluster->nodes[index];
    struct packet packet = {.kind = PACKET_CUT_SYNCED,
                            .at = disk_at(cluster, index),
                            .from = index,
                            .to = index,
                            .incarnation = node->incarnation,
                            .end = to};

    check_truncation(cluster, node, to);
    cluster_trace(cluster, "n%d truncates %u -> %ld", node->id, node->log.count, (long)to);
    cluster->truncations++;
    copy_records(&node->before_cut, &node->log);
    node->cutting = true;
    node->cut_count++;
    node->log.count = (uint32_t)to;
    node->durable = node->durable < to ? node->durable : to;
    queue_push(cluster, &packet);
}

/* --- Fetches --- */

static void answer_fetch(struct cluster *cluster, uint32_t index, const struct parked_fetch *parked)
{
    const struct node *node = &cluster->nodes[index];
    struct packet packet = {
        .kind = PACKET_FETCH_REPLY, .from = index, .to = parked->from, .fetch = parked->fetch};

    raft_judge_fetch(node->raft, &parked->fetch, &packet.verdict);
    if (packet.verdict.error == ERR_NONE && !packet.verdict.diverging) {
        log_offset at = parked->fetch.offset;
        while (at < node->log.count && packet.record_count < CLUSTER_BATCH_MAX)
            packet.records[packet.record_count++] = node->log.items[at++];
    }
    if (packet.verdict.diverging)
        cluster->divergences++;
    send_packet(cluster, &packet);
}

static bool is_answer_due(const struct cluster *cluster, const struct node *node,
                          const struct parked_fetch *parked)
{
    struct raft_fetch_verdict verdict;

    raft_judge_fetch(node->raft, &parked->fetch, &verdict);
    return verdict.error != ERR_NONE || verdict.diverging ||
           parked->fetch.offset < node->log.count ||
           parked->fetch.high_watermark < verdict.high_watermark || cluster->now >= parked->until;
}

static void answer_parked(struct cluster *cluster, uint32_t index)
{
    struct node *node = &cluster->nodes[index];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < node->parked_count; i++) {
        struct parked_fetch parked = node->parked[i];
        if (is_answer_due(cluster, node, &parked))
            answer_fetch(cluster, index, &parked);
        else
            node->parked[kept++] = parked;
    }
    node->parked_count = kept;
}

static void take_fetch(struct cluster *cluster, const struct packet *packet)
{
    struct node *node = &cluster->nodes[packet->to];
    struct raft_event event = {.kind = RAFT_FETCH, .fetch = &packet->fetch};

    if (node->parked_count == CLUSTER_PARKED_MAX) {
        memmove(node->parked, node->parked + 1, sizeof *node->parked * (CLUSTER_PARKED_MAX - 1));
        node->parked_count--;
    }
    node->parked[node->parked_count++] = (struct parked_fetch){
        .fetch = packet->fetch, .from = packet->from, .until = cluster->now + 500};
    if (cluster_step(cluster, packet->to, &event).credited)
        check_credit(cluster, node, packet);
}

static void take_fetch_reply(struct cluster *cluster, const struct packet *packet)
{
    struct node *node = &cluster->nodes[packet->to];
    struct raft_fetch_reply reply = {.id = packet->fetch.id,
                                     .from = cluster->nodes[packet->from].id,
                                     .has_records = packet->record_count > 0,
                                     .verdict = packet->verdict};
    struct raft_event event = {.kind = RAFT_FETCH_REPLY, .fetch_reply = &reply};

    if (!cluster_step(cluster, packet->to, &event).records_wanted)
        return;
    for (uint32_t i = 0; i < packet->record_count; i++) {
        if (packet->records[i].epoch > packet->fetch.epoch) {
            violate(cluster, "a reply to epoch %d has a record of epoch %d", packet->fetch.epoch,
                    packet->records[i].epoch);
            return;
        }
        append_and_tell(cluster, packet->to, packet->records[i]);
        if (node->raft == NULL)
            return;
    }
    sync_log(cluster, packet->to);
}

static void send_fetch(struct cluster *cluster, uint32_t index, const struct raft_fetch *fetch)
{
    struct packet packet = {.kind = PACKET_FETCH,
                            .from = index,
                            .to = index_of(cluster, fetch->to),
                            .fetch = *fetch,
                            .durable = cluster->nodes[index].durable};

    cluster_trace(cluster, "n%d -> n%d Fetch epoch %d, from %ld after epoch %d", fetch->from,
                  fetch->to, fetch->epoch, (long)fetch->offset, fetch->last_epoch);
    send_packet(cluster, &packet);
}

/* --- The runtime's side of raft.h: obey in field order --- */

static void write_vote(struct cluster *cluster, uint32_t index, const struct raft_out *out)
{
    struct node *node = &cluster->nodes[index];
    struct packet packet = {.kind = PACKET_VOTE_SYNCED,
                            .at = disk_at(cluster, index),
                            .from = index,
                            .to = index,
                            .incarnation = node->incarnation,
                            .token = out->vote_token,
                            .vote = out->vote};

    node->vote_written = out->vote;
    queue_push(cluster, &packet);
}

static void dial(struct cluster *cluster, uint32_t index, node_id id)
{
    uint32_t to = index_of(cluster, id);
    struct packet packet = {.kind = PACKET_REFUSED,
                            .at = network_at(cluster),
                            .from = to,
                            .to = index,
                            .incarnation = cluster->nodes[index].incarnation};

    cluster_trace(cluster, "n%d dials n%d", cluster->nodes[index].id, id);
    if (!cluster->nodes[to].up && !cluster->cut[index][to] && !cluster->cut[to][index])
        queue_push(cluster, &packet);
}

static void take_role(struct cluster *cluster, uint32_t index, const struct raft_out *out)
{
    struct node *node = &cluster->nodes[index];

    if (!out->role_changed)
        return;
    cluster_trace(cluster, "n%d %s epoch %d leader %d", node->id, raft_role_name(out->role),
                  out->epoch, out->leader);
    bool is_new =
        out->role == RAFT_LEADER && (node->role != RAFT_LEADER || node->role_epoch != out->epoch);
    node->role = out->role;
    node->role_epoch = out->epoch;
    if (is_new) {
        cluster->elections++;
        check_leader(cluster, node);
    }
}

static void obey(struct cluster *cluster, uint32_t index, const struct raft_out *out)
{
    struct node *node = &cluster->nodes[index];

    if (out->fault != ERR_NONE) {
        violate(cluster, "R8 %d is told to drop committed records: %s", node->id,
                err_name(out->fault));
        return;
    }
    node->deadline = out->deadline;
    take_role(cluster, index, out);
    if (out->vote_changed)
        write_vote(cluster, index, out);
    if (out->truncate_to != -1)
        truncate_log(cluster, index, out->truncate_to);
    if (out->high_watermark > node->high_watermark)
        cluster_trace(cluster, "n%d committed %ld", node->id, (long)out->high_watermark);
    check_high_watermark(cluster, node, out->high_watermark);
    if (out->dial_leader)
        dial(cluster, index, out->dial);
    if (out->fetch_due)
        send_fetch(cluster, index, &out->fetch);
    for (uint32_t i = 0; i < out->send_count; i++)
        send_raft_message(cluster, index, &out->sends[i]);
    if (out->epoch_opened) /* Last here: it steps again, and what it causes comes after. */
        open_epoch(cluster, index, out);
    answer_parked(cluster, index);
}

struct step_result cluster_step(struct cluster *cluster, uint32_t index,
                                const struct raft_event *event)
{
    struct raft_out *out = mem_alloc(sizeof *out);

    cluster->step_count++;
    raft_step(cluster->nodes[index].raft, cluster->now, event, out);
    struct step_result result = {.credited = out->credited, .records_wanted = out->records_wanted};
    obey(cluster, index, out);
    mem_free(out);
    return result;
}

/* --- Disk completions, deliveries --- */

static void take_vote_synced(struct cluster *cluster, const struct packet *packet)
{
    struct node *node = &cluster->nodes[packet->to];
    struct raft_event event = {.kind = RAFT_VOTE_DURABLE, .vote_token = packet->token};

    if (packet->vote.epoch != node->vote_written.epoch ||
        packet->vote.voted_for != node->vote_written.voted_for)
        return; /* Overtaken by a newer one. */
    check_vote_synced(cluster, node, packet->vote);
    node->vote = packet->vote;
    cluster_trace(cluster, "n%d synced its vote: epoch %d, for %d", node->id, packet->vote.epoch,
                  packet->vote.voted_for);
    cluster_step(cluster, packet->to, &event);
}

static void take_log_synced(struct cluster *cluster, const struct packet *packet)
{
    struct node *node = &cluster->nodes[packet->to];
    struct raft_event event = {.kind = RAFT_LOG_DURABLE, .offset = packet->end};

    if (packet->cut_count != node->cut_count || packet->end <= node->durable)
        return;
    node->durable = packet->end;
    cluster_step(cluster, packet->to, &event);
}

static void deliver(struct cluster *cluster, const struct packet *packet)
{
    struct node *node = &cluster->nodes[packet->to];
    struct raft_event event = {.peer = cluster->nodes[packet->from].id};

    if (!node->up || (packet->incarnation != 0 && packet->incarnation != node->incarnation))
        return;
    switch (packet->kind) {
    case PACKET_MESSAGE:
        event.kind = RAFT_MESSAGE;
        event.message = &packet->message;
        break;
    case PACKET_FETCH:
        take_fetch(cluster, packet);
        return;
    case PACKET_FETCH_REPLY:
        take_fetch_reply(cluster, packet);
        return;
    case PACKET_FETCH_LOST:
        event.kind = RAFT_FETCH_FAILED;
        event.fetch_id = packet->fetch.id;
        break;
    case PACKET_CLOSED:
        event.kind = RAFT_PEER_CLOSED;
        break;
    case PACKET_REFUSED:
        event.kind = RAFT_DIAL_REFUSED;
        break;
    case PACKET_VOTE_SYNCED:
        take_vote_synced(cluster, packet);
        return;
    case PACKET_LOG_SYNCED:
        take_log_synced(cluster, packet);
        return;
    case PACKET_CUT_SYNCED:
        node->cutting = false;
        event.kind = RAFT_LOG_TRUNCATED;
        event.offset = packet->end;
        break;
    }
    cluster_step(cluster, packet->to, &event);
}

/* --- Nodes --- */

struct cluster *cluster_open(const struct cluster_config *config)
{
    struct cluster *cluster = mem_zalloc(sizeof *cluster);

    cluster->config = *config;
    cluster->now = 1;
    rand_init(&cluster->rand, config->seed);
    for (uint32_t i = 0; i < config->node_count; i++) {
        struct node *node = &cluster->nodes[i];
        node->id = (node_id)i + 1;
        node->is_voter = i < config->voter_count;
        cluster_wipe(cluster, i);
    }
    return cluster;
}

void cluster_close(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        struct node *node = &cluster->nodes[i];
        if (node->raft != NULL)
            raft_close(node->raft);
        mem_free(node->log.items);
        mem_free(node->before_cut.items);
        mem_free(node->lost_log.items);
    }
    while (cluster->heap_count > 0)
        mem_free(cluster->heap[--cluster->heap_count]);
    mem_free(cluster->heap);
    mem_free(cluster->foundings);
    mem_free(cluster->committed.items);
    mem_free(cluster);
}

void cluster_wipe(struct cluster *cluster, uint32_t index)
{
    struct node *node = &cluster->nodes[index];

    check(!node->up);
    node->lost_directory = node->directory;
    copy_records(&node->lost_log, &node->log);
    store_be64(node->directory.bytes, rand_u64(&cluster->rand) | 1);
    store_be64(node->directory.bytes + 8, rand_u64(&cluster->rand));
    node->log.count = 0;
    node->durable = 0;
    node->cutting = false;
    node->vote = (struct raft_vote){.voted_for = -1};
    node->vote_written = node->vote;
    node->high_watermark = 0;
    node->commit_epoch = 0;
}

static struct raft_config make_config(struct cluster *cluster, const struct node *node)
{
    struct raft_config config = {.self = node->id,
                                 .directory = node->directory,
                                 .voter_count = cluster->config.voter_count,
                                 .election_timeout_ms = 300,
                                 .fetch_timeout_ms = 1000,
                                 .stall_timeout_ms = 2000,
                                 .seed = rand_u64(&cluster->rand)};

    for (uint32_t i = 0; i < config.voter_count; i++)
        config.voters[i] = (node_id)i + 1;
    return config;
}

static void open_raft(struct cluster *cluster, struct node *node)
{
    struct raft_config config = make_config(cluster, node);
    struct epochs_found {
        struct raft_epoch_start items[CLUSTER_EPOCHS_MAX];
    } *found = mem_alloc(sizeof *found);
    struct raft_log_state state = {.end = node->log.count, .epochs = found->items};

    for (uint32_t i = 0; i < node->log.count; i++) {
        log_epoch epoch = node->log.items[i].epoch;
        if (i == 0 || node->log.items[i - 1].epoch != epoch)
            found->items[state.epoch_count++] =
                (struct raft_epoch_start){.epoch = epoch, .start = i};
    }
    check(raft_open(&node->raft, &config, node->vote, &state) == ERR_NONE);
    mem_free(found);
}

void cluster_start(struct cluster *cluster, uint32_t index)
{
    struct node *node = &cluster->nodes[index];
    struct raft_event start = {.kind = RAFT_TIMEOUT};

    check(!node->up);
    node->up = true;
    node->incarnation++;
    node->role = RAFT_UNATTACHED;
    node->role_epoch = node->vote.epoch;
    node->commit_epoch = 0;
    node->parked_count = 0;
    node->paused_until = 0;
    cluster_trace(cluster, "n%d starts: epoch %d, log %u", node->id, node->vote.epoch,
                  node->log.count);
    open_raft(cluster, node);
    for (uint32_t i = 0; i < node->log.count; i++) {
        if (node->log.items[i].form < 0)
            continue;
        const struct founding *founding = &cluster->foundings[node->log.items[i].form];
        struct raft_event voters = {.kind = RAFT_VOTERS,
                                    .offset = i,
                                    .voters = founding->voters,
                                    .voter_count = founding->voter_count,
                                    .cluster_id = founding->cluster_id};
        cluster_step(cluster, index, &voters);
    }
    cluster_step(cluster, index, &start);
}

/* What is left on the disk: everything written, or some of what was not synced. */
static void settle_disk(struct cluster *cluster, struct node *node, bool power_loss)
{
    bool vote_lost = power_loss && rand_chance(&cluster->rand, 1, 2);

    if (!vote_lost)
        node->vote = node->vote_written;
    node->vote_written = node->vote;
    if (power_loss && node->cutting && rand_chance(&cluster->rand, 1, 2))
        copy_records(&node->log, &node->before_cut); /* The cut itself is lost. */
    else if (power_loss)
        node->log.count =
            (uint32_t)(node->durable +
                       between(cluster, 0, node->log.count - (uint32_t)node->durable));
    node->cutting = false;
    node->durable = node->log.count; /* Recovery syncs what it keeps. */
}

void cluster_kill(struct cluster *cluster, uint32_t index, bool power_loss)
{
    struct node *node = &cluster->nodes[index];

    check(node->up);
    cluster_trace(cluster, "n%d %s", node->id, power_loss ? "loses power" : "is killed");
    node->up = false;
    raft_close(node->raft);
    node->raft = NULL;
    settle_disk(cluster, node, power_loss);
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        struct packet closed = {.kind = PACKET_CLOSED,
                                .at = network_at(cluster),
                                .from = index,
                                .to = i,
                                .incarnation = cluster->nodes[i].incarnation};
        bool is_seen = !power_loss && !cluster->cut[index][i];
        if (i != index && cluster->nodes[i].up && is_seen)
            queue_push(cluster, &closed);
    }
}

void cluster_shutdown(struct cluster *cluster, uint32_t index)
{
    struct raft_event event = {.kind = RAFT_SHUTDOWN};

    cluster_trace(cluster, "n%d shuts down", cluster->nodes[index].id);
    cluster_step(cluster, index, &event);
}

bool cluster_append(struct cluster *cluster, uint32_t index)
{
    struct node *node = &cluster->nodes[index];

    if (!node->up || node->role != RAFT_LEADER || node->log.count == 0 ||
        node->log.items[node->log.count - 1].epoch != node->role_epoch)
        return false;
    append_and_tell(
        cluster, index,
        (struct record){.epoch = node->role_epoch, .value = ++cluster->value, .form = -1});
    sync_log(cluster, index);
    return true;
}

int32_t cluster_leader(const struct cluster *cluster)
{
    int32_t found = -1;

    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        if (!node->up || node->role != RAFT_LEADER)
            continue;
        if (found == -1 || node->role_epoch > cluster->nodes[found].role_epoch)
            found = (int32_t)i;
    }
    return found;
}

/* --- Time --- */

/* The node whose deadline comes first, parked fetches included; -1: none. */
static int32_t first_deadline(const struct cluster *cluster, mono_ms *at)
{
    int32_t first = -1;

    *at = MONO_NEVER;
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        if (!node->up)
            continue;
        mono_ms due = node->deadline;
        for (uint32_t k = 0; k < node->parked_count; k++)
            due = node->parked[k].until < due ? node->parked[k].until : due;
        if (due < node->paused_until)
            due = node->paused_until;
        if (due < *at) {
            *at = due;
            first = (int32_t)i;
        }
    }
    return first;
}

static void run_packet(struct cluster *cluster)
{
    struct packet *packet = queue_pop(cluster);
    const struct node *node = &cluster->nodes[packet->to];

    if (packet->at > cluster->now)
        cluster->now = packet->at;
    if (node->up && node->paused_until > cluster->now) {
        packet->at = node->paused_until;
        queue_push(cluster, packet);
    } else {
        deliver(cluster, packet);
    }
    mem_free(packet);
}

void cluster_run(struct cluster *cluster, mono_ms until)
{
    struct raft_event timeout = {.kind = RAFT_TIMEOUT};

    while (cluster->violation[0] == '\0') {
        mono_ms due;
        int32_t index = first_deadline(cluster, &due);
        mono_ms packet_at = cluster->heap_count > 0 ? cluster->heap[0]->at : MONO_NEVER;
        if ((due < packet_at ? due : packet_at) > until)
            break;
        if (packet_at <= due) {
            run_packet(cluster);
            continue;
        }
        if (due > cluster->now)
            cluster->now = due;
        cluster_step(cluster, (uint32_t)index, &timeout);
    }
    if (cluster->now < until)
        cluster->now = until;
}
