/* member.c -- one member of a group, and all that it hears.
 *
 * Everything happens in its thread: librdkafka calls back only where it is polled. What it has of
 * a partition begins with a line o and ends with a line d. In between it reads from where it was
 * told that the group has committed; a member that is not told goes away again. */
#include "member.h"

#include <stdio.h>
#include <string.h>

#include "client_settings.h"
#include "say.h"

enum {
    POLL_MS = 20,
    ASK_MS = 3000,
    AGAIN_US = 200000,     /* Before another one comes in the place of who was not told. */
    LAST_COMMIT_MS = 1000, /* So long a partition that is taken away waits for its last commit. */
    COMMIT_EVERY_NS = 200000000,
    NOTES_MAX = 20,
    NOTE_SIZE = 512,
};

/* A partition, as one member knows it. */
struct held {
    bool is_held;
    int64_t next;      /* After what was read last; -1: nothing is committed, nothing was read. */
    int64_t committed; /* -1: nothing is. */
    int64_t open;      /* Being committed; -1: nothing is. */
    int64_t end;       /* Where the log ended when it was read that far; -1: it was not. */
};

static const struct held nothing_held = {.next = -1, .committed = -1, .open = -1, .end = -1};

static void note(struct member *member, const char *what, const char *reason)
{
    char text[2 * NOTE_SIZE];
    if (member->group->notes++ >= NOTES_MAX)
        return;
    snprintf(text, sizeof text, "member %u: %s: %s", member->number, what, reason);
    history_note(member->group->workload->history, text);
}

/* ---- Commits. */

static void end_commit(struct member *member, uint32_t partition, rd_kafka_resp_err_t err)
{
    struct held *held = &member->held[partition];
    if (held->open < 0)
        return;
    history_commit_ended(member->group->workload->history, member->number, partition,
                         err ? rd_kafka_err2name(err) : HISTORY_COMMITTED);
    if (!err) {
        held->committed = held->open;
        member->committed++;
    }
    held->open = -1;
}

/* The result of the whole, or where it has none, of each partition. */
static void on_commit(rd_kafka_t *client, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    struct member *member = opaque;
    (void)client;
    for (int i = 0; offsets && i < offsets->cnt; i++)
        end_commit(member, (uint32_t)offsets->elems[i].partition,
                   err ? err : offsets->elems[i].err);
    for (int32_t i = 0; i < member->group->workload->partitions; i++)
        end_commit(member, (uint32_t)i, err ? err : RD_KAFKA_RESP_ERR__FAIL);
    member->is_committing = false;
}

static void begin_commit(struct member *member)
{
    struct workload *workload = member->group->workload;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int32_t i = 0; i < workload->partitions; i++) {
        struct held *held = &member->held[i];
        if (!held->is_held || held->next < 0 || held->next == held->committed)
            continue;
        held->open = held->next;
        rd_kafka_topic_partition_list_add(list, workload->topic, i)->offset = held->next;
        history_committing(workload->history, member->number, (uint32_t)i, held->next);
    }
    if (list->cnt) {
        member->is_committing = true;
        rd_kafka_resp_err_t err =
            rd_kafka_commit_queue(member->client, list, member->commits, on_commit, member);
        if (err)
            on_commit(member->client, err, list, member);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void wait_for_commit(struct member *member, int64_t deadline_ns)
{
    while (member->is_committing && workload_now_ns() < deadline_ns)
        rd_kafka_queue_poll_callback(member->commits, POLL_MS);
}

/* ---- Partitions come and go. */

bool member_ask(struct member_group *group, rd_kafka_t *client, uint32_t number,
                rd_kafka_topic_partition_list_t *partitions, int wait_ms)
{
    struct workload *workload = group->workload;
    int64_t asked_ns = workload_now_ns();
    if (rd_kafka_committed(client, partitions, wait_ms))
        return false;
    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].err)
            return false;
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *one = &partitions->elems[i];
        one->offset = one->offset < 0 ? -1 : one->offset;
        history_committed(workload->history, number, (uint32_t)one->partition, one->offset,
                          asked_ns);
    }
    return true;
}

static void drop(struct member *member, int32_t partition)
{
    if (!member->held[partition].is_held)
        return;
    history_taken(member->group->workload->history, member->number, (uint32_t)partition);
    late_commit_lost(&member->lately, partition, member->held[partition].next);
    end_commit(member, (uint32_t)partition, RD_KAFKA_RESP_ERR__TIMED_OUT);
    member->held[partition] = nothing_held;
}

/* A member is in the history once it was given something: others never got that far. */
static void tell_member(struct member *member)
{
    const struct member_group *group = member->group;
    if (member->is_told)
        return;
    member->is_told = true;
    history_client(group->workload->history, member->number, "member", group->profile,
                   rd_kafka_name(member->client));
}

static bool is_incremental(const struct member *member)
{
    return strcmp(rd_kafka_rebalance_protocol(member->client), "COOPERATIVE") == 0;
}

static void take(struct member *member, rd_kafka_topic_partition_list_t *partitions)
{
    struct history *history = member->group->workload->history;
    tell_member(member);
    if (!member->group->is_of_broker)
        late_commit_given(&member->lately, member->client, str_from(member->group->name));
    for (int i = 0; i < partitions->cnt; i++) {
        int32_t partition = partitions->elems[i].partition;
        history_given(history, member->number, (uint32_t)partition);
        member->held[partition] = nothing_held;
        member->held[partition].is_held = true;
    }
    if (partitions->cnt &&
        !member_ask(member->group, member->client, member->number, partitions, ASK_MS)) {
        note(member, "goes away", "it is not told what is committed");
        member->order = MEMBER_LEAVES;
        sleep_us(AGAIN_US);
        return;
    }
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *one = &partitions->elems[i];
        struct held *held = &member->held[one->partition];
        held->next = held->committed = one->offset;
        history_position(history, member->number, (uint32_t)one->partition, one->offset);
        one->offset = one->offset < 0 ? RD_KAFKA_OFFSET_BEGINNING : one->offset;
    }
    if (is_incremental(member))
        rd_kafka_error_destroy(rd_kafka_incremental_assign(member->client, partitions));
    else
        rd_kafka_assign(member->client, partitions);
}

/* What it has read is committed first, unless somebody else has the partitions by now. */
static void give(struct member *member, rd_kafka_topic_partition_list_t *partitions)
{
    int64_t deadline_ns = workload_now_ns() + LAST_COMMIT_MS * INT64_C(1000000);
    wait_for_commit(member, deadline_ns);
    if (!rd_kafka_assignment_lost(member->client) && !member->is_committing) {
        begin_commit(member);
        wait_for_commit(member, deadline_ns);
    }
    for (int i = 0; i < partitions->cnt; i++)
        drop(member, partitions->elems[i].partition);
    if (is_incremental(member))
        rd_kafka_error_destroy(rd_kafka_incremental_unassign(member->client, partitions));
    else
        rd_kafka_assign(member->client, NULL);
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    (void)client;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take(opaque, partitions);
    else
        give(opaque, partitions);
}

/* ---- Records. */

static void take_record(struct member *member, const rd_kafka_message_t *message)
{
    struct workload *workload = member->group->workload;
    uint32_t partition = (uint32_t)message->partition;
    struct held *held = &member->held[partition];
    struct bytes bytes = {message->payload, (uint32_t)message->len};
    uint32_t writer;
    int64_t value;
    if (!held->is_held)
        return;
    if (history_value_read(bytes, workload->run, &writer, &value))
        history_read(workload->history, member->number, partition, message->offset, writer, value);
    else
        history_foreign(workload->history, member->number, partition, message->offset, bytes);
    held->next = message->offset + 1;
    member->got++;
}

static void take_message(struct member *member, const rd_kafka_message_t *message)
{
    char reason[NOTE_SIZE];
    if (!message->err) {
        take_record(member, message);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        member->held[message->partition].end = message->offset;
    } else if (rd_kafka_fatal_error(member->client, reason, sizeof reason)) {
        note(member, "ends", reason);
        member->group->is_refused = true;
        member->order = MEMBER_LEAVES;
    } else {
        note(member, rd_kafka_err2name(message->err), rd_kafka_message_errstr(message));
    }
}

static void count_partitions(struct member *member)
{
    int32_t held_count = 0;
    int32_t at_end = 0;
    for (int32_t i = 0; i < member->group->workload->partitions; i++) {
        const struct held *held = &member->held[i];
        bool is_read = held->next < 0 ? held->end == 0 : held->end == held->next;
        held_count += held->is_held;
        at_end += held->is_held && is_read && held->next == held->committed;
    }
    member->held_count = held_count;
    member->at_end = at_end;
}

/* ---- Its life. */

/* Not while it has the partition: then nobody could tell which commit was taken. In here it is not
 * given it either, since librdkafka calls back only where it is polled. */
static void commit_late(struct member *member)
{
    struct late_commit *lately = &member->lately;
    if (!late_commit_is_due(lately))
        return;
    for (int32_t i = 0; i < lately->partitions; i++) {
        bool is_sent = !member->held[i].is_held && lately->lost[i] >= 0 &&
                       late_commit_send(lately, member->group->workload,
                                        str_from(member->group->name), member->number, i);
        lately->lost[i] = -1;
        member->late += is_sent;
        if (is_sent) {
            note(member, "commit", "of a generation that is over");
            break;
        }
    }
}

static void *run_member(void *argument)
{
    struct member *member = argument;
    while (member->order == MEMBER_STAYS) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(member->client, POLL_MS);
        if (message) {
            take_message(member, message);
            rd_kafka_message_destroy(message);
        }
        rd_kafka_queue_poll_callback(member->commits, 0);
        if (!member->is_committing && workload_now_ns() >= member->commit_due_ns) {
            member->commit_due_ns = workload_now_ns() + COMMIT_EVERY_NS;
            begin_commit(member);
        }
        commit_late(member);
        count_partitions(member);
    }
    member->held_count = member->at_end = 0;
    if (member->order == MEMBER_LEAVES)
        rd_kafka_consumer_close(member->client); /* It gives all back in there. */
    else
        snprintf(member->id, sizeof member->id, "%s", rd_kafka_memberid(member->client));
    for (int32_t i = 0; i < member->group->workload->partitions; i++)
        drop(member, i);
    rd_kafka_queue_destroy(member->commits);
    rd_kafka_destroy_flags(member->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    member->is_over = true;
    return NULL;
}

static void on_error(rd_kafka_t *client, int err, const char *reason, void *opaque)
{
    (void)client, (void)err, (void)reason, (void)opaque;
}

int member_settings(const struct member_group *group, bool joins, rd_kafka_conf_t **out)
{
    const struct {
        const char *key;
        const char *value;
        bool is_classic; /* The broker says it in the other protocol. */
    } list[] = {
        {"enable.auto.commit", "false", false},
        {"enable.auto.offset.store", "false", false},
        {"enable.partition.eof", "true", false},
        {"max.poll.interval.ms", "30000", false},
        {"session.timeout.ms", group->session_ms, true},
        {"heartbeat.interval.ms", "300", true},
        {"partition.assignment.strategy", "range", true},
    };
    rd_kafka_conf_t *settings;
    bool is_classic = !group->protocol || strcmp(group->protocol, "classic") == 0;
    int code = workload_settings(group->workload->call, RD_KAFKA_CONSUMER, &settings);
    if (code)
        return code;
    rd_kafka_conf_set_error_cb(settings, on_error);
    code = client_set(settings, "group.id", group->name);
    if (!code && joins && group->protocol)
        code = client_set(settings, "group.protocol", group->protocol);
    for (size_t i = 0; !code && joins && i < sizeof list / sizeof list[0]; i++)
        if (is_classic || !list[i].is_classic)
            code = client_set(settings, list[i].key, list[i].value);
    if (code)
        rd_kafka_conf_destroy(settings);
    else
        *out = settings;
    return code;
}

static int open_client(struct member *member)
{
    const struct workload *workload = member->group->workload;
    rd_kafka_conf_t *settings;
    int code = member_settings(member->group, true, &settings);
    if (code)
        return code;
    rd_kafka_conf_set_rebalance_cb(settings, on_rebalance);
    rd_kafka_conf_set_opaque(settings, member);
    code = workload_client(RD_KAFKA_CONSUMER, settings, &member->client);
    if (code)
        return code;
    member->commits = rd_kafka_queue_new(member->client);
    rd_kafka_poll_set_consumer(member->client);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, workload->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(member->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? say_error(EXIT_FAILED, "%s", rd_kafka_err2str(err)) : EXIT_DONE;
}

int member_start(struct member **out, struct member_group *group)
{
    struct member *member = mem_zalloc(sizeof *member);
    uint32_t partitions = (uint32_t)group->workload->partitions;
    member->group = group;
    member->number = group->workload->next_client++;
    member->held = mem_alloc(partitions * sizeof *member->held);
    late_commit_init(&member->lately, (int32_t)partitions);
    for (uint32_t i = 0; i < partitions; i++)
        member->held[i] = nothing_held;
    int code = open_client(member);
    if (!code && pthread_create(&member->thread, NULL, run_member, member) != 0)
        code = say_error(EXIT_FAILED, "no room for a thread");
    if (!code) {
        *out = member;
        return code;
    }
    if (member->commits)
        rd_kafka_queue_destroy(member->commits);
    if (member->client)
        rd_kafka_destroy(member->client);
    mem_free(member->held);
    late_commit_free(&member->lately);
    mem_free(member);
    return code;
}

void member_join(struct member *member)
{
    pthread_join(member->thread, NULL);
    mem_free(member->held);
    late_commit_free(&member->lately);
    mem_free(member);
}
