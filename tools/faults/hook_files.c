/* hook_files.c -- opening files, and their sizes.
 *
 * fopen() is left to the C library, whose own calls nobody sees: where it would write beneath
 * the data directory, the journal is given up. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "journal.h"
#include "names.h"

static int open_any(int dirfd, const char *path, int flags, mode_t mode)
{
    if (descriptor_refused())
        return -1;
    bool makes = (flags & (O_CREAT | O_TRUNC)) && !(flags & O_PATH);
    struct place place = {.is_inside = false};
    if (makes)
        place_find(dirfd, path, &place);
    int fd = place.is_inside ? name_open(&place, flags, mode)
                             : (int)syscall(SYS_openat, dirfd, path, flags, mode);
    int failed = errno;
    place_close(&place);
    if (!place.is_inside)
        descriptor_forget(fd);
    errno = failed;
    return fd;
}

/* A mode is there only where one is needed. */
#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                   \
            va_list arguments;                                                                     \
            va_start(arguments, flags);                                                            \
            (mode) = va_arg(arguments, mode_t);                                                    \
            va_end(arguments);                                                                     \
        }                                                                                          \
    } while (0)

EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(dirfd, path, flags, mode);
}

EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(dirfd, path, flags, mode);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat64(const char *path, mode_t mode)
{
    return creat(path, mode);
}

/* What a program built with _FORTIFY_SOURCE calls where it gives no mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
    return open_any(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
    return open_any(dirfd, path, flags, 0);
}

EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
    return open_any(dirfd, path, flags, 0);
}

static FILE *open_stream(const char *name, const char *path, const char *mode)
{
    FILE *(*next)(const char *, const char *);
    struct place place = {.is_inside = false};
    if (strpbrk(mode, "wa+"))
        place_find(AT_FDCWD, path, &place);
    if (place.is_inside)
        journal_lose("a stream of the C library writes to the data directory");
    place_close(&place);
    *(void **)(&next) = dlsym(RTLD_NEXT, name);
    return next(path, mode);
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
    return open_stream("fopen", path, mode);
}

EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    return open_stream("fopen64", path, mode);
}

static int set_size_locked(int fd, struct inode *inode, uint64_t size)
{
    if (size > inode->reserved && space_take(size - inode->reserved) < size - inode->reserved) {
        errno = ENOSPC;
        return -1;
    }
    struct record *record = change_size(inode, fd, size);
    int result = (int)syscall(SYS_ftruncate, fd, (off_t)size);
    change_done(inode, record, result == 0, false);
    if (result == 0) {
        inode->reserved = size < inode->size || size > inode->reserved ? size : inode->reserved;
        inode->size = size;
    }
    return result;
}

EXPORT int ftruncate(int fd, off_t size)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode || size < 0)
        return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&file.inode->lock);
    int result = (uint64_t)size == file.inode->size
                     ? (int)syscall(SYS_ftruncate, fd, size) /* It may give back reserved space. */
                     : set_size_locked(fd, file.inode, (uint64_t)size);
    pthread_mutex_unlock(&file.inode->lock);
    return result;
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

EXPORT int truncate(const char *path, off_t size)
{
    int fd = open_any(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int result = ftruncate(fd, size);
    int failed = errno;
    close(fd);
    errno = failed;
    return result;
}

EXPORT int truncate64(const char *path, off64_t size)
{
    return truncate(path, size);
}

/* Reserved space that nobody reads is not lost by anyone; what it changes of a file is recorded. */
static int allocate_locked(int fd, struct inode *inode, int mode, uint64_t offset, uint64_t size)
{
    uint64_t end = offset + size;
    bool overwrites = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
    bool grows = end > inode->size && !(mode & FALLOC_FL_KEEP_SIZE);
    struct record *record = NULL;
    if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
        journal_lose("a range was taken out of a file or put into it");
    uint64_t growth =
        end > inode->reserved && !(mode & FALLOC_FL_PUNCH_HOLE) ? end - inode->reserved : 0;
    if (space_take(growth) < growth) {
        errno = ENOSPC;
        return -1;
    }
    if (overwrites)
        record = change_write(inode, fd, offset,
                              grows || end <= inode->size ? size
                              : offset < inode->size      ? inode->size - offset
                                                          : 0);
    else if (grows)
        record = change_size(inode, fd, end);
    int result = (int)syscall(SYS_fallocate, fd, (long)mode, (off_t)offset, (off_t)size);
    change_done(inode, record, result == 0, false);
    if (result == 0 && grows)
        inode->size = end;
    if (result == 0 && growth)
        inode->reserved = end;
    return result;
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t size)
{
    struct open_file file = descriptor_file(fd);
    if (!file.inode || offset < 0 || size <= 0)
        return (int)syscall(SYS_fallocate, fd, (long)mode, offset, size);
    pthread_mutex_lock(&file.inode->lock);
    int result = allocate_locked(fd, file.inode, mode, (uint64_t)offset, (uint64_t)size);
    pthread_mutex_unlock(&file.inode->lock);
    return result;
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t size)
{
    return fallocate(fd, mode, offset, size);
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t size)
{
    int before = errno;
    int result = fallocate(fd, 0, offset, size) == 0 ? 0 : errno;
    errno = before;
    return result;
}

EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t size)
{
    return posix_fallocate(fd, offset, size);
}
