/* verb_partition.c -- skiff partition ls, elect: who leads what, and giving leadership back. */
#include <stdio.h>
#include <string.h>

#include "brokers.h"
#include "first_write.h"
#include "output.h"
#include "say.h"
#include "topic_place.h"
#include "verbs.h"

const struct flag partition_ls_flags[] = {
    {0, "leaderless", NULL, "only those that nobody leads"},
    {0, "under-replicated", NULL, "only those of which a replica is not in sync"},
    {0, "moved", NULL, "only those that another than the preferred replica leads"},
    {0, "internal", NULL, "those of internal topics too"},
    {0, NULL, NULL, NULL},
};

const struct flag partition_elect_flags[] = {
    {0, "unclean", NULL, "where nobody leads, whoever lives: acknowledged records may be lost"},
    {0, NULL, NULL, NULL},
};

static node_id preferred_of(const struct metadata_response_partition *partition)
{
    return partition->replica_nodes_count > 0 ? partition->replica_nodes[0] : -1;
}

static int check_words(const struct call *call)
{
    for (uint32_t i = 0; i < call->argument_count; i++)
        if (!topic_place_is_valid(call->arguments[i]))
            return say_error(EXIT_USAGE, "`%s`: write TOPIC or TOPIC/PARTITION",
                             call->arguments[i]);
    return EXIT_DONE;
}

/* Whether the call names it, or names nothing at all. */
static bool is_named(const struct call *call, struct str topic, partition_id index)
{
    for (uint32_t i = 0; i < call->argument_count; i++)
        if (topic_place_has(call->arguments[i], topic, index))
            return true;
    return call->argument_count == 0;
}

/* Each word stands for something that is there. */
static int check_places(const struct call *call, const struct metadata_response *metadata)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        bool is_there = false;
        for (uint32_t t = 0; t < metadata->topics_count; t++)
            for (uint32_t p = 0; p < metadata->topics[t].partitions_count; p++)
                is_there |= topic_place_has(call->arguments[i], metadata->topics[t].name,
                                            metadata->topics[t].partitions[p].index);
        if (!is_there)
            code = say_error(EXIT_NOT_FOUND, "%s: there is no such topic or partition",
                             call->arguments[i]);
    }
    return code;
}

/* ---- ls */

static bool is_wanted(const struct call *call, const struct metadata_response_topic *topic,
                      const struct metadata_response_partition *partition)
{
    bool is_hidden = topic->is_internal || str_equal(topic->name, str_from(FIRST_WRITE_TOPIC));
    if (!is_named(call, topic->name, partition->index))
        return false;
    if (is_hidden && call->argument_count == 0 && !call_flag(call, "internal"))
        return false;
    if (call_flag(call, "leaderless") && partition->leader_id >= 0)
        return false;
    if (call_flag(call, "under-replicated") &&
        partition->isr_nodes_count >= partition->replica_nodes_count)
        return false;
    return !call_flag(call, "moved") || partition->leader_id != preferred_of(partition);
}

static void put_row(struct table *table, const struct metadata_response_topic *topic,
                    const struct metadata_response_partition *partition)
{
    table_cell(table, "%.*s/%d", (int)topic->name.size, topic->name.data, partition->index);
    table_number(table, partition->leader_id);
    table_number(table, preferred_of(partition));
    table_number(table, partition->leader_epoch);
    table_nodes(table, partition->replica_nodes, partition->replica_nodes_count);
    table_nodes(table, partition->isr_nodes, partition->isr_nodes_count);
}

static json_t *json_row(const struct metadata_response_topic *topic,
                        const struct metadata_response_partition *partition)
{
    return json_pack("{so si so so si so so}", "topic", json_text(topic->name), "partition",
                     (int)partition->index, "leader", json_number(partition->leader_id),
                     "preferred", json_number(preferred_of(partition)), "epoch",
                     (int)partition->leader_epoch, "replicas",
                     json_nodes(partition->replica_nodes, partition->replica_nodes_count), "isr",
                     json_nodes(partition->isr_nodes, partition->isr_nodes_count));
}

static void list_partitions(const struct call *call, const struct metadata_response *metadata)
{
    static const char *const heads[] = {"PARTITION", "LEADER",   "PREFERRED",
                                        "EPOCH",     "REPLICAS", "ISR"};
    struct table *table = call->json ? NULL : table_open(6, heads);
    json_t *list = call->json ? json_array() : NULL;
    for (uint32_t i = 0; i < metadata->topics_count; i++) {
        const struct metadata_response_topic *topic = &metadata->topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            if (!is_wanted(call, topic, &topic->partitions[j]))
                continue;
            if (call->json)
                json_array_append_new(list, json_row(topic, &topic->partitions[j]));
            else
                put_row(table, topic, &topic->partitions[j]);
        }
    }
    if (call->json)
        print_json(list);
    else
        table_print_close(table);
}

int run_partition_ls(struct call *call)
{
    struct brokers *brokers;
    int code = check_words(call);
    if (!code)
        code = brokers_open(&brokers, call);
    if (code)
        return code;
    code = check_places(call, brokers_metadata(brokers));
    if (!code)
        list_partitions(call, brokers_metadata(brokers));
    brokers_close(brokers);
    return code;
}

/* ---- elect */

/* What the words stand for, topic by topic; null, which is everything, for no words. */
static void name_partitions(const struct call *call, struct brokers *brokers,
                            struct elect_leaders_request *request)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    struct arena *arena = brokers_arena(brokers);
    request->topics = NULL;
    if (call->argument_count == 0)
        return;
    request->topics = elect_leaders_request_topic_new(arena, metadata->topics_count);
    for (uint32_t i = 0; i < metadata->topics_count; i++) {
        const struct metadata_response_topic *topic = &metadata->topics[i];
        struct elect_leaders_request_topic *out = &request->topics[request->topics_count];
        out->name = topic->name;
        out->partitions = arena_array(arena, int32_t, topic->partitions_count);
        for (uint32_t j = 0; j < topic->partitions_count; j++)
            if (is_named(call, topic->name, topic->partitions[j].index))
                out->partitions[out->partitions_count++] = topic->partitions[j].index;
        request->topics_count += out->partitions_count > 0;
    }
}

static enum err ask(const struct call *call, struct brokers *brokers,
                    struct elect_leaders_response *response)
{
    bool is_unclean = call_flag(call, "unclean") != NULL;
    const struct brokers_api api = {WIRE_ELECT_LEADERS, is_unclean ? 1 : 0, INT16_MAX};
    struct elect_leaders_request request;
    struct link *link;
    elect_leaders_request_init(&request);
    request.election_type = is_unclean;
    request.timeout_ms = (int32_t)(call->timeout_us / 1000);
    name_partitions(call, brokers, &request);
    enum err err = brokers_link(brokers, -1, &link);
    if (!err)
        err = brokers_ask(brokers, link, &api, &request, response);
    return err ? err : (enum err)response->error_code;
}

/* An election that was not needed is as good as one. */
static int tell_one(struct str topic, const struct elect_leaders_response_partition *partition,
                    json_t *list)
{
    enum err err = (enum err)partition->error_code;
    if (list)
        json_array_append_new(list, json_pack("{so si so}", "topic", json_text(topic), "partition",
                                              (int)partition->index, "error",
                                              err ? json_string(err_name(err)) : json_null()));
    if (err && err != ERR_ELECTION_NOT_NEEDED)
        return say_error(exit_code_of(err), "%.*s/%d: %s (%.*s)", (int)topic.size, topic.data,
                         partition->index, err_words(err), (int)partition->error_message.size,
                         partition->error_message.size > 0 ? partition->error_message.data : "");
    if (!list)
        say("%.*s/%d %s", (int)topic.size, topic.data, partition->index,
            err ? "needs no election" : "elected");
    return EXIT_DONE;
}

static int tell(const struct call *call, const struct elect_leaders_response *response)
{
    json_t *list = call->json ? json_array() : NULL;
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < response->topics_count; i++)
        for (uint32_t j = 0; j < response->topics[i].partitions_count; j++) {
            int one = tell_one(response->topics[i].name, &response->topics[i].partitions[j], list);
            code = one ? one : code;
        }
    if (list)
        print_json(list);
    else if (response->topics_count == 0)
        printf("no election was needed\n");
    return code;
}

int run_partition_elect(struct call *call)
{
    struct brokers *brokers;
    struct elect_leaders_response response;
    int code = check_words(call);
    if (!code && call_flag(call, "unclean") && call->argument_count == 0)
        code = say_error(EXIT_USAGE, "--unclean may lose records: name the partitions");
    if (!code)
        code = brokers_open(&brokers, call);
    if (code)
        return code;
    code = check_places(call, brokers_metadata(brokers));
    if (!code) {
        enum err err = ask(call, brokers, &response);
        code = err ? say_error(exit_code_of(err), "no elections: %s", err_words(err))
                   : tell(call, &response);
    }
    brokers_close(brokers);
    return code;
}
