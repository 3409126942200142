/* memory_env.c -- what a log asks of the disk in memory, and how it is refused. */
#include "memory_disk.h"

#include <stdio.h>
#include <stdlib.h>

static struct memory_env *of(struct env *env)
{
    return (struct memory_env *)(void *)((char *)env - offsetof(struct memory_env, env));
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
    struct memory_inode *inode = disk_find(memory, path);
    if (!inode && mode == ENV_OPEN_CREATE) {
        struct memory_inode *directory = disk_walk(memory, path, name);
        if (!directory)
            return ERR_NOT_FOUND;
        if (memory->space == 0)
            return ERR_SPACE;
        inode = disk_inode(memory, false);
        struct memory_op op = {.kind = OP_LINK, .inode = directory, .child = inode};
        snprintf(op.name, sizeof op.name, "%s", name);
        disk_perform(memory, op);
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
    disk_perform(memory, (struct memory_op){
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
        disk_perform(memory,
                     (struct memory_op){.kind = OP_TRUNCATE, .inode = inode, .position = size});
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
    if (disk_find(memory, path))
        return ERR_EXISTS;
    op.inode = disk_walk(memory, path, op.name);
    op.child = disk_inode(memory, true);
    disk_perform(memory, op);
    return ERR_NONE;
}

static enum err do_rename(struct env *env, const char *from, const char *to)
{
    struct memory_env *memory = of(env);
    struct memory_op op = {.kind = OP_RENAME};

    if (memory->is_dead)
        return ERR_IO;
    op.child = disk_find(memory, from);
    op.inode = disk_walk(memory, from, op.name);
    if (!op.child)
        return ERR_NOT_FOUND;
    check(disk_walk(memory, to, op.to) == op.inode);
    disk_perform(memory, op);
    return ERR_NONE;
}

static enum err do_unlink(struct env *env, const char *path)
{
    struct memory_env *memory = of(env);
    struct memory_op op = {.kind = OP_UNLINK};

    if (memory->is_dead)
        return ERR_IO;
    struct memory_inode *inode = disk_find(memory, path);
    if (!inode)
        return ERR_NOT_FOUND;
    if (inode->is_directory && inode->names_now.count > 0)
        return ERR_EXISTS;
    op.inode = disk_walk(memory, path, op.name);
    disk_perform(memory, op);
    memory->unlink_total++;
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
    struct memory_inode *directory = disk_find(memory, path);
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

struct memory_env *memory_env_new(void)
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
    struct memory_env *memory = memory_env_new();
    disk_inode(memory, true);
    return memory;
}
