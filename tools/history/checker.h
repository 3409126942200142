/* checker.h -- a history held against what a log promises its clients. */
#ifndef CHAOS_CHECKER_H
#define CHAOS_CHECKER_H

#include "availability.h"
#include "findings.h"

enum {
    CHECKER_LINES_MAX = 100000000,
    CHECKER_GAPS_MAX = 1 << 20, /* Jumps of readers over offsets that may hold nothing. */
    CHECKER_REASONS_MAX = 16,   /* Told; the others are counted. */
    CHECKER_REASON_SIZE = 512,
};

/* Where the final read of a partition began and ended. */
struct final_read {
    bool is_there;
    uint32_t client;
    uint32_t seen; /* What was read since it began has at least this. */
    int64_t from;  /* The first offset that it would have read. */
    int64_t end;
    int64_t last;  /* The highest offset that it got; -1: none. */
    int64_t begun; /* ns. */
};

struct checker_counts {
    uint64_t lines;
    uint64_t ops;    /* Writes begun and records read. */
    uint64_t writes; /* Begun; like all below without those of metadata. */
    uint64_t acked, failed, unknown;
    uint64_t unknown_found; /* Unknown, and read. */
    uint64_t reads;
    uint64_t lost_acks1;           /* Lost, but acknowledged by the leader alone. */
    uint64_t repeated, disordered; /* Of clients that are not held to it. */
    uint64_t watermark_dips;       /* Back below what was read, and up again. */
    uint64_t commits;              /* Acknowledged; not among the writes. */
    uint64_t commits_asked;        /* Answers that told what is committed. */
    uint64_t commits_late;         /* Without an answer, and there after a later one. */
    uint64_t keys;                 /* Of which something was acknowledged. */
    uint64_t keys_compacted;    /* Acknowledged records of theirs that a final read passed over. */
    uint64_t keys_judged;       /* Those that no tombstone without an answer may have deleted. */
    uint64_t members;           /* Of groups. */
    uint64_t member_commits;    /* Acknowledged to them. */
    uint64_t member_asked;      /* Answers that told them what is committed. */
    uint64_t member_fenced;     /* Their commits that were refused, or came too late to be taken. */
    uint64_t member_unowned_ns; /* The longest time in which nobody had a partition again. */
};

/* What came of it. */
struct verdict {
    struct history_head head;
    struct checker_counts counts;
    struct findings findings;
    uint32_t cut_count;    /* Files that were cut short; the first reasons name them. */
    uint64_t reason_count; /* Why it would be inconclusive. */
    char reasons[CHECKER_REASONS_MAX][CHECKER_REASON_SIZE];
    struct marks marks;
    struct availability availability;
    struct final_read *finals; /* By partition. */
    char problem[CHECKER_REASON_SIZE];
};

struct checker_options {
    int64_t from, to;   /* Of the timeline, ns; to 0: the whole history. */
    uint64_t lines_max; /* 0: CHECKER_LINES_MAX. */
};

/* Check the history that the sources are together.
 * Owns    *out is the caller's until verdict_free(), also after an error.
 * Errors  false: it cannot be read, or exceeds a limit; out->problem says what. */
bool check_history(struct verdict **out, const struct history_source *sources, uint32_t count,
                   struct checker_options options);
void verdict_free(struct verdict *verdict);

/* EXIT_VIOLATION; EXIT_FAILED: no violation, but a file was cut short; EXIT_INCONCLUSIVE; or
 * EXIT_DONE. A violation counts more than what is missing. */
int verdict_exit_code(const struct verdict *verdict);

#endif
