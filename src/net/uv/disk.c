/* disk.c -- open files: plain system calls through the page cache, done when they return.
 *
 * A file_id is a slot of a table, not a descriptor: a file that is closed while the thread
 * pool syncs or loads it keeps its descriptor until that has ended. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uv_shard.h"

void disk_init(struct uv_shard *owner)
{
    owner->disk = (struct uv_disk){.root_fd = owner->platform->dir_fd, .first_free = -1};
    sync_init(owner);
    loads_init(owner);
}

void disk_close_all(struct uv_shard *owner)
{
    struct uv_disk *disk = &owner->disk;
    loads_free(owner);
    frees_free(owner);
    for (uint32_t i = 0; i < disk->file_count; i++)
        if (disk->files[i].fd >= 0)
            close(disk->files[i].fd);
    mem_free(disk->files);
    sync_free(owner);
}

struct uv_file *disk_file(struct uv_shard *owner, file_id file)
{
    check(file >= 0);
    check((uint32_t)file < owner->disk.file_count);
    struct uv_file *found = &owner->disk.files[file];
    check(found->fd >= 0);
    return found;
}

static file_id take_slot(struct uv_disk *disk)
{
    if (disk->first_free >= 0) {
        file_id slot = disk->first_free;
        disk->first_free = disk->files[slot].next_free;
        return slot;
    }
    mem_grow(disk->files, disk->file_count, &disk->file_capacity);
    return (file_id)disk->file_count++;
}

static void give_back(struct uv_shard *owner, file_id file)
{
    struct uv_file *found = disk_file(owner, file);
    struct stat about;
    bool big_and_gone = !found->directory && fstat(found->fd, &about) == 0 && about.st_nlink == 0 &&
                        about.st_blocks > UNLINK_INLINE_SIZE / 512;
    if (big_and_gone)
        free_later(owner, found->fd, (uint64_t)about.st_size);
    else
        close(found->fd);
    *found = (struct uv_file){.fd = -1, .next_free = owner->disk.first_free};
    owner->disk.first_free = file;
}

/* A sync or load that held the file has ended. */
void disk_unpin(struct uv_shard *owner, file_id file)
{
    struct uv_file *found = disk_file(owner, file);
    check(found->pins > 0);
    if (--found->pins == 0 && found->closed)
        give_back(owner, file);
}

/* One that may have been opened. Errors  ERR_FILES: there are none left for it. */
static enum err check_descriptor(struct uv_shard *owner, const char *path, int fd)
{
    struct uv_disk *disk = &owner->disk;
    bool is_short = fd < 0 ? errno == EMFILE || errno == ENFILE
                           : descriptor_is_for_partition(path) && descriptor_is_kept(fd);
    if (is_short && (disk->starved == 0 || uv_shard_now() - disk->starved >= STARVED_AGAIN_MS)) {
        disk->starved = uv_shard_now();
        trace_warn(owner->env.trace,
                   "out of file descriptors: %s cannot be opened (ulimit -n is %llu)", path,
                   (unsigned long long)descriptors_limit());
    }
    if (fd < 0)
        return is_short ? ERR_FILES : err_of_errno(errno);
    if (!is_short)
        return ERR_NONE;
    close(fd);
    return ERR_FILES;
}

enum err disk_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out)
{
    static const int flags[] = {
        [ENV_OPEN_READ] = O_RDONLY,
        [ENV_OPEN_WRITE] = O_RDWR,
        [ENV_OPEN_CREATE] = O_RDWR | O_CREAT,
        [ENV_OPEN_DIRECTORY] = O_RDONLY | O_DIRECTORY,
    };
    struct uv_shard *owner = uv_shard_of(env);
    int fd =
        openat(owner->disk.root_fd, path[0] == '\0' ? "." : path, flags[mode] | O_CLOEXEC, 0644);
    enum err err = check_descriptor(owner, path, fd);
    if (err != ERR_NONE)
        return err;
    file_id slot = take_slot(&owner->disk);
    owner->disk.files[slot] =
        (struct uv_file){.fd = fd, .directory = mode == ENV_OPEN_DIRECTORY, .holds = 1};
    *out = slot;
    return ERR_NONE;
}

void disk_close(struct env *env, file_id file)
{
    struct uv_shard *owner = uv_shard_of(env);
    struct uv_file *found = disk_file(owner, file);
    check(found->holds > 0);
    if (--found->holds > 0)
        return;
    if (found->pins == 0)
        give_back(owner, file);
    else
        found->closed = true;
}

void disk_hold(struct env *env, file_id file)
{
    struct uv_file *found = disk_file(uv_shard_of(env), file);
    check(found->holds > 0);
    found->holds++;
}

int64_t disk_size(struct env *env, file_id file)
{
    struct stat about;
    if (fstat(disk_file(uv_shard_of(env), file)->fd, &about) != 0)
        return err_of_errno(errno);
    return about.st_size;
}

int64_t disk_read(struct env *env, file_id file, uint64_t position, void *into, uint32_t size)
{
    int fd = disk_file(uv_shard_of(env), file)->fd;
    int flags = env->is_hasty ? RWF_NOWAIT : 0;
    uint32_t done = 0;
    while (done < size) {
        struct iovec part = {.iov_base = (char *)into + done, .iov_len = size - done};
        ssize_t moved = preadv2(fd, &part, 1, (off_t)(position + done), flags);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0 && (errno == EAGAIN || errno == EOPNOTSUPP) && flags != 0) {
            env->missed = load_ask(env, file, position, size);
            if (env->missed != 0)
                return ERR_COLD;
            flags = 0; /* It is there by now, or cannot be told. */
            continue;
        }
        if (moved < 0)
            return err_of_errno(errno);
        if (moved == 0)
            break;
        done += (uint32_t)moved;
    }
    return done;
}

static ssize_t write_parts(int fd, uint64_t position, const struct bytes *parts, uint32_t count)
{
    struct iovec vectors[IO_VECTORS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        vectors[i].iov_base = (void *)(uintptr_t)parts[i].data;
        vectors[i].iov_len = parts[i].size;
    }
    ssize_t moved;
    do
        moved = pwritev(fd, vectors, (int)count, (off_t)position);
    while (moved < 0 && errno == EINTR);
    return moved;
}

int64_t disk_write(struct env *env, file_id file, uint64_t position, const struct bytes *parts,
                   uint32_t count)
{
    struct uv_file *found = disk_file(uv_shard_of(env), file);
    int fd = found->fd;
    int64_t total = 0;
    load_note_written(uv_shard_of(env), found, position);
    while (count > 0) {
        uint32_t batch = count < IO_VECTORS_MAX ? count : IO_VECTORS_MAX;
        int64_t asked = 0;
        for (uint32_t i = 0; i < batch; i++)
            asked += parts[i].size;
        ssize_t moved = write_parts(fd, position + (uint64_t)total, parts, batch);
        if (moved < 0)
            return total > 0 ? total : err_of_errno(errno);
        total += moved;
        if (moved < asked)
            return total;
        parts += batch;
        count -= batch;
    }
    return total;
}

enum err disk_truncate(struct env *env, file_id file, uint64_t size)
{
    int fd = disk_file(uv_shard_of(env), file)->fd;
    return ftruncate(fd, (off_t)size) == 0 ? ERR_NONE : err_of_errno(errno);
}

/* Where the file system cannot reserve, a full disk shows at the write instead. */
enum err disk_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    int fd = disk_file(uv_shard_of(env), file)->fd;
    if (size == 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)position, (off_t)size) == 0)
        return ERR_NONE;
    return errno == EOPNOTSUPP ? ERR_NONE : err_of_errno(errno);
}
