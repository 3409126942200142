/* check_rule_25_directory_id.c -- rule 25: the directory id is synced before any message names it.
 *
 * Whoever stands, votes or fetches names it; it stands in meta.properties. */
#include "check.h"

static void take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    static const char name[] = "meta.properties";
    const struct disk_file *file =
        entries_get(&node->disk.root->durable_entries, name, sizeof name - 1);
    bool speaks = probe->kind == PROBE_RAFT_GRANT ||
                  (probe->value != RAFT_UNATTACHED && probe->value != RAFT_RESIGNED);
    if (speaks && (!file || file->durable.size == 0))
        world_violation(world, "rule25", "node %d: %s, and no synced %s", node->id,
                        probe_name(probe->kind), name);
}

const struct checker check_rule_25 = {
    .name = "rule25", .kinds = KIND(RAFT_GRANT) | KIND(RAFT_ROLE), .take = take};
