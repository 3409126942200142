/* fake_shard.h -- a shard that does what a test tells it, for one platform at a time. */
#ifndef TESTS_FAKE_SHARD_H
#define TESTS_FAKE_SHARD_H

#include "base/base.h"
#include "config.h"
#include "env.h"
#include "platform.h"
#include "shard.h"

enum { FAKE_INBOX_MAX = 1024 };

struct fake {
    /* Set by the test; all but `on_event` may be NULL. */
    void (*on_open)(void);
    void (*on_event)(const struct env_event *event);
    void (*on_deadline)(void); /* After `deadline`, which is MONO_NEVER again by then. */
    mono_ms deadline;
    bool stopped;
    enum err open_result;
    /* Filled by the shard. */
    struct env *env;
    uint32_t ticks;
    uint32_t inbox_count;
    struct env_event inbox[FAKE_INBOX_MAX];
    /* The platform, its config and what it said. */
    struct platform *platform;
    struct config config;
    struct trace trace;
    char lines[8192];
    char dir[64]; /* Its own, removed by fake_remove_dir(). */
};

extern struct fake fake;

/* One listener "MAIN" on `host`, a free port, a new empty directory. */
void fake_init(const char *host);
enum err fake_open(void);
/* fake_open(), platform_run() and platform_close() in one, all successful. */
void fake_run(void);
void fake_remove_dir(void);
/* The platform's own listener. */
struct env_address fake_address(const char *host);

#endif
