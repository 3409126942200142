/* coordinator.c -- one partition's groups: its life, the frame of a decision, what is due.
 *
 * While a decision is open, coordinator->decision points to it, so that timers find where
 * their replies and records go. Time that goes back is held (PR8). */
#include "consumer_state.h"

struct coordinator *coordinator_open(const struct coordinator_config *config)
{
    struct coordinator *coordinator = mem_zalloc(sizeof *coordinator);
    check(config->memory != NULL);
    coordinator->config = *config;
    coordinator->expiry_due = MONO_NEVER;
    rand_init(&coordinator->rand, config->seed);
    timers_init(&coordinator->timers);
    return coordinator;
}

void coordinator_configure(struct coordinator *coordinator, const struct coordinator_config *config)
{
    struct coordinator_config before = coordinator->config;
    coordinator->config = *config;
    coordinator->config.seed = before.seed;
    coordinator->config.memory = before.memory;
    coordinator->config.settings = before.settings;
    coordinator->config.topics = before.topics;
    if (coordinator->is_started) /* As if it had been so all the time. */
        coordinator->expiry_due += config->expiry_interval_ms - before.expiry_interval_ms;
}

void coordinator_close(struct coordinator *coordinator)
{
    struct str after = {.data = NULL};
    struct group *group;
    check(coordinator->decision == NULL);
    while ((group = names_next(coordinator->groups, &after)) != NULL) {
        group_remove(group);
        after = (struct str){.data = NULL};
    }
    timers_free(&coordinator->timers);
    mem_free(coordinator);
}

/* A group is of one protocol. Only a damaged log has records of both, or of members alone. */
static void settle_protocol(struct group *group)
{
    if (group->consumers == NULL)
        return;
    if (group->consumers->has_epoch)
        group_forget_generation(group);
    else
        consumers_free(group);
}

void coordinator_start(struct coordinator *coordinator, mono_ms now)
{
    struct str after = {.data = NULL};
    struct group *group;
    check(!coordinator->is_started);
    coordinator->is_started = true;
    coordinator->expiry_due = now + coordinator->config.expiry_interval_ms;
    while ((group = names_next(coordinator->groups, &after)) != NULL) {
        struct list *node, *next;
        settle_protocol(group);
        if (group->consumers != NULL)
            consumers_start(group, now);
        list_each (node, next, &group->members) {
            struct member *member = list_entry(node, struct member, in_group);
            timer_start(&coordinator->timers, &member->session, now + member->session_timeout_ms);
        }
    }
}

bool coordinator_is_started(const struct coordinator *coordinator)
{
    return coordinator->is_started;
}

struct coordinator_stats coordinator_read_stats(const struct coordinator *coordinator)
{
    return (struct coordinator_stats){.groups = pmap_count(coordinator->groups),
                                      .rebalances = coordinator->rebalances};
}

mono_ms coordinator_deadline(const struct coordinator *coordinator)
{
    mono_ms due = timers_next(&coordinator->timers);
    return due < coordinator->expiry_due ? due : coordinator->expiry_due;
}

void group_decision_begin(struct group_decision *decision, struct coordinator *coordinator,
                          struct arena *arena, log_offset base, mono_ms now, struct wall_span wall)
{
    check(coordinator->decision == NULL);
    if (wall.earliest > coordinator->earliest)
        coordinator->earliest = wall.earliest;
    coordinator->time = wall.latest > coordinator->earliest ? wall.latest : coordinator->earliest;
    *decision = (struct group_decision){
        .coordinator = coordinator,
        .arena = arena,
        .now = now,
        .earliest = coordinator->earliest,
        .time = coordinator->time,
        .base = base,
        .room = UINT64_MAX,
    };
    coordinator->decision = decision;
}

void group_decision_end(struct group_decision *decision)
{
    check(decision->coordinator->decision == decision);
    decision->coordinator->decision = NULL;
}

log_offset group_decision_offset(const struct group_decision *decision)
{
    return decision->base + decision->record_count;
}

/* Room for one more of `count` elements in the arena; a full array is copied to a larger one. */
static void *grow(struct arena *arena, void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 8;
    void *larger = arena_alloc(arena, *capacity * size);
    if (count > 0)
        memcpy(larger, array, count * size);
    return larger;
}

void emit_record(struct group_decision *decision, struct group_record record)
{
    decision->records = grow(decision->arena, decision->records, decision->record_count,
                             &decision->record_capacity, sizeof record);
    decision->records[decision->record_count++] = record;
}

/* What succeeds rests on the log: it may tell of records that can still be lost. */
static bool must_rest(enum group_reply_kind kind, enum err err)
{
#ifdef SKIFF_MUTANT_COMMIT_AT_ONCE
    if (kind == GROUP_REPLY_COMMIT)
        return false;
#endif
#ifdef SKIFF_MUTANT_FETCH_AT_ONCE
    if (kind == GROUP_REPLY_FETCH)
        return false;
#endif
    return err == ERR_NONE && kind != GROUP_REPLY_HEARTBEAT;
}

struct group_reply *decision_reply(struct group_decision *decision, enum group_reply_kind kind,
                                   uint64_t token, enum err err)
{
    decision->replies = grow(decision->arena, decision->replies, decision->reply_count,
                             &decision->reply_capacity, sizeof *decision->replies);
    struct group_reply *reply = &decision->replies[decision->reply_count++];
    *reply = group_reply_refuse(kind, token, err);
    reply->rests = must_rest(kind, err);
    return reply;
}

enum err decision_take_room(struct group_decision *decision, uint64_t token, uint64_t size)
{
    if (size <= GROUP_REPLY_SMALL)
        return ERR_NONE;
    if (decision->room == 0)
        return token == decision->repeatable ? ERR_AGAIN : ERR_REBALANCE_IN_PROGRESS;
    decision->room -= size < decision->room ? size : decision->room;
    return ERR_NONE;
}

bool decision_refuses(struct group_decision *decision, enum group_reply_kind kind, uint64_t token,
                      const struct str *group_id)
{
    enum err err = ERR_NONE;
    if (!decision->coordinator->is_started)
        err = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    else if (group_id != NULL && group_id->size == 0)
        err = ERR_INVALID_GROUP_ID;
    if (err != ERR_NONE)
        decision_reply(decision, kind, token, err);
    return err != ERR_NONE;
}

void group_decide_tick(struct group_decision *decision)
{
    struct coordinator *coordinator = decision->coordinator;
    if (!coordinator->is_started)
        return;
    timers_fire(&coordinator->timers, decision->now);
    if (decision->now < coordinator->expiry_due)
        return;
    coordinator->expiry_due = decision->now + coordinator->config.expiry_interval_ms;
    expire_offsets(decision);
}

void group_decide_resign(struct group_decision *decision)
{
    struct str after = {.data = NULL};
    struct group *group;
    while ((group = names_next(decision->coordinator->groups, &after)) != NULL) {
        struct list *node, *next;
        list_each (node, next, &group->members) {
            struct member *member = list_entry(node, struct member, in_group);
            if (member->awaits_join)
                reply_join_error(decision, member->join_token, member->id, ERR_NOT_COORDINATOR);
            if (member->awaits_sync)
                reply_synced(member, member->sync_token, ERR_NOT_COORDINATOR);
            member->awaits_join = member->awaits_sync = false;
        }
    }
    decision->coordinator->is_started = false;
}
