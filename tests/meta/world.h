/* world.h -- a controller, its metadata log, and a second node that folds the log.
 *
 * Every decision goes through the bytes: each record is encoded, decoded and applied to
 * the other image, which must then equal the controller's (C1), and every step is held
 * against the invariants C3, C4 and C5. */
#ifndef TESTS_META_WORLD_H
#define TESTS_META_WORLD_H

#include "controller.h"

#include <criterion/criterion.h>

struct world {
    struct controller *controller;
    struct controller_config config;
    struct arena arena;
    struct image *image; /* The fold of everything in the log. */
    log_offset end;      /* Of the metadata log. */
    mono_ms now;
    log_epoch epoch; /* Of the quorum. */
    uint32_t record_count;
    struct record last[64]; /* Of the last batch, as decoded; the first 64. */
    uint32_t last_count;
    struct decision decision; /* The one in progress, or the last one. */
};

/* Three configured nodes, replication factor and min ISR at their defaults; in office. */
void world_open(struct world *world);
void world_close(struct world *world);
/* Another controller takes over, with what the log holds. */
void world_change_office(struct world *world, node_id predecessor, mono_ms answered);

struct decision *world_begin(struct world *world);
void world_accept(struct world *world); /* Append, fold, compare, check. */

struct uuid world_uuid(uint64_t number);
/* Incarnation and directory are numbers; the directory of node n is by habit n. */
enum err world_register_as(struct world *world, node_id id, uint64_t incarnation,
                           uint64_t directory, broker_epoch *epoch);
/* A new incarnation of the node on its own directory, its old link closed. */
broker_epoch world_register(struct world *world, node_id id);
/* A heartbeat that is caught up. */
struct heartbeat_reply world_heartbeat(struct world *world, node_id id);
enum err world_heartbeat_with(struct world *world, struct heartbeat_command command,
                              struct heartbeat_reply *reply);
/* Registers and unfences nodes 1 to `count`. */
void world_start(struct world *world, int32_t count);
/* Link closed, port refused twice. */
void world_kill(struct world *world, node_id id);
void world_sessions(struct world *world);

struct create_topic_reply world_create(struct world *world, const char *name, int32_t partitions,
                                       int32_t factor);
struct create_topic_reply world_create_with(struct world *world, struct create_topic topic);
/* CreatePartitions, up to `partitions`, placed by the controller. */
struct grow_topic_reply world_grow(struct world *world, const char *name, int32_t partitions);
struct grow_topic_reply world_grow_with(struct world *world, struct grow_topic topic);
/* ElectLeaders of one partition. */
enum err world_elect(struct world *world, enum election_type type, const char *name,
                     partition_id index);
const struct image_partition *world_partition(const struct world *world, const char *name,
                                              partition_id index);
broker_epoch world_epoch(const struct world *world, node_id id);

/* AlterPartition of the present leader, with present epochs. */
enum err world_alter(struct world *world, const char *name, partition_id index, uint32_t count,
                     const node_id *isr);
enum err world_alter_with(struct world *world, node_id sender, struct alter_partition alter,
                          struct alter_partition_reply *reply);

/* "[1,2]" as a list that compares. */
struct node_list world_nodes(uint32_t count, const node_id *ids);
#define NODES(...)                                                                                 \
    world_nodes((uint32_t)(sizeof((node_id[]){__VA_ARGS__}) / sizeof(node_id)),                    \
                (node_id[]){__VA_ARGS__})
#define assert_nodes(list, ...)                                                                    \
    do {                                                                                           \
        struct node_list expected_ = NODES(__VA_ARGS__);                                           \
        cr_assert(node_list_equal(&(list), &expected_));                                           \
    } while (0)
#define assert_nobody(list) cr_assert_eq((list).count, 0)

#endif
