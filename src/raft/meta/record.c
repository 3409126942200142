/* record.c -- metadata records as protobuf, the only place that reads or writes them.
 *
 * A value is one Envelope: the level that is needed to read it, the cause, and one
 * body. Reading is strict: what this build does not know must stop the node, because
 * skipping it would leave an image that differs from everybody else's. */
#include "record.h"

#include <string.h>

#include "image.h"
#include "metadata.pb-c.h"

typedef ProtobufCBinaryData blob;

static const char *const type_names[] = {
    [RECORD_CLUSTER] = "CLUSTER",
    [RECORD_VOTERS] = "VOTERS",
    [RECORD_REGISTER_BROKER] = "REGISTER_BROKER",
    [RECORD_BROKER_CHANGE] = "BROKER_CHANGE",
    [RECORD_TOPIC] = "TOPIC",
    [RECORD_PARTITION] = "PARTITION",
    [RECORD_PARTITION_CHANGE] = "PARTITION_CHANGE",
    [RECORD_REMOVE_TOPIC] = "REMOVE_TOPIC",
    [RECORD_PRODUCER_IDS] = "PRODUCER_IDS",
    [RECORD_EPOCH_FLOOR] = "EPOCH_FLOOR",
    [RECORD_CONFIGS] = "CONFIGS",
};

const char *record_type_name(enum record_type type)
{
    if ((size_t)type >= sizeof type_names / sizeof type_names[0] || type_names[type] == NULL)
        return "UNKNOWN";
    return type_names[type];
}

/* Writing. Messages borrow from the record until they are packed. */

static blob blob_of(struct str text)
{
    return (blob){.len = text.size, .data = (uint8_t *)(uintptr_t)text.data};
}

static blob blob_of_uuid(const struct uuid *uuid)
{
    return (blob){.len = sizeof uuid->bytes, .data = (uint8_t *)(uintptr_t)uuid->bytes};
}

static void write_voters(Skiff__Meta__Envelope *envelope, const struct record_voters *voters,
                         struct arena *arena)
{
    Skiff__Meta__Voters *body = arena_alloc(arena, sizeof *body);
    skiff__meta__voters__init(body);
    body->n_voters = voters->count;
    body->voters = arena_array(arena, Skiff__Meta__Voter *, voters->count);
    for (uint32_t i = 0; i < voters->count; i++) {
        body->voters[i] = arena_alloc(arena, sizeof(Skiff__Meta__Voter));
        skiff__meta__voter__init(body->voters[i]);
        body->voters[i]->id = voters->voters[i].id;
        body->voters[i]->directory = blob_of_uuid(&voters->voters[i].directory);
    }
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_VOTERS;
    envelope->voters = body;
}

static void write_broker(Skiff__Meta__Envelope *envelope, const struct record_broker *broker,
                         struct arena *arena)
{
    Skiff__Meta__RegisterBroker *body = arena_alloc(arena, sizeof *body);
    skiff__meta__register_broker__init(body);
    body->id = broker->id;
    body->directory = blob_of_uuid(&broker->directory);
    body->incarnation = blob_of_uuid(&broker->incarnation);
    body->rack = blob_of(broker->rack);
    body->n_endpoints = broker->endpoint_count;
    body->endpoints = arena_array(arena, Skiff__Meta__Endpoint *, broker->endpoint_count);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        body->endpoints[i] = arena_alloc(arena, sizeof(Skiff__Meta__Endpoint));
        skiff__meta__endpoint__init(body->endpoints[i]);
        body->endpoints[i]->name = blob_of(broker->endpoints[i].name);
        body->endpoints[i]->host = blob_of(broker->endpoints[i].host);
        body->endpoints[i]->port = broker->endpoints[i].port;
        body->endpoints[i]->internal = broker->endpoints[i].internal;
    }
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_REGISTER_BROKER;
    envelope->register_broker = body;
}

static Skiff__Meta__Config **write_configs_of(const struct record_config *configs, uint32_t count,
                                              struct arena *arena)
{
    Skiff__Meta__Config **list = arena_array(arena, Skiff__Meta__Config *, count);
    for (uint32_t i = 0; i < count; i++) {
        list[i] = arena_alloc(arena, sizeof(Skiff__Meta__Config));
        skiff__meta__config__init(list[i]);
        list[i]->name = blob_of(configs[i].name);
        list[i]->value = blob_of(configs[i].value);
    }
    return list;
}

static void write_configs(Skiff__Meta__Envelope *envelope, const struct record_configs *configs,
                          struct arena *arena)
{
    Skiff__Meta__Configs *body = arena_alloc(arena, sizeof *body);
    skiff__meta__configs__init(body);
    body->resource = (uint32_t)configs->resource;
    body->name = blob_of(configs->name);
    body->n_configs = configs->config_count;
    body->configs = write_configs_of(configs->configs, configs->config_count, arena);
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_CONFIGS;
    envelope->configs = body;
}

static void write_topic(Skiff__Meta__Envelope *envelope, const struct record_topic *topic,
                        struct arena *arena)
{
    Skiff__Meta__Topic *body = arena_alloc(arena, sizeof *body);
    skiff__meta__topic__init(body);
    body->id = blob_of_uuid(&topic->id);
    body->name = blob_of(topic->name);
    body->partition_count = (uint32_t)topic->partition_count;
    body->n_configs = topic->config_count;
    body->configs = write_configs_of(topic->configs, topic->config_count, arena);
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_TOPIC;
    envelope->topic = body;
}

static int32_t *ids_of(const struct node_list *list)
{
    return (int32_t *)(uintptr_t)list->ids;
}

static Skiff__Meta__PartitionState *write_state(const struct record_partition *partition,
                                                struct arena *arena)
{
    Skiff__Meta__PartitionState *state = arena_alloc(arena, sizeof *state);
    skiff__meta__partition_state__init(state);
    state->n_isr = partition->isr.count;
    state->isr = ids_of(&partition->isr);
    state->n_elr = partition->elr.count;
    state->elr = ids_of(&partition->elr);
    state->leader = partition->leader;
    state->leader_epoch = partition->leader_epoch;
    state->partition_epoch = partition->partition_epoch;
    state->min_insync = partition->min_insync;
    state->flush_each = partition->flush_each;
    state->unclean_allowed = partition->unclean_allowed;
    state->recovering = partition->recovering;
    state->data_loss = partition->data_loss;
    return state;
}

static void write_partition(Skiff__Meta__Envelope *envelope,
                            const struct record_partition *partition, struct arena *arena)
{
    Skiff__Meta__Partition *body = arena_alloc(arena, sizeof *body);
    skiff__meta__partition__init(body);
    body->topic_id = blob_of_uuid(&partition->key.topic_id);
    body->index = (uint32_t)partition->key.index;
    body->n_replicas = partition->replicas.count;
    body->replicas = ids_of(&partition->replicas);
    body->state = write_state(partition, arena);
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_PARTITION;
    envelope->partition = body;
}

static void write_partition_change(Skiff__Meta__Envelope *envelope,
                                   const struct record_partition *partition, struct arena *arena)
{
    Skiff__Meta__PartitionChange *body = arena_alloc(arena, sizeof *body);
    skiff__meta__partition_change__init(body);
    body->topic_id = blob_of_uuid(&partition->key.topic_id);
    body->index = (uint32_t)partition->key.index;
    body->state = write_state(partition, arena);
    envelope->body_case = SKIFF__META__ENVELOPE__BODY_PARTITION_CHANGE;
    envelope->partition_change = body;
}

/* The bodies without arrays; room for each, of which one is used. */
struct small_bodies {
    Skiff__Meta__Cluster cluster;
    Skiff__Meta__BrokerChange broker_change;
    Skiff__Meta__RemoveTopic remove_topic;
    Skiff__Meta__ProducerIds producer_ids;
    Skiff__Meta__EpochFloor epoch_floor;
};

static void write_small(Skiff__Meta__Envelope *envelope, const struct record *record,
                        struct small_bodies *bodies)
{
    switch (record->type) {
    case RECORD_CLUSTER:
        skiff__meta__cluster__init(&bodies->cluster);
        bodies->cluster.cluster_id = blob_of_uuid(&record->cluster.cluster_id);
        bodies->cluster.level = record->cluster.level;
        envelope->body_case = SKIFF__META__ENVELOPE__BODY_CLUSTER;
        envelope->cluster = &bodies->cluster;
        return;
    case RECORD_BROKER_CHANGE:
        skiff__meta__broker_change__init(&bodies->broker_change);
        bodies->broker_change.id = record->broker_change.id;
        bodies->broker_change.epoch = record->broker_change.epoch;
        bodies->broker_change.fenced = record->broker_change.fenced;
        bodies->broker_change.shutting_down = record->broker_change.shutting_down;
        envelope->body_case = SKIFF__META__ENVELOPE__BODY_BROKER_CHANGE;
        envelope->broker_change = &bodies->broker_change;
        return;
    case RECORD_REMOVE_TOPIC:
        skiff__meta__remove_topic__init(&bodies->remove_topic);
        bodies->remove_topic.id = blob_of_uuid(&record->remove_topic.id);
        envelope->body_case = SKIFF__META__ENVELOPE__BODY_REMOVE_TOPIC;
        envelope->remove_topic = &bodies->remove_topic;
        return;
    case RECORD_PRODUCER_IDS:
        skiff__meta__producer_ids__init(&bodies->producer_ids);
        bodies->producer_ids.broker = record->producer_ids.broker;
        bodies->producer_ids.epoch = record->producer_ids.epoch;
        bodies->producer_ids.next = record->producer_ids.next;
        envelope->body_case = SKIFF__META__ENVELOPE__BODY_PRODUCER_IDS;
        envelope->producer_ids = &bodies->producer_ids;
        return;
    default:
        check(record->type == RECORD_EPOCH_FLOOR);
        skiff__meta__epoch_floor__init(&bodies->epoch_floor);
        bodies->epoch_floor.floor = record->epoch_floor.floor;
        envelope->body_case = SKIFF__META__ENVELOPE__BODY_EPOCH_FLOOR;
        envelope->epoch_floor = &bodies->epoch_floor;
    }
}

struct bytes record_encode(const struct record *record, struct arena *arena)
{
    Skiff__Meta__Envelope envelope = SKIFF__META__ENVELOPE__INIT;
    struct small_bodies bodies;

    check(record->cause.size > 0);
    envelope.level = record->type == RECORD_CONFIGS ? 2 : 1;
    envelope.cause = blob_of(record->cause);
    if (record->type == RECORD_VOTERS)
        write_voters(&envelope, &record->voters, arena);
    else if (record->type == RECORD_REGISTER_BROKER)
        write_broker(&envelope, &record->broker, arena);
    else if (record->type == RECORD_TOPIC)
        write_topic(&envelope, &record->topic, arena);
    else if (record->type == RECORD_PARTITION)
        write_partition(&envelope, &record->partition, arena);
    else if (record->type == RECORD_PARTITION_CHANGE)
        write_partition_change(&envelope, &record->partition, arena);
    else if (record->type == RECORD_CONFIGS)
        write_configs(&envelope, &record->configs, arena);
    else
        write_small(&envelope, record, &bodies);

    uint32_t size = (uint32_t)skiff__meta__envelope__get_packed_size(&envelope);
    uint8_t *data = arena_alloc(arena, size);
    skiff__meta__envelope__pack(&envelope, data);
    return (struct bytes){.data = data, .size = size};
}

/* Reading. protobuf-c allocates in the arena, so a failure leaves nothing to free. */

static void *arena_take(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_leave(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static struct str text_of(blob text)
{
    return (struct str){.data = text.len > 0 ? (const char *)text.data : "",
                        .size = (uint32_t)text.len};
}

static bool read_uuid(blob from, struct uuid *out)
{
    if (from.len != sizeof out->bytes)
        return false;
    memcpy(out->bytes, from.data, sizeof out->bytes);
    return true;
}

static bool read_nodes(size_t count, const int32_t *ids, struct node_list *out)
{
    if (count > RECORD_REPLICAS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || node_list_has(out, ids[i]))
            return false;
        node_list_add(out, ids[i]);
    }
    return true;
}

static bool read_voters(const Skiff__Meta__Voters *body, struct record_voters *out)
{
    if (body->n_voters > RECORD_VOTERS_MAX)
        return false;
    for (size_t i = 0; i < body->n_voters; i++) {
        struct record_voter *voter = &out->voters[out->count++];
        voter->id = body->voters[i]->id;
        if (voter->id < 0 || !read_uuid(body->voters[i]->directory, &voter->directory))
            return false;
        if (i > 0 && voter->id <= out->voters[i - 1].id)
            return false;
    }
    return true;
}

static bool read_broker(const Skiff__Meta__RegisterBroker *body, struct arena *arena,
                        struct record_broker *out)
{
    if (body->id < 0 || body->n_endpoints > RECORD_ENDPOINTS_MAX)
        return false;
    struct record_endpoint *endpoints =
        arena_array(arena, struct record_endpoint, body->n_endpoints);
    for (size_t i = 0; i < body->n_endpoints; i++) {
        if (body->endpoints[i]->port > UINT16_MAX)
            return false;
        endpoints[i].name = text_of(body->endpoints[i]->name);
        endpoints[i].host = text_of(body->endpoints[i]->host);
        endpoints[i].port = (uint16_t)body->endpoints[i]->port;
        endpoints[i].internal = body->endpoints[i]->internal;
    }
    out->id = body->id;
    out->endpoint_count = (uint32_t)body->n_endpoints;
    out->endpoints = endpoints;
    out->rack = body->rack.len > 0 ? text_of(body->rack) : (struct str){0};
    return read_uuid(body->directory, &out->directory) &&
           read_uuid(body->incarnation, &out->incarnation);
}

static const struct record_config *read_configs_of(Skiff__Meta__Config *const *from, size_t count,
                                                   struct arena *arena)
{
    struct record_config *configs = arena_array(arena, struct record_config, count);
    for (size_t i = 0; i < count; i++) {
        configs[i].name = text_of(from[i]->name);
        configs[i].value = text_of(from[i]->value);
    }
    return configs;
}

static bool read_configs(const Skiff__Meta__Configs *body, struct arena *arena,
                         struct record_configs *out)
{
    if (body->n_configs > RECORD_CONFIGS_MAX || body->name.len > RECORD_TOPIC_NAME_MAX)
        return false;
    if (body->resource != CONFIG_OF_BROKER && body->resource != CONFIG_OF_GROUP)
        return false;
    out->resource = (enum config_resource)body->resource;
    out->name = text_of(body->name);
    out->config_count = (uint32_t)body->n_configs;
    out->configs = read_configs_of(body->configs, body->n_configs, arena);
    return true;
}

static bool read_topic(const Skiff__Meta__Topic *body, struct arena *arena,
                       struct record_topic *out)
{
    if (body->partition_count > INT32_MAX || body->n_configs > RECORD_CONFIGS_MAX)
        return false;
    out->name = text_of(body->name);
    out->partition_count = (int32_t)body->partition_count;
    out->config_count = (uint32_t)body->n_configs;
    out->configs = read_configs_of(body->configs, body->n_configs, arena);
    return topic_name_is_valid(out->name) && read_uuid(body->id, &out->id);
}

static bool read_key(blob topic_id, uint32_t index, struct partition_key *out)
{
    if (index > INT32_MAX)
        return false;
    out->index = (int32_t)index;
    return read_uuid(topic_id, &out->topic_id);
}

static bool read_state(const Skiff__Meta__PartitionState *state, struct record_partition *out)
{
    if (state == NULL || state->leader < -1 || state->leader_epoch < 0)
        return false;
    if (state->partition_epoch < 0 || state->min_insync < 1)
        return false;
    out->leader = state->leader;
    out->leader_epoch = state->leader_epoch;
    out->partition_epoch = state->partition_epoch;
    out->min_insync = state->min_insync;
    out->flush_each = state->flush_each;
    out->unclean_allowed = state->unclean_allowed;
    out->recovering = state->recovering;
    out->data_loss = state->data_loss;
    return read_nodes(state->n_isr, state->isr, &out->isr) &&
           read_nodes(state->n_elr, state->elr, &out->elr);
}

static bool read_partition(const Skiff__Meta__Partition *body, struct record_partition *out)
{
    return read_key(body->topic_id, body->index, &out->key) && body->n_replicas > 0 &&
           read_nodes(body->n_replicas, body->replicas, &out->replicas) &&
           read_state(body->state, out);
}

static bool read_partition_change(const Skiff__Meta__PartitionChange *body,
                                  struct record_partition *out)
{
    return read_key(body->topic_id, body->index, &out->key) && read_state(body->state, out);
}

static bool read_broker_change(const Skiff__Meta__BrokerChange *body,
                               struct record_broker_change *out)
{
    out->id = body->id;
    out->epoch = body->epoch;
    out->fenced = body->fenced;
    out->shutting_down = body->shutting_down;
    return body->id >= 0;
}

static bool read_producer_ids(const Skiff__Meta__ProducerIds *body, struct record_producer_ids *out)
{
    out->broker = body->broker;
    out->epoch = body->epoch;
    out->next = body->next;
    return body->next >= 0;
}

static bool read_body(const Skiff__Meta__Envelope *envelope, struct arena *arena,
                      struct record *out)
{
    switch (envelope->body_case) {
    case SKIFF__META__ENVELOPE__BODY_CLUSTER:
        out->type = RECORD_CLUSTER;
        out->cluster.level = envelope->cluster->level;
        return read_uuid(envelope->cluster->cluster_id, &out->cluster.cluster_id);
    case SKIFF__META__ENVELOPE__BODY_VOTERS:
        out->type = RECORD_VOTERS;
        return read_voters(envelope->voters, &out->voters);
    case SKIFF__META__ENVELOPE__BODY_REGISTER_BROKER:
        out->type = RECORD_REGISTER_BROKER;
        return read_broker(envelope->register_broker, arena, &out->broker);
    case SKIFF__META__ENVELOPE__BODY_BROKER_CHANGE:
        out->type = RECORD_BROKER_CHANGE;
        return read_broker_change(envelope->broker_change, &out->broker_change);
    case SKIFF__META__ENVELOPE__BODY_TOPIC:
        out->type = RECORD_TOPIC;
        return read_topic(envelope->topic, arena, &out->topic);
    case SKIFF__META__ENVELOPE__BODY_PARTITION:
        out->type = RECORD_PARTITION;
        return read_partition(envelope->partition, &out->partition);
    case SKIFF__META__ENVELOPE__BODY_PARTITION_CHANGE:
        out->type = RECORD_PARTITION_CHANGE;
        return read_partition_change(envelope->partition_change, &out->partition);
    case SKIFF__META__ENVELOPE__BODY_REMOVE_TOPIC:
        out->type = RECORD_REMOVE_TOPIC;
        return read_uuid(envelope->remove_topic->id, &out->remove_topic.id);
    case SKIFF__META__ENVELOPE__BODY_PRODUCER_IDS:
        out->type = RECORD_PRODUCER_IDS;
        return read_producer_ids(envelope->producer_ids, &out->producer_ids);
    case SKIFF__META__ENVELOPE__BODY_EPOCH_FLOOR:
        out->type = RECORD_EPOCH_FLOOR;
        out->epoch_floor.floor = envelope->epoch_floor->floor;
        return envelope->epoch_floor->floor >= 0;
    case SKIFF__META__ENVELOPE__BODY_CONFIGS:
        out->type = RECORD_CONFIGS;
        return read_configs(envelope->configs, arena, &out->configs);
    default:
        return false;
    }
}

/* A field of the body that only a newer build knows. Every body begins with the base. */
static bool has_unknown(const Skiff__Meta__Envelope *envelope)
{
    if (envelope->base.n_unknown_fields > 0)
        return true;
    if (envelope->body_case == SKIFF__META__ENVELOPE__BODY__NOT_SET)
        return true;
    const ProtobufCMessage *body = (const ProtobufCMessage *)(const void *)envelope->cluster;
    return body->n_unknown_fields > 0;
}

enum err record_decode(struct bytes value, struct arena *arena, struct record *out)
{
    ProtobufCAllocator allocator = {
        .alloc = arena_take, .free = arena_leave, .allocator_data = arena};
    const Skiff__Meta__Envelope *envelope =
        skiff__meta__envelope__unpack(&allocator, value.size, value.data);
    if (envelope == NULL || envelope->level == 0)
        return ERR_CORRUPT;
    if (envelope->level > RECORD_LEVEL || has_unknown(envelope))
        return ERR_UNSUPPORTED_VERSION;

    struct record record = {.cause = text_of(envelope->cause)};
    if (record.cause.size == 0 || !read_body(envelope, arena, &record))
        return ERR_CORRUPT;
    if (record.type == RECORD_CLUSTER && record.cluster.level > RECORD_LEVEL)
        return ERR_UNSUPPORTED_VERSION;
    *out = record;
    return ERR_NONE;
}
