/* state.c -- open and close it; answers that wait for an image. */
#include "state.h"

#include "create_missing.h"
#include "fetch_session.h"

void api_state_open(struct shard *shard)
{
    struct api_state *api = mem_zalloc(sizeof *api);
    api->shard = shard;
    map_init(&api->sessions, sizeof(conn_id));
    list_init(&api->sessions_used);
    list_init(&api->producer_id_waiters);
    list_init(&api->watchers);
    list_init(&api->creations);
    shard->api = api;
}

void api_state_close(struct shard *shard)
{
    if (!shard->api)
        return;
    check(list_is_empty(&shard->api->watchers));
    fetch_sessions_free(shard->api);
    mem_free(shard->api);
    shard->api = NULL;
}

static void watch_end(struct image_watch *watch)
{
    list_remove(&watch->link);
    timer_stop(&watch->shard->timers, &watch->timer);
}

static void watch_fire(struct timer *timer, mono_ms now)
{
    struct image_watch *watch = list_entry(timer, struct image_watch, timer);
    (void)now;
    watch_end(watch);
    watch->look(watch, true);
}

void api_state_end_waits(struct shard *shard)
{
    create_missing_end_all(shard);
    while (!list_is_empty(&shard->api->watchers)) {
        struct image_watch *watch = list_entry(shard->api->watchers.next, struct image_watch, link);
        watch_end(watch);
        watch->look(watch, true);
    }
}

void image_watch_start(struct shard *shard, struct image_watch *watch, mono_ms deadline)
{
    watch->shard = shard;
    watch->timer = (struct timer){.fire = watch_fire};
    list_init(&watch->link);
    if (watch->look(watch, false))
        return;
    list_append(&shard->api->watchers, &watch->link);
    timer_start(&shard->timers, &watch->timer, deadline);
}

void api_state_image(struct shard *shard)
{
    struct list *node, *after;
    list_each (node, after, &shard->api->watchers) {
        struct image_watch *watch = list_entry(node, struct image_watch, link);
        mono_ms due = watch->timer.due;
        watch_end(watch); /* If it says true, it has ended its request and with it this struct. */
        if (watch->look(watch, false))
            continue;
        list_insert_before(after, &watch->link);
        timer_start(&shard->timers, &watch->timer, due);
    }
}
