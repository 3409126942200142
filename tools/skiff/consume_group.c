/* consume_group.c -- skiff consume -g: a member of a group, until it leaves.
 *
 * A record's offset is stored once the record was printed, and only what is stored is committed:
 * every few seconds, before a partition goes to another member, and on leaving. So a record may be
 * printed twice when this process dies, and is never skipped. */
#include "consume.h"

#include <stdio.h>
#include <string.h>

#include "client_settings.h"
#include "say.h"

enum { PARTITIONS_TEXT_MAX = 512 };

int consume_group_check(const struct call *call)
{
    const char *where = call_flag(call, "offset");
    if (call_flag(call, "partition"))
        return say_error(EXIT_USAGE, "-p goes without -g: the group says who reads which");
    if (where && strcmp(where, "start") != 0 && strcmp(where, "beginning") != 0 &&
        strcmp(where, "end") != 0)
        return say_error(EXIT_USAGE,
                         "-o %s: with -g start or end, for what the group has not committed yet "
                         "(see: skiff group seek --help)",
                         where);
    return EXIT_DONE;
}

static void forget_ends(struct consuming *consuming)
{
    for (uint32_t i = 0; i < consuming->count; i++)
        consuming->at_end[i] = false;
}

static void tell(const struct consuming *consuming, bool assigned,
                 const rd_kafka_topic_partition_list_t *list)
{
    char text[PARTITIONS_TEXT_MAX] = "";
    size_t used = 0;
    for (int i = 0; i < list->cnt && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %d", list->elems[i].partition);
    say_error(0, "group %s: %s %s:%s", consuming->group, assigned ? "assigned" : "revoked",
              consuming->call->arguments[0], list->cnt ? text : " nothing");
}

/* Both ways of rebalancing: all at once, and only what moves (KIP-429). */
static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t event,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consuming *consuming = opaque;
    rd_kafka_error_t *error = NULL;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool is_cooperative = !strcmp(rd_kafka_rebalance_protocol(client), "COOPERATIVE");
    bool assigned = event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    tell(consuming, assigned, list);
    forget_ends(consuming);
    if (is_cooperative && assigned)
        error = rd_kafka_incremental_assign(client, list);
    else if (is_cooperative)
        error = rd_kafka_incremental_unassign(client, list);
    else
        err = rd_kafka_assign(client, assigned ? list : NULL);
    if (error || err)
        say_error(0, "group %s: %s", consuming->group,
                  error ? rd_kafka_error_string(error) : rd_kafka_err2str(err));
    rd_kafka_error_destroy(error);
}

static void on_commit(rd_kafka_t *client, rd_kafka_resp_err_t err,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consuming *consuming = opaque;
    (void)client, (void)list;
    consuming->commit_failed = err && err != RD_KAFKA_RESP_ERR__NO_OFFSET;
    if (consuming->commit_failed)
        say_error(0, "group %s: not committed: %s", consuming->group, rd_kafka_err2str(err));
}

int consume_group_set(struct consuming *consuming, rd_kafka_conf_t *settings)
{
    const char *where = call_flag(consuming->call, "offset");
    int code = client_set(settings, "group.id", consuming->group);
    if (!code)
        code = client_set(settings, "enable.auto.offset.store", "false");
    if (!code && where)
        code =
            client_set(settings, "auto.offset.reset", strcmp(where, "end") ? "earliest" : "latest");
    rd_kafka_conf_set_rebalance_cb(settings, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(settings, on_commit);
    rd_kafka_conf_set_opaque(settings, consuming);
    consume_leave_set(settings);
    return code;
}

int consume_group_join(struct consuming *consuming)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, consuming->call->arguments[0], RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(consuming->client);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consuming->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return err ? say_error(EXIT_FAILED, "group %s: %s", consuming->group, rd_kafka_err2str(err))
               : EXIT_DONE;
}

void consume_group_took(const rd_kafka_message_t *message)
{
    /* Refused where the partition has gone to another member: that one reads the record again. */
    rd_kafka_offset_store(message->rkt, message->partition, message->offset);
}

bool consume_group_is_at_end(const struct consuming *consuming)
{
    rd_kafka_topic_partition_list_t *assigned;
    uint32_t ends = 0;
    if (rd_kafka_assignment(consuming->client, &assigned))
        return false;
    for (int i = 0; i < assigned->cnt; i++)
        for (uint32_t j = 0; j < consuming->count; j++)
            ends +=
                consuming->partitions[j] == assigned->elems[i].partition && consuming->at_end[j];
    bool all = assigned->cnt > 0 && ends == (uint32_t)assigned->cnt;
    rd_kafka_topic_partition_list_destroy(assigned);
    return all;
}
