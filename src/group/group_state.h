/* group_state.h -- a coordinator's own memory, and the tools of its decisions.
 *
 * Of a group, records hold what group_metadata says (protocol type, generation, protocol,
 * leader, members with their assignments) and the committed offsets; the rest is soft. */
#ifndef GROUP_STATE_H
#define GROUP_STATE_H

#include "base/walk.h"
#include "group.h"
#include "names.h"

enum {
    GROUP_BYTES_FACTOR = 4, /* Memory of a group's members, in sizes of the largest record. */
    GROUP_PENDING_MAX = GROUP_MEMBERS_MAX, /* Ids given out by one group and not used yet. */
};

enum group_phase {
    GROUP_EMPTY,      /* Nobody; perhaps offsets. */
    GROUP_PREPARING,  /* Members are awaited; joins wait. */
    GROUP_COMPLETING, /* A generation is there; syncs wait for its leader's assignment. */
    GROUP_STABLE,
};

struct offset_topic {
    struct str name;
    struct pmap *partitions; /* By number, to struct offset. */
    uint64_t kept;           /* Without them. */
};

struct offset {
    int32_t index;
    log_offset offset;
    log_epoch leader_epoch;
    wall_ms committed;
    wall_ms expires; /* -1: as the broker's retention says. */
    struct uuid topic_id;
    struct str metadata;
    uint64_t kept;
};

struct member {
    struct timer session;
    struct list in_group; /* In the order of joining. */
    struct group *group;
    struct str id;
    struct str instance_id; /* Null: dynamic. */
    struct str client_id;
    struct str client_host;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    uint32_t protocol_count;
    struct group_protocol *protocols; /* Kept. */
    struct bytes assignment;
    uint64_t bytes; /* What it counts for in group->bytes. */
    uint64_t kept;
    bool is_new;    /* Its first join has not been answered. */
    bool owes_sync; /* It was told of the generation, and has not synced. */
    bool awaits_join;
    bool awaits_sync;
    uint64_t join_token;
    uint64_t sync_token;
};

/* An id that was given out with MEMBER_ID_REQUIRED. */
struct pending {
    struct timer session;
    struct group *group;
    struct str id;
    uint64_t kept;
};

/* How many members offer a protocol. */
struct tally {
    uint32_t offers;
    uint32_t votes;
};

struct consumers; /* consumer_state.h */

struct group {
    struct timer wait; /* Preparing: joins; afterwards: syncs. */
    struct coordinator *coordinator;
    struct str id;
    enum group_phase phase;
    bool is_stored; /* A record of its metadata stands in the log. */
    uint64_t kept;  /* What it counts for in memory, without what is in it. */
    int32_t generation;
    struct str protocol_type; /* Null: nobody ever joined. */
    struct str protocol;      /* Null: none chosen. */
    struct str leader;        /* Null: none. */
    wall_ms phase_time;       /* When it became what it is; -1: not known. */
    struct list members;
    uint32_t member_count;
    uint64_t bytes;
    struct pmap *by_id;       /* Members. */
    struct pmap *by_instance; /* Static members. */
    struct pmap *pending;
    struct pmap *tallies;    /* By protocol name. */
    bool is_initial;         /* Preparing after being empty: more may be on their way (rule 97). */
    bool has_arrivals;       /* Since the initial delay was started last. */
    int64_t initial_left_ms; /* That the initial delay may still be extended by. */
    uint32_t size_before;    /* Members of the last generation that had any. */
    struct pmap *topics;     /* By name, to struct offset_topic. */
    uint32_t offset_count;
    uint64_t offsets_size; /* The sum of offset_size(). */
    /* A group of the consumer protocol; its phase is Empty then. NULL: of the classic one. */
    struct consumers *consumers;
};

struct coordinator {
    struct coordinator_config config;
    struct rand rand;
    struct timers timers;
    struct pmap *groups;
    struct group_decision *decision; /* The one that is open. */
    wall_ms earliest;                /* The highest that was given. */
    wall_ms time;                    /* Of the decision that is open, or was last. */
    mono_ms expiry_due;
    uint64_t rebalances; /* Generations of classic groups. */
    bool is_started;
};

/* coordinator.c: what a decision gives. Strings are copied to the arena by who calls these. */
struct group_reply *decision_reply(struct group_decision *decision, enum group_reply_kind kind,
                                   uint64_t token, enum err err);
/* Take room for a reply of `size` bytes.
 * Errors  ERR_AGAIN, ERR_REBALANCE_IN_PROGRESS: there is none; that is what it says instead. */
enum err decision_take_room(struct group_decision *decision, uint64_t token, uint64_t size);
/* A reply with this error alone, when the coordinator is loading or the id is empty. */
bool decision_refuses(struct group_decision *decision, enum group_reply_kind kind, uint64_t token,
                      const struct str *group_id);
void emit_record(struct group_decision *decision, struct group_record record);

/* memory.c */
enum {
    MEMORY_ENTRY = 96,       /* What a map and malloc take beside a thing and its name. */
    MEMORY_RESERVE_PART = 8, /* So much more may be assigned to who is in a group already. */
};

/* Something counts for `size` bytes from now on, and did for *kept. */
void memory_count(struct coordinator *coordinator, uint64_t *kept, uint64_t size);
/* Whether something of `before` bytes may become one of `after`. */
bool memory_has_room(const struct coordinator *coordinator, uint64_t before, uint64_t after);
/* The reserve is used up, too. */
bool memory_is_exceeded(const struct coordinator *coordinator);

/* records.c: write what the state says now. */
/* A key or a value: `prefix` is the type or the version. */
struct bytes record_part(struct arena *arena, int16_t prefix, const struct walk_message *message,
                         int16_t version, const void *body);
void emit_group(struct group_decision *decision, struct group *group);
void emit_group_tombstone(struct group_decision *decision, struct group *group);
void emit_offset(struct group_decision *decision, const struct group *group, struct str topic,
                 const struct offset *offset);
void emit_offset_tombstone(struct group_decision *decision, const struct group *group,
                           struct str topic, int32_t index);
uint64_t group_record_size(const struct group *group);

/* groups.c */
struct group *group_find(const struct coordinator *coordinator, struct str id);
struct group *group_create(struct coordinator *coordinator, struct str id);
void group_remove(struct group *group); /* Frees it, and all in it; replies to nobody. */
/* Frees a group that nothing in the log or in memory speaks of any more. */
void group_remove_unused(struct group *group);
bool group_is_empty(const struct group *group);    /* Nobody is in it. */
void group_count(struct group *group);             /* Its own size has changed. */
void group_forget_generation(struct group *group); /* And its members, who hear nothing. */
void group_drop_pending(struct group *group);
struct str group_phase_name(const struct group *group);
void group_enter(struct group *group, enum group_phase phase);

/* members.c */
struct member *member_find(const struct group *group, struct str id);
struct member *member_add(struct group *group, struct str id, struct str instance_id);
/* Answers what waits with `err`. */
void member_remove(struct member *member, enum err err);
/* Another id for a static member; what waits under the old one hears FENCED_INSTANCE_ID. */
void member_rename(struct member *member, struct str id);
void member_describe(struct member *member, struct str client_id, struct str client_host);
void member_assign(struct member *member, struct bytes assignment);
void member_offer(struct member *member, uint32_t count, const struct group_protocol *protocols);
bool member_offers(const struct member *member, uint32_t count,
                   const struct group_protocol *protocols);
struct bytes member_metadata(const struct member *member, struct str protocol);
void member_restart_session(struct member *member, int64_t timeout_ms);
bool member_is_leader(const struct member *member);
/* Every member so far knows one of these. */
bool group_knows_protocol(const struct group *group, struct str type, uint32_t count,
                          const struct group_protocol *protocols);
struct str group_vote(struct group *group); /* A name that a member offered; borrowed. */
int32_t group_rebalance_timeout(const struct group *group);
struct pending *pending_find(const struct group *group, struct str id);
void pending_add(struct group *group, struct str id, int32_t timeout_ms);
void pending_remove(struct pending *pending);
/* Whether (member, instance) may speak for this member of the group: *out is it.
 * Errors  ERR_UNKNOWN_MEMBER_ID; ERR_FENCED_INSTANCE_ID: the instance has another id by now. */
enum err member_check(const struct group *group, struct str id, struct str instance_id,
                      struct member **out);

/* classic_join.c: a new id, in the decision's arena. */
struct str make_member_id(struct group_decision *decision,
                          const struct join_group_command *command);

/* classic_rebalance.c */
void rebalance_begin(struct group *group);
void rebalance_check(struct group *group); /* Completes it when nobody is missing. */
/* A member came, went or changed: begin, or see whether that completes it. */
void rebalance_after_change(struct group *group);
void reply_joined(struct member *member, bool skip_assignment);
void reply_join_error(struct group_decision *decision, uint64_t token, struct str member_id,
                      enum err err);
void reply_synced(struct member *member, uint64_t token, enum err err);

/* offsets.c */
struct offset *offset_find(const struct group *group, struct str topic, int32_t index);
/* Made where it is not there; what it was is gone. `metadata` is copied. */
struct offset *offset_put(struct group *group, struct str topic, int32_t index,
                          struct str metadata);
/* What one of a topic counts for: its memory, and the names that its record holds beside it. */
uint64_t offset_size(const struct group *group, struct str topic, uint32_t metadata_size);
/* For the limit of tombstones: those with long names count for several. */
uint32_t offset_tombstone_weight(const struct group *group, struct str topic);
void offset_remove(struct group *group, struct str topic, int32_t index);
struct offset *offset_next(const struct offset_topic *topic, const struct offset *after);
void offsets_free(struct group *group);

/* offset_forget.c: which topic has the name; zero: none. */
struct uuid topic_id_now(const struct coordinator *coordinator, struct str name);
/* It was committed for an older topic than `now`, which has the name. */
bool offset_is_gone(const struct offset *offset, struct uuid now);

/* offset_expire.c */
void expire_offsets(struct group_decision *decision);

/* subscription.c: the topics that a group's members subscribe to. */
struct subscription {
    bool is_known; /* False: take any topic as subscribed. */
    uint32_t count;
    struct str *topics; /* Sorted. */
};

struct subscription group_subscription(const struct group *group, struct arena *arena);
bool subscription_has(const struct subscription *subscription, struct str topic);

#endif
