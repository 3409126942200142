/* verb_cluster.c -- skiff cluster info and quorum. */
#include <stdio.h>
#include <time.h>

#include "admin.h"
#include "output.h"
#include "quorum_view.h"
#include "say.h"
#include "verbs.h"

static enum err describe_cluster(struct link *link, int64_t deadline_us, struct arena *arena,
                                 struct client_reply *reply, struct describe_cluster_response *out)
{
    struct describe_cluster_request request;
    describe_cluster_request_init(&request);
    request.include_fenced_brokers = true;
    enum err err = link_call(link, WIRE_DESCRIBE_CLUSTER, &request, deadline_us, reply);
    if (err)
        return err;
    err = describe_cluster_response_read(out, reply->version, &reply->reader, arena);
    if (!err)
        err = (enum err)out->error_code;
    if (err)
        client_reply_free(reply);
    return err;
}

static void print_info(const struct describe_cluster_response *response, node_id controller)
{
    static const char *const heads[] = {"NODE", "ADDRESS", "STATE", "ROLE"};
    say("cluster %.*s", (int)response->cluster_id.size, response->cluster_id.data);
    struct table *table = table_open(4, heads);
    for (uint32_t i = 0; i < response->brokers_count; i++) {
        const struct describe_cluster_response_broker *broker = &response->brokers[i];
        table_cell(table, "%d", broker->broker_id);
        table_cell(table, "%.*s:%d", (int)broker->host.size, broker->host.data, broker->port);
        table_cell(table, "%s", broker->is_fenced ? "fenced" : "serving");
        table_cell(table, "%s", broker->broker_id == controller ? "controller" : "");
    }
    table_print_close(table);
}

static json_t *info_json(const struct describe_cluster_response *response, node_id controller)
{
    json_t *brokers = json_array();
    for (uint32_t i = 0; i < response->brokers_count; i++) {
        const struct describe_cluster_response_broker *broker = &response->brokers[i];
        json_array_append_new(brokers,
                              json_pack("{si ss% si sb}", "node", broker->broker_id, "host",
                                        broker->host.data, (size_t)broker->host.size, "port",
                                        broker->port, "fenced", broker->is_fenced));
    }
    return json_pack("{ss% si so}", "cluster_id", response->cluster_id.data,
                     (size_t)response->cluster_id.size, "controller", controller, "brokers",
                     brokers);
}

int run_cluster_info(struct call *call)
{
    struct link *link;
    struct arena arena = {0};
    struct client_reply reply;
    struct describe_cluster_response response;
    int64_t deadline = now_us() + call->timeout_us;
    node_id controller = -1;
    int code = admin_open_call(&link, call);
    if (code)
        return code;
    enum err err = describe_cluster(link, deadline, &arena, &reply, &response);
    if (err) {
        code = admin_failed(link, "DescribeCluster", err);
    } else {
        code = admin_controller(link, deadline, &controller);
        if (call->json)
            print_json(info_json(&response, controller));
        else
            print_info(&response, controller);
        client_reply_free(&reply);
    }
    arena_free(&arena);
    link_close(link);
    return code;
}

/* Milliseconds since a broker's timestamp; -1: it has none. */
static int64_t ago_ms(int64_t timestamp)
{
    struct timespec now;
    if (timestamp < 0)
        return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ago = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - timestamp;
    return ago > 0 ? ago : 0;
}

static void quorum_row(struct table *table, const struct describe_quorum_response_partition *quorum,
                       const struct describe_quorum_response_replica *replica, const char *role)
{
    int64_t end = quorum->high_watermark;
    for (uint32_t i = 0; i < quorum->current_voters_count; i++)
        if (quorum->current_voters[i].replica_id == quorum->leader_id)
            end = quorum->current_voters[i].log_end_offset;
    int64_t fetched = ago_ms(replica->last_fetch_timestamp);
    int64_t caught_up = ago_ms(replica->last_caught_up_timestamp);
    bool is_known = replica->log_end_offset >= 0; /* A new leader waits for its first fetch. */
    table_cell(table, "%d", replica->replica_id);
    table_cell(table, "%s", replica->replica_id == quorum->leader_id ? "leader" : role);
    table_cell(table, is_known ? "%lld" : "-", (long long)replica->log_end_offset);
    table_cell(table, is_known ? "%lld" : "-", (long long)(end - replica->log_end_offset));
    table_cell(table, fetched < 0 ? "-" : "%lld ms ago", (long long)fetched);
    table_cell(table, caught_up < 0 ? "-" : "%lld ms ago", (long long)caught_up);
}

static void print_quorum(const struct describe_quorum_response_partition *quorum)
{
    static const char *const heads[] = {"NODE", "ROLE", "LOG END", "LAG", "FETCHED", "CAUGHT UP"};
    struct quorum_view view;
    quorum_view_read(&view, quorum);
    printf("leader %d  epoch %d  high watermark %lld\n", quorum->leader_id, quorum->leader_epoch,
           (long long)quorum->high_watermark);
    struct table *table = table_open(6, heads);
    for (uint32_t i = 0; i < quorum->current_voters_count; i++) {
        const struct describe_quorum_response_replica *voter = &quorum->current_voters[i];
        bool is_replaced = quorum_view_is_replaced(&view, voter->replica_id);
        quorum_row(table, quorum, voter, is_replaced ? "voter (replaced)" : "voter");
    }
    for (uint32_t i = 0; i < quorum->observers_count; i++)
        quorum_row(table, quorum, &quorum->observers[i], "observer (no vote)");
    table_print_close(table);
    quorum_view_print(&view);
}

static json_t *replica_json(const struct describe_quorum_response_replica *replica)
{
    char directory[UUID_TEXT_SIZE];
    uuid_format(replica->replica_directory_id, directory);
    return json_pack("{si ss sI sI sI}", "node", replica->replica_id, "directory", directory,
                     "log_end", (json_int_t)replica->log_end_offset, "fetched_ms",
                     (json_int_t)replica->last_fetch_timestamp, "caught_up_ms",
                     (json_int_t)replica->last_caught_up_timestamp);
}

static json_t *quorum_json(const struct describe_quorum_response_partition *quorum)
{
    json_t *voters = json_array();
    json_t *observers = json_array();
    struct quorum_view view;
    quorum_view_read(&view, quorum);
    for (uint32_t i = 0; i < quorum->current_voters_count; i++) {
        const struct describe_quorum_response_replica *voter = &quorum->current_voters[i];
        json_t *row = replica_json(voter);
        bool is_replaced = quorum_view_is_replaced(&view, voter->replica_id);
        json_object_set_new(row, "replaced", json_boolean(is_replaced));
        json_array_append_new(voters, row);
    }
    for (uint32_t i = 0; i < quorum->observers_count; i++)
        json_array_append_new(observers, replica_json(&quorum->observers[i]));
    return json_pack("{si si sI so so}", "leader", quorum->leader_id, "epoch", quorum->leader_epoch,
                     "high_watermark", (json_int_t)quorum->high_watermark, "voters", voters,
                     "observers", observers);
}

int run_cluster_quorum(struct call *call)
{
    struct link *link;
    struct arena arena = {0};
    struct client_reply reply;
    struct describe_quorum_response response;
    int code = admin_open_call(&link, call);
    if (code)
        return code;
    code = admin_quorum(link, now_us() + call->timeout_us, &arena, &reply, &response);
    if (!code) {
        const struct describe_quorum_response_partition *quorum = response.topics[0].partitions;
        if (call->json)
            print_json(quorum_json(quorum));
        else
            print_quorum(quorum);
        client_reply_free(&reply);
    }
    arena_free(&arena);
    link_close(link);
    return code;
}
