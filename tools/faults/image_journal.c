/* image_journal.c -- the journal's chunks, and which changes are whose.
 *
 * A creation begins a new file under its inode's number, so what an earlier file of that number
 * had is forgotten: the kernel gave the number away only when that file was gone for good. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "power_image.h"

bool image_fails(struct image *image, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(image->result->why, sizeof image->result->why, format, arguments);
    va_end(arguments);
    return false;
}

static struct file *file_of(struct image *image, uint64_t inode)
{
    struct file *file = map_get(&image->files, &inode);
    if (!file) {
        file = arena_alloc(&image->arena, sizeof *file);
        file->inode = inode;
        map_put(&image->files, &inode, file);
    }
    return file;
}

static void take(struct image *image, const struct record *record)
{
    mem_grow(image->changes, image->change_count, &image->change_capacity);
    uint32_t place = image->change_count++;
    image->changes[place] = (struct change){
        .record = record,
        .verdict = record->state == RECORD_COVERED ? VERDICT_SURE : VERDICT_DROP,
        .made = record->made,
    };
    if (record->made)
        file_of(image, record->made)->count = 0;
    if (!is_of_bytes(record))
        return;
    struct file *file = file_of(image, record->inode);
    mem_grow(file->changes, file->count, &file->capacity);
    file->changes[file->count++] = place;
}

/* `base` stays mapped as long as the process: what is read from it is pointed to. */
static bool read_chunk(struct image *image, const char *name, const uint8_t *base, size_t size)
{
    for (size_t at = 0; at + sizeof(struct record) <= size;) {
        const struct record *record = (const struct record *)(const void *)(base + at);
        uint32_t length = record->length;
        if (length == 0)
            return true;
        if (length < sizeof *record || length % 8 || length > size - at)
            return image_fails(image, "%s: a record at byte %zu has no sound length", name, at);
        bool matters = record_matters(record);
        if (matters && !record_is_sound(record, length))
            return image_fails(image, "%s: the record at byte %zu is damaged", name, at);
        if (matters)
            take(image, record);
        at += length;
    }
    return true;
}

static bool map_chunk(struct image *image, const char *name)
{
    struct stat about;
    int fd = openat(image->journal_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0)
        return image_fails(image, "%s: %s", name, strerror(errno));
    size_t size = (size_t)about.st_size;
    void *base = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (base == MAP_FAILED)
        return image_fails(image, "%s: %s", name, strerror(errno));
    return size == 0 || read_chunk(image, name, base, size);
}

static int is_chunk(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "chunk-", 6);
}

bool image_read_journal(struct image *image)
{
    struct dirent **entries;
    int number = scandirat(image->journal_fd, ".", &entries, is_chunk, alphasort);
    if (number < 0)
        return image_fails(image, "journal: %s", strerror(errno));
    bool ok = true;
    for (int i = 0; i < number; i++) {
        ok = ok && map_chunk(image, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return ok;
}
