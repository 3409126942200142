/* kill_loop.c -- stock producers and a consumer against nodes that are killed again and again.
 *
 *   kill-loop [--seed S] [--rounds N] [--records N] [--rate N] [--partitions N] [--all-every N]
 *             [--restart-max MS] [--next-max MS] [--dir DIR] [--keep] [--verbose]
 *             [--chaos]
 *
 * Idempotent librdkafka producers (acks=all, five requests in flight) write while a
 * schedule drawn from the seed kills nodes with kill -9, one or all at once, and
 * starts them again; a consumer reads along. Then everything is read from the start
 * and held against the ledger. With --chaos all of it goes through the proxy and above the
 * faults library, neither of which does anything. Exit 0, or 11 with a witness, or 1 when it could
 * not run. The last line counts, as tools/test wants it. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "faults.h"
#include "ledger.h"
#include "say.h"

enum {
    PRODUCERS = 3,
    DRAIN_LIMIT_US = 120000000,
    READ_LIMIT_US = 60000000,
    QUEUE_MAX = 20000,
    LONG_GAP_US = 2000000,
};

struct options {
    int64_t seed, rounds, records, rate, partitions, all_every, restart_max_ms, next_max_ms;
    const char *dir;
    bool keep, verbose, chaos;
};

struct loop {
    struct options options;
    struct cluster cluster;
    struct faults faults;
    struct ledger *ledger;
    rd_kafka_t *producers[PRODUCERS];
    uint32_t names[PRODUCERS]; /* Of the ledger; one that is opened anew has a new one. */
    uint32_t name_count;
    rd_kafka_topic_t *topics[PRODUCERS];
    rd_kafka_t *reader;
    rd_kafka_topic_t *read_topic;
    rd_kafka_queue_t *read_queue;
    int64_t started_us;
    int64_t *last_ack_us; /* By partition; 0: none yet. */
    int64_t longest_gap_us;
    uint64_t fatal_errors;
    uint32_t given_up; /* Producers that ended by librdkafka's own defect. */
};

#define TOPIC "kill-loop"

/* Of one partition: the others go on while its leader is dead. Long ones are told with the newest
 * kill, for whoever compares them with the nodes' logs. */
static void count_gap(struct loop *loop, int32_t partition)
{
    int64_t now = now_us();
    int64_t *last_us = &loop->last_ack_us[partition];
    int64_t gap = *last_us ? now - *last_us : 0;
    if (gap > loop->longest_gap_us)
        loop->longest_gap_us = gap;
    if (gap > LONG_GAP_US) {
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        printf("  partition %d: no acknowledgement for %lld ms until %lld.%03ld, after kill %u\n",
               partition, (long long)(gap / 1000), (long long)wall.tv_sec % 86400,
               wall.tv_nsec / 1000000, loop->faults.round);
    }
    *last_us = now;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct loop *loop = opaque;
    (void)client;
    if (message->err) {
        ledger_failed(loop->ledger, message->payload, message->len);
        if (loop->options.verbose)
            printf("  not acknowledged: %s\n", rd_kafka_err2str(message->err));
        return;
    }
    count_gap(loop, message->partition);
    ledger_acked(loop->ledger, message->payload, message->len, message->partition, message->offset);
}

/* librdkafka before 2.3 takes a record that a lost connection left in doubt for written. If its
 * retry is then refused, and the broker takes the next batch, the gap is fatal to it (its issue
 * 4438). A new producer goes on; whether something was lost is for the ledger to say. */
static bool is_defect_of_client(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER &&
           rd_kafka_version() < 0x02030000;
}

/* Otherwise an idempotent producer ends for good only when it saw proof of a loss. */
static void on_error(rd_kafka_t *client, int err, const char *reason, void *opaque)
{
    struct loop *loop = opaque;
    char text[512];
    if (err != RD_KAFKA_RESP_ERR__FATAL) {
        if (loop->options.verbose)
            printf("  %s: %s\n", rd_kafka_name(client), reason);
        return;
    }
    bool known = is_defect_of_client(rd_kafka_fatal_error(client, text, sizeof text));
    loop->given_up += known;
    loop->fatal_errors += !known;
    printf("%s: %s: fatal: %s\n", known ? "  given up" : "VIOLATION", rd_kafka_name(client), text);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level, (void)facility,
        (void)text; /* What matters comes through on_error. */
}

static void set(rd_kafka_conf_t *settings, const char *key, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(settings, key, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", reason);
        exit(EXIT_FAILED);
    }
}

static rd_kafka_t *open_client(struct loop *loop, rd_kafka_type_t type)
{
    char brokers[CLUSTER_BROKERS_MAX];
    char reason[256];
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    cluster_brokers(&loop->cluster, brokers);
    set(settings, "bootstrap.servers", brokers);
    /* Kills come faster than its backoff is forgotten: it would grow to the default of 10 s, and a
     * client that waits in it neither tries the nodes nor tells how long they were away. */
    set(settings, "reconnect.backoff.max.ms", "200");
    if (type == RD_KAFKA_PRODUCER) {
        set(settings, "enable.idempotence", "true");
        set(settings, "linger.ms", "2");
        set(settings, "message.timeout.ms", "120000");
        rd_kafka_conf_set_dr_msg_cb(settings, on_delivery);
    } else {
        set(settings, "check.crcs", "true");
        set(settings, "auto.offset.reset", "error");
        set(settings, "allow.auto.create.topics", "false");
    }
    rd_kafka_conf_set_error_cb(settings, on_error);
    rd_kafka_conf_set_log_cb(settings, on_log);
    rd_kafka_conf_set_opaque(settings, loop);
    rd_kafka_t *client = rd_kafka_new(type, settings, reason, sizeof reason);
    if (!client) {
        fprintf(stderr, "%s\n", reason);
        exit(EXIT_FAILED);
    }
    return client;
}

static int make_topic(struct loop *loop)
{
    char brokers[CLUSTER_BROKERS_MAX];
    struct link *link;
    struct arena arena = {0};
    struct str message;
    struct admin_topic topic = {
        .name = TOPIC, .partitions = (int32_t)loop->options.partitions, .replication_factor = 3};
    cluster_brokers(&loop->cluster, brokers);
    int code = admin_open(&link, brokers, now_us() + 5000000);
    if (code)
        return code;
    enum err err = admin_create(link, &topic, now_us() + 10000000, &arena, &message);
    link_close(link);
    if (err)
        code = say_error(EXIT_FAILED, "CreateTopics: %s %.*s", err_name(err), (int)message.size,
                         message.data ? message.data : "");
    arena_free(&arena);
    return code;
}

static void start_reading(struct loop *loop)
{
    loop->reader = open_client(loop, RD_KAFKA_CONSUMER);
    loop->read_topic = rd_kafka_topic_new(loop->reader, TOPIC, NULL);
    loop->read_queue = rd_kafka_queue_new(loop->reader);
    for (int32_t i = 0; i < loop->options.partitions; i++)
        rd_kafka_consume_start_queue(loop->read_topic, i, RD_KAFKA_OFFSET_BEGINNING,
                                     loop->read_queue);
}

static void stop_reading(struct loop *loop)
{
    for (int32_t i = 0; i < loop->options.partitions; i++)
        rd_kafka_consume_stop(loop->read_topic, i);
    rd_kafka_queue_destroy(loop->read_queue);
    rd_kafka_topic_destroy(loop->read_topic);
    rd_kafka_destroy(loop->reader);
}

static void read_along(struct loop *loop)
{
    rd_kafka_message_t *messages[256];
    ssize_t count = rd_kafka_consume_batch_queue(loop->read_queue, 0, messages, 256);
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
            messages[i]->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
            printf("VIOLATION: a consumer at partition %d offset %lld: %s\n",
                   messages[i]->partition, (long long)messages[i]->offset,
                   rd_kafka_message_errstr(messages[i]));
            loop->fatal_errors++;
        }
        if (!messages[i]->err)
            ledger_read_live(loop->ledger, messages[i]->payload, messages[i]->len,
                             messages[i]->partition, messages[i]->offset);
        rd_kafka_message_destroy(messages[i]);
    }
    rd_kafka_poll(loop->reader, 0);
}

/* Keep to the rate, and to a bounded number of records without an answer. */
static void produce_due(struct loop *loop)
{
    struct ledger_counts counts = ledger_counts(loop->ledger);
    uint64_t due = (uint64_t)((now_us() - loop->started_us) * loop->options.rate / 1000000);
    uint32_t budget = 2000;
    while (counts.sent < due && counts.sent - counts.acked - counts.failed < QUEUE_MAX &&
           budget--) {
        uint8_t value[LEDGER_VALUE_SIZE];
        int32_t partition;
        uint32_t producer = (uint32_t)(counts.sent % PRODUCERS);
        uint32_t name = loop->names[producer];
        ledger_next(loop->ledger, name, value, &partition);
        if (rd_kafka_produce(loop->topics[producer], partition, RD_KAFKA_MSG_F_COPY, value,
                             sizeof value, NULL, 0, NULL) != 0) {
            ledger_take_back(loop->ledger, name);
            return;
        }
        counts.sent++;
    }
}

static void open_producer(struct loop *loop, int i)
{
    check(loop->name_count < LEDGER_PRODUCERS_MAX);
    loop->names[i] = loop->name_count++;
    loop->producers[i] = open_client(loop, RD_KAFKA_PRODUCER);
    loop->topics[i] = rd_kafka_topic_new(loop->producers[i], TOPIC, NULL);
}

/* What has no answer is reported as failed, and may stand in the log once. */
static void close_producer(struct loop *loop, int i)
{
    rd_kafka_topic_destroy(loop->topics[i]);
    rd_kafka_purge(loop->producers[i], RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(loop->producers[i], 1000);
    rd_kafka_destroy(loop->producers[i]);
}

static void poll_all(struct loop *loop)
{
    for (int i = 0; i < PRODUCERS; i++) {
        rd_kafka_poll(loop->producers[i], 0);
        if (rd_kafka_fatal_error(loop->producers[i], NULL, 0)) {
            close_producer(loop, i);
            open_producer(loop, i);
        }
    }
    read_along(loop);
    sleep_us(1000);
}

static int run_rounds(struct loop *loop)
{
    loop->started_us = now_us();
    int64_t drain_us = 0;
    for (;;) {
        int code = loop->fatal_errors ? EXIT_VIOLATION : faults_step(&loop->faults);
        if (code)
            return code;
        struct ledger_counts counts = ledger_counts(loop->ledger);
        bool produces =
            !faults_over(&loop->faults) || counts.sent < (uint64_t)loop->options.records;
        if (produces)
            produce_due(loop);
        poll_all(loop);
        if (produces)
            continue;
        if (counts.acked + counts.failed == counts.sent)
            return EXIT_DONE;
        if (!drain_us)
            drain_us = now_us();
        if (now_us() - drain_us > DRAIN_LIMIT_US)
            return say_error(EXIT_FAILED,
                             "%llu records had no answer two minutes after the last fault",
                             (unsigned long long)(counts.sent - counts.acked - counts.failed));
    }
}

/* Every partition from its start to its end, with a fresh client. */
static int read_all(struct loop *loop)
{
    rd_kafka_t *reader = open_client(loop, RD_KAFKA_CONSUMER);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader, TOPIC, NULL);
    int code = EXIT_DONE;
    for (int32_t i = 0; i < loop->options.partitions && !code; i++) {
        int64_t low = 0;
        int64_t high = 0;
        int64_t deadline = now_us() + READ_LIMIT_US;
        while (rd_kafka_query_watermark_offsets(reader, TOPIC, i, &low, &high, 5000) &&
               now_us() < deadline)
            sleep_us(100000);
        rd_kafka_consume_start(topic, i, RD_KAFKA_OFFSET_BEGINNING);
        int64_t next = low;
        while (next < high && now_us() < deadline) {
            rd_kafka_message_t *message = rd_kafka_consume(topic, i, 1000);
            if (!message)
                continue;
            if (!message->err) {
                ledger_read(loop->ledger, message->payload, message->len, i, message->offset);
                next = message->offset + 1;
            }
            rd_kafka_message_destroy(message);
        }
        rd_kafka_consume_stop(topic, i);
        if (next < high)
            code = say_error(EXIT_FAILED, "partition %d could be read up to %lld only, not to %lld",
                             i, (long long)next, (long long)high);
    }
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(reader);
    return code;
}

static int run_loop(struct loop *loop)
{
    int code = make_topic(loop);
    if (code)
        return code;
    for (int i = 0; i < PRODUCERS; i++)
        open_producer(loop, i);
    start_reading(loop);
    code = run_rounds(loop);
    stop_reading(loop);
    struct ledger_counts counts = ledger_counts(loop->ledger);
    if (!code)
        code = read_all(loop);
    for (int i = 0; i < PRODUCERS; i++)
        close_producer(loop, i);
    if (!code)
        ledger_finish(loop->ledger);
    counts.violations = ledger_counts(loop->ledger).violations + loop->fatal_errors;
    if (loop->given_up)
        printf("%u producers gave up by a defect of librdkafka %s\n", loop->given_up,
               rd_kafka_version_str());
    printf("%u kills; %llu records sent, %llu acknowledged, %llu not; %llu read along, %llu at the "
           "end; "
           "longest gap between acknowledgements of one partition %lld.%03lld s\n",
           loop->faults.round, (unsigned long long)counts.sent, (unsigned long long)counts.acked,
           (unsigned long long)counts.failed, (unsigned long long)counts.read_live,
           (unsigned long long)ledger_counts(loop->ledger).read,
           (long long)(loop->longest_gap_us / 1000000),
           (long long)(loop->longest_gap_us / 1000 % 1000));
    return counts.violations ? EXIT_VIOLATION : code;
}

static int read_options(struct options *options, int count, char **words)
{
    static const char *const names[] = {"--seed",        "--rounds",     "--records",
                                        "--rate",        "--partitions", "--all-every",
                                        "--restart-max", "--next-max"};
    int64_t *const numbers[] = {&options->seed,           &options->rounds,     &options->records,
                                &options->rate,           &options->partitions, &options->all_every,
                                &options->restart_max_ms, &options->next_max_ms};
    for (int i = 1; i < count; i++) {
        bool known = !strcmp(words[i], "--keep") || !strcmp(words[i], "--verbose") ||
                     !strcmp(words[i], "--chaos");
        options->chaos |= !strcmp(words[i], "--chaos");
        options->keep |= !strcmp(words[i], "--keep");
        options->verbose |= !strcmp(words[i], "--verbose");
        if (!strcmp(words[i], "--dir") && i + 1 < count) {
            options->dir = words[++i];
            known = true;
        }
        for (size_t j = 0; j < sizeof names / sizeof names[0] && !known; j++)
            if (!strcmp(words[i], names[j]) && i + 1 < count)
                known = parse_int(words[++i], 0, 1000000000, numbers[j]);
        if (!known)
            return say_error(EXIT_USAGE, "kill-loop: what is %s?", words[i]);
    }
    return EXIT_DONE;
}

int main(int count, char **words)
{
    static struct loop loop;
    char dir[CLUSTER_PATH_MAX];
    const char *parent = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.400s/skiff-kill-loop-XXXXXX", parent ? parent : "/tmp");
    loop.options = (struct options){.seed = 1,
                                    .rounds = 5,
                                    .records = 10000,
                                    .rate = 4000,
                                    .partitions = 12,
                                    .all_every = 5,
                                    .restart_max_ms = 1000,
                                    .next_max_ms = 3000};
    int code = read_options(&loop.options, count, words);
    if (code)
        return code;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!loop.options.dir)
        loop.options.dir = mkdtemp(dir);
    code = test_cluster_up(&loop.cluster, loop.options.dir, 3, loop.options.chaos);
    if (!code) {
        loop.ledger = ledger_open(LEDGER_PRODUCERS_MAX, (uint32_t)loop.options.partitions);
        loop.last_ack_us = mem_zalloc((size_t)loop.options.partitions * sizeof *loop.last_ack_us);
        loop.faults.cluster = &loop.cluster;
        loop.faults.rounds = (uint32_t)loop.options.rounds;
        loop.faults.all_every = (uint32_t)loop.options.all_every;
        loop.faults.restart_max_us = loop.options.restart_max_ms * 1000 + 1;
        loop.faults.next_max_us = loop.options.next_max_ms * 1000 + 1;
        loop.faults.verbose = loop.options.verbose;
        code = faults_start(&loop.faults, (uint64_t)loop.options.seed);
        if (!code)
            code = run_loop(&loop);
        test_cluster_down(&loop.cluster, code != EXIT_DONE || loop.options.keep);
        ledger_close(loop.ledger);
        mem_free(loop.last_ack_us);
    }
    if (code)
        printf("seed %lld failed with exit code %d; data and logs: %s\n",
               (long long)loop.options.seed, code, loop.options.dir);
    printf("%d passed, %d failed\n", code == EXIT_DONE, code != EXIT_DONE);
    return code;
}
