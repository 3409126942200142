/* node.h -- one simulated machine: its disk, clock, process and shards.
 *
 * The process is the broker's own objects behind a struct env. Killing it forgets
 * its memory (which is leaked: the run is short and a dying process frees nothing)
 * and keeps the page cache; power loss goes through the disk as well. It can die in
 * the middle of a tick: a fuse counts effects and jumps out of the core. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include <setjmp.h>

#include "config.h"
#include "disk.h"
#include "network.h"
#include "probe.h"
#include "shard.h"
#include "swarm.h"

struct world;

enum node_state {
    NODE_DOWN, /* No process; the machine answers that nobody listens. */
    NODE_DARK, /* No power. */
    NODE_UP,
    NODE_PAUSED,
};

struct sim_conn {
    struct net_end *end; /* NULL: hung up. */
    bool queued;         /* A READABLE event waits. */
    bool muted;          /* want_read() is off. */
    bool dialing;
    bool hung_up; /* No event for it any more. */
};

struct sim_shard {
    struct env env; /* First: cores hand it back. */
    struct sim_node *node;
    uint32_t index;
    uint64_t incarnation;
    struct shard *shard; /* NULL while it opens. */
    struct env_event *events;
    uint32_t event_count, event_capacity;
    conn_id *told; /* Were told READABLE in this tick. */
    uint32_t told_count, told_capacity;
    bool tick_due;
    sim_us wake_at; /* Of the newest wake-up; 0: none. */
    uint64_t wake_number;
    struct sim_conn *conns; /* By conn_id. */
    uint32_t conn_count, conn_capacity;
    sim_us letters_until[SIM_SHARDS_MAX]; /* Newest arrival from each other shard. */
    struct rand rand;
    struct probe_sink sink;
    struct trace trace;
};

struct sim_node {
    struct world *world;
    uint32_t index; /* Its host, too. */
    node_id id;
    enum node_state state;
    uint64_t incarnation; /* Of its process. */
    uint64_t disk_life;   /* Raised by a wipe. */
    struct disk disk;
    struct config config;
    struct sim_shard *shards[SIM_SHARDS_MAX];
    struct disk_file **files; /* Of the process, by file_id; NULL: closed. */
    uint32_t *file_holds;     /* Beside `files`: how many hold each. */
    uint32_t file_count, file_capacity, file_hold_capacity;
    struct rand clock;
    struct rand ticks;
    struct rand cold; /* What of its files is not in memory. */
    uint64_t loads;
    mono_ms mono_start;
    sim_us started_at;
    int32_t drift; /* In a million. */
    wall_ms wall_offset;
    uint64_t starts;
    uint32_t fuse;      /* Effects until it dies; 0: none is lit. */
    uint32_t swap_fuse; /* The same, lit when a compacted segment next takes its place. */
    bool fuse_power;    /* It dies of power loss. */
    bool opening;       /* In shard_open(). */
    bool in_core;
    bool wants_start;
    bool stopping; /* A controlled shutdown was asked for. */
    jmp_buf escape;
    const char *died_of;
};

void node_init(struct sim_node *node, struct world *world, uint32_t index);
/* Start its process on the disk as it is; it may die of what it finds. */
void node_start(struct sim_node *node);
void node_kill(struct sim_node *node, const char *why);
void node_lose_power(struct sim_node *node);
void node_power_on(struct sim_node *node);
void node_pause(struct sim_node *node);
void node_resume(struct sim_node *node);
void node_stop(struct sim_node *node); /* A controlled shutdown begins. */
bool node_is_alive(const struct sim_node *node);
mono_ms node_mono(const struct sim_node *node);
wall_ms node_wall(const struct sim_node *node);

/* node_env.c */
extern const struct env_ops sim_env_ops;
struct sim_shard *sim_shard_of(struct env *env);
/* Of its syncs. */
uint64_t sim_shard_tag(const struct sim_shard *shard);
void sim_shard_push(struct sim_shard *shard, const struct env_event *event);
void sim_shard_poke(struct sim_shard *shard);
void sim_shard_push_readable(struct sim_shard *shard, conn_id id);
void node_listen(struct sim_node *node);
/* One more effect has left: the fuse may end here. */
void node_burn(struct sim_node *node);
/* A compacted segment begins to take its place. */
void node_light_fuse(struct sim_node *node);
_Noreturn void node_escape(struct sim_node *node, const char *why);

#endif
