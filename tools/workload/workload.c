/* workload.c -- how a workload begins, waits and ends. */
#include "workload.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "say.h"

enum { ASK_MS = 500 };

int64_t workload_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static sigset_t block_signals(int how)
{
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(how, &ending, NULL);
    return ending;
}

static int open_signals(void)
{
    sigset_t ending = block_signals(SIG_BLOCK);
    return signalfd(-1, &ending, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool is_signalled(const struct workload *workload)
{
    struct signalfd_siginfo info;
    return read(workload->signals, &info, sizeof info) == (ssize_t)sizeof info;
}

int workload_own_topic(const char *topic)
{
    if (strncmp(topic, WORKLOAD_TOPICS, strlen(WORKLOAD_TOPICS)) == 0)
        return EXIT_DONE;
    return say_error(EXIT_USAGE, "topic %s: only topics whose names begin with %s are touched",
                     topic, WORKLOAD_TOPICS);
}

static int cannot_write(const struct workload *workload, int error)
{
    return say_error(EXIT_FAILED, "history %s: %s", call_flag(workload->call, "history"),
                     strerror(error));
}

int workload_wait(struct workload *workload, int64_t until_ns)
{
    int64_t now_ns = workload_now_ns();
    if (now_ns - workload->flushed_ns >= WORKLOAD_HISTORY_FLUSH_NS) {
        workload->flushed_ns = now_ns;
        history_flush(workload->history);
        int error = history_error(workload->history);
        if (error)
            return cannot_write(workload, error);
    }
    int64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
    struct pollfd signals = {.fd = workload->signals, .events = POLLIN};
    if (ppoll(&signals, 1, &left, NULL) > 0)
        workload->ends |= is_signalled(workload);
    return EXIT_DONE;
}

/* Hexadecimal digits alone: the run's name stands between colons. */
static bool is_run(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= HISTORY_RUN_MAX && strspn(text, "0123456789abcdef") == size;
}

static int read_flags(struct workload *workload)
{
    const struct call *call = workload->call;
    int64_t first_client;
    workload->topic = call_flag(call, "topic");
    workload->run = call_flag(call, "run");
    if (!workload->topic || !workload->run || !call_flag(call, "history"))
        return say_error(EXIT_USAGE, "-t, --run and --history must be there (see --help)");
    if (!is_run(workload->run))
        return say_error(EXIT_USAGE, "--run %s: up to %d digits of 0-9a-f are allowed",
                         workload->run, HISTORY_RUN_MAX);
    int code = call_number(call, "first-client", 0, HISTORY_CLIENTS_MAX - 1, 0, &first_client);
    workload->next_client = (uint32_t)first_client;
    return code;
}

/* The one topic of an answer: *partitions is 0 as long as there is none, and *why its error. */
static int take_topic(const struct rd_kafka_metadata *metadata, int32_t *partitions,
                      rd_kafka_resp_err_t *why)
{
    *partitions = 0;
    *why = RD_KAFKA_RESP_ERR__BAD_MSG;
    if (metadata->topic_cnt != 1)
        return EXIT_DONE;
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    *why = topic->err;
    if (topic->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return say_error(EXIT_DENIED, "topic %s: %s", topic->topic, rd_kafka_err2name(topic->err));
    if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        *partitions = topic->partition_cnt;
    return EXIT_DONE;
}

/* That it is not there only UNKNOWN_TOPIC_OR_PART says: other errors pass, or hide a topic. */
static int no_topic(const struct workload *workload, rd_kafka_resp_err_t err,
                    rd_kafka_resp_err_t why)
{
    if (err)
        return say_error(EXIT_FAILED, "no broker answered in time: %s", rd_kafka_err2str(err));
    if (why == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return say_error(EXIT_NOT_FOUND, "there is no topic %s", workload->topic);
    return say_error(EXIT_FAILED, "no broker told of topic %s in time: %s", workload->topic,
                     rd_kafka_err2name(why));
}

/* Ask until a broker knows the topic, the time is over, or a signal comes. */
static int ask_for_topic(struct workload *workload, rd_kafka_t *client)
{
    int64_t deadline_us = now_us() + workload->call->timeout_us;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, workload->topic, NULL);
    rd_kafka_resp_err_t err;
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR_NO_ERROR; /* Of the last answer. */
    int code = topic ? EXIT_DONE
                     : say_error(EXIT_USAGE, "topic %s: %s", workload->topic,
                                 rd_kafka_err2str(rd_kafka_last_error()));
    while (!code && !workload->partitions) {
        const struct rd_kafka_metadata *metadata;
        err = rd_kafka_metadata(client, 0, topic, &metadata, ASK_MS);
        if (!err) {
            code = take_topic(metadata, &workload->partitions, &why);
            rd_kafka_metadata_destroy(metadata);
        }
        workload->ends |= is_signalled(workload);
        if (code || workload->partitions)
            break;
        if (workload->ends)
            code =
                say_error(EXIT_FAILED, "ended before a broker told of topic %s", workload->topic);
        else if (now_us() >= deadline_us)
            code = no_topic(workload, err, why);
        else if (!err)
            sleep_us(ASK_MS * 1000 / 10);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return code;
}

static int find_partitions(struct workload *workload)
{
    rd_kafka_conf_t *settings;
    rd_kafka_t *client;
    int code = workload_settings(workload->call, RD_KAFKA_CONSUMER, &settings);
    if (!code)
        code = workload_client(RD_KAFKA_CONSUMER, settings, &client);
    if (code)
        return code;
    code = ask_for_topic(workload, client);
    rd_kafka_destroy(client);
    return code;
}

/* Of a topic that was lost as a whole, or deleted: nothing is left of what it held. */
static int take_as_gone(struct workload *workload)
{
    int64_t partitions;
    int code = call_number(workload->call, "partitions", 1, HISTORY_PARTITIONS_MAX, 1, &partitions);
    workload->partitions = (int32_t)partitions;
    workload->is_gone = !code;
    return code;
}

static int open_history(struct workload *workload)
{
    struct history_head head = {.partitions = (uint32_t)workload->partitions};
    if (strlen(workload->topic) > HISTORY_TOPIC_MAX || head.partitions > HISTORY_PARTITIONS_MAX)
        return say_error(EXIT_FAILED, "topic %s: more than %d partitions", workload->topic,
                         HISTORY_PARTITIONS_MAX);
    snprintf(head.run, sizeof head.run, "%s", workload->run);
    snprintf(head.topic, sizeof head.topic, "%s", workload->topic);
    int error = history_open(&workload->history, call_flag(workload->call, "history"), &head);
    return error ? cannot_write(workload, error) : EXIT_DONE;
}

int workload_open(struct workload *workload, const struct call *call)
{
    *workload = (struct workload){.call = call, .signals = open_signals()};
    int code = read_flags(workload);
    if (!code)
        code = find_partitions(workload);
    if (code == EXIT_NOT_FOUND && call_flag(call, "partitions"))
        code = take_as_gone(workload);
    return code ? code : open_history(workload);
}

int workload_close(struct workload *workload, int code)
{
    if (workload->history) {
        int error = history_close(workload->history, true);
        if (error && !code)
            code = cannot_write(workload, error);
    }
    close(workload->signals);
    block_signals(SIG_UNBLOCK); /* Nothing is left that a signal could cut. */
    return code;
}
