/* check.h -- the shape of a checker: one invariant, one file.
 *
 * A checker is shown each probe of the kinds that it names, with the ghost as it
 * was before, and once more when the world is quiet. It never changes anything. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "ghost.h"
#include "ledger.h"

#define KIND(name) (UINT64_C(1) << PROBE_##name)

struct checker {
    const char *name;
    uint64_t kinds; /* Of probes that it wants to see. */
    void (*take)(struct world *world, struct sim_node *node, const struct probe *probe);
    void (*end)(struct world *world);  /* NULL: nothing to do then. */
    void (*open)(struct world *world); /* NULL: no state of its own. */
    /* Of groups; NULL: no matter. The ledger is as it was before. */
    void (*committed)(struct world *world, const struct ledger_record *record);
    void (*told)(struct world *world, const struct ledger_told *told);
};

void checks_open(struct world *world);
void checks_take(struct world *world, struct sim_node *node, const struct probe *probe);
void checks_committed(struct world *world, const struct ledger_record *record);
void checks_told(struct world *world, const struct ledger_told *told);
void checks_end(struct world *world);

/* `node` was asked to stop just now. */
void check_rule_28_watch(struct sim_node *node);

/* The high watermark that a consumer heard last, and in which leader epoch. */
struct check_told {
    log_epoch epoch;
    log_offset high_watermark; /* -1: none yet. */
};

/* What clients saw. */
void check_p4_told(struct world *world, struct sim_node *node, struct partition_key key,
                   struct check_told *told, const struct check_told *now);
void check_p7_seen(struct world *world, struct partition_key key, log_offset offset,
                   uint64_t value);
void check_p13_bytes(struct world *world, struct sim_node *node, struct partition_key key,
                     struct bytes records);

#endif
