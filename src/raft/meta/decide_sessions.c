/* decide_sessions.c -- fencing, at two speeds, and the sweep of a new controller.
 *
 * Fast: the broker's link closed and its port refused our own dials. A stopped
 * process accepts and times out; a dead one refuses. Slow: no accepted heartbeat
 * for a session. A wrong guess costs an election, never data. */
#include "controller_state.h"

void decide_fence(struct decision *decision, node_id id, struct str cause)
{
    const struct image_broker *broker = image_broker(decision->image, id);
    decision_emit(decision, &(struct record){
                                .type = RECORD_BROKER_CHANGE,
                                .cause = cause,
                                .broker_change = {.id = id,
                                                  .epoch = broker->epoch,
                                                  .fenced = true,
                                                  .shutting_down = broker->shutting_down},
                            });
    change_without(decision, id, false, cause);
}

static void judge(struct decision *decision, node_id id)
{
    const struct session *session = session_of(decision->controller, id);
    mono_ms silent = decision->now - session->heard;

    if (!session->link_open && session->refused >= CONTROLLER_DIALS_REFUSED) {
        decision->fast_fence = true;
        decide_fence(
            decision, id,
            decision_cause(decision, "failure of node %d: link closed, port refuses", (int)id));
        return;
    }
    if (silent >= decision->controller->config.session_timeout_ms) {
        decision->slow_fence = true;
        decide_fence(decision, id,
                     decision_cause(decision, "failure of node %d: no heartbeat for %lld ms",
                                    (int)id, (long long)silent));
    }
}

void decide_sessions(struct decision *decision)
{
    struct image *before = image_ref(decision->image);
    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(before, id)) != NULL; id = broker->id)
        if (!broker->fenced)
            judge(decision, broker->id);
    image_unref(before);

    if (decision->controller->sweep_due) {
        decision->controller->sweep_due = false;
        change_elect_waiting(decision, -1,
                             decision_cause(decision, "node %d took office in quorum epoch %d",
                                            (int)decision->controller->config.node_id,
                                            (int)decision->controller->epoch));
    }
    decide_balance(decision);
}
