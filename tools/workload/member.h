/* member.h -- one member of a group: a thread that reads what it is given and commits what it read.
 *
 * It asks for the committed offsets itself and begins there, so the history says from where it
 * reads and why. It commits by hand, one commit at a time. */
#ifndef WORKLOAD_MEMBER_H
#define WORKLOAD_MEMBER_H

#include <pthread.h>

#include "late_commit.h"
#include "workload.h"

enum member_order {
    MEMBER_STAYS,
    MEMBER_LEAVES, /* Commits, and says that it goes. */
    MEMBER_DIES,   /* As kill -9: neither. Its connections close. */
};

/* What all members of one group share. */
struct member_group {
    struct workload *workload;
    const char *name;
    const char *profile;    /* In the history: members of one profile are one group. */
    char session_ms[16];    /* After which a silent member is dead. */
    const char *protocol;   /* Of librdkafka's group.protocol; NULL: it has none but the classic. */
    bool is_of_broker;      /* Sessions are as long as the brokers say. */
    _Atomic uint32_t notes; /* Errors that were noted; not all are. */
    _Atomic bool is_refused; /* The brokers do not know the protocol. */
};

struct member {
    struct member_group *group;
    uint32_t number; /* In the history. */
    _Atomic int order;
    _Atomic bool is_over; /* Its thread has ended. */
    _Atomic int32_t held_count;
    _Atomic int32_t at_end;  /* Partitions that it has read to their ends, and committed. */
    char id[MEMBER_ID_MAX];  /* Once it died: what the coordinator knows it by. */
    uint64_t got, committed; /* Records; commits of partitions. Once it is over. */
    uint64_t late;           /* Commits as of a generation that was over. */
    pthread_t thread;
    rd_kafka_t *client;
    rd_kafka_queue_t *commits; /* Where their results come. */
    struct held *held;         /* By partition of the topic. */
    bool is_told;              /* That it is there, in the history. */
    bool is_committing;
    int64_t commit_due_ns;
    struct late_commit lately;
};

/* Settings of a client of the group; `joins`: of one that becomes a member.
 * Owns    *out is the caller's.
 * Errors  an exit code, told. */
int member_settings(const struct member_group *group, bool joins, rd_kafka_conf_t **out);

/* A member joins.
 * Owns    *out is the caller's until member_join().
 * Errors  an exit code, told. */
int member_start(struct member **out, struct member_group *group);
/* Wait for the end of one that was ordered to go. */
void member_join(struct member *member);

/* Ask what the group has committed for `partitions`, and tell the history; who asks is client
 * `number` of it. Their offsets are the answer; below 0: nothing is committed.
 * Errors  false: there is none for all of them in time. */
bool member_ask(struct member_group *group, rd_kafka_t *client, uint32_t number,
                rd_kafka_topic_partition_list_t *partitions, int wait_ms);

#endif
