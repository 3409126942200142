/* file_window.h -- bytes of a file of any size, by their position. */
#ifndef SKIFF_FILE_WINDOW_H
#define SKIFF_FILE_WINDOW_H

#include "base/base.h"

struct file_window {
    int fd;         /* -1: closed. */
    uint64_t size;  /* Of the file when it was opened. */
    uint8_t *bytes; /* Those at `at`. */
    uint64_t at;
    uint32_t count, capacity;
    int error; /* The errno of a read that failed, or 0. */
};

/* Errors  an errno; EINVAL: not a file. */
int file_window_open(struct file_window *window, const char *path);
void file_window_close(struct file_window *window);

/* `size` bytes, which last until the next call. NULL: the file does not hold them, or `error`. */
const uint8_t *file_window_bytes(struct file_window *window, uint64_t position, uint32_t size);

/* The offset that the name of a partition's file begins with; -1: none. */
int64_t file_base_offset(const char *name);

#endif
