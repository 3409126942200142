/* brokers.c -- the brokers of a cluster for one verb: who is there, who leads, a link to each. */
#include "brokers.h"

#include <string.h>

#include "admin.h"
#include "client_settings.h"
#include "say.h"

struct brokers {
    char addresses[CLIENT_BROKERS_MAX];
    int64_t deadline_us;
    struct arena arena;
    struct metadata_response metadata;
    uint32_t link_count;
    uint32_t link_capacity;
    struct broker_link {
        node_id node; /* -1: whoever of `addresses` answered. */
        struct link *link;
    } * links;
};

int64_t brokers_deadline_us(const struct brokers *brokers)
{
    return brokers->deadline_us;
}

void brokers_set_deadline_us(struct brokers *brokers, int64_t deadline_us)
{
    brokers->deadline_us = deadline_us;
}

struct arena *brokers_arena(struct brokers *brokers)
{
    return &brokers->arena;
}

const struct metadata_response *brokers_metadata(const struct brokers *brokers)
{
    return &brokers->metadata;
}

bool brokers_is_gone(enum err err)
{
    return err == ERR_CLOSED || err == ERR_REFUSED || err == ERR_UNREACHABLE ||
           err == ERR_NOT_FOUND;
}

static void drop_links(struct brokers *brokers)
{
    for (uint32_t i = 0; i < brokers->link_count; i++)
        link_close(brokers->links[i].link);
    brokers->link_count = 0;
}

static void keep_link(struct brokers *brokers, node_id node, struct link *link)
{
    mem_grow(brokers->links, brokers->link_count, &brokers->link_capacity);
    brokers->links[brokers->link_count].node = node;
    brokers->links[brokers->link_count++].link = link;
}

enum err brokers_ask(struct brokers *brokers, struct link *link, const struct brokers_api *api,
                     const void *request, void *response)
{
    struct client_reply reply;
    struct wire_reader reader;
    int16_t version = link_version(link, api->key);
    if (version > api->max)
        version = api->max;
    if (version < api->min)
        return ERR_UNSUPPORTED_VERSION;
    enum err err =
        link_call_version(link, api->key, version, request, brokers->deadline_us, &reply);
    if (err)
        return err;
    struct bytes body = {.size = wire_reader_left(&reply.reader)};
    body.data = arena_copy(&brokers->arena, reply.reader.at, body.size);
    client_reply_free(&reply);
    wire_reader_init(&reader, body);
    err = walk_read(wire_api_find(api->key)->response, version, &reader, &brokers->arena, response);
    return err ? ERR_CORRUPT_MESSAGE : ERR_NONE;
}

/* The next address is the first to be tried. */
static void rotate(char addresses[CLIENT_BROKERS_MAX])
{
    char first[CLIENT_BROKERS_MAX];
    size_t size = strcspn(addresses, ",");
    size_t rest = strlen(addresses) - size;
    if (rest == 0)
        return;
    memcpy(first, addresses, size);
    memmove(addresses, addresses + size + 1, rest - 1);
    addresses[rest - 1] = ',';
    memcpy(addresses + rest, first, size);
}

enum err brokers_learn(struct brokers *brokers)
{
    static const struct brokers_api api = {WIRE_METADATA, 1, INT16_MAX};
    struct metadata_request request;
    struct metadata_response response;
    struct link *link;
    drop_links(brokers);
    if (brokers->metadata.brokers_count)
        rotate(brokers->addresses);
    enum err err = admin_try_open(&link, brokers->addresses, brokers->deadline_us);
    if (err)
        return err;
    keep_link(brokers, -1, link);
    metadata_request_init(&request);
    request.allow_auto_topic_creation = false;
    request.topics = NULL;
    err = brokers_ask(brokers, link, &api, &request, &response);
    if (!err)
        err = (enum err)response.error_code;
    if (!err)
        brokers->metadata = response;
    return err;
}

int brokers_open(struct brokers **out, const struct call *call)
{
    struct brokers *brokers = mem_zalloc(sizeof *brokers);
    brokers->deadline_us = now_us() + call->timeout_us;
    int code = client_brokers(call, brokers->addresses);
    enum err err = code ? ERR_NONE : brokers_learn(brokers);
    if (err)
        code = admin_open_call_failed(call, brokers->addresses, err);
    if (code)
        brokers_close(brokers);
    else
        *out = brokers;
    return code;
}

void brokers_close(struct brokers *brokers)
{
    drop_links(brokers);
    mem_free(brokers->links);
    arena_free(&brokers->arena);
    mem_free(brokers);
}

static enum err dial(struct brokers *brokers, node_id node, struct link **out)
{
    for (uint32_t i = 0; i < brokers->metadata.brokers_count; i++) {
        const struct metadata_response_broker *broker = &brokers->metadata.brokers[i];
        if (broker->node_id != node)
            continue;
        const char *host =
            arena_format(&brokers->arena, "%.*s", (int)broker->host.size, broker->host.data);
        enum err err = link_open(out, host, (uint16_t)broker->port, brokers->deadline_us);
        if (err)
            return err;
        keep_link(brokers, node, *out);
        return link_handshake(*out, brokers->deadline_us);
    }
    return ERR_NOT_FOUND;
}

enum err brokers_link(struct brokers *brokers, node_id node, struct link **out)
{
    enum err err = brokers->link_count ? ERR_NONE : brokers_learn(brokers);
    for (uint32_t i = 0; !err && i < brokers->link_count; i++) {
        *out = brokers->links[i].link;
        if (brokers->links[i].node == node)
            return ERR_NONE;
    }
    return err ? err : dial(brokers, node, out);
}
