/* ledger.h -- what the committed records of __consumer_offsets say of the model's groups, and
 * what clients were told of them.
 *
 * The log is the order of all that happened to a group: of two commits the one that stands
 * later counts. Each commit of the model carries an offset that its group and partition never
 * saw before, so an offset read names the commit that wrote it, and the one who sent it.
 *
 * A replica that lagged for longer than delete.retention.ms never saw the tombstones that its
 * leader let go, and still has what they deleted. As coordinator it then knows members who are
 * gone, until their sessions end, and who lives after all may stay with no record of its own. That
 * cannot be helped (K1 grants it too): from then on, what is decided of its groups is not judged;
 * what clients are told is, and that each of them comes to rest. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "ledger_consumers.h"

enum {
    LEDGER_GROUPS_MAX = 4,
    LEDGER_MEMBERS_MAX = 16, /* Of one generation. */
};

struct ledger_identity {
    char member_id[LEDGER_ID_SIZE]; /* Empty: not known yet, or none. */
    int32_t generation;             /* Or the member's epoch; -1: none. */
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
    uint64_t stamp; /* Of the assignment; 0: it was given none, or by the coordinator. */
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
    struct ledger_consumers consumers;
    int32_t epoch; /* The last generation or epoch since it is there; -1: it is not. */
    uint32_t classic_before, consumers_before; /* Members when the last batch ended. */
    uint32_t floor; /* Records up to the newest that a member was told of. */
    struct ledger_offset offsets[ACTOR_PARTITIONS_MAX];
    bool deletion_asked; /* Once: a request can be late. */
    bool is_haunted;     /* A coordinator has missed a tombstone: see above. */
};

enum ledger_kind {
    LEDGER_OFFSET,       /* partition, write */
    LEDGER_GENERATION,   /* Of a group of the classic protocol: generation */
    LEDGER_EPOCH,        /* Of a group of consumers: is_there, epoch */
    LEDGER_TARGET_EPOCH, /* The same. */
    LEDGER_PROFILE,      /* Of a consumer: consumer */
    LEDGER_TARGET,       /* The same. */
    LEDGER_CURRENT,      /* The same. */
    LEDGER_REGEX,        /* regex, regex_topics */
};

/* One record, as it becomes committed: checkers see it before the ledger takes it in. */
struct ledger_record {
    enum ledger_kind kind;
    uint32_t group;
    log_offset at;
    wall_ms time;                   /* Of its batch. */
    const struct ledger_said *said; /* What its batch was decided on; NULL: none of these. */
    int32_t partition;
    struct ledger_write write;
    const struct ledger_generation *generation;
    const struct ledger_consumer *consumer; /* As it is with this record. */
    bool is_there;                          /* Else a tombstone. */
    int32_t epoch;
    int regex;
    uint32_t regex_topics;
};

/* What had been told when a request left. */
struct ledger_view {
    uint32_t generation_floor;
    uint32_t offset_floors[ACTOR_PARTITIONS_MAX];
};

enum ledger_told_kind { TOLD_COMMIT, TOLD_FETCH, TOLD_SYNC, TOLD_BEAT, TOLD_DELETE };

/* A success that a client hears of. */
struct ledger_told {
    enum ledger_told_kind kind;
    uint32_t group, node;
    const struct ledger_view *view;
    int32_t partition;                  /* Of a commit or a fetch. */
    log_offset offset;                  /* The same; -1: nothing is committed. */
    const struct ledger_identity *self; /* Of a sync; of a beat as the answer has it. */
    uint64_t stamp, mask;               /* Of a sync's assignment. */
    int32_t asked_epoch;                /* Of a beat. */
    const struct ledger_shares *shares; /* The same; NULL: it is told of none. */
};

void ledger_open(struct world *world);
/* After the ghost took it in. */
void ledger_take(struct world *world, const struct sim_node *node, const struct probe *probe);
const struct ledger_group *ledger_group_of(const struct world *world, uint32_t group);
/* -1: none of the model's. */
int ledger_group_index(const struct world *world, struct str name);
/* What holds; NULL: the log knows no such group of the classic protocol. */
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
