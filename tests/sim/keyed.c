/* keyed.c -- keeps what was appended to compacted partitions, and looks for it. */
#include "keyed.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "ghost.h"

struct original {
    struct ghost_batch batch;
    uint32_t count;
    struct keyed_record records[];
};

struct original_key {
    log_offset base;
    log_epoch epoch;
    uint32_t padding;
};

void keyed_open(struct ghost_partition *partition)
{
    partition->keyed = mem_zalloc(sizeof *partition->keyed);
    map_init(&partition->keyed->newest, sizeof(uint64_t));
    map_init(&partition->keyed->originals, sizeof(struct original_key));
}

bool keyed_is_thinned(const struct ghost_partition *partition)
{
    return partition->keyed && partition->keyed->is_thinned;
}

uint64_t keyed_hash(uint64_t hash, struct bytes bytes)
{
    hash = sim_mix(hash, bytes.data ? bytes.size : UINT64_MAX);
    for (uint32_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t keyed_content(const struct batch_record *record)
{
    uint64_t hash = keyed_hash((uint64_t)record->timestamp, record->key);
    return keyed_hash(keyed_hash(hash, record->value), record->headers);
}

/* ---- What was appended. */

static struct original *find_original(const struct ghost_partition *partition, log_epoch epoch,
                                      log_offset base)
{
    struct original_key key = {.base = base, .epoch = epoch};
    return map_get(&partition->keyed->originals, &key);
}

const struct ghost_batch *keyed_original(const struct ghost_partition *partition, log_epoch epoch,
                                         log_offset base)
{
    const struct original *original = find_original(partition, epoch, base);
    return original ? &original->batch : NULL;
}

void keyed_append(struct ghost_partition *partition, const struct ghost_batch *batch,
                  struct bytes bytes)
{
    struct original_key key = {.base = batch->base, .epoch = batch->epoch};
    uint32_t count = (uint32_t)(batch->end - batch->base);
    struct original *original = mem_zalloc(sizeof *original + count * sizeof(struct keyed_record));
    struct codec_reader *reader = codec_reader_open();
    struct batch_record record;
    struct batch_walk walk;
    original->batch = *batch;
    batch_walk_open(&walk, bytes, reader);
    while (original->count < count && batch_walk_next(&walk, &record) == ERR_NONE)
        original->records[original->count++] =
            (struct keyed_record){.key = keyed_hash(0, record.key),
                                  .content = keyed_content(&record),
                                  .timestamp = record.timestamp,
                                  .horizon = -1,
                                  .is_tombstone = !record.value.data};
    batch_walk_close(&walk);
    codec_reader_close(reader);
    check(original->count == count); /* A leader's batch is dense. */
    map_put(&partition->keyed->originals, &key, original);
}

static void commit_record(struct keyed *keyed, const struct keyed_record *record, wall_ms now)
{
    uintptr_t before = (uintptr_t)map_get(&keyed->newest, &record->key);
    if (before > 0)
        keyed->committed[before - 1].next = keyed->end;
    mem_grow(keyed->committed, (uint32_t)keyed->end, &keyed->capacity);
    keyed->committed[keyed->end] = *record;
    keyed->committed[keyed->end].committed_at = now;
    keyed->end++;
    map_put(&keyed->newest, &record->key, (void *)(uintptr_t)keyed->end);
}

void keyed_commit(struct world *world, struct ghost_partition *partition,
                  const struct ghost_batch *batch)
{
    const struct original *original = find_original(partition, batch->epoch, batch->base);
    check(original != NULL); /* Some leader appended it. */
    check(partition->keyed->end == batch->base);
    for (uint32_t i = 0; i < original->count; i++)
        commit_record(partition->keyed, &original->records[i], world_wall(world));
}

/* ---- What may be gone. */

struct keyed_record *keyed_record_at(const struct ghost_partition *partition, log_offset offset)
{
    struct keyed *keyed = partition->keyed;
    return keyed && offset < keyed->end ? &keyed->committed[offset] : NULL;
}

log_offset keyed_newest(const struct ghost_partition *partition, const struct keyed_record *record)
{
    return (log_offset)(uintptr_t)map_get(&partition->keyed->newest, &record->key) - 1;
}

bool keyed_is_superseded(const struct world *world, const struct ghost_partition *partition,
                         const struct keyed_record *record)
{
    if (record->next == 0)
        return false;
    if (world->swarm.lag_min_ms == 0) /* Then it need not be old: its time may be yet to come. */
        return true;
    wall_ms since = partition->keyed->committed[record->next].timestamp;
    return since + world->swarm.lag_min_ms <= world_wall(world) + KEYED_CLOCK_SLACK_MS;
}

bool keyed_is_expired(const struct world *world, const struct keyed_record *record)
{
    return record->is_tombstone && record->horizon >= 0 &&
           record->horizon <= world_wall(world) + KEYED_CLOCK_SLACK_MS;
}

bool keyed_has_missed(const struct ghost_partition *partition, const struct sim_node *node)
{
    const struct keyed_record *record;
    for (log_offset offset = 0; (record = keyed_record_at(partition, offset)) != NULL; offset++)
        if (record->missed_by & node_bit(node->id))
            return true;
    return false;
}

bool keyed_may_all_go(const struct world *world, const struct ghost_partition *partition,
                      log_offset start, log_offset end)
{
    for (log_offset offset = start; offset < end; offset++) {
        const struct keyed_record *record = keyed_record_at(partition, offset);
        if (!record ||
            (!keyed_is_superseded(world, partition, record) && !keyed_is_expired(world, record)))
            return false;
    }
    return true;
}

/* ---- Looking. */

/* Walk what may be left of a batch; `found` NULL: only say whether it is that. */
static bool walk_left(const struct ghost_partition *partition, struct bytes bytes,
                      const struct batch_info *info, struct keyed_found *found)
{
    const struct original *original = find_original(partition, info->epoch, info->base);
    if (!original || original->batch.end != batch_end(info) ||
        original->batch.producer_id != info->producer_id ||
        original->batch.producer_epoch != info->producer_epoch ||
        original->batch.sequence != info->base_sequence)
        return false;
    struct codec_reader *reader = codec_reader_open();
    struct batch_record record;
    struct batch_walk walk;
    log_offset at = info->base;
    enum err err;
    batch_walk_open(&walk, bytes, reader);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE) {
        if (record.offset < at || record.offset >= original->batch.end ||
            original->records[record.offset - info->base].content != keyed_content(&record))
            break;
        at = record.offset + 1;
        if (found && record.offset >= found->start && record.offset < found->end)
            found->left[record.offset - found->start] |= KEYED_RECORD;
    }
    batch_walk_close(&walk);
    codec_reader_close(reader);
    return err == ERR_NOT_FOUND;
}

bool keyed_is_left(const struct ghost_partition *partition, struct bytes bytes,
                   const struct batch_info *info)
{
    return partition->keyed && walk_left(partition, bytes, info, NULL);
}

void keyed_look(struct world *world, log_offset start, log_offset end)
{
    struct keyed_found *found = &world->ghost->found;
    uint32_t count = end > start ? (uint32_t)(end - start) : 0;
    if (count > found->capacity) {
        mem_free(found->left);
        found->left = mem_zalloc(count);
        found->capacity = count;
    }
    if (count > 0)
        memset(found->left, 0, count);
    found->is_there = true;
    found->start = start;
    found->end = start + count;
    found->foreign = -1;
}

uint8_t keyed_left_at(const struct keyed_found *found, log_offset offset)
{
    return offset >= found->start && offset < found->end ? found->left[offset - found->start] : 0;
}

/* The horizon in a batch's header is that of all tombstones in it. */
static void note_horizon(struct ghost_partition *partition, const struct keyed_found *found,
                         const struct batch_info *info)
{
    for (log_offset offset = info->base; offset < batch_end(info); offset++) {
        struct keyed_record *record = keyed_record_at(partition, offset);
        bool is_here = keyed_left_at(found, offset) & KEYED_RECORD;
        if (record && is_here && record->is_tombstone &&
            (record->horizon < 0 || record->horizon > info->base_timestamp))
            record->horizon = info->base_timestamp;
    }
}

void keyed_see(struct world *world, struct ghost_partition *partition, struct bytes bytes,
               const struct batch_info *info)
{
    struct keyed_found *found = &world->ghost->found;
    if (!walk_left(partition, bytes, info, found)) {
        found->foreign = info->base;
        return;
    }
    if (info->base >= found->start && info->base < found->end)
        found->left[info->base - found->start] |= KEYED_BATCH;
    if (info->attributes & BATCH_DELETE_HORIZON)
        note_horizon(partition, found, info);
}

void keyed_copied(struct world *world, struct ghost_partition *partition,
                  const struct sim_node *node)
{
    const struct keyed_found *found = &world->ghost->found;
    for (log_offset offset = found->start; offset < found->end; offset++) {
        struct keyed_record *record = keyed_record_at(partition, offset);
        bool is_here = keyed_left_at(found, offset) & KEYED_RECORD;
        if (record && record->is_tombstone && !is_here)
            record->missed_by |= node_bit(node->id);
    }
}

/* ---- A log's directory. */

/* The base offset in a segment's name; -1: it has another ending. */
static log_offset base_of(const char *name, const char *ending)
{
    char *rest;
    log_offset base = strtoll(name, &rest, 10);
    return rest != name && strcmp(rest, ending) == 0 ? base : -1;
}

/* Batches below the end of the look. Returns where the last of them ends, or `base`. */
static log_offset see_segment(struct world *world, struct ghost_partition *partition,
                              const struct disk_file *file, log_offset base)
{
    struct bytes rest = {.data = file->cache.data, .size = (uint32_t)file->cache.size};
    struct bytes bytes;
    struct batch_info info;
    while (batch_next(&rest, &info, &bytes) == ERR_NONE && info.base < world->ghost->found.end) {
        if (batch_end(&info) > world->ghost->found.start)
            keyed_see(world, partition, bytes, &info);
        base = batch_end(&info);
    }
    return base;
}

/* A segment on its way into the log stands for those from its base to its end. */
static void see_directory(struct world *world, struct ghost_partition *partition,
                          const struct disk_file *directory)
{
    log_offset swap_base = -1, swap_end = -1;
    for (uint32_t i = 0; i < directory->entries.count && swap_base < 0; i++) {
        const struct disk_entry *entry = &directory->entries.all[i];
        swap_base = base_of(entry->name, ".log.swap");
        if (swap_base >= 0)
            swap_end = see_segment(world, partition, entry->file, swap_base);
    }
    for (uint32_t i = 0; i < directory->entries.count; i++) {
        const struct disk_entry *entry = &directory->entries.all[i];
        log_offset base = base_of(entry->name, ".log");
        bool is_replaced = base == swap_base || (base > swap_base && base < swap_end);
        if (base >= 0 && base < world->ghost->found.end && !is_replaced)
            (void)see_segment(world, partition, entry->file, base);
    }
}

/* Up to where `batches` are what was committed, at most to `end`. */
static log_offset agreed_end(const struct ghost_partition *partition,
                             const struct ghost_batches *batches, log_offset end)
{
    for (uint32_t i = batches->count; i > 0; i--)
        if (batches->all[i - 1].end <= end &&
            ghost_agree(batches, &partition->truth, batches->all[i - 1].end))
            return batches->all[i - 1].end;
    return 0;
}

void keyed_read_disk(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    const struct ghost_log *log = &partition->logs[node->index];
    bool is_open = probe->kind == PROBE_LOG_OPEN;
    char path[ENV_PATH_MAX];
    if (!partition->keyed || partition->removed || log->rotten || log->failed ||
        !ghost_log_path(world, probe->key, path))
        return;
    partition->keyed->is_thinned |= !is_open;
    const struct disk_file *directory = disk_find(&node->disk, path);
    if (!directory)
        return;
    const struct ghost_batches *batches = ghost_batches_found(log, probe);
    log_offset end = is_open ? probe->offset : probe->value;
    if (end > partition->high_watermark)
        end = partition->high_watermark;
    keyed_look(world, is_open ? probe->value : log->start, agreed_end(partition, batches, end));
    see_directory(world, partition, directory);
}

void keyed_audit(struct world *world)
{
    for (struct ghost_partition *at = world->ghost->first; at; at = at->next)
        for (uint32_t i = 0; at->keyed && i < world->swarm.nodes; i++) {
            const struct ghost_log *log = &at->logs[i];
            struct probe probe = {
                .kind = PROBE_LOG_COMPACT, .key = at->key, .offset = log->start, .value = log->end};
            if (!node_is_alive(&world->nodes[i]) || !log->open)
                continue;
            world->ghost->found.is_there = false;
            keyed_read_disk(world, &world->nodes[i], &probe);
            checks_take(world, &world->nodes[i], &probe);
        }
}
