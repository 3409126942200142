/* consume.h -- what `skiff consume` has at hand, alone or in a group. */
#ifndef SKIFF_CONSUME_H
#define SKIFF_CONSUME_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "call.h"

struct consuming {
    const struct call *call;
    const char *group; /* NULL: alone, and nothing about it is stored. */
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue; /* Alone: what all partitions lead to. */
    int32_t *partitions;     /* Of the topic; alone, those that are read. */
    bool *at_end;            /* Whether the end of each was reached. */
    uint32_t count;
    int64_t limit; /* Records; -1: none. */
    const char *format;
    bool commit_failed;
    bool is_stuck; /* It could not leave: the client must not be touched any more. */
};

/* What a member needs beside what a reader alone does; called before -X and -F are read.
 * Errors  an exit code, told. */
int consume_group_check(const struct call *call);
int consume_group_set(struct consuming *consuming, rd_kafka_conf_t *settings);

/* Ask to be let in. Errors: an exit code, told. */
int consume_group_join(struct consuming *consuming);
/* The record was printed: it is committed, soon or when the group is left. */
void consume_group_took(const rd_kafka_message_t *message);
/* Whether the ends of all partitions that are assigned here were reached, and there are some. */
bool consume_group_is_at_end(const struct consuming *consuming);
/* Have the client's connections at hand, for when it leaves. */
void consume_leave_set(rd_kafka_conf_t *settings);
/* Commit, and leave, within seconds whatever others do.
 * Errors  EXIT_FAILED, told: something printed is not committed. */
int consume_group_leave(struct consuming *consuming);

#endif
