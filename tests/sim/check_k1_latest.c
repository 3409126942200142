/* check_k1_latest.c -- K1: a compacted partition is a map: whoever reads it to its end has the
 * newest committed record of each key, and a key that was deleted stays away.
 *
 * Of readers: one that began at the start, or went on from where it stood, may have missed a
 * tombstone whose time was over (K3), and nothing else. Of disks: none keeps a record of a key
 * whose newest one is gone from it; but for a replica that came so late that its leader
 * had no tombstone for it any more. */
#include "check.h"

void check_k1_begin(struct check_reader *reader, log_offset from)
{
    mem_free(reader->newest.entries);
    map_init(&reader->newest, sizeof(uint64_t));
    reader->from = from;
}

void check_k1_read(struct check_reader *reader, const struct batch_record *record)
{
    uint64_t key = keyed_hash(0, record->key);
    map_put(&reader->newest, &key, (void *)(uintptr_t)(record->offset + 1));
}

void check_k1_compare(struct world *world, struct partition_key key,
                      const struct check_reader *reader, log_offset end)
{
    const struct ghost_partition *partition = ghost_partition_of(world, key);
    for (log_offset offset = reader->from; offset < end; offset++) {
        const struct keyed_record *record = keyed_record_at(partition, offset);
        if (!record || keyed_newest(partition, record) != offset)
            continue;
        log_offset read = (log_offset)(uintptr_t)map_get(&reader->newest, &record->key) - 1;
        if (read == offset || keyed_is_expired(world, record))
            continue;
        world_violation(world, "K1",
                        "partition %d, read from %lld to %lld: the newest record of a key is at "
                        "%lld, and what was read of it at %lld",
                        key.index, (long long)reader->from, (long long)end, (long long)offset,
                        (long long)read);
    }
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct keyed_found *found = &world->ghost->found;
    if (!found->is_there)
        return;
    for (log_offset offset = found->start; offset < found->end; offset++) {
        const struct keyed_record *record = keyed_record_at(partition, offset);
        if (!(keyed_left_at(found, offset) & KEYED_RECORD))
            continue;
        log_offset newest = keyed_newest(partition, record);
        if (newest == offset || newest >= found->end ||
            (keyed_left_at(found, newest) & KEYED_RECORD) ||
            (keyed_record_at(partition, newest)->missed_by & node_bit(node->id)))
            continue;
        world_violation(world, "K1",
                        "node %d, partition %d: the record at %lld is there, and that of its key "
                        "at %lld is gone",
                        node->id, probe->key.index, (long long)offset, (long long)newest);
    }
}

const struct checker check_k1 = {
    .name = "K1", .kinds = KIND(LOG_OPEN) | KIND(LOG_COMPACT), .take = take};
