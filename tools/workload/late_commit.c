/* late_commit.c -- a commit of a generation that is over. */
#include "late_commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_ask.h"

enum { LATE_US = 1000000 };

#define AFTER_NS INT64_C(200000000) /* So long after the rebalance: others have it by then. */

static void forget(struct late_commit *late)
{
    for (int32_t i = 0; i < late->partitions; i++)
        late->lost[i] = -1;
}

void late_commit_init(struct late_commit *late, int32_t partitions)
{
    *late = (struct late_commit){.generation = -1, .partitions = partitions, .due_ns = INT64_MAX};
    late->lost = mem_alloc((uint32_t)partitions * sizeof *late->lost);
    forget(late);
}

void late_commit_free(struct late_commit *late)
{
    mem_free(late->lost);
}

void late_commit_lost(struct late_commit *late, int32_t partition, int64_t offset)
{
    late->due_ns = INT64_MAX; /* Its generation may be the group's until it is given some again. */
    late->lost[partition] = late->generation < 0 ? -1 : offset;
    late->old_generation = late->generation;
    memcpy(late->old_id, late->id, sizeof late->old_id);
}

/* librdkafka has no other word for the generation than its own notation of a member: some text up
 * to a colon, four bytes of a number of this machine, and strings. -1: it is written otherwise. */
static int32_t generation_of(const char *text, size_t size, struct str group)
{
    const char *colon = memchr(text, ':', size);
    size_t head = colon ? (size_t)(colon - text) + 1 : size;
    int32_t generation;
    if (size < head + sizeof generation + group.size ||
        memcmp(text + head + sizeof generation, group.data, group.size) != 0)
        return -1;
    memcpy(&generation, text + head, sizeof generation);
    return generation;
}

static int32_t ask_generation(rd_kafka_t *client, struct str group)
{
    int32_t generation = -1;
    void *text = NULL;
    size_t size;
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(client);
    if (!metadata)
        return -1;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(metadata, &text, &size);
    if (!error) {
        generation = generation_of(text, size, group);
        rd_kafka_mem_free(client, text);
    }
    rd_kafka_error_destroy(error);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return generation;
}

void late_commit_given(struct late_commit *late, rd_kafka_t *client, struct str group)
{
    char *id = rd_kafka_memberid(client);
    late->generation = id ? ask_generation(client, group) : -1;
    snprintf(late->id, sizeof late->id, "%s", id ? id : "");
    rd_kafka_mem_free(client, id);
    /* Groups that are lost begin to count anew: then an old number says nothing. */
    if (late->generation <= late->old_generation)
        forget(late);
    late->due_ns = workload_now_ns() + AFTER_NS;
}

bool late_commit_is_due(struct late_commit *late)
{
    if (workload_now_ns() < late->due_ns)
        return false;
    late->due_ns = INT64_MAX;
    return true;
}

static enum err error_in(const void *response)
{
    const struct offset_commit_response *commit = response;
    if (commit->topics_count != 1 || commit->topics[0].partitions_count != 1)
        return ERR_CORRUPT_MESSAGE;
    return (enum err)commit->topics[0].partitions[0].error_code;
}

static enum err send_to(struct brokers *brokers, const struct late_commit *late, int32_t partition,
                        struct str topic, struct str group)
{
    static const struct group_api api = {{WIRE_OFFSET_COMMIT, 2, 9}, error_in};
    struct group_asking asking = {.brokers = brokers, .group = group, .coordinator = -1};
    struct offset_commit_request request;
    struct offset_commit_response response;
    struct offset_commit_request_topic of_topic;
    struct offset_commit_request_partition of_partition;
    offset_commit_request_init(&request);
    offset_commit_request_topic_init(&of_topic);
    offset_commit_request_partition_init(&of_partition);
    of_partition.index = partition;
    of_partition.committed_offset = late->lost[partition];
    of_partition.committed_metadata = STR("");
    of_topic.name = topic;
    of_topic.partitions_count = 1;
    of_topic.partitions = &of_partition;
    request.group_id = group;
    request.member_id = str_from(late->old_id);
    request.generation_id = late->old_generation;
    request.topics_count = 1;
    request.topics = &of_topic;
    return group_ask_once(&asking, &api, &request, &response);
}

bool late_commit_send(const struct late_commit *late, const struct workload *workload,
                      struct str group, uint32_t number, int32_t partition)
{
    struct call call = *workload->call;
    struct brokers *brokers;
    call.timeout_us = LATE_US;
    if (brokers_open(&brokers, &call))
        return false;
    history_committing(workload->history, number, (uint32_t)partition, late->lost[partition]);
    enum err err = send_to(brokers, late, partition, str_from(workload->topic), group);
    history_commit_ended(workload->history, number, (uint32_t)partition,
                         err ? err_name(err) : HISTORY_COMMITTED);
    brokers_close(brokers);
    return true;
}
