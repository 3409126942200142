/* verb_topic_trim.c -- skiff topic trim: the oldest records of a partition go.
 *
 * It is a DeleteRecords of librdkafka, which asks the partition's leader. */
#include <stdio.h>
#include <string.h>

#include "client_settings.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { REASON_MAX = 512 };

struct trim {
    const struct call *call;
    char topic[256];
    int32_t partition;
    int64_t offset; /* RD_KAFKA_OFFSET_END: all that is committed. */
};

static int read_arguments(struct trim *trim)
{
    const char *where = trim->call->arguments[0];
    const char *offset = trim->call->arguments[1];
    const char *slash = strrchr(where, '/');
    size_t size = slash ? (size_t)(slash - where) : 0;
    int64_t partition;
    if (!slash || size == 0 || size >= sizeof trim->topic ||
        !parse_int(slash + 1, 0, INT32_MAX, &partition))
        return say_error(EXIT_USAGE, "`%s`: write TOPIC/PARTITION", where);
    memcpy(trim->topic, where, size);
    trim->topic[size] = 0;
    trim->partition = (int32_t)partition;
    trim->offset = RD_KAFKA_OFFSET_END;
    if (strcmp(offset, "end") != 0 && !parse_int(offset, 0, INT64_MAX, &trim->offset))
        return say_error(EXIT_USAGE, "`%s`: write the first offset that stays, or end", offset);
    return EXIT_DONE;
}

/* Does the cluster know the partition? All topics are listed: to ask for one may create it. */
static bool is_there(const struct trim *trim, rd_kafka_t *client)
{
    const struct rd_kafka_metadata *metadata;
    bool found = false;
    if (rd_kafka_metadata(client, 1, NULL, &metadata, (int)(trim->call->timeout_us / 1000)))
        return true; /* Who knows. */
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, trim->topic) == 0)
            found = trim->partition < metadata->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return found;
}

static bool find_ends(const struct trim *trim, rd_kafka_t *client, int64_t *start, int64_t *end)
{
    return !rd_kafka_query_watermark_offsets(client, trim->topic, trim->partition, start, end,
                                             (int)(trim->call->timeout_us / 1000));
}

static int failed(const struct trim *trim, rd_kafka_t *client, rd_kafka_resp_err_t err,
                  const char *reason)
{
    int code = err == RD_KAFKA_RESP_ERR__TIMED_OUT ? EXIT_TIMED_OUT
               : err > 0                           ? exit_code_of((int)err)
                                                   : EXIT_FAILED;
    int64_t start, end;
    if (err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE && find_ends(trim, client, &start, &end))
        return say_error(code, "%s/%d: offset %lld is not in it: it has offsets %lld to %lld",
                         trim->topic, (int)trim->partition, (long long)trim->offset,
                         (long long)start, (long long)end);
    if (code == EXIT_FAILED && !is_there(trim, client))
        return say_error(EXIT_NOT_FOUND, "%s/%d: there is no such partition", trim->topic,
                         (int)trim->partition);
    return say_error(code, "%s/%d: %s", trim->topic, (int)trim->partition,
                     reason ? reason : rd_kafka_err2str(err));
}

static int tell(const struct trim *trim, rd_kafka_t *client, rd_kafka_event_t *event)
{
    if (!event)
        return say_error(EXIT_TIMED_OUT, "%s/%d: no answer in time; it may have been done",
                         trim->topic, (int)trim->partition);
    if (rd_kafka_event_error(event))
        return failed(trim, client, rd_kafka_event_error(event),
                      rd_kafka_event_error_string(event));
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    const rd_kafka_topic_partition_list_t *offsets =
        result ? rd_kafka_DeleteRecords_result_offsets(result) : NULL;
    if (!offsets || offsets->cnt != 1)
        return say_error(EXIT_FAILED, "%s/%d: no answer for it", trim->topic, (int)trim->partition);
    if (offsets->elems[0].err)
        return failed(trim, client, offsets->elems[0].err, NULL);
    int64_t start = offsets->elems[0].offset;
    if (trim->call->json)
        print_json(json_pack("{ss si sI}", "topic", trim->topic, "partition", (int)trim->partition,
                             "start", (json_int_t)start));
    else
        printf("%s/%d starts at %lld\n", trim->topic, (int)trim->partition, (long long)start);
    return EXIT_DONE;
}

static void ask(const struct trim *trim, rd_kafka_t *client, rd_kafka_queue_t *queue)
{
    int timeout_ms = (int)(trim->call->timeout_us / 1000);
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, trim->topic, trim->partition)->offset = trim->offset;
    rd_kafka_DeleteRecords_t *wanted = rd_kafka_DeleteRecords_new(offsets);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_DeleteRecords(client, &wanted, 1, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(offsets);
}

int run_topic_trim(struct call *call)
{
    struct trim trim = {.call = call};
    char reason[REASON_MAX];
    int code = read_arguments(&trim);
    if (code)
        return code;
    rd_kafka_conf_t *settings = client_settings_new();
    code = client_settings_read(call, settings);
    rd_kafka_t *client =
        code ? NULL : rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(settings);
        return code ? code : say_error(EXIT_USAGE, "%s", reason);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    ask(&trim, client, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)(call->timeout_us / 1000) + 500);
    code = tell(&trim, client, event);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return code;
}
