/* node_fixture.c -- starts it, ticks it, and speaks for its clients. */
#include "node_fixture.h"

#include <stdio.h>

#include "batch.h"
#include "node.h" /* src/net: what a shard holds. */

enum { STEPS_MAX = 200000, START_MS = 5000, CALL_MS = 20000 };

static void set_listener(struct config_listener *listener, const char *name, uint16_t port)
{
    snprintf(listener->name, sizeof listener->name, "%s", name);
    snprintf(listener->bind.host, sizeof listener->bind.host, "node");
    listener->bind.port = port;
    listener->advertised = listener->bind;
    listener->internal = strcmp(name, "INTERNAL") == 0;
}

static void fill_config(struct config *config)
{
    config_init(config);
    config->node_id = 1;
    config->voter_count = 1;
    config->voters[0].id = 1;
    snprintf(config->voters[0].address.host, sizeof config->voters[0].address.host, "node");
    config->voters[0].address.port = 2;
    config->listener_count = 2;
    set_listener(&config->listeners[LISTENER_CLIENT], "PLAINTEXT", 1);
    set_listener(&config->listeners[LISTENER_INTERNAL], "INTERNAL", 2);
}

static void tick(struct node *node)
{
    shard_tick(node->shard, node->fake.now);
}

/* Tick until nothing happens any more at this time. */
static void settle(struct node *node)
{
    tick(node);
    for (uint32_t i = 0;
         fake_env_deliver(&node->fake) || shard_deadline(node->shard) <= node->fake.now; i++) {
        check(i < STEPS_MAX); /* Else it is never done. */
        tick(node);
    }
}

void node_run(struct node *node, mono_ms ms)
{
    mono_ms end = node->fake.now + ms;
    settle(node);
    while (shard_deadline(node->shard) <= end) {
        mono_ms due = shard_deadline(node->shard);
        node->fake.now = due > node->fake.now ? due : node->fake.now;
        settle(node);
    }
    node->fake.now = end;
    settle(node);
}

static void open_shard(struct node *node)
{
    check(shard_open(&node->shard, &node->config, 0, &node->fake.env) == ERR_NONE);
    node->fake.shard = node->shard;
}

void node_start(struct node *node, void (*tune)(struct config *config))
{
    *node = (struct node){.correlation_id = 100};
    fill_config(&node->config);
    if (tune)
        tune(&node->config);
    fake_env_init(&node->fake, &node->config);
    open_shard(node);
    node_run(node, START_MS);
}

void node_power_cycle(struct node *node)
{
    shard_close(node->shard);
    node->fake.sync_count = 0;
    for (uint32_t i = 0; i < node->fake.conn_count; i++)
        node->fake.conns[i].is_there = false;
    open_shard(node);
}

void node_restart(struct node *node)
{
    node_power_cycle(node);
    node_run(node, START_MS);
}

void node_stop(struct node *node)
{
    shard_close(node->shard);
    for (uint32_t i = 0; i < node->fake.file_count; i++)
        check(node->fake.files[i].holds == 0);
    fake_env_free(&node->fake);
    arena_free(&node->arena);
}

conn_id node_connect(struct node *node)
{
    return fake_env_connect(&node->fake, LISTENER_CLIENT);
}

void node_send(struct node *node, conn_id conn, const void *data, uint32_t size)
{
    fake_env_send(&node->fake, conn, data, size);
}

int32_t node_ask(struct node *node, conn_id conn, int16_t key, int16_t version, const void *body)
{
    struct wire_frame frame;
    struct wire_request_header header = {.api_key = key,
                                         .api_version = version,
                                         .correlation_id = ++node->correlation_id,
                                         .client_id = STR("test")};
    check(wire_request_frame(&frame, &header, body) == ERR_NONE);
    node_send(node, conn, frame.head->data, frame.head->size);
    wire_frame_free(&frame);
    return header.correlation_id;
}

struct bytes node_reply(struct node *node, conn_id id)
{
    struct fake_conn *conn = &node->fake.conns[id];
    if (conn->out_size < WIRE_SIZE_PREFIX ||
        conn->out_size - WIRE_SIZE_PREFIX < load_be32(conn->out))
        return (struct bytes){0};
    uint32_t size = load_be32(conn->out);
    struct bytes reply = {.data = arena_copy(&node->arena, conn->out + WIRE_SIZE_PREFIX, size),
                          .size = size};
    conn->out_size -= WIRE_SIZE_PREFIX + size;
    memmove(conn->out, conn->out + WIRE_SIZE_PREFIX + size, conn->out_size);
    return reply;
}

void node_call(struct node *node, conn_id conn, int16_t key, int16_t version, const void *body,
               void *response)
{
    struct wire_reader reader;
    int32_t correlation_id;
    const struct wire_api *wire = wire_api_find(key);
    int32_t asked = node_ask(node, conn, key, version, body);
    struct bytes reply = {0};
    settle(node);
    for (mono_ms ms = 0; ms < CALL_MS && !(reply = node_reply(node, conn)).data; ms++)
        node_run(node, 1);
    check(reply.data); /* An answer came. */
    wire_reader_init(&reader, reply);
    check(wire_response_header_read(&correlation_id, wire, version, &reader) == ERR_NONE);
    check(correlation_id == asked);
    walk_init(wire->response->body, response);
    check(walk_read(wire->response, version, &reader, &node->arena, response) == ERR_NONE);
    check(wire_reader_left(&reader) == 0);
}

uint32_t node_reply_count(struct node *node, conn_id id)
{
    const struct fake_conn *conn = &node->fake.conns[id];
    uint32_t count = 0;
    for (uint32_t at = 0; conn->out_size - at >= WIRE_SIZE_PREFIX; count++) {
        uint32_t size = load_be32(conn->out + at) + WIRE_SIZE_PREFIX;
        if (conn->out_size - at < size)
            break;
        at += size;
    }
    return count;
}

bool node_has_closed(struct node *node, conn_id conn)
{
    return !node->fake.conns[conn].is_there;
}

/* ---- Requests that many tests need. */

struct create_topics_response_topic node_create(struct node *node, const char *name,
                                                int32_t partitions,
                                                const struct node_setting *settings)
{
    uint32_t count = 0;
    struct create_topics_request body;
    struct create_topics_response response;
    create_topics_request_init(&body);
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&node->arena, 1);
    body.topics[0].name = str_from(name);
    body.topics[0].num_partitions = partitions;
    body.topics[0].replication_factor = 1;
    while (settings && settings[count].name)
        count++;
    body.topics[0].configs_count = count;
    body.topics[0].configs = create_topics_request_config_new(&node->arena, count);
    for (uint32_t i = 0; i < count; i++) {
        body.topics[0].configs[i].name = str_from(settings[i].name);
        body.topics[0].configs[i].value = str_from(settings[i].value);
    }
    node_call(node, node_connect(node), WIRE_CREATE_TOPICS, 7, &body, &response);
    check(response.topics_count == 1);
    return response.topics[0];
}

enum err node_create_topic(struct node *node, const char *name)
{
    return (enum err)node_create(node, name, 1, NULL).error_code;
}

struct uuid node_create_partitions(struct node *node, const char *name, int32_t partitions)
{
    struct create_topics_response_topic answer = node_create(node, name, partitions, NULL);
    check(answer.error_code == ERR_NONE);
    return answer.topic_id;
}

struct produce_request node_produce_request(struct node *node, const char *topic, int16_t acks,
                                            struct bytes records)
{
    struct produce_request body;
    produce_request_init(&body);
    body.acks = acks;
    body.timeout_ms = 1000;
    body.topics_count = 1;
    body.topics = produce_request_topic_new(&node->arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = produce_request_partition_new(&node->arena, 1);
    body.topics[0].partitions[0].records = records;
    return body;
}

struct produce_response_partition node_produce(struct node *node, conn_id conn, const char *topic,
                                               struct bytes records)
{
    struct produce_request body = node_produce_request(node, topic, -1, records);
    struct produce_response response;
    node_call(node, conn, WIRE_PRODUCE, 9, &body, &response);
    check(response.topics_count == 1);
    check(response.topics[0].partitions_count == 1);
    return response.topics[0].partitions[0];
}

static struct bytes batch_of(struct node *node, struct bytes value)
{
    struct batch_spec spec = batch_spec(0, -1, 1700000000000);
    struct batch_record record = {.value = value};
    struct buf *batch = batch_build(&spec, &record, 1);
    struct bytes bytes = {.data = arena_copy(&node->arena, batch->data, batch->size),
                          .size = batch->size};
    buf_unref(batch);
    return bytes;
}

struct bytes node_batch(struct node *node, const char *value)
{
    return batch_of(node, bytes_of_str(str_from(value)));
}

struct bytes node_large_batch(struct node *node, uint32_t size)
{
    const uint8_t *value = arena_alloc(&node->arena, size);
    return batch_of(node, (struct bytes){.data = value, .size = size});
}

struct fetch_response_partition node_fetch(struct node *node, conn_id conn, const char *topic,
                                           log_offset offset)
{
    struct fetch_request body;
    struct fetch_response response;
    fetch_request_init(&body);
    body.max_bytes = 1 << 20;
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node->arena, 1);
    body.topics[0].name = str_from(topic);
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node->arena, 1);
    body.topics[0].partitions[0].fetch_offset = offset;
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    node_call(node, conn, WIRE_FETCH, 12, &body, &response);
    check(response.error_code == ERR_NONE);
    return response.topics[0].partitions[0];
}

/* ---- A second broker. */

static void follower_register(struct node *node, struct follower *follower)
{
    struct broker_registration_request body;
    struct broker_registration_response response;
    char *cluster_id = arena_alloc(&node->arena, UUID_TEXT_SIZE);
    uuid_format(node->shard->identity.cluster_id, cluster_id);
    broker_registration_request_init(&body);
    body.broker_id = follower->id;
    body.cluster_id = str_from(cluster_id);
    body.incarnation_id = (struct uuid){{7, 8, 9}};
    body.listeners_count = 1;
    body.listeners = broker_registration_request_listener_new(&node->arena, 1);
    body.listeners[0].name = STR("INTERNAL");
    body.listeners[0].host = STR("node");
    body.listeners[0].port = 2;
    body.listeners[0].internal = true;
    struct uuid directory = {{4, 5, 6}};
    body.log_dirs_count = 1;
    body.log_dirs = &directory;
    node_call(node, follower->conn, WIRE_BROKER_REGISTRATION, 4, &body, &response);
    check(response.error_code == ERR_NONE);
    follower->epoch = response.broker_epoch;
}

void node_unfence_follower(struct node *node, struct follower *follower)
{
    struct broker_heartbeat_request body;
    struct broker_heartbeat_response response;
    broker_heartbeat_request_init(&body);
    body.broker_id = follower->id;
    body.broker_epoch = follower->epoch;
    body.current_metadata_offset = node->shard->image->offset;
    node_call(node, follower->conn, WIRE_BROKER_HEARTBEAT, 2, &body, &response);
    check(response.error_code == ERR_NONE);
    check(!response.is_fenced);
}

void node_add_follower(struct node *node, struct follower *follower)
{
    *follower =
        (struct follower){.id = 2, .conn = fake_env_connect(&node->fake, LISTENER_INTERNAL)};
    follower_register(node, follower);
    node_unfence_follower(node, follower);
}

struct uuid node_create_replicated(struct node *node, const char *name, int32_t partitions)
{
    return node_create_assigned(node, name, partitions, (node_id[]){1, 2});
}

struct uuid node_create_assigned(struct node *node, const char *name, int32_t partitions,
                                 const node_id *brokers)
{
    struct create_topics_request body;
    struct create_topics_response response;
    create_topics_request_init(&body);
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&node->arena, 1);
    body.topics[0].name = str_from(name);
    body.topics[0].num_partitions = -1;
    body.topics[0].replication_factor = -1;
    body.topics[0].assignments_count = (uint32_t)partitions;
    body.topics[0].assignments =
        create_topics_request_assignment_new(&node->arena, (uint32_t)partitions);
    for (int32_t i = 0; i < partitions; i++) {
        body.topics[0].assignments[i].index = i;
        body.topics[0].assignments[i].broker_ids =
            arena_copy(&node->arena, brokers, 2 * sizeof *brokers);
        body.topics[0].assignments[i].broker_ids_count = 2;
    }
    node_call(node, node_connect(node), WIRE_CREATE_TOPICS, 7, &body, &response);
    check(response.topics[0].error_code == ERR_NONE);
    return response.topics[0].topic_id;
}

struct fetch_request node_follower_fetch(struct node *node, const struct follower *follower,
                                         struct uuid topic_id, log_offset offset)
{
    struct fetch_request body;
    fetch_request_init(&body);
    body.replica_state.replica_id = follower->id;
    body.replica_state.replica_epoch = follower->epoch;
    body.min_bytes = 1;
    body.max_bytes = 1 << 20;
    body.topics_count = 1;
    body.topics = fetch_request_topic_new(&node->arena, 1);
    body.topics[0].topic_id = topic_id;
    body.topics[0].partitions_count = 1;
    body.topics[0].partitions = fetch_request_partition_new(&node->arena, 1);
    body.topics[0].partitions[0].fetch_offset = offset;
    body.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    return body;
}

uint64_t node_inflight_size(const struct node *node)
{
    return node->shard->inflight_size;
}

uint64_t node_file_size(struct node *node, const char *path)
{
    for (uint32_t i = 0; i < node->fake.inode_count; i++)
        if (strcmp(node->fake.inodes[i]->path, path) == 0)
            return node->fake.inodes[i]->size;
    return 0;
}

void node_keep_record(struct node *node)
{
    check(node_create_topic(node, "kept") == ERR_NONE);
    struct produce_response_partition answer =
        node_produce(node, node_connect(node), "kept", node_batch(node, "acknowledged before"));
    check(answer.error_code == ERR_NONE);
    check(answer.base_offset == 0);
}

void node_check_record(struct node *node)
{
    struct batch_walk walk;
    struct batch_record record;
    check(!node->fake.has_failed);
    struct fetch_response_partition answer = node_fetch(node, node_connect(node), "kept", 0);
    check(answer.error_code == ERR_NONE);
    check(answer.high_watermark >= 1);
    check(batch_walk_start(&walk, answer.records.memory) == ERR_NONE);
    check(batch_walk_next(&walk, &record) == ERR_NONE);
    check(bytes_equal(record.value, bytes_of_str(STR("acknowledged before"))));
}
