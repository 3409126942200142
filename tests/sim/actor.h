/* actor.h -- one model client: its view of the cluster, its links, its turn now and then. */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include "history.h"
#include "link.h"

enum { ACTOR_PARTITIONS_MAX = 16, ACTOR_TURN = 20 * SIM_MS };

struct actor_partition {
    int32_t leader; /* Node id; -1: not known. */
    int32_t leader_epoch;
};

struct actor_topic {
    char name[16];
    struct uuid id; /* Zero: not there, as far as it knows. */
    uint32_t partition_count;
    struct actor_partition partitions[ACTOR_PARTITIONS_MAX];
};

struct actor {
    struct world *world;
    uint32_t index, host;
    struct rand rand;
    struct link *links[SIM_NODES_MAX];
    struct actor_topic topics[SIM_TOPICS_MAX];
    bool metadata_due, metadata_asked;
    sim_us metadata_at;
    sim_us request_timeout;
    /* `reply` NULL: no answer will come. */
    void (*answered)(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object);
    void (*drive)(struct actor *actor);                           /* Do what can be done now. */
    void (*topic_changed)(struct actor *actor, uint32_t topic);   /* Another id; NULL: who cares. */
    uint32_t (*waiting)(struct actor *actor);                     /* Unanswered produces. */
    bool (*is_done)(struct actor *actor, char *why, size_t size); /* Once all is quiet. */
    bool (*is_stable)(struct actor *actor, char *why, size_t size); /* The same, of its group. */
};

void actor_init(struct actor *actor, struct world *world, uint32_t index);
/* Ask for metadata when it is due, and give up on what waits too long. */
void actor_refresh(struct actor *actor);
/* True: it was a metadata reply, and is done. */
bool actor_take_metadata(struct actor *actor, int16_t api_key, struct client_reply *reply);
/* Index of a topic by name or, with a null name, by id; -1: unknown. */
int actor_topic_of(const struct actor *actor, struct str name, struct uuid id);

struct actor *producer_new(struct world *world, uint32_t index);
struct actor *consumer_new(struct world *world, uint32_t index);
struct actor *trimmer_new(struct world *world, uint32_t index);
struct actor *admin_new(struct world *world, uint32_t index);

/* history.c */
void clients_open(struct world *world);
void clients_heal(struct world *world); /* Nothing new is begun from now on. */
bool clients_are_quiet(const struct world *world);
void history_add_ack(struct world *world, const struct history_ack *ack);
void history_add_refused(struct world *world, uint64_t value);
void history_add_read(struct world *world);

#endif
