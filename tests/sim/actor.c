/* actor.c -- what all model clients do: ask any node for metadata, and believe the newer epoch. */
#include "actor.h"

#include <stdio.h>

static void turn(struct event *event)
{
    struct actor *actor = event->object;
    link_check_deadlines(actor);
    actor_refresh(actor);
    actor->drive(actor);
    kernel_add(&actor->world->kernel, 1 + kernel_delay(&actor->rand, ACTOR_TURN),
               (struct event){.run = turn, .object = actor, .a = actor->index, .label = 9});
}

void actor_init(struct actor *actor, struct world *world, uint32_t index)
{
    actor->world = world;
    actor->index = index;
    actor->host = world->swarm.nodes + index;
    check(actor->host < NET_HOSTS_MAX);
    kernel_stream(&world->kernel, STREAM_CLIENT, index, &actor->rand);
    actor->request_timeout = (sim_us)(1 + rand_below(&actor->rand, 10)) * SIM_SECOND;
    actor->metadata_due = true;
    for (uint32_t i = 0; i < SIM_TOPICS_MAX; i++)
        snprintf(actor->topics[i].name, sizeof actor->topics[i].name, "topic%u", i);
    link_host_init(actor);
    kernel_add(&world->kernel, (sim_us)rand_below(&actor->rand, 50 * SIM_MS),
               (struct event){.run = turn, .object = actor, .a = index, .label = 9});
}

void actor_refresh(struct actor *actor)
{
    sim_us now = actor->world->kernel.now;
    bool stale = now - actor->metadata_at > SIM_SECOND;
    bool asked_lately = now - actor->metadata_at < 20 * SIM_MS;
    if (actor->metadata_asked || asked_lately || (!actor->metadata_due && !stale))
        return;
    actor->metadata_at = now;
    struct metadata_request request;
    metadata_request_init(&request);
    request.topics = NULL;
    request.allow_auto_topic_creation = false;
    uint32_t node = (uint32_t)rand_below(&actor->rand, actor->world->swarm.nodes);
    if (link_send(link_to(actor, node), WIRE_METADATA, 12, &request, NULL, true))
        actor->metadata_asked = true;
}

int actor_topic_of(const struct actor *actor, struct str name, struct uuid id)
{
    for (uint32_t i = 0; i < SIM_TOPICS_MAX; i++) {
        const struct actor_topic *topic = &actor->topics[i];
        if (name.data && name.size > 0 ? str_equal(name, str_from(topic->name))
                                       : uuid_equal(id, topic->id))
            return (int)i;
    }
    return -1;
}

/* Another topic under the name begins above the epochs of the one before it (rule 18). Ids once
 * seen do not tell: a node that is behind can be the first to tell of one that came and went. */
static bool is_newer(const struct actor_topic *topic, const struct metadata_response_topic *from)
{
    if (uuid_is_zero(topic->id) || from->partitions_count == 0)
        return true;
    for (uint32_t i = 0; i < topic->partition_count; i++)
        if (from->partitions[0].leader_epoch <= topic->partitions[i].leader_epoch)
            return false;
    return true;
}

static void take_topic(struct actor *actor, uint32_t index,
                       const struct metadata_response_topic *from)
{
    struct actor_topic *topic = &actor->topics[index];
    bool another = !uuid_equal(topic->id, from->topic_id);
    if (another && !is_newer(topic, from))
        return; /* Told by a node that is behind. */
    topic->id = from->topic_id;
    if (another ||
        from->partitions_count > topic->partition_count) /* They grow, and never shrink. */
        topic->partition_count = from->partitions_count < ACTOR_PARTITIONS_MAX
                                     ? from->partitions_count
                                     : ACTOR_PARTITIONS_MAX;
    if (another)
        memset(topic->partitions, 0xff, sizeof topic->partitions);
    for (uint32_t i = 0; i < from->partitions_count; i++) {
        const struct metadata_response_partition *in = &from->partitions[i];
        if (in->index < 0 || in->index >= ACTOR_PARTITIONS_MAX)
            continue;
        struct actor_partition *partition = &topic->partitions[in->index];
        if (in->leader_epoch < partition->leader_epoch)
            continue; /* Told by a node that is behind. */
        partition->leader = in->leader_id;
        partition->leader_epoch = in->leader_epoch;
    }
    if (another && actor->topic_changed)
        actor->topic_changed(actor, index);
}

static void take_metadata(struct actor *actor, const struct metadata_response *response)
{
    for (uint32_t i = 0; i < response->topics_count; i++) {
        const struct metadata_response_topic *topic = &response->topics[i];
        int index = actor_topic_of(actor, topic->name, topic->topic_id);
        if (topic->error_code == ERR_NONE && index >= 0)
            take_topic(actor, (uint32_t)index, topic);
    }
}

bool actor_take_metadata(struct actor *actor, int16_t api_key, struct client_reply *reply)
{
    if (api_key != WIRE_METADATA)
        return false;
    actor->metadata_asked = false;
    actor->metadata_due = reply == NULL;
    if (!reply)
        return true;
    struct arena arena = {0};
    struct metadata_response response;
    enum err result = metadata_response_read(&response, reply->version, &reply->reader, &arena);
    if (result != ERR_NONE)
        world_violation(actor->world, "client", "a Metadata reply does not parse");
    take_metadata(actor, &response);
    arena_free(&arena);
    return true;
}
