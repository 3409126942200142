/* check_g2_generations.c -- G2: generations and epochs do not go back while a group is there,
 * whoever coordinates it, and whichever protocol it is of.
 *
 * Neither in the log, nor from what one member heard of when it synced to what another one hears
 * after it. In a group of consumers (KIP-848) the epoch of a member does not go back either, nor
 * beyond that of the target, nor that beyond the group's; and no answer tells a member of an
 * epoch before the one that it asked with. */
#include "check.h"

/* Generations of the classic protocol and epochs of groups are one row of numbers. */
static void check_row(struct world *world, const struct ledger_group *group, int32_t epoch)
{
    if (epoch < group->epoch)
        world_violation(world, "G2", "%s: generation or epoch %d after %d", group->name, epoch,
                        group->epoch);
}

static void check_current(struct world *world, const struct ledger_group *group,
                          const struct ledger_consumer *after)
{
    const struct ledger_consumer *before = ledger_consumer_of(&group->consumers, after->id);
    bool is_away = after->epoch == LEDGER_EPOCH_AWAY && after->instance_id[0];
    if (before && before->has_current && after->has_current && after->epoch < before->epoch &&
        !is_away)
        world_violation(world, "G2", "%s: %s is in epoch %d after %d", group->name, after->id,
                        after->epoch, before->epoch);
}

static void committed(struct world *world, const struct ledger_record *record)
{
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_consumers *consumers = &group->consumers;
    if (record->kind == LEDGER_GENERATION && record->generation->is_there)
        check_row(world, group, record->generation->generation);
    else if (record->kind == LEDGER_EPOCH && record->is_there)
        check_row(world, group, record->epoch);
    else if (record->kind == LEDGER_TARGET_EPOCH && record->is_there && consumers->has_target &&
             record->epoch < consumers->target_epoch)
        world_violation(world, "G2", "%s: a target of epoch %d after %d", group->name,
                        record->epoch, consumers->target_epoch);
    else if (record->kind == LEDGER_CURRENT)
        check_current(world, group, record->consumer);
}

static void decided(struct world *world, const struct ledger_group *group)
{
    const struct ledger_consumers *consumers = &group->consumers;
    if (consumers->is_there && ledger_now(group))
        world_violation(world, "G2", "%s is of both protocols", group->name);
    if (consumers->has_target &&
        (!consumers->is_there || consumers->target_epoch > consumers->epoch))
        world_violation(world, "G2", "%s: a target of epoch %d in epoch %d", group->name,
                        consumers->target_epoch, consumers->is_there ? consumers->epoch : -1);
    for (uint32_t i = 0; i < consumers->count; i++)
        if (consumers->all[i].has_current &&
            (!consumers->has_target || consumers->all[i].epoch > consumers->target_epoch))
            world_violation(world, "G2", "%s: %s is in epoch %d, the target of epoch %d",
                            group->name, consumers->all[i].id, consumers->all[i].epoch,
                            consumers->has_target ? consumers->target_epoch : -1);
}

static void check_beat(struct world *world, const struct ledger_told *told)
{
    if (told->asked_epoch > 0 && told->self->generation < told->asked_epoch)
        world_violation(world, "G2", "%s: node %u tells %s of epoch %d, which was in %d",
                        ledger_group_of(world, told->group)->name, told->node + 1,
                        told->self->member_id, told->self->generation, told->asked_epoch);
}

static void told(struct world *world, const struct ledger_told *told)
{
    const struct ledger_group *group = ledger_group_of(world, told->group);
    if (told->kind == TOLD_BEAT)
        check_beat(world, told);
    if (told->kind != TOLD_SYNC || told->view->generation_floor == 0)
        return;
    const struct ledger_generation *floor = &group->all[told->view->generation_floor - 1];
    uint32_t number = ledger_find_assignment(group, told);
    if (number == 0) /* That is G5's, or it is in a group of consumers. */
        return;
    const struct ledger_generation *now = &group->all[number - 1];
    if (now->life < floor->life ||
        (now->life == floor->life && now->generation < floor->generation))
        world_violation(world, "G2", "%s: node %u tells of generation %d, after %d was told",
                        group->name, told->node + 1, now->generation, floor->generation);
}

const struct checker check_g2 = {
    .name = "G2", .committed = committed, .decided = decided, .told = told};
