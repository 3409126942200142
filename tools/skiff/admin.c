/* admin.c -- requests that verbs and tests ask of a cluster, over one link. */
#include "admin.h"

#include <stdio.h>
#include <string.h>

#include "client_settings.h"
#include "say.h"

enum { QUORUM_PAUSE_US = 20000 };

bool admin_split_address(const char *text, size_t size, char host[256], uint16_t *port)
{
    char copy[280];
    if (size == 0 || size >= sizeof copy)
        return false;
    memcpy(copy, text, size);
    copy[size] = 0;
    char *name = strstr(copy, "://") ? strstr(copy, "://") + 3 : copy;
    char *colon = strrchr(name, ':');
    int64_t number = 9092;
    if (colon && !strchr(colon, ']')) {
        if (!parse_int(colon + 1, 1, UINT16_MAX, &number))
            return false;
        *colon = 0;
    }
    size_t length = strlen(name);
    if (length > 2 && name[0] == '[' && name[length - 1] == ']') {
        name[length - 1] = 0;
        name++;
    }
    snprintf(host, 256, "%.255s", name);
    *port = (uint16_t)number;
    return *host != 0;
}

enum err admin_try_open(struct link **out, const char *brokers, int64_t deadline_us)
{
    enum err err = ERR_UNREACHABLE;
    *out = NULL;
    for (const char *at = brokers; *at;) {
        size_t size = strcspn(at, ",");
        char host[256];
        uint16_t port;
        struct link *link;
        if (!admin_split_address(at, size, host, &port))
            return ERR_INVALID_REQUEST;
        at += size + (at[size] == ',');
        int64_t part = *at ? now_us() + (deadline_us - now_us()) / 2 : deadline_us;
        err = link_open(&link, host, port, part);
        if (err)
            continue;
        err = link_handshake(link, part);
        if (!err) {
            *out = link;
            return ERR_NONE;
        }
        link_close(link);
    }
    return err;
}

int admin_open_failed(const char *brokers, enum err err)
{
    if (err == ERR_INVALID_REQUEST)
        return say_error(EXIT_USAGE, "`%s` is not HOST:PORT, or several with commas", brokers);
    if (err == ERR_REQUEST_TIMED_OUT) /* A dial that gets no answer is ERR_UNREACHABLE. */
        return say_error(EXIT_TIMED_OUT,
                         "none of %s answers as a broker (connected, but no answer in time: a node "
                         "that hangs, or not a port for Kafka's protocol)",
                         brokers);
    return say_error(EXIT_FAILED, "none of %s answers as a broker (%s)", brokers, err_words(err));
}

int admin_open(struct link **out, const char *brokers, int64_t deadline_us)
{
    enum err err = admin_try_open(out, brokers, deadline_us);
    return err ? admin_open_failed(brokers, err) : EXIT_DONE;
}

int admin_open_call(struct link **out, const struct call *call)
{
    char brokers[CLIENT_BROKERS_MAX];
    int code = client_brokers(call, brokers);
    enum err err = code ? ERR_NONE : admin_try_open(out, brokers, now_us() + call->timeout_us);
    return err ? admin_open_call_failed(call, brokers, err) : code;
}

int admin_open_call_failed(const struct call *call, const char *brokers, enum err err)
{
    char dir[CLUSTER_PATH_MAX];
    if (client_cluster_is_down(call, brokers, dir))
        return say_error(EXIT_FAILED, "the cluster in %s is down; `skiff up --dir %s` starts it",
                         dir, dir);
    return admin_open_failed(brokers, err);
}

int admin_failed(const struct link *link, const char *what, enum err err)
{
    return say_error(exit_code_of(err), "%s: %s%s %s", what, link_peer(link),
                     err < -100 ? ":" : " answered", err_words(err));
}

int admin_metadata(struct link *link, const char *topic, int64_t deadline_us, struct arena *arena,
                   struct client_reply *reply, struct metadata_response *out)
{
    struct metadata_request request;
    metadata_request_init(&request);
    request.allow_auto_topic_creation = false;
    if (topic) {
        request.topics_count = 1;
        request.topics = metadata_request_topic_new(arena, 1);
        request.topics[0].name = str_from(topic);
    } else {
        request.topics = NULL;
    }
    enum err err = link_call(link, WIRE_METADATA, &request, deadline_us, reply);
    if (err)
        return admin_failed(link, "Metadata", err);
    err = metadata_response_read(out, reply->version, &reply->reader, arena);
    if (!err)
        err = (enum err)out->error_code;
    if (!err)
        return EXIT_DONE;
    client_reply_free(reply);
    return admin_failed(link, "Metadata", err);
}

enum err admin_try_quorum(struct link *link, int64_t deadline_us, struct arena *arena,
                          struct client_reply *reply, struct describe_quorum_response *out)
{
    struct describe_quorum_request request;
    describe_quorum_request_init(&request);
    request.topics_count = 1;
    request.topics = describe_quorum_request_topic_new(arena, 1);
    request.topics[0].name = STR("__cluster_metadata");
    request.topics[0].partitions_count = 1;
    request.topics[0].partitions = describe_quorum_request_partition_new(arena, 1);
    enum err err = link_call(link, WIRE_DESCRIBE_QUORUM, &request, deadline_us, reply);
    if (err)
        return err;
    err = describe_quorum_response_read(out, reply->version, &reply->reader, arena);
    if (!err)
        err = (enum err)out->error_code;
    if (!err && (out->topics_count != 1 || out->topics[0].partitions_count != 1))
        err = ERR_CORRUPT_MESSAGE;
    if (!err)
        err = (enum err)out->topics[0].partitions[0].error_code;
    if (err)
        client_reply_free(reply);
    return err;
}

int admin_quorum(struct link *link, int64_t deadline_us, struct arena *arena,
                 struct client_reply *reply, struct describe_quorum_response *out)
{
    for (;;) {
        enum err err = admin_try_quorum(link, deadline_us, arena, reply, out);
        if (!err)
            return EXIT_DONE;
        if (err != ERR_NOT_CONTROLLER && err != ERR_REQUEST_TIMED_OUT)
            return admin_failed(link, "DescribeQuorum", err);
        if (now_us() >= deadline_us) /* A broker that asked a dead leader says so before. */
            return say_error(EXIT_TIMED_OUT, "%s named no leader of the quorum in time",
                             link_peer(link));
        sleep_us(QUORUM_PAUSE_US); /* An election is over in less than a second. */
    }
}

static void fill_configs(struct create_topics_request_topic *into, const struct admin_topic *topic,
                         struct arena *arena)
{
    into->configs_count = topic->config_count;
    into->configs = create_topics_request_config_new(arena, topic->config_count);
    for (uint32_t i = 0; i < topic->config_count; i++) {
        const char *config = topic->configs[i];
        const char *equals = strchr(config, '=');
        uint32_t size = equals ? (uint32_t)(equals - config) : (uint32_t)strlen(config);
        into->configs[i].name = (struct str){.data = config, .size = size};
        into->configs[i].value = str_from(equals ? equals + 1 : "");
    }
}

enum err admin_create(struct link *link, const struct admin_topic *topic, int64_t deadline_us,
                      struct arena *arena, struct str *message)
{
    struct create_topics_request request;
    struct client_reply reply;
    struct create_topics_response response;
    create_topics_request_init(&request);
    request.topics_count = 1;
    request.topics = create_topics_request_topic_new(arena, 1);
    request.topics[0].name = str_from(topic->name);
    request.topics[0].num_partitions = topic->partitions;
    request.topics[0].replication_factor = topic->replication_factor;
    fill_configs(&request.topics[0], topic, arena);
    int64_t left_ms = (deadline_us - now_us()) / 1000;
    request.timeout_ms = left_ms > 0 ? (int32_t)left_ms : 0;
    *message = (struct str){0};
    enum err err = link_call(link, WIRE_CREATE_TOPICS, &request, deadline_us, &reply);
    if (err)
        return err;
    err = create_topics_response_read(&response, reply.version, &reply.reader, arena);
    if (!err && response.topics_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (!err) {
        err = (enum err)response.topics[0].error_code;
        *message = arena_str(arena, response.topics[0].error_message);
    }
    client_reply_free(&reply);
    return err;
}

enum err admin_delete(struct link *link, const char *topic, int64_t deadline_us,
                      struct arena *arena, struct str *message)
{
    struct delete_topics_request request;
    struct client_reply reply;
    struct delete_topics_response response;
    struct str names[1] = {str_from(topic)};
    delete_topics_request_init(&request);
    request.topics_count = 1;
    request.topics = delete_topics_request_topic_new(arena, 1);
    request.topics[0].name = names[0];
    request.topic_names_count = 1;
    request.topic_names = names;
    int64_t left_ms = (deadline_us - now_us()) / 1000;
    request.timeout_ms = left_ms > 0 ? (int32_t)left_ms : 0;
    *message = (struct str){0};
    enum err err = link_call(link, WIRE_DELETE_TOPICS, &request, deadline_us, &reply);
    if (err)
        return err;
    err = delete_topics_response_read(&response, reply.version, &reply.reader, arena);
    if (!err && response.topics_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (!err) {
        err = (enum err)response.topics[0].error_code;
        *message = arena_str(arena, response.topics[0].error_message);
    }
    client_reply_free(&reply);
    return err;
}

int admin_leader(struct link *link, const char *topic, partition_id partition, int64_t deadline_us,
                 node_id *out)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct metadata_response response;
    int code = admin_metadata(link, topic, deadline_us, &arena, &reply, &response);
    if (code) {
        arena_free(&arena);
        return code;
    }
    const struct metadata_response_topic *found = response.topics;
    if (response.topics_count != 1 || found->error_code)
        code = say_error(EXIT_NOT_FOUND, "topic %s: %s", topic,
                         response.topics_count ? err_name((enum err)found->error_code) : "unknown");
    *out = -1;
    bool seen = false;
    for (uint32_t i = 0; !code && i < found->partitions_count; i++) {
        if (found->partitions[i].index != partition)
            continue;
        seen = true;
        *out = found->partitions[i].leader_id;
    }
    if (!code && !seen)
        code = say_error(EXIT_NOT_FOUND, "topic %s has no partition %d", topic, partition);
    client_reply_free(&reply);
    arena_free(&arena);
    return code;
}

int admin_controller(struct link *link, int64_t deadline_us, node_id *out)
{
    struct arena arena = {0};
    struct client_reply reply;
    struct describe_quorum_response response;
    int code = admin_quorum(link, deadline_us, &arena, &reply, &response);
    if (!code) {
        *out = response.topics[0].partitions[0].leader_id;
        client_reply_free(&reply);
    }
    arena_free(&arena);
    return code;
}
