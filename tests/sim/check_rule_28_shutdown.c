/* check_rule_28_shutdown.c -- rule 28: a controlled shutdown ends at a deadline.
 *
 * A paused process and one whose syncs hang cannot end, so only time without that counts. */
#include "check.h"

enum { LOOK_AGAIN = SIM_SECOND, GRACE = 3 }; /* Looks, beyond the deadline. */

static void look(struct event *event)
{
    struct sim_node *node = event->object;
    struct world *world = node->world;
    int64_t looks = 1 + node->config.shutdown_timeout_ms * SIM_MS / LOOK_AGAIN + GRACE;
    if (node->incarnation != event->a || !node->stopping)
        return;
    bool could = node->state == NODE_UP && node->disk.hang_until <= world->kernel.now;
    uint64_t calm = could ? event->b + 1 : 0;
    if ((int64_t)calm > looks)
        world_violation(world, "rule28", "node %d was asked to stop, and %lld s later it runs",
                        node->id, (long long)(looks * LOOK_AGAIN / SIM_SECOND));
    kernel_add(&world->kernel, LOOK_AGAIN,
               (struct event){
                   .run = look, .object = node, .a = event->a, .b = calm, .label = event->label});
}

void check_rule_28_watch(struct sim_node *node)
{
    look(&(struct event){.object = node, .a = node->incarnation, .label = 11});
}

const struct checker check_rule_28 = {.name = "rule28"};
