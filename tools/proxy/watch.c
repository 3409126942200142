/* watch.c -- descriptors under libuv's poll handles, which outlive their owners by a turn. */
#include "proxy.h"

struct watch {
    uv_poll_t poll;
    watch_ready ready; /* NULL: closed. */
    void *owner;
    int armed;
};

struct watch *watch_open(struct proxy *proxy, int fd, watch_ready ready, void *owner)
{
    struct watch *watch = mem_zalloc(sizeof *watch);
    int failed = uv_poll_init(&proxy->loop, &watch->poll, fd);
    check(failed == 0); /* The descriptor is a fresh socket. */
    watch->poll.data = watch;
    watch->ready = ready;
    watch->owner = owner;
    return watch;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    if (status < 0) { /* An error on the socket; libuv has stopped the watch by itself. */
        events = watch->armed;
        watch->armed = 0;
    }
    if (watch->ready)
        watch->ready(watch->owner, events);
}

void watch_arm(struct watch *watch, int events)
{
    if (events == watch->armed)
        return;
    watch->armed = events;
    if (events == 0)
        uv_poll_stop(&watch->poll);
    else
        uv_poll_start(&watch->poll, events, on_ready);
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    watch->ready = NULL;
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}
