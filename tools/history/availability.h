/* availability.h -- when acknowledgements came: gaps, latency, and successes over time.
 *
 * A gap of a partition is the time between two acknowledgements to clients of one profile, or
 * to the first one from where they began to write, or from the last one to where they stopped
 * trying: where their last write began, or, of one begun since, where it failed, or, without
 * an answer, where its client's file ends. It counts whole for the first fault that begins in
 * it, or, where none does, for the one in whose time it lies; for others with the part that
 * lies in their time. */
#ifndef CHAOS_AVAILABILITY_H
#define CHAOS_AVAILABILITY_H

#include "histogram.h"
#include "marks.h"

enum { AVAILABILITY_BUCKETS = 2000, AVAILABILITY_PROFILES_MAX = 32 };

struct gap {
    int64_t ns; /* 0: none. */
    int64_t from;
};

/* Acknowledgements of one partition to clients of one profile. */
struct gap_series {
    bool is_used;
    int64_t last_tried;
    int64_t last_acked; /* Or where its first write began. */
    uint32_t mark;      /* Marks before it are over. */
    struct gap *gaps;   /* Longest, by mark; NULL: there are no marks. */
};

struct stall {
    int64_t from, to;
};

struct availability {
    const struct marks *marks;
    uint32_t partitions; /* The one past the last is metadata's. */
    uint32_t profile_count;
    char *profiles[AVAILABILITY_PROFILES_MAX];
    struct gap_series *series;  /* [profile][partition], partitions + 1 each. */
    struct histogram **latency; /* [profile][mark], the one past the last: outside of all. */
    uint32_t stall_count, stall_capacity;
    struct stall *stalls;
    bool is_window; /* The timeline has fixed limits. */
    int64_t from;   /* Of the timeline; -1: nothing yet. */
    int64_t bucket_ns;
    uint32_t bucket_count;
    uint32_t *buckets; /* [partition][AVAILABILITY_BUCKETS] */
};

/* Owns    borrows `marks`. `from` and `to` limit the timeline; to 0: all of the history. */
void availability_init(struct availability *availability, const struct marks *marks,
                       uint32_t partitions, int64_t from, int64_t to);
void availability_free(struct availability *availability);

/* The number of a profile. Errors  AVAILABILITY_PROFILES_MAX: there are too many. */
uint32_t availability_profile(struct availability *availability, struct str name);

void availability_begin(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t time);
/* A write that `begun` is the time of had not been acknowledged by `time`, when it failed or its
 * client ended. One that was passed by later acknowledgements had been given up. */
void availability_tried(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t begun, int64_t time);
void availability_acked(struct availability *availability, uint32_t profile, uint32_t partition,
                        int64_t begun, int64_t time);
void availability_stall(struct availability *availability, int64_t from, int64_t to);
/* After the last line. */
void availability_finish(struct availability *availability);

const struct gap_series *availability_series(const struct availability *availability,
                                             uint32_t profile, uint32_t partition);
/* NULL: nothing was acknowledged. `mark` == marks->count: outside of all. */
const struct histogram *availability_latency(const struct availability *availability,
                                             uint32_t profile, uint32_t mark);
/* The host stood still for at least half of the gap, within it. */
bool availability_is_of_host(const struct availability *availability, const struct gap *gap);

#endif
