/* check_k3_tombstones.c -- K3: a tombstone that nothing supersedes is there until its horizon,
 * which the first compaction that saw it sets, delete.retention.ms ahead (KIP-534). */
#include "check.h"

static void check_horizon(struct world *world, const struct sim_node *node,
                          const struct ghost_partition *partition, log_offset offset,
                          const struct keyed_record *record)
{
    /* Where one clock of two is wrong the cluster's time may be anywhere before the true one, but
     * it sets no horizon before it has reached the record's. */
    wall_ms from =
        record->timestamp < record->committed_at ? record->timestamp : record->committed_at;
    wall_ms least = from + world->swarm.delete_retention_ms;
    if (record->horizon >= 0 && record->horizon < least - KEYED_CLOCK_SLACK_MS)
        world_violation(world, "K3",
                        "node %d, partition %d: the tombstone at %lld may go %lld ms after it was "
                        "committed",
                        node->id, partition->key.index, (long long)offset,
                        (long long)(record->horizon - record->committed_at));
}

void check_k3_gone(struct world *world, const struct sim_node *node,
                   const struct ghost_partition *partition, log_offset offset, const char *how)
{
    const struct keyed_record *record = keyed_record_at(partition, offset);
    if (!record || !record->is_tombstone || keyed_is_superseded(world, partition, record))
        return;
    if (!keyed_is_expired(world, record))
        world_violation(world, "K3",
                        "node %d, partition %d: the tombstone at %lld is %s, %lld ms after it was "
                        "committed; horizon %lld",
                        node->id, partition->key.index, (long long)offset, how,
                        (long long)(world_wall(world) - record->committed_at),
                        (long long)record->horizon);
    world_mark(world, "tombstone_gone");
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct keyed_found *found = &world->ghost->found;
    for (log_offset offset = found->start; found->is_there && offset < found->end; offset++) {
        const struct keyed_record *record = keyed_record_at(partition, offset);
        if (record && record->is_tombstone)
            check_horizon(world, node, partition, offset, record);
        if (!(keyed_left_at(found, offset) & KEYED_RECORD))
            check_k3_gone(world, node, partition, offset, "gone");
    }
}

const struct checker check_k3 = {
    .name = "K3", .kinds = KIND(LOG_APPEND) | KIND(LOG_OPEN) | KIND(LOG_COMPACT), .take = take};
