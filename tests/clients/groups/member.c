/* member.c -- a member of a group on librdkafka, which says all that it does.
 *
 *   group-member BROKERS TOPIC GROUP
 *
 * It reads what it is assigned and commits each partition after each batch, until standard input
 * ends. Lines on standard output, each with the monotonic time in nanoseconds:
 *
 *   T start PARTITION OFFSET      assigned; asked at T or later, OFFSET is committed (-1: none)
 *   T read PARTITION FIRST LAST   records came, without a gap
 *   T committed PARTITION OFFSET  confirmed at T or before
 *   T lost PARTITION              no longer assigned */
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 500, WAIT_MS = 50, ASK_MS = 20000 };

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void tell_starts(rd_kafka_t *client, const rd_kafka_topic_partition_list_t *assigned)
{
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_copy(assigned);
    long long began = now_ns();
    rd_kafka_resp_err_t err = rd_kafka_committed(client, asked, ASK_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        printf("%lld note committed: %s\n", now_ns(), rd_kafka_err2str(err));
    else
        for (int i = 0; i < asked->cnt; i++) {
            long long offset = asked->elems[i].offset;
            printf("%lld start %d %lld\n", began, asked->elems[i].partition,
                   offset < 0 ? -1 : offset);
        }
    rd_kafka_topic_partition_list_destroy(asked);
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *context)
{
    (void)context;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        tell_starts(client, partitions);
        rd_kafka_assign(client, partitions);
        return;
    }
    for (int i = 0; i < partitions->cnt; i++)
        printf("%lld lost %d\n", now_ns(), partitions->elems[i].partition);
    rd_kafka_assign(client, NULL);
}

static void commit(rd_kafka_t *client, const char *topic, int partition, long long offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t err = rd_kafka_commit(client, list, 0);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = list->elems[0].err;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        printf("%lld committed %d %lld\n", now_ns(), partition, offset);
    else
        printf("%lld note commit: %s\n", now_ns(), rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(list);
}

/* One run of records of one partition, as long as it goes on without a gap. */
static void take(rd_kafka_t *client, rd_kafka_queue_t *queue, const char *topic)
{
    rd_kafka_message_t *messages[BATCH];
    ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
    for (ssize_t i = 0; i < count;) {
        rd_kafka_message_t *first = messages[i];
        if (first->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            printf("%lld note %s\n", now_ns(), rd_kafka_message_errstr(first));
            rd_kafka_message_destroy(messages[i++]);
            continue;
        }
        int partition = first->partition;
        long long from = first->offset, next = from;
        while (i < count && messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
               messages[i]->partition == partition && messages[i]->offset == next) {
            next++;
            rd_kafka_message_destroy(messages[i++]);
        }
        printf("%lld read %d %lld %lld\n", now_ns(), partition, from, next - 1);
        commit(client, topic, partition, next);
    }
}

static bool input_has_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return;
    fprintf(stderr, "%s\n", text);
    exit(2);
}

int main(int argc, char **argv)
{
    char text[200];
    if (argc != 4) {
        fprintf(stderr, "usage: group-member BROKERS TOPIC GROUP\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", argv[3]);
    set(conf, "session.timeout.ms", "6000");
    set(conf, "heartbeat.interval.ms", "500");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "reconnect.backoff.max.ms", "200");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!client) {
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    rd_kafka_poll_set_consumer(client);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(client, topics);
    while (!input_has_ended())
        take(client, queue, argv[2]);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return 0;
}
