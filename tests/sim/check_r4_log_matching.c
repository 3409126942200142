/* check_r4_log_matching.c -- R4: an (epoch, offset) of the metadata log means one prefix for
 * ever. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (ghost_is_metadata(probe->key))
        ghost_check_positions(world, node, probe, "R4");
}

const struct checker check_r4 = {.name = "R4", .kinds = KIND(LOG_APPEND), .take = take};
