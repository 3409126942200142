/* consumers.c -- clients of the consumer protocol as stock ones are, the cluster's topics, and the
 * bytes that classic clients exchange. */
#include "history.h"

#include <stdio.h>

enum { BEAT_PATIENCE_MS = 2500, BLOB_MAX = 512 };

static uint64_t topics_version(const void *context)
{
    return ((const struct history *)context)->topics_version;
}

static bool topic_by_name(const void *context, struct str name, struct group_topic *out)
{
    const struct history *history = context;
    for (uint32_t i = 0; i < TOPICS; i++)
        if (str_equal(history->topics[i].name, name) && history->topics[i].partition_count > 0) {
            *out = history->topics[i];
            return true;
        }
    return false;
}

static bool topic_by_id(const void *context, struct uuid id, struct group_topic *out)
{
    const struct history *history = context;
    for (uint32_t i = 0; i < TOPICS; i++)
        if (uuid_equal(history->topics[i].id, id) && history->topics[i].partition_count > 0) {
            *out = history->topics[i];
            return true;
        }
    return false;
}

static bool topic_after(const void *context, struct str after, struct group_topic *out)
{
    const struct history *history = context;
    for (uint32_t i = 0; i < TOPICS; i++)
        if (history->topics[i].partition_count > 0 &&
            (after.data == NULL || str_compare(history->topics[i].name, after) > 0)) {
            *out = history->topics[i];
            return true;
        }
    return false;
}

struct group_topics history_topics(struct history *history)
{
    static const struct str names[TOPICS] = {{.data = "t", .size = 1}, {.data = "x", .size = 1}};
    for (uint32_t i = 0; i < TOPICS; i++) {
        history->topics[i] =
            (struct group_topic){.name = names[i], .partition_count = i == 0 ? 4 : 0};
        store_be64(history->topics[i].id.bytes, i + 1);
    }
    return (struct group_topics){.context = history,
                                 .version = topics_version,
                                 .by_name = topic_by_name,
                                 .by_id = topic_by_id,
                                 .next = topic_after};
}

/* "t" grows, up to 6 partitions; "x" comes and goes. */
void change_topics(struct history *history)
{
    history->topics_version++;
    if (history_chance(history, 3)) {
        if (history->topics[0].partition_count < 6)
            history->topics[0].partition_count++;
        return;
    }
    history->topics[1].partition_count = history->topics[1].partition_count > 0 ? 0 : 2;
    store_be64(history->topics[1].id.bytes, 100 + history->topics_version);
}

bool shares_have(const struct shares *shares, struct share share)
{
    for (uint32_t i = 0; i < shares->count; i++)
        if (uuid_equal(shares->of[i].topic_id, share.topic_id) &&
            shares->of[i].index == share.index)
            return true;
    return false;
}

static void add_share(struct shares *shares, struct uuid topic_id, int32_t index)
{
    check(shares->count < SHARES_MAX);
    shares->of[shares->count++] = (struct share){.topic_id = topic_id, .index = index};
}

struct shares shares_of(uint32_t count, const struct group_topic_partitions *topics)
{
    struct shares shares = {.count = 0};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < topics[i].partition_count; j++)
            add_share(&shares, topics[i].topic_id, topics[i].partitions[j]);
    return shares;
}

struct shares deal_shares(const struct history *history, uint32_t place, uint32_t count)
{
    struct shares shares = {.count = 0};
    for (int32_t i = 0; i < history->topics[0].partition_count; i++)
        if ((uint32_t)i % count == place)
            add_share(&shares, history->topics[0].id, i);
    return shares;
}

/* Partitions of "t" alone, as [topic, [partition]]; others are of no interest to who writes. */
static void write_shares(struct history *history, struct wire_writer *writer,
                         const struct shares *shares)
{
    int32_t count = 0;
    for (uint32_t i = 0; i < shares->count; i++)
        count += uuid_equal(shares->of[i].topic_id, history->topics[0].id);
    wire_write_int32(writer, count > 0);
    if (count == 0)
        return;
    wire_write_string(writer, STR("t"));
    wire_write_int32(writer, count);
    for (uint32_t i = 0; i < shares->count; i++)
        if (uuid_equal(shares->of[i].topic_id, history->topics[0].id))
            wire_write_int32(writer, shares->of[i].index);
}

struct bytes write_subscription(struct history *history, const struct shares *owned)
{
    struct wire_writer writer;
    uint8_t *data = arena_alloc(&history->arena, BLOB_MAX);
    wire_writer_init(&writer, data, BLOB_MAX, NULL, 0);
    wire_write_int16(&writer, 1);
    wire_write_int32(&writer, 1);
    wire_write_string(&writer, STR("t"));
    wire_write_int32(&writer, -1);
    write_shares(history, &writer, owned);
    return (struct bytes){.data = data, .size = writer.size};
}

struct bytes write_assignment(struct history *history, const struct shares *shares, uint64_t stamp)
{
    struct wire_writer writer;
    uint8_t *data = arena_alloc(&history->arena, BLOB_MAX);
    wire_writer_init(&writer, data, BLOB_MAX, NULL, 0);
    wire_write_int16(&writer, 1);
    write_shares(history, &writer, shares);
    wire_write_int32(&writer, -1);
    wire_write_int32(&writer, (int32_t)(stamp >> 32));
    wire_write_int32(&writer, (int32_t)(uint32_t)stamp);
    return (struct bytes){.data = data, .size = writer.size};
}

static bool read_topic(const struct history *history, struct wire_reader *reader,
                       struct shares *shares)
{
    struct str name;
    struct group_topic topic;
    int32_t count, index;
    if (wire_read_string(reader, &name) != ERR_NONE || wire_read_int32(reader, &count) != ERR_NONE)
        return false;
    bool is_there = topic_by_name(history, name, &topic);
    for (int32_t i = 0; i < count; i++) {
        if (wire_read_int32(reader, &index) != ERR_NONE)
            return false;
        if (is_there)
            add_share(shares, topic.id, index);
    }
    return true;
}

bool read_assignment(const struct history *history, struct bytes bytes, struct shares *shares,
                     uint64_t *stamp)
{
    struct wire_reader reader;
    int16_t version;
    int32_t count, rest, high, low;
    *shares = (struct shares){.count = 0};
    *stamp = 0;
    wire_reader_init(&reader, bytes);
    if (wire_read_int16(&reader, &version) != ERR_NONE ||
        wire_read_int32(&reader, &count) != ERR_NONE)
        return false;
    for (int32_t i = 0; i < count; i++)
        if (!read_topic(history, &reader, shares))
            return false;
    if (wire_read_int32(&reader, &rest) != ERR_NONE)
        return false;
    if (wire_read_int32(&reader, &high) == ERR_NONE && wire_read_int32(&reader, &low) == ERR_NONE)
        *stamp = (uint64_t)(uint32_t)high << 32 | (uint32_t)low;
    return true;
}

static struct request *ask(struct history *history, uint32_t client, enum request_kind kind)
{
    return client_ask(history, client, kind, BEAT_PATIENCE_MS);
}

static void join(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    if (self->self.member_id[0] == '\0')
        snprintf(self->self.member_id, ID_SIZE, "c%u-%llu", client,
                 (unsigned long long)history->number);
    self->owned.count = 0;
    self->self.generation = 0;
    struct request *request = ask(history, client, ASK_BEAT);
    request->says_owned = request->is_whole = true;
}

static void live(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    struct request *request;
    uint64_t kind = rand_below(&history->rand, 30);
    if (!history->is_healed && kind == 0) {
        ask(history, client, ASK_BEAT)->self.generation =
            self->is_static && history_chance(history, 2) ? -2 : -1;
        return;
    }
    if (!history->is_healed && kind < 12) {
        ask(history, client, ASK_COMMIT)->offset = ++self->position;
        return;
    }
    request = ask(history, client, ASK_BEAT);
    request->is_whole = self->has_lost_touch;
    request->says_owned = request->is_whole || history_chance(history, 2);
    request->owned = self->owned;
}

void consumer_act(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    if (self->awaited != 0 && history->now < self->patience)
        return;
    if (self->awaited != 0)
        self->has_lost_touch = true;
    if (history->asked_count + 2 >= FLIGHTS_MAX)
        return;
    if (self->state == CLIENT_OUT)
        join(history, client);
    else
        live(history, client);
}

static void hear_error(struct history *history, struct client *self, enum err err)
{
    self->has_lost_touch = true;
    if (err == ERR_NOT_COORDINATOR || err == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
        err == ERR_STALE_MEMBER_EPOCH || err == ERR_UNRELEASED_INSTANCE_ID)
        return;
    if (err == ERR_FENCED_INSTANCE_ID)
        client_crash(history, self);
    self->state = CLIENT_OUT;
    self->owned.count = 0;
}

void consumer_hear(struct history *history, struct client *self, const struct answer *answer)
{
    if (answer->err != ERR_NONE) {
        hear_error(history, self, answer->err);
        return;
    }
    if (answer->kind != GROUP_REPLY_CONSUMER_HEARTBEAT)
        return;
    if (answer->self.generation < 0) {
        client_crash(history, self);
        return;
    }
    history->beats++;
    self->state = CLIENT_IN;
    self->has_lost_touch = false;
    self->self.generation = answer->self.generation;
    if (answer->has_shares)
        self->owned = answer->shares; /* What is not in it is given up before the next beat. */
}

void serve_beat(struct history *history, const struct request *request)
{
    static const struct str topics[] = {{.data = "t", .size = 1}};
    const struct client *client = &history->clients[request->client];
    bool by_regex = request->client % 3 == 0;
    struct group_topic_partitions owned[SHARES_MAX];
    struct consumer_heartbeat_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .member_id = str_from(request->self.member_id),
        .makes_member_id = true,
        .member_epoch = request->self.generation,
        .client_id = STR("c"),
        .client_host = STR("/127.0.0.1"),
        .rebalance_timeout_ms = request->is_whole ? 15000 : -1,
        .has_topics = request->is_whole,
        .topic_count = by_regex ? 0 : 1,
        .topics = topics,
        .has_owned = request->says_owned,
        .owned = owned,
    };
    if (request->is_whole && by_regex)
        command.topic_regex = STR("[tx]");
    for (uint32_t i = 0; i < request->owned.count && request->says_owned; i++)
        owned[command.owned_count++] =
            (struct group_topic_partitions){.topic_id = request->owned.of[i].topic_id,
                                            .partition_count = 1,
                                            .partitions = &request->owned.of[i].index};
    if (client->is_static) {
        char *name = arena_format(&history->arena, "i%u", request->client);
        command.instance_id = str_from(name);
    }
    group_decide_consumer_heartbeat(history_begin(history), &command);
}
