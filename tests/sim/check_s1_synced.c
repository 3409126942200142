/* check_s1_synced.c -- S1': what a node calls durable, power loss cannot take.
 *
 * The others take a node at its word about how far its logs are durable; here the word is
 * held against the disk. Each batch below that offset stands, as it was appended, in the
 * synced image of a segment which has a synced name in a directory which has one (rule 8).
 * What compaction has written anew is K1's to K3's to look at. */
#include "check.h"

#include <stdlib.h>

static bool next_batch(struct bytes *rest, struct bytes *batch)
{
    if (rest->size < BATCH_HEADER_SIZE || load_be32(rest->data + 8) > rest->size - 12)
        return false;
    *batch = (struct bytes){.data = rest->data, .size = load_be32(rest->data + 8) + 12};
    rest->data += batch->size;
    rest->size -= batch->size;
    return true;
}

/* How many batches from `from` on to `end` the synced image of a segment holds. */
static uint32_t count_synced(const struct ghost_log *log, const struct disk_file *file,
                             log_offset from, log_offset end)
{
    struct bytes rest = {.data = file->durable.data, .size = (uint32_t)file->durable.size};
    struct bytes batch, whole;
    struct batch_info info;
    uint32_t count = 0;
    while (next_batch(&rest, &batch)) {
        log_offset base = (log_offset)load_be64(batch.data);
        if (base < from || base >= end)
            continue;
        const struct ghost_batch *known = ghost_batch_at(&log->batches, base);
        count += batch_next(&batch, &info, &whole) == ERR_NONE && known && known->base == base &&
                 known->crc_here == info.crc && known->epoch == info.epoch;
    }
    return count;
}

static uint32_t count_in_directory(const struct ghost_log *log, const struct disk_file *directory,
                                   log_offset from, log_offset end)
{
    const struct disk_entries *entries = &directory->durable_entries;
    uint32_t count = 0;
    for (uint32_t i = entries->count; i > 0; i--) {
        const struct disk_entry *entry = &entries->all[i - 1];
        char *rest;
        log_offset base = strtoll(entry->name, &rest, 10);
        if (strcmp(rest, ".log") != 0 || base >= end)
            continue;
        count += count_synced(log, entry->file, from, end);
        if (base <= from)
            break;
    }
    return count;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    char path[ENV_PATH_MAX];
    if (log->rotten || partition->removed || !ghost_log_path(world, probe->key, path))
        return;
    uint32_t needed = 0;
    log_offset from = log->durable > log->start ? log->durable : log->start;
    if (from < log->compacted)
        from = log->compacted;
    for (uint32_t i = log->batches.count; i > 0; i--) {
        const struct ghost_batch *batch = &log->batches.all[i - 1];
        if (batch->base < from)
            break;
        needed += batch->base < probe->offset && !batch->is_absent;
    }
    const struct disk_file *directory =
        entries_get(&node->disk.root->durable_entries, path, strlen(path));
    uint32_t found = directory ? count_in_directory(log, directory, from, probe->offset) : 0;
    if (found < needed)
        world_violation(world, "S1'",
                        "node %d, partition %d: durable to %lld, from %lld, and %u of %u batches "
                        "would survive",
                        node->id, probe->key.index, (long long)probe->offset, (long long)from,
                        found, needed);
}

const struct checker check_s1_synced = {.name = "S1'", .kinds = KIND(LOG_DURABLE), .take = take};
