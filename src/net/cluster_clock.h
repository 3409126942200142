/* cluster_clock.h -- what time it is, as a majority of the brokers has it (PR8).
 *
 * A clock that jumps ten years ahead must not make its node delete what is ten years from its end.
 * Brokers tell their clocks in heartbeats; the controller answers with the time at which a majority
 * has arrived, and the one that a majority has not passed. Where all clocks are heard both are the
 * middle one; where one of three is dead and another wrong, it may be any time between. What
 * destroys by age asks cluster_wall() and no clock of its own; what is written down to be judged
 * by its age later carries the latest of cluster_time(), or what is later still. */
#ifndef NET_CLUSTER_CLOCK_H
#define NET_CLUSTER_CLOCK_H

#include "base/base.h"

struct shard;

/* How far a clock is ahead of this node's monotonic one. */
struct clock_readings {
    int64_t *ahead_ms; /* Sorted in place. */
    uint32_t count;
};

/* The earliest is the greatest value that a majority of `members`, or of all that were read, has
 * reached, so that one clock at least which is right has; the latest, the least that a majority has
 * not passed. False: fewer than a majority were read. */
bool cluster_clock_choose(struct clock_readings *readings, uint32_t members,
                          struct wall_span *ahead);

/* The cluster's time now; -1: not known. It is what the controller last said, and what has gone by
 * since. It may go back a little. */
struct wall_span cluster_time(const struct shard *shard);
/* The earliest that it may be. */
wall_ms cluster_wall(const struct shard *shard);

/* The controller has answered that it is `wall`: tell every shard. Shard 0. */
void cluster_clock_tell(struct shard *shard, struct wall_span wall);

#endif
