/* ghost_disk.c -- what a disk makes of a log by itself: damage, and cuts that are undone.
 *
 * A cut that is not synced may be undone by a power loss, and a reset by a kill. So what stood
 * there before is kept until something is written or synced. */
#include "ghost.h"

enum { BATCH_CHECKED_FROM = 17 }; /* What stands before a batch's checksum it does not cover. */

/* ---- Cuts. */

void ghost_uncut_keep(struct ghost_log *log)
{
    if (log->uncut_end >= log->end)
        return;
    log->uncut.count = 0;
    for (uint32_t i = 0; i < log->batches.count; i++)
        ghost_push_batch(&log->uncut, &log->batches.all[i]);
    log->uncut_end = log->end;
    log->uncut_compacted = log->compacted;
    log->uncut_rot_end = log->rotten ? log->rot_end : 0;
}

void ghost_uncut_forget(struct ghost_log *log)
{
    log->uncut.count = 0;
    log->uncut_end = log->uncut_compacted = log->uncut_rot_end = 0;
}

void ghost_uncut_bring_back(struct ghost_log *log)
{
    if (log->uncut_end < log->end || log->uncut.count == 0)
        return;
    log->batches.count = 0;
    for (uint32_t i = 0; i < log->uncut.count; i++)
        ghost_push_batch(&log->batches, &log->uncut.all[i]);
    log->compacted = log->uncut_compacted;
}

const struct ghost_batches *ghost_batches_found(const struct ghost_log *log,
                                                const struct probe *probe)
{
    bool is_undone = probe->kind == PROBE_LOG_OPEN && probe->offset > log->end;
    return is_undone ? &log->uncut : &log->batches;
}

/* ---- Damage. */

void ghost_weigh_rot(struct world *world, const struct sim_node *node, const struct probe *probe)
{
    struct ghost_log *log = &ghost_partition_of(world, probe->key)->logs[node->index];
    if (probe->kind == PROBE_LOG_COMPACT) {
        log->rotten = false;
        return;
    }
    bool is_back = probe->offset > log->end || probe->value < log->start;
    if (log->uncut_rot_end == 0 || !is_back)
        return;
    log->rotten = true;
    log->rot_end = log->uncut_rot_end;
}

/* The first segment of `partition` on `node`; NULL: none, or another is about to take its place. */
static struct disk_file *data_file(struct world *world, const struct ghost_partition *partition,
                                   struct sim_node *node)
{
    char path[ENV_PATH_MAX];
    if (!ghost_log_path(world, partition->key, path))
        return NULL;
    strcat(path, "/00000000000000000000.log.swap");
    if (disk_find(&node->disk, path))
        return NULL;
    path[strlen(path) - strlen(".swap")] = '\0';
    return disk_find(&node->disk, path);
}

/* Where the first batch of a file ends: of a compacted log it need not be the first one written. */
static log_offset first_end(const struct disk_file *file)
{
    struct bytes bytes = {.data = file->durable.data, .size = (uint32_t)file->durable.size};
    struct batch_info info;
    return batch_read(bytes, &info) == ERR_NONE ? batch_end(&info) : INT64_MAX;
}

void ghost_rot_one(struct world *world, struct sim_node *node, struct rand *rand)
{
    struct ghost_partition *chosen = NULL;
    struct disk_file *file = NULL;
    uint64_t seen = 0;
    for (struct ghost_partition *partition = world->ghost->first; partition;
         partition = partition->next) {
        struct ghost_log *log = &partition->logs[node->index];
        const struct ghost_batch *first = ghost_batch_at(&log->batches, 0);
        bool spared = __builtin_popcountll(partition->replicas) - 1 < partition->min_insync;
        if (partition->is_metadata || partition->removed || log->rotten || !first ||
            log->start > 0 || first->end > log->mark || spared)
            continue;
        struct disk_file *found = data_file(world, partition, node);
        if (!found || found->durable.size < BATCH_HEADER_SIZE ||
            (partition->keyed && first_end(found) > log->mark) || rand_below(rand, ++seen) > 0)
            continue;
        chosen = partition;
        file = found;
    }
    if (!chosen)
        return;
    struct ghost_log *log = &chosen->logs[node->index];
    log->rotten = true;
    log->rot_end = chosen->keyed ? first_end(file) : ghost_batch_at(&log->batches, 0)->end;
    /* That a base offset is a wrong one is not seen where any may follow. */
    disk_rot(&node->disk, file, chosen->keyed ? BATCH_CHECKED_FROM : 0, BATCH_HEADER_SIZE);
    world_note(world, node, "rot in partition %d", chosen->key.index);
}
