/* names.c -- changes of names, in one order: one lock for all of them.
 *
 * They are rare, so each looks at what is there first: a record is written only for what is about
 * to happen. A file that loses its name gets another one in the journal's folder, by which it can
 * be put back; that one goes when the removal is covered. */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "changes.h"
#include "journal.h"

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

/* The path's last part, without slashes behind it; false: none that could be made or removed. */
static bool split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1])
{
    size_t size = strnlen(path, PATH_MAX);
    while (size > 1 && path[size - 1] == '/')
        size--;
    size_t start = size;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (size == 0 || size >= PATH_MAX || size == start || size - start > NAME_MAX)
        return false;
    memcpy(name, path + start, size - start);
    name[size - start] = 0;
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return false;
    memcpy(parent, start ? path : ".", start ? start : 1);
    parent[start ? start : 1] = 0;
    return true;
}

void place_find(int dirfd, const char *path, struct place *out)
{
    char parent[PATH_MAX];
    char full[PATH_MAX];
    struct stat about;
    out->is_inside = false;
    if (faults.data_dir_size == 0 || !path || !split(path, parent, out->name))
        return;
    int before = errno;
    int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    out->parent_fd = (int)syscall(SYS_openat, dirfd, parent, flags, 0);
    if (out->parent_fd >= 0 && descriptor_path(out->parent_fd, full) && is_beneath_data(full) &&
        fstat(out->parent_fd, &about) == 0) {
        out->is_inside = true;
        out->parent = about.st_ino;
        journal_start(about.st_dev);
    } else if (out->parent_fd >= 0) {
        syscall(SYS_close, out->parent_fd);
    }
    errno = before;
}

void place_close(struct place *place)
{
    if (place->is_inside)
        syscall(SYS_close, place->parent_fd);
}

static bool place_look(const struct place *place, struct stat *out)
{
    return fstatat(place->parent_fd, place->name, out, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Record a change of names; `second` may be NULL. The directory's inode is locked. */
static struct record *record_names(struct inode *dir, struct record *head, const char *first,
                                   const char *second)
{
    size_t first_size = strlen(first) + 1;
    size_t second_size = second ? strlen(second) + 1 : 0;
    head->dir = dir->number;
    head->payload_size = (uint32_t)(first_size + second_size);
    struct record *record = journal_reserve(dir, head, first_size + second_size);
    if (!record)
        return NULL;
    memcpy(record + 1, first, first_size);
    if (second)
        memcpy((char *)(record + 1) + first_size, second, second_size);
    journal_publish(dir, record);
    return record;
}

/* What creations and the rest have in common. The directory that a sync covers is locked. */
static struct inode *begin(const struct place *place)
{
    pthread_mutex_lock(&names_lock);
    struct inode *dir = inode_of(place->parent);
    if (dir)
        pthread_mutex_lock(&dir->lock);
    return dir;
}

static int end(struct inode *dir, struct record *record, int result)
{
    int failed = errno;
    if (dir && record)
        change_done(dir, record, result >= 0, false);
    if (dir)
        pthread_mutex_unlock(&dir->lock);
    pthread_mutex_unlock(&names_lock);
    errno = failed;
    return result;
}

static int refuse_full(struct inode *dir)
{
    errno = ENOSPC;
    return end(dir, NULL, -1);
}

/* A creation went well: the record learns what it made, and the number is a new file's. */
static void made(struct record *record, const struct stat *about)
{
    struct inode *inode = inode_of(about->st_ino);
    journal_forget(inode);
    if (record)
        atomic_store_explicit(&record->made, about->st_ino, memory_order_release);
}

static bool disk_is_full(void)
{
    struct fault_rules *rules = faults.rules;
    bool full =
        rule(&rules->disk_full) && rule(&rules->disk_used_bytes) >= rule(&rules->disk_free_bytes);
    if (full)
        count(&rules->refused_full, 1);
    return full;
}

/* Through the kernel's O_TRUNC nobody would see the old bytes. */
static int open_cut(struct place *place, int flags, mode_t mode)
{
    int kept = flags & ~(O_TRUNC | (flags & O_EXCL ? 0 : O_CREAT));
    int fd = (int)syscall(SYS_openat, place->parent_fd, place->name, kept, mode);
    bool cuts = (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY;
    descriptor_forget(fd);
    if (fd >= 0 && cuts && descriptor_file(fd).inode && ftruncate(fd, 0) != 0) {
        int failed = errno;
        syscall(SYS_close, fd);
        errno = failed;
        return -1;
    }
    return fd;
}

int name_open(struct place *place, int flags, mode_t mode)
{
    struct stat about;
    struct inode *dir = begin(place);
    if (place_look(place, &about)) {
        end(dir, NULL, 0); /* Cutting a file takes that file's lock alone. */
        return open_cut(place, flags, mode);
    }
    if (disk_is_full())
        return refuse_full(dir);
    struct record head = {.kind = RECORD_CREATE};
    struct record *record =
        dir && (flags & O_CREAT) ? record_names(dir, &head, place->name, NULL) : NULL;
    int fd = (int)syscall(SYS_openat, place->parent_fd, place->name, flags, mode);
    if (fd >= 0 && fstat(fd, &about) == 0)
        made(record, &about);
    descriptor_forget(fd);
    return end(dir, record, fd);
}

int name_mkdir(struct place *place, mode_t mode)
{
    struct stat about;
    struct inode *dir = begin(place);
    if (!place_look(place, &about) && disk_is_full())
        return refuse_full(dir);
    struct record head = {.kind = RECORD_MKDIR};
    struct record *record =
        dir && !place_look(place, &about) ? record_names(dir, &head, place->name, NULL) : NULL;
    int result = (int)syscall(SYS_mkdirat, place->parent_fd, place->name, mode);
    if (result == 0 && place_look(place, &about))
        made(record, &about);
    return end(dir, record, result);
}

int name_remove(struct place *place, int flags)
{
    struct stat about;
    struct record *record = NULL;
    struct inode *dir = begin(place);
    if (dir && place_look(place, &about)) {
        bool is_file = !S_ISDIR(about.st_mode);
        struct record head = {
            .kind = is_file ? RECORD_UNLINK : RECORD_RMDIR,
            .inode = about.st_ino,
            .bytes = is_file ? (uint64_t)about.st_size : 0,
        };
        record = record_names(dir, &head, place->name, NULL);
        if (record && is_file)
            journal_keep(record, place->parent_fd, place->name);
    }
    int result = (int)syscall(SYS_unlinkat, place->parent_fd, place->name, flags);
    return end(dir, record, result);
}

int name_link(const struct place *from, struct place *to)
{
    struct stat about;
    struct stat there;
    struct record *record = NULL;
    struct inode *dir = begin(to);
    if (dir && place_look(from, &about) && !place_look(to, &there)) {
        struct record head = {.kind = RECORD_LINK, .inode = about.st_ino};
        record = record_names(dir, &head, to->name, NULL);
    }
    int result = (int)syscall(SYS_linkat, from->parent_fd, from->name, to->parent_fd, to->name, 0);
    return end(dir, record, result);
}

/* The second name's directory covers it: a rename is done in whole or not at all. */
int name_rename(struct place *from, struct place *to, unsigned int flags)
{
    struct stat about;
    struct stat there;
    struct record *record = NULL;
    struct inode *dir = begin(to);
    bool replaces = place_look(to, &there);
    bool is_refused = replaces && (flags & RENAME_NOREPLACE);
    bool is_moved = place_look(from, &about) && !(replaces && about.st_ino == there.st_ino);
    if (flags & ~(unsigned int)RENAME_NOREPLACE)
        journal_lose("names were exchanged");
    else if (dir && is_moved && !is_refused) {
        struct record head = {
            .kind = RECORD_RENAME,
            .inode = about.st_ino,
            .from_dir = from->parent,
            .replaced = replaces ? there.st_ino : 0,
            .replaced_is_dir = replaces && S_ISDIR(there.st_mode),
            .bytes = replaces && !S_ISDIR(there.st_mode) ? (uint64_t)there.st_size : 0,
        };
        record = record_names(dir, &head, from->name, to->name);
        if (record && replaces && !head.replaced_is_dir)
            journal_keep(record, to->parent_fd, to->name);
    }
    int result = (int)syscall(SYS_renameat2, from->parent_fd, from->name, to->parent_fd, to->name,
                              (long)flags);
    return end(dir, record, result);
}
