/* history.h -- one random history of a coordinator, its clients and the log between lives.
 *
 * Everything comes from a seed. Requests and replies are lost, repeated and late; the
 * coordinator fails at any point, loses what was not committed, and its successor replays
 * what compaction may have left. ghost.c judges. */
#ifndef TESTS_GROUP_HISTORY_H
#define TESTS_GROUP_HISTORY_H

#include "base/walk.h"
#include "group.h"

enum {
    GROUPS = 2,
    CLIENTS = 8, /* Half of them in each group. */
    ID_SIZE = 80,
    FLIGHTS_MAX = 64,
    TOKENS_MAX = 8192,
    LOG_MAX = 8192,
    STAMPS_MAX = 4096,
    TOPICS = 2,
    SHARES_MAX = 16, /* Partitions that there may be. */
    OWNERS_MAX = 64, /* Members of groups of consumers that records speak of. */
};

enum request_kind { ASK_JOIN, ASK_SYNC, ASK_HEARTBEAT, ASK_COMMIT, ASK_LEAVE, ASK_BEAT };
enum client_state { CLIENT_OUT, CLIENT_JOINED, CLIENT_IN };

struct share {
    struct uuid topic_id;
    int32_t index;
    int32_t epoch;
};

/* Partitions of somebody. */
struct shares {
    uint32_t count;
    struct share of[SHARES_MAX];
};

/* Also what a client knows of itself. */
struct identity {
    char member_id[ID_SIZE];
    int32_t generation;
};

struct request {
    enum request_kind kind;
    uint32_t client;
    uint64_t number; /* Of this request among all; a repeated one has the same. */
    struct identity self;
    uint32_t member_count; /* A leader's sync: whom it assigns. */
    char members[CLIENTS * 2][ID_SIZE];
    uint64_t stamp; /* A leader's sync: which assignment this is; unique. */
    log_offset offset;
    bool says_owned; /* A join, a beat: what the client has. */
    struct shares owned;
    bool is_whole; /* A beat that says everything. */
};

struct answer {
    enum group_reply_kind kind;
    uint32_t client;
    uint64_t number;
    enum err err;
    struct identity self;
    bool is_leader;
    uint32_t member_count;
    char members[CLIENTS * 2][ID_SIZE];
    bool has_shares; /* A sync, a beat: what it has from now on. */
    struct shares shares;
};

struct client {
    enum client_state state;
    struct identity self;
    bool is_static, asks_first; /* It speaks version 4 or higher. */
    bool is_consumer;           /* It speaks the consumer protocol, until it is started anew. */
    bool is_cooperative;        /* In the classic one: it keeps what it has while it joins. */
    bool has_lost_touch;        /* An answer did not come, or was an error: say everything. */
    struct shares owned;
    uint64_t awaited; /* Number of its request; 0: none. */
    mono_ms patience; /* When it gives that up. */
    bool is_leader;
    uint32_t member_count;
    char members[CLIENTS * 2][ID_SIZE];
    log_offset position;
};

/* Who is owed a reply. */
struct debt {
    bool is_owed;
    bool is_probe; /* Of the test itself. */
    struct request request;
};

struct entry {
    struct bytes key, value;
    bool ends_batch;
};

/* What records say of one member of a group of consumers. */
struct owner {
    uint32_t group;
    char id[ID_SIZE];
    bool is_member; /* Record 5 stands. */
    bool is_classic;
    bool has_current; /* Record 8 stands. */
    int32_t epoch;
    struct shares assigned, revoking;
};

/* What records say of a group, be it of one protocol or the other. */
struct group_ghost {
    bool is_classic, is_consumers; /* Record 2, record 3 stands. */
    int32_t epoch;                 /* The highest generation or epoch since it is there. */
};

/* One assignment that was told to somebody. */
struct told {
    uint32_t group, incarnation;
    int32_t generation;
    uint64_t stamp;
};

/* A reply that rests until the log is committed as far as `offset`. */
struct parked {
    log_offset offset;
    bool is_commit, is_assignment;
    struct told told;
    struct answer answer;
};

struct history {
    struct rand rand;
    struct arena arena;
    struct coordinator_config config;
    struct group_memory memory;
    struct coordinator *coordinator;
    struct group_decision decision;
    mono_ms now;
    wall_ms time;
    struct client clients[CLIENTS];
    struct request asked[FLIGHTS_MAX];
    uint32_t asked_count;
    struct answer answers[FLIGHTS_MAX];
    uint32_t answer_count;
    struct parked parked[TOKENS_MAX];
    uint32_t parked_count;
    struct debt debts[TOKENS_MAX]; /* By token; of this coordinator's life. */
    uint64_t token, number, stamp;
    struct entry log[LOG_MAX];
    log_offset log_end, committed, acknowledged; /* acknowledged: ends of commits told of. */
    struct told told[STAMPS_MAX];
    uint32_t told_count;
    bool is_healed;
    bool is_mixed; /* Clients of both protocols; else of the classic one alone. */
    struct group_topic topics[TOPICS]; /* By name; without partitions it is not there. */
    uint64_t topics_version;
    struct owner owners[OWNERS_MAX];
    uint32_t owner_count;
    struct group_ghost groups[GROUPS];
    const struct request *served; /* The one that is decided; NULL: a tick. */
    uint32_t joins, failovers, commits, expired, beats, moves, upgrades, downgrades;
    const char *violated; /* "G3", ...; NULL: nothing. */
};

/* history.c */
struct group_decision *history_begin(struct history *history);
void history_end(struct history *history, bool is_tick);
bool history_chance(struct history *history, uint32_t one_in);
uint32_t client_group(uint32_t client);
struct str group_name(uint32_t group);

/* clients.c */
/* A request of this client as it is, for which it waits so long. */
struct request *client_ask(struct history *history, uint32_t client, enum request_kind kind,
                           int64_t patience_ms);
void client_act(struct history *history, uint32_t client);
void client_hear(struct history *history, const struct answer *answer);
void serve(struct history *history, const struct request *request);
void client_crash(struct history *history, struct client *self);

/* consumers.c: clients of the consumer protocol, and topics. */
void consumer_act(struct history *history, uint32_t client);
void consumer_hear(struct history *history, struct client *self, const struct answer *answer);
void serve_beat(struct history *history, const struct request *request);
struct group_topics history_topics(struct history *history);
void change_topics(struct history *history);
/* Blobs of classic clients: a subscription to "t", and assignments with a stamp behind them. */
struct bytes write_subscription(struct history *history, const struct shares *owned);
struct bytes write_assignment(struct history *history, const struct shares *shares, uint64_t stamp);
/* False: it is none. A stamp of 0: the coordinator wrote it. */
bool read_assignment(const struct history *history, struct bytes bytes, struct shares *shares,
                     uint64_t *stamp);
/* Every n-th of the partitions of "t". */
struct shares deal_shares(const struct history *history, uint32_t place, uint32_t count);
struct shares shares_of(uint32_t count, const struct group_topic_partitions *topics);
bool shares_have(const struct shares *shares, struct share share);

/* owners.c: what records say of groups of consumers. */
void owners_record(struct history *history, const struct entry *entry);
void owners_batch(struct history *history); /* At the end of each: nobody shares. */
void owners_rebuild(struct history *history);
const struct owner *owner_of(const struct history *history, uint32_t group, const char *id);
bool owners_are_complete(const struct history *history);

/* The body of a record's key or value. */
enum err read_part(struct arena *arena, struct bytes bytes, const struct walk_message *message,
                   bool is_key, void *out);

/* ghost.c: each sets history->violated when it is broken. */
void violate(struct history *history, const char *invariant);
void ghost_record(struct history *history, const struct group_record *record, bool is_tick);
void ghost_commit(struct history *history, const struct request *request);
/* Which assignment a sync's reply tells of; false: of none. */
bool ghost_assignment(struct history *history, const struct request *request,
                      const struct group_reply *reply, struct told *told);
void ghost_told(struct history *history, struct told told);
void ghost_replay(struct history *history, struct coordinator *successor);
bool ghost_is_settled(struct history *history);
void ghost_live(struct history *history);
void ghost_fetch(struct history *history);

#endif
