/* group_view.c -- one group of either protocol: its members, what they have, what is committed.
 *
 * ConsumerGroupDescribe is asked first: what it does not know is of the classic protocol, or
 * nothing. A classic member's assignment is bytes that its client made; where they are a
 * consumer's they are read here: version int16, topics as an array of a string and an array of
 * int32, and more that is not read. */
#include "group_view.h"

#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "say.h"

enum { PATIENCE_US = 1000000 };

static struct group_partition *add_partition(struct group_view *view, struct str topic,
                                             partition_id partition)
{
    mem_grow(view->partitions, view->partition_count, &view->partition_capacity);
    struct group_partition *added = &view->partitions[view->partition_count++];
    *added = (struct group_partition){.topic = topic,
                                      .partition = partition,
                                      .committed = -1,
                                      .leader_epoch = -1,
                                      .metadata = STR(""),
                                      .end = -1,
                                      .member = -1};
    return added;
}

static void assign(struct group_view *view, uint32_t member, struct str topic,
                   partition_id partition)
{
    add_partition(view, topic, partition)->member = (int32_t)member;
    view->members[member].partition_count++;
}

static enum err consumer_error(const void *response)
{
    const struct consumer_group_describe_response *groups = response;
    return groups->groups_count == 1 ? (enum err)groups->groups[0].error_code : ERR_CORRUPT_MESSAGE;
}

static void take_consumer(struct group_view *view, struct arena *arena,
                          const struct consumer_group_describe_response_group *group)
{
    view->type = "consumer";
    view->state = group->group_state;
    view->protocol_type = STR("consumer");
    view->assignor = group->assignor_name;
    view->epoch = group->group_epoch;
    view->member_count = group->members_count;
    view->members = arena_array(arena, struct group_member, group->members_count + 1);
    for (uint32_t i = 0; i < group->members_count; i++) {
        const struct consumer_group_describe_response_member *from = &group->members[i];
        view->members[i] = (struct group_member){.member_id = from->member_id,
                                                 .instance_id = from->instance_id,
                                                 .client_id = from->client_id,
                                                 .client_host = from->client_host,
                                                 .epoch = from->member_epoch};
        for (uint32_t j = 0; j < from->assignment.topics_count; j++)
            for (uint32_t k = 0; k < from->assignment.topics[j].partitions_count; k++)
                assign(view, i, from->assignment.topics[j].name,
                       from->assignment.topics[j].partitions[k]);
    }
}

static enum err read_consumer(struct group_view *view, struct group_asking *asking)
{
    static const struct group_api api = {{WIRE_CONSUMER_GROUP_DESCRIBE, 0, INT16_MAX},
                                         consumer_error};
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;
    consumer_group_describe_request_init(&request);
    request.group_ids_count = 1;
    request.group_ids = &asking->group;
    enum err err = group_ask(asking, &api, &request, &response);
    if (!err)
        take_consumer(view, brokers_arena(asking->brokers), &response.groups[0]);
    return err;
}

static enum err classic_error(const void *response)
{
    const struct describe_groups_response *groups = response;
    return groups->groups_count == 1 ? (enum err)groups->groups[0].error_code : ERR_CORRUPT_MESSAGE;
}

/* Stops where the bytes are not what a consumer would write: what was read before them counts. */
static void take_assignment(struct group_view *view, uint32_t member, struct bytes bytes)
{
    struct wire_reader reader;
    struct str topic;
    int16_t version;
    int32_t topics;
    int32_t partitions;
    int32_t partition;
    wire_reader_init(&reader, bytes);
    if (wire_read_int16(&reader, &version) || wire_read_int32(&reader, &topics))
        return;
    while (topics-- > 0) {
        if (wire_read_string(&reader, &topic) || wire_read_int32(&reader, &partitions))
            return;
        while (partitions-- > 0) {
            if (wire_read_int32(&reader, &partition))
                return;
            assign(view, member, topic, partition);
        }
    }
}

static void take_classic(struct group_view *view, struct arena *arena,
                         const struct describe_groups_response_group *group)
{
    view->type = "classic";
    view->state = group->group_state;
    view->protocol_type = group->protocol_type;
    view->assignor = group->protocol_data;
    view->epoch = -1;
    view->member_count = group->members_count;
    view->members = arena_array(arena, struct group_member, group->members_count + 1);
    for (uint32_t i = 0; i < group->members_count; i++) {
        const struct describe_groups_response_member *from = &group->members[i];
        view->members[i] = (struct group_member){.member_id = from->member_id,
                                                 .instance_id = from->instance_id,
                                                 .client_id = from->client_id,
                                                 .client_host = from->client_host,
                                                 .epoch = -1};
        if (str_equal(group->protocol_type, STR("consumer")))
            take_assignment(view, i, from->member_assignment);
    }
}

static enum err read_classic(struct group_view *view, struct group_asking *asking)
{
    static const struct group_api api = {{WIRE_DESCRIBE_GROUPS, 0, INT16_MAX}, classic_error};
    struct describe_groups_request request;
    struct describe_groups_response response;
    describe_groups_request_init(&request);
    request.groups_count = 1;
    request.groups = &asking->group;
    enum err err = group_ask(asking, &api, &request, &response);
    if (!err)
        take_classic(view, brokers_arena(asking->brokers), &response.groups[0]);
    return err;
}

static enum err offsets_error(const void *response)
{
    const struct offset_fetch_response *groups = response;
    return groups->groups_count == 1 ? (enum err)groups->groups[0].error_code : ERR_CORRUPT_MESSAGE;
}

static void take_offsets(struct group_view *view, const struct offset_fetch_response_group *group)
{
    for (uint32_t i = 0; i < group->topics_count; i++) {
        const struct offset_fetch_response_group_topic *topic = &group->topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            const struct offset_fetch_response_group_partition *from = &topic->partitions[j];
            struct group_partition *to = add_partition(view, topic->name, from->index);
            to->committed = from->error_code ? -1 : from->committed_offset;
            to->leader_epoch = from->committed_leader_epoch;
            if (from->metadata.data)
                to->metadata = from->metadata;
        }
    }
}

static enum err read_offsets(struct group_view *view, struct group_asking *asking)
{
    /* Several groups from version 8 on; topics by id, not by name, from version 10 on. */
    static const struct group_api api = {{WIRE_OFFSET_FETCH, 8, 9}, offsets_error};
    struct offset_fetch_request request;
    struct offset_fetch_response response;
    struct arena *arena = brokers_arena(asking->brokers);
    offset_fetch_request_init(&request);
    request.groups_count = 1;
    request.groups = offset_fetch_request_group_new(arena, 1);
    request.groups[0].group_id = asking->group;
    request.groups[0].topics = NULL;
    enum err err = group_ask(asking, &api, &request, &response);
    if (!err)
        take_offsets(view, &response.groups[0]);
    return err == ERR_GROUP_ID_NOT_FOUND ? ERR_NONE : err;
}

static int compare_partitions(const void *a, const void *b)
{
    const struct group_partition *left = a;
    const struct group_partition *right = b;
    struct place left_place = {.topic = left->topic, .partition = left->partition};
    struct place right_place = {.topic = right->topic, .partition = right->partition};
    return place_compare(&left_place, &right_place);
}

/* What is assigned and what is committed become one. */
static void join_partitions(struct group_view *view)
{
    uint32_t count = 0;
    if (view->partition_count)
        qsort(view->partitions, view->partition_count, sizeof *view->partitions,
              compare_partitions);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct group_partition *next = &view->partitions[i];
        struct group_partition *last = count ? &view->partitions[count - 1] : NULL;
        if (!last || compare_partitions(last, next) != 0) {
            view->partitions[count++] = *next;
            continue;
        }
        if (next->committed >= 0) {
            last->committed = next->committed;
            last->leader_epoch = next->leader_epoch;
            last->metadata = next->metadata;
        }
        if (next->member >= 0)
            last->member = next->member;
    }
    view->partition_count = count;
}

enum err group_view_read(struct group_view *out, struct group_asking *asking)
{
    struct group_view view = {.type = "classic", .state = STR("Dead"), .epoch = -1};
    enum err err = read_consumer(&view, asking);
    if (err == ERR_GROUP_ID_NOT_FOUND || err == ERR_UNSUPPORTED_VERSION)
        err = read_classic(&view, asking);
    if (err == ERR_GROUP_ID_NOT_FOUND)
        err = ERR_NONE;
    if (!err)
        err = read_offsets(&view, asking);
    if (err) {
        group_view_free(&view);
        return err;
    }
    join_partitions(&view);
    *out = view;
    return ERR_NONE;
}

void group_view_free(struct group_view *view)
{
    mem_free(view->partitions);
    view->partitions = NULL;
}

bool group_view_is_dead(const struct group_view *view)
{
    return str_equal(view->state, STR("Dead"));
}

bool group_view_is_idle(const struct group_view *view)
{
    return group_view_is_dead(view) || str_equal(view->state, STR("Empty"));
}

void group_view_find_ends(struct group_view *view, struct brokers *brokers)
{
    struct place *places = mem_zalloc((view->partition_count + 1) * sizeof *places);
    for (uint32_t i = 0; i < view->partition_count; i++)
        places[i] = (struct place){.topic = view->partitions[i].topic,
                                   .partition = view->partitions[i].partition,
                                   .time = PLACE_END};
    places_find(brokers, places, view->partition_count, PATIENCE_US);
    for (uint32_t i = 0; i < view->partition_count; i++)
        view->partitions[i].end = places[i].err ? -1 : places[i].offset;
    mem_free(places);
}

int64_t group_partition_lag(const struct group_partition *partition)
{
    if (partition->committed < 0 || partition->end < 0)
        return -1;
    return partition->end > partition->committed ? partition->end - partition->committed : 0;
}
