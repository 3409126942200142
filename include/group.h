/* group.h -- what the coordinator of consumer groups decides, as records and replies.
 *
 * One coordinator stands for one partition of __consumer_offsets that this node leads.
 * A decision is a pure step:
 *
 *   struct group_decision decision;
 *   group_decision_begin(&decision, coordinator, &arena, log_end, now, wall);
 *   group_decide_x(&decision, &command);
 *   group_decision_end(&decision);
 *   append decision.records, if any, as ONE batch at log_end;
 *   send each of decision.replies: at once, or, where it rests, once everything below
 *   group_decision_offset(&decision) is committed.
 *
 * A command has a token, and each token gets exactly one reply, in this decision or a
 * later one: a join waits for the rebalance. What was decided is state at once, though
 * not committed. So where the append fails, or leadership ends, the coordinator is
 * resigned and closed; a successor is opened, fed with the log by coordinator_apply(),
 * and started. Until then it answers COORDINATOR_LOAD_IN_PROGRESS.
 *
 * A reply to a join, a sync or a consumer's heartbeat may be large where the command is small. It
 * is not made where the decision has no room for it. What was decided stands all the same, as if
 * the reply was lost: a command that may be repeated hears ERR_AGAIN, and who has waited for
 * others hears REBALANCE_IN_PROGRESS, and joins again.
 *
 * Any subset of the log that compaction leaves adds up to the same groups. Soft state is
 * not in it: sessions, joins under way, ids that were given out and not used. Members get
 * a full session from the start.
 *
 * Strings of commands are what the wire's reader lets through: UTF-8, 32,767 bytes at most.
 *
 * A group is of the classic protocol or of the consumer protocol, and changes from one to the
 * other with its members in it: the first heartbeat of a consumer makes it the latter, and when
 * its last consumer leaves, who speaks the classic protocol goes on without (KIP-848).
 *
 * Shard   the one that owns the partition.
 * Source  KIP-134, KIP-345, KIP-389, KIP-394, KIP-814 (members), KIP-211, KIP-496,
 *         KIP-709 (offsets), KIP-518, KIP-848 (consumers), KIP-1082 (their ids), KIP-1251 (late
 *         commits), KIP-1263 (assignments); rules 89 to 121, 140 to 147 of Kafka's surface. */
#ifndef GROUP_H
#define GROUP_H

#include "base/base.h"

enum {
    GROUP_ID_PREFIX_MAX = 255,  /* Bytes of a client or instance id that a member id begins with. */
    GROUP_GROUPS_MAX = 100000,  /* Of one coordinator. */
    GROUP_MEMBERS_MAX = 10000,  /* Of one group, whatever group.max.size says. */
    GROUP_PROTOCOLS_MAX = 32,   /* That one member offers. */
    GROUP_OFFSETS_MAX = 200000, /* Of one group. */
    GROUP_OFFSETS_SIZE_MAX = 64 * 1024 * 1024, /* Bytes of one group's; so large is an answer. */
    GROUP_EXPIRED_MAX = 10000, /* Offsets that one decision expires or forgets; fewer where the
                                 * names are long. */
    GROUP_NEW_MEMBER_JOIN_MS = 300000, /* How long a new member's join may wait (rule 101). */
    GROUP_REGEXES_MAX = 100,           /* Regular expressions of one group. */
    GROUP_REGEX_MAX = 4096,            /* Bytes of one. */
    GROUP_REPLY_SMALL = 16 * 1024,     /* Bytes of a reply that needs no room. */
};

struct coordinator;

/* The partition of __consumer_offsets that a group belongs to. */
int32_t group_partition_of(struct str group_id, int32_t partition_count);

struct group_topic {
    struct str name;
    struct uuid id;
    int32_t partition_count;
};

/* Who knows the cluster's topics; all null: nobody, and there are none. What it answers stays
 * the same within a decision, and strings until its end. */
struct group_topics {
    const void *context;
    uint64_t (*version)(const void *context); /* Another one after each change of any topic. */
    bool (*by_name)(const void *context, struct str name, struct group_topic *out);
    bool (*by_id)(const void *context, struct uuid id, struct group_topic *out);
    /* The first one with a null `after`, else the one that follows it; false at the end. */
    bool (*next)(const void *context, struct str after, struct group_topic *out);
};

enum group_assignor { GROUP_ASSIGNOR_UNIFORM, GROUP_ASSIGNOR_RANGE };

/* Settings of the consumer protocol: group.consumer.*. */
struct consumer_config {
    int32_t session_timeout_ms;
    int32_t heartbeat_interval_ms;
    int32_t assignment_interval_ms; /* Between two assignments of one group, at least. */
    int32_t members_max;            /* max.size */
    bool may_upgrade;               /* migration.policy */
    bool may_downgrade;
    uint32_t assignor_count; /* The first one is used where members have no wish. */
    enum group_assignor assignors[2];
};

/* Bytes that coordinators keep: groups, members, offsets, about as they are in memory. */
struct group_memory {
    uint64_t kept;
};

/* Who knows what single groups say otherwise; null: nobody, and none does. */
struct group_settings {
    const void *context;
    /* Change in *config what this group has of its own. The same answer within a decision. */
    void (*apply)(const void *context, struct str group_id, struct consumer_config *config);
};

/* The broker's settings. */
struct coordinator_config {
    uint64_t seed;                  /* Random: member ids come from it. */
    int32_t session_timeout_min_ms; /* group.min.session.timeout.ms */
    int32_t session_timeout_max_ms;
    int32_t initial_delay_ms;    /* group.initial.rebalance.delay.ms */
    int32_t members_max;         /* group.max.size */
    int32_t offset_metadata_max; /* offset.metadata.max.bytes */
    int64_t offsets_retention_ms;
    int64_t expiry_interval_ms; /* offsets.retention.check.interval.ms */
    uint32_t record_size_max;   /* Key and value of one record; bounds a group's members. */
    /* skiff.groups.max.bytes: what lets the memory grow beyond it is refused. What is in the log is
     * always read, what replaces as much is always taken. */
    uint64_t memory_max;
    struct group_memory *memory; /* Borrowed; shared by all coordinators that share the limit. */
    struct consumer_config consumer;
    struct group_settings settings;
    struct group_topics topics;
};

/* Loading, until coordinator_start().
 * Owns    `config` is copied; what its pointers point to is borrowed until the close. */
struct coordinator *coordinator_open(const struct coordinator_config *config);
/* Go by other settings from now on; its seed, its memory and who knows topics and groups stay. */
void coordinator_configure(struct coordinator *coordinator,
                           const struct coordinator_config *config);
void coordinator_close(struct coordinator *coordinator);

/* Take one committed record of the log; a null value is a tombstone.
 * Errors  ERR_INVALID_RECORD: not a record of ours, or malformed: nothing changed, go on. */
enum err coordinator_apply(struct coordinator *coordinator, struct bytes key, struct bytes value);
/* The log was read to its end: sessions begin. */
void coordinator_start(struct coordinator *coordinator, mono_ms now);
bool coordinator_is_started(const struct coordinator *coordinator);
/* Run group_decide_tick() at this time at the latest; MONO_NEVER: no need. */
mono_ms coordinator_deadline(const struct coordinator *coordinator);

/* What onlookers count. */
struct coordinator_stats {
    uint32_t groups;
    uint64_t rebalances; /* Of classic groups: generations, since it was opened. */
};
struct coordinator_stats coordinator_read_stats(const struct coordinator *coordinator);

/* Groups as they are in records, in the order of their ids: equal states give equal numbers. */
uint64_t coordinator_hash(const struct coordinator *coordinator);

struct group_record {
    struct bytes key;
    struct bytes value; /* Null: a tombstone. */
};

enum group_reply_kind {
    GROUP_REPLY_JOIN,
    GROUP_REPLY_SYNC,
    GROUP_REPLY_HEARTBEAT, /* Nothing but the error. */
    GROUP_REPLY_LEAVE,
    GROUP_REPLY_COMMIT,
    GROUP_REPLY_FETCH,
    GROUP_REPLY_OFFSET_DELETE,
    GROUP_REPLY_DESCRIBE,
    GROUP_REPLY_LIST,
    GROUP_REPLY_DELETE,
    GROUP_REPLY_CONSUMER_HEARTBEAT,
    GROUP_REPLY_CONSUMER_DESCRIBE,
};

struct group_joined_member {
    struct str member_id;
    struct str instance_id; /* Null: dynamic. */
    struct bytes metadata;  /* For the chosen protocol, as the member gave it. */
};

struct group_joined {
    int32_t generation;       /* -1 with an error. */
    struct str protocol_type; /* Null with an error. */
    struct str protocol;      /* Null with an error. */
    struct str leader;        /* Empty with an error. */
    struct str member_id;
    bool skip_assignment;  /* v9: the leader need not assign again (KIP-814). */
    uint32_t member_count; /* For the leader alone. */
    const struct group_joined_member *members;
};

struct group_synced {
    struct str protocol_type; /* Null with an error. */
    struct str protocol;
    struct bytes assignment;
};

struct group_left {
    struct str member_id;
    struct str instance_id;
    enum err err;
};

struct group_leaving {
    uint32_t count; /* One for each that the command named, in its order. */
    const struct group_left *members;
};

/* One partition of a commit's or deletion's reply. */
struct group_partition_error {
    int32_t index;
    enum err err;
};

struct group_topic_errors {
    struct str topic;
    struct uuid topic_id;
    uint32_t partition_count;
    const struct group_partition_error *partitions;
};

struct group_partition_errors {
    uint32_t topic_count; /* As in the command, in its order. */
    const struct group_topic_errors *topics;
};

struct group_fetched_partition {
    int32_t index;
    log_offset offset; /* -1: nothing is committed. */
    log_epoch leader_epoch;
    struct str metadata; /* Empty, never null. */
};

struct group_fetched_topic {
    struct str topic;
    struct uuid topic_id; /* As the command gave it; of all topics, the one with the name. */
    uint32_t partition_count;
    const struct group_fetched_partition *partitions;
};

struct group_fetched {
    struct str group_id;
    enum err err;
    uint32_t topic_count;
    const struct group_fetched_topic *topics;
};

struct group_fetches {
    uint32_t count;
    const struct group_fetched *groups;
};

struct group_described_member {
    struct str member_id;
    struct str instance_id; /* Null: dynamic. */
    struct str client_id;
    struct str client_host;
    struct bytes metadata;   /* Empty unless Stable. */
    struct bytes assignment; /* The same. */
};

struct group_described {
    struct str group_id;
    enum err err;     /* GROUP_ID_NOT_FOUND: unknown, state Dead; older versions say NONE. */
    struct str state; /* "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead". */
    struct str protocol_type;
    struct str protocol; /* Empty unless Stable. */
    uint32_t member_count;
    const struct group_described_member *members;
};

struct group_descriptions {
    uint32_t count;
    const struct group_described *groups;
};

struct group_listed {
    struct str group_id;
    struct str protocol_type; /* Empty: offsets alone. */
    struct str state;
    struct str type; /* "classic", "consumer". */
};

struct group_listing {
    uint32_t count;
    const struct group_listed *groups;
};

struct group_deleted {
    struct str group_id;
    enum err err;
};

struct group_deletions {
    uint32_t count;
    const struct group_deleted *groups;
};

struct group_topic_partitions {
    struct str topic; /* Null where only the id is known. */
    struct uuid topic_id;
    uint32_t partition_count;
    const int32_t *partitions;
};

struct consumer_beat {
    struct str member_id;
    int32_t member_epoch;
    int32_t heartbeat_interval_ms;
    bool has_assignment; /* Else it is what the member was told last. */
    uint32_t topic_count;
    const struct group_topic_partitions *topics; /* By their ids. */
};

struct consumer_described_member {
    struct str member_id;
    struct str instance_id; /* Null: dynamic. */
    struct str rack_id;     /* Null: not known. */
    int32_t member_epoch;
    struct str client_id;
    struct str client_host;
    uint32_t topic_count; /* It subscribes to. */
    const struct str *topics;
    struct str topic_regex; /* Empty: none. */
    uint32_t assigned_count;
    const struct group_topic_partitions *assigned;
    uint32_t target_count;
    const struct group_topic_partitions *target;
    bool is_classic; /* It speaks the classic protocol. */
};

struct consumer_described {
    struct str group_id;
    enum err err; /* GROUP_ID_NOT_FOUND: unknown, or of the classic protocol; INVALID_GROUP_ID. */
    struct str state; /* "Empty", "Assigning", "Reconciling", "Stable"; empty with an error. */
    int32_t group_epoch;
    int32_t assignment_epoch;
    struct str assignor; /* Empty with an error. */
    uint32_t member_count;
    const struct consumer_described_member *members;
};

struct consumer_descriptions {
    uint32_t count;
    const struct consumer_described *groups;
};

struct group_reply {
    uint64_t token;
    enum group_reply_kind kind;
    enum err err;
    bool rests; /* Leaves when what was decided so far is committed; else at once. */
    union {
        struct group_joined join;
        struct group_synced sync;
        struct group_leaving leave;
        struct group_partition_errors partitions; /* Commit, OffsetDelete. */
        struct group_fetches fetch;
        struct group_descriptions describe;
        struct group_listing list;
        struct group_deletions deletion;
        struct consumer_beat beat;
        struct consumer_descriptions consumers;
    };
};

/* What refuses in the coordinator's place: it does not work here, or not now. */
struct group_reply group_reply_refuse(enum group_reply_kind kind, uint64_t token, enum err err);
/* About what it takes in memory to keep; 0 where the command was not one that only reads. */
uint64_t group_reply_size(const struct group_reply *reply);
/* The same reply, good for as long as the arena is. */
struct group_reply group_reply_keep(const struct group_reply *reply, struct arena *arena);

/* Owns    records live in the arena. Replies too, and what they point to does so or belongs to
 *         the command or the coordinator: keep them before the next decision. */
struct group_decision {
    struct coordinator *coordinator;
    struct arena *arena;
    mono_ms now;
    wall_ms earliest; /* The cluster's time is not before this; one that goes back is held. */
    wall_ms time;     /* Nor after this: what records say. */
    log_offset base;
    /* Bytes of replies that may still be made: a large one takes what it needs, or what is left,
     * but not where nothing is. UINT64_MAX from the beginning. */
    uint64_t room;
    uint32_t record_count;
    struct group_record *records;
    uint32_t reply_count;
    struct group_reply *replies;
    uint32_t record_capacity, reply_capacity; /* Private. */
    uint64_t repeatable; /* The token of the command, where it may be repeated as it is. */
};

void group_decision_begin(struct group_decision *decision, struct coordinator *coordinator,
                          struct arena *arena, log_offset base, mono_ms now, struct wall_span wall);
void group_decision_end(struct group_decision *decision);
log_offset group_decision_offset(const struct group_decision *decision);

/* What is due: sessions that ended, rebalances that waited long enough, offsets that expire. */
void group_decide_tick(struct group_decision *decision);
/* What was committed for topics that are not there any more goes. Due after the start, and when a
 * topic was deleted. False: not all of it, there was too much for one decision: decide again. */
bool group_decide_forget(struct group_decision *decision);
/* Answer all that waits with NOT_COORDINATOR. Only coordinator_close() may follow. */
void group_decide_resign(struct group_decision *decision);

struct group_protocol {
    struct str name;
    struct bytes metadata;
};

struct join_group_command {
    uint64_t token;
    struct str group_id;
    struct str member_id;   /* Empty: a new one. */
    struct str instance_id; /* Null: dynamic. */
    struct str client_id;
    struct str client_host;
    struct str protocol_type;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;  /* v0: the session timeout. */
    bool requires_known_member_id; /* v4 and up. */
    bool can_skip_assignment;      /* v9 and up. */
    uint32_t protocol_count;
    const struct group_protocol *protocols;
};

/* Errors  INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT, UNKNOWN_MEMBER_ID, MEMBER_ID_REQUIRED,
 *         FENCED_INSTANCE_ID, INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED. */
void group_decide_join(struct group_decision *decision, const struct join_group_command *command);

struct group_assignment {
    struct str member_id;
    struct bytes assignment;
};

struct sync_group_command {
    uint64_t token;
    struct str group_id;
    int32_t generation;
    struct str member_id;
    struct str instance_id;   /* Null: dynamic. */
    struct str protocol_type; /* Null: do not check (below v5). */
    struct str protocol;      /* The same. */
    uint32_t assignment_count;
    const struct group_assignment *assignments;
};

/* Errors  UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS,
 *         INCONSISTENT_GROUP_PROTOCOL; UNKNOWN_SERVER_ERROR: the record would be too large. */
void group_decide_sync(struct group_decision *decision, const struct sync_group_command *command);

struct group_heartbeat_command {
    uint64_t token;
    struct str group_id;
    int32_t generation;
    struct str member_id;
    struct str instance_id; /* Null: dynamic. */
};

/* Errors  UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS. */
void group_decide_heartbeat(struct group_decision *decision,
                            const struct group_heartbeat_command *command);

struct group_leaver {
    struct str member_id;   /* Empty: by instance, which an administrator does. */
    struct str instance_id; /* Null: dynamic. */
};

struct leave_group_command {
    uint64_t token;
    struct str group_id;
    uint32_t count;
    const struct group_leaver *members;
};

/* Errors  UNKNOWN_MEMBER_ID as a whole: no such group; the rest stands at each member. */
void group_decide_leave(struct group_decision *decision, const struct leave_group_command *command);

struct group_commit_partition {
    int32_t index;
    log_offset offset;
    log_epoch leader_epoch;
    struct str metadata; /* Null reads as empty. */
    enum err err;        /* Known before: the topic is not there, or not for this client. */
};

struct group_commit_topic {
    struct str topic;
    struct uuid topic_id; /* Zero: not known. */
    uint32_t partition_count;
    const struct group_commit_partition *partitions;
};

struct offset_commit_command {
    uint64_t token;
    struct str group_id;
    int32_t generation; /* -1: a consumer without a group. */
    struct str member_id;
    struct str instance_id;     /* Null: dynamic. */
    int64_t retention_ms;       /* -1: the broker's (v2 to v4). */
    bool knows_group_not_found; /* v9 and up; below it is ILLEGAL_GENERATION. */
    uint32_t topic_count;
    const struct group_commit_topic *topics;
};

/* Errors  of the whole: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION,
 *         REBALANCE_IN_PROGRESS, GROUP_ID_NOT_FOUND; of a consumer: STALE_MEMBER_EPOCH,
 *         UNSUPPORTED_VERSION: below v9; of a partition: OFFSET_METADATA_TOO_LARGE,
 *         UNKNOWN_TOPIC_OR_PARTITION: here the name has no topic, or one with another id,
 *         INVALID_COMMIT_OFFSET_SIZE: the group has GROUP_OFFSETS_MAX. */
void group_decide_commit(struct group_decision *decision,
                         const struct offset_commit_command *command);

struct group_fetch {
    struct str group_id;
    struct str member_id; /* Null: no member asks, which v9 made possible to say. */
    int32_t member_epoch; /* -1, and 0 without a member: do not check. */
    bool is_all;          /* Every topic. */
    uint32_t topic_count;
    const struct group_topic_partitions *topics;
};

struct offset_fetch_command {
    uint64_t token;
    uint32_t count;
    const struct group_fetch *groups;
};

/* An unknown group has committed nothing.
 * Errors  of a group of consumers: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, ILLEGAL_GENERATION. */
void group_decide_fetch(struct group_decision *decision,
                        const struct offset_fetch_command *command);

struct offset_delete_command {
    uint64_t token;
    struct str group_id;
    uint32_t topic_count;
    const struct group_topic_partitions *topics;
};

/* Errors  GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP: a protocol whose subscriptions are not known;
 *         of a partition: GROUP_SUBSCRIBED_TO_TOPIC. */
void group_decide_offset_delete(struct group_decision *decision,
                                const struct offset_delete_command *command);

struct groups_command {
    uint64_t token;
    uint32_t count;
    const struct str *group_ids;
};

void group_decide_describe(struct group_decision *decision, const struct groups_command *command);
/* Errors  of a group: GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
void group_decide_delete(struct group_decision *decision, const struct groups_command *command);

struct list_groups_command {
    uint64_t token;
    uint32_t state_count; /* 0: any. Without regard to case; an unknown one matches nothing. */
    const struct str *states;
    uint32_t type_count; /* The same. */
    const struct str *types;
};

void group_decide_list(struct group_decision *decision, const struct list_groups_command *command);

struct consumer_heartbeat_command {
    uint64_t token;
    struct str group_id;
    struct str member_id; /* Empty: give it one, which v0 may ask for. */
    bool makes_member_id; /* v1 and up. */
    int32_t member_epoch; /* 0: joins; -1: leaves; -2: a static one leaves, and comes back. */
    struct str instance_id;
    struct str rack_id;
    struct str client_id;
    struct str client_host;
    int32_t rebalance_timeout_ms; /* -1: as before, like all that is null or not there below. */
    bool has_topics;
    uint32_t topic_count;
    const struct str *topics;
    struct str topic_regex; /* Empty: none. */
    struct str assignor;
    bool has_owned;
    uint32_t owned_count;
    const struct group_topic_partitions *owned; /* By their ids. */
};

/* Errors  INVALID_REQUEST, UNSUPPORTED_ASSIGNOR, INVALID_REGULAR_EXPRESSION, GROUP_ID_NOT_FOUND,
 *         UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID,
 *         GROUP_MAX_SIZE_REACHED. */
void group_decide_consumer_heartbeat(struct group_decision *decision,
                                     const struct consumer_heartbeat_command *command);
void group_decide_consumer_describe(struct group_decision *decision,
                                    const struct groups_command *command);

#endif
