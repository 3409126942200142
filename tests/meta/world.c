/* world.c -- see world.h. */
#include "world.h"

static const struct record_config *list_of(struct world *world, const char *const (*texts)[2],
                                           uint32_t count)
{
    struct record_config *list = arena_array(&world->arena, struct record_config, count);
    for (uint32_t i = 0; i < count; i++)
        list[i] =
            (struct record_config){.name = str_from(texts[i][0]), .value = str_from(texts[i][1])};
    return list;
}

/* What a node with no settings of its own hands to the controller, of what tests look at. */
static void take_defaults(struct world *world)
{
    static const char *const topics[][2] = {{"flush.messages", "1"},
                                            {"unclean.leader.election.enable", "false"},
                                            {"cleanup.policy", "delete"},
                                            {"retention.ms", "604800000"}};
    static const char *const pairs[][2] = {
        {"group.min.session.timeout.ms", "6000"},
        {"group.max.session.timeout.ms", "1800000"},
        {"log.cleaner.min.compaction.lag.ms", "0"},
        {"log.cleaner.max.compaction.lag.ms", "9223372036854775807"}};
    world->config.topic_default_count = sizeof topics / sizeof topics[0];
    world->config.topic_defaults = list_of(world, topics, world->config.topic_default_count);
    world->config.paired_setting_count = sizeof pairs / sizeof pairs[0];
    world->config.paired_settings = list_of(world, pairs, world->config.paired_setting_count);
}

void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->config = (struct controller_config){
        .node_id = 9,
        .incarnation = world_uuid(555),
        .session_timeout_ms = 3000,
        .voter_count = 3,
        .partitions_default = 1,
        .replication_factor_default = -1,
        .min_insync_default = -1,
        .consumer_session_ms = {.min = 45000, .max = 60000, .normal = 45000},
        .consumer_heartbeat_ms = {.min = 5000, .max = 50000, .normal = 5000},
    };
    take_defaults(world);
    world->now = 1000;
    world->image = image_new();
    world_change_office(world, -1, 0);
}

void world_close(struct world *world)
{
    controller_close(world->controller);
    image_unref(world->image);
    arena_free(&world->arena);
}

void world_change_office(struct world *world, node_id predecessor, mono_ms answered)
{
    struct controller_office office = {
        .image = world->image,
        .epoch = ++world->epoch,
        .seed = 42,
        .predecessor = predecessor,
        .predecessor_answered = answered,
    };
    controller_close(world->controller);
    world->controller = controller_open(&world->config);
    controller_take_office(world->controller, &office, world->now);
    world->end++; /* Raft's own record of the new leader. */
}

struct decision *world_begin(struct world *world)
{
    decision_begin(&world->decision, world->controller, &world->arena, world->end, world->now);
    return &world->decision;
}

static bool is_subset(const struct node_list *list, const struct node_list *of)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (!node_list_has(of, list->ids[i]))
            return false;
    return true;
}

/* C3 and C4. */
static void check_partition(const struct image *image, const struct image_partition *partition)
{
    cr_assert(is_subset(&partition->isr, &partition->replicas), "C3: ISR within replicas");
    cr_assert(is_subset(&partition->elr, &partition->replicas), "C3: ELR within replicas");
    cr_assert(partition->leader == -1 || node_list_has(&partition->isr, partition->leader),
              "C4: the leader is in the ISR");
    for (uint32_t i = 0; i < partition->isr.count; i++) {
        cr_assert(image_broker_is_active(image, partition->isr.ids[i]), "C3: ISR is active");
        cr_assert_not(node_list_has(&partition->elr, partition->isr.ids[i]), "C3: disjoint");
    }
    cr_assert((int64_t)partition->isr.count < partition->min_insync || partition->elr.count == 0,
              "C3: no ELR beside a full ISR");
    cr_assert(partition->leader == -1 ||
                  partition->leader_broker_epoch == image_broker(image, partition->leader)->epoch,
              "rule 1: the leader epoch was granted to this process");
}

/* C5, over one record; and C4's second half. */
static void check_step(const struct image *old, const struct image *new,
                       const struct record *record)
{
    if (record->type != RECORD_PARTITION_CHANGE)
        return;
    struct partition_key key = record->partition.key;
    const struct image_partition *a = image_partition(old, key.topic_id, key.index);
    const struct image_partition *b = image_partition(new, key.topic_id, key.index);
    cr_assert_not_null(a);
    cr_assert_eq(b->partition_epoch, a->partition_epoch + 1, "C5: partition epoch");
    cr_assert(b->leader_epoch == a->leader_epoch || b->leader_epoch == a->leader_epoch + 1, "C5");
    if (a->leader != b->leader)
        cr_assert_eq(b->leader_epoch, a->leader_epoch + 1, "C5: leader epoch");
    if (a->leader != b->leader && b->leader != -1)
        cr_assert(record->partition.data_loss || node_list_has(&a->isr, b->leader) ||
                      node_list_has(&a->elr, b->leader),
                  "C4: elected from ISR or ELR");
}

static void fold_one(struct world *world, const struct record *record)
{
    struct record read = {0};
    struct bytes bytes = record_encode(record, &world->arena);
    cr_assert_eq(record_decode(bytes, &world->arena, &read), ERR_NONE);
    struct image *next = image_apply(world->image, &read, world->end++, NULL);
    check_step(world->image, next, &read);
    image_unref(world->image);
    world->image = next;
    world->record_count++;
    if (world->last_count < 64)
        world->last[world->last_count++] = read;
}

void world_accept(struct world *world)
{
    struct decision *decision = &world->decision;
    log_offset end = decision_end(decision);
    cr_assert_eq(decision->base, world->end);
    world->last_count = 0;
    for (uint32_t i = 0; i < decision->count; i++)
        fold_one(world, &decision->records[i]);
    decision_accept(decision);
    cr_assert(decision->count == 0 || end == world->end);
    cr_assert_eq(image_hash(world->image), image_hash(controller_image(world->controller)),
                 "C1: the fold of the log is the controller's image");

    const struct image_partition *partition = NULL;
    while ((partition = image_partition_after(world->image, partition)) != NULL)
        check_partition(world->image, partition);
}

struct uuid world_uuid(uint64_t number)
{
    struct uuid uuid = {.bytes = {1}};
    store_be64(uuid.bytes + 8, number);
    return uuid;
}

enum err world_register_as(struct world *world, node_id id, uint64_t incarnation,
                           uint64_t directory, broker_epoch *epoch)
{
    const struct record_endpoint endpoints[] = {
        {.name = STR("CLIENT"), .host = STR("localhost"), .port = 9092},
        {.name = STR("INTERNAL"), .host = STR("localhost"), .port = 10092, .internal = true},
    };
    struct register_command command = {
        .broker = {.id = id,
                   .directory = world_uuid(directory),
                   .incarnation = world_uuid(incarnation),
                   .endpoint_count = 2,
                   .endpoints = endpoints},
    };
    struct register_reply reply = {.epoch = -1};
    enum err err = decide_register_broker(world_begin(world), &command, &reply);
    world_accept(world);
    if (epoch != NULL)
        *epoch = reply.epoch;
    return err;
}

broker_epoch world_register(struct world *world, node_id id)
{
    broker_epoch epoch = -1;
    controller_link_closed(world->controller, id, world_epoch(world, id));
    uint64_t incarnation = 1000 + (uint64_t)world->end;
    cr_assert_eq(world_register_as(world, id, incarnation, (uint64_t)id, &epoch), ERR_NONE);
    return epoch;
}

enum err world_heartbeat_with(struct world *world, struct heartbeat_command command,
                              struct heartbeat_reply *reply)
{
    struct heartbeat_reply unused;
    enum err err = decide_heartbeat(world_begin(world), &command, reply ? reply : &unused);
    world_accept(world);
    return err;
}

struct heartbeat_reply world_heartbeat(struct world *world, node_id id)
{
    struct heartbeat_reply reply = {0};
    struct heartbeat_command command = {
        .id = id, .epoch = world_epoch(world, id), .metadata_offset = world->end - 1};
    cr_assert_eq(world_heartbeat_with(world, command, &reply), ERR_NONE);
    return reply;
}

void world_start(struct world *world, int32_t count)
{
    for (node_id id = 1; id <= count; id++)
        world_register(world, id);
    for (node_id id = 1; id <= count; id++)
        cr_assert_not(world_heartbeat(world, id).is_fenced);
}

void world_sessions(struct world *world)
{
    decide_sessions(world_begin(world));
    world_accept(world);
}

void world_kill(struct world *world, node_id id)
{
    broker_epoch epoch = world_epoch(world, id);
    controller_link_closed(world->controller, id, epoch);
    controller_dial_refused(world->controller, id, epoch);
    controller_dial_refused(world->controller, id, epoch);
    world_sessions(world);
}

struct create_topic_reply world_create_with(struct world *world, struct create_topic topic)
{
    struct create_topics_command command = {
        .principal = STR("User:ANONYMOUS"), .count = 1, .topics = &topic};
    struct create_topics_reply reply = {0};
    decide_create_topics(world_begin(world), &command, &reply);
    world_accept(world);
    return reply.topics[0];
}

struct create_topic_reply world_create(struct world *world, const char *name, int32_t partitions,
                                       int32_t factor)
{
    return world_create_with(world, (struct create_topic){.name = str_from(name),
                                                          .partition_count = partitions,
                                                          .replication_factor = factor});
}

struct grow_topic_reply world_grow_with(struct world *world, struct grow_topic topic)
{
    struct create_partitions_command command = {
        .principal = STR("User:ANONYMOUS"), .count = 1, .topics = &topic};
    struct create_partitions_reply reply = {0};
    decide_create_partitions(world_begin(world), &command, &reply);
    world_accept(world);
    cr_assert_eq(reply.count, 1);
    return reply.topics[0];
}

struct grow_topic_reply world_grow(struct world *world, const char *name, int32_t partitions)
{
    return world_grow_with(
        world, (struct grow_topic){.name = str_from(name), .partition_count = partitions});
}

enum err world_elect(struct world *world, enum election_type type, const char *name,
                     partition_id index)
{
    struct elect_topic topic = {.name = str_from(name), .count = 1, .indexes = &index};
    struct elect_leaders_command command = {
        .principal = STR("User:ANONYMOUS"), .type = (int32_t)type, .count = 1, .topics = &topic};
    struct elect_leaders_reply reply = {0};
    cr_assert_eq(decide_elect_leaders(world_begin(world), &command, &reply), ERR_NONE);
    world_accept(world);
    cr_assert_eq(reply.topics[0].count, 1);
    return reply.topics[0].partitions[0].err;
}

const struct image_partition *world_partition(const struct world *world, const char *name,
                                              partition_id index)
{
    const struct image_topic *topic = image_topic_by_name(world->image, str_from(name));
    return topic == NULL ? NULL : image_partition(world->image, topic->id, index);
}

broker_epoch world_epoch(const struct world *world, node_id id)
{
    const struct image_broker *broker = image_broker(world->image, id);
    return broker == NULL ? -1 : broker->epoch;
}

enum err world_alter_with(struct world *world, node_id sender, struct alter_partition alter,
                          struct alter_partition_reply *reply)
{
    struct alter_partitions_command command = {
        .id = sender, .epoch = world_epoch(world, sender), .count = 1, .partitions = &alter};
    struct alter_partitions_reply replies = {0};
    enum err err = decide_alter_partitions(world_begin(world), &command, &replies);
    world_accept(world);
    if (err != ERR_NONE)
        return err;
    if (reply != NULL)
        *reply = replies.partitions[0];
    return replies.partitions[0].err;
}

enum err world_alter(struct world *world, const char *name, partition_id index, uint32_t count,
                     const node_id *isr)
{
    const struct image_partition *partition = world_partition(world, name, index);
    struct alter_member members[RECORD_REPLICAS_MAX];
    for (uint32_t i = 0; i < count; i++)
        members[i] = (struct alter_member){.id = isr[i], .epoch = world_epoch(world, isr[i])};
    return world_alter_with(world, partition->leader,
                            (struct alter_partition){.key = partition->key,
                                                     .leader_epoch = partition->leader_epoch,
                                                     .partition_epoch = partition->partition_epoch,
                                                     .member_count = count,
                                                     .isr = members},
                            NULL);
}

struct node_list world_nodes(uint32_t count, const node_id *ids)
{
    struct node_list list = {.count = count};
    memcpy(list.ids, ids, count * sizeof *ids);
    return list;
}
