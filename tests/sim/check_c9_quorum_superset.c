/* check_c9_quorum_superset.c -- C9: a leader's maximal ISR covers the committed ISR and ELR. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (probe->value & ~probe->other)
        world_violation(world, "C9", "node %d, partition %d: ISR %llx is not within maximal %llx",
                        node->id, probe->key.index, (unsigned long long)probe->value,
                        (unsigned long long)probe->other);
    bool stale = partition->leader != node->id || partition->leader_epoch != probe->epoch;
    bool small = __builtin_popcountll(partition->isr) < partition->min_insync;
    /* Its own image may be older than the newest; then the records it lacks only shrink or name
     * what it proposed. */
    if (stale || small || ((partition->isr | partition->elr) & ~(uint64_t)probe->other) == 0)
        return;
    world_violation(world, "C9", "node %d, partition %d: maximal ISR %llx lacks committed %llx",
                    node->id, probe->key.index, (unsigned long long)probe->other,
                    (unsigned long long)(partition->isr | partition->elr));
}

const struct checker check_c9 = {.name = "C9", .kinds = KIND(ISR), .take = take};
