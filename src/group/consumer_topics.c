/* consumer_topics.c -- which topics a group of consumers reads, and when that changes.
 *
 * Names may come from members, or from expressions that stand for names. What counts is what
 * is there of them: its hash tells whether the group has to be assigned anew. Topics come and
 * go unseen, so their version is compared with each heartbeat. */
#include "consumer_state.h"
#include "regex.h"

#include <stdlib.h>

bool find_topic(const struct coordinator *coordinator, struct str name, struct group_topic *out)
{
    const struct group_topics *topics = &coordinator->config.topics;
    return topics->by_name != NULL && topics->by_name(topics->context, name, out);
}

bool find_topic_by_id(const struct coordinator *coordinator, struct uuid id,
                      struct group_topic *out)
{
    const struct group_topics *topics = &coordinator->config.topics;
    return topics->by_id != NULL && topics->by_id(topics->context, id, out);
}

const struct group_topic_partitions *holding_named(struct group_decision *decision,
                                                   const struct holding *holding, uint32_t *count)
{
    uint32_t all;
    const struct group_topic_partitions *topics = holding_topics(decision->arena, holding, &all);
    struct group_topic_partitions *named =
        arena_array(decision->arena, struct group_topic_partitions, all);
    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        struct group_topic topic;
        if (!find_topic_by_id(decision->coordinator, topics[i].topic_id, &topic))
            continue;
        named[*count] = topics[i];
        named[(*count)++].topic = topic.name;
    }
    return named;
}

struct holding holding_by_names(struct group_decision *decision, int32_t epoch, uint32_t count,
                                const struct group_topic_partitions *topics)
{
    struct group_topic topic;
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += topics[i].partition_count;
    struct holding holding = holding_new(decision->arena, total);
    for (uint32_t i = 0; i < count; i++) {
        if (!find_topic(decision->coordinator, topics[i].topic, &topic))
            continue;
        for (uint32_t j = 0; j < topics[i].partition_count; j++)
            holding_add(&holding, held_of(topic.id, topics[i].partitions[j], epoch));
    }
    holding_sort(&holding);
    return holding;
}

static int compare_ids(const void *a, const void *b)
{
    return uuid_compare(((const struct subscribed *)a)->id, ((const struct subscribed *)b)->id);
}

static void add_names(const struct coordinator *coordinator, uint32_t count,
                      const struct str *names, struct subscribed_topics *topics)
{
    struct group_topic topic;
    for (uint32_t i = 0; i < count; i++)
        if (find_topic(coordinator, names[i], &topic) && topic.partition_count > 0)
            topics->topics[topics->count++] = (struct subscribed){
                .id = topic.id, .name = topic.name, .partition_count = topic.partition_count};
}

static void sort_topics(struct subscribed_topics *topics)
{
    uint32_t kept = 0;
    qsort(topics->topics, topics->count, sizeof *topics->topics, compare_ids);
    for (uint32_t i = 0; i < topics->count; i++)
        if (i == 0 || !uuid_equal(topics->topics[i].id, topics->topics[kept - 1].id))
            topics->topics[kept++] = topics->topics[i];
    topics->count = kept;
}

struct subscribed_topics consumer_topics(const struct consumer *consumer, struct arena *arena)
{
    const struct coordinator *coordinator = consumer->group->coordinator;
    const struct regex *regex = regex_find(consumer->group, consumer->profile.topic_regex);
    uint64_t count = (uint64_t)consumer->profile.topic_count + (regex ? regex->topic_count : 0);
    struct subscribed_topics topics = {.topics = arena_array(arena, struct subscribed, count)};
    add_names(coordinator, consumer->profile.topic_count, consumer->profile.topics, &topics);
    if (regex != NULL)
        add_names(coordinator, regex->topic_count, regex->topics, &topics);
    sort_topics(&topics);
    return topics;
}

static uint64_t count_names(const struct group *group)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    const struct regex *regex;
    uint64_t count = 0;
    while ((consumer = consumer_next(group, &after)) != NULL)
        count += consumer->profile.topic_count;
    while ((regex = names_next(group->consumers->regexes, &after)) != NULL)
        count += regex->topic_count;
    return count;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

struct subscription consumers_subscription(const struct group *group, struct arena *arena)
{
    struct subscription subscription = {.is_known = true};
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    const struct regex *regex;
    subscription.topics = arena_array(arena, struct str, count_names(group));
    while ((consumer = consumer_next(group, &after)) != NULL)
        for (uint32_t i = 0; i < consumer->profile.topic_count; i++)
            subscription.topics[subscription.count++] = consumer->profile.topics[i];
    while ((regex = names_next(group->consumers->regexes, &after)) != NULL)
        for (uint32_t i = 0; i < regex->topic_count; i++)
            subscription.topics[subscription.count++] = regex->topics[i];
    qsort(subscription.topics, subscription.count, sizeof *subscription.topics, compare_names);
    return subscription;
}

struct subscribed_topics consumers_topics(const struct group *group, struct arena *arena)
{
    struct subscription names = consumers_subscription(group, arena);
    struct subscribed_topics topics = {.topics =
                                           arena_array(arena, struct subscribed, names.count)};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names.count; i++)
        if (i == 0 || !str_equal(names.topics[i], names.topics[kept - 1]))
            names.topics[kept++] = names.topics[i];
    add_names(group->coordinator, kept, names.topics, &topics);
    sort_topics(&topics);
    return topics;
}

bool subscribed_has(const struct subscribed_topics *topics, struct uuid id, uint32_t *place)
{
    struct subscribed wanted = {.id = id};
    const struct subscribed *found =
        topics->count == 0
            ? NULL
            : bsearch(&wanted, topics->topics, topics->count, sizeof wanted, compare_ids);
    if (found == NULL)
        return false;
    *place = (uint32_t)(found - topics->topics);
    return true;
}

static int64_t hash_topics(const struct subscribed_topics *topics)
{
    uint64_t hash = topics->count == 0 ? 0 : UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < topics->count; i++) {
        const struct subscribed *topic = &topics->topics[i];
        for (size_t j = 0; j < sizeof topic->id.bytes; j++)
            hash = (hash ^ topic->id.bytes[j]) * UINT64_C(0x100000001b3);
        hash = (hash ^ (uint64_t)(uint32_t)topic->partition_count) * UINT64_C(0x100000001b3);
    }
    return (int64_t)hash;
}

enum err consumers_resolve(struct group_decision *decision, const struct group *group,
                           struct str pattern, struct regex *out)
{
    if (group != NULL && group->consumers != NULL &&
        pmap_count(group->consumers->regexes) >= GROUP_REGEXES_MAX)
        return ERR_INVALID_REGULAR_EXPRESSION;
    out->pattern = pattern;
    return regex_resolve(pattern, &decision->coordinator->config.topics, decision->arena,
                         &out->topic_count, &out->topics);
}

void consumers_drop_regex(struct group_decision *decision, struct group *group, struct str pattern)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    if (pattern.size == 0 || regex_find(group, pattern) == NULL)
        return;
    while ((consumer = consumer_next(group, &after)) != NULL)
        if (str_equal(consumer->profile.topic_regex, pattern))
            return;
    emit_regex_tombstone(decision, group, pattern);
    regex_remove(group, pattern);
}

static bool is_same(const struct regex *regex, uint32_t count, const struct str *topics)
{
    if (regex->topic_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!str_equal(regex->topics[i], topics[i]))
            return false;
    return true;
}

/* All expressions at once, so that new topics cost one assignment. One that has become too
 * dear stands for what it did. True: some stand for other topics now. */
static bool resolve_again(struct group_decision *decision, struct group *group, uint64_t version)
{
    struct str after = {.data = NULL};
    struct regex *regex;
    bool is_changed = false;
    while ((regex = names_next(group->consumers->regexes, &after)) != NULL) {
        uint32_t count;
        struct str *topics;
        if (regex_resolve(regex->pattern, &decision->coordinator->config.topics, decision->arena,
                          &count, &topics) != ERR_NONE ||
            is_same(regex, count, topics))
            continue;
        regex_set(regex, count, topics);
        regex->version = (int64_t)version;
        regex->time = decision->time;
        emit_regex(decision, group, regex);
        is_changed = true;
    }
    group->consumers->refresh_due = decision->now + CONSUMER_REFRESH_MS;
    return is_changed;
}

/* Whether topics may be others than when the group was looked at last. */
static bool look(struct group_decision *decision, struct group *group)
{
    struct consumers *consumers = group->consumers;
    const struct group_topics *topics = &decision->coordinator->config.topics;
    uint64_t version = topics->version == NULL ? 0 : topics->version(topics->context);
    bool has_regexes = pmap_count(consumers->regexes) > 0;
#ifdef SKIFF_MUTANT_TOPICS_UNSEEN
    version = consumers->topics_version;
#endif
    if (consumers->has_looked && version == consumers->topics_version)
        return false;
    if (has_regexes && decision->now >= consumers->refresh_due) {
        resolve_again(decision, group, version);
        has_regexes = false;
    }
    consumers->has_looked = !has_regexes; /* Those wait for their time. */
    consumers->topics_version = version;
    return true;
}

void consumers_refresh(struct group_decision *decision, struct group *group, bool is_changed)
{
    struct consumers *consumers = group->consumers;
    bool has_looked = look(decision, group);
    if (!is_changed && !has_looked && consumers->epoch > 0)
        return;
    struct subscribed_topics topics = consumers_topics(group, decision->arena);
    int64_t hash = hash_topics(&topics);
    if (!is_changed && hash == consumers->metadata_hash && consumers->epoch > 0)
        return;
    consumers->metadata_hash = hash;
    consumers->epoch = consumers->epoch == INT32_MAX ? 1 : consumers->epoch + 1;
    emit_consumers(decision, group);
}
