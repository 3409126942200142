/* record.c -- metadata records as bytes. */
#include "world.h"

static struct record round_trip(struct arena *arena, const struct record *record)
{
    struct record read = {0};
    cr_assert_eq(record_decode(record_encode(record, arena), arena, &read), ERR_NONE);
    cr_assert_eq(read.type, record->type);
    cr_assert(str_equal(read.cause, record->cause));
    return read;
}

Test(record, keeps_a_cluster_and_its_voters)
{
    struct arena arena = {0};
    struct record cluster = {.type = RECORD_CLUSTER,
                             .cause = STR("forming"),
                             .cluster = {.cluster_id = world_uuid(3), .level = 1}};
    struct record voters = {.type = RECORD_VOTERS,
                            .cause = STR("forming"),
                            .voters = {.count = 2,
                                       .voters = {{.id = 0, .directory = world_uuid(1)},
                                                  {.id = 5, .directory = world_uuid(2)}}}};

    struct record a = round_trip(&arena, &cluster);
    struct record b = round_trip(&arena, &voters);

    cr_assert(uuid_equal(a.cluster.cluster_id, world_uuid(3)));
    cr_assert_eq(a.cluster.level, 1);
    cr_assert_eq(b.voters.count, 2);
    cr_assert_eq(b.voters.voters[0].id, 0);
    cr_assert(uuid_equal(b.voters.voters[1].directory, world_uuid(2)));
    arena_free(&arena);
}

Test(record, keeps_a_broker_with_its_endpoints)
{
    struct arena arena = {0};
    const struct record_endpoint endpoints[] = {
        {.name = STR("CLIENT"), .host = STR("::1"), .port = 65535},
        {.name = STR("INTERNAL"), .host = STR("host"), .port = 1, .internal = true},
    };
    struct record record = {.type = RECORD_REGISTER_BROKER,
                            .cause = STR("registration"),
                            .broker = {.id = 3,
                                       .directory = world_uuid(1),
                                       .incarnation = world_uuid(2),
                                       .endpoint_count = 2,
                                       .endpoints = endpoints,
                                       .rack = STR("r1")}};

    struct record read = round_trip(&arena, &record);

    cr_assert_eq(read.broker.id, 3);
    cr_assert(uuid_equal(read.broker.directory, world_uuid(1)));
    cr_assert(uuid_equal(read.broker.incarnation, world_uuid(2)));
    cr_assert_eq(read.broker.endpoint_count, 2);
    cr_assert(str_equal(read.broker.endpoints[0].host, STR("::1")));
    cr_assert_eq(read.broker.endpoints[0].port, 65535);
    cr_assert(read.broker.endpoints[1].internal);
    cr_assert(str_equal(read.broker.rack, STR("r1")));
    arena_free(&arena);
}

Test(record, reads_an_absent_rack_as_null)
{
    struct arena arena = {0};
    struct record record = {
        .type = RECORD_REGISTER_BROKER, .cause = STR("registration"), .broker = {.id = 3}};

    struct record read = round_trip(&arena, &record);

    cr_assert_null(read.broker.rack.data);
    arena_free(&arena);
}

Test(record, keeps_a_topic_with_a_zero_byte_in_a_config)
{
    struct arena arena = {0};
    const struct record_config configs[] = {{.name = STR("k"), .value = STR("a\0b")},
                                            {.name = STR("empty"), .value = STR("")}};
    struct record record = {.type = RECORD_TOPIC,
                            .cause = STR("CreateTopics"),
                            .topic = {.id = world_uuid(1),
                                      .name = STR("orders"),
                                      .partition_count = 12,
                                      .config_count = 2,
                                      .configs = configs}};

    struct record read = round_trip(&arena, &record);

    cr_assert(str_equal(read.topic.name, STR("orders")));
    cr_assert_eq(read.topic.partition_count, 12);
    cr_assert(str_equal(read.topic.configs[0].value, STR("a\0b")));
    cr_assert(str_equal(read.topic.configs[1].value, STR("")));
    arena_free(&arena);
}

Test(record, keeps_every_field_of_a_partition)
{
    struct arena arena = {0};
    struct record record = {.type = RECORD_PARTITION,
                            .cause = STR("x"),
                            .partition = {.key = {.topic_id = world_uuid(1), .index = 7},
                                          .replicas = NODES(2, 0, 1),
                                          .isr = NODES(0),
                                          .elr = NODES(2, 1),
                                          .leader = -1,
                                          .leader_epoch = 40,
                                          .partition_epoch = 41,
                                          .min_insync = 2,
                                          .flush_each = true,
                                          .unclean_allowed = true,
                                          .recovering = true,
                                          .data_loss = true}};

    struct record read = round_trip(&arena, &record);

    cr_assert(partition_key_equal(read.partition.key, record.partition.key));
    assert_nodes(read.partition.replicas, 2, 0, 1);
    assert_nodes(read.partition.isr, 0);
    assert_nodes(read.partition.elr, 2, 1);
    cr_assert_eq(read.partition.leader, -1);
    cr_assert_eq(read.partition.leader_epoch, 40);
    cr_assert_eq(read.partition.partition_epoch, 41);
    cr_assert_eq(read.partition.min_insync, 2);
    cr_assert(read.partition.flush_each);
    cr_assert(read.partition.unclean_allowed);
    cr_assert(read.partition.recovering);
    cr_assert(read.partition.data_loss);
    arena_free(&arena);
}

Test(record, keeps_the_small_kinds)
{
    struct arena arena = {0};
    struct record change = {.type = RECORD_BROKER_CHANGE,
                            .cause = STR("x"),
                            .broker_change = {.id = 1, .epoch = 99, .fenced = true}};
    struct record remove = {
        .type = RECORD_REMOVE_TOPIC, .cause = STR("x"), .remove_topic = {.id = world_uuid(8)}};
    struct record ids = {.type = RECORD_PRODUCER_IDS,
                         .cause = STR("x"),
                         .producer_ids = {.broker = 1, .epoch = 99, .next = 5000}};
    struct record floor = {
        .type = RECORD_EPOCH_FLOOR, .cause = STR("x"), .epoch_floor = {.floor = 12}};

    struct record read = round_trip(&arena, &change);
    cr_assert_eq(read.broker_change.epoch, 99);
    cr_assert(read.broker_change.fenced);
    cr_assert_not(read.broker_change.shutting_down);
    cr_assert(uuid_equal(round_trip(&arena, &remove).remove_topic.id, world_uuid(8)));
    cr_assert_eq(round_trip(&arena, &ids).producer_ids.next, 5000);
    cr_assert_eq(round_trip(&arena, &floor).epoch_floor.floor, 12);
    arena_free(&arena);
}

Test(record, keeps_the_configs_of_a_broker)
{
    struct arena arena = {0};
    const struct record_config set[] = {{.name = STR("log.retention.ms"), .value = STR("7")},
                                        {.name = STR("log.cleanup.policy"), .value = STR("")}};
    struct record all = {
        .type = RECORD_CONFIGS,
        .cause = STR("x"),
        .configs = {.resource = CONFIG_OF_BROKER, .config_count = 2, .configs = set}};

    struct record_configs read = round_trip(&arena, &all).configs;

    cr_assert_eq((int)read.resource, CONFIG_OF_BROKER);
    cr_assert_eq(read.name.size, 0);
    cr_assert_eq(read.config_count, 2);
    cr_assert(str_equal(read.configs[0].value, STR("7")));
    cr_assert(str_equal(read.configs[1].name, STR("log.cleanup.policy")));
    arena_free(&arena);
}

static enum err decode(const uint8_t *data, uint32_t size)
{
    struct arena arena = {0};
    struct record record;
    enum err err = record_decode((struct bytes){.data = data, .size = size}, &arena, &record);
    arena_free(&arena);
    return err;
}

Test(record, refuses_a_level_that_it_does_not_know)
{
    /* level = 3, cause = "x", epoch floor. */
    const uint8_t later[] = {0x08, 3, 0x12, 1, 'x', 0x9a, 0x01, 0};
    const uint8_t known[] = {0x08, 1, 0x12, 1, 'x', 0x9a, 0x01, 0};

    cr_assert_eq(decode(known, sizeof known), ERR_NONE);
    cr_assert_eq(decode(later, sizeof later), ERR_UNSUPPORTED_VERSION);
}

Test(record, refuses_a_kind_or_field_that_it_does_not_know)
{
    /* A body with number 100; a field 9 in the epoch floor. */
    const uint8_t kind[] = {0x08, 1, 0x12, 1, 'x', 0xa2, 0x06, 0};
    const uint8_t field[] = {0x08, 1, 0x12, 1, 'x', 0x9a, 0x01, 2, 0x48, 1};

    cr_assert_eq(decode(kind, sizeof kind), ERR_UNSUPPORTED_VERSION);
    cr_assert_eq(decode(field, sizeof field), ERR_UNSUPPORTED_VERSION);
}

Test(record, refuses_what_is_no_record)
{
    const uint8_t no_level[] = {0x12, 1, 'x', 0x9a, 0x01, 0};
    const uint8_t no_cause[] = {0x08, 1, 0x9a, 0x01, 0};
    const uint8_t short_uuid[] = {0x08, 1, 0x12, 1, 'x', 0x8a, 0x01, 3, 0x0a, 1, 7};
    const uint8_t torn[] = {0x08, 1, 0x12, 200, 'x'};

    cr_assert_eq(decode(NULL, 0), ERR_CORRUPT);
    cr_assert_eq(decode(no_level, sizeof no_level), ERR_CORRUPT);
    cr_assert_eq(decode(no_cause, sizeof no_cause), ERR_CORRUPT);
    cr_assert_eq(decode(short_uuid, sizeof short_uuid), ERR_CORRUPT);
    cr_assert_eq(decode(torn, sizeof torn), ERR_CORRUPT);
}

Test(record, refuses_a_topic_name_that_could_leave_its_directory)
{
    struct arena arena = {0};
    struct record read;
    struct record record = {.type = RECORD_TOPIC,
                            .cause = STR("x"),
                            .topic = {.name = STR("../x"), .partition_count = 1}};

    cr_assert_eq(record_decode(record_encode(&record, &arena), &arena, &read), ERR_CORRUPT);
    arena_free(&arena);
}

Test(record, leaves_its_output_alone_on_failure)
{
    struct arena arena = {0};
    struct record read = {.type = RECORD_TOPIC};

    record_decode((struct bytes){0}, &arena, &read);

    cr_assert_eq(read.type, RECORD_TOPIC);
    arena_free(&arena);
}

Test(record, names_its_kinds)
{
    cr_assert_str_eq(record_type_name(RECORD_PARTITION_CHANGE), "PARTITION_CHANGE");
    cr_assert_str_eq(record_type_name((enum record_type)99), "UNKNOWN");
}
