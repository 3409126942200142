/* probe_produce.c -- a probe that writes one record to a partition's leader, acks=all. */
#include <time.h>

#include "batch.h"
#include "probing.h"

static uint64_t next_partition(struct probing *probing)
{
    return probing->next_subject++ % (uint64_t)probing->workload.partitions;
}

/* Who leads the partition, as far as the broker knows; NULL: nobody. */
static const struct metadata_response_broker *find_leader(const struct metadata_response *metadata,
                                                          partition_id partition)
{
    if (metadata->topics_count != 1)
        return NULL;
    const struct metadata_response_topic *topic = &metadata->topics[0];
    for (uint32_t i = 0; i < topic->partitions_count; i++)
        for (uint32_t j = 0; j < metadata->brokers_count; j++)
            if (topic->partitions[i].index == partition &&
                topic->partitions[i].leader_id == metadata->brokers[j].node_id)
                return &metadata->brokers[j];
    return NULL;
}

static struct buf *build_batch(const struct probing *probing, const struct probe *probe)
{
    char value[HISTORY_VALUE_MAX];
    struct timespec now;
    uint32_t size =
        history_value_write(value, 0, probing->workload.run, probing->number, probe->value);
    struct batch_record record = {.value = {(const uint8_t *)value, size}};
    clock_gettime(CLOCK_REALTIME, &now);
    struct batch_spec spec = batch_spec(0, -1, now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return batch_build(&spec, &record, 1);
}

static bool ask_to_produce(struct probing *probing, struct probe *probe,
                           const struct metadata_response *metadata, struct exchange *answered)
{
    partition_id partition = (partition_id)probe->subject;
    const struct metadata_response_broker *leader = find_leader(metadata, partition);
    const struct address *address = leader ? probing_broker(probing, leader) : NULL;
    (void)answered;
    if (!address || exchange_dial(&probe->request, address))
        return false;
    struct arena arena = {0};
    struct buf *batch = build_batch(probing, probe);
    struct produce_request request;
    produce_request_init(&request);
    request.acks = -1;
    request.timeout_ms = PROBE_DEADLINE_NS / 1000000;
    request.topics_count = 1;
    request.topics = produce_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(probing->workload.topic);
    request.topics[0].partitions_count = 1;
    request.topics[0].partitions = produce_request_partition_new(&arena, 1);
    request.topics[0].partitions[0].index = partition;
    request.topics[0].partitions[0].records = (struct bytes){batch->data, batch->size};
    exchange_ask(&probe->request, WIRE_PRODUCE, PROBE_PRODUCE_VERSION, &request);
    buf_unref(batch);
    arena_free(&arena);
    return true;
}

static enum err take_produced(struct probe *probe, struct client_reply *reply, struct arena *arena,
                              int64_t *offset)
{
    struct produce_response response;
    (void)probe;
    enum err err = produce_response_read(&response, reply->version, &reply->reader, arena);
    if (err)
        return err;
    if (response.topics_count != 1 || response.topics[0].partitions_count != 1)
        return ERR_CORRUPT_MESSAGE;
    *offset = response.topics[0].partitions[0].base_offset;
    return (enum err)response.topics[0].partitions[0].error_code;
}

const struct probe_kind probe_produce = {
    .profile = "fresh",
    .asks_topic = true,
    .next = next_partition,
    .ask = ask_to_produce,
    .take = take_produced,
};
