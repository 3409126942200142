/* check_l6_groups.c -- L6: once healed, every group becomes stable: each member is in the
 * generation that the log holds and has committed, and what was committed is read back. */
#include "check.h"
#include "live.h"

#include "history.h"

bool live_l6(struct world *world, char *why, size_t size)
{
    return history_groups_are_stable(world, why, size);
}
