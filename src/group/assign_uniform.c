/* assign_uniform.c -- the assignor `uniform`, where all members subscribe to all topics;
 * assign_unequal.c has the rest.
 *
 * First everybody keeps what it has, up to its quota; some quotas are one larger, and who has
 * that many already gets those. Then what nobody has is dealt in turn: first the partitions
 * without an owner, then those that were taken away. Extra ones that are left go to the last
 * members, as with Kafka. */
#include "assign.h"

/* One assignment under way. */
struct deal {
    struct assign_group *group;
    uint32_t *starts;              /* Place of each topic's partition 0 in `is_owned`. */
    uint8_t *is_owned;             /* By place: somebody had it. */
    struct assign_partition *free; /* Nobody's: without an owner, then taken away. */
    uint32_t free_count;
    struct assign_partition *taken_away;
    uint32_t taken_count;
    uint32_t total;
    uint32_t quota; /* Everybody's. */
    uint32_t extra; /* Members that get one more. */
};

static void open_deal(struct deal *deal, struct arena *arena, struct assign_group *group)
{
    *deal =
        (struct deal){.group = group, .starts = arena_array(arena, uint32_t, group->topic_count)};
    for (uint32_t i = 0; i < group->topic_count; i++) {
        deal->starts[i] = deal->total;
        deal->total += group->partition_counts[i];
    }
    deal->quota = deal->total / group->member_count;
    deal->extra = deal->total % group->member_count;
    deal->is_owned = arena_array(arena, uint8_t, deal->total);
    deal->free = arena_array(arena, struct assign_partition, deal->total);
    deal->taken_away = arena_array(arena, struct assign_partition, deal->total);
}

/* Partitions that are not there, or somebody else's, are not kept. */
static bool take_ownership(struct deal *deal, struct assign_partition partition)
{
    if (partition.topic >= deal->group->topic_count || partition.index < 0 ||
        (uint32_t)partition.index >= deal->group->partition_counts[partition.topic])
        return false;
    uint8_t *owned = &deal->is_owned[deal->starts[partition.topic] + (uint32_t)partition.index];
    if (*owned)
        return false;
    *owned = 1;
    return true;
}

static void keep(struct deal *deal, struct arena *arena, struct assign_member *member)
{
    uint32_t most = deal->quota + (deal->extra > 0 ? 1 : 0);
    member->assigned = arena_array(arena, struct assign_partition, deal->quota + 1);
    member->assigned_count = 0;
    for (uint32_t i = 0; i < member->current_count; i++) {
        if (!take_ownership(deal, member->current[i]))
            continue;
        if (member->assigned_count < most)
            member->assigned[member->assigned_count++] = member->current[i];
        else
            deal->taken_away[deal->taken_count++] = member->current[i];
    }
    if (member->assigned_count > deal->quota)
        deal->extra--;
}

static void gather_free(struct deal *deal)
{
    for (uint32_t topic = 0; topic < deal->group->topic_count; topic++)
        for (uint32_t i = 0; i < deal->group->partition_counts[topic]; i++)
            if (!deal->is_owned[deal->starts[topic] + i])
                deal->free[deal->free_count++] =
                    (struct assign_partition){.topic = topic, .index = (int32_t)i};
    for (uint32_t i = 0; i < deal->taken_count; i++)
        deal->free[deal->free_count++] = deal->taken_away[i];
}

static bool may_get_more(const struct deal *deal, const struct assign_member *member)
{
    return member->assigned_count < deal->quota ||
           (member->assigned_count == deal->quota && deal->extra > 0);
}

static void deal_free(struct deal *deal)
{
    uint32_t left = 0, next = 0;
    for (uint32_t i = 0; i < deal->group->member_count; i++)
        left += may_get_more(deal, &deal->group->members[i]);
    for (uint32_t i = 0; i < deal->group->member_count; i++) {
        struct assign_member *member = &deal->group->members[i];
        if (!may_get_more(deal, member))
            continue;
        bool gets_extra = left-- <= deal->extra;
        uint32_t size = deal->quota + (gets_extra ? 1 : 0);
        deal->extra -= gets_extra;
        while (member->assigned_count < size)
            member->assigned[member->assigned_count++] = deal->free[next++];
    }
    check(next == deal->free_count);
}

void assign_uniform(struct arena *arena, struct assign_group *group)
{
    struct deal deal;
    if (group->member_count == 0)
        return;
    for (uint32_t i = 0; i < group->member_count; i++)
        if (group->members[i].topic_count != group->topic_count) {
            assign_unequal(arena, group);
            return;
        }
    open_deal(&deal, arena, group);
    for (uint32_t i = 0; i < group->member_count; i++)
        keep(&deal, arena, &group->members[i]);
    gather_free(&deal);
    deal_free(&deal);
}
