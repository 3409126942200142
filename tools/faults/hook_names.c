/* hook_names.c -- calls that make, move and remove names, here or beneath the data directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "journal.h"
#include "names.h"

static int make_dir(int dirfd, const char *path, mode_t mode)
{
    struct place place;
    place_find(dirfd, path, &place);
    if (!place.is_inside)
        return (int)syscall(SYS_mkdirat, dirfd, path, mode);
    int result = name_mkdir(&place, mode);
    int failed = errno;
    place_close(&place);
    errno = failed;
    return result;
}

static int remove_name(int dirfd, const char *path, int flags)
{
    struct place place;
    place_find(dirfd, path, &place);
    if (!place.is_inside)
        return (int)syscall(SYS_unlinkat, dirfd, path, flags);
    int result = name_remove(&place, flags);
    int failed = errno;
    place_close(&place);
    errno = failed;
    return result;
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    return make_dir(AT_FDCWD, path, mode);
}

EXPORT int mkdirat(int dirfd, const char *path, mode_t mode)
{
    return make_dir(dirfd, path, mode);
}

EXPORT int unlink(const char *path)
{
    return remove_name(AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
    return remove_name(dirfd, path, flags);
}

EXPORT int rmdir(const char *path)
{
    return remove_name(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int remove(const char *path)
{
    struct stat about;
    bool is_dir =
        fstatat(AT_FDCWD, path, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
    return remove_name(AT_FDCWD, path, is_dir ? AT_REMOVEDIR : 0);
}

/* Two places of one call; over the border of the data directory nobody can follow. */
struct pair {
    struct place from;
    struct place to;
};

static bool both_inside(struct pair *pair, int from_dirfd, const char *from, int to_dirfd,
                        const char *to)
{
    place_find(from_dirfd, from, &pair->from);
    place_find(to_dirfd, to, &pair->to);
    if (pair->from.is_inside != pair->to.is_inside)
        journal_lose("a name was moved over the border of the data directory");
    return pair->from.is_inside && pair->to.is_inside;
}

static int pair_close(struct pair *pair, int result)
{
    int failed = errno;
    place_close(&pair->from);
    place_close(&pair->to);
    errno = failed;
    return result;
}

static int rename_any(int from_dirfd, const char *from, int to_dirfd, const char *to,
                      unsigned int flags)
{
    struct pair pair;
    int result;
    if (both_inside(&pair, from_dirfd, from, to_dirfd, to))
        result = name_rename(&pair.from, &pair.to, flags);
    else
        result = (int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, (long)flags);
    return pair_close(&pair, result);
}

EXPORT int rename(const char *from, const char *to)
{
    return rename_any(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
    return rename_any(from_dirfd, from, to_dirfd, to, 0);
}

EXPORT int renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to,
                     unsigned int flags)
{
    return rename_any(from_dirfd, from, to_dirfd, to, flags);
}

EXPORT int linkat(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags)
{
    struct pair pair;
    int result;
    if (both_inside(&pair, from_dirfd, from, to_dirfd, to) && flags == 0)
        result = name_link(&pair.from, &pair.to);
    else
        result = (int)syscall(SYS_linkat, from_dirfd, from, to_dirfd, to, (long)flags);
    return pair_close(&pair, result);
}

EXPORT int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int symlinkat(const char *target, int dirfd, const char *path)
{
    struct place place;
    place_find(dirfd, path, &place);
    if (place.is_inside)
        journal_lose("a symbolic link was made");
    place_close(&place);
    return (int)syscall(SYS_symlinkat, target, dirfd, path);
}

EXPORT int symlink(const char *target, const char *path)
{
    return symlinkat(target, AT_FDCWD, path);
}
