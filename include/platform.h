/* platform.h -- one node on this machine: its loop, sockets, files and signals.
 *
 * main.c opens a platform and runs it; the shards that it carries see only their
 * struct env. Shards answer the calls of shard.h, so a test links one of its own.
 *
 * Source  src/net/uv, the only folder (with main.c) that knows libuv. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "base/base.h"
#include "config.h"

struct platform;

/* Draw the secret that this process's hashes are keyed with (base/hash.h): first of all, once. */
void platform_draw_secret(void);

/* Lines to standard output, one write each: "2026-01-02 03:04:05.678 INFO text" (UTC), or
 * one JSON object a line. `trace` may be used by any thread. */
void platform_trace(struct trace *trace, enum trace_level level, bool json);

/* Bind the listeners, then take the data directory for this process alone.
 * A listener or voter of our own with port 0 gets the port that was taken, in `config`.
 * Owns    *out until platform_close(); `config` and `trace` must outlive it.
 * Errors  ERR_BUSY: a port or the directory is in use; ERR_DENIED, ERR_INVALID_CONFIG,
 *         ERR_IO. The reason was traced as one error line; nothing was left behind. */
enum err platform_open(struct platform **out, struct config *config, struct trace *trace);
void platform_close(struct platform *platform);

/* Open the shards and carry them until they have stopped: after SIGTERM, SIGINT or
 * platform_stop(). A second signal ends the process at once.
 * Errors  what shard_open() said; ERR_NONE after a controlled shutdown. */
enum err platform_run(struct platform *platform);

/* Ask every shard for a controlled shutdown, as SIGTERM does. */
void platform_stop(struct platform *platform);

#endif
