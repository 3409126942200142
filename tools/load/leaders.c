/* leaders.c -- who leads each partition of the topic, and at which address. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "load.h"
#include "say.h"

enum { ASK_AGAIN_US = 20000 };

static int resolve(const struct metadata_response_broker *broker, struct load_target *target)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char service[8];
    snprintf(host, sizeof host, "%.*s", (int)broker->host.size, broker->host.data);
    snprintf(service, sizeof service, "%d", broker->port);
    snprintf(target->peer, sizeof target->peer, "%s:%s", host, service);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed)
        return say_error(EXIT_FAILED, "%s: %s", target->peer, gai_strerror(failed));
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return EXIT_DONE;
}

static const struct metadata_response_broker *find_broker(const struct metadata_response *metadata,
                                                          node_id node)
{
    for (uint32_t i = 0; i < metadata->brokers_count; i++)
        if (metadata->brokers[i].node_id == node)
            return &metadata->brokers[i];
    return NULL;
}

static bool all_led(const struct metadata_response *metadata)
{
    if (metadata->topics_count != 1 || metadata->topics[0].error_code != ERR_NONE)
        return false;
    const struct metadata_response_topic *topic = &metadata->topics[0];
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        if (!find_broker(metadata, topic->partitions[i].leader_id))
            return false;
    return topic->partitions_count > 0;
}

static int fill_targets(const struct metadata_response *metadata, struct load_target *targets)
{
    const struct metadata_response_topic *topic = &metadata->topics[0];
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        targets[i].partition = topic->partitions[i].index;
        int code = resolve(find_broker(metadata, topic->partitions[i].leader_id), &targets[i]);
        if (code)
            return code;
    }
    return EXIT_DONE;
}

static int check_versions(const struct link *link)
{
    if (link_version(link, WIRE_PRODUCE) >= LOAD_PRODUCE_VERSION &&
        link_version(link, WIRE_FETCH) >= LOAD_FETCH_VERSION)
        return EXIT_DONE;
    return say_error(EXIT_FAILED, "%s: no Produce %d or no Fetch %d there", link_peer(link),
                     LOAD_PRODUCE_VERSION, LOAD_FETCH_VERSION);
}

/* One Metadata. *count stays 0 while some partition has no leader. */
static int ask(struct link *link, const struct load_plan *plan, int64_t deadline_us,
               struct load_target **out, uint32_t *count)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_response metadata;
    int code = admin_metadata(link, plan->topic, deadline_us, &arena, &reply, &metadata);
    if (code) {
        arena_free(&arena);
        return code;
    }
    if (all_led(&metadata)) {
        *count = metadata.topics[0].partitions_count;
        if (*count > LOAD_PARTITIONS_MAX) {
            code = say_error(EXIT_USAGE, "%s has more than %d partitions", plan->topic,
                             LOAD_PARTITIONS_MAX);
        } else {
            *out = mem_zalloc(*count * sizeof **out);
            code = fill_targets(&metadata, *out);
        }
    }
    client_reply_free(&reply);
    arena_free(&arena);
    return code;
}

int load_find_leaders(const struct load_plan *plan, struct load_target **out, uint32_t *count)
{
    int64_t deadline_us = now_us() + plan->timeout_ns / 1000;
    struct link *link = NULL;
    *out = NULL;
    *count = 0;
    int code = admin_open(&link, plan->brokers, deadline_us);
    if (!code)
        code = check_versions(link);
    while (!code && *count == 0) {
        code = ask(link, plan, deadline_us, out, count);
        if (!code && *count == 0 && now_us() >= deadline_us)
            code = say_error(EXIT_NOT_FOUND, "%s: no topic %s with a leader for each partition",
                             plan->brokers, plan->topic);
        if (!code && *count == 0)
            sleep_us(ASK_AGAIN_US);
    }
    if (code)
        mem_free(*out);
    link_close(link);
    return code;
}
