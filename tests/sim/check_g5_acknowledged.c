/* check_g5_acknowledged.c -- G5: what a client was told succeeded is committed in
 * __consumer_offsets by then: its offset, its assignment and epoch, that it left, the deletion of
 * its group. */
#include "check.h"

static void check_deletion(struct world *world, const struct ledger_told *told)
{
    const struct ledger_group *group = ledger_group_of(world, told->group);
    for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++) {
        const struct ledger_offset *offset = &group->offsets[i];
        uint32_t floor = told->view->offset_floors[i];
        if (floor > 0 && ledger_find_write(offset, -1) < floor)
            world_violation(world, "G5", "%s/%u: offset %lld outlives the deletion of its group",
                            group->name, i, (long long)offset->writes[floor - 1].offset);
    }
}

/* A classic member hears of partitions in a generation, or in its epoch among consumers. */
static bool is_assigned(struct world *world, const struct ledger_told *told)
{
    const struct ledger_group *group = ledger_group_of(world, told->group);
    const struct image_topic *topic = image_topic_by_name(world->ghost->image, STR("topic0"));
    return ledger_find_assignment(group, told) > 0 ||
           (topic && ledger_consumers_had_mask(&group->consumers, told->self->member_id,
                                               told->self->generation, topic->id, told->mask));
}

static void told(struct world *world, const struct ledger_told *told)
{
    const struct ledger_group *group = ledger_group_of(world, told->group);
    if (told->kind == TOLD_DELETE)
        check_deletion(world, told);
    if (told->kind == TOLD_COMMIT &&
        ledger_find_write(&group->offsets[told->partition], told->offset) == 0)
        world_violation(world, "G5",
                        "%s/%d: node %u acknowledges offset %lld before it is committed",
                        group->name, told->partition, told->node + 1, (long long)told->offset);
    if (told->kind == TOLD_BEAT && !ledger_consumers_had(&group->consumers, told->self->member_id,
                                                         told->self->generation, told->shares))
        world_violation(world, "G5", "%s: node %u tells %s of epoch %d%s, which is not committed",
                        group->name, told->node + 1, told->self->member_id, told->self->generation,
                        told->shares ? " and partitions" : "");
    if (told->kind == TOLD_SYNC && !is_assigned(world, told))
        world_violation(world, "G5",
                        "%s: node %u tells %s of partitions %llx in generation %d, which is not "
                        "committed",
                        group->name, told->node + 1, told->self->member_id,
                        (unsigned long long)told->mask, told->self->generation);
}

const struct checker check_g5 = {.name = "G5", .told = told};
