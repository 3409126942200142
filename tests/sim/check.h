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
    void (*decided)(struct world *world, const struct ledger_group *group); /* A batch is whole. */
    void (*told)(struct world *world, const struct ledger_told *told);
};

void checks_open(struct world *world);
void checks_take(struct world *world, struct sim_node *node, const struct probe *probe);
void checks_committed(struct world *world, const struct ledger_record *record);
void checks_decided(struct world *world, const struct ledger_group *group);
void checks_told(struct world *world, const struct ledger_told *told);
void checks_end(struct world *world);

/* `node` was asked to stop just now. */
void check_rule_28_watch(struct sim_node *node);

/* The high watermark that a consumer heard last, and in which leader epoch. */
struct check_told {
    log_epoch epoch;
    log_offset high_watermark; /* -1: none yet. */
};

/* What one consumer has read of a compacted partition since it began at `from`. */
struct check_reader {
    struct map newest; /* key -> the newest offset read, one higher */
    log_offset from;
};

/* What clients saw. */
void check_k1_begin(struct check_reader *reader, log_offset from);
void check_k1_read(struct check_reader *reader, const struct batch_record *record);
/* It has read all below `end`. */
void check_k1_compare(struct world *world, struct partition_key key,
                      const struct check_reader *reader, log_offset end);
/* Node `node` has served nothing between two offsets. */
void check_k2_skipped(struct world *world, struct sim_node *node, struct partition_key key,
                      log_offset from, log_offset to);
void check_k3_gone(struct world *world, const struct sim_node *node,
                   const struct ghost_partition *partition, log_offset offset, const char *how);
void check_k4_read(struct world *world, struct sim_node *node, struct partition_key key,
                   const struct batch_record *record);
void check_p4_told(struct world *world, struct sim_node *node, struct partition_key key,
                   struct check_told *told, const struct check_told *now);
void check_p7_seen(struct world *world, struct partition_key key, log_offset offset,
                   uint64_t value);
void check_p13_bytes(struct world *world, struct sim_node *node, struct partition_key key,
                     struct bytes records);

#endif
