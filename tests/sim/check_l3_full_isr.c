/* check_l3_full_isr.c -- L3: once healed, every replica is in its ISR, and somebody leads. One
 * that rotted comes back too, once its node has seen the rot (rule 11). */
#include "check.h"
#include "live.h"

/* Bits of replicas that are whole, or known not to be. */
static uint64_t expected(const struct world *world, const struct ghost_partition *partition)
{
    uint64_t mask = partition->replicas;
    for (uint32_t i = 0; i < world->swarm.nodes; i++)
        if (partition->logs[i].rotten && !partition->logs[i].rot_told)
            mask &= ~node_bit(world->nodes[i].id);
    return mask;
}

bool live_l3(struct world *world, char *why, size_t size)
{
    for (const struct ghost_partition *at = world->ghost->first; at; at = at->next) {
        if (at->is_metadata || at->removed)
            continue;
        uint64_t wanted = expected(world, at);
        const struct sim_node *leader = world_node_of(world, at->leader);
        bool led = leader && at->logs[leader->index].leads == at->leader_epoch;
        if (wanted == 0 || (led && (at->isr & wanted) == wanted))
            continue;
        snprintf(why, size, "partition %02x%02x/%d: leader %d (%s), ISR %llx of %llx, ELR %llx",
                 at->key.topic_id.bytes[0], at->key.topic_id.bytes[15], at->key.index, at->leader,
                 led ? "acts" : "does not act", (unsigned long long)at->isr,
                 (unsigned long long)wanted, (unsigned long long)at->elr);
        return false;
    }
    return true;
}
