/* workload.h -- what every workload has: its call, its topic, its history, and the way it ends.
 *
 * SIGTERM and SIGINT are blocked in all threads and read from a descriptor, so a
 * workload ends where its loop looks, with a whole history. */
#ifndef WORKLOAD_WORKLOAD_H
#define WORKLOAD_WORKLOAD_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"
#include "call.h"
#include "history.h"

enum {
    WORKLOAD_TICK_NS = 1000000,           /* How often a loop looks around. */
    WORKLOAD_HISTORY_FLUSH_NS = 50000000, /* Who reads along sees a line that late at most. */
};

#define WORKLOAD_TOPICS "skiff-chaos-" /* Nothing is written to topics of other names. */

struct workload {
    const struct call *call;
    const char *topic;
    const char *run; /* Hexadecimal digits: what makes the values of this run its own. */
    int32_t partitions;
    bool is_gone;         /* Brokers answer, and do not know the topic; partitions: what it had. */
    uint32_t next_client; /* The number for the next client that is opened. */
    struct history *history;
    int64_t flushed_ns;
    int signals; /* Descriptor of what asks to end. */
    bool ends;
};

/* Read the flags that all workloads have, ask a broker for the topic, begin the history. A
 * topic that had --partitions, and of which no broker knows within --timeout, `is_gone`.
 * Errors  an exit code, told: no broker answers within --timeout, no such topic, no room. */
int workload_open(struct workload *workload, const struct call *call);
/* End the history, and release everything.
 * Errors  `code` where it is not 0, else that of a history that cannot be written. */
int workload_close(struct workload *workload, int code);

/* Wait until `until_ns` or for a signal, and bring what the history holds to its file.
 * Errors  an exit code, told: the history cannot be written. */
int workload_wait(struct workload *workload, int64_t until_ns);

/* Settings of the profile that the call names, then what -F, -X and -b say.
 * Owns    *out is the caller's; rd_kafka_new() takes it.
 * Errors  an exit code, told. */
int workload_settings(const struct call *call, rd_kafka_type_t type, rd_kafka_conf_t **out);
/* A client of these settings.
 * Owns    takes `settings`. Errors: an exit code, told. */
int workload_client(rd_kafka_type_t type, rd_kafka_conf_t *settings, rd_kafka_t **out);

/* Errors  EXIT_USAGE, told: `topic` is somebody else's. */
int workload_own_topic(const char *topic);

int64_t workload_now_ns(void); /* Monotonic, as all times of a history. */

#endif
