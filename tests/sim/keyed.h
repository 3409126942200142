/* keyed.h -- what was appended to compacted partitions, record by record, and what is left of it.
 *
 * Compaction moves no record and ends no batch elsewhere, so the ghost's logs go on holding what
 * was appended, whether or not it is still there. A look at a disk, or at what a follower
 * copies, says which of it is; checkers K1 to K7 judge that. */
#ifndef SIM_KEYED_H
#define SIM_KEYED_H

#include "batch.h"
#include "probe.h"
#include "world.h"

struct ghost_batch;
struct ghost_batches;
struct ghost_partition;

struct keyed_record {
    uint64_t key, content; /* Hashes: of the key, and of all that a reader gets. */
    log_offset next;       /* The next committed one of the same key; 0: none. */
    wall_ms timestamp;
    wall_ms committed_at; /* True time. */
    wall_ms horizon;      /* Of a tombstone: the earliest that a replica gave it; -1: none. */
    uint64_t missed_by;   /* Nodes that copied what stands behind it when it was gone. */
    bool is_tombstone;
};

/* What is committed of one partition; the rest is private to keyed.c. */
struct keyed {
    struct keyed_record *committed; /* By offset. */
    log_offset end;
    uint32_t capacity;
    struct map newest;    /* key -> its newest committed offset, one higher */
    struct map originals; /* (epoch, base) -> batch as its leader appended it */
    bool is_thinned;      /* Some replica has compacted it. */
};

enum keyed_left { KEYED_BATCH = 1, KEYED_RECORD = 2 };

/* What the last look has found, from `start` up to `end`. */
struct keyed_found {
    bool is_there; /* The probe that is being checked is one that was looked at. */
    log_offset start, end;
    uint8_t *left; /* By offset from `start`: enum keyed_left. */
    uint32_t capacity;
    log_offset foreign; /* Base of a batch that is none of those appended; -1: all are. */
};

/* A partition turns out to be compacted. */
void keyed_open(struct ghost_partition *partition);
bool keyed_is_thinned(const struct ghost_partition *partition);

/* Its leader has appended `batch`. */
void keyed_append(struct ghost_partition *partition, const struct ghost_batch *batch,
                  struct bytes bytes);
/* It is committed. */
void keyed_commit(struct world *world, struct ghost_partition *partition,
                  const struct ghost_batch *batch);
/* As it was appended; NULL: never. */
const struct ghost_batch *keyed_original(const struct ghost_partition *partition, log_epoch epoch,
                                         log_offset base);
/* `bytes` is what may be left of the batch of that place: the same records, or fewer. */
bool keyed_is_left(const struct ghost_partition *partition, struct bytes bytes,
                   const struct batch_info *info);

/* Begin a look. */
void keyed_look(struct world *world, log_offset start, log_offset end);
/* It has found this batch. */
void keyed_see(struct world *world, struct ghost_partition *partition, struct bytes bytes,
               const struct batch_info *info);
/* A replica has copied what was looked at. */
void keyed_copied(struct world *world, struct ghost_partition *partition,
                  const struct sim_node *node);
/* Look at the disk: what a recovery has found, what a compaction has left, or all there is. */
void keyed_read_disk(struct world *world, struct sim_node *node, const struct probe *probe);
/* Once more at all disks, at the end. */
void keyed_audit(struct world *world);
uint8_t keyed_left_at(const struct keyed_found *found, log_offset offset);

/* NULL: not committed. */
struct keyed_record *keyed_record_at(const struct ghost_partition *partition, log_offset offset);
/* The newest committed offset of the key of `record`. */
log_offset keyed_newest(const struct ghost_partition *partition, const struct keyed_record *record);
/* A committed record of the same key, old enough, stands behind it. */
bool keyed_is_superseded(const struct world *world, const struct ghost_partition *partition,
                         const struct keyed_record *record);
/* It is a tombstone whose time is over. */
bool keyed_is_expired(const struct world *world, const struct keyed_record *record);
/* The node copied what stands behind a tombstone that was gone, and may have what it deleted. */
bool keyed_has_missed(const struct ghost_partition *partition, const struct sim_node *node);
/* Every record of a batch may be gone. */
bool keyed_may_all_go(const struct world *world, const struct ghost_partition *partition,
                      log_offset start, log_offset end);

uint64_t keyed_hash(uint64_t hash, struct bytes bytes);
uint64_t keyed_content(const struct batch_record *record);

enum { KEYED_CLOCK_SLACK_MS = 1500 }; /* Clocks that are right differ by less (node.c). */

#endif
