/* hook_sync.c -- syncs: slow, hung, failed, and what they cover.
 *
 * A sync covers what was done before it began. What fails here never reaches the disk: after a
 * failed fsync() the kernel takes the pages for clean, so no later sync of the file covers them
 * either. A failed syncfs() covers nothing and spoils nothing: it does not say which file failed,
 * and a kernel would have the sync of that very file fail, too. sync_file_range() promises
 * nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "journal.h"

enum { LOOK_AGAIN_US = 1000, US_PER_S = 1000000, MAPS_SIZE = 4096 };

void wait_us(uint64_t duration_us)
{
    struct timespec left = {
        .tv_sec = (time_t)(duration_us / US_PER_S),
        .tv_nsec = (long)(duration_us % US_PER_S) * 1000,
    };
    int before = errno;
    while (duration_us && syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0 &&
           errno == EINTR)
        ;
    errno = before;
}

void wait_while(_Atomic uint64_t *hang)
{
    if (!rule(hang))
        return;
    count(&faults.rules->hung, 1);
    while (rule(hang))
        wait_us(LOOK_AGAIN_US);
}

static bool sync_fails(void)
{
    struct fault_rules *rules = faults.rules;
    count(&rules->syncs, 1);
    uint64_t delay_us = rule(&rules->sync_delay_us);
    wait_us(delay_us);
    count(&rules->syncs_delayed, delay_us > 0);
    wait_while(&rules->sync_hang);
    uint64_t mode = rule(&rules->sync_mode);
    bool fails = mode == FAULT_SYNC_FAILS;
    if (mode == FAULT_SYNC_FAILS_ONCE)
        fails = atomic_compare_exchange_strong(&rules->sync_mode, &mode, FAULT_SYNC_WORKS);
    if (fails) {
        count(&rules->syncs_failed, 1);
        errno = EIO;
    }
    return fails;
}

static int sync_inode(struct inode *inode, long call, int fd)
{
    uint64_t last = journal_last(inode);
    int result = sync_fails() ? -1 : (int)syscall(call, fd);
    int failed = errno;
    journal_cover(inode, last, result == 0 ? RECORD_COVERED : RECORD_MISSED);
    errno = failed;
    return result;
}

EXPORT int fsync(int fd)
{
    struct open_file file = descriptor_file(fd);
    return file.inode ? sync_inode(file.inode, SYS_fsync, fd) : (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    struct open_file file = descriptor_file(fd);
    return file.inode ? sync_inode(file.inode, SYS_fdatasync, fd) : (int)syscall(SYS_fdatasync, fd);
}

/* The file system on which the data lies. A sync of all of it may be a process's first call: what
 * an earlier process left unsynced is covered then, too. */
static bool holds_data(int fd)
{
    struct stat about;
    struct stat data;
    if (!faults.data_dir_size || fstat(fd, &about) != 0)
        return false;
    if (stat(faults.data_dir, &data) == 0 && data.st_dev == about.st_dev)
        journal_start(about.st_dev);
    return journal_is_on(about.st_dev);
}

EXPORT int syncfs(int fd)
{
    if (!holds_data(fd))
        return (int)syscall(SYS_syncfs, fd);
    uint64_t last = journal_last_of_all();
    int result = sync_fails() ? -1 : (int)syscall(SYS_syncfs, fd);
    if (result == 0)
        journal_cover_all(last);
    return result;
}

EXPORT void sync(void)
{
    struct stat data;
    if (faults.data_dir_size && stat(faults.data_dir, &data) == 0)
        journal_start(data.st_dev);
    uint64_t last = faults.data_dir_size ? journal_last_of_all() : 0;
    bool fails = faults.data_dir_size && sync_fails();
    syscall(SYS_sync);
    if (!fails && last)
        journal_cover_all(last);
}

/* The inode mapped at `address`: a line of maps is "from-to perms offset dev inode path". */
static struct inode *mapped_at(uintptr_t address)
{
    char text[MAPS_SIZE];
    size_t held = 0;
    struct inode *found = NULL;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    for (bool more = fd >= 0; more && !found;) {
        ssize_t size = syscall(SYS_read, fd, text + held, sizeof text - 1 - held);
        more = size > 0;
        held += more ? (size_t)size : 0;
        text[held] = 0;
        char *line = text;
        for (char *end; (end = strchr(line, '\n')); line = end + 1) {
            uintptr_t from;
            uintptr_t to;
            uint64_t number;
            int path = 0;
            *end = 0;
            if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %" SCNu64 " %n", &from, &to,
                       &number, &path) == 3 &&
                address >= from && address < to && is_beneath_data(line + path))
                found = inode_of(number);
        }
        held = strlen(line);
        memmove(text, line, held + 1);
    }
    if (fd >= 0)
        syscall(SYS_close, fd);
    return found;
}

/* Of mapped memory nothing is taken back, but it syncs the size of its file as well. */
EXPORT int msync(void *address, size_t size, int flags)
{
    int before = errno;
    struct inode *inode =
        faults.data_dir_size && (flags & MS_SYNC) ? mapped_at((uintptr_t)address) : NULL;
    errno = before;
    if (!inode)
        return (int)syscall(SYS_msync, address, size, (long)flags);
    uint64_t last = journal_last(inode);
    int result = sync_fails() ? -1 : (int)syscall(SYS_msync, address, size, (long)flags);
    int failed = errno;
    journal_cover(inode, last, result == 0 ? RECORD_COVERED : RECORD_MISSED);
    errno = failed;
    return result;
}
