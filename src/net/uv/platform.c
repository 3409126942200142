/* platform.c -- the process: limits, signals, the order of starting and of going away.
 *
 * Ports first, then the directory: a node that cannot have its ports leaves no trace of
 * itself on the disk. The backlog takes connections from then on, so peers that dial
 * while this node still recovers are not refused. */
#include <signal.h>
#include <unistd.h>

#include "uv_shard.h"

void platform_draw_secret(void)
{
    uint64_t secret[2];
    int failed = uv_random(NULL, NULL, secret, sizeof secret, 0, NULL);
    check(failed == 0); /* Linux has randomness to give. */
    hash_set_secret(secret);
}

static void ignore_signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL); /* sendfile() has no MSG_NOSIGNAL. */
    sigaction(SIGIO, &ignore, NULL);   /* Somebody opens a file while free.c has its lease. */
}

enum err platform_open(struct platform **out, struct config *config, struct trace *trace)
{
    struct platform *platform = mem_zalloc(sizeof *platform);
    struct uv_shard *owner = &platform->shards[0];
    enum err err;

    check(config->shards == 1); /* More of them need a thread each. */
    platform->config = config;
    platform->trace = trace;
    platform->dir_fd = -1;
    platform->lock_fd = -1;
    owner->platform = platform;
    descriptors_raise();
    ignore_signals();
    sockets_init(owner);
    err = listen_bind_all(platform);
    if (err == ERR_NONE)
        err = directory_take(platform);
    if (err != ERR_NONE) {
        platform_close(platform);
        return err;
    }
    disk_init(owner);
    int failed = uv_loop_init(&owner->loop);
    check(failed == 0);
    platform->loop_ready = true;
    frees_init(owner);
    *out = platform;
    return ERR_NONE;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct platform *platform = handle->data;
    if (platform->stop_asked) {
        trace_warn(platform->trace, "signal %d again: ended without a controlled shutdown", number);
        _exit(1);
    }
    trace_info(platform->trace, "signal %d: controlled shutdown", number);
    platform_stop(platform);
}

void platform_stop(struct platform *platform)
{
    struct env_event event = {.kind = ENV_STOP, .conn = -1};
    if (platform->stop_asked)
        return;
    platform->stop_asked = true;
    uv_shard_deliver(&platform->shards[0], &event);
}

static void watch_signals(struct platform *platform)
{
    uv_loop_t *loop = &platform->shards[0].loop;
    uv_signal_init(loop, &platform->terminate);
    uv_signal_init(loop, &platform->interrupt);
    platform->terminate.data = platform;
    platform->interrupt.data = platform;
    uv_signal_start(&platform->terminate, on_signal, SIGTERM);
    uv_signal_start(&platform->interrupt, on_signal, SIGINT);
}

enum err platform_run(struct platform *platform)
{
    watch_signals(platform);
    return uv_shard_run(&platform->shards[0]);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_listens(struct uv_shard *owner)
{
    for (uint32_t i = 0; i < owner->sockets.listen_count; i++) {
        close(owner->sockets.listens[i]->fd);
        mem_free(owner->sockets.listens[i]);
    }
}

void platform_close(struct platform *platform)
{
    struct uv_shard *owner = &platform->shards[0];

    if (owner->shard != NULL)
        shard_close(owner->shard);
    owner->shard = NULL;
    sockets_close(owner);
    if (platform->loop_ready) {
        uv_walk(&owner->loop, close_handle, NULL);
        uv_run(&owner->loop, UV_RUN_DEFAULT); /* Waits for the thread pool's last jobs. */
        int failed = uv_loop_close(&owner->loop);
        check(failed == 0);
        disk_close_all(owner);
    }
    close_listens(owner);
    directory_release(platform);
    mem_free(platform);
}
