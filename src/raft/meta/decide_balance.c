/* decide_balance.c -- leadership goes back to preferred replicas by itself, now and then.
 *
 * A node that was away has lost its leaderships to others; where it is in sync again it gets them
 * back, so that work stays spread as it was placed. Some at a time: each move makes clients look
 * for the leader, and a batch has its limit. */
#include "controller_state.h"

enum { MOVES_MAX = 1000, AGAIN_MS = 1000 };

void decide_balance(struct decision *decision)
{
    struct controller *controller = decision->controller;
    if (decision->now < controller->balance_at)
        return;
    struct str cause = STR("leadership goes back to preferred replicas");
    struct image *before = image_ref(decision->image);
    const struct image_partition *partition = NULL;
    uint32_t moves = 0;
    while (moves < MOVES_MAX && (partition = image_partition_after(before, partition)) != NULL)
        moves += decide_preferred(decision, partition, cause) == ERR_NONE;
    image_unref(before);
    controller->balance_at =
        decision->now + (moves < MOVES_MAX ? controller->config.balance_interval_ms : AGAIN_MS);
}
