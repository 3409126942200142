/* link.c -- move bytes between a client.h object and the simulated network. */
#include "link.h"

#include "actor.h"

static void flush(struct link *link)
{
    struct bytes parts[16];
    uint32_t count;
    while (link->connected && !link->broken &&
           (count = client_output(link->client, parts, 16)) > 0) {
        int64_t sent = net_send(&link->actor->world->net, link->end, parts, count);
        if (sent <= 0)
            return;
        client_sent(link->client, (uint32_t)sent);
    }
}

/* Take it out of the actor first: failures make the actor dial anew. */
static void fail_link(struct link *link)
{
    struct actor *actor = link->actor;
    actor->links[link->node] = NULL;
    link->broken = true;
    if (link->end)
        net_hang_up(&actor->world->net, link->end);
    for (uint32_t i = 0; i < link->pending_count; i++)
        actor->answered(actor, link->node, link->pending[i].api_key, NULL, link->pending[i].object);
    client_close(link->client);
    mem_free(link);
    actor->metadata_due = true;
}

struct link *link_to(struct actor *actor, uint32_t node)
{
    if (actor->links[node])
        return actor->links[node];
    struct link *link = mem_zalloc(sizeof *link);
    link->actor = actor;
    link->node = node;
    client_open(&link->client, STR("sim"), 64 << 20);
    link->end = net_dial(&actor->world->net, actor->host, node, 0);
    link->end->user = link;
    actor->links[node] = link;
    return link;
}

bool link_send(struct link *link, int16_t api_key, int16_t version, const void *request,
               void *object, bool is_answered)
{
    if (link->pending_count == LINK_PENDING_MAX)
        return false;
    int32_t correlation = client_send(link->client, api_key, version, request);
    if (correlation < 0)
        return false;
    if (is_answered)
        link->pending[link->pending_count++] = (struct link_pending){
            .correlation = correlation,
            .api_key = api_key,
            .deadline = link->actor->world->kernel.now + link->actor->request_timeout,
            .object = object};
    flush(link);
    return true;
}

void link_check_deadlines(struct actor *actor)
{
    for (uint32_t node = 0; node < actor->world->swarm.nodes; node++) {
        struct link *link = actor->links[node];
        if (link && link->pending_count > 0 && link->pending[0].deadline < actor->world->kernel.now)
            fail_link(link);
    }
}

void link_drop(struct actor *actor)
{
    for (uint32_t node = 0; node < actor->world->swarm.nodes; node++)
        if (actor->links[node])
            fail_link(actor->links[node]);
}

static void take_replies(struct link *link)
{
    struct client_reply reply;
    struct actor *actor = link->actor;
    while (!link->broken && client_take(link->client, &reply)) {
        check(link->pending_count > 0);
        struct link_pending pending = link->pending[0];
        check(pending.correlation == reply.correlation_id);
        link->pending_count--;
        memmove(link->pending, link->pending + 1, link->pending_count * sizeof *link->pending);
        actor->answered(actor, link->node, pending.api_key, &reply, pending.object);
        client_reply_free(&reply);
    }
}

static void on_readable(void *context, struct net_end *end)
{
    struct link *link = end->user;
    struct actor *actor = context;
    if (!link)
        return;
    for (;;) {
        uint8_t *into;
        uint32_t size;
        client_input(link->client, &into, &size);
        int64_t got = net_recv(&actor->world->net, end, into, size);
        if (got == ERR_AGAIN)
            break;
        if (got < 0) {
            fail_link(link);
            return;
        }
        if (client_received(link->client, (uint32_t)got) != ERR_NONE)
            world_violation(actor->world, "client", "node %u sends a reply that cannot be",
                            link->node + 1);
        take_replies(link);
    }
    flush(link);
    actor->drive(actor);
}

static void on_dialed(void *context, struct net_end *end, enum err result)
{
    struct link *link = end->user;
    (void)context;
    if (result != ERR_NONE) {
        link->end = NULL;
        fail_link(link);
        return;
    }
    link->connected = true;
    flush(link);
}

static void on_writable(void *context, struct net_end *end)
{
    (void)context;
    if (end->user)
        flush(end->user);
}

void link_host_init(struct actor *actor)
{
    actor->world->net.hosts[actor->host].owner = (struct net_owner){
        .dialed = on_dialed, .readable = on_readable, .writable = on_writable, .context = actor};
}
