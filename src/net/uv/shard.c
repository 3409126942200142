/* shard.c -- one shard's loop: events in, one tick for each round, sleep until the deadline.
 *
 * A round of libuv is timers, prepare, poll, check. Callbacks of the poll only append to
 * the inbox. Check runs the tick when there are events or the deadline has come; prepare
 * arms the one timer that bounds the next sleep, so an idle node wakes for nothing else.
 *
 * Source  ARCHITECTURE.md, "Shards, the tick and the seam". */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "uv_shard.h"

static mono_ms clock_mono(struct env *env);
static wall_ms clock_wall(struct env *env);
static uint64_t clock_random(struct env *env);
static int64_t clock_mono_us(struct env *env);
static void post(struct env *env, uint32_t shard, struct letter *letter);
static void fatal(struct env *env, const char *reason);

static const struct env_ops uv_env_ops = {
    .mono = clock_mono,
    .wall = clock_wall,
    .random = clock_random,
    .mono_us = clock_mono_us,
    .usage = usage_read,
    .open = disk_open,
    .close = disk_close,
    .hold = disk_hold,
    .size = disk_size,
    .read = disk_read,
    .load = load_ask,
    .write = disk_write,
    .truncate = disk_truncate,
    .reserve = disk_reserve,
    .mkdir = names_mkdir,
    .rename = names_rename,
    .unlink = names_unlink,
    .list = names_list,
    .sync = sync_start,
    .dial = dial_start,
    .recv = sockets_recv,
    .send = sockets_send,
    .send_file = sockets_send_file,
    .want_read = sockets_want_read,
    .hang_up = sockets_hang_up,
    .peer = sockets_peer,
    .post = post,
    .fatal = fatal,
};

static mono_ms clock_mono(struct env *env)
{
    (void)env;
    return uv_shard_now();
}

static wall_ms clock_wall(struct env *env)
{
    (void)env;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (wall_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t clock_random(struct env *env)
{
    return rand_u64(&uv_shard_of(env)->rand);
}

static int64_t clock_mono_us(struct env *env)
{
    (void)env;
    return (int64_t)(uv_hrtime() / 1000U);
}

/* Shards on other threads will get their letters through a queue and uv_async_send(). */
static void post(struct env *env, uint32_t shard, struct letter *letter)
{
    struct uv_shard *owner = uv_shard_of(env);
    struct env_event event = {.kind = ENV_LETTER, .conn = -1, .letter = letter};

    check(shard == owner->index);
    uv_shard_deliver(owner, &event);
}

static void fatal(struct env *env, const char *reason)
{
    trace_error(env->trace, "%s", reason);
    _exit(1);
}

void uv_shard_deliver(struct uv_shard *owner, const struct env_event *event)
{
    check(owner->shard != NULL);
    shard_deliver(owner->shard, event);
    owner->delivered = true;
}

/* The deadline has come; check, later in this round, ticks. */
static void on_deadline(uv_timer_t *timer)
{
    struct uv_shard *owner = timer->data;
    owner->armed = MONO_NEVER;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct uv_shard *owner = prepare->data;
    mono_ms due = owner->delivered ? 0 : shard_deadline(owner->shard);

    if (due == owner->armed)
        return;
    owner->armed = due;
    if (due == MONO_NEVER) {
        uv_timer_stop(&owner->timer);
        return;
    }
    mono_ms now = uv_shard_now();
    uv_timer_start(&owner->timer, on_deadline, due > now ? (uint64_t)(due - now) : 0, 0);
}

static void on_check(uv_check_t *handle)
{
    struct uv_shard *owner = handle->data;
    mono_ms now = uv_shard_now();

    if (!owner->delivered && shard_deadline(owner->shard) > now)
        return;
    owner->delivered = false;
    shard_tick(owner->shard, now);
    if (shard_is_stopped(owner->shard))
        uv_stop(&owner->loop);
}

static void seed(struct uv_shard *owner)
{
    uint64_t entropy = 0;
    if (getrandom(&entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy)
        entropy = uv_hrtime() ^ ((uint64_t)getpid() << 40);
    rand_init(&owner->rand, entropy);
}

static void start_handles(struct uv_shard *owner)
{
    uv_prepare_init(&owner->loop, &owner->prepare);
    uv_check_init(&owner->loop, &owner->check);
    uv_timer_init(&owner->loop, &owner->timer);
    owner->prepare.data = owner;
    owner->check.data = owner;
    owner->timer.data = owner;
    owner->armed = MONO_NEVER;
    uv_prepare_start(&owner->prepare, on_prepare);
    uv_check_start(&owner->check, on_check);
}

enum err uv_shard_run(struct uv_shard *owner)
{
    struct platform *platform = owner->platform;

    owner->env.ops = &uv_env_ops;
    owner->env.trace = platform->trace;
    seed(owner);
    struct shard *shard = NULL;
    enum err err = shard_open(&shard, platform->config, owner->index, &owner->env);
    if (err != ERR_NONE)
        return err;
    owner->shard = shard;
    err = directory_mark(platform);
    if (err != ERR_NONE)
        return err;
    owner->delivered = true; /* The first tick needs no event. */
    err = listen_start(owner);
    if (err != ERR_NONE)
        return err;
    start_handles(owner);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    return ERR_NONE;
}
