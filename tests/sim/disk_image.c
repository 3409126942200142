/* disk_image.c -- cache and durable image of a file or directory, and power loss. */
#include "disk.h"

void blob_resize(struct blob *blob, uint64_t size)
{
    if (size > blob->capacity) {
        uint64_t capacity = blob->capacity ? blob->capacity : 4096;
        while (capacity < size)
            capacity *= 2;
        blob->data = mem_realloc(blob->data, capacity);
        blob->capacity = capacity;
    }
    if (size > blob->size)
        memset(blob->data + blob->size, 0, size - blob->size);
    blob->size = size;
}

void blob_write(struct blob *blob, uint64_t position, const uint8_t *data, uint64_t size)
{
    if (size == 0)
        return;
    if (position + size > blob->size)
        blob_resize(blob, position + size);
    memcpy(blob->data + position, data, size);
}

void blob_copy(struct blob *to, const struct blob *from)
{
    blob_resize(to, from->size);
    if (from->size > 0)
        memcpy(to->data, from->data, from->size);
}

/* The place of `name`, or where it belongs. */
static uint32_t entries_place(const struct disk_entries *entries, const char *name, size_t size,
                              bool *found)
{
    uint32_t low = 0, high = entries->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const char *other = entries->all[middle].name;
        int order = strncmp(other, name, size);
        if (order == 0 && other[size] != 0)
            order = 1;
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

struct disk_file *entries_get(const struct disk_entries *entries, const char *name, size_t size)
{
    bool found;
    uint32_t place = entries_place(entries, name, size, &found);
    return found ? entries->all[place].file : NULL;
}

void entries_put(struct disk_entries *entries, const char *name, struct disk_file *file)
{
    bool found;
    uint32_t place = entries_place(entries, name, strlen(name), &found);
    if (!found) {
        mem_grow(entries->all, entries->count, &entries->capacity);
        memmove(&entries->all[place + 1], &entries->all[place],
                (entries->count - place) * sizeof *entries->all);
        entries->all[place].name = mem_strdup(name);
        entries->count++;
    }
    entries->all[place].file = file;
}

void entries_remove(struct disk_entries *entries, const char *name)
{
    bool found;
    uint32_t place = entries_place(entries, name, strlen(name), &found);
    if (!found)
        return;
    mem_free(entries->all[place].name);
    entries->count--;
    memmove(&entries->all[place], &entries->all[place + 1],
            (entries->count - place) * sizeof *entries->all);
}

static void entries_clear(struct disk_entries *entries)
{
    for (uint32_t i = 0; i < entries->count; i++)
        mem_free(entries->all[i].name);
    entries->count = 0;
}

void entries_copy(struct disk_entries *to, const struct disk_entries *from)
{
    entries_clear(to);
    for (uint32_t i = 0; i < from->count; i++)
        entries_put(to, from->all[i].name, from->all[i].file);
}

void disk_add_op(struct disk *disk, struct disk_file *file, struct disk_op op)
{
    op.sequence = ++disk->sequence;
    mem_grow(file->ops, file->op_count, &file->op_capacity);
    file->ops[file->op_count++] = op;
}

static void free_op(struct disk_op *op)
{
    mem_free(op->data);
    mem_free(op->name);
    mem_free(op->from);
}

static void settle_op(struct disk_file *file, const struct disk_op *op)
{
    switch (op->kind) {
    case DISK_WRITE:
        blob_write(&file->durable, op->position, op->data, op->size);
        break;
    case DISK_TRUNCATE:
        blob_resize(&file->durable, op->position);
        break;
    case DISK_LINK:
        entries_put(&file->durable_entries, op->name, op->file);
        break;
    case DISK_UNLINK:
        entries_remove(&file->durable_entries, op->name);
        break;
    case DISK_RENAME:
        entries_remove(&file->durable_entries, op->from);
        entries_put(&file->durable_entries, op->name, op->file);
        break;
    }
}

void disk_settle(struct disk_file *file, uint64_t sequence)
{
    uint32_t settled = 0;
    while (settled < file->op_count && file->ops[settled].sequence <= sequence) {
        settle_op(file, &file->ops[settled]);
        free_op(&file->ops[settled]);
        settled++;
    }
    file->op_count -= settled;
    if (settled > 0)
        memmove(file->ops, file->ops + settled, file->op_count * sizeof *file->ops);
}

/* Keep some sectors of a write. One that is dropped leaves old bytes, or zeros past the end. */
static void tear_write(struct disk *disk, struct disk_file *file, const struct disk_op *op)
{
    uint64_t at = op->position, end = op->position + op->size;
    while (at < end) {
        uint64_t next = (at / DISK_SECTOR + 1) * DISK_SECTOR;
        if (next > end)
            next = end;
        if (rand_chance(&disk->rand, 1, 2))
            blob_write(&file->durable, at, op->data + (at - op->position), next - at);
        at = next;
    }
    if (end > file->durable.size && rand_chance(&disk->rand, 1, 2))
        blob_resize(&file->durable, end); /* The size can land before the data. */
    disk->counts.torn++;
}

/* How a power loss treats one file: all, nothing, a prefix, or each operation as it falls. */
static void lose_ops(struct disk *disk, struct disk_file *file)
{
    uint64_t manner = rand_below(&disk->rand, 8);
    uint32_t prefix = (uint32_t)rand_below(&disk->rand, (uint64_t)file->op_count + 1);
    for (uint32_t i = 0; i < file->op_count; i++) {
        struct disk_op *op = &file->ops[i];
        bool keep = manner == 0 || (manner >= 2 && manner <= 4 && i < prefix) ||
                    (manner >= 5 && rand_chance(&disk->rand, 1, 2));
        bool tear = manner >= 2 && op->kind == DISK_WRITE &&
                    (manner >= 5 ? rand_chance(&disk->rand, 1, 3) : i == prefix);
        if (tear) {
            tear_write(disk, file, op);
        } else if (keep) {
            settle_op(file, op);
            disk->counts.kept++;
        } else {
            disk->counts.lost++;
        }
        free_op(op);
    }
    file->op_count = 0;
}

void disk_lose_power(struct disk *disk)
{
    disk->power++;
    for (struct disk_file *file = disk->files; file; file = file->next) {
        if (file->op_count == 0 && !file->diverged)
            continue;
        lose_ops(disk, file);
        file->diverged = false;
        file->reserved = file->reserved > file->durable.size ? file->durable.size : file->reserved;
        blob_copy(&file->cache, &file->durable);
        if (file->directory)
            entries_copy(&file->entries, &file->durable_entries);
    }
}

static void free_file(struct disk_file *file)
{
    for (uint32_t i = 0; i < file->op_count; i++)
        free_op(&file->ops[i]);
    entries_clear(&file->entries);
    entries_clear(&file->durable_entries);
    mem_free(file->entries.all);
    mem_free(file->durable_entries.all);
    mem_free(file->cache.data);
    mem_free(file->durable.data);
    mem_free(file->ops);
    mem_free(file);
}

void disk_free(struct disk *disk)
{
    while (disk->files) {
        struct disk_file *file = disk->files;
        disk->files = file->next;
        free_file(file);
    }
}

void disk_rot(struct disk *disk, struct disk_file *file, uint64_t start, uint64_t end)
{
    check(start < end);
    check(end <= file->durable.size);
    uint64_t at = start + rand_below(&disk->rand, end - start);
    uint8_t bit = (uint8_t)(1u << rand_below(&disk->rand, 8));
    file->durable.data[at] ^= bit;
    if (at < file->cache.size)
        file->cache.data[at] ^= bit;
    disk->counts.rotten++;
}
