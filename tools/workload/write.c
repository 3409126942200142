/* write.c -- write, and probe without --fresh: producers at a constant rate, and what they heard;
 * with --keys of records that a compacted topic is for (keyed.c).
 *
 * Records are due at even distances, and go round the writers and the partitions. A
 * partition that has IN_FLIGHT_MAX records without an answer is passed over: one
 * leader that hangs must not fill the queue in which the others' records wait. What was
 * passed over is counted, as are producers that librdkafka gave up; a note at the end, and
 * the last line of the output, tell both.
 *
 * A line w stands before librdkafka gets the record; lines a and e are of the delivery
 * report, which is looked for once a millisecond. */
#include <stdio.h>
#include <string.h>

#include "keyed.h"
#include "output.h"
#include "say.h"
#include "stall.h"
#include "verbs.h"

enum {
    WRITERS_MAX = 64,
    IN_FLIGHT_MAX = 1000,      /* Of one writer to one partition. */
    IN_FLIGHT_ALL_MAX = 90000, /* Of one writer: librdkafka's own queue takes 100,000. */
    VALUE_SIZE_MAX = 1000000,
    KEYS_MAX = HISTORY_KEYS_MAX / HISTORY_PARTITIONS_MAX, /* In each partition. */
    LATE_MAX_NS = 100000000, /* What is due longer is passed over, not sent in a burst. */
    GIVEN_UP_WAIT_MS = 1000,
    REASON_SIZE = 512,
};

/* One client of the history: a producer, and after librdkafka's defect another one. */
struct writer {
    struct write_run *run;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    uint32_t number; /* In the history. */
    int64_t next_value;
    uint32_t *in_flight; /* By partition. */
    uint32_t open;       /* Their sum. */
};

struct write_run {
    struct workload workload;
    const char *kind;    /* "writer"; "writer/1": only the leader acknowledges; "keyed". */
    const char *profile; /* In the history; that of the settings stands in the call. */
    uint32_t count;
    struct writer writers[WRITERS_MAX];
    int64_t every_ns; /* From one record to the next, of all writers. */
    int64_t size;     /* Bytes of a value at least. */
    int64_t keys;     /* Of each writer in each partition; 0: records have none. */
    int64_t flush_us;
    int64_t started_ns;
    uint64_t slot; /* Of the next record that is due. */
    uint32_t in_flight_max;
    uint64_t written, acked, failed, passed_over;
    uint32_t given_up;          /* Producers that ended by librdkafka's defect. */
    bool is_over;               /* Whatever is told from now on comes too late for the history. */
    char value[VALUE_SIZE_MAX]; /* At least HISTORY_VALUE_MAX. */
};

const struct flag write_flags[] = {
    {'t', "topic", "TOPIC", "its name begins with " WORKLOAD_TOPICS},
    {0, "run", "HEX", "the run's name, in every value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "writers", "N", "how many producers (1)"},
    {0, "rate", "N", "records a second, of all of them (1000)"},
    {0, "acks", "all|1", "all, and idempotent (the default), or the leader's alone"},
    {0, "profile", "stock|tuned", "which settings of librdkafka (tuned)"},
    {0, "size", "BYTES", "of a value at least (0)"},
    {0, "keys", "N", "records with keys, some of them tombstones: so many keys in a partition"},
    {0, "first-client", "C", "the first producer's number in the history (0)"},
    {0, "flush", "TIME", "how long answers are waited for at the end (10s)"},
    {0, NULL, NULL, NULL},
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct writer *writer = opaque;
    struct write_run *run = writer->run;
    int64_t value = (int64_t)(intptr_t)message->_private;
    (void)client;
    writer->in_flight[message->partition]--;
    writer->open--;
    if (run->is_over)
        return;
    if (message->err) {
        run->failed++;
        history_failed(run->workload.history, writer->number, value,
                       rd_kafka_err2name(message->err));
        return;
    }
    run->acked++;
    /* The broker knew a record that was sent again, and did not say where it stands. */
    int64_t offset = message->offset < 0 ? -1 : message->offset;
    history_acked(run->workload.history, writer->number, value, offset);
}

/* What brokers refuse or how they go is seen in the records' answers. */
static void on_error(rd_kafka_t *client, int err, const char *reason, void *opaque)
{
    (void)client, (void)err, (void)reason, (void)opaque;
}

static int open_writer(struct write_run *run, struct writer *writer)
{
    rd_kafka_conf_t *settings;
    int code = workload_settings(run->workload.call, RD_KAFKA_PRODUCER, &settings);
    if (code)
        return code;
    rd_kafka_conf_set_dr_msg_cb(settings, on_delivery);
    rd_kafka_conf_set_error_cb(settings, on_error);
    rd_kafka_conf_set_opaque(settings, writer);
    code = workload_client(RD_KAFKA_PRODUCER, settings, &writer->client);
    if (code)
        return code;
    writer->topic = rd_kafka_topic_new(writer->client, run->workload.topic, NULL);
    if (!writer->topic)
        return say_error(EXIT_FAILED, "%s", rd_kafka_err2str(rd_kafka_last_error()));
    writer->number = run->workload.next_client++;
    writer->next_value = 0;
    memset(writer->in_flight, 0, (size_t)run->workload.partitions * sizeof *writer->in_flight);
    writer->open = 0;
    history_client(run->workload.history, writer->number, run->kind, run->profile,
                   rd_kafka_name(writer->client));
    return EXIT_DONE;
}

/* Records without an answer are given up: their outcome stays unknown. */
static void close_writer(struct writer *writer)
{
    if (writer->topic)
        rd_kafka_topic_destroy(writer->topic);
    if (writer->client) {
        rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(writer->client);
    }
    writer->topic = NULL;
    writer->client = NULL;
}

static rd_kafka_resp_err_t begin_plain(struct write_run *run, struct writer *writer,
                                       int32_t partition, int64_t number)
{
    struct workload *workload = &run->workload;
    uint32_t size =
        history_value_write(run->value, (uint32_t)run->size, workload->run, writer->number, number);
    history_begin(workload->history, writer->number, number, (uint32_t)partition);
    int failed = rd_kafka_produce(writer->topic, partition, RD_KAFKA_MSG_F_COPY, run->value, size,
                                  NULL, 0, (void *)(intptr_t)number);
    return failed ? rd_kafka_last_error() : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t begin_keyed(struct write_run *run, struct writer *writer,
                                       int32_t partition, int64_t number)
{
    struct workload *workload = &run->workload;
    struct keyed keyed = keyed_choose(writer->number, number, (uint32_t)partition,
                                      (uint32_t)workload->partitions, (uint32_t)run->keys);
    history_begin_key(workload->history, writer->number, number, (uint32_t)partition, keyed.key,
                      keyed.is_tombstone);
    return keyed_produce(writer->client, workload->topic, partition, workload->run, &keyed);
}

static void write_one(struct write_run *run, struct writer *writer, int32_t partition)
{
    if (writer->in_flight[partition] >= run->in_flight_max) {
        run->passed_over++;
        return;
    }
    int64_t number = writer->next_value++;
    run->written++;
    rd_kafka_resp_err_t err = run->keys ? begin_keyed(run, writer, partition, number)
                                        : begin_plain(run, writer, partition, number);
    if (err) {
        run->failed++;
        history_failed(run->workload.history, writer->number, number, rd_kafka_err2name(err));
        return;
    }
    writer->in_flight[partition]++;
    writer->open++;
}

/* All that is due by now. Each writer begins its round at another partition. */
static void write_due(struct write_run *run, int64_t now_ns)
{
    uint64_t late = (uint64_t)(LATE_MAX_NS / run->every_ns) + 1;
    uint64_t due = (uint64_t)((now_ns - run->started_ns) / run->every_ns) + 1;
    if (due > run->slot + late) {
        run->passed_over += due - late - run->slot;
        run->slot = due - late;
    }
    for (; run->slot < due; run->slot++) {
        uint32_t turn = (uint32_t)(run->slot % run->count);
        uint64_t start = (uint64_t)run->workload.partitions * turn / run->count;
        uint64_t place = (run->slot / run->count + start) % (uint64_t)run->workload.partitions;
        write_one(run, &run->writers[turn], (int32_t)place);
    }
}

static uint64_t open_records(const struct write_run *run)
{
    uint64_t open = 0;
    for (uint32_t i = 0; i < run->count; i++)
        open += run->writers[i].open;
    return open;
}

/* librdkafka before 2.3 takes a record that a lost connection left in doubt for written. If its
 * retry is then refused, and the broker takes the next batch, the gap is fatal to it (its issue
 * 4438). A new producer goes on; whether something was lost is for the checker to say. */
static bool is_defect_of_client(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER &&
           rd_kafka_version() < 0x02030000;
}

/* A cluster that does not let us write, or cannot, has lost nothing. */
static bool is_refusal(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
}

/* An idempotent producer ends for good only when it saw proof of a loss, or was refused. */
static int check_fatal(struct write_run *run, struct writer *writer)
{
    char reason[REASON_SIZE];
    char note[2 * REASON_SIZE];
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(writer->client, reason, sizeof reason);
    if (!err)
        return EXIT_DONE;
    uint32_t number = writer->number;
    bool goes_on = is_defect_of_client(err);
    snprintf(note, sizeof note, "client %u ended by %s, %s: %s", number, rd_kafka_err2name(err),
             goes_on ? "a defect of librdkafka before 2.3" : "fatal", reason);
    history_note(run->workload.history, note);
    if (!goes_on)
        return say_error(is_refusal(err) ? EXIT_FAILED : EXIT_VIOLATION, "%s", note);
    run->given_up++;
    rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(writer->client, GIVEN_UP_WAIT_MS);
    bool was_over = run->is_over;
    run->is_over = true;
    close_writer(writer);
    run->is_over = was_over;
    return open_writer(run, writer);
}

static int poll_writers(struct write_run *run)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; !code && i < run->count; i++) {
        rd_kafka_poll(run->writers[i].client, 0);
        code = check_fatal(run, &run->writers[i]);
    }
    return code;
}

static int64_t next_due_ns(const struct write_run *run, int64_t now_ns)
{
    int64_t due_ns = run->started_ns + (int64_t)run->slot * run->every_ns;
    int64_t tick_ns = now_ns + WORKLOAD_TICK_NS;
    return due_ns > tick_ns && open_records(run) == 0 ? due_ns : tick_ns;
}

static int write_until_signal(struct write_run *run)
{
    int code = EXIT_DONE;
    run->started_ns = workload_now_ns();
    while (!code && !run->workload.ends) {
        int64_t now_ns = workload_now_ns();
        write_due(run, now_ns);
        code = poll_writers(run);
        if (!code)
            code = workload_wait(&run->workload, next_due_ns(run, now_ns));
    }
    return code;
}

/* The answers that still come, until the time is over or a second signal comes. */
static int flush_writers(struct write_run *run, int code)
{
    int64_t deadline_us = now_us() + run->flush_us;
    run->workload.ends = false;
    while (open_records(run) > 0 && now_us() < deadline_us && !run->workload.ends) {
        int polled = poll_writers(run);
        if (!polled)
            polled = workload_wait(&run->workload, workload_now_ns() + WORKLOAD_TICK_NS);
        code = code ? code : polled;
        if (polled)
            break;
    }
    run->is_over = true;
    return code;
}

static void tell_totals(struct write_run *run)
{
    char note[256];
    uint64_t open = run->written - run->acked - run->failed;
    snprintf(
        note, sizeof note,
        "%llu written, %llu acknowledged, %llu failed, %llu without an answer, %llu passed over, "
        "%u producers given up",
        (unsigned long long)run->written, (unsigned long long)run->acked,
        (unsigned long long)run->failed, (unsigned long long)open,
        (unsigned long long)run->passed_over, run->given_up);
    history_note(run->workload.history, note);
    if (run->workload.call->json)
        print_json(json_pack("{sI sI sI sI sI si}", "written", (json_int_t)run->written, "acked",
                             (json_int_t)run->acked, "failed", (json_int_t)run->failed, "open",
                             (json_int_t)open, "passed_over", (json_int_t)run->passed_over,
                             "given_up", (int)run->given_up));
    else
        printf("%s\n", note);
}

static int run_writers(struct write_run *run)
{
    int code = workload_open(&run->workload, run->workload.call);
    uint32_t partitions = (uint32_t)run->workload.partitions;
    if (!code) {
        uint32_t share = IN_FLIGHT_ALL_MAX / partitions;
        run->in_flight_max = share > IN_FLIGHT_MAX ? IN_FLIGHT_MAX : share ? share : 1;
    }
    for (uint32_t i = 0; !code && i < run->count; i++) {
        run->writers[i].run = run;
        run->writers[i].in_flight = mem_zalloc(partitions * sizeof(uint32_t));
        code = open_writer(run, &run->writers[i]);
    }
    if (!code) {
        struct stall_watch *stalls = stall_watch_open(run->workload.history);
        code = write_until_signal(run);
        code = flush_writers(run, code);
        stall_watch_close(stalls);
        tell_totals(run);
    }
    run->is_over = true;
    code = workload_close(&run->workload, code);
    for (uint32_t i = 0; i < run->count; i++) {
        close_writer(&run->writers[i]);
        mem_free(run->writers[i].in_flight);
    }
    return code;
}

int run_write(struct call *call)
{
    struct write_run *run = mem_zalloc(sizeof *run);
    int64_t writers, rate;
    const char *acks = call_flag(call, "acks");
    const char *flush = call_flag(call, "flush");
    run->workload.call = call;
    run->kind = acks && strcmp(acks, "1") == 0 ? "writer/1" : "writer";
    run->profile = call_flag(call, "profile") ? call_flag(call, "profile") : "tuned";
    run->flush_us = flush ? parse_duration_us(flush) : 10000000;
    int code = call_number(call, "writers", 1, WRITERS_MAX, 1, &writers);
    run->count = (uint32_t)writers;
    if (!code)
        code = call_number(call, "rate", 1, 1000000, 1000, &rate);
    if (!code)
        code = call_number(call, "size", 0, VALUE_SIZE_MAX - 1, 0, &run->size);
    if (!code)
        code = call_number(call, "keys", 0, KEYS_MAX, 0, &run->keys);
    if (!code && run->keys && strcmp(run->kind, "writer") != 0)
        code = say_error(EXIT_USAGE, "--keys: only with acks=all is anything promised of them");
    if (run->keys)
        run->kind = "keyed";
    if (!code && run->flush_us < 0)
        code = say_error(EXIT_USAGE, "--flush %s: not a time such as 500ms or 10s", flush);
    if (!code && call_flag(call, "topic"))
        code = workload_own_topic(call_flag(call, "topic"));
    if (!code) {
        run->every_ns = 1000000000 / rate;
        code = run_writers(run);
    }
    mem_free(run);
    return code;
}

int run_probe_plain(struct call *call, int64_t every_ms)
{
    const char *profile = call_flag(call, "profile");
    struct write_run *run = mem_zalloc(sizeof *run);
    run->workload.call = call;
    run->kind = "writer"; /* Idempotent and in order, as any other. */
    run->profile = profile && strcmp(profile, "stock") == 0 ? "probe-stock" : "probe";
    run->count = 1;
    run->flush_us = 10000000;
    run->every_ns = every_ms * 1000000;
    int code = run_writers(run);
    mem_free(run);
    return code;
}
