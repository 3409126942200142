/* first_write.c -- the proof that a quorum works: one record, acknowledged with acks=all.
 *
 * The steps are topic, leader, produce; a step that fails is tried again on the next
 * node after a short pause, because while a quorum forms every refusal is news. */
#include "first_write.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "batch.h"
#include "link.h"
#include "say.h"

enum {
    PAUSE_US = 2000,         /* Between tries. */
    DIAL_LIMIT_US = 100000,  /* On loopback a dial is answered or refused at once. */
    REPLY_LIMIT_US = 200000, /* Then it is looked who still runs, and another node is asked. */
    PRODUCE_LIMIT_US = 5000000,
};

struct attempt {
    const struct first_write *how;
    struct link *links[CLUSTER_NODES_MAX];
    uint32_t turn; /* Index of the node to ask next. */
    struct uuid topic_id;
    node_id leader;
    enum err last_err; /* Why the newest try failed. */
    const char *last_step;
};

static int64_t within(const struct attempt *attempt, int64_t limit_us)
{
    int64_t until = now_us() + limit_us;
    return until < attempt->how->deadline_us ? until : attempt->how->deadline_us;
}

static struct link *link_to(struct attempt *attempt, uint32_t index)
{
    const struct cluster *cluster = attempt->how->cluster;
    char host[CLUSTER_HOST_MAX];
    if (attempt->links[index])
        return attempt->links[index];
    cluster_dial_host(cluster, cluster->nodes[index].id, host);
    enum err err = link_open(&attempt->links[index], host, cluster->nodes[index].port,
                             within(attempt, DIAL_LIMIT_US));
    if (err) {
        attempt->links[index] = NULL;
        attempt->last_err = err;
        attempt->last_step = "connecting";
    }
    return attempt->links[index];
}

/* Any node that can be reached, from the one whose turn it is. */
static struct link *any_link(struct attempt *attempt, uint32_t *index)
{
    uint32_t count = attempt->how->cluster->count;
    for (uint32_t i = 0; i < count; i++) {
        *index = (attempt->turn + i) % count;
        struct link *link = link_to(attempt, *index);
        if (link)
            return link;
    }
    return NULL;
}

/* The link is of no further use after a failure of its own; an error code of Kafka's is fine. */
static bool failed(struct attempt *attempt, const char *step, uint32_t index, enum err err)
{
    if (!err)
        return false;
    attempt->last_err = err;
    attempt->last_step = step;
    if (err < -100 || err == ERR_REQUEST_TIMED_OUT) {
        link_close(attempt->links[index]);
        attempt->links[index] = NULL;
        attempt->turn = index + 1;
    }
    return true;
}

static bool make_topic(struct attempt *attempt)
{
    uint32_t index;
    struct link *link = any_link(attempt, &index);
    if (!link)
        return false;
    struct arena arena = {0};
    struct str message;
    struct admin_topic topic = {
        .name = attempt->how->topic, .partitions = 1, .replication_factor = -1};
    enum err err = admin_create(link, &topic, within(attempt, REPLY_LIMIT_US), &arena, &message);
    arena_free(&arena);
    if (err == ERR_TOPIC_ALREADY_EXISTS)
        err = ERR_NONE;
    return !failed(attempt, "CreateTopics", index, err);
}

static bool find_leader(struct attempt *attempt)
{
    uint32_t index;
    struct link *link = any_link(attempt, &index);
    if (!link)
        return false;
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_request request;
    struct metadata_response response;
    metadata_request_init(&request);
    request.allow_auto_topic_creation = false;
    request.topics_count = 1;
    request.topics = metadata_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(attempt->how->topic);
    enum err err =
        link_call(link, WIRE_METADATA, &request, within(attempt, REPLY_LIMIT_US), &reply);
    if (!err) {
        err = metadata_response_read(&response, reply.version, &reply.reader, &arena);
        if (!err && (response.topics_count != 1 || response.topics[0].partitions_count == 0))
            err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (!err && response.topics[0].error_code)
            err = (enum err)response.topics[0].error_code;
        if (!err && response.topics[0].partitions[0].leader_id < 0)
            err = ERR_LEADER_NOT_AVAILABLE;
        if (!err) {
            attempt->topic_id = response.topics[0].topic_id;
            attempt->leader = response.topics[0].partitions[0].leader_id;
        }
        client_reply_free(&reply);
    }
    arena_free(&arena);
    return !failed(attempt, "Metadata", index, err);
}

static struct buf *one_record(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct batch_spec spec = batch_spec(0, -1, (wall_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    struct batch_record record = {.value = bytes_of_str(STR("hello"))};
    return batch_build(&spec, &record, 1);
}

static enum err produce_one(struct attempt *attempt, struct link *link)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct produce_request request;
    struct produce_response response;
    struct buf *batch = one_record();
    produce_request_init(&request);
    request.acks = -1;
    request.timeout_ms = PRODUCE_LIMIT_US / 1000;
    request.topics_count = 1;
    request.topics = produce_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(attempt->how->topic);
    request.topics[0].topic_id = attempt->topic_id;
    request.topics[0].partitions_count = 1;
    request.topics[0].partitions = produce_request_partition_new(&arena, 1);
    request.topics[0].partitions[0].records =
        (struct bytes){.data = batch->data, .size = batch->size};
    enum err err =
        link_call(link, WIRE_PRODUCE, &request, within(attempt, PRODUCE_LIMIT_US), &reply);
    if (!err) {
        err = produce_response_read(&response, reply.version, &reply.reader, &arena);
        if (!err && (response.topics_count != 1 || response.topics[0].partitions_count != 1))
            err = ERR_CORRUPT_MESSAGE;
        if (!err)
            err = (enum err)response.topics[0].partitions[0].error_code;
        client_reply_free(&reply);
    }
    buf_unref(batch);
    arena_free(&arena);
    return err;
}

static bool produce(struct attempt *attempt)
{
    uint32_t index = 0;
    const struct cluster *cluster = attempt->how->cluster;
    while (index < cluster->count && cluster->nodes[index].id != attempt->leader)
        index++;
    if (index == cluster->count)
        return false;
    struct link *link = link_to(attempt, index);
    return link && !failed(attempt, "Produce", index, produce_one(attempt, link));
}

static int check_processes(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        node_id id = cluster->nodes[i].id;
        if (node_process(cluster, id).state != NODE_DOWN)
            continue;
        return node_tell_end(cluster, id);
    }
    return EXIT_DONE;
}

static bool all_registered(struct attempt *attempt)
{
    uint32_t index;
    struct link *link = any_link(attempt, &index);
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_response response;
    if (!link)
        return false;
    int code =
        admin_metadata(link, NULL, within(attempt, REPLY_LIMIT_US), &arena, &reply, &response);
    bool all = !code && response.brokers_count >= attempt->how->cluster->count;
    if (!code)
        client_reply_free(&reply);
    arena_free(&arena);
    return all;
}

static void delete_topic(struct attempt *attempt)
{
    uint32_t index;
    struct link *link = any_link(attempt, &index);
    struct arena arena = {0};
    struct str message;
    if (link)
        admin_delete(link, attempt->how->topic, within(attempt, REPLY_LIMIT_US), &arena, &message);
    arena_free(&arena);
}

static int try_until_acked(struct attempt *attempt, int64_t *acked_us)
{
    bool has_topic = false;
    bool has_leader = false;
    for (;;) {
        if (!has_topic)
            has_topic = make_topic(attempt);
        if (has_topic && !has_leader)
            has_leader = find_leader(attempt);
        if (has_leader && produce(attempt)) {
            *acked_us = now_us();
            return EXIT_DONE;
        }
        if (has_leader)
            has_leader = false; /* It may have moved. */
        if (attempt->last_err == ERR_UNKNOWN_TOPIC_ID)
            has_topic = false;
        int code = check_processes(attempt->how->cluster);
        if (code)
            return code;
        if (now_us() >= attempt->how->deadline_us)
            return say_error(EXIT_TIMED_OUT,
                             "no record was acknowledged in time; the last step was "
                             "%s: %s",
                             attempt->last_step, err_name(attempt->last_err));
        sleep_us(PAUSE_US);
    }
}

int first_write(const struct first_write *how, int64_t *acked_us)
{
    struct attempt attempt = {.how = how, .leader = -1, .last_step = "connecting"};
    int code = try_until_acked(&attempt, acked_us);
    if (!code && how->delete_topic)
        delete_topic(&attempt);
    while (!code && how->all_nodes && !all_registered(&attempt) && now_us() < how->deadline_us) {
        sleep_us(PAUSE_US);
        code = check_processes(how->cluster);
    }
    for (uint32_t i = 0; i < CLUSTER_NODES_MAX; i++)
        link_close(attempt.links[i]);
    return code;
}
