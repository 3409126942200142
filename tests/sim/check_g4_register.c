/* check_g4_register.c -- G4: a committed offset is a register. Who asks after a commit was
 * acknowledged, or read, gets it or a later one, of this coordinator or any that follows.
 *
 * The order is the log's, so an accepted lower commit, as a replayed request may leave, is no
 * step back. A coordinator that was deposed and has not heard of it is held to the same. */
#include "check.h"

static void told(struct world *world, const struct ledger_told *told)
{
    if (told->kind != TOLD_FETCH)
        return;
    const struct ledger_group *group = ledger_group_of(world, told->group);
    const struct ledger_offset *offset = &group->offsets[told->partition];
    uint32_t floor = told->view->offset_floors[told->partition];
    uint32_t number = ledger_find_write(offset, told->offset);
    if (told->offset >= 0 && number == 0)
        world_violation(world, "G4", "%s/%d: node %u tells of offset %lld, which is not committed",
                        group->name, told->partition, told->node + 1, (long long)told->offset);
    if (number >= floor)
        return;
    world_violation(world, "G4",
                    "%s/%d: node %u tells of offset %lld, write %u; write %u, offset %lld of epoch "
                    "%d, was told before",
                    group->name, told->partition, told->node + 1, (long long)told->offset, number,
                    floor, (long long)offset->writes[floor - 1].offset,
                    offset->writes[floor - 1].epoch);
}

const struct checker check_g4 = {.name = "G4", .told = told};
