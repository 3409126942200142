/* check_g1_assignments.c -- G1: one generation has one leader and one assignment, and gives no
 * partition to two members.
 *
 * The members of one record carry one stamp, which the leader drew; a second record of the same
 * generation, as a static member's return leaves, assigns the same. That a commit lies within
 * its owner's generation is G3's; who owns what in groups of consumers is in check_g1_owners.c. */
#include "check.h"

static uint64_t stamp_of(const struct ledger_generation *generation)
{
    for (uint32_t i = 0; i < generation->member_count; i++)
        if (generation->members[i].stamp != 0)
            return generation->members[i].stamp;
    return 0;
}

static void check_one(struct world *world, const struct ledger_group *group,
                      const struct ledger_generation *generation)
{
    uint64_t given = 0, stamp = stamp_of(generation);
    for (uint32_t i = 0; i < generation->member_count; i++) {
        const struct ledger_member *member = &generation->members[i];
        if ((given & member->mask) != 0 || (member->stamp != 0 && member->stamp != stamp))
            world_violation(world, "G1", "%s, generation %d: %s has partitions %llx of stamp %llx",
                            group->name, generation->generation, member->id,
                            (unsigned long long)member->mask, (unsigned long long)member->stamp);
        given |= member->mask;
    }
}

static void committed(struct world *world, const struct ledger_record *record)
{
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_generation *before = ledger_now(group), *after = record->generation;
    if (record->kind != LEDGER_GENERATION || !after->is_there)
        return;
    check_one(world, group, after);
    if (before && before->generation == after->generation && stamp_of(before) != stamp_of(after))
        world_violation(world, "G1", "%s, generation %d is assigned twice: stamps %llx and %llx",
                        group->name, after->generation, (unsigned long long)stamp_of(before),
                        (unsigned long long)stamp_of(after));
}

const struct checker check_g1 = {.name = "G1", .committed = committed};
