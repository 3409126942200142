/* consumers.c -- the members and expressions of a group of the consumer protocol.
 *
 * Invariants: by_id holds whoever a record speaks of, `count` those with a profile;
 * by_instance the static ones of them. Once started, everybody has a profile. */
#include "consumer_state.h"

static struct timers *timers_of(const struct consumer *consumer)
{
    return &consumer->group->coordinator->timers;
}

static mono_ms now_of(const struct consumer *consumer)
{
    return consumer->group->coordinator->decision->now;
}

static void session_ended(struct timer *timer, mono_ms now)
{
    struct consumer *consumer = list_entry(timer, struct consumer, session);
    (void)now;
    consumer_fence(consumer->group->coordinator->decision, consumer);
}

static void patience_ended(struct timer *timer, mono_ms now)
{
    struct consumer *consumer = list_entry(timer, struct consumer, patience);
    (void)now;
    consumer_fence(consumer->group->coordinator->decision, consumer);
}

struct consumers *consumers_of(struct group *group)
{
    if (group->consumers != NULL)
        return group->consumers;
    group->consumers = mem_zalloc(sizeof *group->consumers);
    group_count(group);
    return group->consumers;
}

struct consumer *consumer_find(const struct group *group, struct str id)
{
    return group->consumers == NULL ? NULL : names_get(group->consumers->by_id, id);
}

struct consumer *consumer_of_instance(const struct group *group, struct str instance_id)
{
    return group->consumers == NULL ? NULL : names_get(group->consumers->by_instance, instance_id);
}

struct consumer *consumer_next(const struct group *group, struct str *after)
{
    return group->consumers == NULL ? NULL : names_next(group->consumers->by_id, after);
}

struct consumer *consumer_put(struct group *group, struct str id)
{
    struct consumers *consumers = consumers_of(group);
    struct consumer *consumer = consumer_find(group, id);
    if (consumer != NULL)
        return consumer;
    consumer = mem_zalloc(sizeof *consumer);
    consumer->group = group;
    consumer->id = keep_str(id);
    consumer->session.fire = session_ended;
    consumer->patience.fire = patience_ended;
    names_put(&consumers->by_id, consumer->id, consumer);
    consumer_count(consumer);
    return consumer;
}

void consumer_count(struct consumer *consumer)
{
    uint64_t held =
        (uint64_t)consumer->assigned.count + consumer->revoking.count + consumer->target.count;
    memory_count(consumer->group->coordinator, &consumer->kept,
                 sizeof *consumer + consumer->id.size + consumer->bytes +
                     held * sizeof(struct held) + 2 * MEMORY_ENTRY);
}

void consumer_remove(struct consumer *consumer)
{
    struct consumers *consumers = consumer->group->consumers;
    timer_stop(timers_of(consumer), &consumer->session);
    timer_stop(timers_of(consumer), &consumer->patience);
    consumer_forget(consumer);
    names_remove(&consumers->by_id, consumer->id);
    memory_count(consumer->group->coordinator, &consumer->kept, 0);
    holding_drop(&consumer->assigned);
    holding_drop(&consumer->revoking);
    holding_drop(&consumer->target);
    drop_str(&consumer->id);
    mem_free(consumer);
}

void consumers_free(struct group *group)
{
    struct consumers *consumers = group->consumers;
    struct str after = {.data = NULL};
    struct consumer *consumer;
    struct regex *regex;
    if (consumers == NULL)
        return;
    while ((consumer = names_next(consumers->by_id, &after)) != NULL) {
        consumer_remove(consumer);
        after = (struct str){.data = NULL};
    }
    while ((regex = names_next(consumers->regexes, &after)) != NULL) {
        regex_remove(group, regex->pattern);
        after = (struct str){.data = NULL};
    }
    mem_free(consumers);
    group->consumers = NULL;
    group_count(group);
}

void consumers_remove_unused(struct group *group)
{
    const struct consumers *consumers = group->consumers;
    if (consumers != NULL && !consumers->has_epoch && !consumers->has_target &&
        pmap_count(consumers->by_id) == 0 && pmap_count(consumers->regexes) == 0)
        consumers_free(group);
    group_remove_unused(group);
}

struct consumer_config consumers_config(const struct group *group)
{
    const struct coordinator_config *coordinator = &group->coordinator->config;
    struct consumer_config config = coordinator->consumer;
    if (coordinator->settings.apply != NULL)
        coordinator->settings.apply(coordinator->settings.context, group->id, &config);
    return config;
}

static int32_t session_timeout(const struct consumer *consumer)
{
    int32_t timeout_ms = consumer->profile.is_classic
                             ? consumer->profile.session_timeout_ms
                             : consumers_config(consumer->group).session_timeout_ms;
    return timeout_ms > 0 ? timeout_ms : 1;
}

static int32_t rebalance_timeout(const struct consumer *consumer)
{
    return consumer->profile.rebalance_timeout_ms > 0 ? consumer->profile.rebalance_timeout_ms : 1;
}

void consumer_restart_session(struct consumer *consumer)
{
    timer_start(timers_of(consumer), &consumer->session,
                now_of(consumer) + session_timeout(consumer));
}

void consumer_start_patience(struct consumer *consumer)
{
    timer_start(timers_of(consumer), &consumer->patience,
                now_of(consumer) + rebalance_timeout(consumer));
}

enum err consumer_check(const struct group *group, struct str id, struct str instance_id,
                        struct consumer **out)
{
    struct consumer *consumer = instance_id.data == NULL ? consumer_find(group, id)
                                                         : consumer_of_instance(group, instance_id);
    if (consumer == NULL)
        return ERR_UNKNOWN_MEMBER_ID;
    if (!str_equal(consumer->id, id))
        return ERR_FENCED_INSTANCE_ID;
    *out = consumer;
    return ERR_NONE;
}

uint32_t consumers_classic(const struct group *group)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    uint32_t count = 0;
    while ((consumer = consumer_next(group, &after)) != NULL)
        count += consumer->profile.is_classic;
    return count;
}

struct str consumers_state(const struct group *group)
{
    const struct consumers *consumers = group->consumers;
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    if (consumers->count == 0)
        return STR("Empty");
    if (consumers->epoch > consumers->target_epoch)
        return STR("Assigning");
    while ((consumer = consumer_next(group, &after)) != NULL)
        if (!consumer_is_reconciled(consumer))
            return STR("Reconciling");
    return STR("Stable");
}

/* Who has no profile is what a log without whole batches left. */
static void drop_strangers(struct group *group)
{
    struct str after = {.data = NULL};
    struct consumer *consumer;
    while ((consumer = consumer_next(group, &after)) != NULL) {
        if (consumer->has_profile)
            continue;
        consumer_remove(consumer);
        after = (struct str){.data = NULL};
    }
}

void consumers_start(struct group *group, mono_ms now)
{
    struct str after = {.data = NULL};
    struct consumer *consumer;
    drop_strangers(group);
    while ((consumer = consumer_next(group, &after)) != NULL) {
        timer_start(timers_of(consumer), &consumer->session, now + session_timeout(consumer));
        if (consumer->state == CONSUMER_UNREVOKED)
            timer_start(timers_of(consumer), &consumer->patience,
                        now + rebalance_timeout(consumer));
    }
}

struct regex *regex_find(const struct group *group, struct str pattern)
{
    return group->consumers == NULL ? NULL : names_get(group->consumers->regexes, pattern);
}

struct regex *regex_put(struct group *group, struct str pattern)
{
    struct consumers *consumers = consumers_of(group);
    struct regex *regex = regex_find(group, pattern);
    if (regex != NULL)
        return regex;
    regex = mem_zalloc(sizeof *regex);
    regex->group = group;
    regex->pattern = keep_str(pattern);
    names_put(&consumers->regexes, regex->pattern, regex);
    return regex;
}

static void drop_topics(struct regex *regex)
{
    for (uint32_t i = 0; i < regex->topic_count; i++)
        drop_str(&regex->topics[i]);
    mem_free(regex->topics);
    regex->topics = NULL;
    regex->topic_count = 0;
}

void regex_set(struct regex *regex, uint32_t count, const struct str *topics)
{
    drop_topics(regex);
    regex->topics = mem_alloc((count + (size_t)1) * sizeof *topics);
    regex->topic_count = count;
    uint64_t names = regex->group->id.size + 2 * (uint64_t)regex->pattern.size;
    for (uint32_t i = 0; i < count; i++) {
        regex->topics[i] = keep_str(topics[i]);
        names += sizeof *topics + topics[i].size;
    }
    memory_count(regex->group->coordinator, &regex->kept, sizeof *regex + MEMORY_ENTRY + names);
}

void regex_remove(struct group *group, struct str pattern)
{
    struct regex *regex = regex_find(group, pattern);
    if (regex == NULL)
        return;
    names_remove(&group->consumers->regexes, regex->pattern);
    memory_count(group->coordinator, &regex->kept, 0);
    drop_topics(regex);
    drop_str(&regex->pattern);
    mem_free(regex);
}
