/* group_client.c -- find a coordinator, commit, read back. */
#include "group_client.h"

#include "check.h"

enum { FIND_AGAIN = 50 * SIM_MS };

void group_client_init(struct group_client *client, struct world *world, uint32_t index)
{
    struct rand *rand = &client->actor.rand;
    actor_init(&client->actor, world, index);
    client->actor.request_timeout = (sim_us)(3 + rand_below(rand, 8)) * SIM_SECOND;
    memset(client->coordinators, 0xff, sizeof client->coordinators);
    client->find_version = (int16_t)rand_below(rand, 7);
    client->commit_version = (int16_t)(1 + rand_below(rand, 10));
    client->fetch_version = (int16_t)(1 + rand_below(rand, 10));
}

/* ---- Requests. */

struct group_ask *group_ask_new(struct group_client *client, uint32_t group, uint32_t node,
                                const struct ledger_identity *self, bool aside)
{
    struct group_ask *ask = mem_zalloc(sizeof *ask);
    ask->number = ++client->number;
    ask->group = group;
    ask->node = node;
    ask->self = *self;
    ledger_view(client->actor.world, group, &ask->view);
    if (!aside)
        client->awaited = ask->number;
    return ask;
}

void group_ask_end(struct group_client *client, struct group_ask *ask)
{
    if (client->awaited == ask->number)
        client->awaited = 0;
    mem_free(ask);
}

void group_ask_send(struct group_client *client, struct group_ask *ask, int16_t api_key,
                    int16_t version, const void *request)
{
    struct link *link = link_to(&client->actor, ask->node);
    if (!link_send(link, api_key, version, request, ask, true))
        group_ask_end(client, ask);
}

void group_client_heard(struct group_client *client, const struct group_ask *ask, enum err err)
{
    struct world *world = client->actor.world;
    if (err == ERR_NONE)
        return;
    if (err == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        world_mark(world, "coordinator_loads");
    if (err == ERR_CLOSED || err == ERR_NOT_COORDINATOR || err == ERR_COORDINATOR_NOT_AVAILABLE)
        client->coordinators[ask->group] = -1;
    client->again_at =
        world->kernel.now + FIND_AGAIN / 2 + kernel_delay(&client->actor.rand, FIND_AGAIN);
}

static struct str name_of(const struct group_client *client, uint32_t group)
{
    return str_from(ledger_group_of(client->actor.world, group)->name);
}

int group_client_find(struct group_client *client, uint32_t group)
{
    static const struct ledger_identity nobody = {.generation = -1};
    if (client->coordinators[group] >= 0)
        return client->coordinators[group];
    uint32_t node = (uint32_t)rand_below(&client->actor.rand, client->actor.world->swarm.nodes);
    struct find_coordinator_request request;
    struct str key = name_of(client, group);
    find_coordinator_request_init(&request);
    request.key = client->find_version < 4 ? key : STR("");
    request.coordinator_keys = &key;
    request.coordinator_keys_count = client->find_version < 4 ? 0 : 1;
    group_ask_send(client, group_ask_new(client, group, node, &nobody, false),
                   WIRE_FIND_COORDINATOR, client->find_version, &request);
    return -1;
}

void group_client_commit(struct group_client *client, struct group_ask *ask, uint64_t mask,
                         int64_t retention_ms)
{
    struct world *world = client->actor.world;
    const struct actor_topic *topic = &client->actor.topics[0];
    struct offset_commit_request_partition partitions[ACTOR_PARTITIONS_MAX];
    struct offset_commit_request_topic to;
    struct offset_commit_request request;
    offset_commit_request_init(&request);
    offset_commit_request_topic_init(&to);
    to.name = str_from(topic->name);
    to.topic_id = topic->id;
    to.partitions = partitions;
    for (int32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++) {
        if (!(mask >> i & 1))
            continue;
        struct offset_commit_request_partition *partition = &partitions[to.partitions_count++];
        offset_commit_request_partition_init(partition);
        ask->offsets[i] = ledger_next_offset(world, ask->group, i, &ask->self);
        partition->index = i;
        partition->committed_offset = ask->offsets[i];
        partition->committed_metadata = STR("");
    }
    ask->mask = mask;
    request.group_id = name_of(client, ask->group);
    request.generation_id = ask->self.generation;
    request.member_id = str_from(ask->self.member_id);
    if (ask->self.generation >= 0 && client->commit_version >= 7)
        request.instance_id = group_client_instance(client);
    request.retention_time_ms = retention_ms;
    request.topics = &to;
    request.topics_count = 1;
    group_ask_send(client, ask, WIRE_OFFSET_COMMIT, client->commit_version, &request);
}

void group_client_fetch(struct group_client *client, struct group_ask *ask, uint64_t mask, bool all)
{
    const struct actor_topic *topic = &client->actor.topics[0];
    int32_t partitions[ACTOR_PARTITIONS_MAX];
    uint32_t count = 0;
    struct offset_fetch_request request;
    struct offset_fetch_request_topic old;
    struct offset_fetch_request_group_topic to;
    struct offset_fetch_request_group group;
    offset_fetch_request_init(&request);
    offset_fetch_request_topic_init(&old);
    offset_fetch_request_group_topic_init(&to);
    offset_fetch_request_group_init(&group);
    for (int32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++)
        if (mask >> i & 1)
            partitions[count++] = i;
    ask->mask = mask;
    old.name = to.name = str_from(topic->name);
    to.topic_id = topic->id;
    old.partitions = to.partitions = partitions;
    old.partitions_count = to.partitions_count = count;
    all = all && client->fetch_version >= 2;
    request.group_id = group.group_id = name_of(client, ask->group);
    request.topics = all ? NULL : &old;
    group.topics = all ? NULL : &to;
    request.topics_count = group.topics_count = all ? 0 : 1;
    if (client->has_epoch) {
        group.member_id = str_from(ask->self.member_id);
        group.member_epoch = ask->self.generation;
    }
    request.groups = &group;
    request.groups_count = 1;
    group_ask_send(client, ask, WIRE_OFFSET_FETCH, client->fetch_version, &request);
}

/* ---- Answers. */

static void tell(struct group_client *client, const struct group_ask *ask,
                 enum ledger_told_kind kind, int32_t partition, log_offset offset)
{
    ledger_tell(client->actor.world, &(struct ledger_told){.kind = kind,
                                                           .group = ask->group,
                                                           .node = ask->node,
                                                           .view = &ask->view,
                                                           .self = &ask->self,
                                                           .partition = partition,
                                                           .offset = offset});
}

static _Noreturn void does_not_fit(struct group_client *client, const char *what)
{
    world_violation(client->actor.world, "client", "%s reply does not fit", what);
}

static enum err take_find(struct group_client *client, struct client_reply *reply,
                          const struct group_ask *ask, struct arena *arena)
{
    struct find_coordinator_response response;
    if (find_coordinator_response_read(&response, reply->version, &reply->reader, arena) !=
            ERR_NONE ||
        (reply->version >= 4 && response.coordinators_count != 1))
        does_not_fit(client, "A FindCoordinator");
    bool many = reply->version >= 4;
    enum err err = (enum err)(many ? response.coordinators[0].error_code : response.error_code);
    int node = (many ? response.coordinators[0].node_id : response.node_id) - 1;
    if (err == ERR_NONE && (node < 0 || node >= (int)client->actor.world->swarm.nodes))
        does_not_fit(client, "A FindCoordinator");
    client->coordinators[ask->group] = err == ERR_NONE ? node : -1;
    return err;
}

static enum err take_commit(struct group_client *client, struct client_reply *reply,
                            struct group_ask *ask, struct arena *arena)
{
    struct offset_commit_response response;
    enum err worst = ERR_NONE;
    if (offset_commit_response_read(&response, reply->version, &reply->reader, arena) != ERR_NONE ||
        response.topics_count != 1 ||
        response.topics[0].partitions_count != (uint32_t)__builtin_popcountll(ask->mask))
        does_not_fit(client, "An OffsetCommit");
    for (uint32_t i = 0; i < response.topics[0].partitions_count; i++) {
        int32_t index = response.topics[0].partitions[i].index;
        enum err err = (enum err)response.topics[0].partitions[i].error_code;
        if (index < 0 || index >= ACTOR_PARTITIONS_MAX || !(ask->mask >> index & 1))
            does_not_fit(client, "An OffsetCommit");
        if (err == ERR_NONE)
            tell(client, ask, TOLD_COMMIT, index, ask->offsets[index]);
        else
            worst = err;
    }
    if (worst == ERR_ILLEGAL_GENERATION || worst == ERR_FENCED_INSTANCE_ID ||
        worst == ERR_UNKNOWN_MEMBER_ID || worst == ERR_STALE_MEMBER_EPOCH)
        world_mark(client->actor.world, "commit_fenced");
    return worst;
}

struct read_offset {
    int32_t index;
    log_offset offset;
    enum err err;
};

static enum err take_read(struct group_client *client, struct group_ask *ask, struct read_offset at)
{
    if (at.index < 0 || at.index >= ACTOR_PARTITIONS_MAX)
        does_not_fit(client, "An OffsetFetch");
    if (at.err == ERR_NONE)
        ask->offsets[at.index] = at.offset;
    return at.err;
}

/* Offsets by version 7 or less, or by 8 or more; -1 stays where nothing is told. */
static enum err read_offsets(struct group_client *client, struct group_ask *ask, int16_t version,
                             const struct offset_fetch_response *response)
{
    enum err err = (enum err)response->error_code;
    const struct offset_fetch_response_group *group = response->groups;
    for (uint32_t t = 0; version < 8 && t < response->topics_count; t++)
        for (uint32_t i = 0; err == ERR_NONE && i < response->topics[t].partitions_count; i++) {
            const struct offset_fetch_response_partition *at = &response->topics[t].partitions[i];
            err = take_read(
                client, ask,
                (struct read_offset){at->index, at->committed_offset, (enum err)at->error_code});
        }
    if (version < 8)
        return err;
    if (response->groups_count != 1)
        does_not_fit(client, "An OffsetFetch");
    err = (enum err)group->error_code;
    for (uint32_t t = 0; t < group->topics_count; t++)
        for (uint32_t i = 0; err == ERR_NONE && i < group->topics[t].partitions_count; i++) {
            const struct offset_fetch_response_group_partition *at =
                &group->topics[t].partitions[i];
            err = take_read(
                client, ask,
                (struct read_offset){at->index, at->committed_offset, (enum err)at->error_code});
        }
    return err;
}

static enum err take_fetch(struct group_client *client, struct client_reply *reply,
                           struct group_ask *ask, struct arena *arena)
{
    struct offset_fetch_response response;
    if (offset_fetch_response_read(&response, reply->version, &reply->reader, arena) != ERR_NONE)
        does_not_fit(client, "An OffsetFetch");
    memset(ask->offsets, 0xff, sizeof ask->offsets);
    enum err err = read_offsets(client, ask, reply->version, &response);
    for (int32_t i = 0; err == ERR_NONE && i < ACTOR_PARTITIONS_MAX; i++)
        if (ask->mask >> i & 1)
            tell(client, ask, TOLD_FETCH, i, ask->offsets[i]);
    return err;
}

enum err group_client_take(struct group_client *client, int16_t api_key, struct client_reply *reply,
                           struct group_ask *ask)
{
    struct arena arena = {0};
    enum err err = ERR_CLOSED;
    if (reply && api_key == WIRE_FIND_COORDINATOR)
        err = take_find(client, reply, ask, &arena);
    else if (reply && api_key == WIRE_OFFSET_COMMIT)
        err = take_commit(client, reply, ask, &arena);
    else if (reply)
        err = take_fetch(client, reply, ask, &arena);
    arena_free(&arena);
    group_client_heard(client, ask, err);
    return err;
}
