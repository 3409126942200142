/* peer.c -- src/net/peer.c: when a peer dials, by a node that calls itself. */
#include "peer.h"

#include "node.h"
#include "node_fixture.h"

#include <criterion/criterion.h>

enum { CALL_TIMEOUT_MS = 1000, SOON_MS = 5, NO_PORT = 9 };

static struct node node;
static enum err result; /* Of the newest call; ERR_AGAIN: nothing was heard yet. */

static struct env_address address_of(uint16_t port)
{
    return (struct env_address){.host = "127.0.0.1", .port = port};
}

static void done(struct shard *shard, void *context, enum err end, struct client_reply *reply)
{
    (void)shard;
    (void)context;
    (void)reply;
    result = end;
}

/* Ask who it is; what was heard soon. */
static enum err call(struct peer *peer)
{
    struct api_versions_request body;
    api_versions_request_init(&body);
    body.client_software_name = STR("skiff");
    body.client_software_version = STR("1");
    result = ERR_AGAIN;
    enum err err = peer_call(peer, WIRE_API_VERSIONS, 3, &body, CALL_TIMEOUT_MS, done, NULL);
    cr_assert_eq(err, ERR_NONE);
    peer_flush_all(node.shard);
    node_run(&node, SOON_MS);
    return result;
}

Test(peer, what_was_refused_is_not_dialled_again_at_once)
{
    struct peer peer;
    node_start(&node, NULL);
    struct env_address nobody = address_of(NO_PORT);
    peer_init(node.shard, &peer, 1, &nobody);

    cr_assert_eq(call(&peer), ERR_REFUSED);
    cr_assert_eq(call(&peer), ERR_AGAIN);
    node_run(&node, PEER_BACKOFF_MS);

    cr_assert_eq(result, ERR_REFUSED);
    peer_free(&peer);
    node_stop(&node);
}

Test(peer, another_address_is_dialled_at_once)
{
    struct peer peer;
    node_start(&node, NULL);
    struct env_address nobody = address_of(NO_PORT);
    struct env_address somebody = address_of(node.config.listeners[LISTENER_INTERNAL].bind.port);
    peer_init(node.shard, &peer, 1, &nobody);
    cr_assert_eq(call(&peer), ERR_REFUSED);

    peer_set_address(&peer, &somebody);

    cr_assert_eq(call(&peer), ERR_NONE);
    peer_free(&peer);
    node_stop(&node);
}
