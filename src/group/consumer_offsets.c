/* consumer_offsets.c -- who may commit and fetch in a group of consumers (rules 118 and 147). */
#include "consumer_state.h"

static enum err check_epoch(const struct consumer *consumer, int32_t epoch)
{
    if (epoch == consumer->epoch)
        return ERR_NONE;
    return consumer->profile.is_classic ? ERR_ILLEGAL_GENERATION : ERR_STALE_MEMBER_EPOCH;
}

/* An older epoch is good for partitions that the member has had since then (KIP-1251). */
static bool has_had(const struct consumer *consumer, int32_t epoch,
                    const struct group_commit_topic *topic)
{
    struct group_topic found;
    if (!find_topic(consumer->group->coordinator, topic->topic, &found))
        return false;
    for (uint32_t i = 0; i < topic->partition_count; i++) {
        struct held wanted = held_of(found.id, topic->partitions[i].index, 0);
        const struct held *held = holding_find(&consumer->assigned, wanted);
        if (held == NULL)
            held = holding_find(&consumer->revoking, wanted);
        if (held == NULL || epoch < held->epoch)
            return false;
    }
    return true;
}

static enum err check_late(const struct consumer *consumer,
                           const struct offset_commit_command *command)
{
    enum err err = check_epoch(consumer, command->generation);
#ifdef SKIFF_MUTANT_COMMIT_STALE
    return ERR_NONE;
#endif
    if (err != ERR_STALE_MEMBER_EPOCH || command->generation > consumer->epoch ||
        command->generation < 0)
        return err;
    for (uint32_t i = 0; i < command->topic_count; i++)
        if (!has_had(consumer, command->generation, &command->topics[i]))
            return err;
    return ERR_NONE;
}

enum err consumer_check_commit(const struct group *group,
                               const struct offset_commit_command *command)
{
    struct consumer *consumer;
    if (group->consumers->count == 0 && command->generation < 0)
        return ERR_NONE;
    enum err err = consumer_check(group, command->member_id, command->instance_id, &consumer);
    if (err != ERR_NONE)
        return err;
    if (!consumer->profile.is_classic && !command->knows_group_not_found)
        return ERR_UNSUPPORTED_VERSION; /* Below 9 there is no word for an epoch. */
    return check_late(consumer, command);
}

enum err consumer_check_fetch(const struct group *group, const struct group_fetch *fetch)
{
    const struct consumer *consumer;
    if (fetch->member_id.data == NULL && fetch->member_epoch <= 0)
        return ERR_NONE;
    consumer = consumer_find(group, fetch->member_id);
    return consumer == NULL ? ERR_UNKNOWN_MEMBER_ID : check_epoch(consumer, fetch->member_epoch);
}
