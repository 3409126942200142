/* places.c -- offsets of many partitions, each asked of its leader.
 *
 * In rounds: one request to each leader, for all places that have no answer yet. Places stand in
 * order, so those of one topic are a run of them. */
#include "places.h"

#include <stdlib.h>

#include "say.h"

enum { PAUSE_US = 50000 };

struct round {
    struct brokers *brokers;
    struct place *places;
    uint32_t count;
    node_id *leaders; /* One a place; -1: nobody is to be asked. */
};

int place_compare(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    int order = str_compare(left->topic, right->topic);
    return order ? order
                 : (left->partition > right->partition) - (left->partition < right->partition);
}

/* Whether another leader, or this one a moment later, may know. */
static bool is_passing(enum err err)
{
    return brokers_is_gone(err) || err == ERR_LEADER_NOT_AVAILABLE ||
           err == ERR_NOT_LEADER_OR_FOLLOWER || err == ERR_OFFSET_NOT_AVAILABLE ||
           err == ERR_REPLICA_NOT_AVAILABLE || err == ERR_FENCED_LEADER_EPOCH ||
           err == ERR_UNKNOWN_LEADER_EPOCH;
}

static const struct metadata_response_topic *find_topic(const struct brokers *brokers,
                                                        struct str name)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    for (uint32_t i = 0; i < metadata->topics_count; i++)
        if (str_equal(metadata->topics[i].name, name))
            return &metadata->topics[i];
    return NULL;
}

static void find_leader(const struct metadata_response_topic *topic, struct place *place,
                        node_id *leader)
{
    *leader = -1;
    place->err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    for (uint32_t i = 0; topic && i < topic->partitions_count; i++) {
        if (topic->partitions[i].index != place->partition)
            continue;
        *leader = topic->partitions[i].leader_id;
        place->err = ERR_LEADER_NOT_AVAILABLE; /* Until one answered. */
    }
}

static void find_leaders(struct round *round)
{
    const struct metadata_response_topic *topic = NULL;
    for (uint32_t i = 0; i < round->count; i++) {
        struct place *place = &round->places[i];
        round->leaders[i] = -1;
        if (!is_passing(place->err))
            continue;
        if (!topic || !str_equal(topic->name, place->topic))
            topic = find_topic(round->brokers, place->topic);
        find_leader(topic, place, &round->leaders[i]);
    }
}

static void fill_request(const struct round *round, node_id leader,
                         struct list_offsets_request *request)
{
    struct arena *arena = brokers_arena(round->brokers);
    struct list_offsets_request_topic *topic = NULL;
    request->topics = list_offsets_request_topic_new(arena, round->count);
    for (uint32_t i = 0; i < round->count; i++) {
        const struct place *place = &round->places[i];
        if (round->leaders[i] != leader)
            continue;
        if (!topic || !str_equal(topic->name, place->topic)) {
            uint32_t end = i;
            while (end < round->count && str_equal(round->places[end].topic, place->topic))
                end++;
            topic = &request->topics[request->topics_count++];
            topic->name = place->topic;
            topic->partitions = list_offsets_request_partition_new(arena, end - i);
        }
        struct list_offsets_request_partition *to = &topic->partitions[topic->partitions_count++];
        to->index = place->partition;
        to->timestamp = place->time;
    }
}

static void take_answers(struct round *round, const struct list_offsets_response *response)
{
    for (uint32_t i = 0; i < response->topics_count; i++) {
        const struct list_offsets_response_topic *topic = &response->topics[i];
        for (uint32_t j = 0; j < topic->partitions_count; j++) {
            struct place key = {.topic = topic->name, .partition = topic->partitions[j].index};
            struct place *place =
                bsearch(&key, round->places, round->count, sizeof key, place_compare);
            if (!place)
                continue;
            place->err = (enum err)topic->partitions[j].error_code;
            place->offset = topic->partitions[j].offset;
        }
    }
}

static void ask_leader(struct round *round, node_id leader)
{
    static const struct brokers_api api = {WIRE_LIST_OFFSETS, 1, INT16_MAX};
    struct list_offsets_request request;
    struct list_offsets_response response;
    struct link *link;
    list_offsets_request_init(&request);
    request.replica_id = -1;
    fill_request(round, leader, &request);
    enum err err = request.topics_count ? brokers_link(round->brokers, leader, &link) : ERR_NONE;
    if (!err && request.topics_count)
        err = brokers_ask(round->brokers, link, &api, &request, &response);
    if (!err && request.topics_count)
        take_answers(round, &response);
    for (uint32_t i = 0; err && i < round->count; i++)
        if (round->leaders[i] == leader)
            round->places[i].err = err;
}

static bool is_complete(const struct round *round)
{
    for (uint32_t i = 0; i < round->count; i++)
        if (is_passing(round->places[i].err))
            return false;
    return true;
}

void places_find(struct brokers *brokers, struct place *places, uint32_t count, int64_t patience_us)
{
    struct round round = {.brokers = brokers, .places = places, .count = count};
    int64_t end = now_us() + patience_us;
    if (end > brokers_deadline_us(brokers))
        end = brokers_deadline_us(brokers);
    round.leaders = mem_alloc((count + 1) * sizeof *round.leaders);
    for (uint32_t i = 0; i < count; i++)
        places[i].err = ERR_LEADER_NOT_AVAILABLE;
    for (;;) {
        find_leaders(&round);
        for (uint32_t i = 0; i < brokers_metadata(brokers)->brokers_count; i++)
            ask_leader(&round, brokers_metadata(brokers)->brokers[i].node_id);
        if (is_complete(&round) || now_us() + PAUSE_US >= end)
            break;
        sleep_us(PAUSE_US);
        if (brokers_learn(brokers))
            break;
    }
    mem_free(round.leaders);
}
