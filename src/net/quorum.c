/* quorum.c -- start, step and obey raft; the metadata log's syncs.
 *
 * Invariants
 * - raft is opened only when the log, the vote and the directory id are durable:
 *   nothing that a message says can be taken back by a power loss (rules 8, 25).
 * - One step is obeyed to its end before what the disk answered meanwhile is
 *   stepped, so raft sees events in the order in which they became true. */
#include "quorum_state.h"

#include "controller_link.h"
#include "identity.h"
#include "office.h"
#include "probe.h"

enum { LOOK_AGAIN_MS = 5 };

static const char log_path[] = QUORUM_TOPIC "-0";

struct partition_key quorum_key(void)
{
    struct partition_key key = {.index = 0};
    key.topic_id.bytes[15] = 1;
    return key;
}

/* ---- Stepping. */

static void quorum_role_changed(struct quorum *quorum, const struct raft_out *out)
{
    struct shard *shard = quorum->shard;
    env_probe(shard->env, &(struct probe){.kind = PROBE_RAFT_ROLE,
                                          .key = quorum_key(),
                                          .epoch = out->epoch,
                                          .peer = out->leader,
                                          .value = out->role,
                                          .text = raft_role_name(out->role)});
    if (out->role != RAFT_LEADER) {
        office_leave(shard->office);
        waits_cancel(&quorum->waits, ERR_NOT_CONTROLLER);
    }
    if (out->role == RAFT_RESIGNED && !quorum->stopping)
        env_mark(shard->env, "resigned_check_quorum");
}

static void quorum_truncate(struct quorum *quorum, log_offset to)
{
    bool done = false;
    enum err result = log_truncate(quorum->log, to, false, &done);
    if (result != ERR_NONE) {
        env_fatal(quorum->shard->env, "the metadata log would lose committed records");
        return;
    }
    quorum->truncating = !done;
    quorum->dirty = true;
    if (done)
        quorum->became_ready = true;
}

static void quorum_commit(struct quorum *quorum, log_offset high_watermark)
{
    if (high_watermark > quorum->high_watermark)
        quorum->high_watermark = high_watermark;
    log_offset before = log_ends(quorum->log)->committed;
    if (quorum->high_watermark <= before)
        return;
    log_offset committed = log_commit(quorum->log, quorum->high_watermark);
    if (committed == before)
        return;
    /* A leader that resigns in the very step in which it commits, as one does that was stopped
     * for long and finds fetches waiting, has committed as leader. */
    enum raft_role role = raft_role(quorum->raft);
    env_probe(quorum->shard->env,
              &(struct probe){.kind = PROBE_RAFT_COMMIT,
                              .key = quorum_key(),
                              .epoch = raft_epoch(quorum->raft),
                              .offset = committed,
                              .flag = role == RAFT_LEADER || role == RAFT_RESIGNED});
    quorum_apply(quorum);
    waits_release(&quorum->waits, quorum->applied);
}

static void leader_is_dead(struct shard *shard, struct watcher *watcher)
{
    struct quorum *quorum = watcher->owner;
    env_probe(shard->env, &(struct probe){.kind = PROBE_RAFT_DIAL_REFUSED,
                                          .key = quorum_key(),
                                          .peer = quorum->watched});
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_DIAL_REFUSED, .peer = quorum->watched};
    quorum_step(quorum, &event, &out);
}

/* A process that ends may lose its connections before its port. */
static void leader_answers(struct shard *shard, struct watcher *watcher)
{
    struct quorum *quorum = watcher->owner;
    if (!quorum->fetch_peer.up)
        timer_start(&shard->timers, &quorum->look_again, shard->now + LOOK_AGAIN_MS);
}

static void look_again(struct timer *timer, mono_ms now)
{
    struct quorum *quorum = list_entry(timer, struct quorum, look_again);
    (void)now;
    if (quorum->fetch_peer.up)
        return;
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_PEER_CLOSED, .peer = quorum->watched};
    quorum_step(quorum, &event, &out);
}

void quorum_obey(struct quorum *quorum, const struct raft_out *out)
{
    struct shard *shard = quorum->shard;
    if (out->fault != ERR_NONE) {
        env_fatal(shard->env, out->fault == ERR_DATA_LOSS
                                  ? "the leader's metadata log contradicts committed records"
                                  : "the metadata log contradicts itself");
        return;
    }
    if (out->dropped)
        trace_debug(shard->env->trace, "quorum: ignored: %s", out->dropped);
    if (out->role_changed)
        quorum_role_changed(quorum, out);
    if (out->vote_changed)
        quorum_want_vote(quorum, out->vote, out->vote_token);
    if (out->truncate_to >= 0)
        quorum_truncate(quorum, out->truncate_to);
    if (out->epoch_opened)
        quorum_open_epoch(quorum, out);
    quorum_commit(quorum, out->high_watermark);
    if (out->dial_leader) {
        struct env_address address;
        if (quorum->watched != out->dial)
            watcher_stop(&quorum->leader_watcher); /* What it hears would be told of another. */
        quorum->watched = out->dial;
        if (node_address(shard, out->dial, &address))
            watcher_look(&quorum->leader_watcher, &address);
    }
    if (out->fetch_due)
        quorum_send_fetch(quorum, &out->fetch);
    for (uint32_t i = 0; i < out->send_count; i++)
        quorum_send(quorum, &out->sends[i]);
    quorum_tell_leader(quorum);
    quorum_wake_fetches(quorum);
}

/* What the log told while raft was being obeyed. */
static void quorum_catch_up(struct quorum *quorum)
{
    struct raft_out out;
    for (uint32_t round = 0;
         quorum->became_ready || quorum->durable_moved || quorum->fetch_unsent != 0; round++) {
        check(round < 1000);
        if (quorum->became_ready) {
            quorum->became_ready = false;
            quorum->truncating = false;
            struct raft_event event = {.kind = RAFT_LOG_TRUNCATED,
                                       .offset = log_ends(quorum->log)->end};
            quorum_step(quorum, &event, &out);
        } else if (quorum->fetch_unsent != 0) {
            struct raft_event event = {.kind = RAFT_FETCH_FAILED, .fetch_id = quorum->fetch_unsent};
            quorum->fetch_unsent = 0;
            quorum_step(quorum, &event, &out);
        } else {
            quorum->durable_moved = false;
            struct raft_event event = {.kind = RAFT_LOG_DURABLE,
                                       .offset = log_ends(quorum->log)->durable};
            quorum_step(quorum, &event, &out);
        }
    }
}

/* What a line about the quorum compares. */
struct standing {
    enum raft_role role;
    log_epoch epoch;
    node_id leader;
};

static struct standing standing_of(const struct raft *raft)
{
    struct standing standing = {.role = raft_role(raft)};
    standing.leader = raft_leader(raft, &standing.epoch);
    return standing;
}

static void tell_standing(struct quorum *quorum, const struct standing *before,
                          const struct raft_out *out, const struct raft_event *event)
{
    const char *cause = event->kind == RAFT_MESSAGE ? raft_message_name(event->message->kind)
                                                    : raft_event_name(event->kind);
    node_id by = event->kind == RAFT_MESSAGE       ? event->message->from
                 : event->kind == RAFT_FETCH_REPLY ? event->fetch_reply->from
                 : event->kind == RAFT_DIAL_REFUSED || event->kind == RAFT_PEER_CLOSED
                     ? event->peer
                     : quorum->shard->config->node_id;
    trace_info(quorum->shard->env->trace,
               "quorum node %d %s -> %s epoch %d -> %d leader %d -> %d cause %s of node %d",
               quorum->shard->config->node_id, raft_role_name(before->role),
               raft_role_name(out->role), before->epoch, out->epoch, before->leader, out->leader,
               cause, by);
}

void quorum_step(struct quorum *quorum, const struct raft_event *event, struct raft_out *out)
{
    quorum->depth++;
    struct standing before = standing_of(quorum->raft);
    raft_step(quorum->raft, quorum->shard->now, event, out);
    if (out->role_changed)
        tell_standing(quorum, &before, out, event);
    if (out->deadline == MONO_NEVER)
        timer_stop(&quorum->shard->timers, &quorum->timer);
    else
        timer_start(&quorum->shard->timers, &quorum->timer, out->deadline);
    if (out->credited)
        env_probe(quorum->shard->env, &(struct probe){.kind = PROBE_RAFT_CREDIT,
                                                      .key = quorum_key(),
                                                      .epoch = raft_epoch(quorum->raft),
                                                      .peer = event->fetch->from,
                                                      .offset = event->fetch->offset});
    quorum_obey(quorum, out);
    quorum->depth--;
    if (quorum->depth == 0)
        quorum_catch_up(quorum);
}

void quorum_step_kind(struct quorum *quorum, enum raft_event_kind kind)
{
    struct raft_out out;
    quorum_step(quorum, &(struct raft_event){.kind = kind}, &out);
}

static void quorum_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    quorum_step_kind(list_entry(timer, struct quorum, timer), RAFT_TIMEOUT);
}

/* ---- Start. */

static void quorum_start(struct quorum *quorum)
{
    struct shard *shard = quorum->shard;
    const struct log_ends *ends = log_ends(quorum->log);
    if (quorum->raft || !log_is_ready(quorum->log) || ends->durable < ends->end ||
        !quorum_vote_is_durable(quorum) || !identity_is_durable(shard))
        return;
    struct raft_config config = {
        .self = shard->config->node_id,
        .directory = shard->identity.directory_id,
        .cluster_id = shard->identity.cluster_id,
        .voter_count = shard->config->voter_count,
        .election_timeout_ms = shard->config->election_timeout_ms,
        .fetch_timeout_ms = shard->config->fetch_timeout_ms,
        .stall_timeout_ms = 2 * shard->config->fetch_timeout_ms,
        .seed = rand_u64(&shard->rand),
    };
    for (uint32_t i = 0; i < shard->config->voter_count; i++)
        config.voters[i] = shard->config->voters[i].id;
    struct raft_log_state state = {.start = log_ends(quorum->log)->start,
                                   .end = log_ends(quorum->log)->end};
    const struct log_epoch_start *epochs = log_epochs(quorum->log, &state.epoch_count);
    struct arena arena = {0};
    struct raft_epoch_start *starts =
        arena_array(&arena, struct raft_epoch_start, state.epoch_count + 1);
    for (uint32_t i = 0; i < state.epoch_count; i++)
        starts[i] = (struct raft_epoch_start){.epoch = epochs[i].epoch, .start = epochs[i].start};
    state.epochs = starts;
    enum err result = raft_open(&quorum->raft, &config, quorum_vote(quorum), &state);
    arena_free(&arena);
    if (result != ERR_NONE) {
        env_fatal(shard->env, "quorum-state is older than the metadata log: the vote was lost");
        return;
    }
    quorum->news_from = state.end;
    quorum_recover_voters(quorum);
    quorum_step_kind(quorum, RAFT_TIMEOUT);
}

static void log_became_ready(void *context, struct log *log)
{
    struct quorum *quorum = context;
    (void)log;
    if (quorum->raft && quorum->truncating)
        quorum->became_ready = true;
    quorum->dirty = true;
}

static void log_became_durable(void *context, struct log *log)
{
    struct quorum *quorum = context;
    (void)log;
    quorum->durable_moved = quorum->raft != NULL;
    quorum->dirty = true;
}

static void log_went_offline(void *context, struct log *log)
{
    struct quorum *quorum = context;
    trace_error(quorum->shard->env->trace, "%s: %s", log_path, log_error_text(log));
    env_fatal(quorum->shard->env, "the metadata log can not be used");
}

static void sync_timer_fire(struct timer *timer, mono_ms now)
{
    struct quorum *quorum = list_entry(timer, struct quorum, sync_timer);
    (void)now;
    quorum->dirty = true;
}

static enum err quorum_open_disk(struct quorum *quorum)
{
    struct env *env = quorum->shard->env;
    struct sync_config sync = {.path = "marks-meta", .tag = QUORUM_SYNC_TAG};
    enum err result = sync_open(&quorum->sync, env, &sync);
    if (result == ERR_NONE)
        result = quorum_open_votes(quorum);
    if (result != ERR_NONE) {
        trace_error(env->trace, "%s: marks-meta or quorum-state: %s",
                    quorum->shard->config->log_dir, err_name(result));
        return result;
    }
    struct log_config config = {
        .key = quorum_key(),
        .durability = LOG_CLASS_SYNCED,
        .reserve_ahead = QUORUM_RESERVE_AHEAD,
        .hooks = {.durable = log_became_durable,
                  .ready = log_became_ready,
                  .offline = log_went_offline,
                  .context = quorum},
    };
    quorum->log = log_open(log_path, &config, env, quorum->sync);
    if (log_error(quorum->log) == ERR_NONE)
        return ERR_NONE;
    trace_error(env->trace, "%s: %s", log_path, log_error_text(quorum->log));
    return log_error(quorum->log);
}

enum err quorum_open(struct shard *shard)
{
    struct quorum *quorum = mem_zalloc(sizeof *quorum);
    shard->quorum = quorum;
    quorum->shard = shard;
    quorum->timer.fire = quorum_fire;
    quorum->sync_timer.fire = sync_timer_fire;
    quorum->look_again.fire = look_again;
    quorum->image = image_new();
    quorum->told_leader = -1;
    list_init(&quorum->asked);
    waits_init(&quorum->waits);
    list_init(&quorum->parked);
    watcher_init(shard, &quorum->leader_watcher, 1);
    quorum->leader_watcher.dead = leader_is_dead;
    quorum->leader_watcher.silent = leader_answers;
    quorum->leader_watcher.owner = quorum;
    quorum_messages_init(quorum);
    quorum_fetch_init(quorum);
    enum err result = quorum_open_disk(quorum);
    if (result != ERR_NONE)
        return result;
    if (slots_needs_sync(quorum->votes))
        quorum_sync_votes(quorum);
    quorum->dirty = true;
    return ERR_NONE;
}

void quorum_end_waits(struct quorum *quorum)
{
    waits_cancel(&quorum->waits, ERR_NOT_CONTROLLER);
    quorum_end_asked(quorum);
    quorum_end_parked(quorum);
}

void quorum_close(struct quorum *quorum)
{
    if (!quorum)
        return;
    quorum_messages_free(quorum);
    quorum_fetch_free(quorum);
    watcher_stop(&quorum->leader_watcher);
    timer_stop(&quorum->shard->timers, &quorum->timer);
    timer_stop(&quorum->shard->timers, &quorum->sync_timer);
    timer_stop(&quorum->shard->timers, &quorum->look_again);
    if (quorum->log)
        log_close(quorum->log);
    if (quorum->votes)
        slots_close(quorum->votes);
    if (quorum->sync)
        sync_close(quorum->sync);
    if (quorum->raft)
        raft_close(quorum->raft);
    image_unref(quorum->image);
    mem_free(quorum);
}

bool quorum_synced(struct quorum *quorum, uint64_t ticket, enum err result)
{
    quorum->dirty = true;
    if (quorum->vote_ticket != 0 && ticket == quorum->vote_ticket) {
        quorum_vote_synced(quorum, result);
        return true;
    }
    return sync_on_synced(quorum->sync, ticket, result, quorum->shard->now);
}

bool quorum_is_dirty(const struct quorum *quorum)
{
    return quorum->dirty;
}

void quorum_flush(struct quorum *quorum)
{
    if (!quorum->dirty)
        return;
    quorum->dirty = false;
    sync_flush(quorum->sync, quorum->shard->now);
    quorum_start(quorum);
    if (quorum->raft && quorum->depth == 0) {
        quorum_catch_up(quorum);
        quorum_wake_fetches(quorum);
    }
    mono_ms due = sync_deadline(quorum->sync);
    if (due == MONO_NEVER)
        timer_stop(&quorum->shard->timers, &quorum->sync_timer);
    else
        timer_start(&quorum->shard->timers, &quorum->sync_timer, due);
}

/* ---- For the office. */

log_offset quorum_end(const struct quorum *quorum)
{
    return log_ends(quorum->log)->end;
}

log_offset quorum_committed(const struct quorum *quorum)
{
    return quorum->applied;
}

void quorum_wait(struct quorum *quorum, struct wait *wait, log_offset offset, mono_ms deadline)
{
    wait_start(&quorum->waits, wait, offset, &quorum->shard->timers, deadline);
}

void quorum_sync_stats(const struct quorum *quorum, struct sync_stats *out)
{
    sync_read_stats(quorum->sync, out);
}

bool quorum_leads(const struct quorum *quorum)
{
    return quorum->raft && raft_role(quorum->raft) == RAFT_LEADER;
}

node_id quorum_leader(const struct quorum *quorum, log_epoch *epoch)
{
    log_epoch scratch;
    return quorum->raft ? raft_leader(quorum->raft, epoch ? epoch : &scratch) : -1;
}

node_id quorum_predecessor(const struct quorum *quorum, mono_ms *answered_at)
{
    *answered_at = quorum->answered_at;
    return quorum->answered_by;
}

const struct raft *quorum_raft(const struct quorum *quorum)
{
    return quorum->raft;
}

struct log *quorum_log(const struct quorum *quorum)
{
    return quorum->log;
}

void quorum_shut_down(struct quorum *quorum)
{
    quorum->stopping = true;
    if (quorum->raft)
        quorum_step_kind(quorum, RAFT_SHUTDOWN);
}
