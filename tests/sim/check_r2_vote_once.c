/* check_r2_vote_once.c -- R2: one vote an epoch, for life, and durable before it is sent. */
#include "check.h"

static struct map votes; /* (node, disk life, epoch) -> candidate + 1 */

struct vote_key {
    uint32_t node;
    uint32_t life;
    log_epoch epoch;
};

static void open(struct world *world)
{
    (void)world;
    map_init(&votes, sizeof(struct vote_key));
}

static void remember(struct world *world, struct sim_node *node, log_epoch epoch, node_id candidate)
{
    struct vote_key key = {node->index, (uint32_t)node->disk_life, epoch};
    uintptr_t known = (uintptr_t)map_get(&votes, &key);
    if (known == 0)
        map_put(&votes, &key, (void *)(uintptr_t)(candidate + 1));
    else if ((node_id)known - 1 != candidate)
        world_violation(world, "R2", "node %d votes for %d in epoch %d, after it voted for %d",
                        node->id, candidate, epoch, (int)known - 1);
}

static void check_durable(struct world *world, struct sim_node *node, log_epoch epoch,
                          node_id candidate, const char *what)
{
    const struct ghost_voter *voter = &world->ghost->voters[node->index];
    if (voter->vote_epoch != epoch || voter->voted_for != candidate)
        world_violation(world, "R2",
                        "node %d %s for %d in epoch %d; durable is a vote for %d in epoch %d",
                        node->id, what, candidate, epoch, voter->voted_for, voter->vote_epoch);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind == PROBE_RAFT_GRANT && !probe->flag) {
        check_durable(world, node, probe->epoch, probe->peer, "grants its vote");
        remember(world, node, probe->epoch, probe->peer);
    } else if (probe->kind == PROBE_RAFT_ROLE && probe->value == RAFT_LEADER &&
               world->ghost->voters[node->index].role != RAFT_LEADER) {
        check_durable(world, node, probe->epoch, node->id, "leads by its own vote");
        remember(world, node, probe->epoch, node->id);
    }
}

const struct checker check_r2 = {
    .name = "R2", .kinds = KIND(RAFT_GRANT) | KIND(RAFT_ROLE), .take = take, .open = open};
