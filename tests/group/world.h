/* world.h -- one coordinator, the log that it writes, and the replies that it gave. */
#ifndef TESTS_GROUP_WORLD_H
#define TESTS_GROUP_WORLD_H

#include "group.h"

enum { WORLD_REPLIES_MAX = 16384, WORLD_TOPICS_MAX = 2048 };

struct world {
    struct coordinator_config config;
    struct group_memory memory;
    struct coordinator *coordinator;
    struct arena arena; /* Of all decisions: what a reply says stays until the world is closed. */
    struct group_decision decision;
    mono_ms now;
    wall_ms time;
    int64_t unsure_ms; /* By so much it may be earlier. */
    bool has_no_room;  /* For large replies. */
    struct group_record *log;
    uint32_t log_count, log_capacity;
    uint64_t token;                                 /* The last one that was given out. */
    struct group_reply *replies[WORLD_REPLIES_MAX]; /* By token; NULL: none yet. */
    struct group_topic topics[WORLD_TOPICS_MAX];    /* Of the cluster, by name. */
    uint32_t topic_count;
    uint64_t topics_version;
};

struct world *world_open(void); /* initial_delay_ms is 0; everything else as Kafka's defaults. */
struct world *world_open_with(const struct coordinator_config *config);
void world_close(struct world *world);
struct coordinator_config world_config(void);

/* Makes a topic, or changes how many partitions it has; 0 partitions: deletes it. A topic that
 * is made again has another id. */
void world_topic(struct world *world, const char *name, int32_t partition_count);

/* A decision, and what became of it: records go to the log, replies to their tokens, each once. */
struct group_decision *world_begin(struct world *world);
void world_end(struct world *world);
/* Let time pass, with a tick whenever one is due. */
void world_pass(struct world *world, int64_t ms);
/* Another coordinator takes over: it replays the log and starts. */
void world_fail_over(struct world *world);
/* The hash of a coordinator that replays the log. */
uint64_t world_replay_hash(const struct world *world);

/* NULL: not answered yet. */
const struct group_reply *world_reply(const struct world *world, uint64_t token);
enum err world_err(const struct world *world, uint64_t token); /* It must have been answered. */

/* Commands with a token of their own, which is returned. */
struct join_group_command world_joiner(const char *group, const char *member_id);
uint64_t world_join(struct world *world, struct join_group_command command);
/* Joins as an old client, which gets in at once; then the reply, if it is there. */
uint64_t world_join_simply(struct world *world, const char *group, struct str member_id);
uint64_t world_sync(struct world *world, struct sync_group_command command);
uint64_t world_sync_as(struct world *world, const char *group, struct str member_id,
                       int32_t generation);
/* The leader assigns every member of its reply its own id. */
uint64_t world_sync_leader(struct world *world, const char *group, uint64_t join_token);
enum err world_heartbeat(struct world *world, const char *group, struct str member_id,
                         int32_t generation);
uint64_t world_leave(struct world *world, const char *group, struct group_leaver leaver);
uint64_t world_commit(struct world *world, struct offset_commit_command command, const char *topic,
                      struct group_commit_partition partition);
/* By a consumer without a group. */
uint64_t world_commit_alone(struct world *world, const char *group, const char *topic,
                            log_offset offset);
/* The offset of partition 0; -1: nothing is committed. */
log_offset world_committed(struct world *world, const char *group, const char *topic);
uint64_t world_delete(struct world *world, const char *group);
/* "Stable", and so on. */
struct str world_state(struct world *world, const char *group);

/* A stable group of one member, which joined as an old client; its id. */
struct str world_stable(struct world *world, const char *group);

#endif
