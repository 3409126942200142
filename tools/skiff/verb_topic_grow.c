/* verb_topic_grow.c -- skiff topic add-partitions.
 *
 * What is asked for is a number of all partitions, so an answer that was lost on its way does not
 * make it happen twice within one call. */
#include <stdio.h>

#include "brokers.h"
#include "output.h"
#include "results.h"
#include "say.h"
#include "topic_place.h"
#include "verbs.h"

const struct flag topic_grow_flags[] = {
    {0, "dry-run", NULL, "only check whether it would be taken"},
    {0, NULL, NULL, NULL},
};

static const struct metadata_response_topic *topic_of(const struct brokers *brokers,
                                                      const char *name)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    for (uint32_t i = 0; i < metadata->topics_count; i++)
        if (str_equal(metadata->topics[i].name, str_from(name)))
            return &metadata->topics[i];
    return NULL;
}

static int failed(const char *topic, enum err err, struct str message)
{
    if (results_is_unknown(err, message))
        return say_error(exit_code_of(err), "topic %s: not confirmed (%s); it may have been done",
                         topic, err_words(err));
    return say_error(exit_code_of(err), "topic %s: %s%s%.*s%s", topic, err_words(err),
                     message.size > 0 ? " (" : "", (int)message.size,
                     message.size > 0 ? message.data : "", message.size > 0 ? ")" : "");
}

static enum err ask(const struct call *call, struct brokers *brokers, int32_t count,
                    struct str *message)
{
    static const struct brokers_api api = {WIRE_CREATE_PARTITIONS, 0, INT16_MAX};
    struct create_partitions_request request;
    struct create_partitions_request_topic topic;
    struct create_partitions_response response;
    struct link *link;
    create_partitions_request_init(&request);
    create_partitions_request_topic_init(&topic);
    topic.name = str_from(call->arguments[0]);
    topic.count = count;
    topic.assignments = NULL;
    request.topics = &topic;
    request.topics_count = 1;
    request.validate_only = call_flag(call, "dry-run") != NULL;
    request.timeout_ms = (int32_t)(call->timeout_us / 1000);
    *message = (struct str){0};
    enum err err = brokers_link(brokers, -1, &link);
    if (!err)
        err = brokers_ask(brokers, link, &api, &request, &response);
    if (!err && response.results_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (err)
        return err;
    *message = response.results[0].error_message;
    return (enum err)response.results[0].error_code;
}

static int grow(const struct call *call, struct brokers *brokers, int32_t more)
{
    const char *name = call->arguments[0];
    const struct metadata_response_topic *topic = topic_of(brokers, name);
    struct str message;
    if (!topic)
        return failed(name, ERR_UNKNOWN_TOPIC_OR_PARTITION, (struct str){0});
    int32_t before = (int32_t)topic->partitions_count;
    int64_t count = (int64_t)before + more;
    if (count > INT32_MAX)
        return say_error(EXIT_USAGE, "topic %s: %lld partitions are too many", name,
                         (long long)count);
    enum err err = ask(call, brokers, (int32_t)count, &message);
    if (err)
        return failed(name, err, message);
    bool is_dry = call_flag(call, "dry-run") != NULL;
    if (call->json)
        print_json(json_pack("{ss si si sb}", "topic", name, "before", (int)before, "partitions",
                             (int)count, "applied", !is_dry));
    else if (is_dry)
        printf("it would be taken: %s %d -> %lld partitions\n", name, before, (long long)count);
    else
        printf("%s %d -> %lld partitions\n", name, before, (long long)count);
    return EXIT_DONE;
}

int run_topic_grow(struct call *call)
{
    struct brokers *brokers;
    int64_t more;
    if (!parse_int(call->arguments[1], 1, INT32_MAX, &more))
        return say_error(EXIT_USAGE, "`%s`: write how many to add", call->arguments[1]);
    int code = brokers_open(&brokers, call);
    if (code)
        return code;
    code = grow(call, brokers, (int32_t)more);
    brokers_close(brokers);
    return code;
}
