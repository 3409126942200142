/* index.c -- the sparse offset and time indexes of a segment.
 *
 * The last entries wait in memory and go to the files 64 at a time, at the roll and at
 * the close; files are opened for each use. A file that cannot be written costs speed
 * only: pending entries are thinned, never lost altogether. */
#include "segment.h"

static struct index *index_of(struct segment *segment)
{
    if (!segment->index) {
        segment->index = mem_zalloc(sizeof *segment->index);
        segment->index->last_time = -1;
    }
    return segment->index;
}

static void add_time(struct segment *segment)
{
    struct index *index = segment->index;

    if (segment->max_timestamp <= index->last_time || segment->max_timestamp < 0)
        return;
    if (index->time_count == INDEX_PENDING_MAX)
        index->time_count--; /* The newest stands for those that it replaces. */
    index->times[index->time_count++] =
        (struct time_entry){.timestamp = segment->max_timestamp,
                            .delta = (int32_t)(segment->max_timestamp_offset - segment->base)};
    index->last_time = segment->max_timestamp;
}

void index_note(struct segment *segment, struct env *env, const char *dir, uint32_t interval,
                const struct placed_batch *batch)
{
    struct index *index = index_of(segment);
    const struct batch_info *info = &batch->info;

    if (index->since > interval) {
        if (index->offset_count == INDEX_PENDING_MAX)
            index_store(segment, env, dir);
        index->offsets[index->offset_count++] =
            (struct offset_entry){.delta = (int32_t)(batch_last(info) - segment->base),
                                  .position = (uint32_t)batch->position};
        add_time(segment);
        index->since = 0;
    }
    index->since += info->size;
    if (info->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = info->max_timestamp;
        segment->max_timestamp_offset = batch_last(info);
    }
}

/* Append `size` bytes to the file of `kind` at `position`. */
static enum err store(const struct segment *segment, struct env *env, const char *dir,
                      const char *kind, uint64_t position, struct bytes bytes)
{
    char path[ENV_PATH_MAX];
    file_id file;

    segment_file_path(segment, dir, kind, path);
    enum err err = env_open(env, path, ENV_OPEN_CREATE, &file);
    if (err != ERR_NONE)
        return err;
    if (env_write(env, file, position, &bytes, 1) != bytes.size)
        err = ERR_IO;
    env_close(env, file);
    return err;
}

static enum err store_offsets(struct segment *segment, struct env *env, const char *dir)
{
    struct index *index = segment->index;
    uint8_t bytes[INDEX_PENDING_MAX * OFFSET_ENTRY_SIZE];

    for (uint32_t i = 0; i < index->offset_count; i++) {
        store_be32(bytes + i * OFFSET_ENTRY_SIZE, (uint32_t)index->offsets[i].delta);
        store_be32(bytes + i * OFFSET_ENTRY_SIZE + 4, index->offsets[i].position);
    }
    enum err err =
        store(segment, env, dir, ".index", (uint64_t)index->offsets_stored * OFFSET_ENTRY_SIZE,
              (struct bytes){.data = bytes, .size = index->offset_count * OFFSET_ENTRY_SIZE});
    if (err != ERR_NONE)
        return err;
    index->offsets_stored += index->offset_count;
    index->offset_count = 0;
    return ERR_NONE;
}

static enum err store_times(struct segment *segment, struct env *env, const char *dir)
{
    struct index *index = segment->index;
    uint8_t bytes[INDEX_PENDING_MAX * TIME_ENTRY_SIZE];

    for (uint32_t i = 0; i < index->time_count; i++) {
        store_be64(bytes + i * TIME_ENTRY_SIZE, (uint64_t)index->times[i].timestamp);
        store_be32(bytes + i * TIME_ENTRY_SIZE + 8, (uint32_t)index->times[i].delta);
    }
    enum err err =
        store(segment, env, dir, ".timeindex", (uint64_t)index->times_stored * TIME_ENTRY_SIZE,
              (struct bytes){.data = bytes, .size = index->time_count * TIME_ENTRY_SIZE});
    if (err != ERR_NONE)
        return err;
    index->times_stored += index->time_count;
    index->time_count = 0;
    return ERR_NONE;
}

/* Keep every other offset entry: sparser, still right. */
static void thin_offsets(struct index *index)
{
    for (uint32_t i = 0; 2 * i < index->offset_count; i++)
        index->offsets[i] = index->offsets[2 * i];
    index->offset_count = (index->offset_count + 1) / 2;
}

void index_store(struct segment *segment, struct env *env, const char *dir)
{
    struct index *index = segment->index;

    if (!index)
        return;
    if (index->offset_count > 0 && store_offsets(segment, env, dir) != ERR_NONE &&
        index->offset_count == INDEX_PENDING_MAX)
        thin_offsets(index);
    if (index->time_count > 0)
        (void)store_times(segment, env, dir); /* Kept pending on failure. */
}

void index_finish(struct segment *segment, struct env *env, const char *dir)
{
    static const char *const kinds[2] = {".index", ".timeindex"};
    char path[ENV_PATH_MAX];

    if (!segment->index)
        return;
    add_time(segment);
    index_store(segment, env, dir);
    bool is_whole = segment->index->offset_count == 0 && segment->index->time_count == 0;
    for (int i = 0; i < 2; i++) {
        segment_file_path(segment, dir, kinds[i], path);
        if (!is_whole)
            (void)env_unlink(env, path); /* Built again when it is needed. */
        else if (env_open(env, path, ENV_OPEN_CREATE, &segment->index_files[i]) != ERR_NONE)
            segment->index_files[i] = -1;
    }
    segment->is_time_known = true;
    mem_free(segment->index);
    segment->index = NULL;
}

/* A file of entries, opened for one look-up. */
struct entries {
    struct env *env;
    file_id file; /* -1: there is none. */
    uint32_t size;
    uint32_t count;
    uint32_t block_first, block_count; /* Of the entries in `block`. */
    uint8_t block[INDEX_BLOCK_MAX * TIME_ENTRY_SIZE];
};

static void entries_open(struct entries *entries, const struct segment *segment, struct env *env,
                         const char *dir, const char *kind, uint32_t size)
{
    char path[ENV_PATH_MAX];

    *entries = (struct entries){.env = env, .file = -1, .size = size};
    segment_file_path(segment, dir, kind, path);
    if (env_open(env, path, ENV_OPEN_READ, &entries->file) != ERR_NONE) {
        entries->file = -1;
        return;
    }
    int64_t bytes = env_size(env, entries->file);
    entries->count = bytes < 0 ? 0 : (uint32_t)((uint64_t)bytes / size);
    if (!segment->index)
        return;
    uint32_t stored =
        size == OFFSET_ENTRY_SIZE ? segment->index->offsets_stored : segment->index->times_stored;
    if (entries->count > stored)
        entries->count = stored;
}

static void entries_close(struct entries *entries)
{
    if (entries->file >= 0)
        env_close(entries->env, entries->file);
}

/* Have the block with entry `at` in memory: a search ends among neighbours. What cannot be read
 * is zeroes, which any look-up survives. */
static void entries_load(struct entries *entries, uint32_t at)
{
    uint32_t first = at - at % INDEX_BLOCK_MAX;
    uint32_t count =
        entries->count - first < INDEX_BLOCK_MAX ? entries->count - first : INDEX_BLOCK_MAX;

    memset(entries->block, 0, sizeof entries->block);
    (void)env_read(entries->env, entries->file, (uint64_t)first * entries->size, entries->block,
                   count * entries->size);
    entries->block_first = first;
    entries->block_count = count;
}

static void entries_read(struct entries *entries, uint32_t at, uint8_t *out)
{
    check(at < entries->count);
    if (at < entries->block_first || at >= entries->block_first + entries->block_count)
        entries_load(entries, at);
    memcpy(out, entries->block + (at - entries->block_first) * entries->size, entries->size);
}

/* By what a look-up compares entries. */
enum key_kind { KEY_DELTA, KEY_POSITION, KEY_TIME };

static int64_t entry_key(const uint8_t *entry, enum key_kind kind)
{
    if (kind == KEY_TIME)
        return (int64_t)load_be64(entry);
    return (int32_t)load_be32(entry + (kind == KEY_DELTA ? 0 : 4));
}

/* The last entry in the file with a key of `max` or less. False: none. */
static bool entries_find(struct entries *entries, enum key_kind kind, int64_t max,
                         uint8_t out[TIME_ENTRY_SIZE])
{
    uint32_t low = 0, high = entries->count;
    uint8_t entry[TIME_ENTRY_SIZE];
    bool found = false;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        entries_read(entries, middle, entry);
        if (entry_key(entry, kind) > max) {
            high = middle;
            continue;
        }
        memcpy(out, entry, entries->size);
        found = true;
        low = middle + 1;
    }
    return found;
}

/* Is there, at `position`, a batch whose last offset is base + delta (-1: any)? */
static bool is_batch_at(const struct segment *segment, struct env *env, uint64_t position,
                        int32_t delta)
{
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch_info info;

    if (position + BATCH_HEADER_SIZE > segment->written)
        return false;
    if (env_read(env, segment->file, position, header, sizeof header) != BATCH_HEADER_SIZE)
        return false;
    return batch_read((struct bytes){.data = header, .size = sizeof header}, &info) == ERR_NONE &&
           info.base >= segment->base && batch_last(&info) == segment->base + delta;
}

static uint64_t seek(const struct segment *segment, struct env *env, const char *dir,
                     enum key_kind kind, int64_t max)
{
    struct entries entries;
    uint8_t entry[TIME_ENTRY_SIZE];

    for (uint32_t i = segment->index ? segment->index->offset_count : 0; i-- > 0;) {
        const struct offset_entry *pending = &segment->index->offsets[i];
        int64_t key = kind == KEY_DELTA ? (int64_t)pending->delta : (int64_t)pending->position;
        if (key <= max && pending->position < segment->written)
            return pending->position;
    }
    entries_open(&entries, segment, env, dir, ".index", OFFSET_ENTRY_SIZE);
    bool found = entries.file >= 0 && entries_find(&entries, kind, max, entry);
    entries_close(&entries);
    if (!found)
        return 0;
    uint64_t position = load_be32(entry + 4);
    return is_batch_at(segment, env, position, (int32_t)load_be32(entry)) ? position : 0;
}

uint64_t index_seek_offset(const struct segment *segment, struct env *env, const char *dir,
                           log_offset target)
{
    if (target <= segment->base)
        return 0;
    return seek(segment, env, dir, KEY_DELTA, target - segment->base);
}

uint64_t index_seek_position(const struct segment *segment, struct env *env, const char *dir,
                             uint64_t position)
{
    return seek(segment, env, dir, KEY_POSITION, (int64_t)position);
}

/* The last time entry in the file below `before`, if the batch that it names is like that. */
static bool find_time_entry(const struct segment *segment, struct env *env, const char *dir,
                            wall_ms before, struct time_entry *out)
{
    struct entries entries;
    struct placed_batch batch;
    uint8_t entry[TIME_ENTRY_SIZE];

    entries_open(&entries, segment, env, dir, ".timeindex", TIME_ENTRY_SIZE);
    bool found = entries.file >= 0 && entries_find(&entries, KEY_TIME, before - 1, entry);
    entries_close(&entries);
    if (!found)
        return false;
    *out = (struct time_entry){.timestamp = (wall_ms)load_be64(entry),
                               .delta = (int32_t)load_be32(entry + 8)};
    log_offset last = segment->base + out->delta;
    return segment_locate(segment, env, dir, last, &batch) == ERR_NONE &&
           batch_last(&batch.info) == last && batch.info.max_timestamp == out->timestamp;
}

uint64_t index_seek_time(const struct segment *segment, struct env *env, const char *dir,
                         wall_ms timestamp)
{
    struct time_entry entry;

    for (uint32_t i = segment->index ? segment->index->time_count : 0; i-- > 0;)
        if (segment->index->times[i].timestamp < timestamp)
            return index_seek_offset(segment, env, dir,
                                     segment->base + segment->index->times[i].delta);
    if (!find_time_entry(segment, env, dir, timestamp, &entry))
        return 0;
    return index_seek_offset(segment, env, dir, segment->base + entry.delta);
}

/* Shorten the file of `kind` to its entries with a key of at most `max`. Returns how many. */
static uint32_t cut_file(const struct segment *segment, struct env *env, const char *dir,
                         const char *kind, uint32_t size, int64_t delta_max)
{
    struct entries entries;
    uint8_t entry[TIME_ENTRY_SIZE];
    char path[ENV_PATH_MAX];
    uint32_t delta_at = size == OFFSET_ENTRY_SIZE ? 0 : 8;

    entries_open(&entries, segment, env, dir, kind, size);
    uint32_t count = entries.count;
    while (count > 0) {
        entries_read(&entries, count - 1, entry);
        int32_t delta = (int32_t)load_be32(entry + delta_at);
        if (delta >= 0 && delta <= delta_max)
            break;
        count--;
    }
    bool exists = entries.file >= 0;
    entries_close(&entries);
    segment_file_path(segment, dir, kind, path);
    file_id file;
    if (!exists || env_open(env, path, ENV_OPEN_WRITE, &file) != ERR_NONE)
        return 0;
    if (env_truncate(env, file, (uint64_t)count * size) != ERR_NONE)
        count = 0;
    env_close(env, file);
    return count;
}

void index_cut(struct segment *segment, struct env *env, const char *dir, log_offset end)
{
    int64_t delta_max = end - segment->base - 1;
    struct index *index = index_of(segment);

    while (index->offset_count > 0 && index->offsets[index->offset_count - 1].delta > delta_max)
        index->offset_count--;
    while (index->time_count > 0 && index->times[index->time_count - 1].delta > delta_max)
        index->time_count--;
    if (index->offsets_stored == 0)
        index->offsets_stored = UINT32_MAX; /* Not counted yet: look at all of the file. */
    if (index->times_stored == 0)
        index->times_stored = UINT32_MAX;
    index->offsets_stored = cut_file(segment, env, dir, ".index", OFFSET_ENTRY_SIZE, delta_max);
    index->times_stored = cut_file(segment, env, dir, ".timeindex", TIME_ENTRY_SIZE, delta_max);
    index->last_time = -1;
    if (index->time_count > 0) {
        index->last_time = index->times[index->time_count - 1].timestamp;
        return;
    }
    struct entries entries;
    uint8_t entry[TIME_ENTRY_SIZE];
    entries_open(&entries, segment, env, dir, ".timeindex", TIME_ENTRY_SIZE);
    if (entries.count > 0) {
        entries_read(&entries, entries.count - 1, entry);
        index->last_time = (int64_t)load_be64(entry);
    }
    entries_close(&entries);
}

enum err segment_learn_time(struct segment *segment, struct env *env, const char *dir)
{
    struct time_entry entry;
    struct placed_batch batch;
    struct scan scan;
    uint64_t position = 0;

    segment->max_timestamp = -1;
    segment->max_timestamp_offset = -1;
    if (find_time_entry(segment, env, dir, INT64_MAX, &entry)) {
        segment->max_timestamp = entry.timestamp;
        segment->max_timestamp_offset = segment->base + entry.delta;
        position = index_seek_offset(segment, env, dir, segment->max_timestamp_offset);
    }
    scan_start(&scan, env, segment, position, segment->written);
    enum err err;
    while ((err = scan_next(&scan, &batch)) == ERR_NONE) {
        if (batch.info.max_timestamp > segment->max_timestamp) {
            segment->max_timestamp = batch.info.max_timestamp;
            segment->max_timestamp_offset = batch_last(&batch.info);
        }
    }
    segment->is_time_known = err == ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

bool index_exists(const struct segment *segment, struct env *env, const char *dir)
{
    struct entries offsets, times;

    entries_open(&offsets, segment, env, dir, ".index", OFFSET_ENTRY_SIZE);
    entries_open(&times, segment, env, dir, ".timeindex", TIME_ENTRY_SIZE);
    bool exists = offsets.file >= 0 && times.file >= 0;
    entries_close(&offsets);
    entries_close(&times);
    return exists;
}

enum err index_rebuild(struct segment *segment, struct env *env, const char *dir, uint32_t interval)
{
    struct placed_batch batch;
    struct scan scan;
    enum err err;

    segment->max_timestamp = -1;
    index_cut(segment, env, dir, segment->base);
    scan_start(&scan, env, segment, 0, segment->written);
    while ((err = scan_next(&scan, &batch)) == ERR_NONE)
        index_note(segment, env, dir, interval, &batch);
    if (err != ERR_NOT_FOUND)
        return err;
    index_finish(segment, env, dir);
    return ERR_NONE;
}
