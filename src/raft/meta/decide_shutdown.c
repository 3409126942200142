/* decide_shutdown.c -- a broker leaves in good order.
 *
 * Leadership and ISR memberships move away in one batch; the broker may stop once
 * every active broker has applied that, so that clients find the new leaders. The
 * deadline of the whole thing is the broker's own (rule 28). */
#include "controller_state.h"

static bool have_all_applied(const struct decision *decision, log_offset offset)
{
    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(decision->image, id)) != NULL;
         id = broker->id) {
        if (broker->fenced || broker->shutting_down)
            continue;
        if (session_of(decision->controller, broker->id)->metadata_offset < offset)
            return false;
    }
    return true;
}

bool decide_shutdown(struct decision *decision, node_id id)
{
    const struct image_broker *broker = image_broker(decision->image, id);
    if (broker->fenced)
        return true; /* It leads nothing and is in no ISR. */
    if (!broker->shutting_down) {
        struct str cause = decision_cause(decision, "controlled shutdown of node %d", (int)id);
        decision_emit(
            decision,
            &(struct record){
                .type = RECORD_BROKER_CHANGE,
                .cause = cause,
                .broker_change = {.id = id, .epoch = broker->epoch, .shutting_down = true},
            });
        change_without(decision, id, false, cause);
    }
    return have_all_applied(decision, image_broker(decision->image, id)->changed);
}
