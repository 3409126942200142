/* ack_probe.c -- when a stock idempotent producer's records are acknowledged, to the microsecond.
 *
 *   ack-probe BROKERS TOPIC PARTITION RATE
 *
 * Writes RATE records a second to one partition, and a line for each delivery report:
 * its moment on the monotonic clock in microseconds, and its error ("0" or a name).
 * librdkafka's settings are its defaults, but for enable.idempotence. Ends when its
 * standard input does. */
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    (void)opaque;
    printf("%lld %s\n", (long long)now_us(), message->err ? rd_kafka_err2name(message->err) : "0");
}

/* Refused dials are what is wanted; with ACK_PROBE_DEBUG the client tells all it does. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level;
    if (getenv("ACK_PROBE_DEBUG"))
        fprintf(stderr, "%lld %s %s\n", (long long)now_us(), facility, text);
}

static bool input_ended(void)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char byte;
    return poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

int main(int count, char **words)
{
    char reason[256];
    int64_t partition;
    int64_t rate;
    if (count != 5 || !parse_int(words[3], 0, 1000000, &partition) ||
        !parse_int(words[4], 1, 100000, &rate))
        return say_error(EXIT_USAGE, "ack-probe BROKERS TOPIC PARTITION RATE");
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    rd_kafka_conf_set(settings, "bootstrap.servers", words[1], NULL, 0);
    rd_kafka_conf_set(settings, "enable.idempotence", "true", NULL, 0);
    if (getenv("ACK_PROBE_DEBUG"))
        rd_kafka_conf_set(settings, "debug", getenv("ACK_PROBE_DEBUG"), NULL, 0);
    rd_kafka_conf_set_dr_msg_cb(settings, on_delivery);
    rd_kafka_conf_set_log_cb(settings, on_log);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason, sizeof reason);
    if (!client)
        return say_error(EXIT_FAILED, "%s", reason);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, words[2], NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int64_t next = now_us();
    while (!input_ended()) {
        char value[100] = "probe";
        if (now_us() >= next) {
            rd_kafka_produce(topic, (int32_t)partition, RD_KAFKA_MSG_F_COPY, value, sizeof value,
                             NULL, 0, NULL);
            next += 1000000 / rate;
        }
        rd_kafka_poll(client, 1);
    }
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return EXIT_DONE;
}
