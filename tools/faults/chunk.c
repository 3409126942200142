/* chunk.c -- the journal's files.
 *
 * A mapped file costs no system call a record, and its pages outlive the process. Blocks are
 * allocated before they are mapped: a store into a hole on a full disk would be a signal. */
#include "chunk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "faults.h"

enum {
    CHUNK_SIZE = 8 << 20,
    CHUNKS_MAX = 1024,
    ENTRIES_SIZE = 4096,
};

#define DISK_FREE_MIN (UINT64_C(1) << 30) /* Left to others. */

struct chunk {
    uint8_t *base;
    size_t size;
    size_t used;
    _Atomic uint64_t waiting; /* Records. */
};

/* Chunk n is in slot n % CHUNKS_MAX; [first, end) are there. */
static struct chunk chunks[CHUNKS_MAX];
static uint32_t first;
static uint32_t end;
static int dir;
static uint64_t total_size;

static struct chunk *chunk_at(uint32_t number)
{
    return &chunks[number % CHUNKS_MAX];
}

static int chunk_open(uint32_t number, int flags)
{
    char name[32];
    snprintf(name, sizeof name, JOURNAL_CHUNK_NAME, number);
    return (int)syscall(SYS_openat, dir, name, flags | O_RDWR | O_CLOEXEC, 0644);
}

static void chunk_unlink(uint32_t number)
{
    char name[32];
    snprintf(name, sizeof name, JOURNAL_CHUNK_NAME, number);
    syscall(SYS_unlinkat, dir, name, 0);
}

/* Maps file `fd`, and closes it. */
static bool chunk_map(uint32_t number, int fd, size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (base == MAP_FAILED)
        return false;
    struct chunk *chunk = chunk_at(number);
    chunk->base = base;
    chunk->size = size;
    chunk->used = 0;
    chunk->waiting = 0;
    total_size += size;
    atomic_store(&faults.rules->journal_bytes, total_size);
    return true;
}

static const char *chunk_add(size_t size)
{
    struct statvfs room;
    if (end - first == CHUNKS_MAX || total_size + size > faults.journal_size_max)
        return "it holds too much that no sync has covered";
    if (fstatvfs(dir, &room) != 0 || (uint64_t)room.f_bavail * room.f_frsize < DISK_FREE_MIN + size)
        return "the disk has too little room";
    int fd = chunk_open(end, O_CREAT | O_EXCL);
    if (fd < 0)
        return "a file of it cannot be made";
    if (syscall(SYS_fallocate, fd, 0, (off_t)0, (off_t)size) != 0) {
        syscall(SYS_close, fd);
        chunk_unlink(end);
        return "the disk cannot set room aside";
    }
    if (!chunk_map(end, fd, size))
        return "a file of it cannot be mapped";
    end++;
    return NULL;
}

struct record *chunk_take(size_t length, const char **why)
{
    struct chunk *chunk = end > first ? chunk_at(end - 1) : NULL;
    /* Room for one word more: what follows the last record has to be a zero. */
    if (!chunk || chunk->size - chunk->used < length + sizeof(uint64_t)) {
        size_t size = length + sizeof(uint64_t);
        *why = chunk_add(size > CHUNK_SIZE ? (size + 4095) / 4096 * 4096 : CHUNK_SIZE);
        if (*why)
            return NULL;
        chunk = chunk_at(end - 1);
    }
    struct record *record = (struct record *)(void *)(chunk->base + chunk->used);
    atomic_store_explicit(&record->length, (uint32_t)length, memory_order_release);
    record->chunk = end - 1;
    chunk->used += length;
    atomic_fetch_add_explicit(&chunk->waiting, 1, memory_order_relaxed);
    return record;
}

void chunk_release(const struct record *record)
{
    atomic_fetch_sub_explicit(&chunk_at(record->chunk)->waiting, 1, memory_order_release);
}

void chunks_prune(void)
{
    while (first + 1 < end) { /* The newest stays: it is written to. */
        struct chunk *chunk = chunk_at(first);
        if (atomic_load_explicit(&chunk->waiting, memory_order_acquire) > 0)
            return;
        munmap(chunk->base, chunk->size);
        total_size -= chunk->size;
        atomic_store(&faults.rules->journal_bytes, total_size);
        chunk_unlink(first);
        first++;
    }
}

void chunks_remove_files(void)
{
    for (uint32_t number = first; number < end; number++)
        chunk_unlink(number);
}

/* An earlier process's records. */
static bool chunk_read(struct chunk *chunk, chunk_visit *visit)
{
    while (chunk->used + sizeof(struct record) <= chunk->size) {
        struct record *record = (struct record *)(void *)(chunk->base + chunk->used);
        uint32_t length = record->length;
        if (length == 0)
            break;
        if (length < sizeof *record || length % 8 || length > chunk->size - chunk->used)
            return false;
        if (record_matters(record)) {
            if (!record_is_sound(record, length))
                return false;
            if (record->state != RECORD_COVERED)
                atomic_fetch_add_explicit(&chunk->waiting, 1, memory_order_relaxed);
            visit(record);
        }
        chunk->used += length;
    }
    return true;
}

/* An entry as getdents64() gives it. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

/* Chunks are numbered without gaps, so the least and the greatest tell all. */
static bool find_chunks(void)
{
    _Alignas(struct entry) char entries[ENTRIES_SIZE];
    syscall(SYS_lseek, dir, (off_t)0, SEEK_SET);
    for (;;) {
        long size = syscall(SYS_getdents64, dir, entries, sizeof entries);
        if (size <= 0)
            return size == 0;
        for (long at = 0; at < size;) {
            const struct entry *entry = (const struct entry *)(void *)(entries + at);
            at += entry->length;
            if (strncmp(entry->name, "chunk-", 6))
                continue;
            uint32_t number = (uint32_t)strtoul(entry->name + 6, NULL, 10);
            first = end == 0 || number < first ? number : first;
            end = number + 1 > end ? number + 1 : end;
        }
    }
}

bool chunks_open(int dir_fd, chunk_visit *visit)
{
    dir = dir_fd;
    if (!find_chunks() || end - first > CHUNKS_MAX)
        return false;
    for (uint32_t number = first; number < end; number++) {
        struct stat about;
        int fd = chunk_open(number, 0);
        if (fd < 0)
            return false;
        /* A process that was killed between making and filling it left an empty one. */
        if (fstat(fd, &about) != 0 || about.st_size == 0) {
            syscall(SYS_close, fd);
            chunk_unlink(number);
            end = number;
            return true;
        }
        if (!chunk_map(number, fd, (size_t)about.st_size) || !chunk_read(chunk_at(number), visit))
            return false;
    }
    return true;
}
