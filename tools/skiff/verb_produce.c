/* verb_produce.c -- skiff produce: lines from standard input become records.
 *
 * Idempotent with acks=all unless -X says otherwise; keys hash as Java's do, and records without
 * one stay together for a while. librdkafka does so too, but only once it has a connection to each
 * partition's leader, when most of a short input has been sent everywhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_settings.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { HEADERS_MAX = 32, STAY_US = 10000 };
#define QUEUE_KBYTES "16384"
#define PARTITIONER "murmur2_random"

const struct flag produce_flags[] = {
    {'k', "key", "TEXT", "the key of every record"},
    {'K', "key-delimiter", "TEXT", "lines are KEY TEXT VALUE"},
    {'H', "header", "K=V", "a header of every record; may be repeated"},
    {'Z', "null", NULL, "an empty value is null: a tombstone, where the topic is compacted"},
    {'p', "partition", "N", "this partition, not the key's"},
    {'z', "compression", "CODEC", "gzip, snappy, lz4 or zstd"},
    {'J', "json-records", NULL, "print each acknowledged record's place as a line of JSON"},
    {'q', "quiet", NULL, "no summary"},
    {0, NULL, NULL, NULL},
};

struct producing {
    const struct call *call;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    int64_t partition;
    bool prints_places;
    uint64_t acked;
    uint64_t failed;
    rd_kafka_resp_err_t last_err;
    _Atomic int32_t stays; /* Where records without a key go. librdkafka's thread asks, too. */
    _Atomic int64_t stays_until_us;
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct producing *producing = opaque;
    (void)client;
    if (message->err) {
        producing->failed++;
        producing->last_err = message->err;
        return;
    }
    producing->acked++;
    if (producing->prints_places)
        printf("{\"partition\":%d,\"offset\":%lld}\n", message->partition,
               (long long)message->offset);
}

static int32_t choose_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_size,
                                int32_t count, void *opaque, void *message)
{
    struct producing *producing = opaque;
    if (key)
        return rd_kafka_msg_partitioner_murmur2(topic, key, key_size, count, opaque, message);
    if (now_us() >= producing->stays_until_us || producing->stays >= count) {
        producing->stays = rd_kafka_msg_partitioner_random(topic, NULL, 0, count, opaque, message);
        producing->stays_until_us = now_us() + STAY_US;
    }
    return producing->stays;
}

/* With our partitioner, unless -X or -F asked for another one. */
static rd_kafka_topic_t *open_topic(struct producing *producing)
{
    char name[64];
    size_t size = sizeof name;
    rd_kafka_topic_conf_t *settings = rd_kafka_default_topic_conf_dup(producing->client);
    if (rd_kafka_topic_conf_get(settings, "partitioner", name, &size) == RD_KAFKA_CONF_OK &&
        !strcmp(name, PARTITIONER)) {
        rd_kafka_topic_conf_set_partitioner_cb(settings, choose_partition);
        rd_kafka_topic_conf_set_opaque(settings, producing);
    }
    return rd_kafka_topic_new(producing->client, producing->call->arguments[0], settings);
}

/* What a call does without -X and -F, then those, then the flags of the verb. */
static int read_settings(const struct call *call, rd_kafka_conf_t *settings)
{
    char timeout[32];
    const char *codec = call_flag(call, "compression");
    int64_t timeout_ms = call->timeout_us / 1000;
    snprintf(timeout, sizeof timeout, "%lld",
             (long long)(timeout_ms ? timeout_ms : 1)); /* 0: never. */
    int code = client_set(settings, "enable.idempotence", "true");
    if (!code)
        code = client_set(settings, "partitioner", PARTITIONER);
    if (!code) /* Its own way of staying would come before choose_partition(). */
        code = client_set(settings, "sticky.partitioning.linger.ms", "0");
    if (!code)
        code = client_set(settings, "message.timeout.ms", timeout);
    if (!code) /* What waits here must be able to leave within that time. */
        code = client_set(settings, "queue.buffering.max.kbytes", QUEUE_KBYTES);
    if (!code)
        code = client_settings_read(call, settings);
    if (!code && call_flag(call, "timeout"))
        code = client_set(settings, "message.timeout.ms", timeout);
    if (!code && codec)
        code = client_set(settings, "compression.codec", codec);
    return code;
}

static int open_client(struct producing *producing)
{
    char reason[256];
    const struct call *call = producing->call;
    rd_kafka_conf_t *settings = client_settings_new();
    int code = read_settings(call, settings);
    if (code) {
        rd_kafka_conf_destroy(settings);
        return code;
    }
    rd_kafka_conf_set_dr_msg_cb(settings, on_delivery);
    rd_kafka_conf_set_opaque(settings, producing);
    producing->client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof reason);
    if (!producing->client) {
        rd_kafka_conf_destroy(settings);
        return say_error(EXIT_FAILED, "%s", reason);
    }
    producing->topic = open_topic(producing);
    return producing->topic ? EXIT_DONE
                            : say_error(EXIT_FAILED, "%s", rd_kafka_err2str(rd_kafka_last_error()));
}

static rd_kafka_headers_t *make_headers(const struct call *call)
{
    if (!call_flag(call, "header"))
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS_MAX);
    const char *header;
    for (uint32_t i = 0; (header = call_flag_at(call, "header", i)); i++) {
        const char *equals = strchr(header, '=');
        size_t size = equals ? (size_t)(equals - header) : strlen(header);
        rd_kafka_header_add(headers, header, (ssize_t)size, equals ? equals + 1 : NULL,
                            equals ? (ssize_t)strlen(equals + 1) : 0);
    }
    return headers;
}

static rd_kafka_resp_err_t send_record(struct producing *producing, const char *key,
                                       size_t key_size, const char *value, size_t value_size)
{
    for (;;) {
        rd_kafka_headers_t *headers = make_headers(producing->call);
        rd_kafka_resp_err_t err = rd_kafka_producev(
            producing->client, RD_KAFKA_V_RKT(producing->topic),
            RD_KAFKA_V_PARTITION((int32_t)producing->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_size), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
        if (err && headers)
            rd_kafka_headers_destroy(headers);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return err;
        rd_kafka_poll(producing->client, 100);
    }
}

static int send_lines(struct producing *producing)
{
    const char *fixed_key = call_flag(producing->call, "key");
    const char *delimiter = call_flag(producing->call, "key-delimiter");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int code = EXIT_DONE;
    while (!code && (size = getline(&line, &capacity, stdin)) >= 0) {
        const char *value = line;
        const char *key = fixed_key;
        if (size > 0 && line[size - 1] == '\n')
            line[--size] = 0;
        size_t key_size = key ? strlen(key) : 0;
        size_t value_size = (size_t)size;
        const char *split =
            delimiter && *delimiter ? memmem(line, value_size, delimiter, strlen(delimiter)) : NULL;
        if (split) {
            key = line;
            key_size = (size_t)(split - line);
            value = split + strlen(delimiter);
            value_size -= key_size + strlen(delimiter);
        }
        if (!value_size && call_flag(producing->call, "null"))
            value = NULL;
        rd_kafka_resp_err_t err = send_record(producing, key, key_size, value, value_size);
        if (err)
            code = say_error(EXIT_FAILED, "%s", rd_kafka_err2str(err));
        rd_kafka_poll(producing->client, 0);
    }
    free(line);
    return code;
}

static int finish(struct producing *producing, int code)
{
    while (rd_kafka_outq_len(producing->client) > 0)
        rd_kafka_flush(producing->client, 1000); /* Ends: each record has its own deadline. */
    if (producing->failed) {
        bool late = producing->last_err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
        code = say_error(late ? EXIT_TIMED_OUT : EXIT_FAILED, "%llu record%s not acknowledged: %s",
                         (unsigned long long)producing->failed,
                         producing->failed == 1 ? " was" : "s were",
                         late ? "no broker did so in time (see --timeout)"
                              : rd_kafka_err2str(producing->last_err));
    }
    if (producing->call->json)
        print_json(json_pack("{sI sI}", "acknowledged", (json_int_t)producing->acked, "failed",
                             (json_int_t)producing->failed));
    else if (!call_flag(producing->call, "quiet"))
        fprintf(stderr, "%llu record%s acknowledged\n", (unsigned long long)producing->acked,
                producing->acked == 1 ? "" : "s");
    return code;
}

int run_produce(struct call *call)
{
    struct producing producing = {.call = call};
    producing.prints_places = call_flag(call, "json-records") != NULL;
    int code =
        call_number(call, "partition", 0, INT32_MAX, RD_KAFKA_PARTITION_UA, &producing.partition);
    if (!code)
        code = open_client(&producing);
    if (!code) {
        code = send_lines(&producing);
        code = finish(&producing, code);
    }
    if (producing.topic)
        rd_kafka_topic_destroy(producing.topic);
    if (producing.client)
        rd_kafka_destroy(producing.client);
    return code;
}
