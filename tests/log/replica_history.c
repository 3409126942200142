/* replica_history.c -- random histories of one partition: three replicas, a controller of a
 * hundred lines, lost and late messages, power losses; after every step, what must hold.
 *
 * The logs are arrays of (epoch, value); a power loss keeps what was synced and any part of
 * the rest. Checked: an acknowledged record is in every log that may be elected (P1, C8), a
 * high watermark never falls, never passes what is durable, and two nodes agree below both
 * of theirs (P5). */
#include <criterion/criterion.h>

#include "replica.h"

enum {
    NODES = 3,
    LOG_MAX = 400,
    RECORDS_MAX = 2000,
    REQUESTS_MAX = 16,
    LAG = 300,
    STEPS = 6000,
    SEEDS = 1000,
};

struct record {
    log_epoch epoch;
    uint32_t value;
};

struct message {
    bool is_there;
    bool yields;
    node_id from;
    struct replica_proposal proposal;
    enum err err;
};

struct node {
    bool is_up;
    struct replica *replica;
    struct record log[LOG_MAX];
    log_offset synced, end;
    log_offset high_watermark; /* As last seen, to see that it doesn't fall. */
    uint32_t applied;          /* Records of the controller's log. */
    uint32_t since;            /* The record that registered this incarnation. */
    bool has_answer;
    struct replica_answer answer;
    struct record batch[LOG_MAX];
    log_offset batch_count;
    struct message reply;
};

struct history {
    struct rand rand;
    mono_ms now;
    struct replica_partition records[RECORDS_MAX]; /* What the controller committed. */
    broker_epoch active[RECORDS_MAX][NODES];
    broker_epoch registered[RECORDS_MAX][NODES];
    uint32_t record_count;
    broker_epoch last_epoch;
    bool is_deaf; /* The controller takes no request now; they wait on their way. */
    struct message requests[REQUESTS_MAX];
    uint32_t request_count;
    struct node nodes[NODES];
    uint32_t last_value;
    struct record acked[LOG_MAX];
    log_offset acked_end;
    uint32_t elections, truncations, additions, elr_elections, yields;
};

static struct history history; /* One test, one process. */

static struct replica_partition *latest(void)
{
    return &history.records[history.record_count - 1];
}

static bool chance(uint32_t one_in)
{
    return rand_chance(&history.rand, 1, one_in);
}

static broker_epoch active(const void *context, node_id id)
{
    const struct node *node = context;
    return history.active[node->applied - 1][id];
}

static bool have(const struct replica_nodes *nodes, node_id id)
{
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (nodes->ids[i] == id)
            return true;
    }
    return false;
}

static void add(struct replica_nodes *nodes, node_id id)
{
    if (!have(nodes, id))
        nodes->ids[nodes->count++] = id;
}

static struct replica_nodes without(const struct replica_nodes *nodes,
                                    const struct replica_nodes *less)
{
    struct replica_nodes rest = {.count = 0};
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (!have(less, nodes->ids[i]))
            add(&rest, nodes->ids[i]);
    }
    return rest;
}

/* -- The controller: each change is committed at once. */

static void check_candidate(const struct node *node)
{
    cr_assert_geq(node->end, history.acked_end, "an elected replica lacks acknowledged records");
    for (log_offset i = 0; i < history.acked_end; i++)
        cr_assert_eq(node->log[i].value, history.acked[i].value, "an acknowledged record is lost");
}

static void elect(struct replica_partition *record, const broker_epoch *epochs, node_id not_this)
{
    bool keeps = record->leader >= 0 && record->leader != not_this &&
                 have(&record->isr, record->leader) && record->granted == epochs[record->leader];
    if (keeps)
        return;
    bool from_elr = record->isr.count == 0;
    const struct replica_nodes *from = from_elr ? &record->elr : &record->isr;
    node_id leader = -1;
    for (uint32_t i = 0; i < from->count && leader < 0; i++) {
        if (epochs[from->ids[i]] >= 0 && from->ids[i] != not_this)
            leader = from->ids[i];
    }
    if (leader < 0 && record->leader < 0)
        return;
    record->leader = leader;
    record->granted = leader < 0 ? -1 : epochs[leader];
    record->leader_epoch++;
    if (leader < 0)
        return;
    history.elections++;
    history.elr_elections += from_elr;
    check_candidate(&history.nodes[leader]);
    if (from_elr) {
        record->isr = (struct replica_nodes){.count = 1, .ids = {leader}};
        record->elr = without(&record->elr, &record->isr);
    }
}

/* The next record: `isr` as the ISR, ELR by its rule (KIP-966), and a leader. */
static void commit(struct replica_nodes isr, const broker_epoch *epochs,
                   const broker_epoch *registered, node_id not_this)
{
    cr_assert_lt(history.record_count, RECORDS_MAX);
    struct replica_partition record = *latest();
    struct replica_nodes both = record.elr;
    for (uint32_t i = 0; i < record.isr.count; i++)
        add(&both, record.isr.ids[i]);
    record.isr = isr;
    record.elr = (struct replica_nodes){.count = 0};
    if (isr.count < record.min_isr)
        record.elr = without(&both, &isr);
    elect(&record, epochs, not_this);
    record.partition_epoch++;
    memcpy(history.active[history.record_count], epochs, sizeof history.active[0]);
    memcpy(history.registered[history.record_count], registered, sizeof history.registered[0]);
    history.records[history.record_count++] = record;
}

static void set_active(node_id id, broker_epoch epoch, bool registers)
{
    broker_epoch epochs[NODES], registered[NODES];
    memcpy(epochs, history.active[history.record_count - 1], sizeof epochs);
    memcpy(registered, history.registered[history.record_count - 1], sizeof registered);
    epochs[id] = epoch;
    if (registers)
        registered[id] = history.last_epoch;
    struct replica_nodes gone = {.count = epoch < 0, .ids = {id}};
    commit(without(&latest()->isr, &gone), epochs, registered, -1);
}

static enum err alter(const struct message *request)
{
    const struct replica_partition *record = latest();
    const struct replica_proposal *proposal = &request->proposal;
    const broker_epoch *epochs = history.active[history.record_count - 1];
    if (proposal->leader_epoch != record->leader_epoch || record->leader != request->from)
        return ERR_FENCED_LEADER_EPOCH;
    if (proposal->partition_epoch != record->partition_epoch)
        return ERR_INVALID_UPDATE_VERSION;
    if (request->yields) {
        commit(record->isr, epochs, history.registered[history.record_count - 1], record->leader);
        return ERR_NONE;
    }
    struct replica_nodes isr = {.count = 0};
    for (uint32_t i = 0; i < proposal->count; i++) {
        if (epochs[proposal->isr[i].id] != proposal->isr[i].epoch)
            return ERR_INELIGIBLE_REPLICA;
        add(&isr, proposal->isr[i].id);
    }
    history.additions += isr.count > record->isr.count;
    commit(isr, epochs, history.registered[history.record_count - 1], -1);
    return ERR_NONE;
}

/* -- The nodes. */

static struct replica_log log_of(const struct node *node)
{
    return (struct replica_log){.synced = node->synced,
                                .written = node->end,
                                .end = node->end,
                                .last_epoch = node->end > 0 ? node->log[node->end - 1].epoch : -1};
}

static void acknowledge(const struct node *node, log_offset end)
{
    for (log_offset i = history.acked_end; i < end; i++)
        history.acked[i] = node->log[i];
    if (end > history.acked_end)
        history.acked_end = end;
}

/* Requests may be taken in any order; of too many on their way one is lost. */
static void send_request(struct message message)
{
    uint32_t place = history.request_count;
    if (place == REQUESTS_MAX)
        place = (uint32_t)rand_below(&history.rand, REQUESTS_MAX);
    else
        history.request_count++;
    history.requests[place] = message;
}

static void send_yield(const struct node *node)
{
    const struct replica_partition *record = replica_partition(node->replica);
    struct message message = {.is_there = true, .yields = true};
    message.from = (node_id)(node - history.nodes);
    message.proposal.leader_epoch = record->leader_epoch;
    message.proposal.partition_epoch = record->partition_epoch;
    send_request(message);
    history.yields++;
}

static void act(struct node *node, const struct replica_out *out)
{
    log_offset high_watermark = replica_high_watermark(node->replica);
    cr_assert_geq(high_watermark, node->high_watermark, "a high watermark fell");
    cr_assert_leq(high_watermark, node->synced, "a high watermark passed the durable end");
    node->high_watermark = high_watermark;
    if (replica_role(node->replica) == REPLICA_LEADER)
        acknowledge(node, high_watermark);
    if (out->propose)
        send_request((struct message){
            .is_there = true, .from = (node_id)(node - history.nodes), .proposal = out->proposal});
    else if (out->yield != REPLICA_KEEP && chance(10))
        send_yield(node);
}

static void log_moved(struct node *node)
{
    struct replica_out out;
    struct replica_log log = log_of(node);
    replica_on_log(node->replica, history.now, &log, &out);
    act(node, &out);
}

static void step_append(struct node *node)
{
    if (replica_may_append(node->replica, -1) != ERR_NONE || node->end == LOG_MAX)
        return;
    log_epoch epoch = replica_partition(node->replica)->leader_epoch;
    node->log[node->end++] = (struct record){.epoch = epoch, .value = ++history.last_value};
    log_moved(node);
}

static void step_sync(struct node *node)
{
    node->synced += (log_offset)rand_below(&history.rand, (uint64_t)(node->end - node->synced) + 1);
    if (chance(2))
        node->synced = node->end;
    log_moved(node);
}

static void step_apply(struct node *node)
{
    if (node->applied == history.record_count)
        return;
    struct replica_out out;
    node_id id = (node_id)(node - history.nodes);
    const struct replica_partition *record = &history.records[node->applied++];
    if (node->applied <= node->since)
        return; /* Rule 10: before its own registration only the image changes. */
    replica_apply(node->replica, history.now, record, history.registered[node->applied - 1][id],
                  &out);
    act(node, &out);
}

/* Where the largest epoch not above `epoch` ends in the log. */
static log_offset epoch_end(const struct node *node, log_epoch epoch, log_epoch *found)
{
    log_offset end = 0;
    *found = -1;
    while (end < node->end && node->log[end].epoch <= epoch)
        *found = node->log[end++].epoch;
    return end;
}

/* The leader's half of a fetch: judge, count, read. */
static void serve(struct node *leader, struct node *node, const struct replica_plan *plan)
{
    struct replica_out out;
    log_epoch found;
    log_offset end = epoch_end(leader, plan->last_epoch, &found);
    bool matched = found == plan->last_epoch && plan->offset <= end;
    struct replica_fetch fetch = {.node = (node_id)(node - history.nodes),
                                  .epoch =
                                      history.registered[node->applied - 1][node - history.nodes],
                                  .current = plan->leader_epoch,
                                  .offset = plan->offset,
                                  .matched = matched};
    node->answer = (struct replica_answer){.plan = *plan, .diverging_epoch = -1, .first_base = -1};
    node->answer.err = replica_on_fetch(leader->replica, history.now, &fetch, &out);
    act(leader, &out);
    node->answer.high_watermark = replica_exported_high_watermark(leader->replica);
    node->batch_count = 0;
    if (!matched) {
        node->answer.diverging_epoch = found < 0 ? 0 : found;
        node->answer.diverging_end = end;
        return;
    }
    log_offset count = leader->end - plan->offset;
    node->batch_count = count > 0 ? (log_offset)rand_below(&history.rand, (uint64_t)count) + 1 : 0;
    memcpy(node->batch, leader->log + plan->offset,
           (size_t)node->batch_count * sizeof *node->batch);
    if (node->batch_count > 0) {
        node->answer.first_base = plan->offset;
        node->answer.first_epoch = node->batch[0].epoch;
        node->answer.max_epoch = node->batch[node->batch_count - 1].epoch;
    }
}

static void step_fetch(struct node *node)
{
    struct replica_plan plan;
    mono_ms at;
    if (!replica_plan_fetch(node->replica, history.now, &plan, &at))
        return;
    struct node *leader = &history.nodes[plan.leader];
    if (!leader->is_up || leader == node || chance(10))
        return;
    serve(leader, node, &plan);
    node->has_answer = !chance(10);
}

static void step_answer(struct node *node)
{
    if (!node->has_answer)
        return;
    log_epoch found;
    struct replica_out out;
    log_offset offset = -1;
    node->answer.own_epoch_end = epoch_end(node, node->answer.diverging_epoch, &found);
    node->has_answer = chance(5); /* Delivered twice, at times. */
    enum replica_next next =
        replica_on_answer(node->replica, history.now, &node->answer, &offset, &out);
    act(node, &out);
    cr_assert_neq(next, REPLICA_OFFLINE);
    if (next == REPLICA_APPEND) {
        memcpy(node->log + node->end, node->batch, (size_t)node->batch_count * sizeof *node->batch);
        node->end += node->batch_count;
        log_moved(node);
    } else if (next == REPLICA_TRUNCATE) {
        node->end = offset;
        node->synced = node->synced < offset ? node->synced : offset;
        history.truncations++;
        log_moved(node);
    }
}

/* Take a request, or let its sender hear a timeout while it is still on its way. */
static void step_alter(void)
{
    if (chance(100))
        history.is_deaf = !history.is_deaf;
    if (history.request_count == 0)
        return;
    uint32_t place = (uint32_t)rand_below(&history.rand, history.request_count);
    struct message *request = &history.requests[place];
    struct message reply = *request;
    reply.err = ERR_REQUEST_TIMED_OUT;
    if (!history.is_deaf && !chance(4)) {
        enum err err = alter(request);
        *request = history.requests[--history.request_count];
        if (!chance(3))
            reply.err = err;
    }
    if (!reply.yields)
        history.nodes[reply.from].reply = reply;
}

static void step_altered(struct node *node)
{
    if (!node->reply.is_there)
        return;
    struct replica_out out;
    node->reply.is_there = false;
    replica_on_altered(node->replica, history.now, node->reply.proposal.partition_epoch,
                       node->reply.err, &out);
    act(node, &out);
}

static void start(struct node *node)
{
    struct replica_log log = log_of(node);
    struct replica_config config = {.self = (node_id)(node - history.nodes),
                                    .lag_time_max_ms = LAG,
                                    .retry_backoff_ms = 5,
                                    .active = active,
                                    .context = node};
    node->high_watermark = 0;
    node->replica = replica_open(&config, &log, 0);
    node->is_up = true;
    node->applied = 1;
    node->has_answer = node->reply.is_there = false;
    history.last_epoch++;
    set_active(config.self, -1, true); /* Registered, fenced. */
    node->since = history.record_count;
    while (node->applied < node->since)
        step_apply(node);
}

static void step_power(struct node *node)
{
    if (node->is_up) {
        replica_close(node->replica);
        node->is_up = false;
        node->end = node->synced +
                    (log_offset)rand_below(&history.rand, (uint64_t)(node->end - node->synced) + 1);
        node->synced = node->end; /* Recovery writes again and syncs what it keeps (rule 8). */
        return;
    }
    start(node);
}

/* The controller notices, sooner or later. */
static void step_fence(struct node *node)
{
    node_id id = (node_id)(node - history.nodes);
    broker_epoch now = history.active[history.record_count - 1][id];
    broker_epoch registered = history.registered[history.record_count - 1][id];
    if (now >= 0 && (!node->is_up || chance(40)))
        set_active(id, -1, false);
    else if (now < 0 && node->is_up && node->applied >= node->since)
        set_active(id, registered, false);
}

static void check_agreement(void)
{
    for (uint32_t i = 0; i + 1 < NODES; i++) {
        const struct node *a = &history.nodes[i], *b = a + 1;
        log_offset end =
            a->high_watermark < b->high_watermark ? a->high_watermark : b->high_watermark;
        if (!a->is_up || !b->is_up)
            continue;
        for (log_offset at = 0; at < end; at++)
            cr_assert_eq(a->log[at].value, b->log[at].value, "committed records differ");
    }
}

static void step(struct node *node)
{
    uint32_t what = (uint32_t)rand_below(&history.rand, 100);
    if (what < 1 && (!node->is_up || chance(5)))
        step_power(node);
    else if (what < 6)
        step_fence(node);
    else if (!node->is_up)
        return;
    else if (what < 20)
        step_append(node);
    else if (what < 35)
        step_sync(node);
    else if (what < 55)
        step_fetch(node);
    else if (what < 70)
        step_answer(node);
    else if (what < 80)
        step_apply(node);
    else if (what < 90)
        step_alter();
    else
        step_altered(node);
}

static void tick_all(void)
{
    struct replica_out out;
    history.now += (mono_ms)rand_below(&history.rand, 10);
    for (uint32_t i = 0; i < NODES; i++) {
        if (!history.nodes[i].is_up)
            continue;
        replica_tick(history.nodes[i].replica, history.now, &out);
        act(&history.nodes[i], &out);
    }
}

static void begin(uint64_t seed)
{
    uint32_t kept[5] = {history.elections, history.truncations, history.additions,
                        history.elr_elections, history.yields};
    memset(&history, 0, sizeof history);
    history.elections = kept[0];
    history.truncations = kept[1];
    history.additions = kept[2];
    history.elr_elections = kept[3];
    history.yields = kept[4];
    rand_init(&history.rand, seed);
    history.records[0] = (struct replica_partition){.leader = -1,
                                                    .granted = -1,
                                                    .replicas = {3, {0, 1, 2}},
                                                    .elr = {3, {0, 1, 2}},
                                                    .min_isr = 2,
                                                    .flush_each = true};
    memset(history.active[0], -1, sizeof history.active[0]);
    memset(history.registered[0], -1, sizeof history.registered[0]);
    history.record_count = 1;
    for (uint32_t i = 0; i < NODES; i++)
        start(&history.nodes[i]);
}

static void run(uint64_t seed)
{
    begin(seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&history.nodes[rand_below(&history.rand, NODES)]);
        if (i % 8 == 0)
            tick_all();
        check_agreement();
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (history.nodes[i].is_up)
            replica_close(history.nodes[i].replica);
    }
}

Test(replica_history, no_acknowledged_record_is_lost)
{
    uint64_t acked = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(seed);
        acked += (uint64_t)history.acked_end;
    }

    cr_log_info("acked %llu, elections %u, of ELR %u, yields %u, truncations %u, additions %u",
                (unsigned long long)acked, history.elections, history.elr_elections, history.yields,
                history.truncations, history.additions);
    cr_assert_gt(acked, 5 * SEEDS);
    cr_assert_gt(history.elections, SEEDS);
    cr_assert_gt(history.elr_elections, 10);
    cr_assert_gt(history.truncations, 10);
    cr_assert_gt(history.additions, SEEDS);
}
