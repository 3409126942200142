/* link.h -- a model client's connection to one node: requests out, replies or failures back. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "client.h"
#include "world.h"

enum { LINK_PENDING_MAX = 64 };

struct actor;

struct link_pending {
    int32_t correlation;
    int16_t api_key;
    sim_us deadline;
    void *object; /* The asker's. */
};

struct link {
    struct actor *actor;
    uint32_t node;
    struct net_end *end;
    struct client *client;
    bool connected, broken;
    uint32_t pending_count;
    struct link_pending pending[LINK_PENDING_MAX]; /* Oldest first. */
};

/* The link to `node`, dialled if there is none. */
struct link *link_to(struct actor *actor, uint32_t node);
/* False: too many wait already. acks=0 is answered by nobody: `object` NULL then. */
bool link_send(struct link *link, int16_t api_key, int16_t version, const void *request,
               void *object, bool is_answered);
/* Give up on what waits too long, as clients do: with the connection. */
void link_check_deadlines(struct actor *actor);
/* The actor's process ends: all its connections go. Not while one of them hands out replies. */
void link_drop(struct actor *actor);
void link_host_init(struct actor *actor);

#endif
