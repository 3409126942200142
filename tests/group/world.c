/* world.c -- see world.h. */
#include "world.h"

#include <criterion/criterion.h>

struct coordinator_config world_config(void)
{
    return (struct coordinator_config){
        .seed = 7,
        .session_timeout_min_ms = 6000,
        .session_timeout_max_ms = 1800000,
        .initial_delay_ms = 0,
        .members_max = INT32_MAX,
        .offset_metadata_max = 4096,
        .offsets_retention_ms = INT64_C(7) * 24 * 3600 * 1000,
        .expiry_interval_ms = 600000,
        .record_size_max = 1000000,
        .memory_max = UINT64_C(1) << 40,
        .consumer = {.session_timeout_ms = 45000,
                     .heartbeat_interval_ms = 5000,
                     .members_max = INT32_MAX,
                     .may_upgrade = true,
                     .may_downgrade = true,
                     .assignor_count = 2,
                     .assignors = {GROUP_ASSIGNOR_UNIFORM, GROUP_ASSIGNOR_RANGE}},
    };
}

static uint64_t topics_version(const void *context)
{
    return ((const struct world *)context)->topics_version;
}

static bool topic_by_name(const void *context, struct str name, struct group_topic *out)
{
    const struct world *world = context;
    for (uint32_t i = 0; i < world->topic_count; i++)
        if (str_equal(world->topics[i].name, name)) {
            *out = world->topics[i];
            return true;
        }
    return false;
}

static bool topic_by_id(const void *context, struct uuid id, struct group_topic *out)
{
    const struct world *world = context;
    for (uint32_t i = 0; i < world->topic_count; i++)
        if (uuid_equal(world->topics[i].id, id)) {
            *out = world->topics[i];
            return true;
        }
    return false;
}

static bool topic_after(const void *context, struct str after, struct group_topic *out)
{
    const struct world *world = context;
    for (uint32_t i = 0; i < world->topic_count; i++)
        if (after.data == NULL || str_compare(world->topics[i].name, after) > 0) {
            *out = world->topics[i];
            return true;
        }
    return false;
}

void world_topic(struct world *world, const char *name, int32_t partition_count)
{
    struct str wanted = arena_str(&world->arena, str_from(name));
    uint32_t at = 0;
    world->topics_version++;
    while (at < world->topic_count && str_compare(world->topics[at].name, wanted) < 0)
        at++;
    bool is_there = at < world->topic_count && str_equal(world->topics[at].name, wanted);
    struct group_topic *place = &world->topics[at];
    if (is_there && partition_count == 0) {
        memmove(place, place + 1, (--world->topic_count - at) * sizeof *place);
        return;
    }
    if (!is_there) {
        cr_assert_lt(world->topic_count, WORLD_TOPICS_MAX);
        memmove(place + 1, place, (world->topic_count++ - at) * sizeof *place);
        *place = (struct group_topic){.name = wanted};
        store_be64(place->id.bytes, world->topics_version);
    }
    place->partition_count = partition_count;
}

struct world *world_open_with(const struct coordinator_config *config)
{
    struct world *world = mem_zalloc(sizeof *world);
    world->config = *config;
    world->config.memory = &world->memory;
    world->config.topics = (struct group_topics){.context = world,
                                                 .version = topics_version,
                                                 .by_name = topic_by_name,
                                                 .by_id = topic_by_id,
                                                 .next = topic_after};
    world->now = 1000;
    world->time = 1700000000000;
    world->coordinator = coordinator_open(&world->config);
    coordinator_start(world->coordinator, world->now);
    return world;
}

struct world *world_open(void)
{
    struct coordinator_config config = world_config();
    return world_open_with(&config);
}

void world_close(struct world *world)
{
    coordinator_close(world->coordinator);
    cr_assert_eq(world->memory.kept, 0); /* All that was counted was given back. */
    arena_free(&world->arena);
    mem_free(world->log);
    mem_free(world);
}

struct group_decision *world_begin(struct world *world)
{
    group_decision_begin(&world->decision, world->coordinator, &world->arena, world->log_count,
                         world->now,
                         (struct wall_span){world->time - world->unsure_ms, world->time});
    if (world->has_no_room)
        world->decision.room = 0;
    return &world->decision;
}

void world_end(struct world *world)
{
    const struct group_decision *decision = &world->decision;
    group_decision_end(&world->decision);
    cr_assert_eq(group_decision_offset(decision), world->log_count + decision->record_count);
    for (uint32_t i = 0; i < decision->record_count; i++) {
        mem_grow(world->log, world->log_count, &world->log_capacity);
        world->log[world->log_count++] = decision->records[i];
    }
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct group_reply *reply = &decision->replies[i];
        cr_assert(reply->token > 0 && reply->token <= world->token);
        cr_assert_null(world->replies[reply->token], "a second reply to one token");
        world->replies[reply->token] = reply;
    }
}

void world_pass(struct world *world, int64_t ms)
{
    mono_ms until = world->now + ms;
    for (int i = 0; i < 10000; i++) {
        mono_ms due = coordinator_deadline(world->coordinator);
        if (due > until)
            break;
        if (due > world->now) {
            world->time += due - world->now;
            world->now = due;
        }
        group_decide_tick(world_begin(world));
        world_end(world);
    }
    cr_assert_gt(coordinator_deadline(world->coordinator), until, "ticks without an end");
    world->time += until - world->now;
    world->now = until;
}

static struct coordinator *replayed(const struct world *world)
{
    struct coordinator *coordinator = coordinator_open(&world->config);
    for (uint32_t i = 0; i < world->log_count; i++)
        cr_assert_eq(coordinator_apply(coordinator, world->log[i].key, world->log[i].value),
                     ERR_NONE);
    return coordinator;
}

void world_fail_over(struct world *world)
{
    coordinator_close(world->coordinator);
    world->config.seed++;
    world->coordinator = replayed(world);
    coordinator_start(world->coordinator, world->now);
}

uint64_t world_replay_hash(const struct world *world)
{
    struct coordinator *coordinator = replayed(world);
    uint64_t hash = coordinator_hash(coordinator);
    coordinator_close(coordinator);
    return hash;
}

const struct group_reply *world_reply(const struct world *world, uint64_t token)
{
    cr_assert_leq(token, world->token);
    return world->replies[token];
}

enum err world_err(const struct world *world, uint64_t token)
{
    const struct group_reply *reply = world_reply(world, token);
    cr_assert_not_null(reply, "no answer yet");
    return reply->err;
}

static uint64_t next_token(struct world *world)
{
    cr_assert_lt(world->token + 1, WORLD_REPLIES_MAX);
    return ++world->token;
}

struct join_group_command world_joiner(const char *group, const char *member_id)
{
    static const struct group_protocol range = {
        .name = {.data = "range", .size = 5},
        .metadata = {.data = (const uint8_t *)"m", .size = 1}};
    return (struct join_group_command){
        .group_id = str_from(group),
        .member_id = str_from(member_id),
        .client_id = STR("app"),
        .client_host = STR("/127.0.0.1"),
        .protocol_type = STR("consumer"),
        .session_timeout_ms = 10000,
        .rebalance_timeout_ms = 60000,
        .protocol_count = 1,
        .protocols = &range,
    };
}

uint64_t world_join(struct world *world, struct join_group_command command)
{
    command.token = next_token(world);
    group_decide_join(world_begin(world), &command);
    world_end(world);
    return command.token;
}

uint64_t world_join_simply(struct world *world, const char *group, struct str member_id)
{
    struct join_group_command command = world_joiner(group, "");
    command.member_id = member_id;
    return world_join(world, command);
}

uint64_t world_sync(struct world *world, struct sync_group_command command)
{
    command.token = next_token(world);
    group_decide_sync(world_begin(world), &command);
    world_end(world);
    return command.token;
}

uint64_t world_sync_as(struct world *world, const char *group, struct str member_id,
                       int32_t generation)
{
    return world_sync(world, (struct sync_group_command){.group_id = str_from(group),
                                                         .member_id = member_id,
                                                         .generation = generation});
}

uint64_t world_sync_leader(struct world *world, const char *group, uint64_t join_token)
{
    const struct group_joined *join = &world_reply(world, join_token)->join;
    struct group_assignment *assignments =
        arena_array(&world->arena, struct group_assignment, join->member_count);
    for (uint32_t i = 0; i < join->member_count; i++)
        assignments[i] =
            (struct group_assignment){.member_id = join->members[i].member_id,
                                      .assignment = bytes_of_str(join->members[i].member_id)};
    return world_sync(world, (struct sync_group_command){.group_id = str_from(group),
                                                         .member_id = join->member_id,
                                                         .generation = join->generation,
                                                         .assignment_count = join->member_count,
                                                         .assignments = assignments});
}

enum err world_heartbeat(struct world *world, const char *group, struct str member_id,
                         int32_t generation)
{
    struct group_heartbeat_command command = {.token = next_token(world),
                                              .group_id = str_from(group),
                                              .member_id = member_id,
                                              .generation = generation};
    group_decide_heartbeat(world_begin(world), &command);
    world_end(world);
    return world_err(world, command.token);
}

uint64_t world_leave(struct world *world, const char *group, struct group_leaver leaver)
{
    struct leave_group_command command = {
        .token = next_token(world), .group_id = str_from(group), .count = 1, .members = &leaver};
    group_decide_leave(world_begin(world), &command);
    world_end(world);
    return command.token;
}

uint64_t world_commit(struct world *world, struct offset_commit_command command, const char *topic,
                      struct group_commit_partition partition)
{
    struct group_commit_topic in = {
        .topic = str_from(topic), .partition_count = 1, .partitions = &partition};
    command.token = next_token(world);
    command.topic_count = 1;
    command.topics = &in;
    group_decide_commit(world_begin(world), &command);
    world_end(world);
    return command.token;
}

uint64_t world_commit_alone(struct world *world, const char *group, const char *topic,
                            log_offset offset)
{
    return world_commit(world,
                        (struct offset_commit_command){.group_id = str_from(group),
                                                       .member_id = STR(""),
                                                       .generation = -1,
                                                       .retention_ms = -1},
                        topic, (struct group_commit_partition){.offset = offset});
}

log_offset world_committed(struct world *world, const char *group, const char *topic)
{
    int32_t partition = 0;
    struct group_topic_partitions topics = {
        .topic = str_from(topic), .partition_count = 1, .partitions = &partition};
    struct group_fetch fetch = {.group_id = str_from(group), .topic_count = 1, .topics = &topics};
    struct offset_fetch_command command = {
        .token = next_token(world), .count = 1, .groups = &fetch};
    group_decide_fetch(world_begin(world), &command);
    world_end(world);
    return world_reply(world, command.token)->fetch.groups[0].topics[0].partitions[0].offset;
}

uint64_t world_delete(struct world *world, const char *group)
{
    struct str id = str_from(group);
    struct groups_command command = {.token = next_token(world), .count = 1, .group_ids = &id};
    group_decide_delete(world_begin(world), &command);
    world_end(world);
    return command.token;
}

struct str world_state(struct world *world, const char *group)
{
    struct str id = str_from(group);
    struct groups_command command = {.token = next_token(world), .count = 1, .group_ids = &id};
    group_decide_describe(world_begin(world), &command);
    world_end(world);
    return world_reply(world, command.token)->describe.groups[0].state;
}

struct str world_stable(struct world *world, const char *group)
{
    uint64_t join = world_join_simply(world, group, STR(""));
    cr_assert_eq(world_err(world, join), ERR_NONE);
    cr_assert_eq(world_err(world, world_sync_leader(world, group, join)), ERR_NONE);
    return world_reply(world, join)->join.member_id;
}
