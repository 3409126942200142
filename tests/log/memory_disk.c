/* memory_disk.c -- files and directories as two images, now and durable, and what is between. */
#include "memory_disk.h"

#include <stdio.h>

void image_write(struct image *image, uint64_t position, const uint8_t *data, uint64_t size)
{
    if (position + size > image->size) {
        image->data = mem_realloc(image->data, position + size);
        memset(image->data + image->size, 0, position + size - image->size);
        image->size = position + size;
    }
    memcpy(image->data + position, data, size);
}

static void image_resize(struct image *image, uint64_t size)
{
    image->data = mem_realloc(image->data, size ? size : 1);
    if (size > image->size)
        memset(image->data + image->size, 0, size - image->size);
    image->size = size;
}

static struct image image_copy(const struct image *image)
{
    struct image copy = {0};
    if (image->size > 0)
        image_write(&copy, 0, image->data, image->size);
    return copy;
}

static int entries_find(const struct entries *entries, const char *name)
{
    for (uint32_t i = 0; i < entries->count; i++)
        if (strcmp(entries->list[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void entries_remove(struct entries *entries, const char *name)
{
    int at = entries_find(entries, name);
    if (at >= 0)
        entries->list[at] = entries->list[--entries->count];
}

static void entries_put(struct entries *entries, const char *name, struct memory_inode *inode)
{
    entries_remove(entries, name);
    mem_grow(entries->list, entries->count, &entries->capacity);
    struct entry *entry = &entries->list[entries->count++];
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->inode = inode;
}

struct memory_inode *disk_inode(struct memory_env *memory, bool is_directory)
{
    struct memory_inode *inode = mem_zalloc(sizeof *inode);
    inode->is_directory = is_directory;
    inode->number = memory->inode_count;
    mem_grow(memory->inodes, memory->inode_count, &memory->inode_capacity);
    memory->inodes[memory->inode_count++] = inode;
    return inode;
}

struct memory_inode *disk_walk(struct memory_env *memory, const char *path, char name[64])
{
    struct memory_inode *at = memory->inodes[0];
    const char *slash;

    while ((slash = strchr(path, '/'))) {
        snprintf(name, 64, "%.*s", (int)(slash - path), path);
        int found = entries_find(&at->names_now, name);
        if (found < 0)
            return NULL;
        at = at->names_now.list[found].inode;
        path = slash + 1;
    }
    snprintf(name, 64, "%s", path);
    return at;
}

struct memory_inode *disk_find(struct memory_env *memory, const char *path)
{
    char name[64];
    if (strcmp(path, ".") == 0)
        return memory->inodes[0];
    struct memory_inode *directory = disk_walk(memory, path, name);
    int found = directory ? entries_find(&directory->names_now, name) : -1;
    return found < 0 ? NULL : directory->names_now.list[found].inode;
}

/* Apply an operation to one of the two images; `torn` keeps every other sector of a write. */
static void apply(const struct memory_op *op, struct memory_inode *inode,
                  struct memory_inode *child, bool durable, bool torn)
{
    struct image *image = durable ? &inode->durable : &inode->now;
    struct entries *names = durable ? &inode->names_durable : &inode->names_now;

    switch (op->kind) {
    case OP_WRITE:
        for (uint64_t at = 0, i = op->order; at < op->bytes.size; i++) {
            uint64_t size = MEMORY_SECTOR - (op->position + at) % MEMORY_SECTOR;
            if (size > op->bytes.size - at)
                size = op->bytes.size - at;
            if (!torn || i % 2 == 0)
                image_write(image, op->position + at, op->bytes.data + at, size);
            at += size;
        }
        break;
    case OP_TRUNCATE:
        image_resize(image, op->position);
        break;
    case OP_LINK:
        entries_put(names, op->name, child);
        break;
    case OP_UNLINK:
        entries_remove(names, op->name);
        break;
    case OP_RENAME:
        entries_remove(names, op->name);
        entries_put(names, op->to, child);
        break;
    }
}

void disk_perform(struct memory_env *memory, struct memory_op op)
{
    op.order = memory->order++;
    apply(&op, op.inode, op.child, false, false);
    mem_grow(memory->ops, memory->op_count, &memory->op_capacity);
    memory->ops[memory->op_count++] = op;
}

void memory_env_close(struct memory_env *memory)
{
    for (uint32_t i = 0; i < memory->inode_count; i++) {
        mem_free(memory->inodes[i]->now.data);
        mem_free(memory->inodes[i]->durable.data);
        mem_free(memory->inodes[i]->names_now.list);
        mem_free(memory->inodes[i]->names_durable.list);
        mem_free(memory->inodes[i]);
    }
    for (uint32_t i = 0; i < memory->op_count; i++)
        mem_free(memory->ops[i].bytes.data);
    for (uint32_t i = 0; i < memory->sync_count; i++)
        mem_free(memory->syncs[i].inodes);
    mem_free(memory->inodes);
    mem_free(memory->files);
    mem_free(memory->ops);
    mem_free(memory->syncs);
    mem_free(memory);
}

static bool covers(const struct memory_sync *sync, const struct memory_op *op)
{
    for (uint32_t i = 0; i < sync->count; i++)
        if (sync->inodes[i] == op->inode)
            return op->order < sync->order;
    return false;
}

bool memory_env_end_sync(struct memory_env *memory, uint64_t *ticket, enum err *result)
{
    uint32_t kept = 0;

    if (memory->sync_count == 0)
        return false;
    struct memory_sync sync = memory->syncs[0];
    for (uint32_t i = 0; i < memory->op_count; i++) {
        struct memory_op *op = &memory->ops[i];
        bool is_name = op->kind == OP_LINK || op->kind == OP_UNLINK || op->kind == OP_RENAME;
        if (!covers(&sync, op) || (memory->fails_sync && is_name)) {
            memory->ops[kept++] = *op;
            continue;
        }
        if (!memory->fails_sync)
            apply(op, op->inode, op->child, true, false);
        mem_free(op->bytes.data);
    }
    memory->op_count = kept;
    *ticket = sync.ticket;
    *result = memory->fails_sync ? ERR_IO : ERR_NONE;
    memory->fails_sync = false;
    mem_free(sync.inodes);
    memory->sync_count--;
    memmove(memory->syncs, memory->syncs + 1, memory->sync_count * sizeof sync);
    return true;
}

void memory_env_drop_syncs(struct memory_env *memory)
{
    for (uint32_t i = 0; i < memory->sync_count; i++)
        mem_free(memory->syncs[i].inodes);
    memory->sync_count = 0;
}

struct memory_env *memory_env_power_loss(const struct memory_env *memory,
                                         const enum memory_fate *fates)
{
    struct memory_env *after = memory_env_new();

    for (uint32_t i = 0; i < memory->inode_count; i++) {
        struct memory_inode *inode = disk_inode(after, memory->inodes[i]->is_directory);
        inode->durable = image_copy(&memory->inodes[i]->durable);
    }
    for (uint32_t i = 0; i < memory->inode_count; i++) {
        const struct entries *names = &memory->inodes[i]->names_durable;
        for (uint32_t k = 0; k < names->count; k++)
            entries_put(&after->inodes[i]->names_durable, names->list[k].name,
                        after->inodes[names->list[k].inode->number]);
    }
    for (uint32_t i = 0; fates && i < memory->op_count; i++) {
        const struct memory_op *op = &memory->ops[i];
        struct memory_inode *child = op->child ? after->inodes[op->child->number] : NULL;
        if (fates[i] != MEMORY_LOST)
            apply(op, after->inodes[op->inode->number], child, true, fates[i] == MEMORY_TORN);
    }
    for (uint32_t i = 0; i < after->inode_count; i++) {
        struct memory_inode *inode = after->inodes[i];
        inode->now = image_copy(&inode->durable);
        for (uint32_t k = 0; k < inode->names_durable.count; k++)
            entries_put(&inode->names_now, inode->names_durable.list[k].name,
                        inode->names_durable.list[k].inode);
    }
    return after;
}

bool memory_env_saw(const struct memory_env *memory, const char *mark)
{
    for (uint32_t i = 0; i < memory->mark_count; i++)
        if (strcmp(memory->marks[i], mark) == 0)
            return true;
    return false;
}

void memory_env_flip(struct memory_env *memory, const char *path, uint64_t position)
{
    struct memory_inode *inode = disk_find(memory, path);
    check(inode != NULL);
    check(position < inode->now.size);
    inode->now.data[position] ^= 0xff;
    if (position < inode->durable.size)
        inode->durable.data[position] ^= 0xff;
}

void memory_env_forget(struct memory_env *memory, const char *path)
{
    char name[64];
    struct memory_inode *directory = disk_walk(memory, path, name);
    check(directory != NULL);
    entries_remove(&directory->names_now, name);
    entries_remove(&directory->names_durable, name);
}

void memory_env_shorten(struct memory_env *memory, const char *path, uint64_t size)
{
    struct memory_inode *inode = disk_find(memory, path);
    check(inode != NULL);
    image_resize(&inode->now, size);
    if (inode->durable.size > size)
        image_resize(&inode->durable, size);
}

int64_t memory_env_size(struct memory_env *memory, const char *path)
{
    struct memory_inode *inode = disk_find(memory, path);
    return inode ? (int64_t)inode->now.size : -1;
}

struct bytes memory_env_bytes(struct memory_env *memory, const char *path)
{
    struct memory_inode *inode = disk_find(memory, path);
    if (!inode)
        return (struct bytes){0};
    return (struct bytes){.data = inode->now.data, .size = (uint32_t)inode->now.size};
}
