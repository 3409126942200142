/* probe_topics.c -- probes that create a tiny topic and delete it: how metadata writes fare.
 *
 * Each CreateTopics and each DeleteTopics is one write of the history, to a partition that
 * the topic does not have: the number after its last. A topic whose fate is unknown is
 * kept in mind, and deleted when all is over. */
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "probing.h"
#include "say.h"

enum { NAME_SIZE = 300, CLEAN_UP_US = 20000000, CALL_US = 5000000 };

static void format_name(const struct probing *probing, uint64_t subject, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s-probe-%llu", probing->workload.topic,
             (unsigned long long)subject);
}

static uint64_t next_topic(struct probing *probing)
{
    return probing->next_subject++;
}

static void ask_to_create(struct exchange *exchange, const char *name)
{
    struct arena arena = {0};
    struct create_topics_request request;
    create_topics_request_init(&request);
    request.timeout_ms = PROBE_DEADLINE_NS / 1000000;
    request.topics_count = 1;
    request.topics = create_topics_request_topic_new(&arena, 1);
    request.topics[0].name = str_from(name);
    request.topics[0].num_partitions = 1;
    request.topics[0].replication_factor = -1;
    exchange_ask(exchange, WIRE_CREATE_TOPICS, PROBE_CREATE_VERSION, &request);
    arena_free(&arena);
}

static void ask_to_delete(struct exchange *exchange, const char *name)
{
    struct str names[1] = {str_from(name)};
    struct delete_topics_request request;
    delete_topics_request_init(&request);
    request.timeout_ms = PROBE_DEADLINE_NS / 1000000;
    request.topic_names_count = 1;
    request.topic_names = names;
    exchange_ask(exchange, WIRE_DELETE_TOPICS, PROBE_DELETE_VERSION, &request);
}

/* Any broker takes it to the controller: the one that answered first. */
static bool ask_for_topic(struct probing *probing, struct probe *probe,
                          const struct metadata_response *metadata, struct exchange *answered)
{
    char name[NAME_SIZE];
    (void)metadata;
    format_name(probing, probe->subject, name);
    probe->request = *answered;
    *answered = exchange_none();
    if (probe->deletes)
        ask_to_delete(&probe->request, name);
    else
        ask_to_create(&probe->request, name);
    return true;
}

static enum err take_answer(struct probe *probe, struct client_reply *reply, struct arena *arena,
                            int64_t *offset)
{
    struct create_topics_response created;
    struct delete_topics_response deleted;
    enum err err;
    *offset = -1;
    if (probe->deletes) {
        err = delete_topics_response_read(&deleted, reply->version, &reply->reader, arena);
        if (!err)
            err = deleted.topics_count == 1 ? (enum err)deleted.topics[0].error_code
                                            : ERR_CORRUPT_MESSAGE;
        return err;
    }
    err = create_topics_response_read(&created, reply->version, &reply->reader, arena);
    if (!err)
        err = created.topics_count == 1 ? (enum err)created.topics[0].error_code
                                        : ERR_CORRUPT_MESSAGE;
    return err;
}

static void after(struct probing *probing, const struct probe *probe, enum err err)
{
    bool created = !probe->deletes && !err;
    if ((probe->deletes && !err) || (created && probing_begin(probing, probe->subject, true)))
        return;
    if (!probe->request.has_left && !probe->deletes)
        return; /* Never asked for. */
    mem_grow(probing->left, probing->left_count, &probing->left_capacity);
    probing->left[probing->left_count++] = probe->subject;
}

const struct probe_kind probe_topics = {
    .profile = "metadata",
    .next = next_topic,
    .ask = ask_for_topic,
    .take = take_answer,
    .after = after,
};

int probe_topics_delete(struct probing *probing, const char *brokers)
{
    struct link *link;
    int64_t deadline_us = now_us() + CLEAN_UP_US;
    if (probing->left_count == 0)
        return EXIT_DONE;
    int code = admin_open(&link, brokers, deadline_us);
    while (!code && probing->left_count > 0) {
        struct arena arena = {0};
        struct str reason;
        char name[NAME_SIZE];
        format_name(probing, probing->left[probing->left_count - 1], name);
        enum err err = admin_delete(link, name, now_us() + CALL_US, &arena, &reason);
        arena_free(&arena);
        if (!err || err == ERR_UNKNOWN_TOPIC_OR_PARTITION)
            probing->left_count--;
        else if (err < -100 || now_us() >= deadline_us)
            code = EXIT_FAILED;
        else
            sleep_us(CALL_US / 50);
    }
    if (code)
        say_error(code, "%u topics that probes made may still be there: %s-probe-*",
                  probing->left_count, probing->workload.topic);
    link_close(link);
    return code;
}
