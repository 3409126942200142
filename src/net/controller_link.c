/* controller_link.c -- one peer, re-addressed when another node leads the quorum. */
#include "controller_link.h"

#include "api/state.h"
#include "broker.h"
#include "node.h"

struct controller_link *controller_link_open(struct shard *shard)
{
    struct controller_link *link = mem_zalloc(sizeof *link);
    struct env_address nowhere = {.port = 0};
    link->shard = shard;
    link->leader = -1;
    peer_init(shard, &link->peer, -1, &nowhere);
    link->peer.owner = link;
    return link;
}

void controller_link_close(struct controller_link *link)
{
    peer_free(&link->peer);
    mem_free(link);
}

void controller_link_image(struct controller_link *link)
{
    struct env_address address;
    if (link->leader >= 0 && node_address(link->shard, link->leader, &address))
        peer_set_address(&link->peer, &address);
    if (link->shard->broker)
        broker_take_image(link->shard->broker);
}

void controller_link_set(struct controller_link *link, node_id leader)
{
    link->leader = leader;
    link->peer.node = leader;
    link->peer.dial_after = 0; /* Another node, another chance. */
    struct env_address address;
    if (leader >= 0 && node_address(link->shard, leader, &address))
        peer_set_address(&link->peer, &address);
    if (link->shard->broker)
        broker_controller_changed(link->shard->broker);
    if (leader >= 0 && link->shard->api)
        api_state_image(link->shard); /* Whoever waits for a controller need not any more. */
}

enum err controller_call(struct shard *shard, int16_t api_key, const void *request,
                         int32_t timeout_ms, peer_done *done, void *context)
{
    struct controller_link *link = shard->controller;
    if (link->leader < 0)
        return ERR_UNREACHABLE;
    return peer_call(&link->peer, api_key, wire_api_find(api_key)->max, request, timeout_ms, done,
                     context);
}
