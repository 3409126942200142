/* faults.c -- what goes wrong, when, and how it is put right.
 *
 * Each class of fault has a stream of its own and strikes again and again in the
 * first phase. Budget: only one node, the victim, ever loses what it had synced, at
 * most once, and only while every partition that it holds has another in-sync copy
 * and the other voters are a majority that knows all that is committed. */
#include "world.h"

#include "ghost.h"

static void strike(struct event *event);

static void plan(struct world *world, enum fault fault)
{
    sim_us mean = world->swarm.fault_mean[fault];
    if (mean == 0 || world->phase != PHASE_FAULTS)
        return;
    kernel_add(&world->kernel, kernel_delay(&world->faults[fault], mean),
               (struct event){.run = strike, .object = world, .a = fault, .label = 7});
}

void faults_start(struct world *world)
{
    for (int fault = 0; fault < FAULTS; fault++) {
        kernel_stream(&world->kernel, STREAM_FAULTS, (uint32_t)fault, &world->faults[fault]);
        plan(world, (enum fault)fault);
    }
}

enum undo { UNDO_START, UNDO_RESUME, UNDO_CUT, UNDO_SLOW, UNDO_FULL, UNDO_ERRORS, UNDO_CLOCK };

static void undo(struct event *event)
{
    struct world *world = event->object;
    uint32_t from = (uint32_t)(event->b & 0xff), to = (uint32_t)(event->b >> 8 & 0xff);
    struct sim_node *node = from < SIM_NODES_MAX ? &world->nodes[from] : NULL; /* Or a client. */
    switch ((enum undo)event->a) {
    case UNDO_START:
        if (!node_is_alive(node))
            node_start(node);
        break;
    case UNDO_RESUME:
        node_resume(node);
        break;
    case UNDO_CUT:
        world->net.cut[from][to] = false;
        break;
    case UNDO_SLOW:
        node->disk.faults.sync_mean = world->swarm.disk.sync_mean;
        break;
    case UNDO_FULL:
        node->disk.faults.full = false;
        world_note(world, node, "disk has room");
        break;
    case UNDO_ERRORS:
        node->disk.faults.write_error = node->disk.faults.sync_error = 0;
        break;
    case UNDO_CLOCK:
        break;
    }
}

static void undo_later(struct world *world, enum undo what, uint32_t from, uint32_t to,
                       sim_us delay)
{
    kernel_add(
        &world->kernel, delay,
        (struct event){
            .run = undo, .object = world, .a = (uint64_t)what, .b = from | to << 8, .label = 8});
}

/* How long a node stays away: often hardly at all. */
static sim_us absence(struct rand *rand)
{
    switch (rand_below(rand, 4)) {
    case 0:
        return (sim_us)rand_below(rand, 50 * SIM_MS);
    case 1:
        return (sim_us)rand_below(rand, 500 * SIM_MS);
    default:
        return (sim_us)rand_below(rand, 5 * SIM_SECOND);
    }
}

void world_node_died(struct world *world, struct sim_node *node)
{
    ghost_node_died(world, node);
    undo_later(world, UNDO_START, node->index, 0,
               absence(&world->faults[node->state == NODE_DARK ? FAULT_POWER : FAULT_KILL]));
}

static void strike_all(struct world *world, struct rand *rand, bool power)
{
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        if (power || rand_chance(rand, 1, 4))
            node_lose_power(&world->nodes[i]);
        else
            node_kill(&world->nodes[i], "is killed with all others");
    }
}

static void cut(struct world *world, uint32_t from, uint32_t to, sim_us duration)
{
    if (from == to)
        return;
    world->net.cut[from][to] = true;
    undo_later(world, UNDO_CUT, from, to, duration);
}

static void strike_cut(struct world *world, struct rand *rand, bool isolate)
{
    uint32_t nodes = world->swarm.nodes;
    uint32_t hosts = world->net.hosts_count;
    uint32_t from = (uint32_t)rand_below(rand, nodes);
    uint32_t chosen = (uint32_t)rand_below(rand, rand_chance(rand, 3, 4) ? nodes : hosts);
    uint64_t ways = rand_below(rand, 3); /* Both, out, in. */
    sim_us duration = (sim_us)rand_below(rand, 8 * SIM_SECOND);
    for (uint32_t to = 0; to < hosts; to++) {
        if (isolate ? to >= nodes && ways != 0 : to != chosen)
            continue;
        if (ways != 2)
            cut(world, from, to, duration);
        if (ways != 1)
            cut(world, to, from, duration);
    }
    world_note(world, &world->nodes[from], "is cut off %s %d, %lld ms",
               isolate ? "from all" : "from", isolate ? 0 : (int)chosen + 1,
               (long long)(duration / SIM_MS));
}

static void strike_disk(struct world *world, enum fault fault, struct sim_node *node,
                        struct rand *rand)
{
    struct disk *disk = &node->disk;
    sim_us duration = (sim_us)rand_below(rand, 6 * SIM_SECOND);
    world_note(world, node, "%s for %lld ms", fault_name(fault), (long long)(duration / SIM_MS));
    if (fault == FAULT_DISK_SLOW) {
        disk->faults.sync_mean = (sim_us)(10 + rand_below(rand, 200)) * SIM_MS;
        undo_later(world, UNDO_SLOW, node->index, 0, duration);
    } else if (fault == FAULT_DISK_HANG) {
        disk->hang_until = world->kernel.now + duration;
    } else if (fault == FAULT_DISK_FULL) {
        disk->faults.full = true;
        undo_later(world, UNDO_FULL, node->index, 0, duration);
    } else {
        bool write = rand_chance(rand, 1, 2);
        disk->faults.write_error = write ? 20000 : 0;
        disk->faults.sync_error = write ? 0 : 20000;
        undo_later(world, UNDO_ERRORS, node->index, 0, duration / 4);
    }
}

static void strike_wipe(struct world *world, struct sim_node *node)
{
    if (world->wiped || !ghost_may_wipe(world, node))
        return;
    world->wiped = true;
    node_lose_power(node);
    node_power_on(node);
    disk_wipe(&node->disk);
    node->disk_life++;
    world_note(world, node, "gets an empty disk");
    ghost_node_wiped(world, node);
    world_mark(world, "wiped_disk_back");
}

static void strike_rot(struct world *world, struct sim_node *node, struct rand *rand)
{
    if (node_is_alive(node) || !ghost_may_wipe(world, node))
        return;
    ghost_rot_one(world, node, rand);
}

/* Only of nodes whose loss of power is enough for a wipe: see that nothing forms anew. */
static void wipe_majority(struct world *world)
{
    uint32_t survivor = (world->swarm.victim + 2) % world->swarm.nodes;
    /* A survivor that never heard of the cluster is as empty as they are. */
    if (world->quorum_is_lost || !ghost_is_formed(world) ||
        world->ghost->metadata->logs[survivor].durable == 0)
        return;
    world->quorum_is_lost = true;
    for (uint32_t i = 0; i < 2; i++) {
        struct sim_node *node = &world->nodes[(world->swarm.victim + i) % world->swarm.nodes];
        node_lose_power(node);
        node_power_on(node);
        disk_wipe(&node->disk);
        node->disk_life++;
        world_note(world, node, "gets an empty disk, and a majority has");
        ghost_node_wiped(world, node);
    }
}

static void strike_node(struct world *world, enum fault fault, struct sim_node *node,
                        struct rand *rand)
{
    switch (fault) {
    case FAULT_KILL:
        node_kill(node, "is killed");
        break;
    case FAULT_FUSE:
        node->fuse = 1 + (uint32_t)rand_below(rand, 100);
        node->fuse_power = rand_chance(rand, 1, 2);
        break;
    case FAULT_SWAP:
        node->swap_fuse = 1 + (uint32_t)rand_below(rand, 16);
        node->fuse_power = rand_chance(rand, 3, 4);
        break;
    case FAULT_POWER:
        node_lose_power(node);
        break;
    case FAULT_PAUSE:
        node_pause(node);
        undo_later(world, UNDO_RESUME, node->index, 0, (sim_us)rand_below(rand, 8 * SIM_SECOND));
        break;
    case FAULT_RESET:
        net_reset_one(&world->net, node->index, (sim_us)rand_below(rand, 2 * SIM_SECOND));
        break;
    case FAULT_REPLAY:
        net_replay(&world->net, node->index);
        break;
    case FAULT_CLOCK:
        node->wall_offset += (wall_ms)rand_below(rand, 2000000000) - 1000000000;
        break;
    case FAULT_STOP:
        node_stop(node);
        break;
    default:
        strike_disk(world, fault, node, rand);
    }
}

static void strike(struct event *event)
{
    struct world *world = event->object;
    enum fault fault = (enum fault)event->a;
    struct rand *rand = &world->faults[fault];
    if (world->phase != PHASE_FAULTS)
        return;
    struct sim_node *node = &world->nodes[rand_below(rand, world->swarm.nodes)];
    struct sim_node *victim = &world->nodes[world->swarm.victim];
    if (fault == FAULT_CLOCK && (world->swarm.retention_ms >= 0 || world->swarm.cleans))
        node = victim; /* PR8 is about a minority. */
    if (world->swarm.wipe_majority && rand_chance(rand, 1, 4))
        wipe_majority(world);
    if (fault == FAULT_KILL_ALL || fault == FAULT_POWER_ALL)
        strike_all(world, rand, fault == FAULT_POWER_ALL);
    else if (fault == FAULT_CUT || fault == FAULT_ISOLATE)
        strike_cut(world, rand, fault == FAULT_ISOLATE);
    else if (fault == FAULT_ROT)
        strike_rot(world, victim, rand);
    else if (fault == FAULT_WIPE)
        strike_wipe(world, victim);
    else
        strike_node(world, fault, node, rand);
    plan(world, fault);
}

void faults_heal(struct world *world)
{
    world->phase = PHASE_HEALED;
    world->healed_at = world->kernel.now;
    memset(world->net.cut, 0, sizeof world->net.cut);
    world->net.config.refuse = world->net.config.drop = world->net.config.stall = 0;
    world->net.config.delay_mean = 200;
    if (world->net.config.capacity < 64 * 1024)
        world->net.config.capacity = 64 * 1024;
    world_note(world, NULL, "---- healed");
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        struct sim_node *node = &world->nodes[i];
        node->disk.faults = (struct disk_faults){.sync_mean = 200};
        node->disk.hang_until = 0;
        node->fuse = node->swap_fuse = 0;
        node->wall_offset = 0;
        node_resume(node);
        /* A log that failed stays closed until its node starts again: an operator's task. */
        if (node_is_alive(node) && ghost_has_failed_log(world, node))
            node_kill(node, "is restarted by its operator");
        if (!node_is_alive(node))
            node_start(node);
    }
}
