/* controller_state.h -- the controller's own memory, and the tools of its decisions.
 *
 * Soft state is never replicated: a new controller starts it afresh. */
#ifndef CONTROLLER_STATE_H
#define CONTROLLER_STATE_H

#include "controller.h"

/* What is known of one broker beyond its records. */
struct session {
    mono_ms heard;              /* Last registration or accepted heartbeat. */
    bool link_open;             /* The connection that carried it still stands. */
    uint32_t refused;           /* Dials in a row that its port refused since the link closed. */
    log_offset metadata_offset; /* Last record it said it has applied; -1: not said. */
    uint32_t unserviceable_count;
    struct partition_key *unserviceable; /* Sorted; as its last heartbeat named them. */
};

struct controller {
    struct controller_config config;
    struct image *image; /* NULL: not active. */
    log_epoch epoch;
    struct rand rand;
    uint64_t placement_next; /* Where the next partition's leader goes, modulo the brokers. */
    mono_ms balance_at;      /* When leadership goes back to preferred leaders; MONO_NEVER. */
    bool sweep_due;          /* No sweep for waiting partitions since taking office. */
    struct map sessions;     /* node_id to struct session, for every broker of the image. */
};

/* Creates it, closed and never heard, when there is none. */
struct session *session_of(struct controller *controller, node_id id);
void session_hear(struct session *session, mono_ms now);
bool session_is_unserviceable(const struct controller *controller, node_id id,
                              struct partition_key key);
void session_set_unserviceable(struct session *session, uint32_t count,
                               const struct partition_key *keys);

/* Add one record to the batch and apply it to the decision's image.
 * Owns    what the record points to must live as long as the decision. */
void decision_emit(struct decision *decision, const struct record *record);

/* A place in a decision to go back to, where a request is only to be validated. */
struct decision_mark {
    struct image *image;
    uint32_t count;
    uint64_t placement_next;
};

struct decision_mark decision_mark(const struct decision *decision);
/* What was emitted since the mark stays, or is undone. */
void decision_settle(struct decision *decision, const struct decision_mark *mark, bool stays);

/* A client hears `err`, and why. */
static inline enum err refuse_with(struct str *message, enum err err, struct str why)
{
    *message = why;
    return err;
}

/* "heartbeat of node 3", in the decision's arena. */
struct str decision_cause(struct decision *decision, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What is said of a request that names `count` topics; null: they are not too many. */
struct str topics_too_many(struct decision *decision, uint32_t count);

/* One partition on its way to another state. Fill in what shall differ; change_emit()
 * works out leader, ELR and epochs. */
struct change {
    const struct image_partition *old;
    struct node_list isr;  /* Wanted; inactive brokers are taken out. */
    struct node_list lost; /* Leave ISR and ELR: their log is gone or rotten. */
    node_id yields;        /* Shall not lead any more; -1: nobody. */
    bool bump_epoch;       /* The leader epoch, even when the leader stays. */
    bool always;           /* Write a record even if nothing else differs (rule 4). */
    bool to_preferred;     /* Lead by the first replica, where it is in the ISR. */
    bool unclean;          /* Where nobody else is left, elect uncleanly this once. */
    bool recovering;
    int32_t min_insync; /* A change of it recomputes the ELR in the same record (rule 5). */
    bool flush_each;    /* A change of it bumps the leader epoch (rule 15). */
    bool unclean_allowed;
};

void change_begin(struct change *change, const struct image_partition *old);
/* Emits one record, or none when nothing differs. The result is in the decision's image. */
void change_emit(struct decision *decision, const struct change *change, struct str cause);
/* A replica that a clean election of this change could choose besides the present leader. */
bool change_has_candidate(const struct decision *decision, const struct change *change);

/* After a record about broker `id`: take it out where it may no longer be, and elect. */
void change_without(struct decision *decision, node_id id, bool lost, struct str cause);
/* Elect for every partition without a leader; only those with a replica on `id` unless it is -1. */
void change_elect_waiting(struct decision *decision, node_id id, struct str cause);

/* Give the partition to its preferred replica. Errors  see decide_elect_leaders(). */
enum err decide_preferred(struct decision *decision, const struct image_partition *partition,
                          struct str cause);

/* When that is due, give many partitions back to their preferred replicas. */
void decide_balance(struct decision *decision);

/* Emits the fencing and its consequences. */
void decide_fence(struct decision *decision, node_id id, struct str cause);
/* Moves leaders and ISR memberships away; false: some active broker has not applied that yet. */
bool decide_shutdown(struct decision *decision, node_id id);

/* Replicas for one new topic's partitions, one node_list each.
 * Errors  ERR_INVALID_REPLICATION_FACTOR: fewer registered brokers than `factor`, or none is
 *         active; *message says so. */
enum err place_replicas(struct decision *decision, uint32_t partitions, int32_t factor,
                        struct node_list *out, struct str *message);
/* The default factor: min(3, brokers), counting configured nodes that are not up yet. */
int32_t place_default_factor(const struct decision *decision);
int32_t place_default_partitions(const struct decision *decision);

/* The replicas of one partition as a client placed it; `factor` is what its topic's others have.
 * Errors  ERR_INVALID_REPLICA_ASSIGNMENT: *message says why. */
enum err new_partition_take(struct decision *decision, const struct create_assignment *assignment,
                            int32_t factor, struct node_list *out, struct str *message);
/* Emits the first state of a partition, led by the first of its active replicas; one is. */
void new_partition_emit(struct decision *decision, const struct record_topic *topic,
                        partition_id index, const struct node_list *replicas, struct str cause);

/* Check the overrides of one topic; the ones to keep go to *kept, others mean nothing here.
 * Owns    values live in `arena`, or are the client's.
 * Errors  ERR_INVALID_CONFIG: *message names the key and what it takes. */
enum err topic_settings_check(struct arena *arena, const struct record_config *configs,
                              uint32_t count, struct record_topic *kept, struct str *message);

/* Whether the topic's settings, and what counts where it says nothing, go together.
 * Errors  ERR_INVALID_CONFIG: *message names those that do not. */
enum err topic_settings_agree(const struct decision *decision, const struct record_topic *topic,
                              struct str *message);

/* What the topic's settings make of a new partition, which has its replicas. */
void topic_settings_apply(const struct decision *decision, const struct record_topic *topic,
                          struct record_partition *partition);
/* What counts for a topic that says nothing of `key`; `replicas` settle min.insync.replicas.
 * Owns    the text lives in `arena`, `image` or `config`. */
struct str topic_setting_default(const struct controller_config *config, const struct image *image,
                                 const struct config_key *key, int32_t replicas,
                                 struct arena *arena);

const struct record_config *find_config(const struct record_config *configs, uint32_t count,
                                        struct str name);
/* What a client said, as a message may repeat it. */
const char *setting_quoted(struct arena *arena, struct str text);
struct str setting_unknown(struct arena *arena, const char *kind, struct str name);

#endif
