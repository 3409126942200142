/* history.c -- the scheduler of random histories, and their main().
 *
 *     group-histories [--seeds N] [--seed S] [--expect INVARIANT]
 *
 * Without --expect the first violation ends the run with code 11; with it, one seed must
 * violate exactly that invariant. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 1000, HEALED_STEPS = 600, STEP_MS_MAX = 900 };

bool history_chance(struct history *history, uint32_t one_in)
{
    return rand_chance(&history->rand, 1, one_in);
}

uint32_t client_group(uint32_t client)
{
    return client % GROUPS;
}

struct str group_name(uint32_t group)
{
    static const struct str names[GROUPS] = {{.data = "g", .size = 1}, {.data = "h", .size = 1}};
    return names[group];
}

struct group_decision *history_begin(struct history *history)
{
    group_decision_begin(&history->decision, history->coordinator, &history->arena,
                         history->log_end, history->now,
                         (struct wall_span){history->time, history->time});
    return &history->decision;
}

static void copy_id(char out[ID_SIZE], struct str id)
{
    check(id.size < ID_SIZE);
    memset(out, 0, ID_SIZE);
    memcpy(out, id.data, id.size);
}

static void answer_shares(const struct history *history, const struct group_reply *reply,
                          struct answer *answer)
{
    uint64_t stamp;
    if (reply->kind == GROUP_REPLY_SYNC)
        answer->has_shares =
            read_assignment(history, reply->sync.assignment, &answer->shares, &stamp);
    if (reply->kind != GROUP_REPLY_CONSUMER_HEARTBEAT || !reply->beat.has_assignment)
        return;
    answer->has_shares = true;
    answer->shares = shares_of(reply->beat.topic_count, reply->beat.topics);
}

static struct answer answer_to(const struct history *history, const struct request *request,
                               const struct group_reply *reply)
{
    struct answer answer = {.kind = reply->kind,
                            .client = request->client,
                            .number = request->number,
                            .err = reply->err};
    if (reply->err == ERR_NONE)
        answer_shares(history, reply, &answer);
    if (reply->kind == GROUP_REPLY_CONSUMER_HEARTBEAT)
        answer.self.generation = reply->beat.member_epoch;
    if (reply->kind != GROUP_REPLY_JOIN)
        return answer;
    copy_id(answer.self.member_id, reply->join.member_id);
    answer.self.generation = reply->join.generation;
    answer.is_leader = str_equal(reply->join.leader, reply->join.member_id);
    for (uint32_t i = 0; i < reply->join.member_count && i < CLIENTS * 2; i++)
        copy_id(answer.members[answer.member_count++], reply->join.members[i].member_id);
    return answer;
}

static void send_answer(struct history *history, const struct answer *answer)
{
    bool is_lost = !history->is_healed && history_chance(history, 15);
    if (!is_lost && history->answer_count < FLIGHTS_MAX)
        history->answers[history->answer_count++] = *answer;
}

/* A successful commit counts as told from here on. */
static void release(struct history *history, const struct parked *parked)
{
    if (parked->is_commit && parked->offset > history->acknowledged)
        history->acknowledged = parked->offset;
    if (parked->is_assignment)
        ghost_told(history, parked->told);
    send_answer(history, &parked->answer);
}

static void take_reply(struct history *history, const struct group_reply *reply)
{
    struct debt *debt = &history->debts[reply->token];
    if (reply->token == 0 || reply->token > history->token || !debt->is_owed) {
        violate(history, "ONE");
        return;
    }
    debt->is_owed = false;
    if (debt->is_probe)
        return;
    struct parked parked = {
        .offset = group_decision_offset(&history->decision),
        .is_commit = reply->kind == GROUP_REPLY_COMMIT && reply->err == ERR_NONE,
        .answer = answer_to(history, &debt->request, reply),
    };
    parked.is_assignment = ghost_assignment(history, &debt->request, reply, &parked.told);
    if (!reply->rests || parked.offset <= history->committed) {
        release(history, &parked);
        return;
    }
    check(history->parked_count < TOKENS_MAX);
    history->parked[history->parked_count++] = parked;
}

void history_end(struct history *history, bool is_tick)
{
    const struct group_decision *decision = &history->decision;
    group_decision_end(&history->decision);
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        const struct group_reply *reply = &decision->replies[i];
        if (reply->kind == GROUP_REPLY_COMMIT && reply->err == ERR_NONE)
            ghost_commit(history, &history->debts[reply->token].request);
    }
    for (uint32_t i = 0; i < decision->record_count; i++)
        ghost_record(history, &decision->records[i], is_tick);
    if (decision->record_count > 0) {
        history->log[history->log_end - 1].ends_batch = true;
        owners_batch(history);
    }
    for (uint32_t i = 0; i < decision->reply_count; i++)
        take_reply(history, &decision->replies[i]);
}

/* The end of the batch that `offset` is in: a batch is written as a whole. */
static log_offset batch_end(const struct history *history, log_offset offset)
{
    while (offset > 0 && offset < history->log_end && !history->log[offset - 1].ends_batch)
        offset++;
    return offset;
}

static void commit_to(struct history *history, log_offset offset)
{
    uint32_t left = 0;
    offset = batch_end(history, offset);
    history->committed = offset;
    for (uint32_t i = 0; i < history->parked_count; i++) {
        if (history->parked[i].offset <= offset)
            release(history, &history->parked[i]);
        else
            history->parked[left++] = history->parked[i];
    }
    history->parked_count = left;
}

/* Its clients hear NOT_COORDINATOR, or nothing; what was not committed may be lost. */
static void fail_over(struct history *history)
{
    uint64_t uncommitted = (uint64_t)(history->log_end - history->committed);
    group_decide_resign(history_begin(history));
    history_end(history, false);
    for (uint64_t i = 1; i <= history->token; i++)
        if (history->debts[i].is_owed)
            violate(history, "ONE");
    coordinator_close(history->coordinator);
    history->parked_count = 0;
    history->token = 0;
    history->failovers++;
    history->log_end = batch_end(
        history, history->committed + (log_offset)rand_below(&history->rand, uncommitted + 1));
    owners_rebuild(history);
    history->config.seed = rand_u64(&history->rand);
    history->coordinator = coordinator_open(&history->config);
    ghost_replay(history, history->coordinator);
    coordinator_start(history->coordinator, history->now);
    commit_to(history, history->log_end);
}

static void pass_time(struct history *history)
{
    int64_t ms = (int64_t)rand_below(&history->rand, STEP_MS_MAX);
    history->now += ms;
    history->time += ms;
    if (!history->is_healed && history_chance(history, 200))
        history->time -= 30000; /* The cluster's clock is set back. */
    for (int i = 0; i < 100 && coordinator_deadline(history->coordinator) <= history->now; i++) {
        group_decide_tick(history_begin(history));
        history_end(history, true);
    }
}

/* Heartbeats of a consumer come in order, each once: they say what it has at that time. */
static uint32_t first_asked(const struct history *history, uint32_t client)
{
    uint32_t first = history->asked_count;
    for (uint32_t i = 0; i < history->asked_count; i++)
        if (history->asked[i].client == client && history->asked[i].kind == ASK_BEAT &&
            (first == history->asked_count ||
             history->asked[i].number < history->asked[first].number))
            first = i;
    return first;
}

static void deliver_request(struct history *history)
{
    if (history->asked_count == 0)
        return;
    uint32_t at = (uint32_t)rand_below(&history->rand, history->asked_count);
    if (history->asked[at].kind == ASK_BEAT)
        at = first_asked(history, history->asked[at].client);
    struct request request = history->asked[at];
    bool is_repeated =
        !history->is_healed && history_chance(history, 10) && request.kind != ASK_BEAT;
    if (!is_repeated)
        history->asked[at] = history->asked[--history->asked_count];
    if (history->is_healed || !history_chance(history, 10))
        serve(history, &request);
}

static void deliver_answer(struct history *history)
{
    if (history->answer_count == 0)
        return;
    uint32_t at = (uint32_t)rand_below(&history->rand, history->answer_count);
    struct answer answer = history->answers[at];
    history->answers[at] = history->answers[--history->answer_count];
    client_hear(history, &answer);
}

static void fail_in_some_way(struct history *history)
{
    uint64_t kind = rand_below(&history->rand, 24);
    if (kind < 2)
        fail_over(history);
    else if (kind < 4)
        change_topics(history);
    else if (kind < 10)
        ghost_live(history);
    else
        ghost_fetch(history);
}

static void step(struct history *history)
{
    uint64_t kind = rand_below(&history->rand, 100);
    if (kind < 28)
        client_act(history, (uint32_t)rand_below(&history->rand, CLIENTS));
    else if (kind < 54)
        deliver_request(history);
    else if (kind < 80)
        deliver_answer(history);
    else if (kind < 90)
        commit_to(history,
                  history->committed +
                      (log_offset)rand_below(
                          &history->rand, (uint64_t)(history->log_end - history->committed) + 1));
    else if (kind < 96 || history->is_healed)
        pass_time(history);
    else
        fail_in_some_way(history);
}

static bool is_everybody_in(struct history *history)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        if (history->clients[i].state != CLIENT_IN)
            return false;
    return ghost_is_settled(history);
}

/* No more harm: every client gets in, and the group comes to rest (L6). */
static void heal(struct history *history)
{
    history->is_healed = true;
    for (int i = 0; i < HEALED_STEPS * 10 && history->violated == NULL; i++) {
        step(history);
        if (i % 50 == 0)
            commit_to(history, history->log_end);
        if (i >= HEALED_STEPS && is_everybody_in(history) && owners_are_complete(history))
            return;
        if (history->token + 10 >= TOKENS_MAX || history->log_end + 10 >= LOG_MAX)
            break;
    }
    violate(history, "L6");
}

static void open_history(struct history *history, uint64_t seed)
{
    memset(history, 0, sizeof *history);
    rand_init(&history->rand, seed);
    history->config = (struct coordinator_config){
        .seed = seed,
        .session_timeout_min_ms = 6000,
        .session_timeout_max_ms = 1800000,
        .initial_delay_ms = history_chance(history, 2) ? 0 : 3000,
        .members_max = INT32_MAX,
        .offset_metadata_max = 4096,
        .offsets_retention_ms = 40000,
        .expiry_interval_ms = 5000,
        .record_size_max = 1000000,
        .memory_max = UINT64_C(1) << 40,
        .memory = &history->memory,
        .consumer = {.session_timeout_ms = 10000,
                     .heartbeat_interval_ms = 1000,
                     .assignment_interval_ms = history_chance(history, 2) ? 0 : 500,
                     .members_max = INT32_MAX,
                     .may_upgrade = true,
                     .may_downgrade = true,
                     .assignor_count = 2,
                     .assignors = {GROUP_ASSIGNOR_UNIFORM, GROUP_ASSIGNOR_RANGE}},
        .topics = history_topics(history),
    };
    history->time = 1700000000000;
    history->is_mixed = history_chance(history, 2);
    history->coordinator = coordinator_open(&history->config);
    coordinator_start(history->coordinator, 0);
    for (uint32_t i = 0; i < CLIENTS; i++)
        history->clients[i] =
            (struct client){.self = {.generation = -1},
                            .is_static = i < GROUPS,
                            .is_consumer = history->is_mixed && history_chance(history, 2),
                            .is_cooperative = history_chance(history, 2),
                            .asks_first = history_chance(history, 2)};
}

static void run(struct history *history, uint64_t seed)
{
    open_history(history, seed);
    for (int i = 0; i < STEPS && history->violated == NULL; i++)
        step(history);
    if (history->violated == NULL)
        heal(history);
    coordinator_close(history->coordinator);
    check(history->memory.kept == 0); /* All that was counted was given back. */
    arena_free(&history->arena);
}

static int judge(const char *found, const char *expected, uint64_t seed, uint64_t seeds)
{
    if (expected == NULL && found == NULL)
        return 0;
    if (found == NULL) {
        printf("no violation of %s in %llu histories\n", expected, (unsigned long long)seeds);
        return 1;
    }
    printf("seed %llu violates %s\n", (unsigned long long)seed, found);
    if (expected == NULL)
        return 11;
    return str_equal(str_from(found), str_from(expected)) ? 0 : 1;
}

int main(int count, char **words)
{
    uint64_t seeds = 200, first = 1, joins = 0, failovers = 0, commits = 0, expired = 0;
    uint64_t beats = 0, moves = 0, upgrades = 0, downgrades = 0;
    const char *expected = NULL, *found = NULL;
    struct history *history = mem_alloc(sizeof *history);
    uint64_t seed;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--seeds") == 0)
            seeds = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--seed") == 0)
            first = strtoull(words[i + 1], NULL, 10), seeds = 1;
        else if (strcmp(words[i], "--expect") == 0)
            expected = words[i + 1];
    }
    for (seed = first; seed < first + seeds && found == NULL; seed++) {
        run(history, seed);
        found = history->violated;
        joins += history->joins;
        failovers += history->failovers;
        commits += history->commits;
        expired += history->expired;
        beats += history->beats;
        moves += history->moves;
        upgrades += history->upgrades;
        downgrades += history->downgrades;
    }
    printf("%llu histories: %llu joins, %llu beats, %llu partitions given up, %llu members "
           "upgraded, %llu groups downgraded, %llu commits, %llu failovers, %llu offsets expired\n",
           (unsigned long long)(seed - first), (unsigned long long)joins, (unsigned long long)beats,
           (unsigned long long)moves, (unsigned long long)upgrades, (unsigned long long)downgrades,
           (unsigned long long)commits, (unsigned long long)failovers, (unsigned long long)expired);
    mem_free(history);
    return judge(found, expected, seed - 1, seeds);
}
