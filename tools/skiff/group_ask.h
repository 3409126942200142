/* group_ask.h -- questions to the coordinator of one group, wherever it is at the moment. */
#ifndef SKIFF_GROUP_ASK_H
#define SKIFF_GROUP_ASK_H

#include "brokers.h"

struct group_asking {
    struct brokers *brokers;
    struct str group;
    node_id coordinator; /* -1: not known. */
};

/* An API that a group's coordinator answers. */
struct group_api {
    struct brokers_api api;
    enum err (*error_of)(const void *response); /* What the response says of the whole group. */
};

/* Ask; while the coordinator is made, loads, moves or has died, it is found and asked again,
 * until the deadline. `response` is the API's response struct.
 * Errors  Kafka's, the response's own among them, or a link's; untold. */
enum err group_ask(struct group_asking *asking, const struct group_api *api, const void *request,
                   void *response);

/* Have a link to the coordinator, or say why not; and ask over it, once. After an error other
 * than the response's own, brokers_learn() comes before the next try. */
enum err group_find(struct group_asking *asking, struct link **out);
enum err group_ask_once(struct group_asking *asking, const struct group_api *api,
                        const void *request, void *response);

/* COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR: ask again. */
bool group_is_moving(enum err err);

/* Say what went wrong with a group; returns the exit code. */
int group_failed(struct str group, enum err err);

#endif
