/* read.c -- read and final: one consumer of all partitions, and what it got.
 *
 * read follows the ends of the partitions until a signal comes. final reads until each
 * partition's broker has said that there is no more, and writes a line z for each; with
 * --partitions, a topic of which no broker knows ended at 0 in each. Both begin at offset 0
 * and choose their positions themselves: no groups.
 *
 * Where the broker says that an offset does not exist, or that its bytes do not verify, a
 * note says so and the reader goes on, with a line s: what it means is for the checker to
 * say. Bytes that it gave, and that do not verify here, are a line b. An offset that does
 * not exist makes it begin anew at the start that the log has now; the line s then says `the
 * beginning`, whatever offset that is: what was acknowledged below it is not there any more.
 * rd_kafka_query_watermark_offsets() is not asked: it waits for a broker that hangs for as
 * long as that hangs, whatever its timeout. */
#include <stdio.h>

#include "client_settings.h"
#include "keyed.h"
#include "say.h"
#include "verbs.h"

enum {
    BATCH_MAX = 1000,
    BATCH_WAIT_MS = 10,
    HIGH_EVERY_NS = 100000000,  /* How often a partition's high watermark is told. */
    AGAIN_AFTER_NS = 100000000, /* Between two tries to go on after an error. */
    MISSING_TOLD_MAX = 5,
    NOTE_SIZE = 256,
};

enum { UNKNOWN = -1 }; /* As in a line s. */

struct position {
    int64_t next;     /* Offset of the next record; UNKNOWN: the log's start. */
    int64_t high;     /* The high watermark that was told last; -1: none. */
    int64_t again_ns; /* When to go on after an error; 0: it is being read. */
    bool is_done;     /* final: read to its end. */
};

struct reading {
    struct workload workload;
    uint32_t number; /* The client's, in the history. */
    bool is_final;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct position *positions; /* By partition. */
    int32_t left;               /* final: partitions that are not read to their ends. */
    int64_t highs_told_ns;
    uint64_t got, foreign;
};

const struct flag read_flags[] = {
    {'t', "topic", "TOPIC", "all its partitions are read"},
    {0, "run", "HEX", "the run's name, in every value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "profile", "stock|tuned", "which settings of librdkafka (tuned)"},
    {0, "first-client", "C", "the reader's number in the history (0)"},
    {0, "within", "TIME", "final: how long it may take (60s)"},
    {'p', "partitions", "N", "final: a topic that is gone had so many, and holds nothing"},
    {0, NULL, NULL, NULL},
};

static void on_error(rd_kafka_t *client, int err, const char *reason, void *opaque)
{
    (void)client, (void)err, (void)reason, (void)opaque;
}

static int open_reader(struct reading *reading)
{
    rd_kafka_conf_t *settings;
    struct workload *workload = &reading->workload;
    int code = workload_settings(workload->call, RD_KAFKA_CONSUMER, &settings);
    if (code)
        return code;
    rd_kafka_conf_set_error_cb(settings, on_error);
    code = reading->is_final ? client_set(settings, "enable.partition.eof", "true") : EXIT_DONE;
    if (!code)
        code = workload_client(RD_KAFKA_CONSUMER, settings, &reading->client);
    if (code)
        return code;
    reading->topic = rd_kafka_topic_new(reading->client, workload->topic, NULL);
    if (!reading->topic)
        return say_error(EXIT_FAILED, "%s", rd_kafka_err2str(rd_kafka_last_error()));
    reading->queue = rd_kafka_queue_new(reading->client);
    reading->number = workload->next_client++;
    history_client(workload->history, reading->number, "reader",
                   reading->is_final ? "final" : "live", rd_kafka_name(reading->client));
    return EXIT_DONE;
}

static void close_reader(struct reading *reading)
{
    for (int32_t i = 0; reading->queue && i < reading->workload.partitions; i++)
        rd_kafka_consume_stop(reading->topic, i);
    if (reading->queue)
        rd_kafka_queue_destroy(reading->queue);
    if (reading->topic)
        rd_kafka_topic_destroy(reading->topic);
    if (reading->client)
        rd_kafka_destroy(reading->client);
}

static void note(struct reading *reading, int32_t partition, const char *what, int64_t offset)
{
    char text[NOTE_SIZE];
    snprintf(text, sizeof text, "reader %u, partition %d, offset %lld: %s", reading->number,
             partition, (long long)offset, what);
    history_note(reading->workload.history, text);
}

/* From `offset` on, or from the log's start where it is UNKNOWN. */
static void start_at(struct reading *reading, int32_t partition, int64_t offset)
{
    struct position *position = &reading->positions[partition];
    position->next = offset;
    position->again_ns = 0;
    if (rd_kafka_consume_start_queue(reading->topic, partition,
                                     offset == UNKNOWN ? RD_KAFKA_OFFSET_BEGINNING : offset,
                                     reading->queue) != 0)
        position->again_ns = workload_now_ns() + AGAIN_AFTER_NS;
    else
        history_position(reading->workload.history, reading->number, (uint32_t)partition, offset);
}

/* The watermark that librdkafka had before it hands out what comes next. */
static void tell_highs(struct reading *reading)
{
    int64_t now_ns = workload_now_ns();
    if (now_ns - reading->highs_told_ns < HIGH_EVERY_NS)
        return;
    reading->highs_told_ns = now_ns;
    for (int32_t i = 0; i < reading->workload.partitions; i++) {
        int64_t low;
        int64_t high;
        if (rd_kafka_get_watermark_offsets(reading->client, reading->workload.topic, i, &low,
                                           &high) ||
            high < 0 || high == reading->positions[i].high)
            continue;
        reading->positions[i].high = high;
        history_watermark(reading->workload.history, reading->number, (uint32_t)i, high);
    }
}

static void take_record(struct reading *reading, const rd_kafka_message_t *message)
{
    struct history *history = reading->workload.history;
    struct position *position = &reading->positions[message->partition];
    uint32_t partition = (uint32_t)message->partition;
    uint32_t writer;
    int64_t value;
    struct bytes bytes = {message->payload, (uint32_t)message->len};
    struct keyed keyed;
    if (position->is_done)
        return; /* Written while other partitions are read. */
    reading->got++;
    if (message->key && keyed_read(message, reading->workload.run, &keyed)) {
        history_read_key(history, reading->number, partition, message->offset, keyed.key,
                         keyed.writer, keyed.value);
    } else if (!message->key && history_value_read(bytes, reading->workload.run, &writer, &value)) {
        history_read(history, reading->number, partition, message->offset, writer, value);
    } else {
        reading->foreign++;
        history_foreign(history, reading->number, partition, message->offset, bytes);
    }
    position->next = message->offset + 1;
}

/* final: the broker has no more; the event's offset is that of the record that would be next. */
static void take_end(struct reading *reading, const rd_kafka_message_t *message)
{
    struct position *position = &reading->positions[message->partition];
    if (position->is_done)
        return;
    position->next = message->offset;
    position->is_done = true;
    reading->left--;
    history_final(reading->workload.history, reading->number, (uint32_t)message->partition,
                  message->offset);
}

/* What is no record: an end, or an error after which the partition must be started again. */
static void take_event(struct reading *reading, const rd_kafka_message_t *message)
{
    struct position *position = &reading->positions[message->partition];
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        take_end(reading, message);
        return;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        note(reading, message->partition, rd_kafka_err2name(message->err), position->next);
        position->next = UNKNOWN;
        break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        if (position->again_ns)
            return; /* The same once more, before the partition had been stopped. */
        history_corrupt(reading->workload.history, reading->number, (uint32_t)message->partition,
                        message->offset < 0 ? position->next : message->offset);
        break;
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
        note(reading, message->partition, rd_kafka_err2name(message->err), position->next);
        break;
    default:
        return; /* librdkafka goes on by itself. */
    }
    rd_kafka_consume_stop(reading->topic, message->partition);
    position->again_ns = workload_now_ns() + AGAIN_AFTER_NS;
}

static int read_once(struct reading *reading)
{
    rd_kafka_message_t *messages[BATCH_MAX];
    tell_highs(reading);
    ssize_t count =
        rd_kafka_consume_batch_queue(reading->queue, BATCH_WAIT_MS, messages, BATCH_MAX);
    int64_t now_ns = workload_now_ns();
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err)
            take_event(reading, messages[i]);
        else
            take_record(reading, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    rd_kafka_poll(reading->client, 0);
    for (int32_t i = 0; i < reading->workload.partitions; i++)
        if (reading->positions[i].again_ns && now_ns >= reading->positions[i].again_ns)
            start_at(reading, i, reading->positions[i].next);
    return workload_wait(&reading->workload, 0);
}

/* Which partitions are missing, and how far they were read. */
static int tell_missing(const struct reading *reading)
{
    int32_t told = 0;
    for (int32_t i = 0; i < reading->workload.partitions && told < MISSING_TOLD_MAX; i++) {
        const struct position *position = &reading->positions[i];
        if (position->is_done)
            continue;
        told++;
        say_error(0, "partition %d was read to offset %lld, and no end came", i,
                  (long long)position->next);
    }
    return say_error(EXIT_INCONCLUSIVE, "%d of %d partitions were not read to their ends",
                     reading->left, reading->workload.partitions);
}

static int read_all(struct reading *reading, int64_t deadline_us)
{
    int code = EXIT_DONE;
    reading->left = reading->workload.partitions;
    for (int32_t i = 0; i < reading->workload.partitions; i++) {
        reading->positions[i].high = -1;
        start_at(reading, i, 0);
    }
    while (!code && !reading->workload.ends && reading->left > 0 &&
           (!reading->is_final || now_us() < deadline_us))
        code = read_once(reading);
    if (!code && reading->is_final && reading->left > 0)
        code = tell_missing(reading);
    return code;
}

static int read_what_is_gone(struct reading *reading)
{
    reading->number = reading->workload.next_client++;
    history_client(reading->workload.history, reading->number, "reader", "final", "nobody");
    note(reading, 0, "the topic is not there any more", 0);
    for (int32_t i = 0; i < reading->workload.partitions; i++)
        history_final(reading->workload.history, reading->number, (uint32_t)i, 0);
    return EXIT_DONE;
}

static int read_what_is_there(struct reading *reading, int64_t limit_us)
{
    reading->positions =
        mem_zalloc((size_t)reading->workload.partitions * sizeof *reading->positions);
    int code = open_reader(reading);
    if (!code)
        code = read_all(reading, now_us() + limit_us);
    return code;
}

static int run_reading(struct call *call, bool is_final)
{
    struct reading *reading = mem_zalloc(sizeof *reading);
    const char *within = call_flag(call, "within");
    int64_t limit_us = within ? parse_duration_us(within) : 60000000;
    reading->is_final = is_final;
    int code = limit_us < 0
                   ? say_error(EXIT_USAGE, "--within %s: not a time such as 500ms or 60s", within)
                   : workload_open(&reading->workload, call);
    if (!code) {
        code = reading->workload.is_gone ? read_what_is_gone(reading)
                                         : read_what_is_there(reading, limit_us);
        printf("%llu records read, %llu of them not of this run\n",
               (unsigned long long)reading->got, (unsigned long long)reading->foreign);
    }
    code = workload_close(&reading->workload, code);
    close_reader(reading);
    mem_free(reading->positions);
    mem_free(reading);
    return code;
}

int run_read(struct call *call)
{
    return run_reading(call, false);
}

int run_final(struct call *call)
{
    return run_reading(call, true);
}
