/* consumer_join.c -- a member comes into a group of consumers, or says something new of itself:
 * what ConsumerGroupHeartbeat and JoinGroup share. */
#include "consumer_state.h"

static uint64_t bytes_max(const struct group *group)
{
    return (uint64_t)GROUP_BYTES_FACTOR * group->coordinator->config.record_size_max;
}

/* Who came back takes no second place. What the group is like before it becomes one of
 * consumers counts too. */
enum err consumers_check_room(const struct group *group, const struct consumer *consumer,
                              const struct consumer_profile *profile)
{
    int32_t configured = group->coordinator->config.consumer.members_max;
    uint32_t max = configured < GROUP_MEMBERS_MAX ? (uint32_t)configured : GROUP_MEMBERS_MAX;
    bool is_consumers = group->consumers != NULL;
    uint32_t count = is_consumers ? group->consumers->count : group->member_count;
    uint64_t before = consumer == NULL ? 0 : consumer->bytes;
    uint64_t others = (is_consumers ? group->consumers->bytes : group->bytes) - before;
    uint64_t bytes =
        profile_bytes(profile) + sizeof *consumer + CONSUMER_RECORDS * (uint64_t)group->id.size;

    if (consumer == NULL && count >= max)
        return ERR_GROUP_MAX_SIZE_REACHED;
    if (bytes > group->coordinator->config.record_size_max || others + bytes > bytes_max(group) ||
        !memory_has_room(group->coordinator, before, bytes))
        return ERR_GROUP_MAX_SIZE_REACHED;
    return ERR_NONE;
}

/* A static member under another id has what it had, in an epoch in which it has to say what
 * it knows (rule 143). */
static struct consumer *replace(struct group_decision *decision, struct consumer *replaced,
                                struct str id)
{
    struct consumer *consumer = consumer_put(replaced->group, id);
    consumer_describe(consumer, &replaced->profile);
    consumer->state = replaced->state;
    holding_replace(&consumer->assigned, replaced->assigned);
    holding_replace(&consumer->revoking, replaced->revoking);
    holding_replace(&consumer->target, replaced->target);
    consumer_count(consumer);
    emit_consumer_tombstones(decision, replaced);
    consumer_remove(replaced);
    emit_consumer_profile(decision, consumer);
    emit_consumer_target(decision, consumer);
    emit_consumer_current(decision, consumer);
    return consumer;
}

struct consumer *consumer_admit(struct group_decision *decision, struct group *group,
                                struct consumer *replaced, struct str id)
{
    if (replaced != NULL && !str_equal(replaced->id, id))
        return replace(decision, replaced, id);
    return consumer_put(group, id);
}

/* True: the group did not know it. */
static bool take_regex(struct group_decision *decision, struct group *group,
                       const struct regex *resolved)
{
    const struct group_topics *topics = &decision->coordinator->config.topics;
    if (resolved == NULL || regex_find(group, resolved->pattern) != NULL)
        return false;
    struct regex *regex = regex_put(group, resolved->pattern);
    regex_set(regex, resolved->topic_count, resolved->topics);
    regex->version = topics->version == NULL ? 0 : (int64_t)topics->version(topics->context);
    regex->time = decision->time;
    emit_regex(decision, group, regex);
    return true;
}

bool consumer_update(struct group_decision *decision, struct consumer *consumer,
                     const struct consumer_profile *profile, const struct regex *resolved)
{
    bool is_new = !consumer->has_profile;
    bool is_resubscribed = is_new || !profile_topics_equal(&consumer->profile, profile) ||
                           !str_equal(consumer->profile.topic_regex, profile->topic_regex);
    struct str regex_before = arena_str(decision->arena, consumer->profile.topic_regex);

    is_resubscribed |= take_regex(decision, consumer->group, resolved);
    if (!is_new && profile_equal(&consumer->profile, profile))
        return is_resubscribed;
    consumer_describe(consumer, profile);
    emit_consumer_profile(decision, consumer);
    consumers_drop_regex(decision, consumer->group, regex_before);
    return is_resubscribed;
}
