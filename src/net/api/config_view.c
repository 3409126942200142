/* config_view.c -- see config_view.h.
 *
 * A value has its origin, and behind it stands what would count without it (KIP-226): what was
 * altered for this broker, for all brokers, what it was started with, its default; for a topic or
 * a group under the broker's names of it. The first of this list is what counts. */
#include "config_view.h"

#include "live_settings.h"

#include <strings.h>

enum { ORIGINS = 4, SYNONYMS_MAX = 3, ENTRY_SIZE = 24, SYNONYM_SIZE = 8 };

void config_view_init(struct config_view *view, struct request *request)
{
    *view = (struct config_view){.request = request};
    config_init(&view->defaults);
}

static struct arena *arena_of(const struct config_view *view)
{
    return &view->request->arena;
}

static int32_t broker_count(const struct config_view *view)
{
    const struct shard *shard = view->request->shard;
    uint32_t known = shard->image->broker_count, voters = shard->config->voter_count;
    return (int32_t)(known > voters ? known : voters);
}

static struct str value_in(const struct record_config *configs, uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(configs[i].name, name))
            return configs[i].value;
    return (struct str){0};
}

static struct str altered(const struct image_configs *configs, struct str name)
{
    return configs ? value_in(configs->configs, configs->config_count, name) : (struct str){0};
}

/* What `key` of the broker is by the word of `origin`; null: that says nothing. */
static struct str word_of(const struct config_view *view, enum config_origin origin,
                          const struct config_key *key)
{
    const struct shard *shard = view->request->shard;
    const struct config *start = shard->started_with;
    bool is_given = config_given_by(start, key) != CONFIG_FROM_DEFAULT;
    switch (origin) {
    case ORIGIN_BROKER:
        return altered(live_settings_own(shard), str_from(key->name));
    case ORIGIN_ALL_BROKERS:
        return altered(image_configs(shard->image, CONFIG_OF_BROKER, STR("")), str_from(key->name));
    case ORIGIN_STATIC:
        return is_given ? str_from(config_text(start, key, broker_count(view), arena_of(view)))
                        : (struct str){0};
    default:
        return str_from(config_text(is_given ? &view->defaults : start, key, broker_count(view),
                                    arena_of(view)));
    }
}

struct synonym_list {
    uint32_t count;
    struct describe_configs_response_synonym *list;
};

static void add_synonym(struct synonym_list *synonyms, struct str name, struct str value,
                        enum config_origin origin)
{
    synonyms->list[synonyms->count++] = (struct describe_configs_response_synonym){
        .name = name, .value = value, .source = (int8_t)origin};
}

/* All that is said of `names`, the broker's with commas between, after room for `before` more. */
static struct synonym_list synonyms_of(const struct config_view *view, const char *names)
{
    struct synonym_list synonyms = {
        .list = describe_configs_response_synonym_new(arena_of(view), ORIGINS * SYNONYMS_MAX + 1)};
    for (enum config_origin origin = ORIGIN_BROKER; origin <= ORIGIN_DEFAULT; origin++) {
        struct str rest = str_from(names), name;
        while (names && config_next_word(&rest, &name)) {
            const struct config_key *key = config_key_find(CONFIG_OF_BROKER, name);
            struct str value = word_of(view, origin, key);
            check(synonyms.count < ORIGINS * SYNONYMS_MAX);
            if (value.data)
                add_synonym(&synonyms, str_from(key->name), value, origin);
        }
    }
    return synonyms;
}

static uint64_t size_of(const struct describe_configs_response_config *config)
{
    uint64_t size =
        ENTRY_SIZE + (uint64_t)config->name.size + config->value.size + config->documentation.size;
    for (uint32_t i = 0; i < config->synonyms_count; i++)
        size +=
            SYNONYM_SIZE + (uint64_t)config->synonyms[i].name.size + config->synonyms[i].value.size;
    return size;
}

static void add(const struct config_view *view, struct config_list *list,
                const struct config_key *key, struct str value, const struct synonym_list *synonyms)
{
    struct describe_configs_response_config *config = &list->configs[list->count++];
    config->name = str_from(key->name);
    config->is_sensitive = key->type == CONFIG_PASSWORD;
    config->value = config->is_sensitive ? (struct str){0} : value;
    config->config_type = (int8_t)key->type;
    config->config_source =
        (int8_t)(synonyms->count > 0 ? synonyms->list[0].source : ORIGIN_DEFAULT);
    config->is_default = config->config_source == ORIGIN_DEFAULT;
    if (view->documentation)
        config->documentation = str_from(key->doc);
    if (view->synonyms) {
        config->synonyms = synonyms->list;
        config->synonyms_count = synonyms->count;
    }
    list->size += size_of(config);
}

static struct config_list list_new(const struct config_view *view, uint32_t room)
{
    return (struct config_list){.configs =
                                    describe_configs_response_config_new(arena_of(view), room)};
}

static uint32_t key_count(enum config_resource resource)
{
    uint32_t count = 0;
    while (config_key_at(resource, count))
        count++;
    return count;
}

static bool is_told(const struct config_key *key)
{
    return key->reach != CONFIG_GONE;
}

static bool is_read_only(const struct config_key *key)
{
    return key->reach != CONFIG_LIVE && key->reach != CONFIG_CLUSTER;
}

const struct config_list *config_view_broker(struct config_view *view)
{
    const struct config *config = view->request->shard->config;
    const struct config_key *key;
    if (view->broker.configs)
        return &view->broker;
    view->broker = list_new(view, key_count(CONFIG_OF_BROKER));
    for (uint32_t i = 0; (key = config_key_at(CONFIG_OF_BROKER, i)); i++) {
        if (!is_told(key))
            continue;
        struct synonym_list synonyms = synonyms_of(view, key->name);
        const char *value = config_text(config, key, broker_count(view), arena_of(view));
        add(view, &view->broker, key, str_from(value), &synonyms);
        view->broker.configs[view->broker.count - 1].read_only = is_read_only(key);
    }
    return &view->broker;
}

struct config_list config_view_all_brokers(struct config_view *view)
{
    const struct image_configs *all =
        image_configs(view->request->shard->image, CONFIG_OF_BROKER, STR(""));
    struct config_list list = list_new(view, all ? all->config_count : 0);
    for (uint32_t i = 0; all && i < all->config_count; i++) {
        const struct config_key *key = config_key_find(CONFIG_OF_BROKER, all->configs[i].name);
        struct synonym_list synonyms = {
            .list = describe_configs_response_synonym_new(arena_of(view), 1)};
        if (!key)
            continue;
        struct str value = arena_str(arena_of(view), all->configs[i].value);
        add_synonym(&synonyms, str_from(key->name), value, ORIGIN_ALL_BROKERS);
        add(view, &list, key, value, &synonyms);
    }
    return list;
}

/* Topics and groups that say nothing. */
static void add_defaults(const struct config_view *view, struct config_list *list,
                         enum config_resource resource)
{
    const struct config *config = view->request->shard->config;
    const struct config_key *key;
    *list = list_new(view, key_count(resource));
    for (uint32_t i = 0; (key = config_key_at(resource, i)); i++) {
        if (!is_told(key))
            continue;
        struct synonym_list synonyms = synonyms_of(view, key->synonyms);
        const char *value = config_topic_text(config, key, broker_count(view), arena_of(view));
        add(view, list, key, str_from(value), &synonyms);
        list->configs[list->count - 1].read_only =
            resource == CONFIG_OF_GROUP ? key->reach != CONFIG_LIVE : key->reach == CONFIG_START;
    }
}

static void override(const struct config_view *view,
                     struct describe_configs_response_config *config, struct str value,
                     enum config_origin origin)
{
    struct synonym_list synonyms = {
        .list = describe_configs_response_synonym_new(arena_of(view), config->synonyms_count + 1)};
    config->value = arena_str(arena_of(view), value); /* The image may go before the answer does. */
    config->config_source = (int8_t)origin;
    config->is_default = false;
    if (!view->synonyms)
        return;
    add_synonym(&synonyms, config->name, config->value, origin);
    for (uint32_t i = 0; i < config->synonyms_count; i++)
        synonyms.list[synonyms.count++] = config->synonyms[i];
    config->synonyms = synonyms.list;
    config->synonyms_count = synonyms.count;
}

struct config_list config_view_group(struct config_view *view, struct str name)
{
    const struct image_configs *own =
        image_configs(view->request->shard->image, CONFIG_OF_GROUP, name);
    if (!view->group.configs)
        add_defaults(view, &view->group, CONFIG_OF_GROUP);
    if (!own)
        return view->group;
    struct config_list list = list_new(view, view->group.count);
    for (uint32_t i = 0; i < view->group.count; i++) {
        struct describe_configs_response_config *config = &list.configs[list.count++];
        *config = view->group.configs[i];
        struct str value = altered(own, config->name);
        if (value.data)
            override(view, config, value, ORIGIN_GROUP);
        list.size += size_of(config);
    }
    return list;
}

/* Whose default depends on the replicas. */
static bool is_by_replicas(const struct describe_configs_response_config *config)
{
    return str_equal(config->name, STR("min.insync.replicas")) &&
           config->config_source == ORIGIN_DEFAULT;
}

struct config_list config_view_new_topic(struct config_view *view, const struct record_config *own,
                                         uint32_t own_count, int32_t replicas)
{
    const struct shard *shard = view->request->shard;
    if (!view->topic.configs)
        add_defaults(view, &view->topic, CONFIG_OF_TOPIC);
    if (own_count == 0 && replicas == broker_count(view))
        return view->topic;
    struct config_list list = list_new(view, view->topic.count);
    for (uint32_t i = 0; i < view->topic.count; i++) {
        struct describe_configs_response_config *config = &list.configs[list.count++];
        *config = view->topic.configs[i];
        struct str value = value_in(own, own_count, config->name);
        if (value.data)
            override(view, config, value, ORIGIN_TOPIC);
        else if (is_by_replicas(config))
            config->value = str_from(
                config_topic_text(shard->config, config_key_find(CONFIG_OF_TOPIC, config->name),
                                  replicas, arena_of(view)));
        list.size += size_of(config);
    }
    return list;
}

struct config_list config_view_topic(struct config_view *view, const struct image_topic *topic)
{
    const struct image_partition *partition =
        image_partition(view->request->shard->image, topic->id, 0);
    int32_t replicas = partition ? (int32_t)partition->replicas.count : broker_count(view);
    return config_view_new_topic(view, topic->configs, topic->config_count, replicas);
}

static const char *const levels[] = {
    [TRACE_DEBUG] = "DEBUG", [TRACE_INFO] = "INFO", [TRACE_WARN] = "WARN", [TRACE_ERROR] = "ERROR"};

struct str logger_level_name(enum trace_level level)
{
    return str_from(levels[level]);
}

/* Kafka's TRACE and FATAL are the nearest that there is. */
bool logger_level_parse(struct str name, enum trace_level *level)
{
    if (str_equal(name, STR("TRACE")))
        name = STR("DEBUG");
    if (str_equal(name, STR("FATAL")))
        name = STR("ERROR");
    for (int i = TRACE_DEBUG; i <= TRACE_ERROR; i++)
        if (name.size == strlen(levels[i]) && strncasecmp(name.data, levels[i], name.size) == 0) {
            *level = (enum trace_level)i;
            return true;
        }
    return false;
}

struct config_list config_view_logger(struct config_view *view)
{
    static const struct config_key root = {
        .name = LOGGER_NAME,
        .type = CONFIG_STRING,
        .reach = CONFIG_LIVE,
        .doc = "How much the node tells about itself: DEBUG, INFO, WARN or ERROR; TRACE and FATAL "
               "are taken for the nearest of these. An alteration lasts until the node stops."};
    struct synonym_list synonyms = {.list =
                                        describe_configs_response_synonym_new(arena_of(view), 1)};
    struct config_list list = list_new(view, 1);
    struct str level = logger_level_name(view->request->shard->env->trace->level);
    add_synonym(&synonyms, STR(LOGGER_NAME), level, ORIGIN_LOGGER);
    add(view, &list, &root, level, &synonyms);
    return list;
}

enum { CONFIGS_MAX = 512, NAME_SIZE_MAX = 127 }; /* Of one list; of one name in it. */
static_assert((int)CONFIGS_MAX >= (int)RECORD_CONFIGS_MAX, "a list may hold all that is altered");

/* Which configs of a list are named. A request may name far more keys than there are, so each is
 * held only against configs whose names are as long. */
struct choice {
    const struct config_list *from;
    uint16_t first[NAME_SIZE_MAX + 1]; /* By length; places count from 1, 0 is none. */
    uint16_t next[CONFIGS_MAX];
    bool is_chosen[CONFIGS_MAX];
};

static void choice_begin(struct choice *choice, const struct config_list *from)
{
    check(from->count <= CONFIGS_MAX);
    memset(choice, 0, sizeof *choice);
    choice->from = from;
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t size = from->configs[i].name.size;
        check(size <= NAME_SIZE_MAX);
        choice->next[i] = choice->first[size];
        choice->first[size] = (uint16_t)(i + 1);
    }
}

static void choose(struct choice *choice, struct str name)
{
    uint32_t place = name.size > NAME_SIZE_MAX ? 0 : choice->first[name.size];
    while (place > 0 && !str_equal(choice->from->configs[place - 1].name, name))
        place = choice->next[place - 1];
    if (place > 0)
        choice->is_chosen[place - 1] = true;
}

struct config_list config_view_chosen(struct config_view *view, const struct config_list *from,
                                      const struct str *names, uint32_t count)
{
    struct choice choice;
    uint32_t room = 0;
    choice_begin(&choice, from);
    for (uint32_t i = 0; i < count; i++)
        choose(&choice, names[i]);
    for (uint32_t i = 0; i < from->count; i++)
        room += choice.is_chosen[i];
    struct config_list list = list_new(view, room);
    for (uint32_t i = 0; i < from->count; i++) {
        if (!choice.is_chosen[i])
            continue;
        list.configs[list.count++] = from->configs[i];
        list.size += size_of(&from->configs[i]);
    }
    return list;
}
