/* check_g1_owners.c -- G1 of groups of consumers (KIP-848): a partition is nobody's before its last
 * owner said that it gave it up, left or was fenced.
 *
 * What a member has is record 8: what it is assigned, and what it was told to give up. No two
 * members have a partition when a batch ends. A member that stays loses one only by a request
 * of its own that says that it has it not, and gets none but those of its target, record 7. */
#include "check.h"

static void found(struct world *world, const struct ledger_group *group,
                  const struct ledger_consumer *consumer, const struct ledger_share *share,
                  const char *what)
{
    world_violation(world, "G1", "%s, epoch %d: partition %d of topic %02x%02x %s %s", group->name,
                    group->consumers.epoch, share->index, share->topic_id.bytes[0],
                    share->topic_id.bytes[15], what, consumer->id);
}

static bool has(const struct ledger_consumer *consumer, const struct ledger_share *share)
{
    return ledger_shares_find(&consumer->assigned, share->topic_id, share->index) ||
           ledger_shares_find(&consumer->revoking, share->topic_id, share->index);
}

/* By its id; a join may name the instance alone. */
static bool is_of(const struct ledger_said *said, const struct ledger_consumer *consumer)
{
    if (said->id[0])
        return strcmp(said->id, consumer->id) == 0;
    return said->instance_id[0] && strcmp(said->instance_id, consumer->instance_id) == 0;
}

static bool was_given_up(const struct ledger_record *record, const struct ledger_share *share)
{
    const struct ledger_said *said = record->said;
    if (!said || said->group != (int)record->group || !is_of(said, record->consumer))
        return false;
    return said->leaves ||
           (said->has_owned && !ledger_shares_find(&said->owned, share->topic_id, share->index));
}

static void check_losses(struct world *world, const struct ledger_record *record,
                         const struct ledger_shares *before)
{
    for (uint32_t i = 0; i < before->count; i++) {
        if (has(record->consumer, &before->of[i]))
            continue;
        if (!was_given_up(record, &before->of[i]))
            found(world, ledger_group_of(world, record->group), record->consumer, &before->of[i],
                  "is taken unasked from");
        world_mark(world, "partition_given_up");
    }
}

static void check_gains(struct world *world, const struct ledger_record *record,
                        const struct ledger_consumer *before)
{
    const struct ledger_shares *after = &record->consumer->assigned;
    for (uint32_t i = 0; i < after->count; i++)
        if (!has(before, &after->of[i]) &&
            !ledger_shares_find(&before->target, after->of[i].topic_id, after->of[i].index))
            found(world, ledger_group_of(world, record->group), record->consumer, &after->of[i],
                  "is not the target, and is given to");
}

static void committed(struct world *world, const struct ledger_record *record)
{
    if (record->kind != LEDGER_CURRENT || !record->consumer->has_current)
        return;
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_consumer *before =
        ledger_consumer_of(&group->consumers, record->consumer->id);
    if (!before || !before->has_current)
        return; /* It is new, has the place of another, or is of a classic group until now. */
    check_losses(world, record, &before->assigned);
    check_losses(world, record, &before->revoking);
    check_gains(world, record, before);
}

static void check_shared(struct world *world, const struct ledger_group *group,
                         const struct ledger_consumer *one, const struct ledger_consumer *other)
{
    for (uint32_t i = 0; i < one->assigned.count; i++)
        if (has(other, &one->assigned.of[i]))
            found(world, group, one, &one->assigned.of[i], "is another's, and is given to");
    for (uint32_t i = 0; i < one->revoking.count; i++)
        if (has(other, &one->revoking.of[i]))
            found(world, group, one, &one->revoking.of[i], "is another's, and not given up by");
}

static void decided(struct world *world, const struct ledger_group *group)
{
    const struct ledger_consumers *consumers = &group->consumers;
    for (uint32_t i = 0; i < consumers->count; i++)
        for (uint32_t j = i + 1; j < consumers->count; j++)
            check_shared(world, group, &consumers->all[i], &consumers->all[j]);
}

const struct checker check_g1_owners = {.name = "G1", .committed = committed, .decided = decided};
