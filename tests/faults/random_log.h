/* random_log.h -- what random threads say they do, in memory that outlives them.
 *
 * An entry is counted before its call begins, and has an end once the call returned. Begins and
 * ends come from one clock that only counts. */
#ifndef TESTS_FAULTS_RANDOM_LOG_H
#define TESTS_FAULTS_RANDOM_LOG_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    RANDOM_THREADS = 4,
    RANDOM_LIVES = 2, /* Processes one after the other; each thread of each has its folder. */
    RANDOM_NAMES = 5,
    RANDOM_ENTRIES_MAX = 4000,
    RANDOM_SIZE_MAX = 8192,
};

enum random_call {
    CALL_CREATE,   /* file, name */
    CALL_WRITE,    /* file, offset, size */
    CALL_TRUNCATE, /* file, size */
    CALL_SYNC,     /* file */
    CALL_RENAME,   /* name, to */
    CALL_UNLINK,   /* name */
    CALL_SYNC_DIR,
    CALL_SYNC_ALL,
};

struct random_entry {
    uint32_t call;
    uint32_t file; /* From 1; the number of the entry that made it, plus one. */
    uint32_t name;
    uint32_t to;
    uint32_t offset;
    uint32_t size;
    uint64_t begin;
    _Atomic uint64_t end; /* 0: it has not returned. */
};

struct random_thread {
    _Atomic uint32_t count;
    struct random_entry entries[RANDOM_ENTRIES_MAX];
};

struct random_log {
    _Atomic uint64_t clock;
    struct random_thread threads[RANDOM_THREADS * RANDOM_LIVES];
};

/* What entry `entry` of thread `thread` writes at `position`; never zero. */
static inline uint8_t random_byte(uint32_t thread, uint32_t entry, uint32_t position)
{
    uint32_t mixed = (thread * 7919 + entry + 1) * UINT32_C(2654435761) + position * 40503;
    return (uint8_t)(1 + (mixed >> 13) % 255);
}

#endif
