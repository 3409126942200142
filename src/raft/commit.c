/* commit.c -- the high watermark, and how long a leader may believe in itself.
 *
 * Committed is what a majority of voters has synced, the leader's own disk counted
 * like any other, from the first record of the leader's own epoch on (5.4.2). Our
 * high watermark never passes our own durable end, as leader or follower.
 *
 * Source  Raft paper 5.3, 5.4.2; KIP-595; check-quorum KAFKA-15489; rule 29. */
#include "raft_state.h"

/* The `rank`-th largest of `count` values, 1 for the largest; sorts in place. */
static int64_t largest(int64_t *values, uint32_t count, uint32_t rank)
{
    check(rank > 0);
    check(rank <= count);

    for (uint32_t i = 1; i < count; i++) {
        int64_t value = values[i];
        uint32_t at = i;
        for (; at > 0 && values[at - 1] < value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
    return values[rank - 1];
}

static bool may_commit(const struct raft *raft, log_offset end)
{
#ifdef SKIFF_MUTANT_COMMIT_OLD_EPOCH
    (void)end;
    return raft->epochs.count > 0;
#else
    if (epochs_last(&raft->epochs) != raft->vote.epoch)
        return false;
    return end > raft->epochs.items[raft->epochs.count - 1].start;
#endif
}

static log_offset majority_end(const struct raft *raft)
{
    int64_t ends[RAFT_VOTERS_MAX];

    for (uint32_t i = 0; i < raft->peer_count; i++) {
        bool self = raft->peers[i].voter.id == raft->config.self;
        ends[i] = self ? raft->durable : raft->peers[i].end;
    }
    return largest(ends, raft->peer_count, voters_majority(raft));
}

void advance_high_watermark(struct raft *raft)
{
    log_offset end = raft->high_watermark;

    if (raft->role == RAFT_LEADER) {
        log_offset majority = majority_end(raft);
        if (majority > raft->durable)
            majority = raft->durable;
        if (may_commit(raft, majority))
            end = majority;
    } else if (raft->role == RAFT_FOLLOWER) {
        end = raft->told_high_watermark;
    }
    if (end > raft->durable)
        end = raft->durable;
    if (end > raft->high_watermark)
        raft->high_watermark = end;
}

mono_ms quorum_deadline(const struct raft *raft)
{
    int64_t contacts[RAFT_VOTERS_MAX];
    uint32_t count = 0;
    uint32_t needed = voters_majority(raft) - 1; /* Others; we hear ourselves. */

    if (needed == 0)
        return MONO_NEVER;
    for (uint32_t i = 0; i < raft->peer_count; i++) {
        if (raft->peers[i].voter.id != raft->config.self)
            contacts[count++] = raft->peers[i].contact_at;
    }
    return largest(contacts, count, needed) + raft->config.fetch_timeout_ms;
}

mono_ms stall_deadline(const struct raft *raft)
{
    if (raft->durable == raft->end)
        return MONO_NEVER;
    return raft->durable_at + raft->config.stall_timeout_ms;
}
