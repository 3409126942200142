/* check_l6_groups.c -- L6: once all is healed, every group is stable: its members have what was
 * assigned to them and commit it, and all that was committed is read back.
 *
 * Of a group of consumers also: it has come to its last epoch, nobody is still to give up
 * anything, and each partition of what is subscribed to is one member's, who subscribes to it. */
#include "check.h"
#include "live.h"

#include "history.h"

static bool subscribes(const struct ledger_consumer *consumer, uint32_t topic)
{
    uint32_t by_regex = consumer->regex >= 0 ? ledger_patterns[consumer->regex].topics : 0;
    return consumer->is_member && ((consumer->topics | by_regex) >> topic & 1);
}

static bool has_come_to_rest(const struct ledger_group *group, char *why, size_t size)
{
    const struct ledger_consumers *consumers = &group->consumers;
    for (uint32_t i = 0; i < consumers->count; i++) {
        const struct ledger_consumer *consumer = &consumers->all[i];
        if (consumer->epoch == consumers->epoch && consumers->target_epoch == consumers->epoch &&
            consumer->revoking.count == 0)
            continue;
        snprintf(why, size, "%s is in epoch %d, the target of %d, and %s in %d, to give up %u",
                 group->name, consumers->epoch, consumers->target_epoch, consumer->id,
                 consumer->epoch, consumer->revoking.count);
        return false;
    }
    return true;
}

static bool is_assigned(const struct ledger_group *group, const struct image_topic *topic,
                        uint32_t number, char *why, size_t size)
{
    const struct ledger_consumers *consumers = &group->consumers;
    for (int32_t p = 0; p < topic->partition_count; p++) {
        uint32_t owners = 0, wrong = 0, readers = 0;
        for (uint32_t i = 0; i < consumers->count; i++) {
            const struct ledger_consumer *at = &consumers->all[i];
            bool has = ledger_shares_find(&at->assigned, topic->id, p) != NULL;
            readers += subscribes(at, number);
            owners += has;
            wrong += has && !subscribes(at, number);
        }
        if (wrong == 0 && owners == (readers > 0))
            continue;
        snprintf(why, size, "%s: partition %d of topic%u has %u owners and %u readers", group->name,
                 p, number, owners, readers);
        return false;
    }
    return true;
}

static bool is_stable(const struct world *world, uint32_t index, char *why, size_t size)
{
    const struct ledger_group *group = ledger_group_of(world, index);
    if (group->is_haunted) /* Its coordinator knows more than its records: ask the members alone. */
        return true;
    if (!has_come_to_rest(group, why, size))
        return false;
    for (uint32_t i = 0; i < world->swarm.topics; i++) {
        char name[16];
        snprintf(name, sizeof name, "topic%u", i);
        const struct image_topic *topic = image_topic_by_name(world->ghost->image, str_from(name));
        if (topic && !is_assigned(group, topic, i, why, size))
            return false;
    }
    return true;
}

bool live_l6(struct world *world, char *why, size_t size)
{
    for (uint32_t i = 0; i < world->swarm.groups; i++)
        if (!is_stable(world, i, why, size))
            return false;
    return history_groups_are_stable(world, why, size);
}
