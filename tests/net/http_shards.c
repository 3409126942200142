/* http_shards.c -- a node of two shards: a page tells of both, whichever was asked. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http_fixture.h"

enum { SHARDS = 2, PARTITIONS = 50, LETTERS_MAX = 4096, STEPS_MAX = 100000 };

/* One node: the parts share a config, and letters are all that goes between them. */
static struct node parts[SHARDS];
static struct env_ops ops;
static struct letter *mail[SHARDS][LETTERS_MAX];
static uint32_t mail_count[SHARDS];

static void post(struct env *env, uint32_t shard, struct letter *letter)
{
    (void)env;
    check(mail_count[shard] < LETTERS_MAX);
    mail[shard][mail_count[shard]++] = letter;
}

static bool deliver(uint32_t i)
{
    uint32_t count = mail_count[i];
    for (uint32_t k = 0; k < count; k++)
        shard_deliver(parts[i].shard,
                      &(struct env_event){.kind = ENV_LETTER, .letter = mail[i][k]});
    mail_count[i] = 0;
    return fake_env_deliver(&parts[i].fake) || count > 0 ||
           shard_deadline(parts[i].shard) <= parts[i].fake.now;
}

/* Everything that is due within `ms`, a millisecond after the other. */
static void run(mono_ms ms)
{
    uint32_t steps = 0;
    for (mono_ms end = parts[0].fake.now + ms; parts[0].fake.now < end;) {
        bool busy = false;
        for (uint32_t i = 0; i < SHARDS; i++)
            if (deliver(i)) {
                shard_tick(parts[i].shard, parts[i].fake.now);
                busy = true;
            }
        check(++steps < STEPS_MAX);
        for (uint32_t i = 0; i < SHARDS && !busy; i++)
            parts[i].fake.now++;
    }
}

static void set_listener(struct config *config, uint32_t place, const char *name, uint16_t port)
{
    struct config_listener *listener = &config->listeners[place];
    snprintf(listener->name, sizeof listener->name, "%s", name);
    snprintf(listener->bind.host, sizeof listener->bind.host, "node");
    listener->bind.port = port;
    listener->advertised = listener->bind;
    listener->internal = place == LISTENER_INTERNAL;
}

static void fill_config(struct config *config)
{
    config_init(config);
    config->shards = SHARDS;
    config->voter_count = 1;
    config->voters[0].id = 1;
    snprintf(config->voters[0].address.host, sizeof config->voters[0].address.host, "node");
    config->voters[0].address.port = 2;
    set_listener(config, LISTENER_CLIENT, "PLAINTEXT", 1);
    set_listener(config, LISTENER_INTERNAL, "INTERNAL", 2);
    http_add_listener(config);
}

static void start(void)
{
    fill_config(&parts[0].config);
    for (uint32_t i = 0; i < SHARDS; i++) {
        fake_env_init(&parts[i].fake, &parts[0].config);
        ops = *parts[i].fake.env.ops;
        ops.post = post;
        parts[i].fake.env.ops = &ops;
        check(shard_open(&parts[i].shard, &parts[0].config, i, &parts[i].fake.env) == ERR_NONE);
        parts[i].fake.shard = parts[i].shard;
    }
    run(3000);
}

static void create_topic(void)
{
    struct create_topics_request body;
    create_topics_request_init(&body);
    body.topics_count = 1;
    body.topics = create_topics_request_topic_new(&parts[0].arena, 1);
    body.topics[0].name = STR("spread");
    body.topics[0].num_partitions = PARTITIONS;
    body.topics[0].replication_factor = 1;
    body.timeout_ms = 1000;
    node_ask(&parts[0], node_connect(&parts[0]), WIRE_CREATE_TOPICS, 7, &body);
    run(1000);
}

static void stop(void)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard_close(parts[i].shard);
        fake_env_free(&parts[i].fake);
        arena_free(&parts[i].arena);
    }
}

static const char *get(uint32_t shard, const char *path)
{
    char text[128];
    conn_id conn = http_connect(&parts[shard]);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: node\r\n\r\n", path);
    http_send(&parts[shard], conn, text);
    run(5);
    return http_take(&parts[shard], conn);
}

TestSuite(http_shards, .init = start, .fini = stop);

Test(http_shards, say_the_same_of_readiness)
{
    cr_assert(strstr(get(0, "/ready"), "\r\n\r\nready\n"));
    cr_assert(strstr(get(1, "/ready"), "\r\n\r\nready\n"));
    cr_assert(strstr(get(1, "/health"), "\r\n\r\nok\n"));
}

Test(http_shards, tell_of_each_partition_once)
{
    create_topic();
    for (uint32_t asked = 0; asked < SHARDS; asked++) {
        const char *metrics = http_join_chunks(&parts[asked], get(asked, "/metrics"));
        for (int i = 0; i < PARTITIONS; i++) {
            char sample[64];
            snprintf(sample, sizeof sample,
                     "kafka_log_log_logendoffset{topic=\"spread\",partition=\"%d\"}", i);
            const char *found = strstr(metrics, sample);
            cr_assert(found, "%s", sample);
            cr_assert_not(strstr(found + 1, sample), "%s", sample);
        }
        cr_assert_eq(http_sample(metrics, "kafka_server_replicamanager_partitioncount"),
                     PARTITIONS);
        cr_assert_eq(http_sample(metrics, "kafka_controller_kafkacontroller_globaltopiccount"), 1);
        cr_assert_not(
            strstr(strstr(metrics, "# TYPE kafka_log_log_size") + 1, "# TYPE kafka_log_log_size"));
    }
}

Test(http_shards, add_up_what_each_has_counted)
{
    const char *before = http_join_chunks(&parts[1], get(1, "/metrics"));

    node_connect(&parts[0]);
    node_connect(&parts[1]);
    run(5);
    const char *after = http_join_chunks(&parts[1], get(1, "/metrics"));

    cr_assert_eq(http_sample(after, "skiff_connections_accepted_total") -
                     http_sample(before, "skiff_connections_accepted_total"),
                 2);
}
