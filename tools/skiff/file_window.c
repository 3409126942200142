/* file_window.c -- bytes of a file through a window that is moved along. */
#include "file_window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"

enum { WINDOW_SIZE = 256 << 10, BASE_DIGITS = 20 };

int file_window_open(struct file_window *window, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return EINVAL;
    }
    *window = (struct file_window){.fd = fd, .size = (uint64_t)status.st_size};
    return 0;
}

void file_window_close(struct file_window *window)
{
    mem_free(window->bytes);
    if (window->fd >= 0)
        close(window->fd);
    *window = (struct file_window){.fd = -1};
}

const uint8_t *file_window_bytes(struct file_window *window, uint64_t position, uint32_t size)
{
    if (position > window->size || size > window->size - position)
        return NULL;
    if (position >= window->at && position + size <= window->at + window->count)
        return window->bytes + (position - window->at);
    uint32_t want = size > WINDOW_SIZE ? size : WINDOW_SIZE;
    if (want > window->capacity) {
        window->bytes = mem_realloc(window->bytes, want);
        window->capacity = want;
    }
    window->at = position;
    window->count = 0;
    while (window->count < want) {
        ssize_t got = pread(window->fd, window->bytes + window->count, want - window->count,
                            (off_t)(position + window->count));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            window->error = errno;
        if (got <= 0)
            break;
        window->count += (uint32_t)got;
    }
    return window->count >= size ? window->bytes : NULL;
}

int64_t file_base_offset(const char *name)
{
    char digits[BASE_DIGITS + 1];
    int64_t base;
    if (strlen(name) <= BASE_DIGITS || name[BASE_DIGITS] != '.' ||
        strspn(name, "0123456789") != BASE_DIGITS)
        return -1;
    memcpy(digits, name, BASE_DIGITS);
    digits[BASE_DIGITS] = 0;
    return parse_int(digits, 0, INT64_MAX, &base) ? base : -1;
}
