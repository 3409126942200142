/* ledger_consumers.h -- what the committed records of __consumer_offsets say of groups of the
 * consumer protocol (KIP-848), whose members hold partitions in epochs of their own.
 *
 * A batch is one decision. Within it a record may tell of a member what a later one makes whole,
 * so what must hold of the members together is asked at the end of each batch. */
#ifndef SIM_LEDGER_CONSUMERS_H
#define SIM_LEDGER_CONSUMERS_H

#include "actor.h"

enum {
    LEDGER_CONSUMERS_MAX = 48, /* Of one group, those included that are only waited for. */
    LEDGER_SHARES_MAX = 48,    /* Partitions of one member. */
    LEDGER_REGEXES_MAX = 4,
    LEDGER_ID_SIZE = 64,
    LEDGER_EPOCH_LEFT = -1, /* Of a member that is not there any more. */
    LEDGER_EPOCH_AWAY = -2, /* Of a static member that will be back. */
};

struct ledger_share {
    struct uuid topic_id;
    int32_t index;
    int32_t epoch; /* In which it became the member's; 0: not told. */
};

struct ledger_shares {
    uint32_t count;
    struct ledger_share of[LEDGER_SHARES_MAX];
};

struct ledger_consumer {
    char id[LEDGER_ID_SIZE];
    char instance_id[LEDGER_ID_SIZE]; /* Empty: dynamic. */
    bool is_member;                   /* Record 5 stands, and what follows is of it. */
    bool is_classic;                  /* It speaks the classic protocol. */
    uint32_t topics;                  /* Bits of the model's topics that it names. */
    int regex;                        /* Index of the pattern that it names; -1: none. */
    bool has_target;                  /* Record 7. */
    struct ledger_shares target;
    bool has_current; /* Record 8. */
    int32_t epoch;
    struct ledger_shares assigned, revoking;
    bool has_died; /* Without a word. */
};

/* What record 8 once said. */
struct ledger_current {
    char id[LEDGER_ID_SIZE];
    int32_t epoch; /* LEDGER_EPOCH_LEFT: a tombstone. */
    struct ledger_shares assigned;
};

struct ledger_consumers {
    bool is_there; /* Record 3. */
    int32_t epoch;
    bool has_target; /* Record 6. */
    int32_t target_epoch;
    uint32_t count; /* Of whom any record stands. */
    struct ledger_consumer all[LEDGER_CONSUMERS_MAX];
    uint32_t regex_topics[LEDGER_REGEXES_MAX]; /* Record 16 of each pattern: bits of topics. */
    struct ledger_current **history;           /* In the order of the log. */
    uint32_t history_count, history_capacity;
};

/* The request that a batch was decided on, of one member. */
struct ledger_said {
    int group;               /* -1: none of the model's. */
    bool is_beat;            /* A ConsumerGroupHeartbeat, else a JoinGroup. */
    char id[LEDGER_ID_SIZE]; /* Empty: by its instance. */
    char instance_id[LEDGER_ID_SIZE];
    bool leaves;    /* For now or for good. */
    bool has_owned; /* It says what it has: */
    struct ledger_shares owned;
};

/* Expressions of the model, and the topics that they stand for. */
struct ledger_pattern {
    const char *text;
    uint32_t topics;
};
extern const struct ledger_pattern ledger_patterns[LEDGER_REGEXES_MAX];

const struct ledger_share *ledger_shares_find(const struct ledger_shares *shares,
                                              struct uuid topic_id, int32_t index);
void ledger_shares_add(struct ledger_shares *shares, struct ledger_share share);
bool ledger_shares_equal(const struct ledger_shares *a, const struct ledger_shares *b);
/* Partitions of one topic, as bits. */
uint64_t ledger_shares_mask(const struct ledger_shares *shares, struct uuid topic_id);

const struct ledger_consumer *ledger_consumer_of(const struct ledger_consumers *consumers,
                                                 const char *id);
uint32_t ledger_consumers_members(const struct ledger_consumers *consumers);
/* Whether anybody subscribes to the model's topic of this number, as records have it. */
bool ledger_consumers_read(const struct ledger_consumers *consumers, uint32_t topic);
/* Was this ever so? `shares` NULL: whatever it had. */
bool ledger_consumers_had(const struct ledger_consumers *consumers, const char *id, int32_t epoch,
                          const struct ledger_shares *shares);
/* The same of a member of the classic protocol, which hears of the first topic alone. */
bool ledger_consumers_had_mask(const struct ledger_consumers *consumers, const char *id,
                               int32_t epoch, struct uuid topic_id, uint64_t mask);

/* -- For ledger.c. */

struct ledger_record;
/* Read one record of types 3 to 8 or 16 into `record`, whose consumer is `scratch` then. False: it
 * is of none of the model's groups. */
bool ledger_consumers_read_record(const struct world *world, struct ledger_record *record,
                                  struct bytes key, struct bytes value,
                                  struct ledger_consumer *scratch);
void ledger_consumers_take(struct world *world, struct ledger_consumers *consumers,
                           const struct ledger_record *record);
/* The request that is decided on; NULL: nobody's. */
struct ledger_said *ledger_said_of(const struct world *world, const struct probe *probe);

#endif
