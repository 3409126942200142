/* rules.h -- the faults of one node, in a page shared by who breaks and what is broken.
 *
 * The page is the file `rules` of a node's chaos directory, mapped by everybody. All zero is a
 * healthy machine. Every field is read with each call that it is about, so a change counts from
 * the next call on and, for what hangs, within milliseconds. Whoever injects faults writes the
 * first part; the preloaded library writes the counters. Fields are only ever added. */
#ifndef FAULTS_RULES_H
#define FAULTS_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_RULES_VERSION = 1, FAULT_RULES_SIZE = 4096 };

enum fault_sync_mode {
    FAULT_SYNC_WORKS = 0,
    FAULT_SYNC_FAILS_ONCE = 1, /* The library puts 0 here when it has failed one. */
    FAULT_SYNC_FAILS = 2,
};

struct fault_rules {
    _Atomic uint32_t version; /* FAULT_RULES_VERSION, 0 in a page that nobody has opened yet. */
    uint32_t reserved;

    /* Disk: only files beneath the data directory. */
    _Atomic uint64_t sync_mode;       /* enum fault_sync_mode: EIO from fsync and its kin. */
    _Atomic uint64_t sync_delay_us;   /* Before each sync. */
    _Atomic uint64_t sync_hang;       /* 1: syncs block until it is 0 again. */
    _Atomic uint64_t write_delay_us;  /* Before each write. */
    _Atomic uint64_t write_hang;      /* 1: writes block until it is 0 again. */
    _Atomic uint64_t write_short;     /* 1: each second write is cut in half. */
    _Atomic uint64_t disk_full;       /* 1: ENOSPC once disk_free_bytes have been used. */
    _Atomic uint64_t disk_free_bytes; /* Put here, and 0 in disk_used_bytes, before disk_full. */
    _Atomic uint64_t disk_used_bytes; /* Growth since then; counted by the library. */
    _Atomic uint64_t read_fail;       /* 1: EIO from reads. */

    /* The clock of the day; the monotonic one is never touched. */
    _Atomic int64_t clock_step_ms;
    _Atomic int64_t clock_drift_ppm;     /* Of the time since clock_drift_from_ns. */
    _Atomic int64_t clock_drift_from_ns; /* CLOCK_MONOTONIC. */

    _Atomic uint64_t fd_limit; /* No descriptor at or above this number is opened; 0: no limit. */

    _Atomic uint64_t read_delay_us; /* Before each read of what is not in the page cache. */

    uint64_t unused[16]; /* The counters begin at byte 256. */

    /* Counted by the library, in all processes of this directory together, since it was made. */
    _Atomic uint64_t syncs; /* Begun: fsync, fdatasync, syncfs, sync, msync. */
    _Atomic uint64_t syncs_failed;
    _Atomic uint64_t writes;
    _Atomic uint64_t writes_short;
    _Atomic uint64_t refused_full;
    _Atomic uint64_t refused_descriptors;
    _Atomic uint64_t reads_failed;
    _Atomic uint64_t hung;           /* Calls that began to hang. */
    _Atomic uint64_t unsynced_bytes; /* What power loss could take now. */
    _Atomic uint64_t unsynced_operations;
    _Atomic uint64_t journal_bytes;
    _Atomic uint64_t journal_lost;   /* 1: too much for the journal; power cannot be cut. */
    _Atomic uint64_t dials_bound;    /* Connections given the node's source address. */
    _Atomic uint64_t pid;            /* Of the process under these rules; 0: none was yet. */
    _Atomic uint64_t syncs_delayed;  /* That waited for the whole of sync_delay_us. */
    _Atomic uint64_t clocks_shifted; /* Readings of the clock of the day that were off. */
    _Atomic uint64_t reads_delayed;  /* That waited for the whole of read_delay_us. */
};

_Static_assert(offsetof(struct fault_rules, syncs) == 256, "The layout is fixed.");
_Static_assert(sizeof(struct fault_rules) <= FAULT_RULES_SIZE, "The rules are one page.");

/* Map the page of chaos directory `dir` (DIR/chaos/node-N), making it if `create`.
 * Owns    the mapping is the caller's, until fault_rules_close().
 * Errors  NULL with errno; EPROTO: the page is of another version. */
struct fault_rules *fault_rules_open(const char *dir, bool create);
void fault_rules_close(struct fault_rules *rules);

/* A healthy machine again: every fault is taken back, counters stay. */
void fault_rules_heal(struct fault_rules *rules);
/* No fault is in force. */
bool fault_rules_are_whole(const struct fault_rules *rules);

#endif
