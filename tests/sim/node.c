/* node.c -- a node's life: starts, ticks, pauses, deaths; its clocks. */
#include "node.h"

#include <stdio.h>

#include "check.h"

enum { CLEANER_ENTRY_SIZE = 24 }; /* Bytes of its map that a key takes. */

bool node_is_alive(const struct sim_node *node)
{
    return node->state == NODE_UP || node->state == NODE_PAUSED;
}

mono_ms node_mono(const struct sim_node *node)
{
    sim_us ran = node->world->kernel.now - node->started_at;
    return node->mono_start + (ran + ran * node->drift / 1000000) / SIM_MS;
}

wall_ms node_wall(const struct sim_node *node)
{
    return world_wall(node->world) + node->wall_offset;
}

static void fill_address(struct env_address *address, uint32_t index, bool internal)
{
    snprintf(address->host, sizeof address->host, "sim%u", index);
    address->port = (uint16_t)((internal ? 10092 : 9092) + index);
}

static int32_t scaled(int32_t value, int32_t percent)
{
    return value * percent / 100;
}

static void fill_groups(struct config *config, const struct swarm *swarm)
{
    config->group_session_timeout_min_ms = 100;
    config->group_initial_delay_ms = swarm->initial_delay_ms;
    config->offsets_partitions = (int32_t)swarm->offsets_partitions;
    config->offsets_segment_size = swarm->offsets_segment_size;
    config->offsets_check_interval_ms = swarm->expiry_check_ms;
    if (swarm->consumer_session_ms == 0)
        return;
    config->consumer_may_upgrade = config->consumer_may_downgrade = true;
    config->consumer_session_timeout_ms = swarm->consumer_session_ms;
    config->consumer_heartbeat_interval_ms = swarm->consumer_interval_ms;
    config->consumer_assignment_interval_ms = swarm->assignment_interval_ms;
}

static void fill_cleaner(struct config *config, const struct swarm *swarm)
{
    config->is_cleaner_on = swarm->cleans;
    if (!swarm->cleans)
        return;
    config->cleaner_map_size =
        (int64_t)((swarm->map_entries + 2) * CLEANER_ENTRY_SIZE * swarm->shards);
    config->cleaner_io_size = swarm->cleaner_io_size;
    config->cleaner_rate_max = swarm->cleaner_rate;
    config->cleaner_backoff_ms = swarm->cleaner_backoff_ms;
    config->dirty_ratio_min = swarm->dirty_ratio;
    config->compaction_lag_min_ms = swarm->lag_min_ms;
    config->compaction_lag_max_ms = swarm->lag_max_ms;
    config->delete_retention_ms = swarm->delete_retention_ms;
}

static void fill_config(struct sim_node *node)
{
    const struct swarm *swarm = &node->world->swarm;
    struct config *config = &node->config;
    config_init(config);
    config->node_id = node->id;
    snprintf(config->log_dir, sizeof config->log_dir, "data");
    config->voter_count = swarm->nodes;
    for (uint32_t i = 0; i < swarm->nodes; i++) {
        config->voters[i].id = (node_id)i + 1;
        fill_address(&config->voters[i].address, i, true);
    }
    config->listener_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        struct config_listener *listener = &config->listeners[i];
        snprintf(listener->name, sizeof listener->name, "%s", i == 0 ? "PLAINTEXT" : "INTERNAL");
        fill_address(&listener->bind, node->index, i == 1);
        listener->advertised = listener->bind;
        listener->internal = i == 1;
    }
    config->shards = swarm->shards;
    config->heartbeat_interval_ms = scaled(config->heartbeat_interval_ms, swarm->timing);
    config->session_timeout_ms = scaled(config->session_timeout_ms, swarm->timing);
    config->replica_lag_time_max_ms = scaled(config->replica_lag_time_max_ms, swarm->timing);
    config->election_timeout_ms = scaled(config->election_timeout_ms, swarm->timing);
    config->fetch_timeout_ms = scaled(config->fetch_timeout_ms, swarm->timing);
    config->auto_create_topics = false;
    config->is_balanced = swarm->balance_s > 0;
    config->balance_interval_s = swarm->balance_s;
    config->min_insync_default = (int32_t)swarm->min_insync;
    config->replication_factor_default = (int32_t)swarm->replication_factor;
    config->segment_size = swarm->segment_size;
    config->retention_ms = -1; /* Without `retains` every clock may be wrong. */
    config->initial_task_delay_ms = 0;
    if (swarm->retains)
        config->retention_check_interval_ms = swarm->retain_interval_ms;
    if (swarm->groups > 0)
        fill_groups(config, swarm);
    fill_cleaner(config, swarm);
    if (swarm->segment_size < 1 << 20)
        config->index_interval_size = 512;
}

uint64_t sim_shard_tag(const struct sim_shard *shard)
{
    return shard->node->incarnation * SIM_SHARDS_MAX + shard->index;
}

static void on_synced(void *context, uint64_t tag, uint64_t ticket, enum err result)
{
    struct sim_node *node = context;
    struct sim_shard *shard = node->shards[tag % SIM_SHARDS_MAX];
    if (!node_is_alive(node) || tag / SIM_SHARDS_MAX != node->incarnation)
        return;
    sim_shard_push(shard, &(struct env_event){
                              .kind = ENV_SYNCED, .ticket = ticket, .result = result, .conn = -1});
}

void node_init(struct sim_node *node, struct world *world, uint32_t index)
{
    *node = (struct sim_node){.world = world, .index = index, .id = (node_id)index + 1};
    disk_init(&node->disk, &world->kernel, index);
    node->disk.synced = on_synced;
    node->disk.context = node;
    node->disk.faults = world->swarm.disk;
    kernel_stream(&world->kernel, STREAM_CLOCK, index, &node->clock);
    kernel_stream(&world->kernel, STREAM_TICK, index, &node->ticks);
    kernel_stream(&world->kernel, STREAM_LOAD, index, &node->cold);
    node->drift = (int32_t)rand_below(&node->clock, 1001) - 500;
    node->wall_offset = (wall_ms)rand_below(&node->clock, 1000);
    fill_config(node);
}

static struct sim_shard *new_shard(struct sim_node *node, uint32_t index)
{
    struct world *world = node->world;
    struct sim_shard *shard = mem_zalloc(sizeof *shard);
    shard->node = node;
    shard->index = index;
    shard->incarnation = node->incarnation;
    shard->sink = (struct probe_sink){.take = world_take_probe, .context = shard};
    shard->trace =
        (struct trace){.level = world->trace_level, .line = world_take_line, .context = shard};
    shard->env = (struct env){.ops = &sim_env_ops, .trace = &shard->trace, .probe = &shard->sink};
    kernel_stream(&world->kernel, STREAM_NODE,
                  (uint32_t)(node->starts * 64 + node->index * SIM_SHARDS_MAX + index),
                  &shard->rand);
    return shard;
}

/* Nothing of the process is left, and everybody who asks is told so. */
static void bury(struct sim_node *node, enum node_state state, const char *why)
{
    node->state = state;
    node->incarnation++;
    node->fuse = 0;
    node->stopping = false;
    node->in_core = false;
    node->died_of = why;
    world_note(node->world, node, "%s", why);
    if (node->opening)
        world_mark(node->world, "kill_during_recovery");
    node->opening = false;
    if (state == NODE_DARK) {
        net_power_off(&node->world->net, node->index);
        disk_lose_power(&node->disk);
    } else {
        net_kill(&node->world->net, node->index);
    }
    memset(node->shards, 0, sizeof node->shards);
    node->file_count = 0;
    world_node_died(node->world, node);
}

_Noreturn void node_escape(struct sim_node *node, const char *why)
{
    check(node->in_core);
    node->died_of = why;
    longjmp(node->escape, 1);
}

void node_burn(struct sim_node *node)
{
    if (node->fuse > 0 && --node->fuse == 0 && node->in_core)
        node_escape(node, node->fuse_power ? "power failed amid a tick" : "killed amid a tick");
}

void node_light_fuse(struct sim_node *node)
{
    if (node->swap_fuse > 0)
        node->fuse = node->swap_fuse;
    node->swap_fuse = 0;
}

static void die_after_escape(struct sim_node *node)
{
    bool power = node->fuse_power && node->fuse == 0 && strstr(node->died_of, "power");
    bury(node, power ? NODE_DARK : NODE_DOWN, node->died_of);
}

static void open_shards(struct sim_node *node)
{
    for (uint32_t i = 0; i < node->config.shards; i++)
        node->shards[i] = new_shard(node, i);
    for (uint32_t i = 0; i < node->config.shards; i++) {
        struct shard *shard = NULL;
        enum err result = shard_open(&shard, &node->config, i, &node->shards[i]->env);
        if (result != ERR_NONE)
            node_escape(node, "refused to start");
        node->shards[i]->shard = shard;
    }
}

void node_start(struct sim_node *node)
{
    struct world *world = node->world;
    check(!node_is_alive(node));
    if (node->state == NODE_DARK)
        node_power_on(node);
    node->state = NODE_UP;
    node->incarnation++;
    node->starts++;
    node->mono_start = 1000 + (mono_ms)rand_below(&node->clock, 100000);
    node->started_at = world->kernel.now;
    world_note(world, node, "starts");
    disk_forget_failures(&node->disk);
    node->opening = true;
    node->in_core = true;
    if (setjmp(node->escape) != 0) {
        die_after_escape(node);
        return;
    }
    open_shards(node);
    node->in_core = false;
    node->opening = false;
    node_listen(node);
    for (uint32_t i = 0; i < node->config.shards; i++)
        sim_shard_poke(node->shards[i]);
}

void node_kill(struct sim_node *node, const char *why)
{
    if (node_is_alive(node))
        bury(node, NODE_DOWN, why);
}

void node_lose_power(struct sim_node *node)
{
    if (node_is_alive(node)) {
        bury(node, NODE_DARK, "loses power");
    } else if (node->state == NODE_DOWN) {
        node->state = NODE_DARK;
        net_power_off(&node->world->net, node->index);
        disk_lose_power(&node->disk);
        world_note(node->world, node, "loses power while down");
        world_node_died(node->world, node);
    }
}

void node_power_on(struct sim_node *node)
{
    if (node->state != NODE_DARK)
        return;
    node->state = NODE_DOWN;
    net_power_on(&node->world->net, node->index);
}

void node_pause(struct sim_node *node)
{
    if (node->state != NODE_UP)
        return;
    node->state = NODE_PAUSED;
    world_note(node->world, node, "pauses");
}

void node_resume(struct sim_node *node)
{
    if (node->state != NODE_PAUSED)
        return;
    node->state = NODE_UP;
    world_note(node->world, node, "resumes");
    for (uint32_t i = 0; i < node->config.shards; i++)
        sim_shard_poke(node->shards[i]);
}

void node_stop(struct sim_node *node)
{
    if (node->state != NODE_UP || node->stopping)
        return;
    node->stopping = true;
    world_note(node->world, node, "is asked to stop");
    for (uint32_t i = 0; i < node->config.shards; i++)
        sim_shard_push(node->shards[i], &(struct env_event){.kind = ENV_STOP, .conn = -1});
    check_rule_28_watch(node);
}

/* ---- Ticks. */

static bool is_current(const struct sim_shard *shard)
{
    return shard->incarnation == shard->node->incarnation && shard->shard;
}

static void wake(struct event *event);

static void plan_wake(struct sim_shard *shard)
{
    struct sim_node *node = shard->node;
    struct kernel *kernel = &node->world->kernel;
    mono_ms deadline = shard_deadline(shard->shard);
    if (deadline == MONO_NEVER)
        return;
    mono_ms left = deadline - node_mono(node);
    if (left <= 0) {
        sim_shard_poke(shard);
        return;
    }
    sim_us delay = left * SIM_MS;
    if (shard->wake_at != 0 && shard->wake_at <= kernel->now + delay)
        return;
    shard->wake_at = kernel->now + delay;
    kernel_add(kernel, delay,
               (struct event){.run = wake,
                              .object = shard,
                              .a = node->index << 8 | shard->index,
                              .b = ++shard->wake_number,
                              .label = 4});
}

static void wake(struct event *event)
{
    struct sim_shard *shard = event->object;
    if (!is_current(shard) || event->b != shard->wake_number)
        return;
    shard->wake_at = 0;
    if (node_mono(shard->node) >= shard_deadline(shard->shard))
        sim_shard_poke(shard);
    else
        plan_wake(shard);
}

static void tick_core(struct sim_shard *shard)
{
    uint32_t count = shard->event_count;
    bool sync_failed = false;
    shard->event_count = 0;
    shard->told_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct env_event *event = &shard->events[i];
        if (event->kind == ENV_READABLE) {
            shard->conns[event->conn].queued = false;
            mem_grow(shard->told, shard->told_count, &shard->told_capacity);
            shard->told[shard->told_count++] = event->conn;
        }
        sync_failed |= event->kind == ENV_SYNCED && event->result != ERR_NONE;
        if (event->conn < 0 || !shard->conns[event->conn].hung_up)
            shard_deliver(shard->shard, event);
    }
    shard_tick(shard->shard, node_mono(shard->node));
    if (sync_failed) /* One that has obeyed does not come here. */
        disk_hear_failures(&shard->node->disk, sim_shard_tag(shard));
}

/* What is still there to be read is told again. */
static void tell_again(struct sim_shard *shard)
{
    for (uint32_t i = 0; i < shard->told_count; i++) {
        struct sim_conn *conn = &shard->conns[shard->told[i]];
        if (conn->end && net_is_readable(conn->end))
            sim_shard_push_readable(shard, shard->told[i]);
    }
}

static void tick(struct event *event)
{
    struct sim_shard *shard = event->object;
    struct sim_node *node = shard->node;
    if (!is_current(shard))
        return;
    shard->tick_due = false;
    if (node->state != NODE_UP)
        return;
    node->in_core = true;
    if (setjmp(node->escape) != 0) {
        die_after_escape(node);
        return;
    }
    tick_core(shard);
    node->in_core = false;
    if (shard_is_stopped(shard->shard)) {
        bury(node, NODE_DOWN, "has stopped");
        return;
    }
    tell_again(shard);
    plan_wake(shard);
}

void sim_shard_poke(struct sim_shard *shard)
{
    struct sim_node *node = shard->node;
    if (shard->tick_due || node->state != NODE_UP)
        return;
    shard->tick_due = true;
    kernel_add(&node->world->kernel, (sim_us)rand_below(&node->ticks, 20),
               (struct event){.run = tick,
                              .object = shard,
                              .a = node->index << 8 | shard->index,
                              .b = node->incarnation,
                              .label = 5});
}
