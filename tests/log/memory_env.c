/* memory_env.c -- files and directories as two images, now and durable, and what is between. */
#include "memory_env.h"

#include <stdio.h>
#include <stdlib.h>

struct image {
    uint8_t *data;
    uint64_t size;
};

struct entry {
    char name[64];
    struct memory_inode *inode;
};

struct entries {
    struct entry *list;
    uint32_t count, capacity;
};

struct memory_inode {
    uint32_t number;
    bool is_directory;
    struct image now, durable;
    struct entries names_now, names_durable;
    uint64_t reserved;
};

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_LINK, OP_UNLINK, OP_RENAME };

struct memory_op {
    enum op_kind kind;
    uint64_t order;
    struct memory_inode *inode; /* File, or directory of the name. */
    uint64_t position;          /* Or the new size. */
    struct image bytes;
    char name[64], to[64];
    struct memory_inode *child;
};

struct memory_sync {
    uint64_t ticket;
    uint64_t order; /* Operations below it are covered. */
    struct memory_inode **inodes;
    uint32_t count;
};

static struct memory_env *of(struct env *env)
{
    return (struct memory_env *)(void *)((char *)env - offsetof(struct memory_env, env));
}

static void image_write(struct image *image, uint64_t position, const uint8_t *data, uint64_t size)
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

static struct memory_inode *new_inode(struct memory_env *memory, bool is_directory)
{
    struct memory_inode *inode = mem_zalloc(sizeof *inode);
    inode->is_directory = is_directory;
    inode->number = memory->inode_count;
    mem_grow(memory->inodes, memory->inode_count, &memory->inode_capacity);
    memory->inodes[memory->inode_count++] = inode;
    return inode;
}

/* The directory of `path` and the last part of it. */
static struct memory_inode *walk(struct memory_env *memory, const char *path, char name[64])
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

static struct memory_inode *find(struct memory_env *memory, const char *path)
{
    char name[64];
    if (strcmp(path, ".") == 0)
        return memory->inodes[0];
    struct memory_inode *directory = walk(memory, path, name);
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

/* Do it now; it waits for a sync. */
static void perform(struct memory_env *memory, struct memory_op op)
{
    op.order = memory->order++;
    apply(&op, op.inode, op.child, false, false);
    mem_grow(memory->ops, memory->op_count, &memory->op_capacity);
    memory->ops[memory->op_count++] = op;
}

static mono_ms do_mono(struct env *env)
{
    return of(env)->now;
}

static wall_ms do_wall(struct env *env)
{
    return of(env)->now;
}

static uint64_t do_random(struct env *env)
{
    return of(env)->order;
}

static int64_t do_mono_us(struct env *env)
{
    return of(env)->now * 1000;
}

static enum err do_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out)
{
    struct memory_env *memory = of(env);
    char name[64];

    if (memory->is_dead)
        return ERR_IO;
    struct memory_inode *inode = find(memory, path);
    if (!inode && mode == ENV_OPEN_CREATE) {
        struct memory_inode *directory = walk(memory, path, name);
        if (!directory)
            return ERR_NOT_FOUND;
        if (memory->space == 0)
            return ERR_SPACE;
        inode = new_inode(memory, false);
        struct memory_op op = {.kind = OP_LINK, .inode = directory, .child = inode};
        snprintf(op.name, sizeof op.name, "%s", name);
        perform(memory, op);
    }
    if (!inode)
        return ERR_NOT_FOUND;
    check(inode->is_directory == (mode == ENV_OPEN_DIRECTORY));
    mem_grow(memory->files, memory->file_count, &memory->file_capacity);
    memory->files[memory->file_count] = (struct memory_file){.inode = inode, .holds = 1};
    *out = (file_id)memory->file_count++;
    return ERR_NONE;
}

static struct memory_inode *inode_of(struct memory_env *memory, file_id file)
{
    check(file >= 0);
    check((uint32_t)file < memory->file_count);
    check(memory->files[file].holds > 0);
    return memory->files[file].inode;
}

static void do_close(struct env *env, file_id file)
{
    inode_of(of(env), file);
    of(env)->files[file].holds--;
}

static void do_hold(struct env *env, file_id file)
{
    inode_of(of(env), file);
    of(env)->files[file].holds++;
}

static int64_t do_size(struct env *env, file_id file)
{
    return of(env)->is_dead ? ERR_IO : (int64_t)inode_of(of(env), file)->now.size;
}

static uint64_t do_load(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    (void)file, (void)position, (void)size;
    return of(env)->is_cold ? ++of(env)->loads : 0;
}

static int64_t do_read(struct env *env, file_id file, uint64_t position, void *into, uint32_t size)
{
    if (env->is_hasty && (env->missed = do_load(env, file, position, size)) != 0)
        return ERR_COLD;
    struct memory_env *memory = of(env);
    const struct image *image = &inode_of(memory, file)->now;

    if (memory->is_dead)
        return ERR_IO;
    if (position >= image->size)
        return 0;
    if (size > image->size - position)
        size = (uint32_t)(image->size - position);
    memcpy(into, image->data + position, size);
    return size;
}

/* Take space for growing to `size` bytes. */
static bool take_space(struct memory_env *memory, struct memory_inode *inode, uint64_t size)
{
    uint64_t have = inode->reserved > inode->now.size ? inode->reserved : inode->now.size;
    if (memory->space < 0 || size <= have)
        return true;
    if ((int64_t)(size - have) > memory->space)
        return false;
    memory->space -= (int64_t)(size - have);
    return true;
}

static int64_t do_write(struct env *env, file_id file, uint64_t position, const struct bytes *parts,
                        uint32_t count)
{
    struct memory_env *memory = of(env);
    struct memory_inode *inode = inode_of(memory, file);
    struct image all = {0};

    if (memory->is_dead)
        return ERR_IO;
    if (memory->writes_before_error == 0)
        return ERR_IO;
    if (memory->writes_before_error > 0)
        memory->writes_before_error--;
    memory->write_total++;
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].size > 0)
            image_write(&all, all.size, parts[i].data, parts[i].size);
    if (memory->write_size_max > 0 && all.size > memory->write_size_max)
        all.size = memory->write_size_max;
    if (!take_space(memory, inode, position + all.size)) {
        mem_free(all.data);
        return ERR_SPACE;
    }
    perform(memory, (struct memory_op){
                        .kind = OP_WRITE, .inode = inode, .position = position, .bytes = all});
    return (int64_t)all.size;
}

static enum err do_truncate(struct env *env, file_id file, uint64_t size)
{
    struct memory_env *memory = of(env);
    struct memory_inode *inode = inode_of(memory, file);

    if (memory->is_dead)
        return ERR_IO;
    inode->reserved = 0;
    if (inode->now.size != size)
        perform(memory, (struct memory_op){.kind = OP_TRUNCATE, .inode = inode, .position = size});
    return ERR_NONE;
}

static enum err do_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    struct memory_env *memory = of(env);
    struct memory_inode *inode = inode_of(memory, file);

    if (memory->is_dead)
        return ERR_IO;
    if (!take_space(memory, inode, position + size))
        return ERR_SPACE;
    if (position + size > inode->reserved)
        inode->reserved = position + size;
    return ERR_NONE;
}

static enum err do_mkdir(struct env *env, const char *path)
{
    struct memory_env *memory = of(env);
    struct memory_op op = {.kind = OP_LINK};

    if (memory->is_dead)
        return ERR_IO;
    if (find(memory, path))
        return ERR_EXISTS;
    op.inode = walk(memory, path, op.name);
    op.child = new_inode(memory, true);
    perform(memory, op);
    return ERR_NONE;
}

static enum err do_rename(struct env *env, const char *from, const char *to)
{
    struct memory_env *memory = of(env);
    struct memory_op op = {.kind = OP_RENAME};

    if (memory->is_dead)
        return ERR_IO;
    op.child = find(memory, from);
    op.inode = walk(memory, from, op.name);
    if (!op.child)
        return ERR_NOT_FOUND;
    check(walk(memory, to, op.to) == op.inode);
    perform(memory, op);
    return ERR_NONE;
}

static enum err do_unlink(struct env *env, const char *path)
{
    struct memory_env *memory = of(env);
    struct memory_op op = {.kind = OP_UNLINK};

    if (memory->is_dead)
        return ERR_IO;
    struct memory_inode *inode = find(memory, path);
    if (!inode)
        return ERR_NOT_FOUND;
    if (inode->is_directory && inode->names_now.count > 0)
        return ERR_EXISTS;
    op.inode = walk(memory, path, op.name);
    perform(memory, op);
    return ERR_NONE;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err do_list(struct env *env, const char *path, struct arena *arena, const char ***names,
                        uint32_t *count)
{
    struct memory_env *memory = of(env);

    if (memory->is_dead)
        return ERR_IO;
    struct memory_inode *directory = find(memory, path);
    if (!directory)
        return ERR_NOT_FOUND;
    *count = directory->names_now.count;
    *names = arena_array(arena, const char *, *count + 1);
    for (uint32_t i = 0; i < *count; i++)
        (*names)[i] = arena_format(arena, "%s", directory->names_now.list[i].name);
    qsort(*names, *count, sizeof **names, compare_names);
    return ERR_NONE;
}

static void do_sync(struct env *env, const struct env_sync *request)
{
    struct memory_env *memory = of(env);
    struct memory_sync sync = {
        .ticket = request->ticket, .order = memory->order, .count = request->count};

    if (memory->is_dead)
        return;
    check(request->count > 0);
    check(request->count <= ENV_SYNC_FILES_MAX);
    memory->sync_total++;
    memory->sync_files_total += request->count;
    sync.inodes = mem_alloc(request->count * sizeof *sync.inodes);
    for (uint32_t i = 0; i < request->count; i++)
        sync.inodes[i] = inode_of(memory, request->files[i]);
    mem_grow(memory->syncs, memory->sync_count, &memory->sync_capacity);
    memory->syncs[memory->sync_count++] = sync;
}

static void take_probe(void *context, const struct probe *probe)
{
    struct memory_env *memory = context;

    memory->last_probe[probe->kind] = *probe;
    if (probe->kind == PROBE_MARK && memory->mark_count < MEMORY_MARKS_MAX)
        memory->marks[memory->mark_count++] = probe->text;
}

static void print_line(void *context, enum trace_level level, const char *text)
{
    (void)context;
    (void)level;
    if (getenv("LOG_TEST_TRACE"))
        fprintf(stderr, "%s\n", text);
}

static const struct env_ops memory_ops = {
    .mono = do_mono,
    .wall = do_wall,
    .random = do_random,
    .mono_us = do_mono_us,
    .open = do_open,
    .close = do_close,
    .hold = do_hold,
    .size = do_size,
    .read = do_read,
    .load = do_load,
    .write = do_write,
    .truncate = do_truncate,
    .reserve = do_reserve,
    .mkdir = do_mkdir,
    .rename = do_rename,
    .unlink = do_unlink,
    .list = do_list,
    .sync = do_sync,
};

static struct memory_env *new_env(void)
{
    struct memory_env *memory = mem_zalloc(sizeof *memory);

    memory->trace = (struct trace){.level = TRACE_DEBUG, .line = print_line};
    memory->sink = (struct probe_sink){.take = take_probe, .context = memory};
    memory->env = (struct env){.ops = &memory_ops, .trace = &memory->trace, .probe = &memory->sink};
    memory->writes_before_error = -1;
    memory->space = -1;
    return memory;
}

struct memory_env *memory_env_open(void)
{
    struct memory_env *memory = new_env();
    new_inode(memory, true);
    return memory;
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
    struct memory_env *after = new_env();

    for (uint32_t i = 0; i < memory->inode_count; i++) {
        struct memory_inode *inode = new_inode(after, memory->inodes[i]->is_directory);
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
    struct memory_inode *inode = find(memory, path);
    check(inode != NULL);
    check(position < inode->now.size);
    inode->now.data[position] ^= 0xff;
    if (position < inode->durable.size)
        inode->durable.data[position] ^= 0xff;
}

void memory_env_forget(struct memory_env *memory, const char *path)
{
    char name[64];
    struct memory_inode *directory = walk(memory, path, name);
    check(directory != NULL);
    entries_remove(&directory->names_now, name);
    entries_remove(&directory->names_durable, name);
}

void memory_env_shorten(struct memory_env *memory, const char *path, uint64_t size)
{
    struct memory_inode *inode = find(memory, path);
    check(inode != NULL);
    image_resize(&inode->now, size);
    if (inode->durable.size > size)
        image_resize(&inode->durable, size);
}

int64_t memory_env_size(struct memory_env *memory, const char *path)
{
    struct memory_inode *inode = find(memory, path);
    return inode ? (int64_t)inode->now.size : -1;
}

struct bytes memory_env_bytes(struct memory_env *memory, const char *path)
{
    struct memory_inode *inode = find(memory, path);
    if (!inode)
        return (struct bytes){0};
    return (struct bytes){.data = inode->now.data, .size = (uint32_t)inode->now.size};
}
