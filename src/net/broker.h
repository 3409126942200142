/* broker.h -- this node's life as a broker: register, beat, serve, leave.
 *
 *   WAITING --controller known--> REGISTERING --accepted--> CATCHING_UP
 *   CATCHING_UP --own registration applied--> RUNNING --stop--> LEAVING --> STOPPED
 *
 *   any --its epoch is not the newest any more--> WAITING, or the end if the newer is another's
 *
 * No client is served before a heartbeat in RUNNING has made it active (rule 20). A broker that
 * no controller has answered for a session stops leading, and resumes with the next answer
 * (rule 23).
 *
 * Shard   0.
 * Source  KIP-631. */
#ifndef NET_BROKER_H
#define NET_BROKER_H

#include "base/base.h"

struct shard;
struct broker;

struct broker *broker_open(struct shard *shard);
void broker_close(struct broker *broker);
/* Before anything that came meanwhile: a process that stood still for long has no session any more,
 * and may have been replaced where it led. */
void broker_begin_tick(struct broker *broker);
void broker_controller_changed(struct broker *broker);
void broker_take_image(struct broker *broker);
/* Controlled shutdown: move leaders away, then stop; it ends at a deadline (rule 28). */
void broker_stop(struct broker *broker);
/* Why this node serves no clients now, in a few words; NULL: it does. */
const char *broker_unready(const struct broker *broker);
/* A replica of ours can't be served any more, or can again (rule 11). Any shard. */
void broker_report(struct shard *shard, struct partition_key key, log_epoch epoch,
                   bool unserviceable);

#endif
