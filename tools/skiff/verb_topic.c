/* verb_topic.c -- skiff topic create, ls, describe, delete. */
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "controller.h"
#include "first_write.h"
#include "output.h"
#include "results.h"
#include "say.h"
#include "verbs.h"

enum {
    CONFIGS_MAX = 32,
    PARTITIONS_MAX = CONTROLLER_RECORDS_MAX - 1, /* The topic itself is a record, too. */
};

const struct flag topic_create_flags[] = {
    {'p', "partitions", "N", "how many (the brokers' num.partitions)"},
    {'r', "replication-factor", "N", "copies of each (the brokers' default, 3 of 3 nodes)"},
    {'c', "config", "KEY=VALUE", "a topic config, such as min.insync.replicas=1; may be repeated"},
    {0, "if-not-exists", NULL, "a topic that is there already is fine"},
    {0, NULL, NULL, NULL},
};

const struct flag topic_ls_flags[] = {
    {0, "internal", NULL, "internal topics too"},
    {0, "null", NULL, "names alone, each ended by a null byte, as `xargs -0` reads them"},
    {0, NULL, NULL, NULL},
};

const struct flag no_flags[] = {{0, NULL, NULL, NULL}};

/* Tell why, and note it. Returns whether the link is of no further use. */
static bool topic_failed(struct results *results, const char *topic, enum err err,
                         struct str message)
{
    int code = exit_code_of(err);
    bool is_unknown = results_is_unknown(err, message);
    if (is_unknown)
        say_error(code, "topic %s: not confirmed (%s); it may have been done", topic,
                  err_words(err));
    else if (message.size)
        say_error(code, "topic %s: %s (%.*s)", topic, err_name(err), (int)message.size,
                  message.data);
    else
        say_error(code, "topic %s: %s", topic, err_name(err));
    results_failed(results, topic, code, err, message);
    return is_unknown;
}

static int read_create_flags(const struct call *call, struct admin_topic *topic,
                             const char *configs[CONFIGS_MAX])
{
    int64_t partitions;
    int64_t copies;
    const char *config;
    int code = call_number(call, "partitions", 1, PARTITIONS_MAX, -1, &partitions);
    if (!code)
        code = call_number(call, "replication-factor", 1, INT16_MAX, -1, &copies);
    if (code)
        return code;
    topic->partitions = (int32_t)partitions;
    topic->replication_factor = (int16_t)copies;
    topic->configs = configs;
    while ((config = call_flag_at(call, "config", topic->config_count))) {
        if (!strchr(config, '=') || *config == '=')
            return say_error(EXIT_USAGE, "-c %s: write KEY=VALUE", config);
        if (topic->config_count == CONFIGS_MAX)
            return say_error(EXIT_USAGE, "-c %s: more than %d of them", config, CONFIGS_MAX);
        configs[topic->config_count++] = config;
    }
    return EXIT_DONE;
}

/* Returns whether the next one may be tried. */
static bool create_one(const struct call *call, struct link *link, const struct admin_topic *topic,
                       struct results *results)
{
    struct arena arena = {0};
    struct str message;
    bool goes_on = true;
    enum err err = admin_create(link, topic, now_us() + call->timeout_us, &arena, &message);
    bool is_there = err == ERR_TOPIC_ALREADY_EXISTS && call_flag(call, "if-not-exists");
    if (err && !is_there) {
        goes_on = !topic_failed(results, topic->name, err, message);
    } else {
        results_done(results, topic->name, is_there ? "exists" : "created");
        if (!call->json)
            say("%s %s", is_there ? "there already:" : "created", topic->name);
    }
    arena_free(&arena);
    return goes_on;
}

int run_topic_create(struct call *call)
{
    struct admin_topic topic = {0};
    const char *configs[CONFIGS_MAX];
    struct results results;
    struct link *link;
    bool goes_on = true;
    int code = read_create_flags(call, &topic, configs);
    if (!code)
        code = admin_open_call(&link, call);
    if (code)
        return code;
    results_begin(&results, call, "topic");
    for (uint32_t i = 0; i < call->argument_count; i++) {
        topic.name = call->arguments[i];
        if (goes_on)
            goes_on = create_one(call, link, &topic, &results);
        else
            results_untried(&results, topic.name);
    }
    link_close(link);
    return results_end(&results);
}

static bool delete_one(const struct call *call, struct link *link, const char *name,
                       struct results *results)
{
    struct arena arena = {0};
    struct str message;
    bool goes_on = true;
    enum err err = admin_delete(link, name, now_us() + call->timeout_us, &arena, &message);
    if (err) {
        goes_on = !topic_failed(results, name, err, message);
    } else {
        results_done(results, name, "deleted");
        if (!call->json)
            say("deleted %s", name);
    }
    arena_free(&arena);
    return goes_on;
}

int run_topic_delete(struct call *call)
{
    struct results results;
    struct link *link;
    bool goes_on = true;
    int code = admin_open_call(&link, call);
    if (code)
        return code;
    results_begin(&results, call, "topic");
    for (uint32_t i = 0; i < call->argument_count; i++)
        if (goes_on)
            goes_on = delete_one(call, link, call->arguments[i], &results);
        else
            results_untried(&results, call->arguments[i]);
    link_close(link);
    return results_end(&results);
}

static bool is_hidden(const struct metadata_response_topic *topic)
{
    return topic->is_internal || str_equal(topic->name, str_from(FIRST_WRITE_TOPIC));
}

static uint32_t without_leader(const struct metadata_response_topic *topic)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        count += topic->partitions[i].leader_id < 0;
    return count;
}

static uint32_t under_replicated(const struct metadata_response_topic *topic)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        count += topic->partitions[i].isr_nodes_count < topic->partitions[i].replica_nodes_count;
    return count;
}

static void print_names(const struct metadata_response *response, bool all)
{
    for (uint32_t i = 0; i < response->topics_count; i++)
        if (all || !is_hidden(&response->topics[i]))
            print_null_ended(response->topics[i].name);
}

static void print_topics(const struct metadata_response *response, bool all, bool json)
{
    static const char *const heads[] = {"TOPIC", "PARTITIONS", "REPLICAS", "LEADERLESS",
                                        "UNDER-REPLICATED"};
    struct table *table = json ? NULL : table_open(5, heads);
    json_t *list = json ? json_array() : NULL;
    for (uint32_t i = 0; i < response->topics_count; i++) {
        const struct metadata_response_topic *topic = &response->topics[i];
        uint32_t copies = topic->partitions_count ? topic->partitions[0].replica_nodes_count : 0;
        if (is_hidden(topic) && !all)
            continue;
        if (json) {
            json_array_append_new(list,
                                  json_pack("{ss% si si si si}", "topic", topic->name.data,
                                            (size_t)topic->name.size, "partitions",
                                            (int)topic->partitions_count, "replication_factor",
                                            (int)copies, "leaderless", (int)without_leader(topic),
                                            "under_replicated", (int)under_replicated(topic)));
            continue;
        }
        table_cell(table, "%.*s", (int)topic->name.size, topic->name.data);
        table_cell(table, "%u", topic->partitions_count);
        table_cell(table, "%u", copies);
        table_cell(table, "%u", without_leader(topic));
        table_cell(table, "%u", under_replicated(topic));
    }
    if (json)
        print_json(list);
    else
        table_print_close(table);
}

int run_topic_ls(struct call *call)
{
    struct link *link;
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_response response;
    int code = admin_open_call(&link, call);
    if (code)
        return code;
    code = admin_metadata(link, NULL, now_us() + call->timeout_us, &arena, &reply, &response);
    if (!code) {
        bool all = call_flag(call, "internal") != NULL;
        if (call_flag(call, "null"))
            print_names(&response, all);
        else
            print_topics(&response, all, call->json);
        client_reply_free(&reply);
    }
    arena_free(&arena);
    link_close(link);
    return code;
}

static void describe_table(const struct metadata_response_topic *topic)
{
    static const char *const heads[] = {"PARTITION", "LEADER", "EPOCH",
                                        "REPLICAS",  "ISR",    "OFFLINE"};
    char id[UUID_TEXT_SIZE];
    uuid_format(topic->topic_id, id);
    say("%.*s  id %s", (int)topic->name.size, topic->name.data, id);
    struct table *table = table_open(6, heads);
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *partition = &topic->partitions[i];
        table_cell(table, "%d", partition->index);
        table_cell(table, partition->leader_id < 0 ? "none" : "%d", partition->leader_id);
        table_cell(table, "%d", partition->leader_epoch);
        table_nodes(table, partition->replica_nodes, partition->replica_nodes_count);
        table_nodes(table, partition->isr_nodes, partition->isr_nodes_count);
        table_nodes(table, partition->offline_replicas, partition->offline_replicas_count);
    }
    table_print_close(table);
}

static json_t *describe_json(const struct metadata_response_topic *topic)
{
    char id[UUID_TEXT_SIZE];
    json_t *partitions = json_array();
    uuid_format(topic->topic_id, id);
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *partition = &topic->partitions[i];
        json_array_append_new(
            partitions,
            json_pack("{si si si so so so}", "partition", partition->index, "leader",
                      partition->leader_id, "epoch", partition->leader_epoch, "replicas",
                      json_nodes(partition->replica_nodes, partition->replica_nodes_count), "isr",
                      json_nodes(partition->isr_nodes, partition->isr_nodes_count), "offline",
                      json_nodes(partition->offline_replicas, partition->offline_replicas_count)));
    }
    return json_pack("{ss% ss so sn}", "topic", topic->name.data, (size_t)topic->name.size, "id",
                     id, "partitions", partitions, "error");
}

static int describe_failed(const char *name, enum err err, json_t *list)
{
    if (list)
        json_array_append_new(list, json_pack("{ss ss}", "topic", name, "error", err_name(err)));
    return say_error(exit_code_of(err), "topic %s: %s", name, err_name(err));
}

static int describe_one(const struct call *call, struct link *link, const char *name, json_t *list)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_response response;
    int code = admin_metadata(link, name, now_us() + call->timeout_us, &arena, &reply, &response);
    if (!code) {
        enum err err = response.topics_count == 1 ? (enum err)response.topics[0].error_code
                                                  : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (err && err != ERR_LEADER_NOT_AVAILABLE)
            code = describe_failed(name, err, list);
        else if (list)
            json_array_append_new(list, describe_json(&response.topics[0]));
        else
            describe_table(&response.topics[0]);
        client_reply_free(&reply);
    }
    arena_free(&arena);
    return code;
}

int run_topic_describe(struct call *call)
{
    struct link *link;
    int code = admin_open_call(&link, call);
    if (code)
        return code;
    json_t *list = call->json ? json_array() : NULL;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        int one = describe_one(call, link, call->arguments[i], list);
        code = one ? one : code;
    }
    link_close(link);
    if (list)
        print_json(list);
    return code;
}
