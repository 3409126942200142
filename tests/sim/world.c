/* world.c -- a run from its seed to its end: faults, then healing, then demands, then the audit. */
#include "world.h"

#include <stdio.h>

#include "actor.h"
#include "check.h"
#include "keyed.h"
#include "live.h"

enum {
    SETTLE = 2 * SIM_SECOND,     /* Clients go on so long after healing. */
    PATIENCE = 120 * SIM_SECOND, /* Within it all that is demanded must come true. */
    LOOK_AGAIN = 100 * SIM_MS,
    EVENTS_MAX = 50 * 1000 * 1000,
};

void world_take_probe(void *context, const struct probe *probe)
{
    struct sim_shard *shard = context;
    struct sim_node *node = shard->node;
    struct world *world = node->world;
    kernel_mix(&world->kernel, (uint64_t)probe->kind << 32 | (uint64_t)(uint32_t)probe->epoch);
    kernel_mix(&world->kernel, (uint64_t)probe->offset << 20 ^ (uint64_t)probe->value);
    if (probe->kind == PROBE_MARK) {
        world_mark(world, probe->text);
        return;
    }
    trace_probe(world, node, probe);
    world->ghost->found.is_there = false;
    if (probe->kind == PROBE_LOG_APPEND)
        ghost_read_append(world, node, probe);
    if (probe->kind == PROBE_LOG_OPEN || probe->kind == PROBE_LOG_COMPACT) {
        ghost_weigh_rot(world, node, probe);
        keyed_read_disk(world, node, probe);
    }
    checks_take(world, node, probe);
    ghost_take(world, node, probe);
    ledger_take(world, node, probe);
}

static void start_node(struct event *event)
{
    struct sim_node *node = event->object;
    if (!node_is_alive(node))
        node_start(node);
}

static void open_world(struct world *world, const struct world_options *options)
{
    world->options = *options;
    world->trace_level = options->verbose ? TRACE_DEBUG : TRACE_INFO;
    kernel_init(&world->kernel, options->seed);
    swarm_draw(&world->swarm, &world->kernel, options);
    swarm_print(&world->swarm);
    net_init(&world->net, &world->kernel);
    world->net.config = world->swarm.net;
    world->net.hosts_count = world->swarm.nodes;
    ghost_open(world);
    ledger_open(world);
    checks_open(world);
    struct rand rand;
    kernel_stream(&world->kernel, STREAM_CLOCK, 1000, &rand);
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        node_init(&world->nodes[i], world, i);
        kernel_add(
            &world->kernel, (sim_us)rand_below(&rand, 50 * SIM_MS),
            (struct event){.run = start_node, .object = &world->nodes[i], .a = i, .label = 10});
    }
    clients_open(world);
    faults_start(world);
}

static void run_until(struct world *world, sim_us until)
{
    struct kernel *kernel = &world->kernel;
    while (kernel->count > 0 && kernel->heap[0].time <= until) {
        kernel_step(kernel);
        if (kernel->done > EVENTS_MAX)
            world_violation(world, "L0", "%llu events and no end in sight",
                            (unsigned long long)kernel->done);
    }
    kernel->now = until;
}

/* The first demand that is not met; NULL: all are. */
static const char *missing_demand(struct world *world, char *why, size_t size)
{
    if (!live_l2(world, why, size))
        return "L2";
    if (!live_l3(world, why, size))
        return "L3";
    if (!live_l1(world, why, size))
        return "L1";
    if (!live_l7(world, why, size))
        return "L7";
    if (!live_l6(world, why, size))
        return "L6";
    return NULL;
}

static void demand_progress(struct world *world)
{
    char why[256] = "";
    const char *missing = missing_demand(world, why, sizeof why);
    while (missing && world->kernel.now - world->healed_at < PATIENCE) {
        run_until(world, world->kernel.now + LOOK_AGAIN);
        missing = missing_demand(world, why, sizeof why);
    }
    if (missing)
        world_violation(world, missing, "%s, %lld s after everything was healed", why,
                        (long long)(PATIENCE / SIM_SECOND));
}

/* Nothing forms anew, and whoever is asked to stop does so without a controller (rule 28). */
static void end_without_quorum(struct world *world)
{
    run_until(world, world->kernel.now + 5 * SIM_SECOND);
    for (uint32_t i = 0; i < world->swarm.nodes; i++)
        node_stop(&world->nodes[i]);
    run_until(world, world->kernel.now + 15 * SIM_SECOND);
}

void world_run(const struct world_options *options, struct world_result *result)
{
    struct world *world = mem_zalloc(sizeof *world);
    open_world(world, options);
    run_until(world, world->swarm.duration);
    faults_heal(world);
    run_until(world, world->kernel.now + SETTLE);
    clients_heal(world);
    if (world->quorum_is_lost)
        end_without_quorum(world);
    else
        demand_progress(world);
    world->phase = PHASE_DONE;
    keyed_audit(world);
    checks_end(world);
    uint32_t acks;
    history_acks(world, &acks);
    *result = (struct world_result){.hash = world->kernel.hash,
                                    .events = world->kernel.done,
                                    .virtual_time = world->kernel.now,
                                    .acks = acks,
                                    .reads = history_reads(world),
                                    .commits = ledger_commits(world),
                                    .shards = world->swarm.shards};
    memcpy(result->marks, world->marks, sizeof result->marks);
}
