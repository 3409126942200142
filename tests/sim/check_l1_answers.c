/* check_l1_answers.c -- L1: once healed, every produce is answered. */
#include "check.h"
#include "live.h"

#include "history.h"

bool live_l1(struct world *world, char *why, size_t size)
{
    uint32_t waiting = history_unanswered(world);
    if (waiting > 0)
        snprintf(why, size, "%u produces wait for an answer", waiting);
    return waiting == 0;
}
