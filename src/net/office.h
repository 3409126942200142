/* office.h -- the active controller at work: commands in, records out, replies once committed.
 *
 * While this node leads the quorum the office is open. A command is decided against
 * the controller's image, its records are appended as one batch, and its reply
 * waits for the commit; one that leadership loss overtakes hears NOT_CONTROLLER, and in words
 * whether it may still happen.
 *
 * Shard   0.
 * Source  controller.h. */
#ifndef NET_OFFICE_H
#define NET_OFFICE_H

#include "base/base.h"
#include "controller.h"
#include "request.h"
#include "wait.h"

struct office;

struct office *office_open(struct shard *shard);
void office_close(struct office *office);
/* We lead `epoch`; the leader-change record is appended. / We lead no more. */
void office_enter(struct office *office, log_epoch epoch);
void office_leave(struct office *office);

/* One command from its request to its reply. The handler fills `decide` and `finish`;
 * both are called at most once, `finish` exactly once. The struct lives in request->arena. */
struct act {
    struct office *office;
    struct request *request;
    struct wait wait;
    enum err result;    /* Of decide(). */
    bool is_appended;   /* What was decided; else there was nothing to write. */
    int32_t timeout_ms; /* How long the reply may wait for the commit; 0 or less: five seconds. */
    enum err (*decide)(struct act *act, struct decision *decision);
    /* Write the reply and end the request; `result` as decide() said, ERR_NOT_CONTROLLER when
     * we do not lead (any more) and nothing was written, ERR_UNCONFIRMED when it was,
     * ERR_REQUEST_TIMED_OUT. */
    void (*finish)(struct act *act, enum err result);
};

void office_do(struct shard *shard, struct act *act);

/* The clock of `broker` shows `wall` (-1: not said); returns what time it is for the cluster. -1:
 * the clocks of too few of the brokers that live are known. */
struct wall_span office_clock(struct shard *shard, node_id broker, wall_ms wall);

/* The connection of `request` speaks for this broker epoch: its end is a sign of death. */
void office_link(struct shard *shard, struct request *request, node_id broker, broker_epoch epoch);

#endif
