/* check_p3_epochs.c -- P3: epochs never fall along a log; a leader writes its own only. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    const struct ghost_batches *incoming = &world->ghost->incoming;
    log_epoch last = log->batches.count ? log->batches.all[log->batches.count - 1].epoch : -1;
    log_epoch own = partition->is_metadata ? probe->epoch : log->leads;
    for (uint32_t i = 0; i < incoming->count; i++) {
        log_epoch epoch = incoming->all[i].epoch;
        if (epoch < last)
            world_violation(world, "P3", "node %d, partition %d: epoch %d is appended after %d",
                            node->id, probe->key.index, epoch, last);
        if (probe->flag && epoch != own)
            world_violation(world, "P3",
                            "node %d leads partition %d in epoch %d and writes epoch %d", node->id,
                            probe->key.index, own, epoch);
        last = epoch;
    }
}

const struct checker check_p3 = {.name = "P3", .kinds = KIND(LOG_APPEND), .take = take};
