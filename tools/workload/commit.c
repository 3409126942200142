/* commit.c -- skiff-workload commit: groups as registers, one client writes and one reads each.
 *
 * Partition P of the topic has a group of its own, without members. Its committer commits 0, 1, 2,
 * ... for it, each once: what has no acknowledgement after DEADLINE_US is left as it is, since a
 * second request of the same offset could take effect after a later one. The reader asks what is
 * committed. Each has a thread and its own links, for one group's coordinator may hang while the
 * others serve. What is committed carries a value of the run, so a foreign offset is seen. */
#include <pthread.h>
#include <stdio.h>

#include "group_ask.h"
#include "say.h"
#include "verbs.h"

enum {
    GROUPS_MAX = 64,
    DEADLINE_US = 1000000,
    PAUSE_US = 20000,         /* Before a coordinator is looked for again. */
    REOPEN_AFTER = 2000,      /* Questions: what was answered takes memory until then. */
    LAST_LIMIT_US = 15000000, /* For the last question, once all commits have ended. */
};

const struct flag commit_flags[] = {
    {'t', "topic", "TOPIC", "a group each for the first of its partitions"},
    {0, "run", "HEX", "the run's name, in every group and value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "groups", "N", "how many (8, or as many as there are partitions)"},
    {0, "every-ms", "MS", "time between two commits of a group, and between two questions (100)"},
    {0, "first-client", "C", "the first client's number in the history (0)"},
    {0, NULL, NULL, NULL},
};

struct committing {
    struct workload workload;
    int64_t every_us;
    int32_t group_count;
    struct side *sides; /* Two a group: who commits, and who asks. */
};

/* One thread: the committer of a group, or its reader. */
struct side {
    struct committing *committing;
    pthread_t thread;
    uint32_t client;
    int32_t partition;
    char group[HISTORY_RUN_MAX + 64];
    struct group_asking asking; /* brokers NULL: nobody was reached. */
    uint32_t questions;
    uint64_t answered;
    _Atomic bool ends;
};

static int64_t pause_until(const struct side *side, int64_t due_us)
{
    sleep_us(due_us - now_us());
    int64_t next = due_us + side->committing->every_us;
    return next > now_us() ? next : now_us();
}

/* Whether a coordinator can be asked now. */
static bool find(struct side *side)
{
    struct link *link;
    struct group_asking *asking = &side->asking;
    if (asking->brokers && side->questions++ >= REOPEN_AFTER) {
        brokers_close(asking->brokers);
        asking->brokers = NULL;
        side->questions = 0;
    }
    if (!asking->brokers) {
        asking->coordinator = -1;
        if (brokers_open(&asking->brokers, side->committing->workload.call))
            asking->brokers = NULL;
    }
    if (!asking->brokers)
        return false;
    brokers_set_deadline_us(asking->brokers, now_us() + DEADLINE_US);
    if (group_find(asking, &link))
        return false;
    brokers_set_deadline_us(asking->brokers, now_us() + DEADLINE_US);
    return true;
}

/* Start over: another coordinator, other links. */
static void find_anew(struct side *side)
{
    sleep_us(PAUSE_US);
    side->asking.coordinator = -1;
    if (!side->asking.brokers)
        return;
    brokers_set_deadline_us(side->asking.brokers, now_us() + DEADLINE_US);
    brokers_learn(side->asking.brokers);
}

/* ---- The committer. */

static enum err commit_error(const void *response)
{
    const struct offset_commit_response *commit = response;
    return commit->topics_count == 1 && commit->topics[0].partitions_count == 1
               ? (enum err)commit->topics[0].partitions[0].error_code
               : ERR_CORRUPT_MESSAGE;
}

static enum err commit(struct side *side, int64_t value)
{
    static const struct group_api api = {{WIRE_OFFSET_COMMIT, 2, 9}, commit_error};
    char text[HISTORY_VALUE_MAX];
    struct offset_commit_request request;
    struct offset_commit_response response;
    struct workload *workload = &side->committing->workload;
    uint32_t size = history_value_write(text, 0, workload->run, side->client, value);
    struct offset_commit_request_partition partition;
    struct offset_commit_request_topic topic;
    offset_commit_request_init(&request);
    offset_commit_request_topic_init(&topic);
    offset_commit_request_partition_init(&partition);
    partition.index = side->partition;
    partition.committed_offset = value;
    partition.committed_metadata = (struct str){.data = text, .size = size};
    topic.name = str_from(workload->topic);
    topic.partitions_count = 1;
    topic.partitions = &partition;
    request.group_id = side->asking.group;
    request.member_id = STR("");
    request.topics_count = 1;
    request.topics = &topic;
    return group_ask_once(&side->asking, &api, &request, &response);
}

static void *run_committer(void *argument)
{
    struct side *side = argument;
    struct history *history = side->committing->workload.history;
    int64_t due_us = now_us();
    for (int64_t value = 0; !side->ends;) {
        if (!find(side)) {
            find_anew(side);
            continue;
        }
        history_begin(history, side->client, value, (uint32_t)side->partition);
        enum err err = commit(side, value);
        if (err) {
            history_failed(history, side->client, value, err_name(err));
            find_anew(side);
        } else {
            history_acked(history, side->client, value, -1);
            side->answered++;
        }
        value++;
        due_us = pause_until(side, due_us);
    }
    return NULL;
}

/* ---- The reader. */

static enum err fetch_error(const void *response)
{
    const struct offset_fetch_response *fetch = response;
    if (fetch->groups_count != 1)
        return ERR_CORRUPT_MESSAGE;
    const struct offset_fetch_response_group *group = &fetch->groups[0];
    if (group->error_code)
        return (enum err)group->error_code;
    return group->topics_count == 1 && group->topics[0].partitions_count == 1
               ? (enum err)group->topics[0].partitions[0].error_code
               : ERR_CORRUPT_MESSAGE;
}

/* Ask, and write what came. Errors: false: no answer. */
static bool ask(struct side *side)
{
    static const struct group_api api = {{WIRE_OFFSET_FETCH, 8, 9}, fetch_error};
    const struct workload *workload = &side->committing->workload;
    struct offset_fetch_request request;
    struct offset_fetch_response response;
    struct offset_fetch_request_group group;
    struct offset_fetch_request_group_topic topic;
    uint32_t writer;
    int64_t value;
    offset_fetch_request_init(&request);
    offset_fetch_request_group_init(&group);
    offset_fetch_request_group_topic_init(&topic);
    topic.name = str_from(workload->topic);
    topic.partitions_count = 1;
    topic.partitions = &side->partition;
    group.group_id = side->asking.group;
    group.topics_count = 1;
    group.topics = &topic;
    request.groups_count = 1;
    request.groups = &group;
    request.require_stable = true;
    int64_t asked_ns = workload_now_ns();
    if (!find(side) || group_ask_once(&side->asking, &api, &request, &response))
        return false;
    const struct offset_fetch_response_group_partition *found =
        &response.groups[0].topics[0].partitions[0];
    struct bytes metadata = bytes_of_str(found->metadata);
    bool is_ours = found->committed_offset < 0 ||
                   (history_value_read(metadata, workload->run, &writer, &value) &&
                    writer + 1 == side->client && value == found->committed_offset);
    if (is_ours)
        history_committed(workload->history, side->client, (uint32_t)side->partition,
                          found->committed_offset, asked_ns);
    else
        history_foreign(workload->history, side->client, (uint32_t)side->partition,
                        found->committed_offset, metadata);
    side->answered++;
    return true;
}

static void *run_asker(void *argument)
{
    struct side *side = argument;
    int64_t due_us = now_us();
    while (!side->ends) {
        if (!ask(side))
            find_anew(side);
        due_us = pause_until(side, due_us);
    }
    int64_t limit_us = now_us() + LAST_LIMIT_US;
    while (!ask(side) && now_us() < limit_us)
        find_anew(side);
    return NULL;
}

/* ---- The whole. */

static enum err deleted_error(const void *response)
{
    (void)response;
    return ERR_NONE;
}

/* A group that stays is no harm: it expires. */
static void delete_group(struct side *side)
{
    static const struct group_api api = {{WIRE_DELETE_GROUPS, 0, INT16_MAX}, deleted_error};
    struct delete_groups_request request;
    struct delete_groups_response response;
    delete_groups_request_init(&request);
    request.groups_count = 1;
    request.groups = &side->asking.group;
    if (find(side))
        group_ask_once(&side->asking, &api, &request, &response);
}

static int start(struct committing *committing)
{
    struct workload *workload = &committing->workload;
    for (int32_t i = 0; i < 2 * committing->group_count; i++) {
        struct side *side = &committing->sides[i];
        bool commits = i % 2 == 0;
        *side = (struct side){
            .committing = committing, .client = workload->next_client++, .partition = i / 2};
        snprintf(side->group, sizeof side->group, WORKLOAD_TOPICS "%s-%d", workload->run, i / 2);
        side->asking.group = str_from(side->group);
        history_client(workload->history, side->client, commits ? "committer" : "reader", "commit",
                       side->group);
    }
    for (int32_t i = 0; i < 2 * committing->group_count; i++)
        if (pthread_create(&committing->sides[i].thread, NULL, i % 2 ? run_asker : run_committer,
                           &committing->sides[i]) != 0)
            return say_error(EXIT_FAILED, "no room for %d threads", 2 * committing->group_count);
    return EXIT_DONE;
}

/* End the committers, or the readers. */
static void join(struct committing *committing, int32_t first)
{
    for (int32_t i = first; i < 2 * committing->group_count; i += 2)
        committing->sides[i].ends = true;
    for (int32_t i = first; i < 2 * committing->group_count; i += 2)
        pthread_join(committing->sides[i].thread, NULL);
}

static int commit_until_signal(struct committing *committing)
{
    struct workload *workload = &committing->workload;
    uint64_t commits = 0;
    uint64_t answers = 0;
    committing->sides = mem_zalloc(2 * (size_t)committing->group_count * sizeof(struct side));
    int code = start(committing);
    if (code) /* Threads that run have no end but the process's. */
        return code;
    while (!code && !workload->ends)
        code = workload_wait(workload, workload_now_ns() + WORKLOAD_HISTORY_FLUSH_NS);
    join(committing, 0);
    join(committing, 1);
    for (int32_t i = 0; i < 2 * committing->group_count; i++) {
        struct side *side = &committing->sides[i];
        *(i % 2 ? &answers : &commits) += side->answered;
        if (i % 2)
            delete_group(side);
        if (side->asking.brokers)
            brokers_close(side->asking.brokers);
    }
    printf("%llu commits acknowledged, %llu questions answered\n", (unsigned long long)commits,
           (unsigned long long)answers);
    mem_free(committing->sides);
    return code;
}

int run_commit(struct call *call)
{
    struct committing committing = {0};
    int64_t groups;
    int64_t every_ms;
    int code = call_number(call, "groups", 1, GROUPS_MAX, 8, &groups);
    if (!code)
        code = call_number(call, "every-ms", 1, 60000, 100, &every_ms);
    if (code)
        return code;
    code = workload_open(&committing.workload, call);
    if (!code) {
        bool is_fewer = committing.workload.partitions < groups;
        committing.group_count = is_fewer ? committing.workload.partitions : (int32_t)groups;
        committing.every_us = every_ms * 1000;
        code = commit_until_signal(&committing);
    }
    return workload_close(&committing.workload, code);
}
