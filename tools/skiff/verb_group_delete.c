/* verb_group_delete.c -- skiff group delete: groups without members, or what one committed. */
#include <stdio.h>
#include <string.h>

#include "group_view.h"
#include "output.h"
#include "results.h"
#include "say.h"
#include "topic_place.h"
#include "verbs.h"

const struct flag group_delete_flags[] = {
    {0, "offsets", "T[/P]", "only what is committed for this topic; may be repeated"},
    {0, NULL, NULL, NULL},
};

static enum err deleted_error(const void *response)
{
    const struct delete_groups_response *groups = response;
    return groups->results_count == 1 ? (enum err)groups->results[0].error_code
                                      : ERR_CORRUPT_MESSAGE;
}

static void delete_group(const struct call *call, struct brokers *brokers, const char *name,
                         struct results *results)
{
    static const struct group_api api = {{WIRE_DELETE_GROUPS, 0, INT16_MAX}, deleted_error};
    struct group_asking asking = {.brokers = brokers, .group = str_from(name), .coordinator = -1};
    struct delete_groups_request request;
    struct delete_groups_response response;
    delete_groups_request_init(&request);
    request.groups_count = 1;
    request.groups = &asking.group;
    enum err err = group_ask(&asking, &api, &request, &response);
    if (err) {
        int code = err == ERR_NON_EMPTY_GROUP
                       ? say_error(EXIT_FAILED, "group %s has members: stop them first", name)
                       : group_failed(asking.group, err);
        results_failed(results, name, code, err, (struct str){0});
        return;
    }
    results_done(results, name, "deleted");
    if (!call->json)
        say("deleted %s", name);
}

static int delete_groups(const struct call *call, struct brokers *brokers)
{
    struct results results;
    results_begin(&results, call, "group");
    for (uint32_t i = 0; i < call->argument_count; i++)
        delete_group(call, brokers, call->arguments[i], &results);
    return results_end(&results);
}

/* NON_EMPTY_GROUP: the members are no consumers, so nobody can tell what they read. */
static enum err offsets_deleted_error(const void *response)
{
    return (enum err)((const struct offset_delete_response *)response)->error_code;
}

/* The committed partitions that --offsets names. Returns how many. */
static uint32_t choose(const struct call *call, const struct group_view *view, struct arena *arena,
                       struct offset_delete_request *request)
{
    const char *word;
    uint32_t count = 0;
    struct offset_delete_request_topic *topic = NULL;
    request->topics = offset_delete_request_topic_new(arena, view->partition_count);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct group_partition *partition = &view->partitions[i];
        bool is_chosen = false;
        for (uint32_t j = 0; (word = call_flag_at(call, "offsets", j)); j++)
            is_chosen |= topic_place_has(word, partition->topic, partition->partition);
        if (!is_chosen || partition->committed < 0)
            continue;
        if (!topic || !str_equal(topic->name, partition->topic)) {
            uint32_t end = i;
            while (end < view->partition_count &&
                   str_equal(view->partitions[end].topic, partition->topic))
                end++;
            topic = &request->topics[request->topics_count++];
            topic->name = partition->topic;
            topic->partitions = offset_delete_request_partition_new(arena, end - i);
        }
        topic->partitions[topic->partitions_count++].index = partition->partition;
        count++;
    }
    return count;
}

static int tell_partition(struct str topic,
                          const struct offset_delete_response_partition *partition, json_t *list)
{
    enum err err = (enum err)partition->error_code;
    if (list)
        json_array_append_new(list, json_pack("{so si so}", "topic", json_text(topic), "partition",
                                              (int)partition->index, "error",
                                              err ? json_string(err_name(err)) : json_null()));
    if (err == ERR_GROUP_SUBSCRIBED_TO_TOPIC)
        return say_error(EXIT_FAILED, "%.*s/%d: members read this topic: stop them first",
                         (int)topic.size, topic.data, partition->index);
    return err ? say_error(exit_code_of(err), "%.*s/%d: %s", (int)topic.size, topic.data,
                           partition->index, err_words(err))
               : EXIT_DONE;
}

static int delete_chosen(struct group_asking *asking, const struct offset_delete_request *request,
                         uint32_t *deleted, json_t *list)
{
    static const struct group_api api = {{WIRE_OFFSET_DELETE, 0, INT16_MAX}, offsets_deleted_error};
    struct offset_delete_response response;
    int code = EXIT_DONE;
    enum err err = group_ask(asking, &api, request, &response);
    if (err == ERR_NON_EMPTY_GROUP)
        return say_error(EXIT_FAILED, "group %.*s has members: stop them first",
                         (int)asking->group.size, asking->group.data);
    if (err)
        return group_failed(asking->group, err);
    for (uint32_t i = 0; i < response.topics_count; i++)
        for (uint32_t j = 0; j < response.topics[i].partitions_count; j++) {
            int one =
                tell_partition(response.topics[i].name, &response.topics[i].partitions[j], list);
            code = one ? one : code;
            *deleted += !one;
        }
    return code;
}

static int delete_offsets(struct call *call, struct brokers *brokers)
{
    struct group_asking asking = {
        .brokers = brokers, .group = str_from(call->arguments[0]), .coordinator = -1};
    struct offset_delete_request request;
    struct group_view view;
    uint32_t deleted = 0;
    int code = EXIT_DONE;
    enum err err = group_view_read(&view, &asking);
    if (err)
        return group_failed(asking.group, err);
    json_t *list = call->json ? json_array() : NULL;
    offset_delete_request_init(&request);
    request.group_id = asking.group;
    if (group_view_is_dead(&view))
        code = group_failed(asking.group, ERR_GROUP_ID_NOT_FOUND);
    else if (!choose(call, &view, brokers_arena(brokers), &request))
        code =
            say_error(EXIT_NOT_FOUND, "group %s has committed nothing there", call->arguments[0]);
    else
        code = delete_chosen(&asking, &request, &deleted, list);
    group_view_free(&view);
    if (list)
        print_json(list);
    else if (deleted)
        say("deleted %u offset%s of %s", deleted, deleted == 1 ? "" : "s", call->arguments[0]);
    return code;
}

int run_group_delete(struct call *call)
{
    struct brokers *brokers;
    const char *word;
    for (uint32_t i = 0; (word = call_flag_at(call, "offsets", i)); i++)
        if (!topic_place_is_valid(word))
            return say_error(EXIT_USAGE, "--offsets %s: not TOPIC or TOPIC/PARTITION", word);
    if (call_flag(call, "offsets") && call->argument_count > 1)
        return say_error(EXIT_USAGE, "--offsets is for one group");
    int code = brokers_open(&brokers, call);
    if (code)
        return code;
    code =
        call_flag(call, "offsets") ? delete_offsets(call, brokers) : delete_groups(call, brokers);
    brokers_close(brokers);
    return code;
}
