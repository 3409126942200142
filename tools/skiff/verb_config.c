/* verb_config.c -- skiff topic config, topic set, cluster config: what is set, and setting it.
 *
 * A topic's configs and those of all brokers are the same wherever they are asked for; those of one
 * broker are told by itself. */
#include <stdio.h>
#include <string.h>

#include "brokers.h"
#include "config_key.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { CHANGES_MAX = 32, SET = 0, DELETE = 1 };
enum { OF_TOPIC = 1, OF_NODE = 2, OF_ALL_NODES = 3 };

const struct flag topic_config_flags[] = {
    {'a', "all", NULL, "what the topic does not say itself too"},
    {0, NULL, NULL, NULL},
};

const struct flag topic_set_flags[] = {
    {'u', "unset", "KEY", "back to what the brokers say; may be repeated"},
    {0, "dry-run", NULL, "only check whether it would be taken"},
    {0, NULL, NULL, NULL},
};

const struct flag cluster_config_flags[] = {
    {'a', "all", NULL, "what was not altered too, as a node has it"},
    {0, "node", "N", "of this node alone"},
    {'u', "unset", "KEY", "back to what the node was started with; may be repeated"},
    {0, "dry-run", NULL, "only check whether it would be taken"},
    {0, NULL, NULL, NULL},
};

struct resource {
    enum config_resource type;
    struct str name;
    node_id node; /* Who is asked; -1: anybody. */
};

static int failed(const struct resource *resource, enum err err, struct str message)
{
    const char *kind = resource->type == CONFIG_OF_TOPIC ? "topic " : "node ";
    bool is_all = resource->name.size == 0;
    return say_error(exit_code_of(err), "%s%.*s: %s%s%.*s%s", is_all ? "" : kind,
                     is_all ? 9 : (int)resource->name.size,
                     is_all ? "all nodes" : resource->name.data, err_words(err),
                     message.size > 0 ? " (" : "", (int)message.size,
                     message.size > 0 ? message.data : "", message.size > 0 ? ")" : "");
}

static enum err ask(struct brokers *brokers, const struct resource *resource,
                    const struct brokers_api *api, const void *request, void *response)
{
    struct link *link;
    enum err err = brokers_link(brokers, resource->node, &link);
    return err ? err : brokers_ask(brokers, link, api, request, response);
}

/* ---- Showing. */

/* What DescribeConfigs calls what was altered of this very resource. */
static int own_source(const struct resource *resource)
{
    if (resource->type == CONFIG_OF_TOPIC)
        return OF_TOPIC;
    return resource->name.size ? OF_NODE : OF_ALL_NODES;
}

static const char *source_name(int source)
{
    static const char *const names[] = {"?", "topic", "node", "all nodes", "file", "default"};
    return source >= 0 && source < (int)(sizeof names / sizeof *names) ? names[source] : "?";
}

static void show_table(const struct describe_configs_response_result *result, bool all, int own)
{
    static const char *const heads[] = {"KEY", "VALUE", "FROM"};
    struct table *table = table_open(3, heads);
    for (uint32_t i = 0; i < result->configs_count; i++) {
        const struct describe_configs_response_config *config = &result->configs[i];
        if (!all && config->config_source != own)
            continue;
        table_cell(table, "%.*s", (int)config->name.size, config->name.data);
        table_text(table, config->value);
        table_cell(table, "%s%s", source_name(config->config_source),
                   config->read_only ? ", read-only" : "");
    }
    table_print_close(table);
}

static json_t *show_json(const struct describe_configs_response_result *result, bool all, int own)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < result->configs_count; i++) {
        const struct describe_configs_response_config *config = &result->configs[i];
        if (!all && config->config_source != own)
            continue;
        json_array_append_new(list, json_pack("{so so ss sb so}", "key", json_text(config->name),
                                              "value", json_text(config->value), "from",
                                              source_name(config->config_source), "read_only",
                                              config->read_only, "documentation",
                                              json_text(config->documentation)));
    }
    return list;
}

/* What is said of one resource. Errors: an exit code, told. */
static int describe(struct brokers *brokers, const struct resource *resource, bool documented,
                    const struct describe_configs_response_result **out)
{
    static const struct brokers_api api = {WIRE_DESCRIBE_CONFIGS, 1, INT16_MAX};
    struct describe_configs_request request;
    struct describe_configs_response response;
    *out = NULL;
    describe_configs_request_init(&request);
    request.resources_count = 1;
    request.resources = describe_configs_request_resource_new(brokers_arena(brokers), 1);
    request.resources[0].resource_type = (int8_t)resource->type;
    request.resources[0].resource_name = resource->name;
    request.resources[0].configuration_keys = NULL;
    request.include_documentation = documented;
    enum err err = ask(brokers, resource, &api, &request, &response);
    if (!err && response.results_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (err)
        return failed(resource, err, (struct str){0});
    if (response.results[0].error_code)
        return failed(resource, (enum err)response.results[0].error_code,
                      response.results[0].error_message);
    *out = response.results;
    return EXIT_DONE;
}

static int show(const struct call *call, struct brokers *brokers, const struct resource *resource)
{
    const struct describe_configs_response_result *result;
    int code = describe(brokers, resource, call->json, &result);
    bool all = call_flag(call, "all") != NULL;
    if (!code && call->json)
        print_json(show_json(result, all, own_source(resource)));
    else if (!code)
        show_table(result, all, own_source(resource));
    return code;
}

/* ---- Setting. */

static uint32_t count_unset(const struct call *call)
{
    uint32_t count = 0;
    while (call_flag_at(call, "unset", count))
        count++;
    return count;
}

struct changes {
    uint32_t count;
    uint32_t unset_count; /* Of those, at the end. */
    json_t *not_set;      /* Keys that were to be unset, and had no value of their own. */
    struct incremental_alter_configs_request_config list[CHANGES_MAX];
};

static bool is_named_before(const struct changes *changes, struct str name)
{
    for (uint32_t i = 0; i < changes->count; i++)
        if (str_equal(changes->list[i].name, name))
            return true;
    return false;
}

static int add_change(struct changes *changes, struct str name, int operation, struct str value)
{
    if (is_named_before(changes, name))
        return say_error(EXIT_USAGE, "%.*s is named twice", (int)name.size, name.data);
    struct incremental_alter_configs_request_config *change = &changes->list[changes->count++];
    incremental_alter_configs_request_config_init(change);
    change->name = name;
    change->config_operation = (int8_t)operation;
    change->value = value;
    return EXIT_DONE;
}

/* KEY=VALUE from the `first` argument on, then each --unset. */
static int read_changes(const struct call *call, uint32_t first, struct changes *out)
{
    uint32_t unset = count_unset(call), set = call->argument_count - first;
    int code = EXIT_DONE;
    *out = (struct changes){.unset_count = unset};
    if (set + unset > CHANGES_MAX)
        return say_error(EXIT_USAGE, "more than %d at once", CHANGES_MAX);
    for (uint32_t i = 0; !code && i < set; i++) {
        const char *word = call->arguments[first + i], *mark = strchr(word, '=');
        if (!mark || mark == word)
            return say_error(EXIT_USAGE, "`%s`: write KEY=VALUE", word);
        code = add_change(out, (struct str){.data = word, .size = (uint32_t)(mark - word)}, SET,
                          str_from(mark + 1));
    }
    for (uint32_t i = 0; !code && i < unset; i++)
        code = add_change(out, str_from(call_flag_at(call, "unset", i)), DELETE, (struct str){0});
    return code;
}

static const struct describe_configs_response_config *find_config(
    const struct describe_configs_response_result *result, struct str key)
{
    for (uint32_t i = 0; i < result->configs_count; i++)
        if (str_equal(result->configs[i].name, key))
            return &result->configs[i];
    return NULL;
}

/* Whether there is such a key at all; what all nodes have in common, each of them knows.
 * Errors  an exit code, told. */
static int check_key(struct brokers *brokers, const struct resource *resource, struct str key)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    const struct describe_configs_response_result *result;
    struct resource whole = *resource;
    if (own_source(resource) == OF_ALL_NODES && metadata->brokers_count > 0) {
        whole.node = metadata->brokers[0].node_id;
        whole.name = str_from(arena_format(brokers_arena(brokers), "%d", (int)whole.node));
    }
    int code = describe(brokers, &whole, false, &result);
    if (!code && !find_config(result, key))
        code = say_error(EXIT_NOT_FOUND, "--unset %.*s: there is no such config of a %s",
                         (int)key.size, key.data,
                         resource->type == CONFIG_OF_TOPIC ? "topic" : "node");
    return code;
}

/* Leave out what has no value of its own to lose. The brokers take that without a word.
 * Errors  an exit code, told: there is no such key. */
static int drop_not_set(struct brokers *brokers, const struct resource *resource,
                        struct changes *changes)
{
    const struct describe_configs_response_result *result;
    uint32_t kept = changes->count - changes->unset_count;
    int code = changes->unset_count ? describe(brokers, resource, false, &result) : EXIT_DONE;
    for (uint32_t i = kept; !code && i < changes->count; i++) {
        struct str key = changes->list[i].name;
        const struct describe_configs_response_config *config = find_config(result, key);
        if (config && config->config_source == own_source(resource)) {
            changes->list[kept++] = changes->list[i];
            continue;
        }
        code = config ? EXIT_DONE : check_key(brokers, resource, key);
        if (!code)
            json_array_append_new(changes->not_set, json_text(key));
    }
    changes->count = kept;
    return code;
}

static int alter(struct brokers *brokers, const struct resource *resource, struct changes *changes,
                 bool only_checks)
{
    static const struct brokers_api api = {WIRE_INCREMENTAL_ALTER_CONFIGS, 0, INT16_MAX};
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_response response;
    incremental_alter_configs_request_init(&request);
    request.resources_count = 1;
    request.resources = incremental_alter_configs_request_resource_new(brokers_arena(brokers), 1);
    request.resources[0].resource_type = (int8_t)resource->type;
    request.resources[0].resource_name = resource->name;
    request.resources[0].configs_count = changes->count;
    request.resources[0].configs = changes->list;
    request.validate_only = only_checks;
    enum err err = ask(brokers, resource, &api, &request, &response);
    if (!err && response.responses_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (err)
        return failed(resource, err, (struct str){0});
    if (response.responses[0].error_code)
        return failed(resource, (enum err)response.responses[0].error_code,
                      response.responses[0].error_message);
    return EXIT_DONE;
}

static void tell(const struct call *call, const struct changes *changes, bool only_checks)
{
    size_t at;
    json_t *key;
    if (call->json) {
        print_json(json_pack("{sb sO}", "applied", !only_checks, "was_not_set", changes->not_set));
        return;
    }
    json_array_foreach(changes->not_set, at, key) say("%s was not set", json_string_value(key));
    if (only_checks && changes->count > 0)
        say("it would be taken");
    for (uint32_t i = 0; !only_checks && i < changes->count; i++)
        say("%.*s %s", (int)changes->list[i].name.size, changes->list[i].name.data,
            changes->list[i].config_operation == SET ? "set" : "unset");
}

static int set(const struct call *call, struct brokers *brokers, const struct resource *resource,
               struct changes *changes)
{
    bool only_checks = call_flag(call, "dry-run") != NULL;
    changes->not_set = json_array();
    int code = drop_not_set(brokers, resource, changes);
    if (!code && changes->count > 0)
        code = alter(brokers, resource, changes, only_checks);
    if (!code)
        tell(call, changes, only_checks);
    json_decref(changes->not_set);
    return code;
}

/* ---- The verbs. */

int run_topic_config(struct call *call)
{
    struct brokers *brokers;
    struct resource resource = {CONFIG_OF_TOPIC, str_from(call->arguments[0]), -1};
    int code = brokers_open(&brokers, call);
    if (code)
        return code;
    code = show(call, brokers, &resource);
    brokers_close(brokers);
    return code;
}

int run_topic_set(struct call *call)
{
    struct brokers *brokers;
    struct changes changes;
    struct resource resource = {CONFIG_OF_TOPIC, str_from(call->arguments[0]), -1};
    int code = read_changes(call, 1, &changes);
    if (!code && changes.count == 0)
        code = say_error(EXIT_USAGE, "nothing to set: write KEY=VALUE, or --unset KEY");
    if (!code)
        code = brokers_open(&brokers, call);
    if (code)
        return code;
    code = set(call, brokers, &resource, &changes);
    brokers_close(brokers);
    return code;
}

/* With --all and no --node, what one of the brokers has: nobody else tells so much. */
static void choose_node(const struct call *call, struct brokers *brokers, node_id node,
                        struct resource *resource)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    if (node < 0 && call_flag(call, "all") && metadata->brokers_count > 0)
        node = metadata->brokers[0].node_id;
    resource->node = node;
    if (node >= 0)
        resource->name = str_from(arena_format(brokers_arena(brokers), "%d", (int)node));
}

int run_cluster_config(struct call *call)
{
    struct brokers *brokers;
    struct changes changes;
    struct resource resource = {CONFIG_OF_BROKER, STR(""), -1};
    int64_t node;
    int code = call_number(call, "node", 0, INT32_MAX, -1, &node);
    if (!code)
        code = read_changes(call, 0, &changes);
    if (!code && changes.count > 0 && call_flag(call, "all"))
        code = say_error(EXIT_USAGE, "--all shows; leave it out to alter all nodes");
    if (!code)
        code = brokers_open(&brokers, call);
    if (code)
        return code;
    choose_node(call, brokers, (node_id)node, &resource);
    if (changes.count > 0)
        code = set(call, brokers, &resource, &changes);
    else
        code = show(call, brokers, &resource);
    brokers_close(brokers);
    return code;
}
