/* check_g2_generations.c -- G2: generations do not go back while a group is there, whoever
 * coordinates it.
 *
 * Neither in the log, nor from what one member heard of when it synced to what another one hears
 * after it. Epochs of members (KIP-848) are not in the model yet. */
#include "check.h"

static void committed(struct world *world, const struct ledger_record *record)
{
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_generation *before = ledger_now(group), *after = record->generation;
    if (record->is_offset || !after->is_there || !before)
        return;
    if (after->generation < before->generation)
        world_violation(world, "G2", "%s: generation %d after %d", group->name, after->generation,
                        before->generation);
}

static void told(struct world *world, const struct ledger_told *told)
{
    const struct ledger_group *group = ledger_group_of(world, told->group);
    if (told->kind != TOLD_SYNC || told->view->generation_floor == 0)
        return;
    const struct ledger_generation *floor = &group->all[told->view->generation_floor - 1];
    uint32_t number = ledger_find_assignment(group, told);
    if (number == 0) /* That is G5's. */
        return;
    const struct ledger_generation *now = &group->all[number - 1];
    if (now->life < floor->life ||
        (now->life == floor->life && now->generation < floor->generation))
        world_violation(world, "G2", "%s: node %u tells of generation %d, after %d was told",
                        group->name, told->node + 1, now->generation, floor->generation);
}

const struct checker check_g2 = {.name = "G2", .committed = committed, .told = told};
