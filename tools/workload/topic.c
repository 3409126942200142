/* topic.c -- topic create and topic delete, by librdkafka's admin client.
 *
 * Only topics of the bench: what is named otherwise belongs to the cluster's users. */
#include <stdio.h>
#include <string.h>

#include "client_settings.h"
#include "say.h"
#include "verbs.h"

enum { CONFIGS_MAX = 32, REASON_SIZE = 512, NAMES_MAX = 1000, MARGIN_MS = 1000 };

const struct flag topic_create_flags[] = {
    {'p', "partitions", "N", "how many (1)"},
    {'r', "replication-factor", "N", "copies of each (the brokers' default)"},
    {'c', "config", "K=V", "a topic config, such as min.insync.replicas=2; may be repeated"},
    {0, NULL, NULL, NULL},
};

struct admin {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    int wait_ms;
};

static void close_admin(struct admin *admin)
{
    if (admin->options)
        rd_kafka_AdminOptions_destroy(admin->options);
    if (admin->queue)
        rd_kafka_queue_destroy(admin->queue);
    if (admin->client)
        rd_kafka_destroy(admin->client);
}

static int open_admin(struct admin *admin, const struct call *call, rd_kafka_admin_op_t operation)
{
    char reason[REASON_SIZE];
    rd_kafka_conf_t *settings;
    *admin = (struct admin){.wait_ms = (int)(call->timeout_us / 1000)};
    int code = workload_settings(call, RD_KAFKA_CONSUMER, &settings);
    if (!code)
        code = workload_client(RD_KAFKA_CONSUMER, settings, &admin->client);
    if (code)
        return code;
    admin->queue = rd_kafka_queue_new(admin->client);
    admin->options = rd_kafka_AdminOptions_new(admin->client, operation);
    if (rd_kafka_AdminOptions_set_request_timeout(admin->options, admin->wait_ms, reason,
                                                  sizeof reason) ||
        rd_kafka_AdminOptions_set_operation_timeout(admin->options, admin->wait_ms, reason,
                                                    sizeof reason))
        return say_error(EXIT_USAGE, "--timeout: %s", reason);
    return EXIT_DONE;
}

static int exit_code_of_client(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
        return EXIT_FAILED;
    default:
        return exit_code_of(err);
    }
}

/* What became of each topic. */
static int tell_results(const rd_kafka_topic_result_t **results, size_t count, const char *done,
                        bool json)
{
    int code = EXIT_DONE;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);
        const char *name = rd_kafka_topic_result_name(results[i]);
        const char *reason = rd_kafka_topic_result_error_string(results[i]);
        if (err)
            code = say_error(exit_code_of_client(err), "topic %s: %s (%s)", name,
                             rd_kafka_err2name(err), reason ? reason : "no reason given");
        else if (!json)
            printf("%s %s\n", done, name);
    }
    return code;
}

/* Wait for the one answer. */
static int take_answer(const struct admin *admin, const struct call *call, const char *done)
{
    size_t count = 0;
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, admin->wait_ms + MARGIN_MS);
    if (!event)
        return say_error(EXIT_FAILED, "no broker answered in time");
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    int code = EXIT_DONE;
    if (err) {
        code = say_error(exit_code_of_client(err), "%s: %s", rd_kafka_err2name(err),
                         rd_kafka_event_error_string(event));
    } else if (rd_kafka_event_CreateTopics_result(event)) {
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        code = tell_results(results, count, done, call->json);
    } else {
        const rd_kafka_topic_result_t **results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        code = tell_results(results, count, done, call->json);
    }
    rd_kafka_event_destroy(event);
    return code;
}

static int set_configs(const struct call *call, rd_kafka_NewTopic_t *topic)
{
    const char *config;
    for (uint32_t i = 0; (config = call_flag_at(call, "config", i)); i++) {
        char key[256];
        size_t size = strcspn(config, "=");
        if (config[size] != '=' || size == 0 || size >= sizeof key)
            return say_error(EXIT_USAGE, "-c %s: not key=value", config);
        memcpy(key, config, size);
        key[size] = 0;
        rd_kafka_NewTopic_set_config(topic, key, config + size + 1);
    }
    return EXIT_DONE;
}

int run_topic_create(struct call *call)
{
    struct admin admin = {0};
    char reason[REASON_SIZE];
    int64_t partitions;
    int64_t copies;
    rd_kafka_NewTopic_t *topic = NULL;
    int code = workload_own_topic(call->arguments[0]);
    if (!code)
        code = call_number(call, "partitions", 1, HISTORY_PARTITIONS_MAX, 1, &partitions);
    if (!code)
        code = call_number(call, "replication-factor", 1, INT16_MAX, -1, &copies);
    if (!code)
        code = open_admin(&admin, call, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    if (!code) {
        topic = rd_kafka_NewTopic_new(call->arguments[0], (int)partitions, (int)copies, reason,
                                      sizeof reason);
        code = topic ? set_configs(call, topic) : say_error(EXIT_USAGE, "%s", reason);
    }
    if (!code) {
        rd_kafka_CreateTopics(admin.client, &topic, 1, admin.options, admin.queue);
        code = take_answer(&admin, call, "created");
    }
    if (topic)
        rd_kafka_NewTopic_destroy(topic);
    close_admin(&admin);
    return code;
}

/* The topics that a pattern stands for, behind those that are in `names` already. */
static int find_topics(const struct admin *admin, const char *pattern,
                       rd_kafka_DeleteTopic_t **names, size_t *count)
{
    const struct rd_kafka_metadata *metadata;
    size_t size = strlen(pattern) - 1; /* Without the star. */
    rd_kafka_resp_err_t err = rd_kafka_metadata(admin->client, 1, NULL, &metadata, admin->wait_ms);
    if (err)
        return say_error(EXIT_FAILED, "no broker answered in time: %s", rd_kafka_err2str(err));
    for (int i = 0; i < metadata->topic_cnt && *count < NAMES_MAX; i++)
        if (strncmp(metadata->topics[i].topic, pattern, size) == 0)
            names[(*count)++] = rd_kafka_DeleteTopic_new(metadata->topics[i].topic);
    rd_kafka_metadata_destroy(metadata);
    return EXIT_DONE;
}

int run_topic_delete(struct call *call)
{
    struct admin admin = {0};
    rd_kafka_DeleteTopic_t *names[NAMES_MAX];
    size_t count = 0;
    int code = EXIT_DONE;
    for (uint32_t i = 0; !code && i < call->argument_count; i++)
        code = workload_own_topic(call->arguments[i]);
    if (!code)
        code = open_admin(&admin, call, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    for (uint32_t i = 0; !code && i < call->argument_count; i++) {
        const char *name = call->arguments[i];
        if (name[strlen(name) - 1] == '*')
            code = find_topics(&admin, name, names, &count);
        else if (count < NAMES_MAX)
            names[count++] = rd_kafka_DeleteTopic_new(name);
    }
    if (!code && count > 0) {
        rd_kafka_DeleteTopics(admin.client, names, count, admin.options, admin.queue);
        code = take_answer(&admin, call, "deleted");
    }
    for (size_t i = 0; i < count; i++)
        rd_kafka_DeleteTopic_destroy(names[i]);
    close_admin(&admin);
    return code;
}
