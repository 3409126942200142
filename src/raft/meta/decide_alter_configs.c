/* decide_alter_configs.c -- configs of topics, brokers and groups change (KIP-226, 339).
 *
 * A topic's stand in its Topic record, which is written again; what partitions need of them to be
 * led and counted follows in the same batch: min.insync.replicas with the ELR (rule 5), unclean
 * elections at once. As where a node fails, as many partitions change as must; a request is
 * measured by what it names. Those of brokers and groups are a Configs record. The durability
 * class of a topic (flush.messages) stays what it was when the topic was made. */
#include "broker_configs.h"
#include "config_changes.h"
#include "group_configs.h"
#include "number.h"

struct alteration {
    struct decision *decision;
    const struct alter_configs_command *command;
    const struct alter_resource *wanted;
    struct str cause;
    struct alter_resource_reply *reply;
};

static void refuse(struct alteration *alteration, enum err err, struct str text)
{
    alteration->reply->err = err;
    alteration->reply->message = text;
}

/* ---- Topics. */

/* Bring the partitions of `topic`, as they were in `before`, to what it says now. */
static void settle_topic(struct decision *decision, const struct image *before,
                         const struct record_topic *topic, struct str cause)
{
    struct record_partition now = {.replicas = {.count = 0}};
    for (partition_id index = 0; index < topic->partition_count; index++) {
        const struct image_partition *old = image_partition(before, topic->id, index);
        struct change change;
        if (old == NULL)
            continue;
        if (index == 0 || now.replicas.count != old->replicas.count) { /* All that it goes by. */
            now.replicas = old->replicas;
            topic_settings_apply(decision, topic, &now);
        }
        if (now.min_insync == old->min_insync && now.unclean_allowed == old->unclean_allowed)
            continue;
        change_begin(&change, old);
        change.min_insync = now.min_insync;
        change.unclean_allowed = now.unclean_allowed;
        change_emit(decision, &change, cause);
    }
}

struct topic_context {
    const struct alteration *alteration;
    int32_t replicas;
};

static struct str topic_fallback(const void *context, const struct config_key *key)
{
    const struct topic_context *topic = context;
    struct decision *decision = topic->alteration->decision;
    return topic_setting_default(&decision->controller->config, decision->image, key,
                                 topic->replicas, decision->arena);
}

static bool changes_class(const struct decision *decision, const struct image_topic *old,
                          const struct record_topic *topic)
{
    struct str name = STR("flush.messages");
    const struct record_config *was = find_config(old->configs, old->config_count, name);
    const struct record_config *is = find_config(topic->configs, topic->config_count, name);
    const struct image_partition *partition = image_partition(decision->image, old->id, 0);
    struct record_partition now = {.leader = -1};

    if (partition == NULL || (was == NULL && is == NULL) ||
        (was != NULL && is != NULL && str_equal(was->value, is->value)))
        return false;
    now.replicas = partition->replicas;
    topic_settings_apply(decision, topic, &now);
    return now.flush_each != partition->flush_each;
}

static void alter_topic(struct alteration *alteration, struct config_changes *changes)
{
    struct decision *decision = alteration->decision;
    const struct alter_resource *wanted = alteration->wanted;
    struct image *before = decision->image;
    const struct image_topic *old = image_topic_by_name(before, wanted->name);
    struct alter_resource_reply *reply = alteration->reply;
    if (old == NULL) {
        refuse(alteration, ERR_UNKNOWN_TOPIC_OR_PARTITION, STR("There is no topic of this name."));
        return;
    }
    const struct image_partition *first = image_partition(before, old->id, 0);
    struct topic_context context = {alteration, first == NULL ? 1 : (int32_t)first->replicas.count};
    changes->kind = "topic";
    changes->fallback = topic_fallback;
    changes->context = &context;
    config_changes_begin(changes, old->configs, old->config_count, wanted->config_count,
                         alteration->command->replace);
    reply->err =
        config_changes_make(changes, wanted->configs, wanted->config_count, &reply->message);
    if (reply->err != ERR_NONE || !config_changes_differ(changes, old->configs, old->config_count))
        return;
    struct record record = {.type = RECORD_TOPIC, .cause = alteration->cause};
    record.topic = (struct record_topic){.id = old->id,
                                         .name = arena_str(decision->arena, old->name),
                                         .partition_count = old->partition_count,
                                         .config_count = changes->count,
                                         .configs = changes->configs};
    reply->err = topic_settings_agree(decision, &record.topic, &reply->message);
    if (reply->err != ERR_NONE)
        return;
    if (changes_class(decision, old, &record.topic)) {
        refuse(alteration, ERR_INVALID_CONFIG,
               STR("flush.messages: whether records are synced before they are acknowledged is "
                   "settled when a topic is made."));
        return;
    }
    before = image_ref(before);
    decision_emit(decision, &record);
    settle_topic(decision, before, &record.topic, alteration->cause);
    image_unref(before);
}

/* ---- Brokers. */

static enum err may_alter_broker(const void *context, const struct config_key *key,
                                 struct str *message)
{
    const struct alteration *alteration = context;
    struct arena *arena = alteration->decision->arena;
    if (key->reach == CONFIG_CLUSTER && alteration->wanted->name.size > 0) {
        *message = str_from(arena_format(
            arena, "%s is altered for all brokers (an empty name), not for one.", key->name));
        return ERR_INVALID_CONFIG;
    }
    if (key->reach == CONFIG_LIVE || key->reach == CONFIG_CLUSTER)
        return ERR_NONE;
    *message = str_from(arena_format(
        arena, "%s %s", key->name,
        key->reach == CONFIG_START ? "cannot be altered while brokers run: it is read at a start."
                                   : "is read-only: it has no effect here."));
    return ERR_INVALID_REQUEST;
}

/* Lists of a broker that can be altered are defaults of topics. */
static struct str broker_fallback(const void *context, const struct config_key *key)
{
    const struct alteration *alteration = context;
    const struct controller_config *config = &alteration->decision->controller->config;
    const struct config_key *topic;
    for (uint32_t i = 0; (topic = config_key_at(CONFIG_OF_TOPIC, i)) != NULL; i++) {
        struct str rest = str_from(topic->synonyms), first;
        if (config_next_word(&rest, &first) && str_equal(first, str_from(key->name)))
            return topic_setting_default(config, alteration->decision->image, topic, 1,
                                         alteration->decision->arena);
    }
    return STR("");
}

static bool is_broker(const struct alteration *alteration)
{
    struct str name = alteration->wanted->name;
    int64_t id = 0;
    return name.size == 0 || (number_parse(name, &id) && id >= 0 && id <= INT32_MAX &&
                              name.data[0] != '+' && (name.data[0] != '0' || name.size == 1) &&
                              image_broker(alteration->decision->image, (node_id)id) != NULL);
}

/* Whether the value of `name` is not what it was; it may have come or gone. */
static bool has_changed(const struct config_changes *changes, const struct image_configs *old,
                        struct str name)
{
    const struct record_config *now = find_config(changes->configs, changes->count, name);
    const struct record_config *was =
        old == NULL ? NULL : find_config(old->configs, old->config_count, name);
    return (now == NULL) != (was == NULL) || (now != NULL && !str_equal(now->value, was->value));
}

/* Of what partitions hold in their records. */
static bool changes_partitions(const struct config_changes *changes,
                               const struct image_configs *old)
{
    return has_changed(changes, old, STR("min.insync.replicas")) ||
           has_changed(changes, old, STR("unclean.leader.election.enable"));
}

static void settle_topics(struct decision *decision, struct str cause)
{
    struct image *before = image_ref(decision->image);
    const struct image_topic *topic = NULL;
    while ((topic = image_topic_after(before, topic)) != NULL) {
        struct record_topic same = {.id = topic->id,
                                    .name = topic->name,
                                    .partition_count = topic->partition_count,
                                    .config_count = topic->config_count,
                                    .configs = topic->configs};
        settle_topic(decision, before, &same, cause);
    }
    image_unref(before);
}

static void alter_broker(struct alteration *alteration, struct config_changes *changes)
{
    struct decision *decision = alteration->decision;
    const struct alter_resource *wanted = alteration->wanted;
    struct alter_resource_reply *reply = alteration->reply;
    if (!is_broker(alteration)) {
        refuse(alteration, ERR_INVALID_REQUEST,
               STR("The name of a broker is the id of one that is registered, or empty for all."));
        return;
    }
    struct str name = wanted->name.size > 0 ? wanted->name : STR("");
    const struct image_configs *old = image_configs(decision->image, CONFIG_OF_BROKER, name);
    const struct record_config *configs = old == NULL ? NULL : old->configs;
    uint32_t count = old == NULL ? 0 : old->config_count;
    changes->kind = "broker";
    changes->may_alter = may_alter_broker;
    changes->fallback = broker_fallback;
    changes->context = alteration;
    config_changes_begin(changes, configs, count, wanted->config_count,
                         alteration->command->replace);
    reply->err =
        config_changes_make(changes, wanted->configs, wanted->config_count, &reply->message);
    if (reply->err != ERR_NONE || !config_changes_differ(changes, configs, count))
        return;
    reply->err =
        broker_configs_check(decision, name, changes->configs, changes->count, &reply->message);
    if (reply->err != ERR_NONE)
        return;
    bool settles = name.size == 0 && changes_partitions(changes, old);
    decision_emit(decision, &(struct record){.type = RECORD_CONFIGS,
                                             .cause = alteration->cause,
                                             .configs = {.resource = CONFIG_OF_BROKER,
                                                         .name = name,
                                                         .config_count = changes->count,
                                                         .configs = changes->configs}});
    if (settles)
        settle_topics(decision, alteration->cause);
}

/* ---- Groups. */

static enum err may_alter_group(const void *context, const struct config_key *key,
                                struct str *message)
{
    const struct alteration *alteration = context;
    if (key->reach == CONFIG_LIVE)
        return ERR_NONE;
    *message = str_from(arena_format(alteration->decision->arena,
                                     "%s is read-only: it has no effect here.", key->name));
    return ERR_INVALID_REQUEST;
}

static void alter_group(struct alteration *alteration, struct config_changes *changes)
{
    struct decision *decision = alteration->decision;
    const struct alter_resource *wanted = alteration->wanted;
    struct alter_resource_reply *reply = alteration->reply;
    if (wanted->name.size == 0 || wanted->name.size > RECORD_TOPIC_NAME_MAX) {
        refuse(alteration, ERR_INVALID_REQUEST,
               STR("A group that is altered has a name of at most 249 bytes."));
        return;
    }
    const struct image_configs *old = image_configs(decision->image, CONFIG_OF_GROUP, wanted->name);
    const struct record_config *configs = old == NULL ? NULL : old->configs;
    uint32_t count = old == NULL ? 0 : old->config_count;
    changes->kind = "group";
    changes->may_alter = may_alter_group;
    changes->context = alteration;
    config_changes_begin(changes, configs, count, wanted->config_count,
                         alteration->command->replace);
    reply->err =
        config_changes_make(changes, wanted->configs, wanted->config_count, &reply->message);
    if (reply->err != ERR_NONE || !config_changes_differ(changes, configs, count))
        return;
    reply->err = group_configs_check(&decision->controller->config, changes->configs,
                                     changes->count, decision->arena, &reply->message);
    if (reply->err != ERR_NONE)
        return;
    if (old == NULL && image_configs_count(decision->image) >= CONTROLLER_CONFIGS_MAX) {
        refuse(alteration, ERR_POLICY_VIOLATION, STR("Too many groups have configs of their own."));
        return;
    }
    decision_emit(decision, &(struct record){.type = RECORD_CONFIGS,
                                             .cause = alteration->cause,
                                             .configs = {.resource = CONFIG_OF_GROUP,
                                                         .name = wanted->name,
                                                         .config_count = changes->count,
                                                         .configs = changes->configs}});
}

/* ---- All of them. */

static void alter_one(struct alteration *alteration)
{
    struct config_changes changes = {.arena = alteration->decision->arena,
                                     .resource = (enum config_resource)alteration->wanted->type};
    if (alteration->command->count > CONTROLLER_RECORDS_MAX &&
        alteration->wanted->type != CONFIG_OF_LOGGER) {
        refuse(alteration, ERR_POLICY_VIOLATION,
               STR("One request may alter at most 10000 topics, brokers and groups."));
        return;
    }
    switch (alteration->wanted->type) {
    case CONFIG_OF_TOPIC:
        alter_topic(alteration, &changes);
        return;
    case CONFIG_OF_BROKER:
        alter_broker(alteration, &changes);
        return;
    case CONFIG_OF_GROUP:
        alter_group(alteration, &changes);
        return;
    case CONFIG_OF_LOGGER:
        return;
    default:
        refuse(alteration, ERR_INVALID_REQUEST,
               decision_cause(alteration->decision, "There are no configs of resource type %d.",
                              (int)alteration->wanted->type));
    }
}

/* Type and name, to tell resources apart by. */
static struct bytes key_of(const struct alter_resource *wanted, struct arena *arena)
{
    uint8_t *key = arena_alloc(arena, wanted->name.size + 1);
    key[0] = (uint8_t)wanted->type;
    if (wanted->name.size > 0)
        memcpy(key + 1, wanted->name.data, wanted->name.size);
    return (struct bytes){.data = key, .size = wanted->name.size + 1};
}

/* How often each resource stands in the request, without a loop over pairs. */
static struct pmap *count_resources(struct decision *decision,
                                    const struct alter_configs_command *command)
{
    static const struct pmap_kind plain = {0};
    struct pmap *counts = NULL;
    for (uint32_t i = 0; i < command->count; i++) {
        struct bytes key = key_of(&command->resources[i], decision->arena);
        uint32_t *seen = pmap_get(counts, key);
        if (seen == NULL) {
            struct pmap *before = counts;
            seen = arena_alloc(decision->arena, sizeof *seen);
            counts = pmap_put(&plain, before, key, seen);
            pmap_unref(&plain, before);
        }
        (*seen)++;
    }
    return counts;
}

void decide_alter_configs(struct decision *decision, const struct alter_configs_command *command,
                          struct alter_configs_reply *reply)
{
    static const struct pmap_kind plain = {0};
    struct alteration alteration = {
        .decision = decision,
        .command = command,
        .cause = decision_cause(decision, "%s of %.*s",
                                command->replace ? "AlterConfigs" : "IncrementalAlterConfigs",
                                (int)command->principal.size, command->principal.data)};
    struct pmap *counts = count_resources(decision, command);
    struct decision_mark mark = decision_mark(decision);

    reply->count = command->count;
    reply->resources = arena_array(decision->arena, struct alter_resource_reply, command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        alteration.wanted = &command->resources[i];
        alteration.reply = &reply->resources[i];
        const uint32_t *seen = pmap_get(counts, key_of(alteration.wanted, decision->arena));
        if (*seen > 1)
            refuse(&alteration, ERR_INVALID_REQUEST,
                   STR("The request names this resource more than once."));
        else
            alter_one(&alteration);
    }
    pmap_unref(&plain, counts);
    decision_settle(decision, &mark, !command->validate_only);
}
