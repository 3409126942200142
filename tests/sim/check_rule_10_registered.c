/* check_rule_10_registered.c -- rules 10 and 20: until a process has applied its own registration
 * it touches no log but the metadata log's, and leads and follows nothing; until it has applied
 * that it is active it serves no client.
 *
 * Its registration is known by its epoch: above that of every registration of this node which
 * anybody had applied when the process started. */
#include "check.h"

/* Of each node's present process. */
static struct process {
    uint64_t incarnation; /* One more than the node's; 0: none was seen. */
    broker_epoch before;
    bool is_registered, was_active;
} processes[SIM_NODES_MAX];

static broker_epoch epoch_in(const struct image *image, node_id id)
{
    const struct image_broker *broker = image ? image_broker(image, id) : NULL;
    return broker ? broker->epoch : -1;
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct process *process = &processes[node->index];
    if (process->incarnation != node->incarnation + 1)
        *process = (struct process){.incarnation = node->incarnation + 1,
                                    .before = epoch_in(world->ghost->image, node->id)};
    if (probe->kind == PROBE_IMAGE) {
        process->is_registered |= epoch_in(probe->object, node->id) > process->before;
        process->was_active |=
            process->is_registered && image_broker_is_active(probe->object, node->id);
        return;
    }
    bool is_raft = probe->kind <= PROBE_RAFT_DIAL_REFUSED || ghost_is_metadata(probe->key);
    bool serves =
        probe->kind == PROBE_ACK || probe->kind == PROBE_REFUSE || probe->kind == PROBE_READ;
    if (!is_raft && !process->is_registered)
        world_violation(world, "rule10",
                        "node %d, partition %d: %s, and the image knows broker epoch %lld of it at "
                        "most",
                        node->id, probe->key.index, probe_name(probe->kind),
                        (long long)process->before);
    if (serves && !process->was_active)
        world_violation(world, "rule20", "node %d, partition %d: %s, and it was never active",
                        node->id, probe->key.index, probe_name(probe->kind));
}

const struct checker check_rule_10 = {
    .name = "rule10",
    .kinds = KIND(RAFT_ROLE) | KIND(IMAGE) | KIND(LOG_OPEN) | KIND(LOG_TRUNCATE) | KIND(LOG_RESET) |
             KIND(LEADER) | KIND(FOLLOWER) | KIND(ACK) | KIND(REFUSE) | KIND(READ),
    .take = take};
