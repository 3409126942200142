/* consumer_assign.c -- the target of a group of consumers: who shall have what in its epoch. */
#include "consumer_state.h"

#include "assign.h"

#include <stdlib.h>

static const struct str assignor_names[] = {
    [GROUP_ASSIGNOR_UNIFORM] = {.data = "uniform", .size = 7},
    [GROUP_ASSIGNOR_RANGE] = {.data = "range", .size = 5},
};

bool assignor_is_known(const struct consumer_config *config, struct str name)
{
    for (uint32_t i = 0; i < config->assignor_count; i++)
        if (str_equal(assignor_names[config->assignors[i]], name))
            return true;
    return false;
}

static uint32_t count_votes(const struct group *group, struct str name)
{
    struct str after = {.data = NULL};
    const struct consumer *consumer;
    uint32_t votes = 0;
    while ((consumer = consumer_next(group, &after)) != NULL)
        votes += str_equal(consumer->profile.assignor, name);
    return votes;
}

/* What most members wish for; without a wish, what is configured first. */
static enum group_assignor choose(const struct group *group)
{
    const struct consumer_config *config = &group->coordinator->config.consumer;
    enum group_assignor best =
        config->assignor_count > 0 ? config->assignors[0] : GROUP_ASSIGNOR_UNIFORM;
    uint32_t most = 0;
    for (uint32_t i = 0; i < config->assignor_count; i++) {
        uint32_t votes = count_votes(group, assignor_names[config->assignors[i]]);
        if (votes <= most)
            continue;
        most = votes;
        best = config->assignors[i];
    }
    return best;
}

struct str consumers_assignor(const struct group *group)
{
    return assignor_names[choose(group)];
}

/* The order in which members take turns: static ones by their instance, then by id. */
static int compare_turns(const void *a, const void *b)
{
    const struct consumer *x = *(const struct consumer *const *)a;
    const struct consumer *y = *(const struct consumer *const *)b;
    struct str i = x->profile.instance_id, j = y->profile.instance_id;
    if ((i.data == NULL) != (j.data == NULL))
        return i.data == NULL ? 1 : -1;
    return i.data != NULL && !str_equal(i, j) ? str_compare(i, j) : str_compare(x->id, y->id);
}

/* A group as an assignor sees it. */
struct table {
    struct subscribed_topics topics;
    struct consumer **consumers;
    struct assign_group group;
};

static void fill_member(struct arena *arena, const struct table *table,
                        const struct consumer *consumer, struct assign_member *member)
{
    struct subscribed_topics topics = consumer_topics(consumer, arena);
    uint32_t *places = arena_array(arena, uint32_t, topics.count);
    struct assign_partition *current =
        arena_array(arena, struct assign_partition, consumer->target.count);
    uint32_t place;
    *member = (struct assign_member){.topics = places, .current = current};
    for (uint32_t i = 0; i < topics.count; i++)
        if (subscribed_has(&table->topics, topics.topics[i].id, &place))
            places[member->topic_count++] = place;
    for (uint32_t i = 0; i < consumer->target.count; i++) {
        struct held held = consumer->target.held[i];
        if (subscribed_has(&table->topics, held.topic_id, &place))
            current[member->current_count++] =
                (struct assign_partition){.topic = place, .index = held.index};
    }
}

static struct table make_table(struct arena *arena, const struct group *group, bool by_turns)
{
    struct table table = {.topics = consumers_topics(group, arena)};
    struct str after = {.data = NULL};
    struct consumer *consumer;
    uint32_t *counts = arena_array(arena, uint32_t, table.topics.count);
    for (uint32_t i = 0; i < table.topics.count; i++)
        counts[i] = (uint32_t)table.topics.topics[i].partition_count;
    table.consumers = arena_array(arena, struct consumer *, group->consumers->count);
    table.group = (struct assign_group){
        .topic_count = table.topics.count,
        .partition_counts = counts,
        .members = arena_array(arena, struct assign_member, group->consumers->count),
    };
    while ((consumer = consumer_next(group, &after)) != NULL)
        table.consumers[table.group.member_count++] = consumer;
    if (by_turns)
        qsort(table.consumers, table.group.member_count, sizeof *table.consumers, compare_turns);
    for (uint32_t i = 0; i < table.group.member_count; i++)
        fill_member(arena, &table, table.consumers[i], &table.group.members[i]);
    return table;
}

static void set_target(struct group_decision *decision, const struct table *table, uint32_t i)
{
    const struct assign_member *member = &table->group.members[i];
    struct consumer *consumer = table->consumers[i];
    struct holding target = holding_new(decision->arena, member->assigned_count);
    for (uint32_t j = 0; j < member->assigned_count; j++)
        holding_add(&target, held_of(table->topics.topics[member->assigned[j].topic].id,
                                     member->assigned[j].index, 0));
    holding_sort(&target);
    if (holding_equal(&target, &consumer->target))
        return;
    holding_replace(&consumer->target, target);
    consumer_count(consumer);
#ifndef SKIFF_MUTANT_TARGET_NOT_STORED
    emit_consumer_target(decision, consumer);
#endif
}

bool consumers_assign(struct group_decision *decision, struct group *group, bool may_wait)
{
    struct consumers *consumers = group->consumers;
    if (consumers->target_epoch == consumers->epoch)
        return true;
    if (may_wait && decision->now < consumers->assign_due)
        return false;
    enum group_assignor assignor = choose(group);
    struct table table = make_table(decision->arena, group, assignor == GROUP_ASSIGNOR_RANGE);
    if (assignor == GROUP_ASSIGNOR_RANGE)
        assign_range(decision->arena, &table.group);
    else
        assign_uniform(decision->arena, &table.group);
    for (uint32_t i = 0; i < table.group.member_count; i++)
        set_target(decision, &table, i);
    consumers->target_epoch = consumers->epoch;
    consumers->target_time = decision->time;
    consumers->assign_due = decision->now + consumers_config(group).assignment_interval_ms;
    emit_consumers_target(decision, group);
    return true;
}
