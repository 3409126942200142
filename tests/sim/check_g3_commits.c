/* check_g3_commits.c -- G3: a commit counts only from a member of the current generation, or from
 * nobody in particular while the group has no members.
 *
 * A consumer (KIP-848) commits in its own epoch, or for a partition that it has in any since it
 * got it (KIP-1251); one of the classic protocol among them in its own alone. Held against the
 * records of the group that stand before the commit. Transactional commits (KIP-447) are not in
 * the model yet. */
#include "check.h"

static bool may_commit(const struct ledger_generation *now, const struct ledger_identity *sender)
{
    if (sender->generation < 0)
        return !now || now->member_count == 0;
    return now && now->generation == sender->generation &&
           ledger_member_of(now, sender->member_id) != NULL;
}

static bool may_consumer_commit(struct world *world, const struct ledger_record *record,
                                const struct ledger_identity *sender)
{
    const struct ledger_consumers *consumers = &ledger_group_of(world, record->group)->consumers;
    const struct ledger_consumer *member = ledger_consumer_of(consumers, sender->member_id);
    if (sender->generation < 0)
        return ledger_consumers_members(consumers) == 0;
    if (!member || !member->is_member || sender->generation >= member->epoch || member->is_classic)
        return member && member->is_member && sender->generation == member->epoch;
    const struct image_topic *topic = image_topic_by_name(world->ghost->image, STR("topic0"));
    const struct ledger_share *share =
        ledger_shares_find(&member->assigned, topic->id, record->partition);
    if (!share)
        share = ledger_shares_find(&member->revoking, topic->id, record->partition);
    if (!share || sender->generation < share->epoch)
        return false;
    world_mark(world, "late_commit_taken");
    return true;
}

static void committed(struct world *world, const struct ledger_record *record)
{
    if (record->kind != LEDGER_OFFSET || record->write.offset < 0)
        return;
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_offset *offset = &group->offsets[record->partition];
    const struct ledger_generation *now = ledger_now(group);
    log_offset value = record->write.offset;
    if (value < 1 || value > offset->sender_count)
        world_violation(world, "G3", "%s/%d: nobody ever committed %lld", group->name,
                        record->partition, (long long)value);
    const struct ledger_identity *sender = &offset->senders[value - 1];
    if (group->consumers.is_there) {
        if (!may_consumer_commit(world, record, sender))
            world_violation(world, "G3",
                            "%s/%d: commit %lld of \"%s\", epoch %d, is accepted in epoch %d of "
                            "%u consumers",
                            group->name, record->partition, (long long)value, sender->member_id,
                            sender->generation, group->consumers.epoch,
                            ledger_consumers_members(&group->consumers));
    } else if (!may_commit(now, sender)) {
        world_violation(world, "G3",
                        "%s/%d: commit %lld of \"%s\", generation %d, is accepted in generation "
                        "%d of %u members",
                        group->name, record->partition, (long long)value, sender->member_id,
                        sender->generation, now ? now->generation : -1,
                        now ? now->member_count : 0);
    }
}

const struct checker check_g3 = {.name = "G3", .committed = committed};
