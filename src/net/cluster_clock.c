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

bool cluster_clock_choose(struct clock_readings *readings, uint32_t members, int64_t *ahead_ms)
{
    if (members < readings->count)
        members = readings->count;
    uint32_t minority = members / 2; /* As many may be wrong, an even half too. */
    if (readings->count <= minority)
        return false;
    sort(readings->ahead_ms, readings->count);
    *ahead_ms = readings->ahead_ms[minority];
    return true;
}

wall_ms cluster_wall(const struct shard *shard)
{
    return shard->has_cluster_clock ? shard->now + shard->cluster_ahead_ms : -1;
}

struct clock_news {
    struct letter letter;
    int64_t ahead_ms;
};

static void clock_news_open(struct shard *shard, struct letter *letter)
{
    struct clock_news *news = (struct clock_news *)letter;
    shard->has_cluster_clock = true;
    shard->cluster_ahead_ms = news->ahead_ms;
    mem_free(news);
}

void cluster_clock_tell(struct shard *shard, wall_ms wall)
{
    int64_t ahead_ms = wall - shard->now;
    int64_t moved = ahead_ms - shard->cluster_ahead_ms;
    if (shard->has_cluster_clock && moved > -CLOCK_NEWS_MS && moved < CLOCK_NEWS_MS)
        return;
    for (uint32_t i = 0; i < shard->config->shards; i++) {
        struct clock_news *news = mem_zalloc(sizeof *news);
        news->ahead_ms = ahead_ms;
        mailbox_send(shard, i, &news->letter, clock_news_open);
    }
}
