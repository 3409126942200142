/* names.c -- entries of the data directory: made, renamed, removed, listed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uv_shard.h"

static int root_of(struct env *env)
{
    return uv_shard_of(env)->disk.root_fd;
}

static enum err result_of(int returned)
{
    return returned == 0 ? ERR_NONE : err_of_errno(errno);
}

enum err names_mkdir(struct env *env, const char *path)
{
    return result_of(mkdirat(root_of(env), path, 0755));
}

/* A name goes at once. A big file's blocks go when its last descriptor is closed, and that is
 * free.c's. So a descriptor is held of what is about to lose its name; -1: nothing is there, or
 * nothing big. */
static int hold_big(struct env *env, const char *path)
{
    struct stat about;
    if (fstatat(root_of(env), path, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode) ||
        about.st_blocks <= UNLINK_INLINE_SIZE / 512)
        return -1;
    return openat(root_of(env), path, O_RDWR | O_CLOEXEC);
}

static void let_go(struct env *env, int held)
{
    struct stat about = {0};
    if (held < 0)
        return;
    fstat(held, &about);
    free_later(uv_shard_of(env), held, (uint64_t)about.st_size);
}

/* Who takes a name over takes it from a file that has nothing else, as a compacted segment does. */
enum err names_rename(struct env *env, const char *from, const char *to)
{
    int held = hold_big(env, to);
    enum err err = result_of(renameat(root_of(env), from, root_of(env), to));
    let_go(env, held);
    return err;
}

enum err names_unlink(struct env *env, const char *path)
{
    int held = hold_big(env, path);
    int returned = unlinkat(root_of(env), path, 0);
    if (returned != 0 && errno == EISDIR)
        returned = unlinkat(root_of(env), path, AT_REMOVEDIR);
    enum err err = result_of(returned);
    let_go(env, held);
    return err;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lock is this platform's own; the shard need not know it. */
static bool is_hidden(const char *path, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    return (path[0] == '\0' || strcmp(path, ".") == 0) && strcmp(name, ".lock") == 0;
}

static DIR *open_directory(struct env *env, const char *path)
{
    int fd = openat(root_of(env), path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *directory = fdopendir(fd);
    if (directory == NULL)
        close(fd);
    return directory;
}

enum err names_list(struct env *env, const char *path, struct arena *arena, const char ***names,
                    uint32_t *count)
{
    DIR *directory = open_directory(env, path);
    if (directory == NULL)
        return err_of_errno(errno);
    const char **found = NULL;
    uint32_t found_count = 0;
    uint32_t capacity = 0;
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(directory)) != NULL) {
        if (is_hidden(path, entry->d_name))
            continue;
        mem_grow(found, found_count, &capacity);
        found[found_count++] = arena_copy(arena, entry->d_name, strlen(entry->d_name) + 1);
        errno = 0;
    }
    int failed = errno;
    closedir(directory);
    if (failed == 0) {
        const char **kept = arena_array(arena, const char *, found_count + 1);
        if (found_count > 0) {
            qsort(found, found_count, sizeof *found, compare_names);
            memcpy(kept, found, found_count * sizeof *found);
        }
        *names = kept;
        *count = found_count;
    }
    mem_free(found);
    return failed == 0 ? ERR_NONE : err_of_errno(failed);
}
