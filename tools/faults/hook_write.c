/* hook_write.c -- writes to files beneath the data directory: slow, hung, short, refused,
 * recorded.
 *
 * Not seen: what the C library writes for a FILE, since that never passes through these symbols,
 * and memory that is mapped. Neither is taken back by a power loss. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "changes.h"

enum { PARTS_MAX = 1024, AT_POSITION = -1 }; /* Linux takes as many parts. */

/* One write, as pwritev2() has it. */
struct request {
    int fd;
    const struct iovec *parts;
    int count;
    off_t offset; /* AT_POSITION: where the descriptor stands. */
    int flags;
};

uint64_t space_take(uint64_t growth)
{
    struct fault_rules *rules = faults.rules;
    uint64_t used = rule(&rules->disk_used_bytes);
    uint64_t taken;
    if (!rule(&rules->disk_full) || growth == 0)
        return growth;
    do {
        uint64_t size = rule(&rules->disk_free_bytes);
        uint64_t room = size > used ? size - used : 0;
        taken = growth < room ? growth : room;
    } while (!atomic_compare_exchange_weak(&rules->disk_used_bytes, &used, used + taken));
    if (taken < growth)
        count(&rules->refused_full, 1);
    return taken;
}

/* How much of `bytes` at `offset` there is room for. Blocks that a file has are not asked for
 * twice. */
static uint64_t fitting(const struct inode *inode, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;
    if (end <= inode->reserved)
        return bytes;
    uint64_t limit = inode->reserved + space_take(end - inode->reserved);
    return limit >= end ? bytes : limit > offset ? limit - offset : 0;
}

static uint64_t cut_short(uint64_t bytes)
{
    static _Atomic uint64_t turn;
    if (bytes < 2 || !rule(&faults.rules->write_short) || atomic_fetch_add(&turn, 1) % 2 == 0)
        return bytes;
    count(&faults.rules->writes_short, 1);
    return bytes / 2;
}

static void grown(struct inode *inode, uint64_t end)
{
    inode->size = end > inode->size ? end : inode->size;
    inode->reserved = end > inode->reserved ? end : inode->reserved;
}

static uint64_t request_bytes(const struct request *request)
{
    uint64_t bytes = 0;
    for (int i = 0; i < request->count; i++)
        bytes += request->parts[i].iov_len;
    return bytes;
}

static ssize_t pass(const struct request *request)
{
    return syscall(SYS_pwritev2, request->fd, request->parts, (long)request->count,
                   (long)request->offset, 0L, (long)request->flags);
}

/* Only the first `bytes` of it. */
static ssize_t pass_some(struct request request, uint64_t bytes)
{
    struct iovec parts[PARTS_MAX];
    int used = 0;
    for (; bytes > 0; used++) {
        parts[used] = request.parts[used];
        if (parts[used].iov_len > bytes)
            parts[used].iov_len = bytes;
        bytes -= parts[used].iov_len;
    }
    request.parts = parts;
    request.count = used;
    return pass(&request);
}

static ssize_t write_locked(const struct request *request, struct open_file file)
{
    struct inode *inode = file.inode;
    bool appends = file.appends || (request->flags & RWF_APPEND);
    int64_t offset = request->offset;
    if (appends)
        offset = (int64_t)inode->size;
    else if (offset == AT_POSITION)
        offset = syscall(SYS_lseek, request->fd, (off_t)0, SEEK_CUR);
    uint64_t asked = request_bytes(request);
    if (offset < 0 || asked == 0)
        return pass(request);
    uint64_t bytes = fitting(inode, (uint64_t)offset, cut_short(asked));
    if (bytes == 0) {
        errno = ENOSPC;
        return -1;
    }
    struct record *record = change_write(inode, request->fd, (uint64_t)offset, bytes);
    ssize_t done = bytes == asked ? pass(request) : pass_some(*request, bytes);
    bool is_synced = file.is_synced || (request->flags & (RWF_DSYNC | RWF_SYNC));
    change_done(inode, record, done > 0, is_synced);
    if (done > 0)
        grown(inode, (uint64_t)offset + (uint64_t)done);
    return done;
}

static void before_write(void)
{
    struct fault_rules *rules = faults.rules;
    count(&rules->writes, 1);
    wait_us(rule(&rules->write_delay_us));
    wait_while(&rules->write_hang);
}

static ssize_t write_file(const struct request *request, struct open_file file)
{
    if (request->count < 0 || request->count > PARTS_MAX)
        return pass(request); /* It is refused. */
    before_write();
    pthread_mutex_lock(&file.inode->lock);
    ssize_t done = write_locked(request, file);
    pthread_mutex_unlock(&file.inode->lock);
    return done;
}

EXPORT ssize_t write(int fd, const void *from, size_t size)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode)
        return syscall(SYS_write, fd, from, size);
    struct iovec part = {.iov_base = (void *)(uintptr_t)from, .iov_len = size};
    return write_file(&(struct request){fd, &part, 1, AT_POSITION, 0}, file);
}

EXPORT ssize_t pwrite(int fd, const void *from, size_t size, off_t offset)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode || offset < 0)
        return syscall(SYS_pwrite64, fd, from, size, offset);
    struct iovec part = {.iov_base = (void *)(uintptr_t)from, .iov_len = size};
    return write_file(&(struct request){fd, &part, 1, offset, 0}, file);
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t size, off64_t offset)
{
    return pwrite(fd, from, size, offset);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode)
        return syscall(SYS_writev, fd, parts, (long)count);
    return write_file(&(struct request){fd, parts, count, AT_POSITION, 0}, file);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode || offset < 0)
        return syscall(SYS_pwritev, fd, parts, (long)count, (long)offset, 0L);
    return write_file(&(struct request){fd, parts, count, offset, 0}, file);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev(fd, parts, count, offset);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    struct open_file file = descriptor_file(fd);
    struct request request = {fd, parts, count, offset, flags};
    return file.inode && offset >= AT_POSITION ? write_file(&request, file) : pass(&request);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    return pwritev2(fd, parts, count, offset, flags);
}

/* A copy by the kernel into a file of ours: where to, how much at most, and the call itself. */
struct copy {
    int from_fd;
    int to_fd;
    off64_t *from_offset;
    off64_t *to_offset; /* NULL: where the descriptor stands. */
    size_t size;
    unsigned int flags;
    long (*call)(const struct copy *copy, size_t size);
};

static ssize_t copy_into(const struct copy *copy, struct open_file file)
{
    before_write();
    struct inode *inode = file.inode;
    pthread_mutex_lock(&inode->lock);
    int64_t offset =
        copy->to_offset ? *copy->to_offset : syscall(SYS_lseek, copy->to_fd, (off_t)0, SEEK_CUR);
    uint64_t bytes = offset < 0 ? 0 : fitting(inode, (uint64_t)offset, cut_short(copy->size));
    ssize_t done = -1;
    if (bytes == 0 && copy->size > 0 && offset >= 0) {
        errno = ENOSPC;
    } else {
        struct record *record =
            bytes ? change_write(inode, copy->to_fd, (uint64_t)offset, bytes) : NULL;
        done = copy->call(copy, bytes);
        change_done(inode, record, done > 0, file.is_synced);
        if (done > 0)
            grown(inode, (uint64_t)offset + (uint64_t)done);
    }
    pthread_mutex_unlock(&inode->lock);
    return done;
}

static long call_sendfile(const struct copy *copy, size_t size)
{
    return syscall(SYS_sendfile, copy->to_fd, copy->from_fd, copy->from_offset, size);
}

EXPORT ssize_t sendfile(int to_fd, int from_fd, off_t *offset, size_t size)
{
    if (read_fails(from_fd))
        return -1;
    read_waits(from_fd, offset ? *offset : 0);
    struct open_file file = descriptor_file(to_fd);
    struct copy copy = {from_fd, to_fd, offset, NULL, size, 0, call_sendfile};
    return file.inode ? copy_into(&copy, file) : call_sendfile(&copy, size);
}

EXPORT ssize_t sendfile64(int to_fd, int from_fd, off64_t *offset, size_t size)
{
    return sendfile(to_fd, from_fd, offset, size);
}

static long call_copy_file_range(const struct copy *copy, size_t size)
{
    return syscall(SYS_copy_file_range, copy->from_fd, copy->from_offset, copy->to_fd,
                   copy->to_offset, size, (long)copy->flags);
}

EXPORT ssize_t copy_file_range(int from_fd, off64_t *from_offset, int to_fd, off64_t *to_offset,
                               size_t size, unsigned int flags)
{
    if (read_fails(from_fd))
        return -1;
    struct open_file file = descriptor_file(to_fd);
    struct copy copy = {from_fd, to_fd, from_offset, to_offset, size, flags, call_copy_file_range};
    return file.inode ? copy_into(&copy, file) : call_copy_file_range(&copy, size);
}

static long call_splice(const struct copy *copy, size_t size)
{
    return syscall(SYS_splice, copy->from_fd, copy->from_offset, copy->to_fd, copy->to_offset, size,
                   (long)copy->flags);
}

EXPORT ssize_t splice(int from_fd, off64_t *from_offset, int to_fd, off64_t *to_offset, size_t size,
                      unsigned int flags)
{
    if (read_fails(from_fd))
        return -1;
    struct open_file file = descriptor_file(to_fd);
    struct copy copy = {from_fd, to_fd, from_offset, to_offset, size, flags, call_splice};
    return file.inode ? copy_into(&copy, file) : call_splice(&copy, size);
}
