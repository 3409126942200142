/* coordinators.h -- the coordinators of groups at work: one for each partition of
 * __consumer_offsets that this node leads.
 *
 * group.h decides; here what it decides is appended as one batch, a reply that rests leaves
 * when the high watermark has reached what it tells of, and a new leader reads the whole
 * partition before it answers anybody. A command comes as a letter, and always goes back
 * with exactly one reply.
 *
 * Shard   the one that owns the partition. */
#ifndef NET_COORDINATORS_H
#define NET_COORDINATORS_H

#include "base/base.h"
#include "group.h"
#include "mailbox.h"
#include "wait.h"

struct image_topic;
struct partition;
struct request;
struct shard;

/* One command to one coordinator, there and back. */
struct group_ask {
    struct letter letter;
    struct partition_key key; /* Of __consumer_offsets. */
    enum group_reply_kind kind;
    bool exceeds; /* Its reply may be of any size now; else one that is not small may be refused. */
    bool is_parked; /* It was decided, and its reply waits for others. */
    /* Gives the decision the command, whose token is group_ask_token(). */
    void (*decide)(struct group_decision *decision, const struct group_ask *ask);
    void (*done)(struct shard *shard, struct letter *letter);
    /* The asker's. */
    void *job;
    uint32_t place;
    const void *command; /* What is decided on, as `kind` says; for onlookers alone. */
    /* Told ahead of the reply, which may take minutes, that the command was decided: what it points
     * to is not needed any more. NULL: who cares. */
    void (*decided)(struct shard *shard, struct letter *notice);
    struct letter notice;
    /* The answer; what it points to lives in the arena, which is the asker's to free. */
    struct group_reply reply;
    struct arena arena;
    uint64_t held; /* Bytes of the arena, in the budget of the shard where it is. */
    /* Of the owner while it waits. */
    struct wait wait;
    struct shard *owner;
};

static inline uint64_t group_ask_token(const struct group_ask *ask)
{
    return (uint64_t)(uintptr_t)ask;
}

/* Errors  in the reply: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE:
 *         nothing was decided, or what was decided may be lost; ask again. ERR_AGAIN: there is no
 *         room for the reply now (room.c). */
void coordinators_ask(struct shard *shard, struct letter *letter);

/* -- For partition_role.c, whose partition.seat is the coordinator's place. */

/* Does this topic hold groups? */
bool topic_holds_groups(const struct image_topic *topic);
/* This node leads the partition from now on, in this epoch. */
void coordinator_take_seat(struct partition *partition);
/* How many groups its coordinator has; 0 where none is. */
uint32_t coordinator_group_count(const struct partition *partition);
/* A topic was deleted; no effect where no coordinator is. */
void coordinator_forget(struct partition *partition);
/* The settings that it goes by may be others; no effect where there is none. */
void coordinator_reconfigure(struct partition *partition);
/* It does so no longer, or its log is gone; no effect where there is none. */
void coordinator_leave_seat(struct partition *partition);

#endif
