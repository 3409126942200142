/* check_p11_start.c -- P11: a log starts at or below what is committed and never starts earlier
 * again; nothing goes that retention or a request has not let go, and no clock that is wrong
 * makes it (PR8).
 *
 * In the worlds where records go by age only one clock jumps, so the true time is the measure. */
#include "check.h"

enum { CLOCK_SLACK_MS = 1000 }; /* Clocks that are right differ by less (node.c). */

/* As many bytes stand behind a batch as must stay, or it is old enough. */
static void check_leader(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct swarm *swarm = &world->swarm;
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_batches *batches = &partition->logs[node->index].batches;
    log_offset asked = ghost_trim_of(world, probe->key);
    int64_t behind = 0;
    for (uint32_t i = batches->count; i > 0 && batches->all[i - 1].end > probe->value; i--) {
        const struct ghost_batch *batch = &batches->all[i - 1];
        bool is_kept = batch->end > probe->offset && batch->base >= probe->offset;
        bool is_asked = probe->offset <= asked || batch->end <= asked;
        bool is_surplus = swarm->retention_bytes >= 0 && behind >= swarm->retention_bytes;
        bool is_expired = swarm->retention_ms >= 0 && batch->timestamp + swarm->retention_ms <
                                                          world_wall(world) + CLOCK_SLACK_MS;
        bool is_gone = keyed_may_all_go(world, partition, batch->base, batch->end);
        if (!is_kept && !is_asked && !is_surplus && !is_expired && !is_gone)
            world_violation(world, "P11",
                            "node %d retires partition %d to %lld: the batch at %lld is %lld ms "
                            "old, with %lld bytes behind it",
                            node->id, probe->key.index, (long long)probe->offset,
                            (long long)batch->base,
                            (long long)(world_wall(world) - batch->timestamp), (long long)behind);
        behind += batch->size;
    }
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    bool retires = probe->kind == PROBE_LOG_RETIRE;
    log_offset start = probe->kind == PROBE_LOG_OPEN ? probe->value : probe->offset;
    if (partition->is_metadata || partition->removed)
        return;
    if (start > partition->high_watermark)
        world_violation(world, "P11", "node %d starts partition %d at %lld; %lld is committed",
                        node->id, probe->key.index, (long long)start,
                        (long long)partition->high_watermark);
    if (retires && start <= log->start)
        world_violation(world, "P11", "node %d moves the start of partition %d from %lld to %lld",
                        node->id, probe->key.index, (long long)log->start, (long long)start);
    if (retires && log->leads >= 0)
        check_leader(world, node, probe);
    else if (start > partition->start_max)
        world_violation(
            world, "P11", "node %d starts partition %d at %lld; its leaders retired it to %lld",
            node->id, probe->key.index, (long long)start, (long long)partition->start_max);
}

const struct checker check_p11 = {
    .name = "P11",
    .kinds = KIND(LOG_RETIRE) | KIND(LOG_OPEN) | KIND(LOG_RESET),
    .take = take,
};
