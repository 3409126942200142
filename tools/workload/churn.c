/* churn.c -- skiff-workload churn: a group whose members come and go, and die.
 *
 * Every now and then one member goes, in turn by leaving and by dying, and another one comes in
 * its place. Where librdkafka knows the consumer protocol there is a second group, of that; its
 * members leave alone, since for how long a dead one is waited for is the brokers' to say (45 s).
 *
 * A death counts once the others have all partitions again without anybody's help.
 *
 * At the end nobody goes any more. The coordinator is told that the last dead are dead, as an
 * operator would, since it would wait for their sessions; the others read and commit all that is
 * there, leave, and the offsets are asked for once more. Whether all that came to an end is for
 * the checker to say. */
#include <stdio.h>
#include <string.h>

#include "group_ask.h"
#include "member.h"
#include "say.h"
#include "verbs.h"

enum {
    MEMBERS_MAX = 16,
    GROUPS_MAX = 2,
    LOOK_NS = 20000000,
    DEAD_MAX = 8, /* That are remembered: those before have no session any more. */
    ADMIN_US = 2000000,
    ASK_MS = 1000,
};

/* From the signal on: the members are at the end; they have left; the last question is answered.
 * Long enough for a host that stands still for seconds; who is done earlier does not wait. */
#define END_LIMIT_NS INT64_C(40000000000)
#define ASK_LIMIT_NS INT64_C(15000000000)

const struct flag churn_flags[] = {
    {'t', "topic", "TOPIC", "what the members read: values of this run"},
    {0, "run", "HEX", "the run's name, in every value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "members", "N", "of each group (3)"},
    {0, "every-ms", "MS", "from one that goes to the next, at least (3000)"},
    {0, "session-ms", "MS", "after which the coordinator takes a silent member for dead (6000)"},
    {0, "first-client", "C", "the first member's number in the history (0)"},
    {0, NULL, NULL, NULL},
};

struct group {
    struct member_group shared;
    char name[HISTORY_TOPIC_MAX + 16];
    struct member *members[MEMBERS_MAX];
    char dead[DEAD_MAX][MEMBER_ID_MAX]; /* Ids; a ring. */
    uint32_t dead_count;
    uint64_t turn;     /* Whose it is to go next. */
    int64_t due_ns;    /* When, at the earliest. */
    int64_t whole_ns;  /* When its members had all partitions among them last. */
    uint64_t survived; /* Deaths after which they had them again by themselves. */
    uint64_t mourned;  /* Deaths after which they have not yet. */
};

struct churn {
    struct workload workload;
    int32_t member_count; /* Of each group. */
    int64_t every_ns;
    int64_t session_ms; /* Brokers take no less than 6000, as they come. */
    uint32_t group_count;
    struct group groups[GROUPS_MAX];
    uint64_t joined, left, died, got, committed, late;
};

/* ---- Members. */

/* Take leave of one whose thread has ended, or will. */
static void bury(struct churn *churn, struct group *group, int32_t place)
{
    struct member *member = group->members[place];
    while (!member->is_over)
        sleep_us(1000);
    if (member->id[0])
        snprintf(group->dead[group->dead_count++ % DEAD_MAX], MEMBER_ID_MAX, "%s", member->id);
    *(member->order == MEMBER_DIES ? &churn->died : &churn->left) += 1;
    group->mourned += member->order == MEMBER_DIES;
    churn->late += member->late;
    churn->got += member->got;
    churn->committed += member->committed;
    member_join(member);
    group->members[place] = NULL;
}

/* Another one in the place of each that has ended. */
static int replace(struct churn *churn)
{
    int code = EXIT_DONE;
    for (uint32_t g = 0; g < churn->group_count; g++)
        for (int32_t i = 0; !code && i < churn->member_count; i++) {
            struct group *group = &churn->groups[g];
            if (group->members[i] && !group->members[i]->is_over)
                continue;
            if (group->members[i])
                bury(churn, group, i);
            if (group->shared.is_refused)
                continue;
            code = member_start(&group->members[i], &group->shared);
            churn->joined += !code;
        }
    return code;
}

/* Whether its members have all partitions among them. */
static bool is_whole(const struct churn *churn, const struct group *group)
{
    int32_t held_count = 0;
    for (int32_t i = 0; i < churn->member_count; i++)
        held_count += group->members[i] ? group->members[i]->held_count : 0;
    return held_count == churn->workload.partitions;
}

/* The next one of a group goes, unless the group is still busy with the last one. */
static void send_off(struct churn *churn, struct group *group)
{
    struct member *member = group->members[group->turn % (uint64_t)churn->member_count];
    if (!is_whole(churn, group))
        return;
    group->whole_ns = workload_now_ns();
    group->survived += group->mourned;
    group->mourned = 0;
    if (workload_now_ns() < group->due_ns || !member)
        return;
    bool dies = group->turn++ % 2 != 0 && !group->shared.is_of_broker;
    member->order = dies ? MEMBER_DIES : MEMBER_LEAVES;
    group->due_ns = workload_now_ns() + churn->every_ns;
}

static int churn_until_signal(struct churn *churn)
{
    struct workload *workload = &churn->workload;
    int code = replace(churn);
    for (uint32_t g = 0; g < churn->group_count; g++)
        churn->groups[g].due_ns = (churn->groups[g].whole_ns = workload_now_ns()) + churn->every_ns;
    while (!code && !workload->ends) {
        for (uint32_t g = 0; g < churn->group_count; g++)
            send_off(churn, &churn->groups[g]);
        code = workload_wait(workload, workload_now_ns() + LOOK_NS);
        if (!code && !workload->ends)
            code = replace(churn);
    }
    return code;
}

/* ---- What an operator would do. */

static enum err any_answer(const void *response)
{
    (void)response;
    return ERR_NONE;
}

static void remove_dead(struct group *group, struct group_asking *asking)
{
    static const struct group_api api = {{WIRE_LEAVE_GROUP, 3, INT16_MAX}, any_answer};
    struct leave_group_request request;
    struct leave_group_response response;
    struct leave_group_request_member members[DEAD_MAX];
    uint32_t count = group->dead_count < DEAD_MAX ? group->dead_count : DEAD_MAX;
    leave_group_request_init(&request);
    for (uint32_t i = 0; i < count; i++) {
        leave_group_request_member_init(&members[i]);
        members[i].member_id = str_from(group->dead[i]);
    }
    request.group_id = asking->group;
    request.members_count = count;
    request.members = members;
    if (count)
        group_ask(asking, &api, &request, &response);
}

static void delete_group(struct group *group, struct group_asking *asking)
{
    static const struct group_api api = {{WIRE_DELETE_GROUPS, 0, INT16_MAX}, any_answer};
    struct delete_groups_request request;
    struct delete_groups_response response;
    (void)group; /* All that it takes is its name. */
    delete_groups_request_init(&request);
    request.groups_count = 1;
    request.groups = &asking->group;
    group_ask(asking, &api, &request, &response);
}

/* For each group, as far as a coordinator answers soon: sessions end, and groups expire. */
static void for_groups(struct churn *churn,
                       void (*act)(struct group *group, struct group_asking *asking))
{
    struct call call = *churn->workload.call;
    struct brokers *brokers;
    call.timeout_us = ADMIN_US;
    if (brokers_open(&brokers, &call))
        return;
    for (uint32_t i = 0; i < churn->group_count; i++) {
        struct group_asking asking = {
            .brokers = brokers, .group = str_from(churn->groups[i].name), .coordinator = -1};
        brokers_set_deadline_us(brokers, now_us() + ADMIN_US);
        act(&churn->groups[i], &asking);
    }
    brokers_close(brokers);
}

/* ---- The end. */

static bool is_at_end(const struct churn *churn)
{
    for (uint32_t g = 0; g < churn->group_count; g++) {
        int32_t at_end = 0;
        for (int32_t i = 0; i < churn->member_count; i++)
            at_end += churn->groups[g].members[i] ? churn->groups[g].members[i]->at_end : 0;
        if (at_end < churn->workload.partitions && !churn->groups[g].shared.is_refused)
            return false;
    }
    return true;
}

static void part(struct churn *churn)
{
    for (uint32_t g = 0; g < churn->group_count; g++)
        for (int32_t i = 0; i < churn->member_count; i++)
            if (churn->groups[g].members[i])
                churn->groups[g].members[i]->order = MEMBER_LEAVES;
    for (uint32_t g = 0; g < churn->group_count; g++)
        for (int32_t i = 0; i < churn->member_count; i++)
            if (churn->groups[g].members[i])
                bury(churn, &churn->groups[g], i);
}

/* What a group has committed, as somebody outside is told. */
static int ask_last(struct churn *churn, struct member_group *group)
{
    struct workload *workload = &churn->workload;
    int64_t deadline_ns = workload_now_ns() + ASK_LIMIT_NS;
    uint32_t number = workload->next_client++;
    rd_kafka_conf_t *settings;
    rd_kafka_t *client;
    int code = member_settings(group, false, &settings);
    if (!code)
        code = workload_client(RD_KAFKA_CONSUMER, settings, &client);
    if (code)
        return code;
    history_client(workload->history, number, "member", group->profile, rd_kafka_name(client));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add_range(list, workload->topic, 0, workload->partitions - 1);
    while (!member_ask(group, client, number, list, ASK_MS) && workload_now_ns() < deadline_ns)
        sleep_us(LOOK_NS / 1000);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return EXIT_DONE;
}

/* How it went until the signal: what comes after it is no churn. The consumer protocol's groups
 * have no deaths. */
static void tell(const struct churn *churn, int64_t ended_ns)
{
    const struct group *group = &churn->groups[0];
    printf(
        "%llu members joined, %llu left, %llu died; %llu records read, %llu commits "
        "acknowledged; whole again after %llu deaths, and last %lld ms before the end; %llu late "
        "commits\n",
        (unsigned long long)churn->joined, (unsigned long long)churn->left,
        (unsigned long long)churn->died, (unsigned long long)churn->got,
        (unsigned long long)churn->committed, (unsigned long long)group->survived,
        (long long)((ended_ns - group->whole_ns) / 1000000), (unsigned long long)churn->late);
}

/* Also after an error: members have threads. */
static int end_churn(struct churn *churn, int code)
{
    int64_t ended_ns = workload_now_ns();
    int64_t deadline_ns = ended_ns + END_LIMIT_NS;
    churn->workload.ends = false;
    if (!code)
        for_groups(churn, remove_dead);
    while (!code && !churn->workload.ends && !is_at_end(churn) && workload_now_ns() < deadline_ns) {
        code = workload_wait(&churn->workload, workload_now_ns() + LOOK_NS);
        if (!code)
            code = replace(churn);
    }
    part(churn);
    for (uint32_t g = 0; !code && g < churn->group_count; g++)
        if (!churn->groups[g].shared.is_refused)
            code = ask_last(churn, &churn->groups[g].shared);
    for_groups(churn, delete_group);
    tell(churn, ended_ns);
    return code;
}

/* ---- The whole. */

static void add_group(struct churn *churn, const char *profile, const char *protocol)
{
    struct group *group = &churn->groups[churn->group_count++];
    snprintf(group->name, sizeof group->name, "%s-%s", churn->workload.topic, profile);
    group->shared =
        (struct member_group){.workload = &churn->workload,
                              .name = group->name,
                              .profile = profile,
                              .protocol = protocol,
                              .is_of_broker = protocol && strcmp(protocol, "consumer") == 0};
    snprintf(group->shared.session_ms, sizeof group->shared.session_ms, "%d",
             (int)churn->session_ms);
}

/* Whether this librdkafka lets members choose a protocol. */
static bool has_protocols(void)
{
    char reason[128];
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    bool has = rd_kafka_conf_set(settings, "group.protocol", "consumer", reason, sizeof reason) ==
               RD_KAFKA_CONF_OK;
    rd_kafka_conf_destroy(settings);
    return has;
}

int run_churn(struct call *call)
{
    struct churn *churn = mem_zalloc(sizeof *churn);
    int64_t members;
    int64_t every_ms;
    int code = call_number(call, "members", 1, MEMBERS_MAX, 3, &members);
    if (!code)
        code = call_number(call, "every-ms", 100, 3600000, 3000, &every_ms);
    if (!code)
        code = call_number(call, "session-ms", 500, 1800000, 6000, &churn->session_ms);
    if (!code && call_flag(call, "topic"))
        code = workload_own_topic(call_flag(call, "topic"));
    if (!code) {
        churn->member_count = (int32_t)members;
        churn->every_ns = every_ms * 1000000;
        code = workload_open(&churn->workload, call);
        if (!code) {
            bool can_choose = has_protocols();
            add_group(churn, "classic", can_choose ? "classic" : NULL);
            if (can_choose)
                add_group(churn, "consumer", "consumer");
            code = churn_until_signal(churn);
            code = end_churn(churn, code);
        }
        code = workload_close(&churn->workload, code);
    }
    mem_free(churn);
    return code;
}
