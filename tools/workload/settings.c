/* settings.c -- the two profiles of clients, stock and tuned, and what makes either correct.
 *
 * Stock is librdkafka as it comes, with nothing but idempotence where acks=all asks for
 * it. What was measured for each tuned value stands in README.md. */
#include <string.h>

#include "client_settings.h"
#include "say.h"
#include "workload.h"

struct setting {
    const char *key;
    const char *value;
};

static const struct setting tuned_always[] = {
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "200"},
    {"socket.timeout.ms", "2000"},
    {"socket.nagle.disable", "true"},
    {"topic.metadata.refresh.interval.ms", "1000"},
    {"topic.metadata.refresh.fast.interval.ms", "50"},
    {NULL, NULL},
};

static const struct setting tuned_producer[] = {
    {"retry.backoff.ms", "50"},
    {"linger.ms", "1"},
    {NULL, NULL},
};

static const struct setting tuned_consumer[] = {
    {"fetch.error.backoff.ms", "50"},
    {"fetch.wait.max.ms", "100"},
    {NULL, NULL},
};

/* A reader decides itself where to go on, and a checksum is looked at by whoever checks. */
static const struct setting any_consumer[] = {
    {"check.crcs", "true"},
    {"auto.offset.reset", "error"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

static int set_all(rd_kafka_conf_t *settings, const struct setting *list)
{
    int code = EXIT_DONE;
    for (; !code && list->key; list++)
        code = client_set(settings, list->key, list->value);
    return code;
}

static int set_acks(const struct call *call, rd_kafka_conf_t *settings)
{
    const char *acks = call_flag(call, "acks");
    if (!acks || strcmp(acks, "all") == 0)
        return client_set(settings, "enable.idempotence", "true");
    if (strcmp(acks, "1") == 0)
        return client_set(settings, "acks", "1");
    return say_error(EXIT_USAGE, "--acks %s: all or 1", acks);
}

static int set_profile(const struct call *call, rd_kafka_type_t type, rd_kafka_conf_t *settings)
{
    const char *profile = call_flag(call, "profile");
    if (profile && strcmp(profile, "stock") == 0)
        return EXIT_DONE;
    if (profile && strcmp(profile, "tuned") != 0)
        return say_error(EXIT_USAGE, "--profile %s: stock or tuned", profile);
    int code = set_all(settings, tuned_always);
    return code ? code
                : set_all(settings, type == RD_KAFKA_PRODUCER ? tuned_producer : tuned_consumer);
}

int workload_settings(const struct call *call, rd_kafka_type_t type, rd_kafka_conf_t **out)
{
    rd_kafka_conf_t *settings = client_settings_new();
    int code = client_set(settings, "client.id", "skiff-chaos");
    if (!code)
        code = set_profile(call, type, settings);
    if (!code)
        code =
            type == RD_KAFKA_PRODUCER ? set_acks(call, settings) : set_all(settings, any_consumer);
    if (!code)
        code = client_settings_read(call, settings);
    if (code)
        rd_kafka_conf_destroy(settings);
    else
        *out = settings;
    return code;
}

int workload_client(rd_kafka_type_t type, rd_kafka_conf_t *settings, rd_kafka_t **out)
{
    char reason[256];
    rd_kafka_t *client = rd_kafka_new(type, settings, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(settings);
        return say_error(EXIT_FAILED, "%s", reason);
    }
    *out = client;
    return EXIT_DONE;
}
