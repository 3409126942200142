/* overseer.c -- a second client of the groups: reads what they committed, commits for groups that
 * have no member, and now and then deletes one. */
#include <stdio.h>

#include "check.h"
#include "group_client.h"

struct overseer {
    struct group_client client;
    int16_t delete_version;
    sim_us pace;
    bool read_back[LEDGER_GROUPS_MAX]; /* All that is committed, once all was quiet. */
    bool committed;                    /* To the group without members, the same. */
};

static const struct ledger_identity nobody = {.generation = -1};

/* Groups that have members, and one after them that never does. */
static uint32_t lonely_group(const struct overseer *overseer)
{
    return overseer->client.actor.world->swarm.groups;
}

static uint64_t all_partitions(const struct overseer *overseer)
{
    return (UINT64_C(1) << overseer->client.actor.topics[0].partition_count) - 1;
}

static void ask_delete(struct overseer *overseer, uint32_t group, uint32_t node)
{
    struct group_client *client = &overseer->client;
    struct delete_groups_request request;
    struct str name = str_from(ledger_group_of(client->actor.world, group)->name);
    delete_groups_request_init(&request);
    request.groups = &name;
    request.groups_count = 1;
    ledger_ask_deletion(client->actor.world, group);
    group_ask_send(client, group_ask_new(client, group, node, &nobody, false), WIRE_DELETE_GROUPS,
                   overseer->delete_version, &request);
}

static void read_group(struct overseer *overseer, uint32_t group, uint32_t node)
{
    struct group_client *client = &overseer->client;
    group_client_fetch(client, group_ask_new(client, group, node, &nobody, false),
                       all_partitions(overseer), rand_chance(&client->actor.rand, 1, 3));
}

static void commit_alone(struct overseer *overseer, uint32_t group, uint32_t node)
{
    struct group_client *client = &overseer->client;
    struct rand *rand = &client->actor.rand;
    uint64_t mask = UINT64_C(1) << rand_below(rand, client->actor.topics[0].partition_count);
    int64_t retention_ms = rand_chance(rand, 1, 2) ? 100 << rand_below(rand, 4) : -1;
    group_client_commit(client, group_ask_new(client, group, node, &nobody, false), mask,
                        retention_ms);
}

/* What is still to be done once all is quiet; false: nothing. */
static bool finish(struct overseer *overseer)
{
    for (uint32_t group = 0; group <= lonely_group(overseer); group++) {
        bool is_lonely = group == lonely_group(overseer);
        if (overseer->read_back[group] && (!is_lonely || overseer->committed))
            continue;
        int node = group_client_find(&overseer->client, group);
        if (node < 0)
            return true;
        if (is_lonely && !overseer->committed)
            commit_alone(overseer, group, (uint32_t)node);
        else
            read_group(overseer, group, (uint32_t)node);
        return true;
    }
    return false;
}

static void drive(struct actor *actor)
{
    struct overseer *overseer = (struct overseer *)actor;
    struct group_client *client = &overseer->client;
    if (client->awaited != 0 || actor->world->kernel.now < client->again_at ||
        actor->topics[0].partition_count == 0)
        return;
    client->again_at = actor->world->kernel.now + kernel_delay(&actor->rand, overseer->pace);
    if (clients_are_quiet(actor->world)) {
        finish(overseer);
        return;
    }
    uint32_t group = (uint32_t)rand_below(&actor->rand, lonely_group(overseer) + 1);
    uint64_t wish = rand_below(&actor->rand, 64);
    int node = group_client_find(client, group);
    if (node < 0)
        return;
    if (wish == 0)
        ask_delete(overseer, group, (uint32_t)node);
    else if (wish < 8 || (wish < 40 && group == lonely_group(overseer)))
        commit_alone(overseer, group, (uint32_t)node);
    else
        read_group(overseer, group, (uint32_t)node);
}

static void take_delete(struct overseer *overseer, struct client_reply *reply,
                        struct group_ask *ask)
{
    struct world *world = overseer->client.actor.world;
    struct delete_groups_response response;
    struct arena arena = {0};
    enum err err = ERR_CLOSED;
    if (reply) {
        if (delete_groups_response_read(&response, reply->version, &reply->reader, &arena) !=
                ERR_NONE ||
            response.results_count != 1)
            world_violation(world, "client", "a DeleteGroups reply does not fit");
        err = (enum err)response.results[0].error_code;
    }
    if (err == ERR_NONE) {
        world_mark(world, "group_deleted");
        ledger_tell(world, &(struct ledger_told){.kind = TOLD_DELETE,
                                                 .group = ask->group,
                                                 .node = ask->node,
                                                 .view = &ask->view});
    }
    group_client_heard(&overseer->client, ask, err);
    arena_free(&arena);
}

/* Is this all that the group has in the log? */
static bool is_newest(const struct overseer *overseer, const struct group_ask *ask)
{
    const struct ledger_group *group = ledger_group_of(overseer->client.actor.world, ask->group);
    for (uint32_t i = 0; i < overseer->client.actor.topics[0].partition_count; i++) {
        const struct ledger_offset *offset = &group->offsets[i];
        log_offset last = offset->write_count ? offset->writes[offset->write_count - 1].offset : -1;
        if (ask->offsets[i] != last)
            return false;
    }
    return true;
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct overseer *overseer = (struct overseer *)actor;
    struct group_ask *ask = object;
    (void)node;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    if (api_key == WIRE_DELETE_GROUPS) {
        take_delete(overseer, reply, ask);
    } else if (group_client_take(&overseer->client, api_key, reply, ask) == ERR_NONE &&
               clients_are_quiet(actor->world)) {
        if (api_key == WIRE_OFFSET_FETCH)
            overseer->read_back[ask->group] = is_newest(overseer, ask);
        else if (api_key == WIRE_OFFSET_COMMIT)
            overseer->committed = true;
    }
    group_ask_end(&overseer->client, ask);
}

static bool is_stable(struct actor *actor, char *why, size_t size)
{
    struct overseer *overseer = (struct overseer *)actor;
    for (uint32_t group = 0; group <= lonely_group(overseer); group++)
        if (!overseer->read_back[group]) {
            snprintf(why, size, "what group%u committed is not read back", group);
            return false;
        }
    snprintf(why, size, "nobody could commit to group%u", lonely_group(overseer));
    return overseer->committed;
}

struct actor *overseer_new(struct world *world, uint32_t index)
{
    struct overseer *overseer = mem_zalloc(sizeof *overseer);
    struct actor *actor = &overseer->client.actor;
    actor->answered = answered;
    actor->drive = drive;
    actor->is_stable = is_stable;
    group_client_init(&overseer->client, world, index);
    overseer->client.commit_version = (int16_t)rand_below(&actor->rand, 11);
    overseer->delete_version = (int16_t)rand_below(&actor->rand, 4);
    overseer->pace = (sim_us)(50 << rand_below(&actor->rand, 4)) * SIM_MS;
    return actor;
}
