/* classic_rebalance.c -- from a reason to rebalance to a new generation (rules 97 to 101, 103).
 *
 *   EMPTY, COMPLETING, STABLE --rebalance_begin()--> PREPARING: joins wait
 *   PREPARING --all are back, or waited long enough--> COMPLETING: syncs wait
 *   PREPARING --nobody is left--> EMPTY
 *   COMPLETING --the leader's assignment (classic_sync.c)--> STABLE
 *
 * One timer a group: in PREPARING for the joins, then for the syncs. */
#include "group_state.h"

static struct group_decision *decision_of(const struct group *group)
{
    return group->coordinator->decision;
}

static void wait_for(struct group *group, int64_t delay_ms)
{
    timer_start(&group->coordinator->timers, &group->wait, decision_of(group)->now + delay_ms);
}

void reply_join_error(struct group_decision *decision, uint64_t token, struct str member_id,
                      enum err err)
{
    struct group_reply *reply = decision_reply(decision, GROUP_REPLY_JOIN, token, err);
    reply->join.member_id = arena_str(decision->arena, member_id);
}

/* What the leader is told of them. */
static uint64_t members_size(const struct group *group)
{
    uint64_t size = 0;
    struct list *node, *next;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        size += sizeof(struct group_joined_member) + member->id.size + member->instance_id.size +
                member_metadata(member, group->protocol).size;
    }
    return size;
}

static void fill_members(const struct group *group, struct group_joined *joined)
{
    struct arena *arena = decision_of(group)->arena;
    struct group_joined_member *members =
        arena_array(arena, struct group_joined_member, group->member_count);
    struct list *node, *next;

    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        struct bytes metadata = member_metadata(member, group->protocol);
        members[joined->member_count++] = (struct group_joined_member){
            .member_id = arena_str(arena, member->id),
            .instance_id = arena_str(arena, member->instance_id),
            .metadata = {.data = arena_copy(arena, metadata.data, metadata.size),
                         .size = metadata.size},
        };
    }
    joined->members = members;
}

void reply_joined(struct member *member, bool skip_assignment)
{
    const struct group *group = member->group;
    struct group_decision *decision = decision_of(group);
    uint64_t size = member_is_leader(member) ? members_size(group) : 0;
    enum err err = decision_take_room(decision, member->join_token, size);

    check(member->awaits_join);
    member->awaits_join = false;
    if (err != ERR_NONE) {
        reply_join_error(decision, member->join_token, member->id, err);
        return;
    }
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_JOIN, member->join_token, ERR_NONE);
    reply->join = (struct group_joined){
        .generation = group->generation,
        .protocol_type = arena_str(decision->arena, group->protocol_type),
        .protocol = arena_str(decision->arena, group->protocol),
        .leader = arena_str(decision->arena, group->leader),
        .member_id = arena_str(decision->arena, member->id),
        .skip_assignment = skip_assignment,
    };
    if (member_is_leader(member))
        fill_members(group, &reply->join);
}

void reply_synced(struct member *member, uint64_t token, enum err err)
{
    const struct group *group = member->group;
    struct arena *arena = decision_of(group)->arena;
    if (err == ERR_NONE)
        err = decision_take_room(decision_of(group), token, member->assignment.size);
    struct group_reply *reply = decision_reply(decision_of(group), GROUP_REPLY_SYNC, token, err);
    if (err != ERR_NONE)
        return;
    reply->sync = (struct group_synced){
        .protocol_type = arena_str(arena, group->protocol_type),
        .protocol = arena_str(arena, group->protocol),
        .assignment = {.data = arena_copy(arena, member->assignment.data, member->assignment.size),
                       .size = member->assignment.size},
    };
}

/* Members that are new or changed while others wait for an assignment make it void. */
static void refuse_syncs(struct group *group)
{
    struct list *node, *next;
    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        member->owes_sync = false;
        if (!member->awaits_sync)
            continue;
        member->awaits_sync = false;
        reply_synced(member, member->sync_token, ERR_REBALANCE_IN_PROGRESS);
        member_restart_session(member, member->session_timeout_ms);
    }
}

static bool is_everyone_back(const struct group *group)
{
    struct list *node, *next;
    list_each (node, next, &group->members)
        if (!list_entry(node, struct member, in_group)->awaits_join)
            return false;
    return pmap_count(group->pending) == 0;
}

/* Members that did not come back leave; static ones may, and stay (KIP-345). */
static void remove_absent(struct group *group)
{
    struct list *node, *next;
    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        if (!member->awaits_join && member->instance_id.data == NULL)
            member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    }
}

/* The leader of before, or else the first who is here; false: nobody is. */
static bool elect_leader(struct group *group)
{
    const struct member *leader = member_find(group, group->leader);
    struct list *node, *next;
    if (leader != NULL && leader->awaits_join)
        return true;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        if (!member->awaits_join)
            continue;
        replace_str(&group->leader, member->id);
        return true;
    }
    return false;
}

static void become_empty(struct group *group)
{
    drop_str(&group->leader);
    drop_str(&group->protocol);
    group_enter(group, GROUP_EMPTY);
#ifdef SKIFF_MUTANT_EMPTY_BEGINS_ANEW
    group->generation = 0;
#endif
#ifdef SKIFF_MUTANT_EMPTY_NOT_STORED
    return;
#endif
    emit_group(decision_of(group), group);
}

static void answer_joins(struct group *group)
{
    struct list *node, *next;
    struct str protocol = group_vote(group);
    check(protocol.data != NULL);
    replace_str(&group->protocol, protocol);
    group->size_before = group->member_count;
    group_enter(group, GROUP_COMPLETING);
    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        if (member->awaits_join)
            reply_joined(member, false);
        member->is_new = false;
        member->owes_sync = true;
        member_restart_session(member, member->session_timeout_ms);
    }
    wait_for(group, group_rebalance_timeout(group));
}

static void complete(struct group *group)
{
    timer_stop(&group->coordinator->timers, &group->wait);
    remove_absent(group);
    if (!elect_leader(group) && group->member_count > 0) {
        wait_for(group, group_rebalance_timeout(group)); /* Only static members, all away. */
        return;
    }
#ifndef SKIFF_MUTANT_SAME_GENERATION
    group->generation = group->generation == INT32_MAX ? 1 : group->generation + 1;
#endif
    group->coordinator->rebalances++;
    if (group->member_count == 0)
        become_empty(group);
    else
        answer_joins(group);
}

void rebalance_check(struct group *group)
{
    if (group->phase != GROUP_PREPARING)
        return;
    if (!is_everyone_back(group))
        return;
    /* After being empty, who is here is not all: unless as many came back as there were. */
    if (group->is_initial && group->member_count > 0 &&
        (group->size_before == 0 || group->member_count < group->size_before))
        return;
    complete(group);
}

/* The joins were waited for. Each arrival starts the initial delay again, within bounds. */
static void joins_waited(struct group *group)
{
    int64_t delay_ms = group->coordinator->config.initial_delay_ms;
    if (!group->is_initial || !group->has_arrivals || group->initial_left_ms <= 0) {
        complete(group);
        return;
    }
    if (delay_ms > group->initial_left_ms)
        delay_ms = group->initial_left_ms;
    group->has_arrivals = false;
    group->initial_left_ms -= delay_ms;
    wait_for(group, delay_ms);
}

/* Members that were told of the generation and never synced leave (KAFKA-9752). */
static void syncs_waited(struct group *group)
{
    uint32_t before = group->member_count;
    struct list *node, *next;
    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        if (member->owes_sync)
            member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    }
    if (group->member_count < before)
        rebalance_begin(group);
}

static void waited(struct timer *timer, mono_ms now)
{
    struct group *group = list_entry(timer, struct group, wait);
    (void)now;
    if (group->phase == GROUP_PREPARING)
        joins_waited(group);
    else
        syncs_waited(group);
}

void rebalance_begin(struct group *group)
{
    int64_t timeout_ms = group_rebalance_timeout(group);
    int64_t delay_ms = group->coordinator->config.initial_delay_ms;

    check(group->phase != GROUP_PREPARING);
    refuse_syncs(group);
    group->is_initial = group->phase == GROUP_EMPTY && delay_ms > 0;
    group->has_arrivals = false;
    group->initial_left_ms = timeout_ms - delay_ms;
    group->wait.fire = waited;
    group_enter(group, GROUP_PREPARING);
    wait_for(group, group->is_initial ? delay_ms : timeout_ms);
    rebalance_check(group);
}

void rebalance_after_change(struct group *group)
{
    if (group->phase == GROUP_PREPARING)
        rebalance_check(group);
    else if (group->phase != GROUP_EMPTY || group->member_count > 0)
        rebalance_begin(group);
}
