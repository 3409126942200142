/* hook_read.c -- reads of files beneath the data directory fail where the rules say so. */
#include <errno.h>
#include <sys/uio.h>

#include "faults.h"

/* One load where no rule is set: reads are the hot path of others. */
bool read_fails(int fd)
{
    if (!rule(&faults.rules->read_fail) || !descriptor_file(fd).inode)
        return false;
    count(&faults.rules->reads_failed, 1);
    errno = EIO;
    return true;
}

void read_waits(int fd, off_t offset)
{
    uint64_t delay_us = rule(&faults.rules->read_delay_us);
    char byte;
    struct iovec part = {&byte, 1};
    int before = errno;
    if (delay_us == 0 || !descriptor_file(fd).inode)
        return;
    long moved = syscall(SYS_preadv2, fd, &part, 1L, (long)offset, 0L, (long)RWF_NOWAIT);
    if (moved < 0 && errno == EAGAIN) {
        wait_us(delay_us);
        count(&faults.rules->reads_delayed, 1);
    }
    errno = before;
}

EXPORT ssize_t read(int fd, void *into, size_t size)
{
    return read_fails(fd) ? -1 : syscall(SYS_read, fd, into, size);
}

EXPORT ssize_t pread(int fd, void *into, size_t size, off_t offset)
{
    read_waits(fd, offset);
    return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, into, size, offset);
}

EXPORT ssize_t pread64(int fd, void *into, size_t size, off64_t offset)
{
    return pread(fd, into, size, offset);
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int count)
{
    return read_fails(fd) ? -1 : syscall(SYS_readv, fd, parts, (long)count);
}

EXPORT ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    read_waits(fd, offset);
    return read_fails(fd) ? -1 : syscall(SYS_preadv, fd, parts, (long)count, (long)offset, 0L);
}

EXPORT ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return preadv(fd, parts, count, offset);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    if (!(flags & RWF_NOWAIT))
        read_waits(fd, offset);
    return read_fails(fd)
               ? -1
               : syscall(SYS_preadv2, fd, parts, (long)count, (long)offset, 0L, (long)flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags)
{
    return preadv2(fd, parts, count, offset, flags);
}

/* What a program built with _FORTIFY_SOURCE calls; the C library checks the size at run time. */
ssize_t __read_chk(int fd, void *into, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *into, size_t size, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *into, size_t size, off64_t offset, size_t room);

EXPORT ssize_t __read_chk(int fd, void *into, size_t size, size_t room)
{
    if (size > room)
        __builtin_trap();
    return read(fd, into, size);
}

EXPORT ssize_t __pread_chk(int fd, void *into, size_t size, off_t offset, size_t room)
{
    if (size > room)
        __builtin_trap();
    return pread(fd, into, size, offset);
}

EXPORT ssize_t __pread64_chk(int fd, void *into, size_t size, off64_t offset, size_t room)
{
    return __pread_chk(fd, into, size, offset, room);
}
