/* coordinators.c -- a coordinator in its seat: asks come in, batches and replies go out.
 *
 * Invariants
 * - Nothing is decided while the partition takes no batch, so an append fails only where
 *   the disk does. Then what was decided is not in the log, and there is no undo: the
 *   coordinator leaves, and another one reads the log anew.
 * - A reply is kept before its batch is appended: an append may take the log offline, and
 *   with it the coordinator. */
#include "coordinators.h"

#include "budget.h"
#include "cluster_clock.h"
#include "codec.h"
#include "group_settings.h"
#include "group_topics.h"
#include "partition.h"
#include "probe.h"

enum {
    LOAD_STEP_SIZE = 256 * 1024, /* Bytes that loading reads a tick. */
    LOAD_AGAIN_MS = 500,         /* After an append that failed. */
    TICK_AGAIN_MS = 100,         /* When what is due could not be appended. */
    CLOCK_AGAIN_MS = 20,         /* While the cluster's time is not known. */
    COLD_AGAIN_MS = 5,           /* While what loading reads comes from the disk. */
};

struct seat {
    struct partition *partition;
    struct coordinator *coordinator;
    struct timer timer; /* The next step of loading, or the coordinator's deadline. */
    struct wait wait;   /* Loading: for `end` to be committed. */
    log_offset next;    /* Loading: not read yet. */
    log_offset end;     /* Of the log when loading began; nobody appends meanwhile. */
    mono_ms taken;      /* When it was. */
    uint64_t skipped;   /* Records that are none of ours. */
    bool forgets;       /* What was committed for topics that are gone may still be there. */
};

bool topic_holds_groups(const struct image_topic *topic)
{
    return str_equal(topic->name, STR("__consumer_offsets"));
}

/* ---- Answers. */

static void ask_return(struct shard *shard, struct group_ask *ask)
{
    if (ask->letter.from != shard->index)
        budget_release(shard, ask->held); /* It counts where it goes. */
    mailbox_return(shard, &ask->letter, ask->done);
}

static void ask_refuse(struct shard *shard, struct group_ask *ask, enum err err)
{
    ask->reply = group_reply_refuse(ask->kind, group_ask_token(ask), err);
    ask_return(shard, ask);
}

/* The wait for the high watermark is over. What was decided may still become committed. */
static void ask_waited(struct wait *wait, enum err result)
{
    struct group_ask *ask = list_entry(wait, struct group_ask, wait);
    if (result == ERR_NONE)
        ask_return(ask->owner, ask);
    else
        ask_refuse(ask->owner, ask,
                   result == ERR_REQUEST_TIMED_OUT ? ERR_COORDINATOR_NOT_AVAILABLE
                                                   : ERR_NOT_COORDINATOR);
}

static void ask_answer(struct partition *partition, struct group_ask *ask, log_offset offset)
{
    struct shard *shard = partition->shard;
#ifdef SKIFF_MUTANT_ANSWERS_AT_ONCE
    ask->reply.rests = false;
#endif
    if (!ask->reply.rests || offset <= log_ends(partition->log)->committed) {
        ask_return(shard, ask);
        return;
    }
    ask->owner = shard;
    wait_init(&ask->wait, ask_waited);
    log_wait(partition->log, WAIT_COMMITTED, &ask->wait, offset, &shard->timers,
             shard->now + shard->config->offsets_commit_timeout_ms);
}

static struct group_ask *ask_of(const struct group_reply *reply)
{
    return (struct group_ask *)(uintptr_t)reply->token;
}

static bool is_answered(const struct group_ask *ask, const struct group_decision *decision)
{
    for (uint32_t i = 0; i < decision->reply_count; i++)
        if (ask_of(&decision->replies[i]) == ask)
            return true;
    return false;
}

/* That its frame is not needed any more; it is if the command has to be decided again. */
static void ask_tell_decided(struct shard *shard, struct group_ask *ask,
                             const struct group_decision *decision)
{
    ask->is_parked = !is_answered(ask, decision);
    if (ask->decided && (ask->is_parked || ask->reply.err != ERR_AGAIN))
        mailbox_send(shard, ask->letter.from, &ask->notice, ask->decided);
}

static void asks_keep_replies(struct shard *shard, const struct group_decision *decision)
{
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct group_ask *ask = ask_of(&decision->replies[i]);
        ask->reply = group_reply_keep(&decision->replies[i], &ask->arena);
        ask->held = ask->arena.total;
        budget_take(shard, ask->held);
    }
}

/* ---- Decisions. */

/* Errors  as log_append(); nothing was appended. */
static enum err append_records(struct partition *partition, const struct group_decision *decision)
{
    log_epoch epoch = replica_partition(partition->replica)->leader_epoch;
    struct batch_spec spec = batch_spec(decision->base, epoch, decision->time);
    struct batch_record *records =
        arena_array(decision->arena, struct batch_record, decision->record_count);
    struct batch_info info;
    struct log_appended appended;
    for (uint32_t i = 0; i < decision->record_count; i++)
        records[i] = (struct batch_record){.key = decision->records[i].key,
                                           .value = decision->records[i].value};
    struct buf *batch = batch_build(&spec, records, decision->record_count);
    struct slice slice = {.buf = batch, .bytes = {.data = batch->data, .size = batch->size}};
    check(batch_read(slice.bytes, &info) == ERR_NONE);
    enum err err = log_append(partition->log, &slice, &info, epoch, &appended);
    buf_unref(batch);
    if (err != ERR_NONE)
        return err;
    check(appended.base == decision->base);
    partition_changed(partition);
    return ERR_NONE;
}

static void seat_open(struct partition *partition, mono_ms at);

static void seat_set_timer(struct seat *seat)
{
    struct shard *shard = seat->partition->shard;
    mono_ms due = coordinator_deadline(seat->coordinator);
#ifdef SKIFF_MUTANT_NOTHING_DUE
    due = MONO_NEVER;
#endif
    if (seat->forgets)
        due = shard->now + 1;
    if (due == MONO_NEVER)
        timer_stop(&shard->timers, &seat->timer);
    else
        timer_start(&shard->timers, &seat->timer, due);
}

/* The decision's batch is not in the log: who counts on it hears so, and all else is forgotten. */
static void decision_lost(struct partition *partition, const struct group_decision *decision,
                          enum err err)
{
    struct shard *shard = partition->shard;
    trace_warn(shard->env->trace, "%s: what its coordinator decided is not appended: %s; it loads",
               partition->name, err_name(err));
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct group_ask *ask = ask_of(&decision->replies[i]);
        if (ask->reply.rests)
            ask_refuse(shard, ask, ERR_COORDINATOR_NOT_AVAILABLE);
        else
            ask_return(shard, ask);
    }
    if (!partition->seat)
        return; /* The log went offline, and the coordinator with it. */
    coordinator_leave_seat(partition);
    seat_open(partition, shard->now + LOAD_AGAIN_MS);
}

static void probe_decided(const struct partition *partition, const struct group_ask *ask)
{
    bool is_told =
        ask && (ask->kind == GROUP_REPLY_JOIN || ask->kind == GROUP_REPLY_CONSUMER_HEARTBEAT);
    env_probe(partition->shard->env, &(struct probe){.kind = PROBE_DECIDED,
                                                     .key = partition->key,
                                                     .value = ask ? (int64_t)ask->kind : -1,
                                                     .object = is_told ? ask->command : NULL});
}

/* Those that decide nothing need no batch. */
static bool ask_writes(const struct group_ask *ask)
{
    switch (ask->kind) {
    case GROUP_REPLY_HEARTBEAT:
    case GROUP_REPLY_FETCH:
    case GROUP_REPLY_DESCRIBE:
    case GROUP_REPLY_CONSUMER_DESCRIBE:
    case GROUP_REPLY_LIST:
        return false;
    default:
        return true;
    }
}

static_assert((int)GROUP_REPLY_SMALL == (int)BUDGET_SMALL_SIZE, "of any answer");

/* What only reads, and changes nothing, can be asked again. Of what changes something the reply
 * says whether there was room (group.h). */
static bool ask_has_room(const struct shard *shard, const struct group_ask *ask,
                         const struct group_decision *decision)
{
    if (ask->exceeds || ask_writes(ask))
        return true;
    check(decision->record_count == 0);
    return budget_has_room(shard, group_reply_size(&decision->replies[0]));
}

/* `ask` NULL: what is due. */
static void seat_decide(struct seat *seat, struct group_ask *ask)
{
    struct partition *partition = seat->partition;
    struct shard *shard = partition->shard;
    struct arena arena = {0};
    struct group_decision decision;
    enum err err = ERR_NONE;
    uint64_t rebalances = coordinator_read_stats(seat->coordinator).rebalances;
    group_decision_begin(&decision, seat->coordinator, &arena, log_ends(partition->log)->end,
                         shard->now, cluster_time(shard));
    decision.room = ask && ask->exceeds ? UINT64_MAX : budget_left(shard);
    if (ask)
        ask->decide(&decision, ask);
    else if (seat->forgets)
        seat->forgets = !group_decide_forget(&decision);
    else
        group_decide_tick(&decision);
    group_decision_end(&decision);
    if (ask && !ask_has_room(shard, ask, &decision)) {
        arena_free(&arena);
        ask_refuse(shard, ask, ERR_AGAIN);
        return;
    }
    shard->counters.group_rebalances +=
        coordinator_read_stats(seat->coordinator).rebalances - rebalances;
    asks_keep_replies(shard, &decision);
    if (ask)
        ask_tell_decided(shard, ask, &decision);
    if (decision.record_count > 0) {
        probe_decided(partition, ask);
        err = append_records(partition, &decision);
    }
    if (err != ERR_NONE) {
        decision_lost(partition, &decision, err);
    } else {
        seat_set_timer(seat);
        for (uint32_t i = 0; i < decision.reply_count; i++)
            ask_answer(partition, ask_of(&decision.replies[i]), group_decision_offset(&decision));
    }
    arena_free(&arena);
}

/* A leader that has asked to be replaced may have been, and another coordinator may have told of
 * later offsets: its records reach us late, since it is our disk that does not keep up (G4).
 * Errors  NOT_COORDINATOR; COORDINATOR_LOAD_IN_PROGRESS; COORDINATOR_NOT_AVAILABLE: too few
 *         replicas are in sync. */
static enum err seat_check(const struct partition *partition, const struct group_ask *ask)
{
    if (!partition || !partition->seat)
        return ERR_NOT_COORDINATOR;
    enum err err = replica_may_append(partition->replica, -1);
    if (err == ERR_NOT_LEADER_OR_FOLLOWER)
        return ERR_NOT_COORDINATOR;
#ifndef SKIFF_MUTANT_SERVES_DEPOSED
    if (partition_may_be_deposed(partition))
        return ERR_NOT_COORDINATOR;
#endif
    if (!coordinator_is_started(partition->seat->coordinator))
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    return err != ERR_NONE && ask_writes(ask) ? ERR_COORDINATOR_NOT_AVAILABLE : ERR_NONE;
}

void coordinators_ask(struct shard *shard, struct letter *letter)
{
    struct group_ask *ask = (struct group_ask *)letter;
    struct partition *partition = partition_find(shard, ask->key);
    enum err err = seat_check(partition, ask);
    if (err != ERR_NONE) {
        ask_refuse(shard, ask, err);
        return;
    }
    seat_decide(partition->seat, ask);
}

/* ---- Loading. */

static void load_batch(struct seat *seat, const struct batch_info *info, struct bytes batch)
{
    struct batch_walk walk;
    struct batch_record record;
    enum err err;
    if (batch_is_control(info))
        return;
    batch_walk_open(&walk, batch, seat->partition->shard->codec_reader);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE)
        if (coordinator_apply(seat->coordinator, record.key, record.value) != ERR_NONE)
            seat->skipped++;
    if (err != ERR_NOT_FOUND) /* The rest of the batch does not unwrap. */
        seat->skipped++;
    batch_walk_close(&walk);
}

/* Errors  ERR_COLD; of the log: it is offline, and the seat may be gone. */
static enum err load_some(struct seat *seat)
{
    struct log *log = seat->partition->log;
    struct buf *buf;
    struct batch_info info;
    struct bytes rest, batch;
    if (seat->next < log_ends(log)->start)
        seat->next = log_ends(log)->start;
    struct env *env = seat->partition->shard->env;
    env_make_haste(env);
    enum err err = log_read(log, seat->next, LOAD_STEP_SIZE, LOG_BOUND_COMMITTED, &buf);
    env_end_haste(env);
    if (err != ERR_NONE)
        return err;
    if (!buf) { /* Compaction left nothing up to the end. */
        seat->next = seat->end;
        return ERR_NONE;
    }
    rest = (struct bytes){.data = buf->data, .size = buf->size};
    while ((err = batch_next(&rest, &info, &batch)) == ERR_NONE) {
        if (info.base >= seat->next || batch_last(&info) >= seat->next)
            load_batch(seat, &info, batch);
        seat->next = batch_end(&info);
    }
    buf_unref(buf);
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    log_meet_rot(log, seat->next);
    return err;
}

static void probe_load(const struct seat *seat)
{
    const struct partition *partition = seat->partition;
    if (!partition->shard->env->probe) /* The hash is for onlookers alone. */
        return;
    env_probe(partition->shard->env,
              &(struct probe){.kind = PROBE_COORDINATOR,
                              .key = partition->key,
                              .epoch = replica_partition(partition->replica)->leader_epoch,
                              .offset = seat->next,
                              .value = (int64_t)coordinator_hash(seat->coordinator)});
}

static void load_end(struct seat *seat)
{
    struct shard *shard = seat->partition->shard;
    trace_info(shard->env->trace, "%s node %d coordinates its groups, loaded up to %lld in %lld ms",
               seat->partition->name, shard->config->node_id, (long long)seat->end,
               (long long)(shard->now - seat->taken));
    if (seat->skipped > 0)
        trace_warn(shard->env->trace, "%s: %llu records are no groups and no offsets",
                   seat->partition->name, (unsigned long long)seat->skipped);
    probe_load(seat);
    coordinator_start(seat->coordinator, shard->now);
    seat_set_timer(seat);
}

static void load_step(struct seat *seat)
{
    struct shard *shard = seat->partition->shard;
    enum err err = seat->next < seat->end ? load_some(seat) : ERR_NONE;
    if (err == ERR_COLD)
        timer_start(&shard->timers, &seat->timer, shard->now + COLD_AGAIN_MS);
    if (err != ERR_NONE)
        return;
    if (seat->next < seat->end) /* What came meanwhile has its turn first. */
        timer_start(&shard->timers, &seat->timer, shard->now + 1);
    else if (cluster_wall(shard) < 0) /* Offsets expire by it, and are stamped with it (PR8). */
        timer_start(&shard->timers, &seat->timer, shard->now + CLOCK_AGAIN_MS);
    else
        load_end(seat);
}

/* What a leader finds in its log may still be lost, until its own epoch has committed it. */
static void load_may_begin(struct wait *wait, enum err result)
{
    struct seat *seat = list_entry(wait, struct seat, wait);
    if (result == ERR_NONE)
        timer_start(&seat->partition->shard->timers, &seat->timer, seat->partition->shard->now);
}

static void load_begin(struct seat *seat)
{
    struct log *log = seat->partition->log;
    seat->next = log_ends(log)->start;
    seat->end = log_ends(log)->end;
#ifdef SKIFF_MUTANT_LOADS_PART
    seat->end = log_ends(log)->committed;
#endif
    if (seat->end <= log_ends(log)->committed)
        load_step(seat);
    else
        log_wait(log, WAIT_COMMITTED, &seat->wait, seat->end, NULL, MONO_NEVER);
}

/* ---- Life. */

static void seat_fire(struct timer *timer, mono_ms now)
{
    struct seat *seat = list_entry(timer, struct seat, timer);
    if (seat->end < 0)
        load_begin(seat);
    else if (!coordinator_is_started(seat->coordinator))
        load_step(seat);
    else if (replica_may_append(seat->partition->replica, -1) == ERR_NONE)
        seat_decide(seat, NULL);
    else
        timer_start(&seat->partition->shard->timers, timer, now + TICK_AGAIN_MS);
}

static_assert((int)CONFIG_ASSIGNOR_UNIFORM == (int)GROUP_ASSIGNOR_UNIFORM, "by name");
static_assert((int)CONFIG_ASSIGNOR_RANGE == (int)GROUP_ASSIGNOR_RANGE, "by name");

static struct consumer_config consumer_config_of(const struct config *config)
{
    struct consumer_config consumer = {
        .session_timeout_ms = config->consumer_session_timeout_ms,
        .heartbeat_interval_ms = config->consumer_heartbeat_interval_ms,
        .assignment_interval_ms = config->consumer_assignment_interval_ms,
        .members_max = config->consumer_members_max,
        .may_upgrade = config->consumer_may_upgrade,
        .may_downgrade = config->consumer_may_downgrade,
        .assignor_count = config->consumer_assignor_count,
    };
    for (uint32_t i = 0; i < consumer.assignor_count; i++)
        consumer.assignors[i] = (enum group_assignor)config->consumer_assignors[i];
    return consumer;
}

static struct coordinator_config coordinator_config_of(const struct partition *partition)
{
    const struct shard *shard = partition->shard;
    const struct config *config = shard->config;
    return (struct coordinator_config){
        .session_timeout_min_ms = config->group_session_timeout_min_ms,
        .session_timeout_max_ms = config->group_session_timeout_max_ms,
        .initial_delay_ms = config->group_initial_delay_ms,
        .members_max = config->group_members_max,
        .offset_metadata_max = config->offset_metadata_max,
        .offsets_retention_ms = (int64_t)config->offsets_retention_minutes * 60000,
        .expiry_interval_ms = config->offsets_check_interval_ms,
        .record_size_max = partition->limits.size_max,
        .memory_max = (uint64_t)config->groups_size_max / config->shards,
        .memory = &partition->shard->group_memory,
        .consumer = consumer_config_of(config),
        .settings = group_settings_of(shard),
        .topics = group_topics_of(shard)};
}

void coordinator_reconfigure(struct partition *partition)
{
    struct coordinator_config coordinator = coordinator_config_of(partition);
    struct seat *seat = partition->seat;
    if (!seat)
        return;
    coordinator_configure(seat->coordinator, &coordinator);
    if (coordinator_is_started(seat->coordinator))
        seat_set_timer(seat);
}

static void seat_open(struct partition *partition, mono_ms at)
{
    struct shard *shard = partition->shard;
    struct coordinator_config coordinator = coordinator_config_of(partition);
    coordinator.seed = rand_u64(&shard->rand);
    struct seat *seat = mem_zalloc(sizeof *seat);
    seat->partition = partition;
    seat->coordinator = coordinator_open(&coordinator);
    seat->end = -1;
    seat->taken = shard->now;
    seat->timer.fire = seat_fire;
    seat->forgets = true; /* A topic may have gone while nobody sat here. */
    wait_init(&seat->wait, load_may_begin);
    partition->seat = seat;
    timer_start(&shard->timers, &seat->timer, at);
}

void coordinator_take_seat(struct partition *partition)
{
    coordinator_leave_seat(partition);
    if (partition->holds_groups)
        seat_open(partition, partition->shard->now);
}

uint32_t coordinator_group_count(const struct partition *partition)
{
    return partition->seat ? coordinator_read_stats(partition->seat->coordinator).groups : 0;
}

void coordinator_forget(struct partition *partition)
{
    struct seat *seat = partition->seat;
    if (!seat)
        return;
    seat->forgets = true;
    if (coordinator_is_started(seat->coordinator))
        seat_set_timer(seat);
}

void coordinator_leave_seat(struct partition *partition)
{
    struct seat *seat = partition->seat;
    struct shard *shard = partition->shard;
    struct arena arena = {0};
    struct group_decision decision;
    if (!seat)
        return;
    partition->seat = NULL;
    timer_stop(&shard->timers, &seat->timer);
    wait_cancel(&seat->wait);
    group_decision_begin(&decision, seat->coordinator, &arena, log_ends(partition->log)->end,
                         shard->now, cluster_time(shard));
    group_decide_resign(&decision);
    group_decision_end(&decision);
    asks_keep_replies(shard, &decision);
    for (uint32_t i = 0; i < decision.reply_count; i++)
        ask_return(shard, ask_of(&decision.replies[i]));
    arena_free(&arena);
    coordinator_close(seat->coordinator);
    mem_free(seat);
}
