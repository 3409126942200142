/* view.c -- who is there, who leads, who is in sync: one line of JSON.
 *
 * Brokers and partitions are what one living broker knows, asked by librdkafka. Since
 * KIP-590 Metadata names any broker as the controller, so the active one is asked for by
 * DescribeQuorum, on our own codec, which speaks plaintext alone: elsewhere it is null. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "client_settings.h"
#include "say.h"
#include "verbs.h"

enum {
    DIAL_US = 300000,
    QUORUM_US = 500000,
    PATIENT = 5, /* Times as long once nobody said it: a busy node is told from a silent one. */
};

const struct flag view_flags[] = {
    {'t', "topic", "TOPIC", "whose partitions are shown; none without it"},
    {0, NULL, NULL, NULL},
};

/* The quorum's leader as one broker knows it; -1: it does not say in `patience` times a limit. */
static node_id ask_leader(const char *host, int port, int patience)
{
    struct link *link;
    struct arena arena = {0};
    struct client_reply reply;
    struct describe_quorum_response quorum;
    node_id leader = -1;
    int64_t dial_us = now_us() + patience * DIAL_US;
    if (link_open(&link, host, (uint16_t)port, dial_us))
        return -1;
    if (!link_handshake(link, dial_us) &&
        !admin_try_quorum(link, now_us() + patience * QUORUM_US, &arena, &reply, &quorum)) {
        leader = quorum.topics[0].partitions[0].leader_id;
        client_reply_free(&reply);
    }
    arena_free(&arena);
    link_close(link);
    return leader;
}

static bool speaks_plaintext(rd_kafka_t *client)
{
    char protocol[64] = "";
    size_t size = sizeof protocol;
    return rd_kafka_conf_get(rd_kafka_conf(client), "security.protocol", protocol, &size) ==
               RD_KAFKA_CONF_OK &&
           strcmp(protocol, "plaintext") == 0;
}

static json_t *controller(rd_kafka_t *client, const struct rd_kafka_metadata *metadata,
                          int64_t deadline_us)
{
    node_id leader = -1;
    if (!speaks_plaintext(client))
        return json_null();
    for (int patience = 1; patience <= PATIENT; patience += PATIENT - 1)
        for (int i = 0; leader < 0 && i < metadata->broker_cnt && now_us() < deadline_us; i++)
            leader = ask_leader(metadata->brokers[i].host, metadata->brokers[i].port, patience);
    return leader < 0 ? json_null() : json_integer(leader);
}

static json_t *brokers(const struct rd_kafka_metadata *metadata)
{
    json_t *list = json_array();
    for (int i = 0; i < metadata->broker_cnt; i++)
        json_array_append_new(list, json_pack("{si ss si}", "id", metadata->brokers[i].id, "host",
                                              metadata->brokers[i].host, "port",
                                              metadata->brokers[i].port));
    return list;
}

static json_t *nodes(const int32_t *ids, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

static json_t *partitions(const struct rd_kafka_metadata_topic *topic)
{
    json_t *list = json_array();
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        json_array_append_new(list,
                              json_pack("{si si so so ss?}", "partition", partition->id, "leader",
                                        partition->leader, "replicas",
                                        nodes(partition->replicas, partition->replica_cnt), "isr",
                                        nodes(partition->isrs, partition->isr_cnt), "error",
                                        partition->err ? rd_kafka_err2name(partition->err) : NULL));
    }
    return list;
}

static int print_view(rd_kafka_t *client, const struct rd_kafka_metadata *metadata, bool has_topic,
                      int64_t deadline_us)
{
    int code = EXIT_DONE;
    json_t *view = json_pack("{so so}", "brokers", brokers(metadata), "controller",
                             controller(client, metadata, deadline_us));
    if (has_topic && metadata->topic_cnt == 1) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
        json_object_set_new(view, "topic", json_string(topic->topic));
        json_object_set_new(view, "partitions", partitions(topic));
        if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
            code = say_error(exit_code_of(topic->err), "topic %s: %s", topic->topic,
                             rd_kafka_err2name(topic->err));
    }
    if (!code) {
        json_dumpf(view, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(view);
    return code;
}

int run_view(struct call *call)
{
    rd_kafka_conf_t *settings;
    rd_kafka_t *client;
    const char *name = call_flag(call, "topic");
    const struct rd_kafka_metadata *metadata;
    int64_t deadline_us = now_us() + call->timeout_us;
    int code = workload_settings(call, RD_KAFKA_CONSUMER, &settings);
    if (!code)
        code = workload_client(RD_KAFKA_CONSUMER, settings, &client);
    if (code)
        return code;
    rd_kafka_topic_t *topic = name ? rd_kafka_topic_new(client, name, NULL) : NULL;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(client, 0, topic, &metadata, (int)(call->timeout_us / 1000));
    if (err) {
        code = say_error(EXIT_FAILED, "no broker answered in time: %s", rd_kafka_err2str(err));
    } else {
        code = print_view(client, metadata, topic != NULL, deadline_us);
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return code;
}
