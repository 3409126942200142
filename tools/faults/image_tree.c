/* image_tree.c -- the names beneath a data directory, as a map from directory and name. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "power_image.h"

enum { KEY_SIZE_MAX = sizeof(uint64_t) + NAME_MAX };

const char *record_first_name(const struct record *record)
{
    return (const char *)(record + 1);
}

const char *record_second_name(const struct record *record)
{
    const char *first = record_first_name(record);
    return first + strlen(first) + 1;
}

static struct bytes key_of(uint8_t key[KEY_SIZE_MAX], uint64_t dir, const char *name)
{
    size_t size = strnlen(name, NAME_MAX);
    store_be64(key, dir);
    memcpy(key + sizeof dir, name, size);
    return (struct bytes){.data = key, .size = (uint32_t)(sizeof dir + size)};
}

struct pmap *names_put(struct pmap *names, uint64_t dir, const char *name,
                       const struct target *target)
{
    uint8_t key[KEY_SIZE_MAX];
    struct bytes bytes = key_of(key, dir, name);
    struct pmap *after = target ? pmap_put(NULL, names, bytes, (void *)(uintptr_t)target)
                                : pmap_remove(NULL, names, bytes);
    pmap_unref(NULL, names);
    return after;
}

const struct target *names_get(const struct pmap *names, uint64_t dir, const char *name)
{
    uint8_t key[KEY_SIZE_MAX];
    return pmap_get(names, key_of(key, dir, name));
}

/* A directory that is still to be read. */
struct folder {
    struct folder *next;
    uint64_t inode;
    const char *path; /* Beneath the data directory; empty: that itself. */
};

static bool add_entry(struct image *image, const struct folder *folder, int fd, const char *name,
                      struct folder **rest)
{
    struct stat about;
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return true;
    if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return image_fails(image, "%s/%s: %s", folder->path, name, strerror(errno));
    struct target *target = arena_alloc(&image->arena, sizeof *target);
    *target = (struct target){.inode = about.st_ino, .is_dir = S_ISDIR(about.st_mode)};
    image->names = names_put(image->names, folder->inode, name, target);
    const char *path =
        arena_format(&image->arena, "%s%s%s", folder->path, folder->path[0] ? "/" : "", name);
    map_put(&image->paths, &target->inode, (void *)(uintptr_t)path);
    if (target->is_dir) {
        struct folder *inner = arena_alloc(&image->arena, sizeof *inner);
        *inner = (struct folder){.next = *rest, .inode = target->inode, .path = path};
        *rest = inner;
    }
    return true;
}

static bool read_folder(struct image *image, const struct folder *folder, struct folder **rest)
{
    int fd = openat(image->data_fd, folder->path[0] ? folder->path : ".",
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return image_fails(image, "%s: %s", folder->path, strerror(errno));
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(stream));)
        ok = add_entry(image, folder, fd, entry->d_name, rest);
    closedir(stream);
    return ok;
}

static bool read_kept(struct image *image)
{
    int fd = openat(image->journal_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream)
        return image_fails(image, "journal: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(stream));) {
        struct stat about;
        if (strncmp(entry->d_name, "kept-", 5) || fstatat(fd, entry->d_name, &about, 0) != 0)
            continue;
        uint64_t inode = about.st_ino;
        map_put(&image->kept, &inode, arena_format(&image->arena, "%s", entry->d_name));
    }
    closedir(stream);
    return true;
}

bool image_read_tree(struct image *image)
{
    struct stat about;
    if (fstat(image->data_fd, &about) != 0)
        return image_fails(image, "%s: %s", image->options->data_dir, strerror(errno));
    struct folder top = {.inode = about.st_ino, .path = ""};
    struct folder *rest = &top;
    while (rest) {
        struct folder *folder = rest;
        rest = folder->next;
        if (!read_folder(image, folder, &rest))
            return false;
    }
    return read_kept(image);
}
