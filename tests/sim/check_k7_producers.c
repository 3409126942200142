/* check_k7_producers.c -- K7: compaction leaves the last batch of each producer, without records if
 * need be: it tells the next start where the sequence stands.
 *
 * A start looks too: it may have ended a compaction that a crash struck, and what that rightly
 * took is not missed when the batches behind it, which were not committed, are cut away. */
#include "check.h"

enum {
    BATCHES_KNOWN = 5, /* Of a producer; with so many that are not committed it may go. */
    PRODUCERS_MAX = 32,
};

struct last {
    int64_t producer;
    uint32_t uncommitted; /* Batches behind the last one that is committed. */
    bool is_known;        /* Its last one that is committed was met. */
};

static struct last *last_of(struct last all[PRODUCERS_MAX], int64_t producer)
{
    uint32_t i = 0;
    while (all[i].producer != producer && all[i].producer >= 0)
        i++;
    check(i + 1 < PRODUCERS_MAX);
    all[i].producer = producer;
    return &all[i];
}

/* From the newest batch on. */
static void check_batch(struct world *world, const struct sim_node *node,
                        const struct ghost_partition *partition, const struct ghost_batch *batch,
                        struct last *last)
{
    const struct keyed_found *found = &world->ghost->found;
    if (batch->end > partition->high_watermark) {
        last->uncommitted++;
        return;
    }
    bool is_last = !last->is_known;
    last->is_known = true;
    if (is_last && !batch->is_absent && last->uncommitted < BATCHES_KNOWN &&
        batch->base >= found->start && batch->end <= found->end &&
        !(keyed_left_at(found, batch->base) & KEYED_BATCH))
        world_violation(
            world, "K7", "node %d, partition %d: the last batch of producer %lld, at %lld, is gone",
            node->id, partition->key.index, (long long)batch->producer_id, (long long)batch->base);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_batches *batches = ghost_batches_found(&partition->logs[node->index], probe);
    struct last all[PRODUCERS_MAX];
    for (uint32_t i = 0; i < PRODUCERS_MAX; i++)
        all[i] = (struct last){.producer = -1};
    for (uint32_t i = batches->count; i > 0 && world->ghost->found.is_there; i--) {
        const struct ghost_batch *batch = &batches->all[i - 1];
        if (batch->producer_id >= 0)
            check_batch(world, node, partition, batch, last_of(all, batch->producer_id));
    }
}

const struct checker check_k7 = {
    .name = "K7", .kinds = KIND(LOG_OPEN) | KIND(LOG_COMPACT), .take = take};
