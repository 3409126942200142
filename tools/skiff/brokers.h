/* brokers.h -- the brokers of a cluster for one verb: who they are, who leads what, a link to each.
 *
 * A link is dialled when it is first asked for. All that is asked ends at one deadline, --timeout
 * after brokers_open(), and all that is answered lives until brokers_close(). */
#ifndef SKIFF_BROKERS_H
#define SKIFF_BROKERS_H

#include "base/base.h"
#include "call.h"
#include "link.h"

struct brokers;

/* What one API's question needs beside its request: the versions that the verb understands. */
struct brokers_api {
    int16_t key;
    int16_t min, max;
};

/* Find the brokers that a verb's flags name; one of them answered.
 * Owns    *out until brokers_close(); `call` must outlive it.
 * Errors  an exit code, told. */
int brokers_open(struct brokers **out, const struct call *call);
void brokers_close(struct brokers *brokers);

int64_t brokers_deadline_us(const struct brokers *brokers);
/* Ask until then, from now on. */
void brokers_set_deadline_us(struct brokers *brokers, int64_t deadline_us);
struct arena *brokers_arena(struct brokers *brokers);

/* Who is there and who leads, as it was when it was last learnt. */
const struct metadata_response *brokers_metadata(const struct brokers *brokers);
/* Drop every link, and learn it again from whoever answers; another one than before is asked first,
 * since a node that cannot write any more goes on saying what it knew last.
 * Errors  a link's, or Kafka's. */
enum err brokers_learn(struct brokers *brokers);

/* The broker `node`, or with -1 the one that was reached first.
 * Errors  as link_open(); ERR_NOT_FOUND: there is no such node. */
enum err brokers_link(struct brokers *brokers, node_id node, struct link **out);

/* Ask over a link of this cluster; `response` is the API's response struct.
 * Errors  as link_call(), ERR_CORRUPT_MESSAGE too for what is no such response. */
enum err brokers_ask(struct brokers *brokers, struct link *link, const struct brokers_api *api,
                     const void *request, void *response);

/* Whether a broker that has gone is behind this error: learn again, ask again. */
bool brokers_is_gone(enum err err);

#endif
