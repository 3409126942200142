/* verb_consume.c -- skiff consume: records of one topic, printed.
 *
 * Alone it takes every partition, and nothing about it is stored; -g makes it a member of a group
 * (consume_group.c). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_settings.h"
#include "consume.h"
#include "record_format.h"
#include "say.h"
#include "verbs.h"

enum { POLL_MS = 100 };

const struct flag consume_flags[] = {
    {'o', "offset", "WHERE",
     "start (default), end, N, +N from the start, -N from the end, @MS by time"},
    {'g', "group", "GROUP", "as a member of this group: go on where it is, and commit"},
    {'p', "partition", "N", "this partition alone"},
    {'n', "count", "N", "end after N records"},
    {'e', "exit", NULL, "end when every partition's end was reached"},
    {'f', "format", "FORMAT", "such as '%p %o %k %v\\n'; also %t %T %h %K %S"},
    {'J', "json-records", NULL, "a line of JSON a record"},
    {0, "timeout", "TIME", "give up when nothing came for that long: 500ms, 10s, 2m (never)"},
    {0, NULL, NULL, NULL},
};

static volatile sig_atomic_t stopped;

/* A write that waits for whoever reads our output ends by a signal (EINTR), so there is one each
 * second from the first Ctrl-C on. */
static void on_alarm(int number)
{
    (void)number;
    alarm(1);
}

static void on_signal(int number)
{
    stopped = 1;
    signal(number, SIG_DFL); /* Leaving takes a while; the second Ctrl-C does not wait for it. */
    alarm(1);
}

static void watch_signals(void)
{
    const struct sigaction stop = {.sa_handler = on_signal}, again = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &again, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

/* What nobody takes after Ctrl-C is dropped: the end of the process would wait for it again. */
static void flush_output(void)
{
    if (fflush(stdout) != 0 && stopped)
        __fpurge(stdout);
}

/* What one question to the brokers may take. */
static int limit_ms(const struct consuming *consuming)
{
    return (int)(consuming->call->timeout_us / 1000);
}

static int read_settings(struct consuming *consuming, rd_kafka_conf_t *settings)
{
    const struct call *call = consuming->call;
    /* The end is told by an empty answer, and a client waits for its last one when it goes. */
    bool ends = call_flag(call, "exit") || call_flag(call, "count");
    int code = ends ? client_set(settings, "fetch.wait.max.ms", "20") : EXIT_DONE;
    if (!code && consuming->group)
        code = client_set(settings, "auto.offset.reset", "earliest");
    if (!code)
        code = client_settings_read(call, settings);
    if (!code)
        code = client_set(settings, "enable.partition.eof", "true");
    if (!code)
        code = client_set(settings, "allow.auto.create.topics", "false");
    if (!code && consuming->group)
        code = consume_group_set(consuming, settings);
    return code;
}

static int open_client(struct consuming *consuming)
{
    char reason[256];
    rd_kafka_conf_t *settings = client_settings_new();
    int code = read_settings(consuming, settings);
    if (code) {
        rd_kafka_conf_destroy(settings);
        return code;
    }
    consuming->client = rd_kafka_new(RD_KAFKA_CONSUMER, settings, reason, sizeof reason);
    if (!consuming->client) {
        rd_kafka_conf_destroy(settings);
        return say_error(EXIT_FAILED, "%s", reason);
    }
    consuming->topic = rd_kafka_topic_new(consuming->client, consuming->call->arguments[0], NULL);
    consuming->queue = rd_kafka_queue_new(consuming->client);
    return EXIT_DONE;
}

/* The partitions of the topic, or the one asked for. */
static int find_partitions(struct consuming *consuming)
{
    const struct rd_kafka_metadata *metadata;
    const char *name = consuming->call->arguments[0];
    int64_t only;
    int code = call_number(consuming->call, "partition", 0, INT32_MAX, -1, &only);
    if (code)
        return code;
    int64_t deadline = now_us() + consuming->call->timeout_us;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(consuming->client, 0, consuming->topic, &metadata, limit_ms(consuming));
    if (err)
        return say_error(now_us() >= deadline ? EXIT_TIMED_OUT : EXIT_FAILED,
                         "no broker said in time where %s is (%s)", name,
                         err == RD_KAFKA_RESP_ERR__TRANSPORT ? "none can be reached"
                                                             : rd_kafka_err2str(err));
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    uint32_t count = metadata->topic_cnt == 1 ? (uint32_t)topic->partition_cnt : 0;
    consuming->partitions = calloc(count + 1, sizeof *consuming->partitions);
    consuming->at_end = calloc(count + 1, sizeof *consuming->at_end);
    for (uint32_t i = 0; i < count && consuming->partitions; i++)
        if (only < 0 || topic->partitions[i].id == only)
            consuming->partitions[consuming->count++] = topic->partitions[i].id;
    if (metadata->topic_cnt == 1 && topic->err && !count)
        code = say_error(topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? EXIT_NOT_FOUND
                                                                               : EXIT_FAILED,
                         "topic %s: %s", name, rd_kafka_err2str(topic->err));
    else if (!consuming->count)
        code = say_error(EXIT_NOT_FOUND, "topic %s has no such partition", name);
    rd_kafka_metadata_destroy(metadata);
    return code;
}

static int by_time(struct consuming *consuming, int32_t partition, int64_t ms, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consuming->call->arguments[0], partition)->offset = ms;
    rd_kafka_resp_err_t err =
        rd_kafka_offsets_for_times(consuming->client, list, limit_ms(consuming));
    *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return err ? say_error(EXIT_FAILED, "-o @%lld: %s", (long long)ms, rd_kafka_err2str(err))
               : EXIT_DONE;
}

/* Where to begin in one partition, as librdkafka's offset. */
static int start_offset(struct consuming *consuming, int32_t partition, int64_t *offset)
{
    const char *where = call_flag(consuming->call, "offset");
    int64_t number;
    int64_t low;
    int64_t high;
    *offset = RD_KAFKA_OFFSET_BEGINNING;
    if (!where || !strcmp(where, "start") || !strcmp(where, "beginning"))
        return EXIT_DONE;
    *offset = RD_KAFKA_OFFSET_END;
    if (!strcmp(where, "end"))
        return EXIT_DONE;
    const char *digits = where + (*where == '+' || *where == '-' || *where == '@');
    if (!parse_int(digits, 0, INT64_MAX / 2, &number))
        return say_error(EXIT_USAGE, "-o %s: write start, end, N, +N, -N or @MS", where);
    if (*where == '@')
        return by_time(consuming, partition, number, offset);
    *offset = *where == '-' ? RD_KAFKA_OFFSET_TAIL(number) : number;
    if (*where != '+')
        return EXIT_DONE;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(consuming->client, consuming->call->arguments[0],
                                         partition, &low, &high, limit_ms(consuming));
    *offset = low + number;
    return err ? say_error(EXIT_FAILED, "-o %s: %s", where, rd_kafka_err2str(err)) : EXIT_DONE;
}

/* Is it the last that there was when it was fetched? A partition that is written to all the time
 * may have no other end. */
static bool is_last(const struct consuming *consuming, const rd_kafka_message_t *message)
{
    int64_t low, high;
    return !message->err &&
           !rd_kafka_get_watermark_offsets(consuming->client, consuming->call->arguments[0],
                                           message->partition, &low, &high) &&
           high >= 0 && message->offset + 1 >= high;
}

/* For good: of partitions that are written to all the time no two may be at their end at once. */
static void mark_end(struct consuming *consuming, int32_t partition)
{
    for (uint32_t i = 0; i < consuming->count; i++)
        if (consuming->partitions[i] == partition)
            consuming->at_end[i] = true;
}

static bool is_at_end(const struct consuming *consuming)
{
    bool all = true;
    for (uint32_t i = 0; i < consuming->count; i++)
        all = all && consuming->at_end[i];
    return consuming->group ? consume_group_is_at_end(consuming) : all;
}

static rd_kafka_message_t *next_message(struct consuming *consuming)
{
    if (consuming->group)
        return rd_kafka_consumer_poll(consuming->client, POLL_MS);
    rd_kafka_message_t *message = rd_kafka_consume_queue(consuming->queue, POLL_MS);
    rd_kafka_poll(consuming->client, 0);
    return message;
}

/* What a group commits has left this process. Errors: false: nobody takes it any more. */
static bool print_record(const struct consuming *consuming, const rd_kafka_message_t *message)
{
    if (consuming->call->json || call_flag(consuming->call, "json-records"))
        record_print_json(stdout, message);
    else
        record_print(stdout, consuming->format, message);
    if (!consuming->group)
        return !ferror(stdout);
    if (fflush(stdout) != 0)
        return false;
    consume_group_took(message);
    return true;
}

static int print_records(struct consuming *consuming)
{
    bool ends = call_flag(consuming->call, "exit") != NULL;
    bool timed = call_flag(consuming->call, "timeout") != NULL;
    int64_t deadline = now_us() + consuming->call->timeout_us;
    int64_t printed = 0;
    bool is_open = true;
    while (!stopped && is_open && (consuming->limit < 0 || printed < consuming->limit)) {
        rd_kafka_message_t *message = next_message(consuming);
        if (!message) {
            is_open = fflush(stdout) == 0;
            if (timed && now_us() >= deadline)
                return say_error(EXIT_TIMED_OUT, "no more records came in time");
            continue;
        }
        bool is_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        bool is_fatal = message->err == RD_KAFKA_RESP_ERR__FATAL;
        if (!message->err) {
            is_open = print_record(consuming, message);
            printed++;
            deadline = now_us() + consuming->call->timeout_us;
        } else if (!is_end) {
            say_error(0, "%s", rd_kafka_message_errstr(message));
        }
        if (is_end || is_last(consuming, message))
            mark_end(consuming, message->partition);
        rd_kafka_message_destroy(message);
        if (is_fatal)
            return EXIT_FAILED;
        if (ends && is_at_end(consuming))
            break;
    }
    if (!is_open && errno != EPIPE && !stopped)
        return say_error(EXIT_FAILED, "standard output: %s", strerror(errno));
    return EXIT_DONE;
}

static void close_client(struct consuming *consuming, uint32_t started)
{
    if (consuming->is_stuck)
        return; /* Destroying waits, too; the process ends now. */
    for (uint32_t i = 0; i < started; i++)
        rd_kafka_consume_stop(consuming->topic, consuming->partitions[i]);
    if (consuming->queue)
        rd_kafka_queue_destroy(consuming->queue);
    if (consuming->topic)
        rd_kafka_topic_destroy(consuming->topic);
    if (consuming->client)
        rd_kafka_destroy(consuming->client);
    free(consuming->partitions);
    free(consuming->at_end);
}

static int start_alone(struct consuming *consuming, uint32_t *started)
{
    int code = EXIT_DONE;
    while (!code && *started < consuming->count) {
        int64_t offset;
        int32_t partition = consuming->partitions[*started];
        code = start_offset(consuming, partition, &offset);
        if (!code && rd_kafka_consume_start_queue(consuming->topic, partition, offset,
                                                  consuming->queue) != 0)
            code = say_error(EXIT_FAILED, "%s", rd_kafka_err2str(rd_kafka_last_error()));
        *started += !code;
    }
    return code;
}

int run_consume(struct call *call)
{
    struct consuming consuming = {
        .call = call, .format = call_flag(call, "format"), .group = call_flag(call, "group")};
    uint32_t started = 0;
    if (!consuming.format)
        consuming.format = "%v\\n";
    const char *wrong = record_format_error(consuming.format);
    if (wrong)
        return say_error(EXIT_USAGE, "-f: `%.2s` means nothing (see --help)", wrong);
    int code = call_number(call, "count", 0, INT64_MAX, -1, &consuming.limit);
    if (!code && consuming.group)
        code = consume_group_check(call);
    if (!code)
        code = open_client(&consuming);
    if (!code)
        code = find_partitions(&consuming);
    watch_signals();
    if (!code)
        code = consuming.group ? consume_group_join(&consuming) : start_alone(&consuming, &started);
    if (!code)
        code = print_records(&consuming);
    flush_output();
    if (consuming.group && consuming.client) {
        int left = consume_group_leave(&consuming);
        code = code ? code : left;
    }
    close_client(&consuming, started);
    return code;
}
