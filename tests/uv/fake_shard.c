/* fake_shard.c -- shard.h for the tests of the platform. */
#include "fake_shard.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake fake;

enum err shard_open(struct shard **out, const struct config *config, uint32_t index,
                    struct env *env)
{
    (void)config;
    (void)index;
    fake.env = env;
    if (fake.open_result != ERR_NONE)
        return fake.open_result;
    *out = (struct shard *)(void *)&fake;
    if (fake.on_open != NULL)
        fake.on_open();
    return ERR_NONE;
}

void shard_close(struct shard *shard)
{
    (void)shard;
}

void shard_deliver(struct shard *shard, const struct env_event *event)
{
    (void)shard;
    check(fake.inbox_count < FAKE_INBOX_MAX);
    fake.inbox[fake.inbox_count++] = *event;
}

void shard_tick(struct shard *shard, mono_ms now)
{
    (void)shard;
    fake.ticks++;
    uint32_t count = fake.inbox_count;
    struct env_event events[FAKE_INBOX_MAX];
    memcpy(events, fake.inbox, count * sizeof events[0]);
    fake.inbox_count = 0;
    for (uint32_t i = 0; i < count; i++)
        fake.on_event(&events[i]);
    if (fake.deadline > now)
        return;
    fake.deadline = MONO_NEVER;
    fake.on_deadline();
}

mono_ms shard_deadline(const struct shard *shard)
{
    (void)shard;
    return fake.deadline;
}

bool shard_is_stopped(const struct shard *shard)
{
    (void)shard;
    return fake.stopped;
}

static void keep_line(void *context, enum trace_level level, const char *text)
{
    (void)context;
    (void)level;
    size_t size = strlen(fake.lines);
    snprintf(fake.lines + size, sizeof fake.lines - size, "%s\n", text);
}

void fake_init(const char *host)
{
    memset(&fake, 0, sizeof fake);
    fake.deadline = MONO_NEVER;
    fake.trace = (struct trace){.level = TRACE_INFO, .line = keep_line};
    snprintf(fake.dir, sizeof fake.dir, "/tmp/skiff-test-XXXXXX");
    cr_assert_not_null(mkdtemp(fake.dir));
    fake.config.shards = 1;
    fake.config.listener_count = 1;
    struct config_listener *listener = &fake.config.listeners[0];
    snprintf(listener->name, sizeof listener->name, "MAIN");
    snprintf(listener->bind.host, sizeof listener->bind.host, "%s", host);
    snprintf(fake.config.log_dir, sizeof fake.config.log_dir, "%s/data", fake.dir);
}

enum err fake_open(void)
{
    return platform_open(&fake.platform, &fake.config, &fake.trace);
}

void fake_run(void)
{
    cr_assert_eq(fake_open(), ERR_NONE, "%s", fake.lines);
    cr_assert_eq(platform_run(fake.platform), ERR_NONE, "%s", fake.lines);
    platform_close(fake.platform);
    fake_remove_dir();
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about;
    (void)type;
    (void)walk;
    return remove(path);
}

void fake_remove_dir(void)
{
    nftw(fake.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct env_address fake_address(const char *host)
{
    struct env_address address = {.port = fake.config.listeners[0].bind.port};
    snprintf(address.host, sizeof address.host, "%s", host);
    return address;
}
