/* describe_topic_partitions.c -- DescribeTopicPartitions: topics in the order of their names, page
 * by page, with those replicas that may lead though they are not in sync (KIP-966).
 *
 * A page ends after as many partitions as the client wants, or max.request.partition.size.limit.
 * Its cursor says where the next one begins. */
#include "api.h"
#include "brokers.h"

#include <stdlib.h>

struct page {
    struct request *request;
    struct describe_topic_partitions_response response;
    uint32_t left; /* Partitions that it still has room for. */
};

/* ---- Which topics. */

static int name_order(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Sorted, each once. */
static uint32_t sort_names(struct str *names, uint32_t count)
{
    uint32_t kept = 0;
    qsort(names, count, sizeof *names, name_order);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || !str_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    return kept;
}

/* The image iterates in another order than that of names: '.' counts as '_' there. */
static uint32_t wanted_names(struct request *request,
                             const struct describe_topic_partitions_request *body, struct str **out)
{
    const struct image *image = request->shard->image;
    uint32_t count = 0;
    *out = arena_array(&request->arena, struct str, body->topics_count + image->topic_count + 1);
    for (uint32_t i = 0; i < body->topics_count; i++)
        (*out)[count++] = body->topics[i].name;
    const struct image_topic *topic = NULL;
    while (body->topics_count == 0 && (topic = image_topic_after(image, topic)))
        (*out)[count++] = topic->name;
    return sort_names(*out, count);
}

/* ---- What is told of them. */

static void put_partition(struct page *page, const struct image_partition *partition,
                          struct describe_topic_partitions_response_partition *out)
{
    struct request *request = page->request;
    struct arena *arena = &request->arena;
    const struct image *image = request->shard->image;
    const struct image_broker *leader = image_broker(image, partition->leader);
    out->index = partition->key.index;
    out->leader_id = leader && request_endpoint(request, leader) ? partition->leader : -1;
    out->leader_epoch = partition->leader_epoch;
    out->replica_nodes_count = put_nodes(arena, &partition->replicas, &out->replica_nodes);
    out->isr_nodes_count = put_nodes(arena, &partition->isr, &out->isr_nodes);
    out->eligible_leader_replicas_count =
        put_nodes(arena, &partition->elr, &out->eligible_leader_replicas);
    out->last_known_elr = arena_array(arena, int32_t, 1); /* Not null: that would be "unknown". */
    out->offline_replicas_count =
        put_offline_nodes(request->shard, arena, &partition->replicas, &out->offline_replicas);
}

static void end_page(struct page *page, struct str topic, partition_id index)
{
    struct describe_topic_partitions_response_cursor *cursor =
        describe_topic_partitions_response_cursor_new(&page->request->arena, 1);
    cursor->topic_name = topic;
    cursor->partition_index = index;
    page->response.next_cursor = cursor;
}

static void put_topic(struct page *page, const struct image_topic *topic, partition_id first,
                      struct describe_topic_partitions_response_topic *out)
{
    const struct image *image = page->request->shard->image;
    uint32_t rest = first < topic->partition_count ? (uint32_t)(topic->partition_count - first) : 0;
    uint32_t count = rest < page->left ? rest : page->left;
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic_is_internal(topic->name);
    out->topic_authorized_operations = TOPIC_OPERATIONS;
    out->partitions =
        describe_topic_partitions_response_partition_new(&page->request->arena, count);
    for (partition_id i = 0; i < (partition_id)count; i++) {
        const struct image_partition *partition = image_partition(image, topic->id, first + i);
        if (partition)
            put_partition(page, partition, &out->partitions[out->partitions_count++]);
    }
    page->left -= count;
    if (count < rest)
        end_page(page, topic->name, first + (partition_id)count);
}

static void put_unknown(struct str name, struct describe_topic_partitions_response_topic *out)
{
    out->name = name;
    out->is_internal = topic_is_internal(name);
    out->error_code =
        topic_name_is_valid(name) ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_TOPIC_EXCEPTION;
}

static uint32_t page_size(const struct shard *shard, int32_t wanted)
{
    int32_t max = shard->config->request_partitions_max;
    return (uint32_t)(wanted < 1 ? 1 : wanted < max ? wanted : max);
}

static void put_topics(struct page *page, const struct str *names, uint32_t count,
                       const struct describe_topic_partitions_request_cursor *cursor)
{
    const struct image *image = page->request->shard->image;
    struct describe_topic_partitions_response *response = &page->response;
    response->topics = describe_topic_partitions_response_topic_new(&page->request->arena, count);
    for (uint32_t i = 0; i < count && !response->next_cursor; i++) {
        int order = cursor ? str_compare(names[i], cursor->topic_name) : 1;
        const struct image_topic *topic = image_topic_by_name(image, names[i]);
        if (order < 0)
            continue;
        if (page->left == 0) {
            end_page(page, names[i], 0);
            return;
        }
        struct describe_topic_partitions_response_topic *out =
            &response->topics[response->topics_count++];
        if (topic)
            put_topic(page, topic, order == 0 ? cursor->partition_index : 0, out);
        else
            put_unknown(names[i], out);
    }
}

/* Where a page would begin before the first partition. The answer has no error of the whole. */
static void refuse(struct page *page, const struct describe_topic_partitions_request *body)
{
    struct describe_topic_partitions_response *response = &page->response;
    uint32_t count = body->topics_count > 0 ? body->topics_count : 1;
    response->topics = describe_topic_partitions_response_topic_new(&page->request->arena, count);
    for (uint32_t i = 0; i < count; i++) {
        response->topics[i].name =
            body->topics_count > 0 ? body->topics[i].name : body->cursor->topic_name;
        response->topics[i].error_code = ERR_INVALID_REQUEST;
    }
    response->topics_count = count;
}

void api_describe_topic_partitions(struct shard *shard, struct request *request)
{
    struct describe_topic_partitions_request body;
    struct page page = {.request = request};
    struct str *names;
    if (!request_read(request, &body))
        return;
    describe_topic_partitions_response_init(&page.response);
    page.left = page_size(shard, body.response_partition_limit);
    if (body.cursor && body.cursor->partition_index < 0) {
        refuse(&page, &body);
    } else {
        uint32_t count = wanted_names(request, &body, &names);
        put_topics(&page, names, count, body.cursor);
    }
    request_reply(request, &page.response);
}
