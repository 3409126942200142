/* directory.c -- the node's data directory, taken for one process.
 *
 * The file `.lock` bears both kinds of lock: flock(), and the fcntl() lock that a JVM
 * takes, so that neither a second node nor Apache Kafka can share the directory. */
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

static bool lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fcntl(fd, F_OFD_SETLK, &whole) == 0;
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
    platform->lock_fd = openat(platform->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (platform->lock_fd < 0)
        return refuse(platform, "cannot be locked");
    if (lock(platform->lock_fd))
        return ERR_NONE;
    if (errno != EWOULDBLOCK && errno != EACCES)
        return refuse(platform, "cannot be locked");
    trace_error(platform->trace, "data directory %s is in use by another node", path);
    return ERR_BUSY;
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
