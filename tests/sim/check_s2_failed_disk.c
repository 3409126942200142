/* check_s2_failed_disk.c -- S2: after a failed write or sync nothing depends on that log again.
 *
 * The disk says what has failed, so that a core which has not heard is found too; the core says
 * which other logs it has given up. */
#include "check.h"

static bool is_segment(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".log") == 0;
}

static bool has_disk_failed(struct world *world, struct sim_node *node, struct partition_key key)
{
    const struct disk_counts *counts = &node->disk.counts;
    char path[ENV_PATH_MAX];
    if (counts->write_errors + counts->sync_errors == 0 || !ghost_log_path(world, key, path))
        return false;
    const struct disk_file *directory = disk_find(&node->disk, path);
    for (uint32_t i = 0; directory && i < directory->entries.count; i++)
        if (is_segment(directory->entries.all[i].name) && directory->entries.all[i].file->failed)
            return true;
    return false;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    if (log->failed || has_disk_failed(world, node, probe->key))
        world_violation(world, "S2", "node %d, partition %d: %s after its log has failed", node->id,
                        probe->key.index, probe_name(probe->kind));
}

const struct checker check_s2 = {
    .name = "S2", .kinds = KIND(LOG_APPEND) | KIND(LOG_DURABLE) | KIND(ACK), .take = take};
