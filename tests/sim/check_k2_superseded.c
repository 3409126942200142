/* check_k2_superseded.c -- K2: a record is gone only if a later one of its key is committed, and
 * old enough to be compacted (rule 14); tombstones may go for another reason (K3). The segment that
 * takes records is left alone. */
#include "check.h"

static void check_gone(struct world *world, const struct sim_node *node,
                       const struct ghost_partition *partition, log_offset offset, const char *how)
{
    const struct keyed_record *record = keyed_record_at(partition, offset);
    if (record && (record->is_tombstone || keyed_is_superseded(world, partition, record)))
        return;
    world_violation(world, "K2",
                    "node %d, partition %d: the record at %lld is %s, and the next of its key is "
                    "at %lld; %lld is committed",
                    node->id, partition->key.index, (long long)offset, how,
                    record ? (long long)record->next : -1, (long long)partition->high_watermark);
}

void check_k2_skipped(struct world *world, struct sim_node *node, struct partition_key key,
                      log_offset from, log_offset to)
{
    const struct ghost_partition *partition = ghost_partition_of(world, key);
    for (log_offset offset = from; offset < to; offset++) {
        check_gone(world, node, partition, offset, "not served");
        check_k3_gone(world, node, partition, offset, "not served");
    }
}

static void check_segment(struct world *world, const struct sim_node *node,
                          const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    if (probe->value > log->high_watermark && probe->value > log->start)
        world_violation(
            world, "K2", "node %d, partition %d: compacted to %lld; its high watermark is %lld",
            node->id, probe->key.index, (long long)probe->value, (long long)log->high_watermark);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct keyed_found *found = &world->ghost->found;
    if (!found->is_there)
        return;
    if (probe->kind == PROBE_LOG_COMPACT && world->phase != PHASE_DONE)
        check_segment(world, node, probe);
    for (log_offset offset = found->start; offset < found->end; offset++)
        if (!(keyed_left_at(found, offset) & KEYED_RECORD))
            check_gone(world, node, partition, offset, "gone");
}

const struct checker check_k2 = {
    .name = "K2", .kinds = KIND(LOG_APPEND) | KIND(LOG_OPEN) | KIND(LOG_COMPACT), .take = take};
