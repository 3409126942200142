/* disk.c -- paths, calls and their faults; disk_image.c holds what they change. */
#include "disk.h"

static struct disk_file *new_file(struct disk *disk, bool directory)
{
    struct disk_file *file = mem_zalloc(sizeof *file);
    file->number = disk->file_count++;
    file->directory = directory;
    file->next = disk->files;
    disk->files = file;
    return file;
}

void disk_init(struct disk *disk, struct kernel *kernel, uint32_t node)
{
    *disk = (struct disk){.kernel = kernel, .node = node};
    kernel_stream(kernel, STREAM_DISK, node, &disk->rand);
    disk->faults.sync_mean = 200;
    disk->root = new_file(disk, true);
}

void disk_wipe(struct disk *disk)
{
    disk->power++;
    disk->root = new_file(disk, true); /* Old files stay: messages on their way may hold them. */
}

static bool strikes(struct disk *disk, uint32_t millionth)
{
    return millionth > 0 && rand_chance(&disk->rand, millionth, 1000000);
}

/* The directory that `path` stands in; *name is its last part. */
static struct disk_file *find_parent(struct disk *disk, const char *path, const char **name)
{
    struct disk_file *at = disk->root;
    for (;;) {
        while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == 0)))
            path++;
        const char *slash = strchr(path, '/');
        if (!slash) {
            *name = path;
            return at->directory ? at : NULL;
        }
        at = entries_get(&at->entries, path, (size_t)(slash - path));
        if (!at)
            return NULL;
        path = slash + 1;
    }
}

struct disk_file *disk_find(struct disk *disk, const char *path)
{
    const char *name;
    struct disk_file *parent = find_parent(disk, path, &name);
    if (!parent)
        return NULL;
    return *name ? entries_get(&parent->entries, name, strlen(name)) : parent;
}

static struct disk_file *create(struct disk *disk, struct disk_file *parent, const char *name,
                                bool directory)
{
    struct disk_file *file = new_file(disk, directory);
    entries_put(&parent->entries, name, file);
    disk_add_op(disk, parent,
                (struct disk_op){.kind = DISK_LINK, .name = mem_strdup(name), .file = file});
    return file;
}

enum err disk_open(struct disk *disk, const char *path, enum env_open_mode mode,
                   struct disk_file **out)
{
    const char *name;
    struct disk_file *parent = find_parent(disk, path, &name);
    if (!parent)
        return ERR_NOT_FOUND;
    struct disk_file *file = *name ? entries_get(&parent->entries, name, strlen(name)) : parent;
    if (!file && mode == ENV_OPEN_CREATE) {
        if (disk->faults.full) {
            disk->counts.full++;
            return ERR_SPACE;
        }
        file = create(disk, parent, name, false);
    }
    if (!file || file->directory != (mode == ENV_OPEN_DIRECTORY))
        return ERR_NOT_FOUND;
    *out = file;
    return ERR_NONE;
}

int64_t disk_read(struct disk *disk, struct disk_file *file, uint64_t position, void *into,
                  uint32_t size)
{
    if (strikes(disk, disk->faults.read_error))
        return ERR_IO;
    if (position >= file->cache.size)
        return 0;
    uint64_t left = file->cache.size - position;
    if (size > left)
        size = (uint32_t)left;
    memcpy(into, file->cache.data + position, size);
    return size;
}

static uint64_t parts_size(const struct bytes *parts, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += parts[i].size;
    return size;
}

static void gather(uint8_t *to, const struct bytes *parts, uint64_t size)
{
    for (uint64_t done = 0; done < size; parts++) {
        uint64_t take = parts->size < size - done ? parts->size : size - done;
        if (take > 0)
            memcpy(to + done, parts->data, take);
        done += take;
    }
}

/* How much of a write the disk takes; negative: why nothing. */
static int64_t accept_size(struct disk *disk, const struct disk_file *file, uint64_t position,
                           uint64_t size)
{
    if (strikes(disk, disk->faults.write_error)) {
        disk->counts.write_errors++;
        return ERR_IO;
    }
    uint64_t room = file->cache.size > file->reserved ? file->cache.size : file->reserved;
    if (disk->faults.full && position + size > room) {
        disk->counts.full++;
        if (position >= room)
            return ERR_SPACE;
        size = room - position;
    }
    if (size > 1 && strikes(disk, disk->faults.write_short))
        size = 1 + rand_below(&disk->rand, size - 1);
    return (int64_t)size;
}

int64_t disk_write(struct disk *disk, struct disk_file *file, uint64_t position,
                   const struct bytes *parts, uint32_t count)
{
    int64_t accepted = accept_size(disk, file, position, parts_size(parts, count));
    file->failed = file->failed || accepted == ERR_IO;
    if (accepted <= 0)
        return accepted;
    uint8_t *data = mem_alloc((size_t)accepted);
    gather(data, parts, (uint64_t)accepted);
    blob_write(&file->cache, position, data, (uint64_t)accepted);
    disk_add_op(
        disk, file,
        (struct disk_op){
            .kind = DISK_WRITE, .position = position, .size = (uint32_t)accepted, .data = data});
    disk->counts.writes++;
    return accepted;
}

enum err disk_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    if (strikes(disk, disk->faults.write_error)) {
        disk->counts.write_errors++;
        return ERR_IO;
    }
    blob_resize(&file->cache, size);
    if (file->reserved > size)
        file->reserved = size;
    disk_add_op(disk, file, (struct disk_op){.kind = DISK_TRUNCATE, .position = size});
    return ERR_NONE;
}

enum err disk_reserve(struct disk *disk, struct disk_file *file, uint64_t end)
{
    if (end <= file->reserved)
        return ERR_NONE;
    if (disk->faults.full) {
        disk->counts.full++;
        return ERR_SPACE;
    }
    file->reserved = end;
    return ERR_NONE;
}

enum err disk_mkdir(struct disk *disk, const char *path)
{
    const char *name;
    struct disk_file *parent = find_parent(disk, path, &name);
    if (!parent)
        return ERR_NOT_FOUND;
    if (*name == 0 || entries_get(&parent->entries, name, strlen(name)))
        return ERR_EXISTS;
    if (disk->faults.full)
        return ERR_SPACE;
    create(disk, parent, name, true);
    return ERR_NONE;
}

static void unlink_entry(struct disk *disk, struct disk_file *parent, const char *name)
{
    disk_add_op(disk, parent, (struct disk_op){.kind = DISK_UNLINK, .name = mem_strdup(name)});
    entries_remove(&parent->entries, name);
}

enum err disk_rename(struct disk *disk, const char *from, const char *to)
{
    const char *from_name, *to_name;
    struct disk_file *from_parent = find_parent(disk, from, &from_name);
    struct disk_file *to_parent = find_parent(disk, to, &to_name);
    if (!from_parent || !to_parent || *to_name == 0)
        return ERR_NOT_FOUND;
    struct disk_file *file = entries_get(&from_parent->entries, from_name, strlen(from_name));
    if (!file)
        return ERR_NOT_FOUND;
    if (from_parent == to_parent) {
        entries_remove(&from_parent->entries, from_name);
        disk_add_op(disk, to_parent,
                    (struct disk_op){.kind = DISK_RENAME,
                                     .name = mem_strdup(to_name),
                                     .from = mem_strdup(from_name),
                                     .file = file});
    } else {
        disk_add_op(disk, to_parent,
                    (struct disk_op){.kind = DISK_LINK, .name = mem_strdup(to_name), .file = file});
        unlink_entry(disk, from_parent, from_name);
    }
    entries_put(&to_parent->entries, to_name, file);
    return ERR_NONE;
}

enum err disk_unlink(struct disk *disk, const char *path)
{
    const char *name;
    struct disk_file *parent = find_parent(disk, path, &name);
    if (!parent || *name == 0)
        return ERR_NOT_FOUND;
    struct disk_file *file = entries_get(&parent->entries, name, strlen(name));
    if (!file)
        return ERR_NOT_FOUND;
    if (file->directory && file->entries.count > 0)
        return ERR_EXISTS;
    unlink_entry(disk, parent, name);
    return ERR_NONE;
}

struct disk_request {
    struct disk *disk;
    uint64_t sequence, power, tag, ticket;
    uint32_t count;
    struct disk_file *files[];
};

/* Fails once: what was on its way is lost or kept, and the cache goes on showing it. */
static void fail_file(struct disk *disk, struct disk_file *file, uint64_t sequence)
{
    if (file->directory || rand_chance(&disk->rand, 1, 2)) {
        disk_settle(file, sequence);
        return;
    }
    uint32_t dropped = 0;
    while (dropped < file->op_count && file->ops[dropped].sequence <= sequence) {
        mem_free(file->ops[dropped].data);
        dropped++;
    }
    file->op_count -= dropped;
    if (dropped > 0)
        memmove(file->ops, file->ops + dropped, file->op_count * sizeof *file->ops);
    file->diverged = true;
}

static void finish_sync(struct event *event)
{
    struct disk_request *request = event->object;
    struct disk *disk = request->disk;
    bool alive = request->power == disk->power;
    bool failed = alive && strikes(disk, disk->faults.sync_error);
    for (uint32_t i = 0; alive && i < request->count; i++) {
        if (!failed) {
            disk_settle(request->files[i], request->sequence);
            continue;
        }
        fail_file(disk, request->files[i], request->sequence);
        request->files[i]->failed_for = request->tag;
    }
    disk->counts.sync_errors += failed;
    if (alive && disk->synced)
        disk->synced(disk->context, request->tag, request->ticket, failed ? ERR_IO : ERR_NONE);
    mem_free(request);
}

void disk_sync(struct disk *disk, struct disk_file *const *files, uint32_t count, uint64_t tag,
               uint64_t ticket)
{
    struct disk_request *request = mem_zalloc(sizeof *request + count * sizeof(struct disk_file *));
    *request = (struct disk_request){.disk = disk,
                                     .sequence = disk->sequence,
                                     .power = disk->power,
                                     .tag = tag,
                                     .ticket = ticket,
                                     .count = count};
    memcpy(request->files, files, count * sizeof(struct disk_file *));
    sim_us delay = 20 + kernel_delay(&disk->rand, disk->faults.sync_mean);
    if (strikes(disk, disk->faults.sync_hang))
        delay += (sim_us)rand_below(&disk->rand, 2 * SIM_SECOND);
    if (disk->hang_until > disk->kernel->now)
        delay += disk->hang_until - disk->kernel->now;
    disk->counts.syncs++;
    kernel_add(
        disk->kernel, delay,
        (struct event){
            .run = finish_sync, .object = request, .a = disk->node, .b = ticket, .label = 1});
}

void disk_hear_failures(struct disk *disk, uint64_t tag)
{
    for (struct disk_file *file = disk->files; file; file = file->next)
        file->failed = file->failed || file->failed_for == tag;
}

void disk_forget_failures(struct disk *disk)
{
    for (struct disk_file *file = disk->files; file; file = file->next) {
        file->failed = false;
        file->failed_for = 0;
    }
}
