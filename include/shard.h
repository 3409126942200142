/* shard.h -- one thread's worth of broker, and its only two entries.
 *
 * A platform appends events with shard_deliver() and runs shard_tick(); cores
 * never see the platform. The same objects run under libuv and in the simulator.
 *
 * Shard   shard_deliver(), shard_tick() and the rest on the shard's own thread. */
#ifndef SHARD_H
#define SHARD_H

#include "base/base.h"
#include "config.h"
#include "env.h"

struct shard;

/* Start a shard: recover what its part of the data directory holds. No event before this.
 * Owns    *out until shard_close(); `config` and `env` must outlive it.
 * Errors  ERR_INVALID_CONFIG: the directory belongs to another node, cluster or to Apache
 *         Kafka; ERR_CORRUPT, ERR_IO, ERR_SPACE. The reason was traced as one error line. */
enum err shard_open(struct shard **out, const struct config *config, uint32_t index,
                    struct env *env);
void shard_close(struct shard *shard);

/* Append one event to the inbox. Copies `event`; a letter in it changes hands. */
void shard_deliver(struct shard *shard, const struct env_event *event);

/* Take the inbox, step the cores, fire due timers, flush writes, sends and letters. */
void shard_tick(struct shard *shard, mono_ms now);

/* The latest time of the next tick when no event comes; MONO_NEVER: none is needed. */
mono_ms shard_deadline(const struct shard *shard);

/* A controlled shutdown has ended; the process may exit with 0. */
bool shard_is_stopped(const struct shard *shard);

#endif
