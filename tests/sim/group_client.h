/* group_client.h -- what members of both protocols and the overseer of groups share: they find
 * coordinators, commit and read offsets, and tell the ledger what they hear. */
#ifndef SIM_GROUP_CLIENT_H
#define SIM_GROUP_CLIENT_H

#include "ledger.h"

struct group_client {
    struct actor actor;
    int coordinators[LEDGER_GROUPS_MAX]; /* Index of a node; -1: not known. */
    char instance_id[16];                /* Empty: none. */
    int16_t find_version, commit_version, fetch_version;
    bool has_epoch;   /* It says who it is, and in which epoch, when it reads offsets. */
    uint64_t number;  /* Of the last request. */
    uint64_t awaited; /* The one that it waits for; 0: none. */
    sim_us again_at;
};

/* One request on its way; the answer finds it again. */
struct group_ask {
    uint64_t number;
    uint32_t group, node;
    struct ledger_view view;
    struct ledger_identity self;
    uint64_t mask; /* Partitions. */
    log_offset offsets[ACTOR_PARTITIONS_MAX];
};

void group_client_init(struct group_client *client, struct world *world, uint32_t index);
/* The coordinator of `group`, or -1 and somebody is being asked. */
int group_client_find(struct group_client *client, uint32_t group);
/* A request to `node`, which the client waits for unless it is `aside`. */
struct group_ask *group_ask_new(struct group_client *client, uint32_t group, uint32_t node,
                                const struct ledger_identity *self, bool aside);
/* Owns    takes the ask; it is freed by group_ask_end(), called for each answer. */
void group_ask_send(struct group_client *client, struct group_ask *ask, int16_t api_key,
                    int16_t version, const void *request);
void group_ask_end(struct group_client *client, struct group_ask *ask);
/* What any answer means: a coordinator that is none is forgotten, and it is asked again later. */
void group_client_heard(struct group_client *client, const struct group_ask *ask, enum err err);

/* Commit the next offset of each partition of `mask`; -1: kept as long as the broker likes. */
void group_client_commit(struct group_client *client, struct group_ask *ask, uint64_t mask,
                         int64_t retention_ms);
void group_client_fetch(struct group_client *client, struct group_ask *ask, uint64_t mask,
                        bool all);

/* A FindCoordinator, OffsetCommit or OffsetFetch was answered; `reply` NULL: it will not be.
 * Offsets that were read stand in ask->offsets. */
enum err group_client_take(struct group_client *client, int16_t api_key, struct client_reply *reply,
                           struct group_ask *ask);

static inline struct str group_client_instance(const struct group_client *client)
{
    return client->instance_id[0] ? str_from(client->instance_id) : (struct str){0};
}

struct actor *member_new(struct world *world, uint32_t index, uint32_t group);
struct actor *group_consumer_new(struct world *world, uint32_t index, uint32_t group);
struct actor *overseer_new(struct world *world, uint32_t index);

#endif
