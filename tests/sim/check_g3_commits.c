/* check_g3_commits.c -- G3: a commit counts only from a member of the current generation, or from
 * nobody in particular while the group has no members.
 *
 * Held against the last record of the group that stands before the commit. Transactional commits
 * (KIP-447) are not in the model yet. */
#include "check.h"

static bool may_commit(const struct ledger_generation *now, const struct ledger_identity *sender)
{
    if (sender->generation < 0)
        return !now || now->member_count == 0;
    return now && now->generation == sender->generation &&
           ledger_member_of(now, sender->member_id) != NULL;
}

static void committed(struct world *world, const struct ledger_record *record)
{
    if (!record->is_offset || record->write.offset < 0)
        return;
    const struct ledger_group *group = ledger_group_of(world, record->group);
    const struct ledger_offset *offset = &group->offsets[record->partition];
    const struct ledger_generation *now = ledger_now(group);
    log_offset value = record->write.offset;
    if (value < 1 || value > offset->sender_count)
        world_violation(world, "G3", "%s/%d: nobody ever committed %lld", group->name,
                        record->partition, (long long)value);
    const struct ledger_identity *sender = &offset->senders[value - 1];
    if (!may_commit(now, sender))
        world_violation(world, "G3",
                        "%s/%d: commit %lld of \"%s\", generation %d, is accepted in generation "
                        "%d of %u members",
                        group->name, record->partition, (long long)value, sender->member_id,
                        sender->generation, now ? now->generation : -1,
                        now ? now->member_count : 0);
}

const struct checker check_g3 = {.name = "G3", .committed = committed};
