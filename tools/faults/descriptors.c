/* descriptors.c -- which open descriptors are files beneath the data directory.
 *
 * A descriptor is looked at when it is first written, synced or read under a fault, and what was
 * found is kept until it is closed. Every way to close one is intercepted, also those that the C
 * library takes by itself (fclose, closedir). What is opened anew is unknown again, so a way
 * that was overlooked costs nothing but where it opens a descriptor that nobody closed. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "faults.h"
#include "journal.h"

enum {
    DESCRIPTORS_MAX = 1 << 20, /* Above, each call looks anew. */
    KNOWN_FOREIGN = 1,
    FLAG_APPENDS = 1,
    FLAG_SYNCED = 2,
    FLAG_BITS = 2,
};

/* 0: unknown; KNOWN_FOREIGN; or an inode's place in the table plus one, above two bits of flags. */
static _Atomic uint32_t known[DESCRIPTORS_MAX];

bool descriptor_path(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (size <= 0)
        return false;
    path[size] = 0;
    return true;
}

static uint32_t look(int fd)
{
    struct stat about;
    char path[PATH_MAX];
    if (fstat(fd, &about) != 0)
        return 0;
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
        return KNOWN_FOREIGN;
    if (!descriptor_path(fd, path) || !is_beneath_data(path))
        return KNOWN_FOREIGN;
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH))
        return KNOWN_FOREIGN;
    journal_start(about.st_dev);
    struct inode *inode = inode_of(about.st_ino);
    if (!inode)
        return KNOWN_FOREIGN;
    pthread_mutex_lock(&inode->lock);
    if (!inode->is_sized) {
        inode->size = (uint64_t)about.st_size;
        inode->reserved = (uint64_t)about.st_blocks * 512;
        if (inode->reserved < inode->size)
            inode->reserved = inode->size;
        inode->is_sized = true;
    }
    pthread_mutex_unlock(&inode->lock);
    uint32_t bits = (flags & O_APPEND ? FLAG_APPENDS : 0) | (flags & O_DSYNC ? FLAG_SYNCED : 0);
    return (inode_place(inode) + 1) << FLAG_BITS | bits;
}

struct open_file descriptor_file(int fd)
{
    if (fd < 0 || faults.data_dir_size == 0)
        return (struct open_file){0};
    uint32_t found = 0;
    if (fd < DESCRIPTORS_MAX)
        found = atomic_load_explicit(&known[fd], memory_order_relaxed);
    if (!found) {
        int before = errno;
        found = look(fd);
        errno = before;
        if (fd < DESCRIPTORS_MAX)
            atomic_store_explicit(&known[fd], found, memory_order_relaxed);
    }
    if (found <= KNOWN_FOREIGN)
        return (struct open_file){0};
    return (struct open_file){
        .inode = inode_at((found >> FLAG_BITS) - 1),
        .appends = found & FLAG_APPENDS,
        .is_synced = found & FLAG_SYNCED,
    };
}

void descriptor_forget(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS_MAX)
        atomic_store_explicit(&known[fd], 0, memory_order_relaxed);
}

static void forget_range(unsigned int first, unsigned int last)
{
    for (unsigned int fd = first; fd <= last && fd < DESCRIPTORS_MAX; fd++)
        descriptor_forget((int)fd);
}

/* Like RLIMIT_NOFILE: the limit bounds the number that the next descriptor gets. */
bool descriptor_refused(void)
{
    uint64_t limit = rule(&faults.rules->fd_limit);
    if (limit == 0)
        return false;
    int next = (int)syscall(SYS_eventfd2, 0, O_CLOEXEC);
    if (next >= 0)
        syscall(SYS_close, next);
    if (next >= 0 && (uint64_t)next < limit)
        return false;
    count(&faults.rules->refused_descriptors, 1);
    errno = EMFILE;
    return true;
}

EXPORT int close(int fd)
{
    descriptor_forget(fd);
    return (int)syscall(SYS_close, fd);
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
    forget_range(first, last);
    return (int)syscall(SYS_close_range, first, last, flags);
}

EXPORT int dup2(int fd, int onto)
{
    if (fd == onto)
        return syscall(SYS_fcntl, fd, F_GETFD) < 0 ? -1 : fd;
    descriptor_forget(onto);
    return (int)syscall(SYS_dup3, fd, onto, 0);
}

EXPORT int dup3(int fd, int onto, int flags)
{
    descriptor_forget(onto);
    return (int)syscall(SYS_dup3, fd, onto, flags);
}

EXPORT int fclose(FILE *stream)
{
    static int (*_Atomic next)(FILE *);
    if (!next) {
        int (*found)(FILE *);
        *(void **)(&found) = dlsym(RTLD_NEXT, "fclose");
        next = found;
    }
    descriptor_forget(fileno(stream));
    return next(stream);
}

EXPORT int closedir(DIR *stream)
{
    static int (*_Atomic next)(DIR *);
    if (!next) {
        int (*found)(DIR *);
        *(void **)(&found) = dlsym(RTLD_NEXT, "closedir");
        next = found;
    }
    descriptor_forget(dirfd(stream));
    return next(stream);
}
