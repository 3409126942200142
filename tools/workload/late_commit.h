/* late_commit.h -- a commit of a generation that is over, as if it had been under way since.
 *
 * A coordinator that knows its members but not in which generation one speaks would take it. The
 * client library does not send such a thing, so our own codec does: once, with the generation that
 * the member had when it was given the partition. */
#ifndef WORKLOAD_LATE_COMMIT_H
#define WORKLOAD_LATE_COMMIT_H

#include "workload.h"

enum { MEMBER_ID_MAX = 128 };

/* What one member knows of its generations. */
struct late_commit {
    int32_t generation;     /* Of what it was given last; -1: not known. */
    char id[MEMBER_ID_MAX]; /* And its member id in it. */
    int32_t old_generation; /* The one in which it had what it lost. */
    char old_id[MEMBER_ID_MAX];
    int32_t partitions;
    int64_t *lost;  /* By partition: the offset that it would have committed; -1: none. */
    int64_t due_ns; /* When others have been given it. */
};

/* Owns  `late` until late_commit_free(). */
void late_commit_init(struct late_commit *late, int32_t partitions);
void late_commit_free(struct late_commit *late);

/* The member loses a partition, of which it might have committed `offset`; below 0: nothing. */
void late_commit_lost(struct late_commit *late, int32_t partition, int64_t offset);

/* It was given partitions anew, by librdkafka's word: a new generation began. */
void late_commit_given(struct late_commit *late, rd_kafka_t *client, struct str group);

/* Whether it is time, once for what was lost together. */
bool late_commit_is_due(struct late_commit *late);

/* Commit for a partition that was lost. The history tells of it as of any commit of client
 * `number`. Blocks the caller for a second or so.
 * Errors  false: no broker was there to send it to, and the history has nothing of it. */
bool late_commit_send(const struct late_commit *late, const struct workload *workload,
                      struct str group, uint32_t number, int32_t partition);

#endif
