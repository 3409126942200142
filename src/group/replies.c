/* replies.c -- replies that outlive their decision, and those of who refuses without one. */
#include "group.h"

struct group_reply group_reply_refuse(enum group_reply_kind kind, uint64_t token, enum err err)
{
    struct group_reply reply = {.token = token, .kind = kind, .err = err};
    if (kind == GROUP_REPLY_JOIN)
        reply.join =
            (struct group_joined){.generation = -1, .leader = STR(""), .member_id = STR("")};
    return reply;
}

static struct str keep_text(struct arena *arena, struct str text)
{
    return text.data ? arena_str(arena, text) : text;
}

static struct bytes keep_run(struct arena *arena, struct bytes run)
{
    if (run.data && run.size > 0)
        run.data = arena_copy(arena, run.data, run.size);
    return run;
}

static void keep_join(struct group_joined *join, struct arena *arena)
{
    struct group_joined_member *members =
        arena_array(arena, struct group_joined_member, join->member_count);
    for (uint32_t i = 0; i < join->member_count; i++)
        members[i] = (struct group_joined_member){
            .member_id = keep_text(arena, join->members[i].member_id),
            .instance_id = keep_text(arena, join->members[i].instance_id),
            .metadata = keep_run(arena, join->members[i].metadata),
        };
    join->protocol_type = keep_text(arena, join->protocol_type);
    join->protocol = keep_text(arena, join->protocol);
    join->leader = keep_text(arena, join->leader);
    join->member_id = keep_text(arena, join->member_id);
    join->members = members;
}

static void keep_leave(struct group_leaving *leave, struct arena *arena)
{
    struct group_left *members = arena_array(arena, struct group_left, leave->count);
    for (uint32_t i = 0; i < leave->count; i++)
        members[i] = (struct group_left){
            .member_id = keep_text(arena, leave->members[i].member_id),
            .instance_id = keep_text(arena, leave->members[i].instance_id),
            .err = leave->members[i].err,
        };
    leave->members = members;
}

static void keep_partitions(struct group_partition_errors *errors, struct arena *arena)
{
    struct group_topic_errors *topics =
        arena_array(arena, struct group_topic_errors, errors->topic_count);
    for (uint32_t i = 0; i < errors->topic_count; i++) {
        topics[i] = errors->topics[i];
        topics[i].topic = keep_text(arena, topics[i].topic);
        topics[i].partitions = arena_copy(arena, topics[i].partitions,
                                          topics[i].partition_count * sizeof *topics[i].partitions);
    }
    errors->topics = topics;
}

static struct group_fetched_topic keep_fetched_topic(struct group_fetched_topic topic,
                                                     struct arena *arena)
{
    struct group_fetched_partition *partitions =
        arena_array(arena, struct group_fetched_partition, topic.partition_count);
    for (uint32_t i = 0; i < topic.partition_count; i++) {
        partitions[i] = topic.partitions[i];
        partitions[i].metadata = keep_text(arena, partitions[i].metadata);
    }
    topic.topic = keep_text(arena, topic.topic);
    topic.partitions = partitions;
    return topic;
}

static void keep_fetch(struct group_fetches *fetch, struct arena *arena)
{
    struct group_fetched *groups = arena_array(arena, struct group_fetched, fetch->count);
    for (uint32_t i = 0; i < fetch->count; i++) {
        struct group_fetched_topic *topics =
            arena_array(arena, struct group_fetched_topic, fetch->groups[i].topic_count);
        groups[i] = fetch->groups[i];
        for (uint32_t t = 0; t < groups[i].topic_count; t++)
            topics[t] = keep_fetched_topic(groups[i].topics[t], arena);
        groups[i].group_id = keep_text(arena, groups[i].group_id);
        groups[i].topics = topics;
    }
    fetch->groups = groups;
}

static struct group_described keep_described(struct group_described group, struct arena *arena)
{
    struct group_described_member *members =
        arena_array(arena, struct group_described_member, group.member_count);
    for (uint32_t i = 0; i < group.member_count; i++)
        members[i] = (struct group_described_member){
            .member_id = keep_text(arena, group.members[i].member_id),
            .instance_id = keep_text(arena, group.members[i].instance_id),
            .client_id = keep_text(arena, group.members[i].client_id),
            .client_host = keep_text(arena, group.members[i].client_host),
            .metadata = keep_run(arena, group.members[i].metadata),
            .assignment = keep_run(arena, group.members[i].assignment),
        };
    group.group_id = keep_text(arena, group.group_id);
    group.state = keep_text(arena, group.state);
    group.protocol_type = keep_text(arena, group.protocol_type);
    group.protocol = keep_text(arena, group.protocol);
    group.members = members;
    return group;
}

static void keep_describe(struct group_descriptions *describe, struct arena *arena)
{
    struct group_described *groups = arena_array(arena, struct group_described, describe->count);
    for (uint32_t i = 0; i < describe->count; i++)
        groups[i] = keep_described(describe->groups[i], arena);
    describe->groups = groups;
}

static void keep_list(struct group_listing *list, struct arena *arena)
{
    struct group_listed *groups = arena_array(arena, struct group_listed, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        groups[i] = (struct group_listed){
            .group_id = keep_text(arena, list->groups[i].group_id),
            .protocol_type = keep_text(arena, list->groups[i].protocol_type),
            .state = keep_text(arena, list->groups[i].state),
            .type = keep_text(arena, list->groups[i].type),
        };
    list->groups = groups;
}

static void keep_delete(struct group_deletions *deletion, struct arena *arena)
{
    struct group_deleted *groups = arena_array(arena, struct group_deleted, deletion->count);
    for (uint32_t i = 0; i < deletion->count; i++)
        groups[i] = (struct group_deleted){
            .group_id = keep_text(arena, deletion->groups[i].group_id),
            .err = deletion->groups[i].err,
        };
    deletion->groups = groups;
}

static const struct group_topic_partitions *keep_topics(const struct group_topic_partitions *topics,
                                                        uint32_t count, struct arena *arena)
{
    struct group_topic_partitions *kept = arena_array(arena, struct group_topic_partitions, count);
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = topics[i];
        kept[i].topic = keep_text(arena, topics[i].topic);
        kept[i].partitions = arena_copy(arena, topics[i].partitions,
                                        topics[i].partition_count * sizeof *topics[i].partitions);
    }
    return kept;
}

static struct consumer_described_member keep_consumer(struct consumer_described_member member,
                                                      struct arena *arena)
{
    struct str *topics = arena_array(arena, struct str, member.topic_count);
    for (uint32_t i = 0; i < member.topic_count; i++)
        topics[i] = keep_text(arena, member.topics[i]);
    member.topics = topics;
    member.member_id = keep_text(arena, member.member_id);
    member.instance_id = keep_text(arena, member.instance_id);
    member.rack_id = keep_text(arena, member.rack_id);
    member.client_id = keep_text(arena, member.client_id);
    member.client_host = keep_text(arena, member.client_host);
    member.topic_regex = keep_text(arena, member.topic_regex);
    member.assigned = keep_topics(member.assigned, member.assigned_count, arena);
    member.target = keep_topics(member.target, member.target_count, arena);
    return member;
}

static void keep_consumers(struct consumer_descriptions *consumers, struct arena *arena)
{
    struct consumer_described *groups =
        arena_array(arena, struct consumer_described, consumers->count);
    for (uint32_t i = 0; i < consumers->count; i++) {
        struct consumer_described_member *members =
            arena_array(arena, struct consumer_described_member, consumers->groups[i].member_count);
        groups[i] = consumers->groups[i];
        for (uint32_t m = 0; m < groups[i].member_count; m++)
            members[m] = keep_consumer(groups[i].members[m], arena);
        groups[i].group_id = keep_text(arena, groups[i].group_id);
        groups[i].state = keep_text(arena, groups[i].state);
        groups[i].assignor = keep_text(arena, groups[i].assignor);
        groups[i].members = members;
    }
    consumers->groups = groups;
}

struct group_reply group_reply_keep(const struct group_reply *reply, struct arena *arena)
{
    struct group_reply kept = *reply;
    switch (kept.kind) {
    case GROUP_REPLY_JOIN:
        keep_join(&kept.join, arena);
        break;
    case GROUP_REPLY_SYNC:
        kept.sync.protocol_type = keep_text(arena, kept.sync.protocol_type);
        kept.sync.protocol = keep_text(arena, kept.sync.protocol);
        kept.sync.assignment = keep_run(arena, kept.sync.assignment);
        break;
    case GROUP_REPLY_HEARTBEAT:
        break;
    case GROUP_REPLY_LEAVE:
        keep_leave(&kept.leave, arena);
        break;
    case GROUP_REPLY_COMMIT:
    case GROUP_REPLY_OFFSET_DELETE:
        keep_partitions(&kept.partitions, arena);
        break;
    case GROUP_REPLY_FETCH:
        keep_fetch(&kept.fetch, arena);
        break;
    case GROUP_REPLY_DESCRIBE:
        keep_describe(&kept.describe, arena);
        break;
    case GROUP_REPLY_LIST:
        keep_list(&kept.list, arena);
        break;
    case GROUP_REPLY_DELETE:
        keep_delete(&kept.deletion, arena);
        break;
    case GROUP_REPLY_CONSUMER_HEARTBEAT:
        kept.beat.member_id = keep_text(arena, kept.beat.member_id);
        kept.beat.topics = keep_topics(kept.beat.topics, kept.beat.topic_count, arena);
        break;
    case GROUP_REPLY_CONSUMER_DESCRIBE:
        keep_consumers(&kept.consumers, arena);
        break;
    }
    return kept;
}
