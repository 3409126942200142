/* controller.h -- what the active controller decides, as records.
 *
 * The controller is the quorum leader. It owns an image that includes what is not
 * committed yet, and soft state that no log holds: when each broker was last heard,
 * whether its link is open. A decision is a pure step:
 *
 *   struct decision decision;
 *   decision_begin(&decision, controller, &arena, log_end, now);
 *   enum err err = decide_x(&decision, &command, &reply);
 *   if (decision.count > 0) append decision.records as ONE atomic batch at log_end;
 *   decision_accept(&decision);          // or decision_drop() if the append failed
 *   park the reply until the committed offset has reached decision_end(&decision)
 *
 * A reply without records is parked too: it may rest on records that can still be lost.
 * A refusal (a code in the reply) is a reply. Every record carries its cause.
 *
 * Shard   shard 0, beside the quorum.
 * Source  KIP-631 (registration, heartbeats), KIP-966 (ELR), rules 1, 2, 4, 5, 11, 15, 18, 24. */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include "base/base.h"
#include "image.h"
#include "record.h"

enum {
    CONTROLLER_RECORDS_MAX = 10000,        /* Of what a request names; more: POLICY_VIOLATION. */
    CONTROLLER_PRODUCER_IDS = 1000,        /* Of one block. */
    CONTROLLER_DIALS_REFUSED = 2,          /* Refusals that, with a closed link, prove a death. */
    CONTROLLER_CONFIGS_MAX = 100000,       /* Groups of which something is altered. */
    CONTROLLER_UNSERVICEABLE_MAX = 100000, /* Replicas named by one heartbeat. */
};

struct controller;

/* What single groups may be given of a setting, and what they have otherwise. */
struct controller_range {
    int32_t min, max, normal;
};

/* The broker's defaults, from struct config. */
struct controller_config {
    node_id node_id;
    struct uuid incarnation; /* Of this process. */
    int32_t session_timeout_ms;
    int64_t balance_interval_ms; /* Between looks for leaders that are not preferred; 0: never. */
    uint32_t voter_count;        /* Configured combined nodes, up or not. */
    int32_t partitions_default;  /* num.partitions */
    int32_t replication_factor_default; /* -1: min(3, brokers) */
    int32_t min_insync_default;         /* -1: 2 where the factor is 3 or more, else 1 */
    /* What topics are like that say nothing themselves, by the topics' names, but for
     * min.insync.replicas; borrowed. */
    const struct record_config *topic_defaults;
    uint32_t topic_default_count;
    /* The numbers of config_pair_at() that this node was started with; borrowed. */
    const struct record_config *paired_settings;
    uint32_t paired_setting_count;
    struct controller_range consumer_session_ms; /* group.consumer.*session.timeout.ms */
    struct controller_range consumer_heartbeat_ms;
};

/* Not active until it takes office.
 * Owns    `config` is copied. */
struct controller *controller_open(const struct controller_config *config);
void controller_close(struct controller *controller);

struct controller_office {
    const struct image *image;    /* Every record of our log, the uncommitted ones too. */
    log_epoch epoch;              /* Of the quorum. */
    uint64_t seed;                /* Random: topic ids and placement come from it. */
    node_id predecessor;          /* -1: none known. */
    mono_ms predecessor_answered; /* When it last answered us: its session counts from there. */
};

/* Brokers get a fresh session, the predecessor excepted (rule 24); every link counts as
 * closed until its broker is heard, so the caller dials all that controller_wants_dial(). */
void controller_take_office(struct controller *controller, const struct controller_office *office,
                            mono_ms now);
void controller_resign(struct controller *controller); /* Drops the uncommitted image. */
bool controller_is_active(const struct controller *controller);
/* The uncommitted image; borrowed until the next decision is accepted. NULL: not active. */
const struct image *controller_image(const struct controller *controller);

/* What the caller saw of the wire. A registration or accepted heartbeat opens the link by
 * itself; closed means the connection that carried the last of these ended. After a
 * close or a refusal run decide_sessions(). Ignored unless `epoch` is the current one. */
void controller_link_closed(struct controller *controller, node_id id, broker_epoch epoch);
void controller_dial_refused(struct controller *controller, node_id id, broker_epoch epoch);
void controller_dial_answered(struct controller *controller, node_id id, broker_epoch epoch);
/* A dial of its internal listener would tell something: unfenced, and its link is closed. */
bool controller_wants_dial(const struct controller *controller, node_id id);
/* Run decide_sessions() at this time at the latest; MONO_NEVER when not active. */
mono_ms controller_deadline(const struct controller *controller);

struct decision {
    struct controller *controller;
    struct arena *arena; /* Of records, their strings and reply arrays. */
    mono_ms now;
    log_offset base; /* Offset that the first record will get. */
    uint32_t count;
    struct record *records;
    struct image *image; /* The controller's image after `records`. */
    /* Rare branches that were taken, for probes. */
    bool elr_election;
    bool unclean_election;
    bool preferred_election; /* Asked for, or by itself. */
    bool isr_below_min;
    bool fast_fence;
    bool slow_fence;
    bool wiped_directory; /* A node came back with another directory (rule 2). */
    uint32_t capacity;    /* Private. */
};

/* Owns    holds a reference on an image until accepted or dropped; exactly one of both. */
void decision_begin(struct decision *decision, struct controller *controller, struct arena *arena,
                    log_offset base, mono_ms now);
void decision_accept(struct decision *decision);
void decision_drop(struct decision *decision);
/* The reply may leave once everything below this offset is committed. */
log_offset decision_end(const struct decision *decision);

struct register_command {
    struct uuid cluster_id; /* Zero: the broker does not know one yet. */
    struct record_broker broker;
};

struct register_reply {
    broker_epoch epoch;
};

/* Errors  ERR_INCONSISTENT_CLUSTER_ID; ERR_DUPLICATE_BROKER_REGISTRATION: the old incarnation's
 *         session lives and its link is open (rule 24); ERR_INVALID_REGISTRATION: no usable
 *         endpoint, a null id, or a directory that another node registered. */
enum err decide_register_broker(struct decision *decision, const struct register_command *command,
                                struct register_reply *reply);

struct heartbeat_command {
    node_id id;
    broker_epoch epoch;
    log_offset metadata_offset; /* Last record that the broker has applied. */
    bool want_fence;
    bool want_shut_down;
    uint32_t unserviceable_count; /* Replicas it cannot serve: rot, failed disk (rule 11). */
    const struct partition_key *unserviceable;
    /* The last leader epoch in which each followed or led since its node started; -1: none. */
    const log_epoch *unserviceable_epochs;
};

struct heartbeat_reply {
    bool is_caught_up;
    bool is_fenced;
    bool should_shut_down;
};

/* Errors  ERR_STALE_BROKER_EPOCH; ERR_BROKER_ID_NOT_REGISTERED; ERR_INVALID_REQUEST. */
enum err decide_heartbeat(struct decision *decision, const struct heartbeat_command *command,
                          struct heartbeat_reply *reply);

/* Fence whoever is due, fast or slow, elect where a partition waits without need, and give
 * leadership back to preferred replicas when it is time for that. */
void decide_sessions(struct decision *decision);

struct create_assignment {
    partition_id index;
    uint32_t replica_count;
    const node_id *replicas;
};

struct create_topic {
    struct str name;
    int32_t partition_count;    /* -1: the default. */
    int32_t replication_factor; /* -1: the default. */
    uint32_t assignment_count;  /* Above 0: both numbers are -1. */
    const struct create_assignment *assignments;
    uint32_t config_count;
    const struct record_config *configs;
};

struct create_topics_command {
    struct str principal;
    bool validate_only;
    uint32_t count;
    const struct create_topic *topics;
};

struct create_topic_reply {
    struct str name;
    enum err err;
    struct str message;         /* Null: none. */
    struct uuid id;             /* Zero with validate_only or an error. */
    int32_t partition_count;    /* -1 with an error. */
    int32_t replication_factor; /* -1 with an error. */
    uint32_t config_count;      /* Its own, as they are kept. */
    const struct record_config *configs;
};

struct create_topics_reply {
    uint32_t count; /* One for each topic of the command, in its order. */
    struct create_topic_reply *topics;
};

/* Never fails as a whole: see each topic. INVALID_REPLICATION_FACTOR also means that fewer
 * brokers have registered than the factor asks: an auto-creation tries again later. */
void decide_create_topics(struct decision *decision, const struct create_topics_command *command,
                          struct create_topics_reply *reply);

struct grow_topic {
    struct str name;
    int32_t partition_count; /* Of all, the present ones too. */
    bool is_assigned;
    uint32_t assignment_count; /* Of the new ones, in order; their `index` does not matter. */
    const struct create_assignment *assignments;
};

struct create_partitions_command {
    struct str principal;
    bool validate_only;
    uint32_t count;
    const struct grow_topic *topics;
};

struct grow_topic_reply {
    struct str name;
    enum err err;
    struct str message; /* Null: none. */
};

struct create_partitions_reply {
    uint32_t count; /* One for each topic of the command, in its order. */
    struct grow_topic_reply *topics;
};

/* Errors, at each topic: UNKNOWN_TOPIC_OR_PARTITION; INVALID_PARTITIONS: no more than there are;
 * INVALID_REPLICA_ASSIGNMENT; INVALID_REPLICATION_FACTOR: too few brokers for as many replicas as
 * the others have; INVALID_REQUEST: named twice; POLICY_VIOLATION: too many at once, or a topic
 * whose keys are found by the number of its partitions. */
void decide_create_partitions(struct decision *decision,
                              const struct create_partitions_command *command,
                              struct create_partitions_reply *reply);

/* Kafka's numbers. */
enum election_type { ELECT_PREFERRED, ELECT_UNCLEAN };

struct elect_topic {
    struct str name;
    uint32_t count;
    const partition_id *indexes;
};

struct elect_leaders_command {
    struct str principal;
    int32_t type; /* An enum election_type, as it came: any number. */
    bool all;     /* Every partition; `topics` does not matter. */
    uint32_t count;
    const struct elect_topic *topics;
};

struct elected_partition {
    partition_id index;
    enum err err;
    struct str message; /* Null: none. */
};

struct elected_topic {
    struct str name;
    uint32_t count;
    struct elected_partition *partitions;
};

struct elect_leaders_reply {
    uint32_t count; /* With `all`, nothing is told of partitions that need no election. */
    struct elected_topic *topics;
};

/* Errors  ERR_INVALID_REQUEST: no such type; ERR_POLICY_VIOLATION: far too many partitions. At each
 *         partition: UNKNOWN_TOPIC_OR_PARTITION; ELECTION_NOT_NEEDED: the preferred replica leads,
 *         or, for an unclean one, anybody does; PREFERRED_LEADER_NOT_AVAILABLE: it is not in the
 *         ISR; ELIGIBLE_LEADERS_NOT_AVAILABLE: no replica lives; POLICY_VIOLATION: too many.
 * Source  KIP-183, KIP-460. */
enum err decide_elect_leaders(struct decision *decision,
                              const struct elect_leaders_command *command,
                              struct elect_leaders_reply *reply);

/* Kafka's numbers. */
enum alter_operation { ALTER_SET, ALTER_DELETE, ALTER_APPEND, ALTER_SUBTRACT };

struct alter_config {
    struct str name;
    enum alter_operation operation; /* As it came: any number. */
    struct str value;               /* Null where it is deleted. */
};

struct alter_resource {
    int32_t type;    /* An enum config_resource, as it came: any number. */
    struct str name; /* A topic, a broker's id or all brokers (""), a group. */
    uint32_t config_count;
    const struct alter_config *configs;
};

struct alter_configs_command {
    struct str principal;
    bool replace; /* AlterConfigs: what is not named goes back to its default. */
    bool validate_only;
    uint32_t count;
    const struct alter_resource *resources;
};

struct alter_resource_reply {
    enum err err;
    struct str message; /* Null: none. */
};

struct alter_configs_reply {
    uint32_t count; /* One for each resource of the command, in its order. */
    struct alter_resource_reply *resources;
};

/* A resource is altered wholly or not at all; loggers are left alone, without an error: they
 * belong to their node. Errors, at each: UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG,
 * INVALID_REQUEST, POLICY_VIOLATION. */
void decide_alter_configs(struct decision *decision, const struct alter_configs_command *command,
                          struct alter_configs_reply *reply);

struct delete_topic {
    struct str name; /* Null: by id. */
    struct uuid id;  /* Zero: by name. */
};

struct delete_topics_command {
    struct str principal;
    uint32_t count;
    const struct delete_topic *topics;
};

struct delete_topic_reply {
    struct str name; /* Null where an unknown id was given. */
    struct uuid id;
    enum err err;
    struct str message;
};

struct delete_topics_reply {
    uint32_t count;
    struct delete_topic_reply *topics;
};

void decide_delete_topics(struct decision *decision, const struct delete_topics_command *command,
                          struct delete_topics_reply *reply);

struct alter_member {
    node_id id;
    broker_epoch epoch; /* As the leader knows it. */
};

struct alter_partition {
    struct partition_key key;
    log_epoch leader_epoch;
    int32_t partition_epoch;
    uint32_t member_count;
    const struct alter_member *isr; /* The proposed one. */
    bool recovering;
    bool yield; /* Give leadership away instead; `isr` does not matter. */
};

struct alter_partitions_command {
    node_id id; /* Of the leader that asks. */
    broker_epoch epoch;
    uint32_t count;
    const struct alter_partition *partitions;
};

struct alter_partition_reply {
    struct partition_key key;
    enum err err;
    node_id leader; /* This and what follows: as decided; only with no error. */
    log_epoch leader_epoch;
    int32_t partition_epoch;
    struct node_list isr;
    bool recovering;
};

struct alter_partitions_reply {
    uint32_t count;
    struct alter_partition_reply *partitions;
};

/* A proposal that changes nothing still bumps the partition epoch: that withdraws one (rule 4).
 * Errors  ERR_STALE_BROKER_EPOCH for all of it; the rest stands at each partition:
 *         UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, NOT_CONTROLLER, FENCED_LEADER_EPOCH,
 *         INVALID_REQUEST, INVALID_UPDATE_VERSION, INELIGIBLE_REPLICA, and for a yield
 *         ELIGIBLE_LEADERS_NOT_AVAILABLE. */
enum err decide_alter_partitions(struct decision *decision,
                                 const struct alter_partitions_command *command,
                                 struct alter_partitions_reply *reply);

struct producer_ids_command {
    node_id id;
    broker_epoch epoch;
};

struct producer_ids_reply {
    int64_t first;
    int32_t count;
};

/* Errors  ERR_STALE_BROKER_EPOCH; ERR_BROKER_ID_NOT_REGISTERED. */
enum err decide_producer_ids(struct decision *decision, const struct producer_ids_command *command,
                             struct producer_ids_reply *reply);

#endif
