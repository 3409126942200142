/* librdkafka.c -- Debian's librdkafka as a client of the matrix (matrix/client.py).
 *
 *   librdkafka-client BROKERS
 *
 * Its member of a group is groups/member.c. Whatever of the library's is not
 * RD_KAFKA_RESP_ERR_NO_ERROR becomes the line `error WHY`. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ASK_MS = 60000, POLL_MS = 100, WORDS_MAX = 8, CODECS = 5 };

static const char *const codecs[CODECS] = {"none", "gzip", "snappy", "lz4", "zstd"};

struct session {
    const char *brokers;
    rd_kafka_t *producers[CODECS]; /* NULL until it is asked for. */
    char why[512];                 /* The last failure; empty: none. */
};

static int failed(struct session *session, const char *why)
{
    snprintf(session->why, sizeof session->why, "%s", why);
    return -1;
}

static int check_err(struct session *session, rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : failed(session, rd_kafka_err2str(err));
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return;
    fprintf(stderr, "%s\n", text);
    exit(2);
}

/* The first failure of a produce is kept. */
static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    (void)client;
    struct session *session = context;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !session->why[0])
        failed(session, rd_kafka_err2str(message->err));
}

static rd_kafka_t *open_client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[200];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client)
        return client;
    fprintf(stderr, "%s\n", text);
    exit(1);
}

static rd_kafka_conf_t *new_conf(struct session *session)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", session->brokers);
    set(conf, "reconnect.backoff.max.ms", "200");
    rd_kafka_conf_set_opaque(conf, session);
    return conf;
}

static rd_kafka_t *producer(struct session *session, const char *codec)
{
    int index = 0;
    while (index < CODECS && strcmp(codecs[index], codec) != 0)
        index++;
    if (index == CODECS)
        return NULL;
    if (!session->producers[index]) {
        rd_kafka_conf_t *conf = new_conf(session);
        set(conf, "enable.idempotence", "true");
        set(conf, "linger.ms", "20");
        set(conf, "sticky.partitioning.linger.ms", "0");
        set(conf, "compression.type", codec);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        session->producers[index] = open_client(RD_KAFKA_PRODUCER, conf);
    }
    return session->producers[index];
}

static rd_kafka_t *new_consumer(struct session *session, const char *group)
{
    rd_kafka_conf_t *conf = new_conf(session);
    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    return open_client(RD_KAFKA_CONSUMER, conf);
}

static void close_consumer(rd_kafka_t *consumer)
{
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

/* Of one topic; NULL: a failure. */
static const rd_kafka_metadata_t *ask_topic(struct session *session, const char *topic)
{
    rd_kafka_t *client = producer(session, "none");
    const rd_kafka_metadata_t *found;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, handle, &found, ASK_MS);
    rd_kafka_topic_destroy(handle);
    if (check_err(session, err) != 0)
        return NULL;
    if (found->topic_cnt == 1 && check_err(session, found->topics[0].err) == 0)
        return found;
    rd_kafka_metadata_destroy(found);
    return NULL;
}

/* All partitions of a topic, at an offset; NULL: a failure. */
static rd_kafka_topic_partition_list_t *partitions(struct session *session, const char *topic,
                                                   int64_t offset)
{
    const rd_kafka_metadata_t *found = ask_topic(session, topic);
    if (!found)
        return NULL;
    int count = found->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = offset;
    rd_kafka_metadata_destroy(found);
    return list;
}

/* How one topic fared in the answer to an admin request. */
static int topic_result(struct session *session, rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results;
    if (check_err(session, rd_kafka_event_error(event)) != 0)
        return -1;
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT)
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    else
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    return check_err(session, rd_kafka_topic_result_error(results[0]));
}

static int await_topic(struct session *session, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ASK_MS);
    int result = event ? topic_result(session, event) : failed(session, "no answer");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return result;
}

static int create(struct session *session, char **words)
{
    rd_kafka_t *client = producer(session, "none");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    char text[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(words[0], atoi(words[1]), atoi(words[2]), text, sizeof text);
    if (!topic)
        return failed(session, text);
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    rd_kafka_NewTopic_destroy(topic);
    return await_topic(session, queue);
}

static int delete (struct session *session, char **words)
{
    rd_kafka_t *client = producer(session, "none");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(words[0]);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    rd_kafka_DeleteTopic_destroy(topic);
    return await_topic(session, queue);
}

static int describe(struct session *session, char **words)
{
    const rd_kafka_metadata_t *found = ask_topic(session, words[0]);
    if (!found)
        return -1;
    for (int i = 0; i < found->topics[0].partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *place = &found->topics[0].partitions[i];
        printf("partition %d %d %d\n", place->id, place->leader, place->replica_cnt);
    }
    rd_kafka_metadata_destroy(found);
    return 0;
}

/* What is sent is copied: the next number goes into the same place. */
static int send_numbers(struct session *session, rd_kafka_topic_t *topic, long first, long count)
{
    for (long number = first; number < first + count; number++) {
        char key[24], value[24];
        size_t key_size = (size_t)snprintf(key, sizeof key, "k%ld", number);
        size_t value_size = (size_t)snprintf(value, sizeof value, "v%ld", number);
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_size,
                             key, key_size, NULL) != 0)
            return check_err(session, rd_kafka_last_error());
    }
    return 0;
}

static int produce(struct session *session, char **words)
{
    rd_kafka_t *client = producer(session, words[1]);
    if (!client)
        return failed(session, "no such codec");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, words[0], NULL);
    int result = send_numbers(session, topic, atol(words[2]), atol(words[3]));
    if (result == 0)
        result = check_err(session, rd_kafka_flush(client, ASK_MS));
    rd_kafka_topic_destroy(topic);
    return session->why[0] ? -1 : result;
}

static int read_records(struct session *session, rd_kafka_t *consumer, long count)
{
    time_t limit = time(NULL) + ASK_MS / 1000;
    while (count > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, POLL_MS);
        if (time(NULL) > limit)
            return failed(session, "records are missing");
        if (!message)
            continue;
        if (check_err(session, message->err) != 0)
            return -1;
        printf("record %d %" PRId64 " %.*s %.*s\n", message->partition, message->offset,
               (int)message->key_len, (const char *)message->key, (int)message->len,
               (const char *)message->payload);
        rd_kafka_message_destroy(message);
        count--;
    }
    return 0;
}

static int read_topic(struct session *session, char **words)
{
    rd_kafka_topic_partition_list_t *list = partitions(session, words[0], 0);
    if (!list)
        return -1;
    rd_kafka_t *consumer = new_consumer(session, "none");
    int result = check_err(session, rd_kafka_assign(consumer, list));
    if (result == 0)
        result = read_records(session, consumer, atol(words[1]));
    rd_kafka_topic_partition_list_destroy(list);
    close_consumer(consumer);
    return result;
}

/* Says each offset; the end and "none" are negative in the library, and so is what failed. */
static int tell(struct session *session, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *place = &list->elems[i];
        if (check_err(session, place->err) != 0)
            return -1;
        printf("offset %d %" PRId64 "\n", place->partition, place->offset < 0 ? -1 : place->offset);
    }
    return 0;
}

static int times(struct session *session, char **words)
{
    rd_kafka_topic_partition_list_t *list = partitions(session, words[0], atoll(words[1]));
    if (!list)
        return -1;
    rd_kafka_t *client = producer(session, "none");
    int result = check_err(session, rd_kafka_offsets_for_times(client, list, ASK_MS));
    if (result == 0)
        result = tell(session, list);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

static int commit_list(struct session *session, const char *group,
                       rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_t *consumer = new_consumer(session, group);
    int result = check_err(session, rd_kafka_commit(consumer, list, 0));
    close_consumer(consumer);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}

static int commit(struct session *session, char **words)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, words[0], atoi(words[2]))->offset = atoll(words[3]);
    return commit_list(session, words[1], list);
}

static int committed(struct session *session, char **words)
{
    rd_kafka_topic_partition_list_t *list = partitions(session, words[0], RD_KAFKA_OFFSET_INVALID);
    if (!list)
        return -1;
    rd_kafka_t *consumer = new_consumer(session, words[1]);
    int result = check_err(session, rd_kafka_committed(consumer, list, ASK_MS));
    if (result == 0)
        result = tell(session, list);
    rd_kafka_topic_partition_list_destroy(list);
    close_consumer(consumer);
    return result;
}

static int reset(struct session *session, char **words)
{
    rd_kafka_topic_partition_list_t *list = partitions(session, words[0], 0);
    if (!list)
        return -1;
    for (int i = 0; i < list->cnt; i++) {
        int64_t end;
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
            producer(session, "none"), words[0], list->elems[i].partition, &list->elems[i].offset,
            &end, ASK_MS);
        if (check_err(session, err) != 0) {
            rd_kafka_topic_partition_list_destroy(list);
            return -1;
        }
    }
    return commit_list(session, words[1], list);
}

static const struct {
    const char *name;
    int words;
    int (*run)(struct session *session, char **words);
} verbs[] = {{"create", 3, create},   {"describe", 1, describe},   {"delete", 1, delete},
             {"produce", 4, produce}, {"read", 2, read_topic},     {"times", 2, times},
             {"commit", 4, commit},   {"committed", 2, committed}, {"reset", 2, reset}};

static void answer(struct session *session, char **words, int count)
{
    session->why[0] = '\0';
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, words[0]) != 0 || verbs[i].words != count - 1)
            continue;
        if (verbs[i].run(session, words + 1) == 0)
            printf("ok\n");
        else
            printf("error %s\n", session->why);
        return;
    }
    printf("lacks no such call\n");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: librdkafka-client BROKERS\n");
        return 2;
    }
    struct session session = {.brokers = argv[1]};
    char line[512];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        char *words[WORDS_MAX];
        int count = 0;
        for (char *at = strtok(line, " \n"); at && count < WORDS_MAX; at = strtok(NULL, " \n"))
            words[count++] = at;
        if (count > 0)
            answer(&session, words, count);
    }
    for (int i = 0; i < CODECS; i++)
        if (session.producers[i])
            rd_kafka_destroy(session.producers[i]);
    return 0;
}
