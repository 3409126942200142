/* hook_read.c -- reads of files beneath the data directory fail where the rules say so. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

/* Asking the kernel by a read would make it read ahead, from a disk that is fast. */
static bool is_in_memory(int fd, off_t offset)
{
    struct stat about;
    unsigned char there = 1;
    if (fstat(fd, &about) != 0 || offset >= about.st_size)
        return true;
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, offset - offset % sysconf(_SC_PAGESIZE));
    if (page == MAP_FAILED)
        return true;
    bool is_told = mincore(page, 1, &there) == 0;
    munmap(page, 1);
    return !is_told || (there & 1);
}

static bool is_slow(int fd, off_t offset)
{
    int before = errno;
    bool slow = rule(&faults.rules->read_delay_us) && descriptor_file(fd).inode &&
                !is_in_memory(fd, offset);
    errno = before;
    return slow;
}

void read_waits(int fd, off_t offset)
{
    if (!is_slow(fd, offset))
        return;
    wait_us(rule(&faults.rules->read_delay_us));
    count(&faults.rules->reads_delayed, 1);
}

/* Nothing comes from a slow disk before somebody waits for it. */
EXPORT int posix_fadvise(int fd, off_t offset, off_t size, int advice)
{
    if (advice == POSIX_FADV_WILLNEED && is_slow(fd, offset))
        return 0;
    return syscall(SYS_fadvise64, fd, offset, size, (long)advice) == 0 ? 0 : errno;
}

EXPORT int posix_fadvise64(int fd, off64_t offset, off64_t size, int advice)
{
    return posix_fadvise(fd, offset, size, advice);
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
    if (!(flags & RWF_NOWAIT)) {
        read_waits(fd, offset);
    } else if (is_slow(fd, offset)) {
        errno = EAGAIN;
        return -1;
    }
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
