/* observers.c -- replicas that fetch and have no vote, for those who describe the quorum.
 *
 * A voter's id under another directory is one of them (R11). Known to a leader alone, and only
 * since it leads; the longest silent gives its place when there are too many.
 *
 * Source  KIP-595 (DescribeQuorum's observers), KIP-853. */
#include "raft_state.h"

static bool is_same(const struct raft_voter *one, const struct raft_fetch *fetch)
{
    return one->id == fetch->from && uuid_equal(one->directory, fetch->from_directory);
}

static struct raft_voter_state *place_of(struct raft *raft, const struct raft_fetch *fetch)
{
    struct raft_voter_state *silent = &raft->observers[0];
    for (uint32_t i = 0; i < raft->observer_count; i++) {
        struct raft_voter_state *one = &raft->observers[i];
        if (is_same(&one->voter, fetch))
            return one;
        if (one->last_fetch_at < silent->last_fetch_at)
            silent = one;
    }
    if (raft->observer_count < RAFT_OBSERVERS_MAX)
        silent = &raft->observers[raft->observer_count++];
    *silent = (struct raft_voter_state){
        .voter = {.id = fetch->from, .directory = fetch->from_directory}, .last_caught_up_at = -1};
    return silent;
}

void observers_note(struct raft *raft, const struct raft_fetch *fetch, bool diverging)
{
    struct raft_voter_state *observer = place_of(raft, fetch);
    observer->last_fetch_at = raft->now;
    if (diverging)
        return;
    observer->end = fetch->offset;
    if (fetch->offset == raft->end)
        observer->last_caught_up_at = raft->now;
}

uint32_t raft_describe_observers(const struct raft *raft,
                                 struct raft_voter_state out[RAFT_OBSERVERS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < raft->observer_count && raft->role == RAFT_LEADER; i++)
        if (raft->now - raft->observers[i].last_fetch_at < RAFT_OBSERVER_SILENT_MS)
            out[count++] = raft->observers[i];
    return count;
}
