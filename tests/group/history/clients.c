/* clients.c -- members as stock clients are: they join, sync, send heartbeats, commit, lose
 * patience, crash and come back. Late answers are known by their number and ignored. */
#include "history.h"

#include <stdio.h>

enum { PATIENCE_MS = 2500, JOIN_PATIENCE_MS = 20000 };

struct request *client_ask(struct history *history, uint32_t client, enum request_kind kind,
                           int64_t patience_ms)
{
    struct client *self = &history->clients[client];
    struct request *request = &history->asked[history->asked_count++];
    check(history->asked_count <= FLIGHTS_MAX);
    *request = (struct request){
        .kind = kind, .client = client, .number = ++history->number, .self = self->self};
    self->awaited = request->number;
    self->patience = history->now + patience_ms;
    return request;
}

static struct request *ask(struct history *history, uint32_t client, enum request_kind kind)
{
    return client_ask(history, client, kind, kind == ASK_JOIN ? JOIN_PATIENCE_MS : PATIENCE_MS);
}

/* An eager client gives everything up before it joins. */
static void ask_join(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    if (!self->is_cooperative)
        self->owned.count = 0;
    struct request *request = ask(history, client, ASK_JOIN);
    request->says_owned = true;
    request->owned = self->owned;
}

static void ask_sync(struct history *history, uint32_t client)
{
    const struct client *self = &history->clients[client];
    struct request *request = ask(history, client, ASK_SYNC);
    if (!self->is_leader)
        return;
    request->stamp = ++history->stamp;
    request->member_count = self->member_count;
    memcpy(request->members, self->members, sizeof request->members);
}

static void ask_as_member(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    uint64_t kind = rand_below(&history->rand, 30);
    if (history->is_healed || kind < 12) {
        ask(history, client, ASK_HEARTBEAT);
    } else if (kind < 28) {
        ask(history, client, ASK_COMMIT)->offset = ++self->position;
    } else if (kind < 29) {
        ask(history, client, ASK_LEAVE);
    } else {
        self->state = CLIENT_OUT; /* It wants to rebalance. */
        ask_join(history, client);
    }
}

/* It is started anew, perhaps with the other protocol. */
void client_crash(struct history *history, struct client *self)
{
    self->state = CLIENT_OUT;
    self->self = (struct identity){.generation = -1};
    self->awaited = 0;
    self->owned.count = 0;
    self->has_lost_touch = false;
    if (history->is_mixed && history_chance(history, 2))
        self->is_consumer = !self->is_consumer;
}

/* Nobody waits for these: by hand, without a group, or of a thread that missed a rebalance. */
static void commit_aside(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    struct request *request = ask(history, client, ASK_COMMIT);
    request->offset = ++self->position;
    self->awaited = 0;
    if (self->state == CLIENT_OUT)
        request->self = (struct identity){.generation = -1};
    else
        request->self.generation--;
}

void client_act(struct history *history, uint32_t client)
{
    struct client *self = &history->clients[client];
    if (!history->is_healed && history_chance(history, 150)) {
        client_crash(history, self);
        return;
    }
    if (self->is_consumer) {
        consumer_act(history, client);
        return;
    }
    if (self->awaited != 0 && history->now < self->patience)
        return;
    if (history->asked_count + 2 >= FLIGHTS_MAX)
        return;
    if (!history->is_healed && history_chance(history, 12)) {
        commit_aside(history, client);
        return;
    }
    if (self->state == CLIENT_OUT)
        ask_join(history, client);
    else if (self->state == CLIENT_JOINED)
        ask_sync(history, client);
    else
        ask_as_member(history, client);
}

static void hear_error(struct client *self, enum err err)
{
    if (err == ERR_NOT_COORDINATOR || err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        return; /* It asks again. */
    self->state = CLIENT_OUT;
    if (err == ERR_UNKNOWN_MEMBER_ID || err == ERR_FENCED_INSTANCE_ID) {
        self->self = (struct identity){.generation = -1};
        self->owned.count = 0;
    }
}

/* What is not in it is given up, and then a cooperative client says so. */
static void hear_sync(struct client *self, const struct answer *answer)
{
    bool gives_up = false;
    for (uint32_t i = 0; i < self->owned.count; i++)
        gives_up |= !shares_have(&answer->shares, self->owned.of[i]);
    self->owned = answer->shares;
    self->state = gives_up && self->is_cooperative ? CLIENT_OUT : CLIENT_IN;
}

void client_hear(struct history *history, const struct answer *answer)
{
    struct client *self = &history->clients[answer->client];
    if (self->awaited != answer->number)
        return;
    self->awaited = 0;
    if (self->is_consumer)
        consumer_hear(history, self, answer);
    else if (answer->kind == GROUP_REPLY_JOIN && answer->err == ERR_MEMBER_ID_REQUIRED)
        self->self = answer->self;
    else if (answer->err != ERR_NONE)
        hear_error(self, answer->err);
    else if (answer->kind == GROUP_REPLY_JOIN) {
        self->state = CLIENT_JOINED;
        self->self = answer->self;
        self->is_leader = answer->is_leader;
        self->member_count = answer->member_count;
        memcpy(self->members, answer->members, sizeof self->members);
        history->joins++;
    } else if (answer->kind == GROUP_REPLY_SYNC)
        hear_sync(self, answer);
    else if (answer->kind == GROUP_REPLY_LEAVE)
        client_crash(history, self);
}

static void serve_join(struct history *history, const struct request *request)
{
    struct group_protocol protocol = {.name = STR("range"),
                                      .metadata = write_subscription(history, &request->owned)};
    const struct client *client = &history->clients[request->client];
    struct join_group_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .member_id = str_from(request->self.member_id),
        .client_id = STR("c"),
        .client_host = STR("/127.0.0.1"),
        .protocol_type = STR("consumer"),
        .session_timeout_ms = 10000,
        .rebalance_timeout_ms = 15000,
        .requires_known_member_id = client->asks_first,
        .can_skip_assignment = true,
        .protocol_count = 1,
        .protocols = &protocol,
    };
    if (client->is_static) {
        char *name = arena_format(&history->arena, "i%u", request->client);
        command.instance_id = str_from(name);
    }
    group_decide_join(history_begin(history), &command);
}

static void serve_sync(struct history *history, const struct request *request)
{
    struct group_assignment assignments[CLIENTS * 2];
    for (uint32_t i = 0; i < request->member_count; i++) {
        struct shares shares = deal_shares(history, i, request->member_count);
        assignments[i] = (struct group_assignment){
            .member_id = str_from(request->members[i]),
            .assignment = write_assignment(history, &shares, request->stamp)};
    }
    struct sync_group_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .generation = request->self.generation,
        .member_id = str_from(request->self.member_id),
        .assignment_count = request->member_count,
        .assignments = assignments,
    };
    group_decide_sync(history_begin(history), &command);
}

static void serve_heartbeat(struct history *history, const struct request *request)
{
    struct group_heartbeat_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .generation = request->self.generation,
        .member_id = str_from(request->self.member_id),
    };
    group_decide_heartbeat(history_begin(history), &command);
}

static void serve_commit(struct history *history, const struct request *request)
{
    struct group_commit_partition partition = {.offset = request->offset, .leader_epoch = -1};
    struct group_commit_topic topic = {.topic = request->self.generation < 0 ? STR("u") : STR("t"),
                                       .partition_count = 1,
                                       .partitions = &partition};
    struct offset_commit_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .generation = request->self.generation,
        .member_id = str_from(request->self.member_id),
        .retention_ms = -1,
        .knows_group_not_found = true,
        .topic_count = 1,
        .topics = &topic,
    };
    group_decide_commit(history_begin(history), &command);
}

static void serve_leave(struct history *history, const struct request *request)
{
    struct group_leaver leaver = {.member_id = str_from(request->self.member_id)};
    struct leave_group_command command = {
        .token = history->token,
        .group_id = group_name(client_group(request->client)),
        .count = 1,
        .members = &leaver,
    };
    group_decide_leave(history_begin(history), &command);
}

void serve(struct history *history, const struct request *request)
{
    check(history->token + 1 < TOKENS_MAX);
    history->debts[++history->token] = (struct debt){.is_owed = true, .request = *request};
    history->served = request;
    switch (request->kind) {
    case ASK_JOIN:
        serve_join(history, request);
        break;
    case ASK_SYNC:
        serve_sync(history, request);
        break;
    case ASK_HEARTBEAT:
        serve_heartbeat(history, request);
        break;
    case ASK_COMMIT:
        serve_commit(history, request);
        break;
    case ASK_LEAVE:
        serve_leave(history, request);
        break;
    case ASK_BEAT:
        serve_beat(history, request);
        break;
    }
    history_end(history, false);
    history->served = NULL;
}
