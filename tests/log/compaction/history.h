/* history.h -- random histories of a compacted log, and the model that it is held against. */
#ifndef TEST_COMPACTION_HISTORY_H
#define TEST_COMPACTION_HISTORY_H

#include "log_fixture.h"
#include "log_internal.h"

enum { RECORDS_MAX = 8192, KEYS_MAX = 64, PRODUCERS = 4, RETENTION_MS = 5000 };

/* A record as it was appended; its offset is its place in the model. */
struct written {
    uint32_t key;
    uint32_t serial; /* Of its value; 0: a tombstone. */
    wall_ms timestamp;
    wall_ms seen;    /* A tombstone: when the first compaction began that could see it; -1: none. */
    bool is_present; /* The last check has read it. */
};

struct producer_model {
    int32_t next;      /* Sequence. */
    log_offset last;   /* Offset of its last batch's last record; -1: none. */
    int32_t committed; /* Next sequence of what is committed. */
};

struct history {
    struct rand rand;
    struct log_fixture fixture;
    struct codec_reader *reader;
    struct codec_writer *writer;
    struct written records[RECORDS_MAX];
    log_offset end, committed;
    struct producer_model producers[PRODUCERS];
    uint32_t keys;
    uint32_t serial;
    log_epoch epoch;
    bool was_running;
    bool retires;         /* cleanup.policy=compact,delete */
    const char *violated; /* Name of a checker; NULL: all is well. */
    uint64_t runs, dropped, losses, truncations;
};

void violate(struct history *history, const char *checker);

/* model.c */
/* Read all of the log and hold it against what was appended. */
void model_check(struct history *history);
/* All is committed, and tombstones have had their time: what must be gone is gone. */
void model_check_clean(struct history *history, log_offset clean_end);

#endif
