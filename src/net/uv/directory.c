/* directory.c -- the node's data directory, taken for one process.
 *
 * The directory itself bears flock(), which keeps a second node out. The file `.lock` bears
 * the fcntl() lock that a JVM takes, which keeps Apache Kafka out; it is made only once the
 * shard has found the directory to be ours, since another program's stays as it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uv_shard.h"

/* Make the directory and what is missing above it. */
static int make_path(const char *path)
{
    char part[CONFIG_DIR_MAX];
    size_t size = strlen(path);
    check(size < sizeof part);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static enum err refuse(const struct platform *platform, const char *what)
{
    int failed = errno;
    trace_error(platform->trace, "data directory %s %s: %s", platform->config->log_dir, what,
                strerror(failed));
    return err_of_errno(failed);
}

static enum err refuse_taken(const struct platform *platform)
{
    if (errno != EWOULDBLOCK && errno != EACCES)
        return refuse(platform, "cannot be locked");
    trace_error(platform->trace, "data directory %s is in use by another node",
                platform->config->log_dir);
    return ERR_BUSY;
}

static enum err lock_file(struct platform *platform, int flags)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    platform->lock_fd = openat(platform->dir_fd, ".lock", O_RDWR | O_CLOEXEC | flags, 0644);
    if (platform->lock_fd < 0 && errno == ENOENT)
        return ERR_NONE;
    if (platform->lock_fd < 0)
        return refuse(platform, "cannot be locked");
    return fcntl(platform->lock_fd, F_OFD_SETLK, &whole) == 0 ? ERR_NONE : refuse_taken(platform);
}

enum err directory_take(struct platform *platform)
{
    const char *path = platform->config->log_dir;
    if (make_path(path) != 0)
        return refuse(platform, "cannot be created");
    platform->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (platform->dir_fd < 0)
        return refuse(platform, "cannot be read");
    if (faccessat(platform->dir_fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return refuse(platform, "is not writable");
    if (flock(platform->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return refuse_taken(platform);
    return lock_file(platform, 0);
}

enum err directory_mark(struct platform *platform)
{
    return platform->lock_fd < 0 ? lock_file(platform, O_CREAT) : ERR_NONE;
}

void directory_release(struct platform *platform)
{
    if (platform->lock_fd >= 0)
        close(platform->lock_fd);
    if (platform->dir_fd >= 0)
        close(platform->dir_fd);
    platform->lock_fd = -1;
    platform->dir_fd = -1;
}
