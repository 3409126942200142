/* check_s1_recovery.c -- S1: recovery keeps all that was durable and invents nothing.
 *
 * What a log held durably is there after any crash; what is found beyond is what was
 * written, in its place. The bytes are read from the simulated disk. */
#include "check.h"

/* A batch of a compacted partition may have lost records; which ones is K2's and K3's. */
static bool is_known(const struct ghost_partition *partition, const struct ghost_batch *known,
                     const struct batch_info *info, struct bytes bytes)
{
    if (!known || known->base != info->base || known->epoch != info->epoch)
        return false;
    return known->crc == info->crc || keyed_is_left(partition, bytes, info);
}

/* Each batch on the disk is the one that was appended there. */
static void check_file(struct world *world, struct sim_node *node,
                       const struct ghost_partition *partition, struct disk_file *file,
                       log_offset end)
{
    const struct ghost_log *log = &partition->logs[node->index];
    struct bytes rest = {.data = file->cache.data, .size = (uint32_t)file->cache.size};
    struct bytes bytes;
    struct batch_info info;
    enum err result;
    while ((result = batch_next(&rest, &info, &bytes)) == ERR_NONE && info.base < end) {
        bool undone = end > log->end || end < log->start; /* A cut or a reset, by a power loss. */
        const struct ghost_batch *known =
            ghost_batch_at(undone ? &log->uncut : &log->batches, info.base);
        if (!is_known(partition, known, &info, bytes))
            world_violation(world, "S1", "node %d recovers a batch at %lld that was never there",
                            node->id, (long long)info.base);
    }
    if (result != ERR_CORRUPT)
        return;
    log_offset base = (log_offset)load_be64(rest.data);
    bool is_retired = base < log->rot_end && log->rot_end <= log->start; /* Rot of ours. */
    if (base < end && !is_retired)
        world_violation(world, "S1", "node %d recovers a batch at %lld that does not verify",
                        node->id, (long long)base);
}

static void check_directory(struct world *world, struct sim_node *node,
                            const struct ghost_partition *partition, const char *path,
                            log_offset end)
{
    struct disk_file *directory = disk_find(&node->disk, path);
    for (uint32_t i = 0; directory && i < directory->entries.count; i++) {
        const char *name = directory->entries.all[i].name;
        size_t size = strlen(name);
        if (size > 4 && strcmp(name + size - 4, ".log") == 0)
            check_file(world, node, partition, directory->entries.all[i].file, end);
    }
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    if (log->rotten || ghost_has_just_failed(world, log) || partition->removed)
        return; /* S3 tells; or it went offline while it was recovered; or it only goes. */
    log_offset most = log->uncut_end > log->end ? log->uncut_end : log->end;
    if (probe->offset < log->durable || probe->offset > most)
        world_violation(world, "S1",
                        "node %d, partition %d: recovered to %lld; durable was %lld, "
                        "written %lld",
                        node->id, probe->key.index, (long long)probe->offset,
                        (long long)log->durable, (long long)log->end);
    char path[ENV_PATH_MAX];
    if (ghost_log_path(world, probe->key, path))
        check_directory(world, node, partition, path, probe->offset);
}

const struct checker check_s1 = {.name = "S1", .kinds = KIND(LOG_OPEN), .take = take};
