/* check_c2_broker_epoch.c -- C2: a broker's epoch never falls, and grows with each incarnation.
 *
 * It may grow within one too: what an earlier life had sent arrives late and registers that life
 * again, and the living one hears that it is stale and registers anew (seed 242). */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct image *image = probe->object, *before = world->ghost->image;
    (void)node;
    if (!before || image->offset <= before->offset)
        return;
    for (const struct image_broker *at = NULL;
         (at = image_broker_after(image, at ? at->id : -1));) {
        const struct image_broker *old = image_broker(before, at->id);
        if (!old)
            continue;
        bool same = uuid_equal(old->incarnation, at->incarnation);
        if (at->epoch < old->epoch || (!same && at->epoch == old->epoch))
            world_violation(world, "C2", "broker %d goes from epoch %lld to %lld%s", at->id,
                            (long long)old->epoch, (long long)at->epoch,
                            same ? "" : " with another incarnation");
    }
}

const struct checker check_c2 = {.name = "C2", .kinds = KIND(IMAGE), .take = take};
