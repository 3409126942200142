/* histories.c -- thousands of random commands; after each, the fold of the log is the
 * controller's image and C3, C4 and C5 hold (world_accept() checks them). */
#include "world.h"

#include <stdio.h>

enum { NODES_MAX = 5, STEPS = 400, SEEDS = 60 };

static node_id any_node(struct rand *rand)
{
    return 1 + (node_id)rand_below(rand, NODES_MAX);
}

static const struct image_partition *any_partition(struct world *world, struct rand *rand)
{
    if (world->image->partition_count == 0)
        return NULL;
    const struct image_partition *partition = NULL;
    uint64_t skip = rand_below(rand, world->image->partition_count);
    do
        partition = image_partition_after(world->image, partition);
    while (skip-- > 0);
    return partition;
}

static void register_any(struct world *world, struct rand *rand)
{
    node_id id = any_node(rand);
    uint64_t directory = (uint64_t)id;
    if (rand_chance(rand, 1, 8))
        directory = 1000 + rand_below(rand, 100000);
    else if (image_broker(world->image, id) != NULL)
        directory = load_be64(image_broker(world->image, id)->directory.bytes + 8);
    if (rand_chance(rand, 3, 4))
        controller_link_closed(world->controller, id, world_epoch(world, id));
    world_register_as(world, id, rand_u64(rand) | 1, directory, NULL);
}

static void heartbeat_any(struct world *world, struct rand *rand)
{
    node_id id = any_node(rand);
    const struct image_partition *partition = any_partition(world, rand);
    struct heartbeat_command command = {
        .id = id,
        .epoch = world_epoch(world, id) - (rand_chance(rand, 1, 10) ? 1 : 0),
        .metadata_offset = world->end - 1 - (log_offset)rand_below(rand, 3),
        .want_fence = rand_chance(rand, 1, 15),
        .want_shut_down = rand_chance(rand, 1, 15),
    };
    if (partition != NULL && rand_chance(rand, 1, 10)) {
        command.unserviceable_count = 1;
        command.unserviceable = &partition->key;
        command.unserviceable_epochs = &partition->leader_epoch;
    }
    world_heartbeat_with(world, command, NULL);
}

static void create_any(struct world *world, struct rand *rand)
{
    char name[8];
    const struct record_config configs[] = {
        {.name = STR("unclean.leader.election.enable"),
         .value = rand_chance(rand, 1, 4) ? STR("true") : STR("false")},
        {.name = STR("min.insync.replicas"),
         .value = rand_chance(rand, 1, 3) ? STR("1") : STR("2")},
    };
    snprintf(name, sizeof name, "t%d", (int)rand_below(rand, 6));
    world_create_with(world, (struct create_topic){
                                 .name = str_from(name),
                                 .partition_count = 1 + (int32_t)rand_below(rand, 4),
                                 .replication_factor = 1 + (int32_t)rand_below(rand, NODES_MAX),
                                 .config_count = 2,
                                 .configs = configs,
                             });
}

static void delete_any(struct world *world, struct rand *rand)
{
    const struct image_partition *partition = any_partition(world, rand);
    if (partition == NULL)
        return;
    struct delete_topic topic = {.id = partition->key.topic_id};
    struct delete_topics_command command = {
        .principal = STR("User:x"), .count = 1, .topics = &topic};
    struct delete_topics_reply reply;
    decide_delete_topics(world_begin(world), &command, &reply);
    world_accept(world);
}

static void grow_any(struct world *world, struct rand *rand)
{
    const struct image_partition *partition = any_partition(world, rand);
    if (partition == NULL)
        return;
    const struct image_topic *topic = image_topic_by_id(world->image, partition->key.topic_id);
    world_grow_with(world, (struct grow_topic){.name = topic->name,
                                               .partition_count = topic->partition_count +
                                                                  (int32_t)rand_below(rand, 3)});
}

static void elect_any(struct world *world, struct rand *rand)
{
    struct elect_leaders_command command = {.principal = STR("User:x"),
                                            .type = rand_chance(rand, 3, 4) ? ELECT_PREFERRED
                                                                            : ELECT_UNCLEAN,
                                            .all = true};
    struct elect_leaders_reply reply;
    cr_assert_eq(decide_elect_leaders(world_begin(world), &command, &reply), ERR_NONE);
    world_accept(world);
}

static void alter_any(struct world *world, struct rand *rand)
{
    const struct image_partition *partition = any_partition(world, rand);
    struct alter_member members[RECORD_REPLICAS_MAX];
    if (partition == NULL || partition->leader == -1)
        return;
    struct alter_partition alter = {
        .key = partition->key,
        .leader_epoch = partition->leader_epoch - (rand_chance(rand, 1, 10) ? 1 : 0),
        .partition_epoch = partition->partition_epoch - (rand_chance(rand, 1, 10) ? 1 : 0),
        .isr = members,
        .yield = rand_chance(rand, 1, 5),
    };
    for (uint32_t i = 0; i < partition->replicas.count; i++) {
        node_id id = partition->replicas.ids[i];
        if (id != partition->leader && rand_chance(rand, 1, 2))
            continue;
        members[alter.member_count++] =
            (struct alter_member){.id = id, .epoch = world_epoch(world, id)};
    }
    node_id sender = rand_chance(rand, 9, 10) ? partition->leader : any_node(rand);
    world_alter_with(world, sender, alter, NULL);
}

static void fail_any(struct world *world, struct rand *rand)
{
    if (rand_chance(rand, 2, 3)) {
        world_kill(world, any_node(rand));
        return;
    }
    world->now += (mono_ms)rand_below(rand, 2000);
    world_sessions(world);
}

static void step(struct world *world, struct rand *rand)
{
    uint64_t kind = rand_below(rand, 100);
    if (kind < 12)
        register_any(world, rand);
    else if (kind < 50)
        heartbeat_any(world, rand);
    else if (kind < 58)
        create_any(world, rand);
    else if (kind < 60)
        delete_any(world, rand);
    else if (kind < 62)
        grow_any(world, rand);
    else if (kind < 64)
        elect_any(world, rand);
    else if (kind < 85)
        alter_any(world, rand);
    else if (kind < 98)
        fail_any(world, rand);
    else
        world_change_office(world, any_node(rand), world->now - 1000);
}

struct seen {
    uint32_t elr, unclean, below_min, fast, slow, wiped;
};

static void run_seed(uint64_t seed, struct seen *seen)
{
    struct world world;
    struct rand rand;
    rand_init(&rand, seed);
    world_open(&world);
    for (uint32_t i = 0; i < STEPS; i++) {
        step(&world, &rand);
        seen->elr += world.decision.elr_election;
        seen->unclean += world.decision.unclean_election;
        seen->below_min += world.decision.isr_below_min;
        seen->fast += world.decision.fast_fence;
        seen->slow += world.decision.slow_fence;
        seen->wiped += world.decision.wiped_directory;
    }
    world_close(&world);
}

Test(histories, keep_the_invariants_through_every_kind_of_command)
{
    struct seen seen = {0};

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, &seen);

    cr_assert_gt(seen.elr, 0);
    cr_assert_gt(seen.unclean, 0);
    cr_assert_gt(seen.below_min, 0);
    cr_assert_gt(seen.fast, 0);
    cr_assert_gt(seen.slow, 0);
    cr_assert_gt(seen.wiped, 0);
}

Test(histories, replay_to_the_same_hash_from_the_same_seed)
{
    uint64_t hashes[2];
    for (uint32_t run = 0; run < 2; run++) {
        struct world world;
        struct rand rand;
        rand_init(&rand, 7);
        world_open(&world);
        for (uint32_t i = 0; i < STEPS; i++)
            step(&world, &rand);
        hashes[run] = image_hash(world.image);
        world_close(&world);
    }

    cr_assert_eq(hashes[0], hashes[1]);
}
