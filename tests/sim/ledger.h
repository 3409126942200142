/* ledger.h -- what the committed records of __consumer_offsets say of the model's groups, and
 * what clients were told of them.
 *
 * The log is the order of all that happened to a group: of two commits the one that stands
 * later counts. Each commit of the model carries an offset that its group and partition never
 * saw before, so an offset read names the commit that wrote it, and the one who sent it. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "actor.h"

enum {
    LEDGER_GROUPS_MAX = 4,
    LEDGER_MEMBERS_MAX = 16, /* Of one generation. */
    LEDGER_ID_SIZE = 64,
    LEDGER_ASSIGNMENT_SIZE = 16, /* A stamp, and a bit for each partition. */
};

struct ledger_identity {
    char member_id[LEDGER_ID_SIZE]; /* Empty: not known yet, or none. */
    int32_t generation;             /* -1: none. */
};

/* One record of a committed offset, or of its end. */
struct ledger_write {
    log_offset at;
    log_epoch epoch;    /* Of the coordinator. */
    log_offset offset;  /* -1: it was deleted, or expired. */
    wall_ms expires;    /* -1: as the broker's retention says. */
    wall_ms time;       /* Of its commit. */
    sim_us appended_at; /* True time. */
};

struct ledger_offset {
    struct ledger_write *writes; /* In the order of the log. */
    uint32_t write_count, write_capacity;
    struct ledger_identity *senders; /* Of offset 1, 2, ...: who committed it. */
    uint32_t sender_count, sender_capacity;
    uint32_t floor; /* Writes up to the newest that a client was told of; 0: none. */
};

struct ledger_member {
    char id[LEDGER_ID_SIZE];
    bool has_died;  /* Without a word. */
    uint64_t stamp; /* Of the assignment; 0: it was given none. */
    uint64_t mask;  /* Partitions. */
};

/* One record of a group; a tombstone has is_there false, and begins another life. */
struct ledger_generation {
    bool is_there;
    uint32_t life;
    int32_t generation;
    wall_ms time; /* When the group became what it is. */
    uint32_t member_count;
    struct ledger_member members[LEDGER_MEMBERS_MAX];
};

struct ledger_group {
    char name[16];
    struct ledger_generation *all; /* In the order of the log; the last one holds. */
    uint32_t count, capacity;
    uint32_t floor; /* Records up to the newest that a member was told of. */
    struct ledger_offset offsets[ACTOR_PARTITIONS_MAX];
    bool deletion_asked; /* Once: a request can be late. */
};

/* One record, as it becomes committed: checkers see it before the ledger takes it in. */
struct ledger_record {
    uint32_t group;
    log_offset at;
    wall_ms time;                               /* Of its batch. */
    bool is_offset;                             /* Else of the group itself. */
    int32_t partition;                          /* Of an offset. */
    struct ledger_write write;                  /* Of an offset. */
    const struct ledger_generation *generation; /* Of a group. */
};

/* What had been told when a request left. */
struct ledger_view {
    uint32_t generation_floor;
    uint32_t offset_floors[ACTOR_PARTITIONS_MAX];
};

enum ledger_told_kind { TOLD_COMMIT, TOLD_FETCH, TOLD_SYNC, TOLD_DELETE };

/* A success that a client hears of. */
struct ledger_told {
    enum ledger_told_kind kind;
    uint32_t group, node;
    const struct ledger_view *view;
    int32_t partition;                  /* Of a commit or a fetch. */
    log_offset offset;                  /* The same; -1: nothing is committed. */
    const struct ledger_identity *self; /* Of a sync. */
    uint64_t stamp, mask;               /* Of a sync's assignment. */
};

void ledger_open(struct world *world);
/* After the ghost took it in. */
void ledger_take(struct world *world, const struct probe *probe);
const struct ledger_group *ledger_group_of(const struct world *world, uint32_t group);
/* What holds; NULL: the log knows no such group. */
const struct ledger_generation *ledger_now(const struct ledger_group *group);
const struct ledger_member *ledger_member_of(const struct ledger_generation *generation,
                                             const char *id);
/* The number of the last write of `offset`, from 1; 0: none. */
uint32_t ledger_find_write(const struct ledger_offset *offset, log_offset value);
/* The record, from 1, with which this generation gave this member this assignment; 0: none. */
uint32_t ledger_find_assignment(const struct ledger_group *group, const struct ledger_told *told);
/* The fold of a partition's committed records up to `end`; false: it has gone on since. */
bool ledger_hash(struct world *world, struct partition_key key, log_offset end, uint64_t *hash,
                 uint32_t *members);

/* For clients. */
uint64_t ledger_commits(const struct world *world); /* That were acknowledged. */
log_offset ledger_next_offset(struct world *world, uint32_t group, int32_t partition,
                              const struct ledger_identity *sender);
void ledger_view(const struct world *world, uint32_t group, struct ledger_view *out);
void ledger_tell(struct world *world, const struct ledger_told *told);
/* A member dies and tells nobody. */
void ledger_bury(struct world *world, uint32_t group, const char *member_id);
void ledger_ask_deletion(struct world *world, uint32_t group);

#endif
