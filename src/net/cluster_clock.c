/* cluster_clock.c -- which time counts, and the news of it to each shard. */
#include "cluster_clock.h"

#include "node.h"

enum { CLOCK_NEWS_MS = 100 }; /* Less is not worth a letter. */

static void sort(int64_t *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        int64_t value = values[i];
        uint32_t at = i;
        for (; at > 0 && values[at - 1] < value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

bool cluster_clock_choose(struct clock_readings *readings, uint32_t members,
                          struct wall_span *ahead)
{
    if (members < readings->count)
        members = readings->count;
    uint32_t minority = members / 2; /* As many may be wrong, an even half too. */
    if (readings->count <= minority)
        return false;
    sort(readings->ahead_ms, readings->count);
    ahead->earliest = readings->ahead_ms[minority];
    ahead->latest = readings->ahead_ms[readings->count - 1 - minority];
    return true;
}

struct wall_span cluster_time(const struct shard *shard)
{
    if (!shard->has_cluster_clock)
        return (struct wall_span){.earliest = -1, .latest = -1};
    struct wall_span span = {.earliest = shard->now + shard->cluster_ahead.earliest,
                             .latest = shard->now + shard->cluster_ahead.latest};
#ifdef SKIFF_MUTANT_STAMPS_OWN_CLOCK
    span.latest = env_wall(shard->env);
#endif
#ifdef SKIFF_MUTANT_STAMPS_EARLIEST
    span.latest = span.earliest;
#endif
    return span;
}

wall_ms cluster_wall(const struct shard *shard)
{
    return cluster_time(shard).earliest;
}

struct clock_news {
    struct letter letter;
    struct wall_span ahead;
};

static void clock_news_open(struct shard *shard, struct letter *letter)
{
    struct clock_news *news = (struct clock_news *)letter;
    shard->has_cluster_clock = true;
    shard->cluster_ahead = news->ahead;
    mem_free(news);
}

static bool is_near(wall_ms a, wall_ms b)
{
    return a - b > -CLOCK_NEWS_MS && a - b < CLOCK_NEWS_MS;
}

void cluster_clock_tell(struct shard *shard, struct wall_span wall)
{
    struct wall_span known = cluster_time(shard);
    if (shard->has_cluster_clock && is_near(wall.earliest, known.earliest) &&
        is_near(wall.latest, known.latest))
        return;
    for (uint32_t i = 0; i < shard->config->shards; i++) {
        struct clock_news *news = mem_zalloc(sizeof *news);
        news->ahead = (struct wall_span){.earliest = wall.earliest - shard->now,
                                         .latest = wall.latest - shard->now};
        mailbox_send(shard, i, &news->letter, clock_news_open);
    }
}
