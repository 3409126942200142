/* member.c -- a model member of a consumer group: joins, syncs, reads where it stands, commits and
 * sends heartbeats; now and then it leaves, wants to rebalance, or dies without a word, and comes
 * back. What it knew of itself before may still commit, as a thread that slept would.
 *
 *   OUT --join--> JOINED --sync--> IN --it hears of a rebalance, or worse--> OUT */
#include <stdio.h>

#include "blob.h"
#include "check.h"
#include "group_client.h"

enum member_state { MEMBER_OUT, MEMBER_JOINED, MEMBER_IN };

enum { WHIM_MEAN = 6 * SIM_SECOND, AWAY_MEAN = 1500 * SIM_MS };

struct member {
    struct group_client client;
    uint32_t group;
    int16_t join_version, sync_version, beat_version, leave_version;
    int32_t session_ms, rebalance_ms;
    int64_t retention_ms; /* Of its commits; -1: the broker's. */
    sim_us pace;          /* Between commits. */
    bool is_opaque;       /* Its protocol is none that a broker knows. */
    bool is_cooperative;  /* It keeps what it has while it joins, and says so. */
    enum member_state state;
    struct ledger_identity self;
    struct ledger_identity earlier; /* Of before it died last. */
    bool is_leader;
    uint32_t peer_count; /* Of its generation, for the leader. */
    char peers[LEDGER_MEMBERS_MAX][LEDGER_ID_SIZE];
    uint64_t mask; /* Partitions that it has. */
    bool has_read, has_committed;
    sim_us whim_at, away_until, commit_at, beat_at;
};

static const struct ledger_identity nobody = {.generation = -1};

static struct str group_name(const struct member *member)
{
    return str_from(ledger_group_of(member->client.actor.world, member->group)->name);
}

/* ---- Requests. */

static void ask_join(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct join_group_request request;
    struct join_group_request_protocol protocols[2];
    uint8_t subscription[BLOB_SIZE_MAX];
    if (!member->is_cooperative)
        member->mask = 0;
    join_group_request_init(&request);
    for (int i = 0; i < 2; i++)
        join_group_request_protocol_init(&protocols[i]);
    protocols[0].name = STR("range");
    protocols[1].name = STR("uniform");
    protocols[0].metadata = protocols[1].metadata =
        blob_write_subscription(subscription, member->mask);
    if (member->is_opaque)
        protocols[0].metadata = protocols[1].metadata = bytes_of_str(STR("x"));
    request.group_id = group_name(member);
    request.member_id = str_from(member->self.member_id);
    request.instance_id = group_client_instance(client);
    request.session_timeout_ms = member->session_ms;
    request.rebalance_timeout_ms = member->rebalance_ms;
    request.protocol_type = member->is_opaque ? STR("sim") : STR("consumer");
    request.protocols = protocols;
    request.protocols_count = 2;
    group_ask_send(client, group_ask_new(client, member->group, node, &member->self, false),
                   WIRE_JOIN_GROUP, member->join_version, &request);
}

/* The leader deals partitions out in turn; who gets none gets an empty share of the same stamp. */
static void fill_assignments(struct member *member, struct sync_group_request *request,
                             struct arena *arena)
{
    uint64_t stamp = rand_u64(&member->client.actor.rand) | 1;
    uint32_t partitions = member->client.actor.topics[0].partition_count;
    request->assignments_count = member->peer_count;
    request->assignments = sync_group_request_assignment_new(arena, member->peer_count);
    for (uint32_t i = 0; i < member->peer_count; i++) {
        uint8_t *bytes = arena_alloc(arena, BLOB_SIZE_MAX);
        uint64_t mask = 0;
        for (uint32_t p = i; p < partitions; p += member->peer_count)
            mask |= UINT64_C(1) << p;
        request->assignments[i].member_id = str_from(member->peers[i]);
        request->assignments[i].assignment = blob_write_assignment(bytes, mask, stamp);
    }
}

static void ask_sync(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct arena arena = {0};
    struct sync_group_request request;
    sync_group_request_init(&request);
    request.group_id = group_name(member);
    request.generation_id = member->self.generation;
    request.member_id = str_from(member->self.member_id);
    if (member->sync_version >= 3)
        request.instance_id = group_client_instance(client);
    if (member->is_leader)
        fill_assignments(member, &request, &arena);
    group_ask_send(client, group_ask_new(client, member->group, node, &member->self, false),
                   WIRE_SYNC_GROUP, member->sync_version, &request);
    arena_free(&arena);
}

/* Who hears of rebalances later than they wait for it is out of each, and comes back with another
 * one: such a group never comes to rest. */
static sim_us beat_interval(const struct member *member)
{
    bool is_short = member->rebalance_ms >= 0 && member->rebalance_ms < member->session_ms;
    return (is_short ? member->rebalance_ms : member->session_ms) * SIM_MS / 3;
}

static void ask_heartbeat(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct heartbeat_request request;
    heartbeat_request_init(&request);
    request.group_id = group_name(member);
    request.generation_id = member->self.generation;
    request.member_id = str_from(member->self.member_id);
    if (member->beat_version >= 3)
        request.instance_id = group_client_instance(client);
    member->beat_at = client->actor.world->kernel.now + beat_interval(member);
    group_ask_send(client, group_ask_new(client, member->group, node, &member->self, false),
                   WIRE_HEARTBEAT, member->beat_version, &request);
}

static void ask_leave(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct leave_group_request request;
    struct leave_group_request_member leaver;
    leave_group_request_init(&request);
    leave_group_request_member_init(&leaver);
    request.group_id = group_name(member);
    request.member_id = leaver.member_id = str_from(member->self.member_id);
    leaver.instance_id = group_client_instance(client);
    request.members = &leaver;
    request.members_count = 1;
    group_ask_send(client, group_ask_new(client, member->group, node, &member->self, false),
                   WIRE_LEAVE_GROUP, member->leave_version, &request);
}

static void commit(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    member->commit_at =
        client->actor.world->kernel.now + kernel_delay(&client->actor.rand, member->pace);
    group_client_commit(client, group_ask_new(client, member->group, node, &member->self, false),
                        member->mask, member->retention_ms);
}

/* As somebody whom the group went on without. Nobody waits for the answer. */
static void commit_late(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct ledger_identity late = member->earlier;
    if (late.generation < 0) {
        late = member->self;
        late.generation--;
    }
    if (late.generation >= 0)
        group_client_commit(client, group_ask_new(client, member->group, node, &late, true), 1, -1);
}

/* ---- Whims. */

/* It begins anew: what it knew is gone, and a static one keeps its name. */
static void forget(struct member *member, sim_us away)
{
    struct actor *actor = &member->client.actor;
    if (member->state == MEMBER_IN)
        member->earlier = member->self;
    member->self = nobody;
    member->mask = 0;
    member->state = MEMBER_OUT;
    member->client.awaited = 0;
    member->away_until = actor->world->kernel.now + away;
}

static bool has_whim(struct member *member)
{
    struct actor *actor = &member->client.actor;
    struct rand *rand = &actor->rand;
    if (actor->world->kernel.now < member->whim_at || clients_are_quiet(actor->world))
        return false;
    member->whim_at = actor->world->kernel.now + kernel_delay(rand, WHIM_MEAN);
    uint64_t whim = rand_below(rand, 6);
    int node = member->client.coordinators[member->group];
    if (whim < 3) {
        world_note(actor->world, NULL, "member %u of group%u dies", actor->index, member->group);
        ledger_bury(actor->world, member->group, member->self.member_id);
        forget(member, kernel_delay(rand, AWAY_MEAN));
        link_drop(actor);
    } else if (whim == 3 && member->state == MEMBER_IN && member->client.awaited == 0 &&
               node >= 0) {
        ask_leave(member, (uint32_t)node);
    } else if (whim == 4 && member->client.awaited == 0) {
        member->state = MEMBER_OUT;
    } else if (whim == 5 && node >= 0) {
        commit_late(member, (uint32_t)node);
    }
    return true;
}

static void work(struct member *member, uint32_t node)
{
    struct group_client *client = &member->client;
    struct world *world = client->actor.world;
    bool may_commit =
        clients_are_quiet(world) ? !member->has_committed : world->kernel.now >= member->commit_at;
    if (!member->has_read)
        group_client_fetch(client, group_ask_new(client, member->group, node, &member->self, false),
                           member->mask, false);
    else if (member->mask != 0 && may_commit)
        commit(member, node);
    else if (world->kernel.now >= member->beat_at)
        ask_heartbeat(member, node);
}

static void drive(struct actor *actor)
{
    struct member *member = (struct member *)actor;
    sim_us now = actor->world->kernel.now;
    if (now < member->away_until || has_whim(member) || actor->topics[0].partition_count == 0)
        return;
    if (member->client.awaited != 0 || now < member->client.again_at)
        return;
    int node = group_client_find(&member->client, member->group);
    if (node < 0)
        return;
    if (member->state == MEMBER_OUT)
        ask_join(member, (uint32_t)node);
    else if (member->state == MEMBER_JOINED)
        ask_sync(member, (uint32_t)node);
    else
        work(member, (uint32_t)node);
}

/* ---- Answers. */

static void copy_id(char out[LEDGER_ID_SIZE], struct str id)
{
    check(id.size < LEDGER_ID_SIZE);
    memset(out, 0, LEDGER_ID_SIZE);
    memcpy(out, id.data, id.size);
}

static enum err take_join(struct member *member, struct client_reply *reply, struct arena *arena)
{
    struct join_group_response response;
    if (join_group_response_read(&response, reply->version, &reply->reader, arena) != ERR_NONE)
        world_violation(member->client.actor.world, "client", "A JoinGroup reply does not parse");
    enum err err = (enum err)response.error_code;
    if (err == ERR_MEMBER_ID_REQUIRED)
        copy_id(member->self.member_id, response.member_id);
    if (err != ERR_NONE)
        return err;
    copy_id(member->self.member_id, response.member_id);
    member->self.generation = response.generation_id;
    member->is_leader = str_equal(response.leader, response.member_id) && !response.skip_assignment;
    check(response.members_count <= LEDGER_MEMBERS_MAX);
    member->peer_count = response.members_count;
    for (uint32_t i = 0; i < response.members_count; i++)
        copy_id(member->peers[i], response.members[i].member_id);
    member->state = MEMBER_JOINED;
    return err;
}

static enum err take_sync(struct member *member, struct client_reply *reply, struct group_ask *ask,
                          struct arena *arena)
{
    struct world *world = member->client.actor.world;
    struct sync_group_response response;
    if (sync_group_response_read(&response, reply->version, &reply->reader, arena) != ERR_NONE)
        world_violation(world, "client", "A SyncGroup reply does not parse");
    if (response.error_code != ERR_NONE)
        return (enum err)response.error_code;
    struct ledger_told told = {.kind = TOLD_SYNC,
                               .group = ask->group,
                               .node = ask->node,
                               .view = &ask->view,
                               .self = &ask->self};
    if (response.assignment.size > 0 &&
        !blob_read_assignment(response.assignment, &told.mask, &told.stamp))
        world_violation(world, "client", "An assignment does not parse");
    ledger_tell(world, &told);
    /* Who gives something up while it goes on joins again, so that others may have it. */
    bool gives_up = member->is_cooperative && (member->mask & ~told.mask) != 0;
    member->mask = told.mask;
    member->state = gives_up ? MEMBER_OUT : MEMBER_IN;
    member->has_committed = false;
    member->has_read = told.mask == 0;
    return ERR_NONE;
}

static enum err take_heartbeat(struct member *member, struct client_reply *reply,
                               struct arena *arena)
{
    struct heartbeat_response response;
    if (heartbeat_response_read(&response, reply->version, &reply->reader, arena) != ERR_NONE)
        world_violation(member->client.actor.world, "client", "A Heartbeat reply does not parse");
    return (enum err)response.error_code;
}

/* What it means for its place in the group. Others are asked again. */
static void hear_error(struct member *member, enum err err)
{
    switch (err) {
    case ERR_UNKNOWN_MEMBER_ID:
    case ERR_FENCED_INSTANCE_ID:
        member->self = nobody;
        member->mask = 0;
        member->state = MEMBER_OUT;
        break;
    case ERR_ILLEGAL_GENERATION:
    case ERR_REBALANCE_IN_PROGRESS:
    case ERR_GROUP_ID_NOT_FOUND:
        member->state = MEMBER_OUT;
        break;
    default:
        break;
    }
}

static enum err take(struct member *member, int16_t api_key, struct client_reply *reply,
                     struct group_ask *ask)
{
    struct group_client *client = &member->client;
    struct arena arena = {0};
    enum err err = ERR_CLOSED;
    if (api_key == WIRE_FIND_COORDINATOR || api_key == WIRE_OFFSET_COMMIT ||
        api_key == WIRE_OFFSET_FETCH)
        return group_client_take(client, api_key, reply, ask);
    if (reply && api_key == WIRE_JOIN_GROUP)
        err = take_join(member, reply, &arena);
    else if (reply && api_key == WIRE_SYNC_GROUP)
        err = take_sync(member, reply, ask, &arena);
    else if (reply && api_key == WIRE_HEARTBEAT)
        err = take_heartbeat(member, reply, &arena);
    arena_free(&arena);
    if (err != ERR_MEMBER_ID_REQUIRED)
        group_client_heard(client, ask, err);
    return err;
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct member *member = (struct member *)actor;
    struct group_ask *ask = object;
    (void)node;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    bool is_awaited = member->client.awaited == ask->number;
    if (!is_awaited && api_key != WIRE_OFFSET_COMMIT) {
        group_ask_end(&member->client, ask); /* It was for whom the member is no more. */
        return;
    }
    enum err err = take(member, api_key, reply, ask);
    if (is_awaited && api_key == WIRE_LEAVE_GROUP)
        forget(member, kernel_delay(&actor->rand, AWAY_MEAN));
    else if (is_awaited && err != ERR_NONE)
        hear_error(member, err);
    else if (is_awaited && api_key == WIRE_OFFSET_FETCH)
        member->has_read = true;
    else if (is_awaited && api_key == WIRE_OFFSET_COMMIT)
        member->has_committed = true;
    group_ask_end(&member->client, ask);
}

/* Is it what the log says of it? Among consumers it knows of the first topic alone. */
static bool is_current(const struct member *member)
{
    const struct ledger_group *group = ledger_group_of(member->client.actor.world, member->group);
    const struct ledger_generation *now = ledger_now(group);
    const struct ledger_consumer *consumer =
        ledger_consumer_of(&group->consumers, member->self.member_id);
    if (group->is_haunted)
        return true;
    if (now)
        return now->generation == member->self.generation &&
               ledger_member_of(now, member->self.member_id) != NULL;
    return consumer && consumer->epoch == member->self.generation &&
           ledger_shares_mask(&consumer->assigned, member->client.actor.topics[0].id) ==
               member->mask;
}

static bool is_stable(struct actor *actor, char *why, size_t size)
{
    struct member *member = (struct member *)actor;
    const struct ledger_group *group = ledger_group_of(actor->world, member->group);
    bool is_in = member->state == MEMBER_IN && is_current(member);
    if (is_in && (member->mask == 0 || member->has_committed))
        return true;
    snprintf(why, size, "member %u of group%u, \"%s\", is %s in generation %d; the group in %d",
             actor->index, member->group, member->self.member_id,
             member->state == MEMBER_OUT      ? "out"
             : member->state == MEMBER_JOINED ? "not synced"
             : is_in                          ? "without commit"
                                              : "in",
             member->self.generation, group->epoch);
    return false;
}

struct actor *member_new(struct world *world, uint32_t index, uint32_t group)
{
    struct member *member = mem_zalloc(sizeof *member);
    struct actor *actor = &member->client.actor;
    actor->answered = answered;
    actor->drive = drive;
    actor->is_stable = is_stable;
    group_client_init(&member->client, world, index);
    struct rand *rand = &actor->rand;
    bool is_static = rand_chance(rand, 1, 3);
    member->group = group;
    member->self = member->earlier = nobody;
    member->is_opaque = group % 2 == 1 && world->swarm.styles[group] == GROUP_CLASSIC; /* All. */
    member->is_cooperative = !member->is_opaque && rand_chance(rand, 1, 2);
    member->join_version = (int16_t)(is_static ? 5 + rand_below(rand, 5) : rand_below(rand, 10));
    member->sync_version = (int16_t)rand_below(rand, 6);
    member->beat_version = (int16_t)rand_below(rand, 5);
    member->leave_version = (int16_t)(is_static ? 3 + rand_below(rand, 3) : rand_below(rand, 6));
    if (is_static)
        snprintf(member->client.instance_id, sizeof member->client.instance_id, "i%u", index);
    member->session_ms = 500 << rand_below(rand, 4);
    member->rebalance_ms = member->join_version == 0 ? -1 : 500 << rand_below(rand, 4);
    member->retention_ms = rand_chance(rand, 1, 2) ? 200 << rand_below(rand, 4) : -1;
    member->pace = (sim_us)(50 << rand_below(rand, 5)) * SIM_MS;
    member->whim_at = (sim_us)rand_below(rand, 2 * WHIM_MEAN);
    return actor;
}
