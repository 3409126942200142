/* check_l7_consumers.c -- L7: once healed and quiet, everything is committed, and consumers have
 * read it. */
#include "check.h"
#include "live.h"

#include "history.h"

bool live_l7(struct world *world, char *why, size_t size)
{
    for (const struct ghost_partition *at = world->ghost->first; at; at = at->next) {
        const struct sim_node *leader = world_node_of(world, at->leader);
        if (at->is_metadata || at->removed || !leader)
            continue;
        log_offset end = at->logs[leader->index].end;
        if (at->high_watermark < end) {
            snprintf(why, size, "partition %d: high watermark %lld of %lld", at->key.index,
                     (long long)at->high_watermark, (long long)end);
            return false;
        }
    }
    return history_consumers_are_done(world, why, size);
}
