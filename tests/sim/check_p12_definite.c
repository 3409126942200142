/* check_p12_definite.c -- P12: a definite refusal means that the record is in no log, ever
 * (rule 17). */
#include "check.h"

#include "history.h"

static bool is_definite(int64_t err)
{
    switch (err) {
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_UNKNOWN_SERVER_ERROR:
    case ERR_FENCED_LEADER_EPOCH:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
        return true;
    default:
        return false;
    }
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    if (probe->flag && is_definite(probe->value) && !partition->removed)
        world_violation(world, "P12", "node %d appends to partition %d, then answers %s", node->id,
                        probe->key.index, err_name((enum err)probe->value));
}

static void end(struct world *world)
{
    for (const struct ghost_partition *at = world->ghost->first; at; at = at->next)
        for (uint32_t i = 0; i < at->truth.count; i++)
            if (at->truth.all[i].value && history_is_refused(world, at->truth.all[i].value))
                world_violation(world, "P12", "partition %d holds value %llx, which was refused",
                                at->key.index, (unsigned long long)at->truth.all[i].value);
}

const struct checker check_p12 = {.name = "P12", .kinds = KIND(REFUSE), .take = take, .end = end};
