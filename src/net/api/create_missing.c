/* create_missing.c -- one CreateTopics in flight a name, tried again while brokers register. */
#include "create_missing.h"

#include <stdio.h>

#include "controller_link.h"
#include "state.h"

enum {
    RETRY_MS = 20,
    TRIES_MAX = 50,
    CALL_TIMEOUT_MS = 5000,
    OFFSETS_FACTOR_MAX = 3,
    OFFSETS_CONFIGS = 3, /* Settings of its own that __consumer_offsets gets. */
};

struct missing {
    struct list link; /* In shard->api->creations. */
    struct shard *shard;
    struct timer timer;
    uint32_t tries;
    uint32_t name_size;
    char name[250];
};

static struct missing *missing_find(struct shard *shard, struct str name)
{
    struct list *node, *after;
    list_each (node, after, &shard->api->creations) {
        struct missing *missing = list_entry(node, struct missing, link);
        if (str_equal((struct str){.data = missing->name, .size = missing->name_size}, name))
            return missing;
    }
    return NULL;
}

static void missing_end(struct missing *missing)
{
    struct shard *shard = missing->shard;
    list_remove(&missing->link);
    mem_free(missing);
    api_state_image(shard); /* Whoever waits for it need not any more. */
}

void create_missing_end_all(struct shard *shard)
{
    for (struct list *node; (node = list_take_first(&shard->api->creations));) {
        struct missing *missing = list_entry(node, struct missing, link);
        timer_stop(&shard->timers, &missing->timer);
        mem_free(missing);
    }
}

static enum err read_answer(struct client_reply *reply, struct arena *arena)
{
    struct envelope_response body;
    struct create_topics_response created;
    struct wire_reader reader;
    int32_t correlation_id;
    const struct wire_api *wire = wire_api_find(WIRE_CREATE_TOPICS);
    envelope_response_init(&body);
    create_topics_response_init(&created);
    if (envelope_response_read(&body, reply->version, &reply->reader, arena) != ERR_NONE ||
        body.error_code != ERR_NONE)
        return ERR_NETWORK_EXCEPTION;
    wire_reader_init(&reader, body.response_data);
    if (wire_response_header_read(&correlation_id, wire, WIRE_CREATE_TOPICS_MAX, &reader) !=
            ERR_NONE ||
        create_topics_response_read(&created, WIRE_CREATE_TOPICS_MAX, &reader, arena) != ERR_NONE ||
        created.topics_count != 1)
        return ERR_NETWORK_EXCEPTION;
    return (enum err)created.topics[0].error_code;
}

static void missing_done(struct shard *shard, void *context, enum err result,
                         struct client_reply *reply)
{
    struct missing *missing = context;
    struct arena arena = {0};
    if (result == ERR_NONE)
        result = read_answer(reply, &arena);
    arena_free(&arena);
    bool settled = result == ERR_NONE || result == ERR_TOPIC_ALREADY_EXISTS ||
                   result == ERR_INVALID_TOPIC_EXCEPTION || result == ERR_POLICY_VIOLATION;
    if (result == ERR_NONE || result == ERR_TOPIC_ALREADY_EXISTS) {
        /* The image will show it; until then it counts as under way. */
        missing->tries = TRIES_MAX;
        timer_start(&shard->timers, &missing->timer, shard->now + 1000);
    } else if (settled || ++missing->tries >= TRIES_MAX) {
        missing_end(missing);
    } else {
        timer_start(&shard->timers, &missing->timer, shard->now + RETRY_MS);
    }
}

/* As many copies as the cluster can have, whatever other topics get: voters that did not register
 * yet count, for a first group must not find the topic with one. */
static int32_t offsets_factor(const struct shard *shard)
{
    uint32_t brokers = shard->image->broker_count;
    if (shard->config->offsets_replication_factor > 0)
        return shard->config->offsets_replication_factor;
    if (shard->config->voter_count > brokers)
        brokers = shard->config->voter_count;
    return brokers < OFFSETS_FACTOR_MAX ? (int32_t)brokers : OFFSETS_FACTOR_MAX;
}

/* __consumer_offsets has settings of its own, as in Kafka. */
static void shape_offsets(const struct shard *shard, struct create_topics_request_topic *topic,
                          struct create_topics_request_config *configs, char *segment_size,
                          size_t size)
{
    snprintf(segment_size, size, "%d", shard->config->offsets_segment_size);
    configs[0].name = STR("cleanup.policy");
    configs[0].value = STR("compact");
    configs[1].name = STR("compression.type");
    configs[1].value = STR("producer");
    configs[2].name = STR("segment.bytes");
    configs[2].value = str_from(segment_size);
    topic->configs_count = OFFSETS_CONFIGS;
    topic->configs = configs;
    topic->num_partitions = shard->config->offsets_partitions;
    topic->replication_factor = (int16_t)offsets_factor(shard);
}

static void missing_try(struct missing *missing)
{
    struct shard *shard = missing->shard;
    struct create_topics_request_config configs[OFFSETS_CONFIGS];
    char segment_size[16];
    struct create_topics_request_topic topic;
    struct create_topics_request body;
    struct envelope_request envelope;
    struct wire_frame frame;
    struct wire_request_header header = {.api_key = WIRE_CREATE_TOPICS,
                                         .api_version = WIRE_CREATE_TOPICS_MAX};
    create_topics_request_topic_init(&topic);
    create_topics_request_init(&body);
    envelope_request_init(&envelope);
    topic.name = (struct str){.data = missing->name, .size = missing->name_size};
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    if (str_equal(topic.name, STR("__consumer_offsets")))
        shape_offsets(shard, &topic, configs, segment_size, sizeof segment_size);
    body.topics_count = 1;
    body.topics = &topic;
    check(wire_request_frame(&frame, &header, &body) == ERR_NONE);
    envelope.request_data = (struct bytes){.data = frame.head->data + WIRE_SIZE_PREFIX,
                                           .size = frame.head->size - WIRE_SIZE_PREFIX};
    enum err result =
        controller_call(shard, WIRE_ENVELOPE, &envelope, CALL_TIMEOUT_MS, missing_done, missing);
    wire_frame_free(&frame);
    if (result != ERR_NONE)
        missing_done(shard, missing, ERR_NETWORK_EXCEPTION, NULL);
}

static void missing_fire(struct timer *timer, mono_ms now)
{
    struct missing *missing = list_entry(timer, struct missing, timer);
    (void)now;
    if (missing->tries >= TRIES_MAX)
        missing_end(missing);
    else
        missing_try(missing);
}

void create_missing(struct shard *shard, struct str name)
{
    uint32_t count = 0;
    struct list *node, *after;
    list_each (node, after, &shard->api->creations)
        count++;
    if (missing_find(shard, name) || count >= CREATIONS_MAX)
        return;
    struct missing *missing = mem_zalloc(sizeof *missing);
    check(name.size <= sizeof missing->name);
    missing->shard = shard;
    missing->timer.fire = missing_fire;
    missing->name_size = name.size;
    memcpy(missing->name, name.data, name.size);
    list_init(&missing->link);
    list_append(&shard->api->creations, &missing->link);
    missing_try(missing);
}

bool create_missing_failed(struct shard *shard, struct str name)
{
    return !missing_find(shard, name);
}
