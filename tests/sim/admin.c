/* admin.c -- creates the topics, through any node; in some runs it deletes one now and then and
 * makes it again, gives one more partitions, or asks for preferred leaders. */
#include "actor.h"

#include <stdio.h>

enum { CONFIGS_MAX = 12, CONFIG_SIZE = 24, GROWN_MAX = 8 };

enum wish { WISH_CREATE, WISH_DELETE, WISH_GROW, WISH_ELECT, WISH_FLIP, WISH_NONE };

struct admin {
    struct actor actor;
    bool asking;
    enum wish wishes[SIM_TOPICS_MAX];
    const char *policies[SIM_TOPICS_MAX]; /* Wished for. */
    uint32_t asked;
    sim_us again_at;
};

struct settings {
    uint32_t count;
    struct create_topics_request_config configs[CONFIGS_MAX];
    char values[CONFIGS_MAX][CONFIG_SIZE];
};

static void add_word(struct settings *settings, const char *name, const char *value)
{
    struct create_topics_request_config *config = &settings->configs[settings->count++];
    check(settings->count <= CONFIGS_MAX);
    create_topics_request_config_init(config);
    config->name = str_from(name);
    config->value = str_from(value);
}

static void add_setting(struct settings *settings, const char *name, int64_t value)
{
    char *text = settings->values[settings->count];
    snprintf(text, CONFIG_SIZE, "%lld", (long long)value);
    add_word(settings, name, text);
}

static void fill_settings(struct settings *settings, const struct swarm *swarm, uint32_t topic)
{
    settings->count = 0;
    add_setting(settings, "min.insync.replicas", swarm->min_insync);
    if (swarm_compacts(swarm, topic))
        add_word(settings, "cleanup.policy", swarm->retains ? "compact,delete" : "compact");
    if (swarm->retains || swarm_compacts(swarm, topic)) {
        add_setting(settings, "segment.bytes", swarm->topic_segment_size);
        add_setting(settings, "segment.ms", swarm->segment_ms);
    }
    if (!swarm->retains)
        return;
    add_setting(settings, "retention.bytes", swarm->retention_bytes);
    add_setting(settings, "retention.ms", swarm->retention_ms);
    add_setting(settings, "file.delete.delay.ms", swarm->delete_delay_ms);
}

static void ask_create(struct admin *admin, uint32_t index, uint32_t node)
{
    const struct swarm *swarm = &admin->actor.world->swarm;
    struct create_topics_request request;
    struct create_topics_request_topic topic;
    struct settings settings;
    create_topics_request_init(&request);
    create_topics_request_topic_init(&topic);
    fill_settings(&settings, swarm, index);
    topic.name = str_from(admin->actor.topics[index].name);
    topic.num_partitions = (int32_t)swarm->partitions;
    topic.replication_factor = (int16_t)swarm->replication_factor;
    topic.configs = settings.configs;
    topic.configs_count = settings.count;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 2000;
    admin->asking =
        link_send(link_to(&admin->actor, node), WIRE_CREATE_TOPICS, 7, &request, NULL, true);
}

static void ask_delete(struct admin *admin, uint32_t index, uint32_t node)
{
    struct delete_topics_request request;
    struct delete_topics_request_topic topic;
    delete_topics_request_init(&request);
    delete_topics_request_topic_init(&topic);
    /* By id: a request that comes late, or twice, must not take the topic's successor. */
    topic.name = (struct str){0};
    topic.topic_id = admin->actor.topics[index].id;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 2000;
    admin->asking =
        link_send(link_to(&admin->actor, node), WIRE_DELETE_TOPICS, 6, &request, NULL, true);
}

static void ask_grow(struct admin *admin, uint32_t index, uint32_t node)
{
    struct create_partitions_request request;
    struct create_partitions_request_topic topic;
    create_partitions_request_init(&request);
    create_partitions_request_topic_init(&topic);
    topic.name = str_from(admin->actor.topics[index].name);
    topic.count = (int32_t)admin->actor.topics[index].partition_count + 1;
    topic.assignments = NULL;
    request.topics = &topic;
    request.topics_count = 1;
    request.timeout_ms = 2000;
    admin->asking =
        link_send(link_to(&admin->actor, node), WIRE_CREATE_PARTITIONS, 3, &request, NULL, true);
}

static void ask_flip(struct admin *admin, uint32_t index, uint32_t node)
{
    struct incremental_alter_configs_request request;
    struct incremental_alter_configs_request_resource resource;
    struct incremental_alter_configs_request_config config;
    incremental_alter_configs_request_init(&request);
    incremental_alter_configs_request_resource_init(&resource);
    incremental_alter_configs_request_config_init(&config);
    config.name = STR("cleanup.policy");
    config.config_operation = 0; /* Set. */
    config.value = str_from(admin->policies[index]);
    resource.resource_type = 2; /* A topic. */
    resource.resource_name = str_from(admin->actor.topics[index].name);
    resource.configs = &config;
    resource.configs_count = 1;
    request.resources = &resource;
    request.resources_count = 1;
    admin->asking = link_send(link_to(&admin->actor, node), WIRE_INCREMENTAL_ALTER_CONFIGS, 1,
                              &request, NULL, true);
}

static void ask_elect(struct admin *admin, uint32_t node)
{
    struct elect_leaders_request request;
    elect_leaders_request_init(&request);
    request.election_type = 0; /* Preferred. */
    request.topics = NULL;     /* Everywhere. */
    request.timeout_ms = 2000;
    admin->asking =
        link_send(link_to(&admin->actor, node), WIRE_ELECT_LEADERS, 2, &request, NULL, true);
}

static void ask(struct admin *admin, uint32_t index, uint32_t node)
{
    admin->asked = index;
    switch (admin->wishes[index]) {
    case WISH_CREATE:
        ask_create(admin, index, node);
        return;
    case WISH_DELETE:
        ask_delete(admin, index, node);
        return;
    case WISH_GROW:
        ask_grow(admin, index, node);
        return;
    case WISH_ELECT:
        ask_elect(admin, node);
        return;
    case WISH_FLIP:
        ask_flip(admin, index, node);
        return;
    case WISH_NONE:
        return;
    }
}

/* Retention goes on where there is any. */
static const char *draw_policy(struct admin *admin)
{
    static const char *const policies[] = {"delete", "compact,delete", "compact"};
    uint32_t count = admin->actor.world->swarm.retains ? 2 : 3;
    return policies[rand_below(&admin->actor.rand, count)];
}

/* Something new, once nothing is open. */
static enum wish draw_wish(struct admin *admin, uint32_t topic)
{
    struct actor *actor = &admin->actor;
    const struct swarm *swarm = &actor->world->swarm;
    bool is_known = !uuid_is_zero(actor->topics[topic].id);
    bool is_read = topic == 0 && swarm->groups > 0; /* Its model members take it as it is. */
    uint32_t rarity = swarm->groups > 0 ? 25 : 100; /* Some of them are to see it. */
    if (swarm->recreates && !is_read && rand_chance(&actor->rand, 1, rarity) && is_known)
        return WISH_DELETE;
    if (swarm->grows && !is_read && rand_chance(&actor->rand, 1, rarity) && is_known &&
        actor->topics[topic].partition_count < GROWN_MAX)
        return WISH_GROW;
    if (swarm->flips && swarm_compacts(swarm, topic) && is_known &&
        rand_chance(&actor->rand, 1, 10)) {
        admin->policies[topic] = draw_policy(admin);
        return WISH_FLIP;
    }
    return swarm->elects && rand_chance(&actor->rand, 1, 50) ? WISH_ELECT : WISH_NONE;
}

static void drive(struct actor *actor)
{
    struct admin *admin = (struct admin *)actor;
    struct world *world = actor->world;
    if (admin->asking || world->kernel.now < admin->again_at)
        return;
    uint32_t node = (uint32_t)rand_below(&actor->rand, world->swarm.nodes);
    for (uint32_t i = 0; i < world->swarm.topics; i++) {
        if (admin->wishes[i] == WISH_NONE)
            continue;
        ask(admin, i, node);
        return;
    }
    if (clients_are_quiet(world))
        return;
    uint32_t chosen = (uint32_t)rand_below(&actor->rand, world->swarm.topics);
    admin->wishes[chosen] = draw_wish(admin, chosen);
}

static void settle(struct admin *admin, enum err err)
{
    enum wish *wish = &admin->wishes[admin->asked];
    if (*wish == WISH_CREATE && (err == ERR_NONE || err == ERR_TOPIC_ALREADY_EXISTS))
        *wish = WISH_NONE;
    else if (*wish == WISH_DELETE && (err == ERR_NONE || err == ERR_UNKNOWN_TOPIC_ID))
        *wish = WISH_CREATE;
    else if (*wish == WISH_GROW && (err == ERR_NONE || err == ERR_INVALID_PARTITIONS))
        *wish = WISH_NONE;
    else if (*wish == WISH_FLIP && err == ERR_NONE)
        *wish = WISH_NONE;
    else if (*wish == WISH_ELECT)
        *wish = WISH_NONE; /* It was tried, that is all. */
    else
        admin->again_at = admin->actor.world->kernel.now + 50 * SIM_MS;
    world_note(admin->actor.world, NULL, "admin: topic%u: %s", admin->asked, err_name(err));
}

/* The error of the one topic that the request named; for elections that of the whole. */
static enum err read_answer(int16_t api_key, struct client_reply *reply, struct arena *arena)
{
    struct wire_reader *reader = &reply->reader;
    struct create_topics_response created;
    struct delete_topics_response deleted;
    struct create_partitions_response grown;
    struct incremental_alter_configs_response altered;
    struct elect_leaders_response elected;
    switch (api_key) {
    case WIRE_CREATE_TOPICS:
        if (create_topics_response_read(&created, reply->version, reader, arena) != ERR_NONE ||
            created.topics_count != 1)
            return ERR_CORRUPT;
        return (enum err)created.topics[0].error_code;
    case WIRE_DELETE_TOPICS:
        if (delete_topics_response_read(&deleted, reply->version, reader, arena) != ERR_NONE ||
            deleted.topics_count != 1)
            return ERR_CORRUPT;
        return (enum err)deleted.topics[0].error_code;
    case WIRE_CREATE_PARTITIONS:
        if (create_partitions_response_read(&grown, reply->version, reader, arena) != ERR_NONE ||
            grown.results_count != 1)
            return ERR_CORRUPT;
        return (enum err)grown.results[0].error_code;
    case WIRE_INCREMENTAL_ALTER_CONFIGS:
        if (incremental_alter_configs_response_read(&altered, reply->version, reader, arena) !=
                ERR_NONE ||
            altered.responses_count != 1)
            return ERR_CORRUPT;
        return (enum err)altered.responses[0].error_code;
    default:
        if (elect_leaders_response_read(&elected, reply->version, reader, arena) != ERR_NONE)
            return ERR_CORRUPT;
        return (enum err)elected.error_code;
    }
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct admin *admin = (struct admin *)actor;
    struct arena arena = {0};
    (void)node;
    (void)object;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    admin->asking = false;
    enum err err = reply ? read_answer(api_key, reply, &arena) : ERR_CLOSED;
    if (err == ERR_NONE && api_key == WIRE_CREATE_PARTITIONS)
        world_mark(actor->world, "topic_grown");
    settle(admin, err);
    arena_free(&arena);
}

static bool is_done(struct actor *actor, char *why, size_t size)
{
    static const char *const names[] = {"created", "deleted", "grown", "led by preferred leaders",
                                        "compacted or not"};
    struct admin *admin = (struct admin *)actor;
    for (uint32_t i = 0; i < actor->world->swarm.topics; i++)
        if (admin->wishes[i] != WISH_NONE) {
            snprintf(why, size, "topic%u waits to be %s", i, names[admin->wishes[i]]);
            return false;
        }
    return true;
}

struct actor *admin_new(struct world *world, uint32_t index)
{
    struct admin *admin = mem_zalloc(sizeof *admin);
    struct actor *actor = &admin->actor;
    for (uint32_t i = 0; i < SIM_TOPICS_MAX; i++)
        admin->wishes[i] = i < world->swarm.topics ? WISH_CREATE : WISH_NONE;
    actor->answered = answered;
    actor->drive = drive;
    actor->is_done = is_done;
    actor_init(actor, world, index);
    return actor;
}
