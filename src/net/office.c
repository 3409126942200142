/* office.c -- decide, append, wait, answer; and watch whether brokers live.
 *
 * Invariants
 * - The controller's image is the fold of every record in the metadata log, the
 *   uncommitted ones too, for as long as the office is open.
 * - A reply that rests on records leaves only when they are committed, and one
 *   that rests on none when all that it was decided on is.
 * - Death needs two proofs: the connection of that broker epoch has closed, and its
 *   port refused twice (ARCHITECTURE.md, "The controller"). */
#include "office.h"

#include "cluster_clock.h"
#include "node.h"
#include "probe.h"
#include "quorum.h"
#include "topic_defaults.h"
#include "watcher.h"

enum { ACT_TIMEOUT_MS = 5000, REDIAL_MS = 10, REFUSED_RETRY_MS = 20 };

/* The connection that speaks for one broker, wherever it was accepted. */
struct link_watch {
    struct letter letter;
    struct conn_watch watch;
    struct shard *home; /* The connection's shard, while attached. */
    conn_id conn;
    node_id broker;
    broker_epoch epoch;
};

struct attendance {
    struct list link;
    struct office *office;
    node_id broker;
    broker_epoch epoch;
    uint32_t origin; /* Of the connection that was heard last. */
    conn_id conn;
    struct watcher watcher;
    struct timer redial;
    mono_ms clock_at;       /* When it last told its clock, -1: never; ... */
    int64_t clock_ahead_ms; /* ...which was so far above our monotonic one. */
};

struct office {
    struct shard *shard;
    struct controller *controller;
    struct timer timer;
    struct list attendances;
    struct arena arena; /* Of the defaults of topics. */
};

static void office_sessions(struct office *office);

static void office_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    office_sessions(list_entry(timer, struct office, timer));
}

struct office *office_open(struct shard *shard)
{
    const struct config *config = shard->config;
    struct controller_config wanted = {
        .node_id = config->node_id,
        .incarnation = shard->identity.incarnation_id,
        .session_timeout_ms = config->session_timeout_ms,
        .voter_count = config->voter_count,
        .balance_interval_ms = config->is_balanced ? config->balance_interval_s * 1000 : 0,
        .partitions_default = config->partitions_default,
        .replication_factor_default = config->replication_factor_default,
        .min_insync_default = config->min_insync_default,
        .consumer_session_ms = {.min = config->consumer_session_timeout_min_ms,
                                .max = config->consumer_session_timeout_max_ms,
                                .normal = config->consumer_session_timeout_ms},
        .consumer_heartbeat_ms = {.min = config->consumer_heartbeat_interval_min_ms,
                                  .max = config->consumer_heartbeat_interval_max_ms,
                                  .normal = config->consumer_heartbeat_interval_ms},
    };
    struct office *office = mem_zalloc(sizeof *office);
    office->shard = shard;
    wanted.topic_default_count = topic_defaults(config, &office->arena, &wanted.topic_defaults);
    wanted.paired_setting_count = paired_settings(config, &office->arena, &wanted.paired_settings);
    office->controller = controller_open(&wanted);
    office->timer.fire = office_fire;
    list_init(&office->attendances);
    return office;
}

static void attendance_free(struct attendance *attendance)
{
    watcher_stop(&attendance->watcher);
    timer_stop(&attendance->office->shard->timers, &attendance->redial);
    list_remove(&attendance->link);
    mem_free(attendance);
}

void office_close(struct office *office)
{
    if (!office)
        return;
    while (!list_is_empty(&office->attendances))
        attendance_free(list_entry(office->attendances.next, struct attendance, link));
    timer_stop(&office->shard->timers, &office->timer);
    controller_close(office->controller);
    arena_free(&office->arena);
    mem_free(office);
}

/* ---- Deciding. */

static void office_arm(struct office *office)
{
    mono_ms due = controller_deadline(office->controller);
    if (due == MONO_NEVER)
        timer_stop(&office->shard->timers, &office->timer);
    else
        timer_start(&office->shard->timers, &office->timer, due);
}

static void office_mark(struct office *office, const struct decision *decision)
{
    const struct env *env = office->shard->env;
    if (decision->elr_election)
        env_mark(env, "elr_election");
    if (decision->preferred_election)
        env_mark(env, "preferred_election");
    if (decision->isr_below_min)
        env_mark(env, "isr_below_min");
    if (decision->fast_fence)
        env_mark(env, "fast_fence");
    if (decision->slow_fence)
        env_mark(env, "slow_fence");
    if (decision->wiped_directory)
        env_mark(env, "wiped_disk_back");
}

/* Append what was decided; the decision is over either way. */
static enum err office_append(struct office *office, struct decision *decision)
{
    struct shard *shard = office->shard;
    if (decision->count == 0) {
        decision_accept(decision);
        return ERR_NONE;
    }
    log_offset base = quorum_end(shard->quorum);
    enum err result = quorum_append(shard->quorum, decision->records, decision->count);
    if (result != ERR_NONE) {
        trace_warn(shard->env->trace, "controller: %u records refused: %s", decision->count,
                   err_name(result));
        decision_drop(decision);
        return result;
    }
    env_probe(shard->env, &(struct probe){.kind = PROBE_CONTROLLER,
                                          .key = quorum_key(),
                                          .epoch = raft_epoch(quorum_raft(shard->quorum)),
                                          .offset = base,
                                          .value = decision->count});
    office_mark(office, decision);
    decision_accept(decision);
    return ERR_NONE;
}

static void act_done(struct wait *wait, enum err result)
{
    struct act *act = list_entry(wait, struct act, wait);
    enum err lost = act->is_appended ? ERR_UNCONFIRMED : ERR_NOT_CONTROLLER;
    act->finish(act, result == ERR_NONE                ? act->result
                     : result == ERR_REQUEST_TIMED_OUT ? result
                                                       : lost);
}

void office_do(struct shard *shard, struct act *act)
{
    struct office *office = shard->office;
    act->office = office;
    wait_init(&act->wait, act_done);
    if (!controller_is_active(office->controller)) {
        act->finish(act, ERR_NOT_CONTROLLER);
        return;
    }
    struct decision decision;
    decision_begin(&decision, office->controller, &act->request->arena, quorum_end(shard->quorum),
                   shard->now);
    act->result = act->decide(act, &decision);
    if (act->result != ERR_NONE) {
        decision_drop(&decision);
        office_arm(office);
        act->finish(act, act->result);
        return;
    }
    log_offset end = decision_end(&decision);
    act->is_appended = decision.count > 0;
    enum err result = office_append(office, &decision);
    office_arm(office);
    if (result != ERR_NONE)
        act->finish(act, result == ERR_UNCONFIRMED ? result : ERR_NOT_CONTROLLER);
    else if (end <= quorum_committed(shard->quorum))
        act->finish(act, act->result);
    else
        quorum_wait(shard->quorum, &act->wait, end,
                    shard->now + (act->timeout_ms > 0 ? act->timeout_ms : ACT_TIMEOUT_MS));
}

static void office_sessions(struct office *office)
{
    if (!controller_is_active(office->controller))
        return;
    struct arena arena = {0};
    struct decision decision;
    decision_begin(&decision, office->controller, &arena, quorum_end(office->shard->quorum),
                   office->shard->now);
    decide_sessions(&decision);
    enum err result = office_append(office, &decision);
    arena_free(&arena);
    office_arm(office);
    if (result != ERR_NONE) /* The log takes nothing right now; what is due stays due. */
        timer_start(&office->shard->timers, &office->timer, office->shard->now + REFUSED_RETRY_MS);
}

/* ---- Who lives. */

static struct attendance *attendance_of(struct office *office, node_id broker)
{
    struct list *node, *after;
    list_each (node, after, &office->attendances) {
        struct attendance *attendance = list_entry(node, struct attendance, link);
        if (attendance->broker == broker)
            return attendance;
    }
    return NULL;
}

static void attendance_look(struct attendance *attendance)
{
    struct office *office = attendance->office;
    struct env_address address;
    if (!controller_is_active(office->controller) ||
        !controller_wants_dial(office->controller, attendance->broker) ||
        !node_address(office->shard, attendance->broker, &address))
        return;
    watcher_look(&attendance->watcher, &address);
}

static void attendance_refused(struct shard *shard, struct watcher *watcher)
{
    struct attendance *attendance = watcher->owner;
    (void)shard;
    controller_dial_refused(attendance->office->controller, attendance->broker, attendance->epoch);
    office_sessions(attendance->office);
    attendance_look(attendance);
}

static void attendance_silent(struct shard *shard, struct watcher *watcher)
{
    struct attendance *attendance = watcher->owner;
    controller_dial_answered(attendance->office->controller, attendance->broker, attendance->epoch);
    timer_start(&shard->timers, &attendance->redial, shard->now + REDIAL_MS);
}

static void attendance_redial(struct timer *timer, mono_ms now)
{
    (void)now;
    attendance_look(list_entry(timer, struct attendance, redial));
}

static struct attendance *attendance_get(struct office *office, node_id broker)
{
    struct attendance *attendance = attendance_of(office, broker);
    if (attendance)
        return attendance;
    attendance = mem_zalloc(sizeof *attendance);
    attendance->office = office;
    attendance->broker = broker;
    attendance->conn = -1;
    attendance->clock_at = -1;
    watcher_init(office->shard, &attendance->watcher, 1);
    attendance->watcher.dead = attendance_refused;
    attendance->watcher.silent = attendance_silent;
    attendance->watcher.owner = attendance;
    attendance->redial.fire = attendance_redial;
    list_init(&attendance->link);
    list_append(&office->attendances, &attendance->link);
    return attendance;
}

/* Clocks that were told within a session. */
static void read_clocks(const struct office *office, struct clock_readings *out)
{
    mono_ms since = office->shard->now - office->shard->config->session_timeout_ms;
    struct list *node, *after;
    uint32_t capacity = 0;
    list_each (node, after, &office->attendances) {
        const struct attendance *attendance = list_entry(node, struct attendance, link);
        if (attendance->clock_at < 0 || attendance->clock_at <= since)
            continue;
        mem_grow(out->ahead_ms, out->count, &capacity);
        out->ahead_ms[out->count++] = attendance->clock_ahead_ms;
    }
}

/* Of whom a majority must be heard. Not only of those that live: the one that is left may be the
 * one whose clock is wrong. A quorum that decides has heard a majority of its voters. */
static uint32_t count_members(const struct office *office, const struct image *image)
{
    const struct image_broker *at = image_broker_after(image, -1);
    uint32_t active = 0;
    for (; at; at = image_broker_after(image, at->id))
        active += image_broker_is_active(image, at->id);
    uint32_t voters = office->shard->config->voter_count;
    return active > voters ? active : voters;
}

struct wall_span office_clock(struct shard *shard, node_id broker, wall_ms wall)
{
    struct office *office = shard->office;
    const struct image *image = controller_image(office->controller);
    struct wall_span span = {.earliest = -1, .latest = -1};
    if (!image)
        return span;
    struct attendance *attendance = attendance_get(office, broker);
    if (wall >= 0) {
        attendance->clock_at = shard->now;
        attendance->clock_ahead_ms = wall - shard->now;
    }
    struct clock_readings readings = {0};
    read_clocks(office, &readings);
    struct wall_span ahead;
    if (cluster_clock_choose(&readings, count_members(office, image), &ahead))
        span = (struct wall_span){.earliest = shard->now + ahead.earliest,
                                  .latest = shard->now + ahead.latest};
    mem_free(readings.ahead_ms);
    return span;
}

/* Back on the quorum's shard: the connection has ended. */
static void link_ended(struct shard *shard, struct letter *letter)
{
    struct link_watch *link = (struct link_watch *)letter;
    struct office *office = shard->office;
    struct attendance *attendance = attendance_of(office, link->broker);
    if (attendance && attendance->conn == link->conn && attendance->epoch == link->epoch &&
        attendance->origin == letter->from) {
        attendance->conn = -1;
        if (controller_is_active(office->controller)) {
            controller_link_closed(office->controller, link->broker, link->epoch);
            attendance_look(attendance);
        }
    }
    mem_free(link);
}

static void link_closed(struct shard *shard, struct conn_watch *watch)
{
    struct link_watch *link = list_entry(watch, struct link_watch, watch);
    mailbox_send(shard, 0, &link->letter, link_ended);
}

/* On the connection's shard. */
static void link_attach(struct shard *shard, struct letter *letter)
{
    struct link_watch *link = (struct link_watch *)letter;
    struct endpoint *endpoint = map_get(&shard->endpoints, &link->conn);
    link->watch.closed = link_closed;
    list_init(&link->watch.link);
    if (endpoint && endpoint->conn)
        list_append(&endpoint->conn->watches, &link->watch.link);
    else
        mailbox_send(shard, 0, &link->letter, link_ended);
}

void office_link(struct shard *shard, struct request *request, node_id broker, broker_epoch epoch)
{
    struct attendance *attendance = attendance_get(shard->office, broker);
    if (attendance->conn == request->conn && attendance->origin == request->origin &&
        attendance->epoch == epoch)
        return;
    attendance->conn = request->conn;
    attendance->origin = request->origin;
    attendance->epoch = epoch;
    struct link_watch *link = mem_zalloc(sizeof *link);
    link->conn = request->conn;
    link->broker = broker;
    link->epoch = epoch;
    mailbox_send(shard, request->origin, &link->letter, link_attach);
}

/* ---- Taking office. */

void office_enter(struct office *office, log_epoch epoch)
{
    struct shard *shard = office->shard;
    struct image *newest = quorum_newest_image(shard->quorum);
    struct controller_office terms = {
        .image = newest, .epoch = epoch, .seed = rand_u64(&shard->rand)};
    terms.predecessor = quorum_predecessor(shard->quorum, &terms.predecessor_answered);
    /* Silent to us for longer, it may have been heard by others: it gets a session like them. */
    if (terms.predecessor_answered + shard->config->session_timeout_ms < shard->now)
        terms.predecessor = -1;
    controller_take_office(office->controller, &terms, shard->now);
    trace_info(shard->env->trace, "controller node %d takes office epoch %d offset %lld",
               shard->config->node_id, epoch, (long long)quorum_end(shard->quorum));
    for (const struct image_broker *broker = image_broker_after(newest, -1); broker;
         broker = image_broker_after(newest, broker->id)) {
        struct attendance *attendance = attendance_get(office, broker->id);
        attendance->epoch = broker->epoch;
        attendance->conn = -1;
        attendance_look(attendance);
    }
    image_unref(newest);
    office_arm(office);
}

void office_leave(struct office *office)
{
    if (!controller_is_active(office->controller))
        return;
    controller_resign(office->controller);
    office_arm(office);
}
