/* world.h -- one run: nodes, network, clients, faults, onlookers, and how it ends. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "kernel.h"
#include "network.h"
#include "node.h"
#include "probe.h"
#include "swarm.h"

enum {
    WORLD_EXIT_VIOLATION = 11,
    WORLD_RING = 200, /* Events shown with a violation. */
    WORLD_NOTE_SIZE = 160,
    WORLD_FACTS_MAX = 32,
};

enum world_phase {
    PHASE_FAULTS,
    PHASE_HEALED,
    PHASE_DONE,
};

enum world_mark {
#define X(name) MARK_##name,
    PROBE_MARKS(X)
#undef X
        WORLD_MARKS,
};

/* One line of what happened last: a probe, or a note of the simulator's own. */
struct world_entry {
    sim_us time;
    node_id node;
    bool is_note;
    struct probe probe;
    char note[WORLD_NOTE_SIZE];
};

struct ghost;
struct checks;
struct clients;
struct ledger;

struct world_options {
    uint64_t seed;
    uint32_t shards; /* 0: drawn. */
    bool verbose;
    bool calm;      /* No faults, whatever the seed says. */
    uint32_t nodes; /* 0: drawn. */
};

/* What a finished run leaves for those who compare runs. */
struct world_result {
    uint64_t hash;
    uint64_t events;
    sim_us virtual_time;
    uint64_t marks[WORLD_MARKS];
    uint64_t acks, reads, commits;
    uint32_t shards;
};

struct world {
    struct kernel kernel;
    struct net net;
    struct swarm swarm;
    struct sim_node nodes[SIM_NODES_MAX];
    struct world_options options;
    enum trace_level trace_level;
    enum world_phase phase;
    struct rand faults[FAULTS];
    bool wiped;          /* A disk was; only one ever is (or two, to see that nothing forms). */
    bool quorum_is_lost; /* A majority was wiped: nothing may be demanded any more. */
    sim_us healed_at;
    struct world_entry ring[WORLD_RING];
    uint64_t ring_count;
    uint64_t marks[WORLD_MARKS];
    struct ghost *ghost;
    struct checks *checks;
    struct clients *clients;
    struct ledger *ledger;
};

/* Run one seed to its end; a violation ends the process. */
void world_run(const struct world_options *options, struct world_result *result);

void world_take_probe(void *context, const struct probe *probe);
void world_take_line(void *context, enum trace_level level, const char *text);
/* Something of the simulator's own; `node` NULL: of nobody in particular. */
void world_note(struct world *world, const struct sim_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void world_mark(struct world *world, const char *name);
void world_node_died(struct world *world, struct sim_node *node);
const char *world_mark_name(enum world_mark mark);
/* Print what `checker` found, the last events, and end the process with 11. */
_Noreturn void world_violation(struct world *world, const char *checker, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* faults.c */
void faults_start(struct world *world);
/* Undo every fault that can be undone and start what is down. */
void faults_heal(struct world *world);

/* trace.c */
void world_print_entry(const struct world_entry *entry);
const char *probe_name(enum probe_kind kind);
void trace_probe(struct world *world, const struct sim_node *node, const struct probe *probe);

/* What a right clock shows. */
static inline wall_ms world_wall_at(sim_us time)
{
    return 1800000000000 + time / SIM_MS;
}

static inline wall_ms world_wall(const struct world *world)
{
    return world_wall_at(world->kernel.now);
}

static inline struct sim_node *world_node_of(struct world *world, node_id id)
{
    return id >= 1 && (uint32_t)id <= world->swarm.nodes ? &world->nodes[id - 1] : NULL;
}

#endif
