/* groups.c -- the groups of one coordinator.
 *
 * A group is there while the log or a client speaks of it: a stored generation, an offset,
 * a member, an id that was given out. */
#include "consumer_state.h"

struct group *group_find(const struct coordinator *coordinator, struct str id)
{
    return names_get(coordinator->groups, id);
}

struct group *group_create(struct coordinator *coordinator, struct str id)
{
    struct group *group = mem_zalloc(sizeof *group);
    group->coordinator = coordinator;
    group->id = keep_str(id);
    group->phase_time = -1;
    list_init(&group->members);
    names_put(&coordinator->groups, group->id, group);
    group_count(group);
    return group;
}

void group_count(struct group *group)
{
    uint64_t size = sizeof *group + 2 * (uint64_t)group->id.size + group->protocol_type.size;
    if (group->consumers != NULL)
        size += sizeof *group->consumers;
    memory_count(group->coordinator, &group->kept, MEMORY_ENTRY + size);
}

void group_drop_pending(struct group *group)
{
    struct str after = {.data = NULL};
    struct pending *pending;
    while ((pending = names_next(group->pending, &after)) != NULL) {
        pending_remove(pending);
        after = (struct str){.data = NULL};
    }
}

void group_remove(struct group *group)
{
    struct list *node, *next;

    list_each (node, next, &group->members) {
        struct member *member = list_entry(node, struct member, in_group);
        member->awaits_join = member->awaits_sync = false;
        member_remove(member, ERR_NONE);
    }
    group_drop_pending(group);
    offsets_free(group);
    consumers_free(group);
    timer_stop(&group->coordinator->timers, &group->wait);
    names_remove(&group->coordinator->groups, group->id);
    memory_count(group->coordinator, &group->kept, 0);
    drop_str(&group->id);
    drop_str(&group->protocol_type);
    drop_str(&group->protocol);
    drop_str(&group->leader);
    mem_free(group);
}

void group_remove_unused(struct group *group)
{
    if (group->phase == GROUP_EMPTY && !group->is_stored && group->offset_count == 0 &&
        pmap_count(group->pending) == 0 && group->consumers == NULL)
        group_remove(group);
}

bool group_is_empty(const struct group *group)
{
    return group->phase == GROUP_EMPTY &&
           (group->consumers == NULL || group->consumers->count == 0);
}

void group_forget_generation(struct group *group)
{
    struct list *node, *next;
    list_each (node, next, &group->members)
        member_remove(list_entry(node, struct member, in_group), ERR_NONE);
    drop_str(&group->protocol_type);
    drop_str(&group->protocol);
    drop_str(&group->leader);
    group->phase = GROUP_EMPTY;
    group->phase_time = -1;
    group->generation = 0;
}

struct str group_phase_name(const struct group *group)
{
    static const struct str names[] = {
        [GROUP_EMPTY] = {.data = "Empty", .size = 5},
        [GROUP_PREPARING] = {.data = "PreparingRebalance", .size = 18},
        [GROUP_COMPLETING] = {.data = "CompletingRebalance", .size = 19},
        [GROUP_STABLE] = {.data = "Stable", .size = 6},
    };
    return names[group->phase];
}

void group_enter(struct group *group, enum group_phase phase)
{
    /* Stable follows an assignment, an assignment a complete join (KIP-134). */
    check(phase != GROUP_STABLE || group->phase == GROUP_COMPLETING);
    check(phase != GROUP_COMPLETING || group->phase == GROUP_PREPARING);
    check(phase != GROUP_EMPTY || group->member_count == 0);
    group->phase = phase;
    group->phase_time = group->coordinator->time;
}
