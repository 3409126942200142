/* watcher.h -- does anybody listen there? A dial whose answer is all that matters.
 *
 * A stopped process accepts and stays silent, a dead one refuses: two refusals in
 * a row are as good as a death certificate, and anything else proves nothing.
 *
 * Source  ARCHITECTURE.md, "The controller". */
#ifndef NET_WATCHER_H
#define NET_WATCHER_H

#include "base/base.h"
#include "env.h"

struct shard;

struct watcher {
    struct shard *shard;
    conn_id conn; /* -1: not dialling. */
    uint32_t refusals;
    uint32_t refusals_wanted;
    struct env_address address;
    void (*dead)(struct shard *shard, struct watcher *watcher);   /* Refused as often as wanted. */
    void (*silent)(struct shard *shard, struct watcher *watcher); /* Anything else; may be NULL. */
    void *owner;
};

void watcher_init(struct shard *shard, struct watcher *watcher, uint32_t refusals_wanted);
/* Dial; one that is under way goes on. */
void watcher_look(struct watcher *watcher, const struct env_address *address);
void watcher_stop(struct watcher *watcher);
void watcher_dialed(struct shard *shard, struct watcher *watcher, enum err result);

#endif
