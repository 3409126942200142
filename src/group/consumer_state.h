/* consumer_state.h -- groups of the consumer protocol (KIP-848): their memory, and what its
 * files offer each other.
 *
 * The coordinator assigns, and each member moves towards its target at its own pace. A target
 * is made for an epoch of the group, and a member that has it is in that epoch:
 *
 *   STABLE      it has its target, or has not heard of a newer one
 *   UNREVOKED   it was told to give up partitions, and has not said that it did
 *   UNRELEASED  it has what is free of its target; the rest is somebody else's still
 *
 * A partition is assigned to nobody else before its member has given it up, has left or was
 * fenced (G1). All of this stands in records; timers and sessions do not. */
#ifndef GROUP_CONSUMER_STATE_H
#define GROUP_CONSUMER_STATE_H

#include "group_state.h"
#include "holding.h"

enum {
    CONSUMER_LEFT = -1,          /* Epoch of a request: the member leaves. */
    CONSUMER_AWAY = -2,          /* Of a request, and of a static member until it is back. */
    CONSUMER_RECORDS = 3,        /* Of a member; each holds the id of the group. */
    CONSUMER_REFRESH_MS = 10000, /* Between two looks at all expressions of a group, at least. */
};

enum consumer_state { CONSUMER_STABLE, CONSUMER_UNREVOKED, CONSUMER_UNRELEASED };

/* What a member says of itself: record 5. Kept by its member, or borrowed from a command. */
struct consumer_profile {
    struct str instance_id; /* Null: dynamic. */
    struct str rack_id;
    struct str client_id;
    struct str client_host;
    int32_t rebalance_timeout_ms;
    struct str topic_regex; /* Null: none. */
    struct str assignor;    /* Null: no wish. */
    uint32_t topic_count;
    struct str *topics; /* Sorted, each once. */
    bool is_classic;    /* It speaks the classic protocol, and what follows stands. */
    int32_t session_timeout_ms;
    uint32_t protocol_count;
    struct group_protocol *protocols;
};

struct consumer {
    struct timer session;
    struct timer patience; /* To revoke; of a classic member: to join again, or to sync. */
    struct group *group;
    struct str id;
    bool has_profile; /* Which of its records stand. Without a profile it is no member. */
    bool has_target;
    bool has_current;
    struct consumer_profile profile;
    int32_t epoch;
    int32_t previous_epoch;
    enum consumer_state state;
    struct holding assigned; /* Sure to be its own. */
    struct holding revoking; /* Its own until it says that it gave them up. */
    struct holding target;
    uint64_t bytes; /* What its profile counts for in the group's. */
    uint64_t kept;
};

/* Topics of an expression: record 16. */
struct regex {
    struct group *group; /* That keeps it; or NULL. */
    uint64_t kept;
    struct str pattern;
    uint32_t topic_count;
    struct str *topics; /* Sorted. */
    int64_t version;
    wall_ms time;
};

struct consumers {
    bool has_epoch; /* Record 3 stands, without which it is no group. */
    int32_t epoch;
    int64_t metadata_hash; /* Of the topics that it subscribes to. */
    bool has_target;       /* Record 6 stands. */
    int32_t target_epoch;
    wall_ms target_time;
    mono_ms assign_due; /* The next target may be made; no clock of the cluster's is waited for. */
    uint32_t count;     /* Members. */
    uint64_t bytes;
    struct pmap *by_id;
    struct pmap *by_instance;
    struct pmap *regexes;
    bool has_looked; /* At topics of this version. */
    uint64_t topics_version;
    mono_ms refresh_due; /* Expressions may be resolved anew from now on. */
};

/* A topic that the group subscribes to. */
struct subscribed {
    struct uuid id;
    struct str name;
    int32_t partition_count;
};

struct subscribed_topics {
    uint32_t count;
    struct subscribed *topics; /* By id. */
};

/* consumers.c */
struct consumers *consumers_of(struct group *group); /* Made when they are not there. */
void consumers_free(struct group *group);
/* Frees them when no record of them stands. */
void consumers_remove_unused(struct group *group);
struct consumer *consumer_find(const struct group *group, struct str id);
struct consumer *consumer_of_instance(const struct group *group, struct str instance_id);
struct consumer *consumer_put(struct group *group, struct str id); /* Made without a profile. */
void consumer_remove(struct consumer *consumer);
/* What it holds has changed. */
void consumer_count(struct consumer *consumer);
/* In the order of their ids; start with a null `after`. NULL at the end. */
struct consumer *consumer_next(const struct group *group, struct str *after);
void consumer_describe(struct consumer *consumer, const struct consumer_profile *profile);
void consumer_forget(struct consumer *consumer); /* Its profile. */
bool profile_equal(const struct consumer_profile *a, const struct consumer_profile *b);
bool profile_topics_equal(const struct consumer_profile *a, const struct consumer_profile *b);
/* What it says as a consumer, in the arena. */
struct consumer_profile profile_copy(struct arena *arena, const struct consumer_profile *profile);
uint64_t profile_bytes(const struct consumer_profile *profile);
/* Sorted, each once, in the arena. */
void profile_set_topics(struct consumer_profile *profile, struct arena *arena, uint32_t count,
                        const struct str *topics);
void consumer_restart_session(struct consumer *consumer);
/* Fences the member unless it is stopped before. */
void consumer_start_patience(struct consumer *consumer);
/* As member_check(). */
enum err consumer_check(const struct group *group, struct str id, struct str instance_id,
                        struct consumer **out);
uint32_t consumers_classic(const struct group *group); /* How many speak the classic protocol. */
struct str consumers_state(const struct group *group);
/* The broker's settings, with what the group has of its own. */
struct consumer_config consumers_config(const struct group *group);
void consumers_start(struct group *group, mono_ms now);
struct regex *regex_find(const struct group *group, struct str pattern);
struct regex *regex_put(struct group *group, struct str pattern);
void regex_set(struct regex *regex, uint32_t count, const struct str *topics);
void regex_remove(struct group *group, struct str pattern);

/* consumer_records.c: write what the state says now. */
void emit_consumers(struct group_decision *decision, struct group *group);
void emit_consumers_target(struct group_decision *decision, struct group *group);
void emit_consumer_profile(struct group_decision *decision, struct consumer *consumer);
void emit_consumer_target(struct group_decision *decision, struct consumer *consumer);
void emit_consumer_current(struct group_decision *decision, struct consumer *consumer);
void emit_regex(struct group_decision *decision, const struct group *group,
                const struct regex *regex);
void emit_regex_tombstone(struct group_decision *decision, const struct group *group,
                          struct str pattern);
void emit_consumer_tombstones(struct group_decision *decision, const struct consumer *consumer);
/* All that stands of the group's consumers. */
void emit_consumers_tombstones(struct group_decision *decision, struct group *group);

/* consumer_topics.c: what is subscribed to. */
struct subscribed_topics consumers_topics(const struct group *group, struct arena *arena);
/* The same of one member. */
struct subscribed_topics consumer_topics(const struct consumer *consumer, struct arena *arena);
bool subscribed_has(const struct subscribed_topics *topics, struct uuid id, uint32_t *place);
/* With the names of topics; those that are gone are left out. */
const struct group_topic_partitions *holding_named(struct group_decision *decision,
                                                   const struct holding *holding, uint32_t *count);
/* The same the other way round. */
struct holding holding_by_names(struct group_decision *decision, int32_t epoch, uint32_t count,
                                const struct group_topic_partitions *topics);
/* Names that any member subscribes to, be they there or not. */
struct subscription consumers_subscription(const struct group *group, struct arena *arena);
bool find_topic(const struct coordinator *coordinator, struct str name, struct group_topic *out);
bool find_topic_by_id(const struct coordinator *coordinator, struct uuid id,
                      struct group_topic *out);
/* Resolves an expression that the group has not.
 * Errors  ERR_INVALID_REGULAR_EXPRESSION. */
enum err consumers_resolve(struct group_decision *decision, const struct group *group,
                           struct str pattern, struct regex *out);
/* An expression that nobody of the group subscribes to any more goes. */
void consumers_drop_regex(struct group_decision *decision, struct group *group, struct str pattern);
/* Brings the group into its next epoch if `is_changed`, or if the topics are not what they
 * were. */
void consumers_refresh(struct group_decision *decision, struct group *group, bool is_changed);

/* consumer_assign.c: a target for the group's epoch. False: too soon after the last one. */
bool consumers_assign(struct group_decision *decision, struct group *group, bool may_wait);
struct str consumers_assignor(const struct group *group);
bool assignor_is_known(const struct consumer_config *config, struct str name);

/* consumer_reconcile.c: moves a member towards its target. `owned` NULL: it did not say. */
void consumer_reconcile(struct group_decision *decision, struct consumer *consumer,
                        const struct holding *owned, bool is_resubscribed);
bool consumer_is_reconciled(const struct consumer *consumer);
/* Whether something of its target is still somebody else's. */
bool consumer_waits_for_others(const struct consumer *consumer);

/* consumer_leave.c: a member goes, and with the last consumer the consumer protocol. */
void consumer_fence(struct group_decision *decision, struct consumer *consumer);
enum err consumer_leave(struct group_decision *decision,
                        const struct consumer_heartbeat_command *command);

/* consumer_join.c: what ConsumerGroupHeartbeat and JoinGroup share: the member is there with
 * this profile, the group and its target follow. */
struct consumer *consumer_admit(struct group_decision *decision, struct group *group,
                                struct consumer *replaced, struct str id);
/* Says whether the subscription is another one. */
bool consumer_update(struct group_decision *decision, struct consumer *consumer,
                     const struct consumer_profile *profile, const struct regex *resolved);
enum err consumers_check_room(const struct group *group, const struct consumer *consumer,
                              const struct consumer_profile *profile);

/* consumer_convert.c: from one protocol to the other. */
enum err consumers_check_upgrade(const struct group *group, struct arena *arena);
void consumers_upgrade(struct group_decision *decision, struct group *group);
/* Everybody but `leaver` (NULL: really everybody) goes on in the classic protocol. False: it
 * cannot, and nothing changed. */
bool consumers_may_downgrade(const struct group *group, const struct consumer *leaver);
bool consumers_downgrade(struct group_decision *decision, struct group *group,
                         struct consumer *leaver);

/* consumer_classic.c: members that speak the classic protocol in a group of consumers. */
void consumer_classic_join(struct group_decision *decision, struct group *group,
                           const struct join_group_command *command);
void consumer_classic_sync(struct group_decision *decision, struct group *group,
                           const struct sync_group_command *command);
enum err consumer_classic_heartbeat(struct group *group,
                                    const struct group_heartbeat_command *command);
enum err consumer_classic_leave(struct group_decision *decision, struct group *group,
                                const struct group_leaver *leaver);
/* Before a join: whether the group becomes one of the classic protocol with it, because nobody
 * else is in it who speaks the other one. */
bool consumer_classic_takes_over(struct group_decision *decision, struct group *group,
                                 const struct join_group_command *command);
/* In the version of the member's subscription. */
struct bytes consumer_write_assignment(struct group_decision *decision,
                                       const struct consumer *consumer,
                                       const struct holding *holding);

/* consumer_offsets.c: who may commit and fetch. */
enum err consumer_check_commit(const struct group *group,
                               const struct offset_commit_command *command);
enum err consumer_check_fetch(const struct group *group, const struct group_fetch *fetch);

#endif
