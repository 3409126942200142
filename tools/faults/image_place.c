/* image_place.c -- makes a directory tree what a map of names says.
 *
 * What stands where it should not is moved to the journal's folder under its inode's number, what
 * lies deepest first, and a directory with all that is left in it. Then the tree is walked from
 * its top, and what is missing is put into its place. What is left over has no name any more. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "power_image.h"

/* An entry of a map of names. */
struct walk {
    uint8_t key[sizeof(uint64_t) + NAME_MAX];
    uint32_t size;
    uint64_t dir;
    char name[NAME_MAX + 1];
    const struct target *target;
};

/* Before the first entry of `dir`; 0: of all. */
static void walk_start(struct walk *walk, uint64_t dir)
{
    store_be64(walk->key, dir);
    walk->size = sizeof dir;
}

static bool walk_next(const struct pmap *names, struct walk *walk)
{
    struct bytes from = {.data = walk->key, .size = walk->size};
    struct bytes found;
    walk->target = pmap_seek(names, from, true, &found);
    if (!walk->target)
        return false;
    memmove(walk->key, found.data, found.size);
    walk->size = found.size;
    walk->dir = load_be64(walk->key);
    memcpy(walk->name, walk->key + sizeof walk->dir, walk->size - sizeof walk->dir);
    walk->name[walk->size - sizeof walk->dir] = 0;
    return true;
}

static bool is_in(const struct pmap *names, const struct walk *walk)
{
    const struct target *target = names_get(names, walk->dir, walk->name);
    return target && target->inode == walk->target->inode;
}

struct stray {
    const char *path;
    uint64_t inode;
    uint32_t depth;
};

static int deepest_first(const void *a, const void *b)
{
    const struct stray *left = a;
    const struct stray *right = b;
    return (left->depth < right->depth) - (left->depth > right->depth);
}

static char *path_in(struct image *image, const char *folder, const char *name)
{
    return arena_format(&image->arena, "%s%s%s", folder, folder[0] ? "/" : "", name);
}

static void aside_name(char name[40], uint64_t inode)
{
    snprintf(name, 40, "aside-%llu", (unsigned long long)inode);
}

static bool set_aside(struct image *image, const struct pmap *before)
{
    struct stray *strays = NULL;
    uint32_t number = 0;
    uint32_t capacity = 0;
    bool ok = true;
    struct walk walk;
    walk_start(&walk, 0);
    while (walk_next(before, &walk)) {
        if (is_in(image->names, &walk))
            continue;
        const char *folder = map_get(&image->paths, &walk.dir);
        mem_grow(strays, number, &capacity);
        struct stray *stray = &strays[number++];
        stray->path = path_in(image, folder ? folder : "", walk.name);
        stray->inode = walk.target->inode;
        stray->depth = 0;
        for (const char *at = stray->path; *at; at++)
            stray->depth += *at == '/';
    }
    if (number > 0)
        qsort(strays, number, sizeof *strays, deepest_first);
    for (uint32_t i = 0; ok && i < number; i++) {
        char name[40];
        aside_name(name, strays[i].inode);
        ok = renameat(image->data_fd, strays[i].path, image->journal_fd, name) == 0 ||
             image_fails(image, "%s: %s", strays[i].path, strerror(errno));
    }
    mem_free(strays);
    return ok;
}

static bool put_dir(struct image *image, uint64_t inode, const char *path)
{
    char name[40];
    aside_name(name, inode);
    return renameat(image->journal_fd, name, image->data_fd, path) == 0 ||
           (errno == ENOENT && mkdirat(image->data_fd, path, 0755) == 0);
}

/* A file may have two names, so it is linked; what was set aside goes at the end. */
static bool put_file(struct image *image, uint64_t inode, const char *path)
{
    char name[40];
    const char *kept = map_get(&image->kept, &inode);
    const char *other = map_get(&image->paths, &inode);
    aside_name(name, inode);
    if (linkat(image->journal_fd, name, image->data_fd, path, 0) == 0)
        return true;
    if (kept && linkat(image->journal_fd, kept, image->data_fd, path, 0) == 0)
        return true;
    return other && linkat(image->data_fd, other, image->data_fd, path, 0) == 0;
}

struct folder {
    struct folder *next;
    uint64_t inode;
    const char *path;
};

static bool fill(struct image *image, const struct pmap *before, const struct folder *folder,
                 struct folder **rest)
{
    struct walk walk;
    walk_start(&walk, folder->inode);
    while (walk_next(image->names, &walk) && walk.dir == folder->inode) {
        const struct target *target = walk.target;
        const char *path = path_in(image, folder->path, walk.name);
        bool is_placed = is_in(before, &walk);
        if (!is_placed && target->is_dir)
            is_placed = put_dir(image, target->inode, path);
        else if (!is_placed)
            is_placed = put_file(image, target->inode, path);
        if (!is_placed)
            return image_fails(image, "%s cannot be put back: %s", path, strerror(errno));
        if (target->is_dir) {
            struct folder *inner = arena_alloc(&image->arena, sizeof *inner);
            *inner = (struct folder){.next = *rest, .inode = target->inode, .path = path};
            *rest = inner;
        }
    }
    return true;
}

bool image_place(struct image *image, const struct pmap *before)
{
    struct stat about;
    if (fstat(image->data_fd, &about) != 0)
        return image_fails(image, "%s: %s", image->options->data_dir, strerror(errno));
    if (!set_aside(image, before))
        return false;
    struct folder top = {.inode = about.st_ino, .path = ""};
    struct folder *rest = &top;
    while (rest) {
        const struct folder *folder = rest;
        rest = folder->next;
        if (!fill(image, before, folder, &rest))
            return false;
    }
    return true;
}
