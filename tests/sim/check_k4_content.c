/* check_k4_content.c -- K4: what compaction leaves of a batch is what was appended there, byte for
 * byte: some of its records, at their offsets, under its producer, epoch and last offset. */
#include "check.h"

void check_k4_read(struct world *world, struct sim_node *node, struct partition_key key,
                   const struct batch_record *record)
{
    const struct keyed_record *known =
        keyed_record_at(ghost_partition_of(world, key), record->offset);
    if (!known || known->content != keyed_content(record))
        world_violation(world, "K4",
                        "node %d, partition %d: the record served at %lld is not what was "
                        "committed there",
                        node->id, key.index, (long long)record->offset);
}

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    const struct keyed_found *found = &world->ghost->found;
    if (found->is_there && found->foreign >= 0)
        world_violation(world, "K4",
                        "node %d, partition %d: the batch at %lld is not what is left of the one "
                        "that was appended there",
                        node->id, probe->key.index, (long long)found->foreign);
}

const struct checker check_k4 = {
    .name = "K4", .kinds = KIND(LOG_APPEND) | KIND(LOG_OPEN) | KIND(LOG_COMPACT), .take = take};
