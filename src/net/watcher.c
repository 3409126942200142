/* watcher.c -- dial, count refusals, hang up. */
#include "watcher.h"

#include "node.h"

void watcher_init(struct shard *shard, struct watcher *watcher, uint32_t refusals_wanted)
{
    *watcher = (struct watcher){.shard = shard, .conn = -1, .refusals_wanted = refusals_wanted};
}

static void watcher_dial(struct watcher *watcher)
{
    watcher->conn = env_dial(watcher->shard->env, &watcher->address);
    struct endpoint *endpoint = mem_zalloc(sizeof *endpoint);
    endpoint->watcher = watcher;
    map_put(&watcher->shard->endpoints, &watcher->conn, endpoint);
}

void watcher_look(struct watcher *watcher, const struct env_address *address)
{
    if (watcher->conn >= 0)
        return;
    watcher->address = *address;
    watcher->refusals = 0;
    watcher_dial(watcher);
}

static void watcher_forget(struct watcher *watcher)
{
    mem_free(map_remove(&watcher->shard->endpoints, &watcher->conn));
    watcher->conn = -1;
}

void watcher_stop(struct watcher *watcher)
{
    if (watcher->conn < 0)
        return;
    env_hang_up(watcher->shard->env, watcher->conn);
    watcher_forget(watcher);
}

void watcher_dialed(struct shard *shard, struct watcher *watcher, enum err result)
{
    if (result == ERR_NONE)
        env_hang_up(shard->env, watcher->conn);
    watcher_forget(watcher);
    watcher->refusals = result == ERR_REFUSED ? watcher->refusals + 1 : 0;
    if (result == ERR_REFUSED && watcher->refusals < watcher->refusals_wanted)
        watcher_dial(watcher);
    else if (result == ERR_REFUSED)
        watcher->dead(shard, watcher);
    else if (watcher->silent)
        watcher->silent(shard, watcher);
}
