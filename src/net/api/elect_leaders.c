/* elect_leaders.c -- ElectLeaders: forwarded by any node, decided by the controller (KIP-183, 460).
 *
 * The node that a client asked answers when its own image shows the elected leaders. */
#include "api.h"
#include "office.h"
#include "state.h"

enum { SHOW_MAX_MS = 1000 };

struct electing {
    struct act act;
    struct elect_leaders_request body; /* Its names are the frame's, or kept. */
    struct elect_leaders_command command;
    struct elect_leaders_reply reply;
    /* At the node that the client asked. */
    struct request *request;
    struct elect_leaders_response *answer;
    struct image_watch watch;
};

/* ---- At the controller. */

static enum err electing_decide(struct act *act, struct decision *decision)
{
    struct electing *electing = list_entry(act, struct electing, act);
    return decide_elect_leaders(decision, &electing->command, &electing->reply);
}

static struct str refusal(const struct electing *electing, enum err err)
{
    if (err == ERR_POLICY_VIOLATION)
        return STR("The request names more partitions than there are.");
    if (err == ERR_INVALID_REQUEST)
        return str_from(arena_format(&electing->request->arena, "%d is no type of election.",
                                     (int)electing->body.election_type));
    return forward_refusal(err, false);
}

/* Version 0 has no other place for it than beside each partition. In words it is said once: a
 * request may name very many. */
static void answer_all(struct electing *electing, enum err err)
{
    struct arena *arena = &electing->request->arena;
    struct elect_leaders_response response;
    elect_leaders_response_init(&response);
    response.error_code = (int16_t)err_on_wire(err);
    response.topics_count = electing->body.topics_count;
    response.topics = elect_leaders_response_topic_new(arena, response.topics_count);
    for (uint32_t i = 0; i < response.topics_count; i++) {
        const struct elect_leaders_request_topic *from = &electing->body.topics[i];
        struct elect_leaders_response_topic *out = &response.topics[i];
        out->name = from->name;
        out->partitions_count = from->partitions_count;
        out->partitions = elect_leaders_response_partition_new(arena, from->partitions_count);
        for (uint32_t j = 0; j < from->partitions_count; j++) {
            out->partitions[j].index = from->partitions[j];
            out->partitions[j].error_code = response.error_code;
            if (i == 0 && j == 0)
                out->partitions[j].error_message = refusal(electing, err);
        }
    }
    request_reply(electing->request, &response);
}

static void put_topic(struct arena *arena, struct elect_leaders_response_topic *out,
                      const struct elected_topic *from)
{
    out->name = from->name;
    out->partitions_count = from->count;
    out->partitions = elect_leaders_response_partition_new(arena, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        out->partitions[i].index = from->partitions[i].index;
        out->partitions[i].error_code = (int16_t)err_on_wire(from->partitions[i].err);
        out->partitions[i].error_message = from->partitions[i].message;
    }
}

static void electing_finish(struct act *act, enum err result)
{
    struct electing *electing = list_entry(act, struct electing, act);
    struct arena *arena = &electing->request->arena;
    if (result != ERR_NONE) {
        answer_all(electing, result);
        return;
    }
    struct elect_leaders_response response;
    elect_leaders_response_init(&response);
    response.topics_count = electing->reply.count;
    response.topics = elect_leaders_response_topic_new(arena, electing->reply.count);
    for (uint32_t i = 0; i < electing->reply.count; i++)
        put_topic(arena, &response.topics[i], &electing->reply.topics[i]);
    request_reply(electing->request, &response);
}

static void decide_here(struct shard *shard, struct electing *electing)
{
    const struct elect_leaders_request *body = &electing->body;
    struct elect_topic *topics =
        arena_array(&electing->request->arena, struct elect_topic, body->topics_count);
    for (uint32_t i = 0; i < body->topics_count; i++)
        topics[i] = (struct elect_topic){.name = body->topics[i].name,
                                         .count = body->topics[i].partitions_count,
                                         .indexes = body->topics[i].partitions};
    electing->command = (struct elect_leaders_command){.principal = STR("ANONYMOUS"),
                                                       .type = body->election_type,
                                                       .all = body->topics == NULL,
                                                       .count = body->topics_count,
                                                       .topics = topics};
    electing->act.request = electing->request;
    electing->act.timeout_ms = body->timeout_ms;
    electing->act.decide = electing_decide;
    electing->act.finish = electing_finish;
    office_do(shard, &electing->act);
}

/* ---- At the node that the client asked. */

static void forward_refused(struct request *request, enum err err)
{
    answer_all(request->context, err);
}

static bool shows_leader(const struct image *image, struct str name, partition_id index,
                         int8_t type)
{
    const struct image_topic *topic = image_topic_by_name(image, name);
    const struct image_partition *partition =
        topic ? image_partition(image, topic->id, index) : NULL;
    if (!partition)
        return true; /* Deleted meanwhile: there is nothing to wait for. */
    return type == ELECT_PREFERRED ? partition->leader == partition->replicas.ids[0]
                                   : partition->leader != -1;
}

static bool is_shown(struct image_watch *watch, bool late)
{
    struct electing *electing = watch->context;
    const struct elect_leaders_response *answer = electing->answer;
    for (uint32_t i = 0; i < answer->topics_count && !late; i++)
        for (uint32_t j = 0; j < answer->topics[i].partitions_count; j++)
            if (answer->topics[i].partitions[j].error_code == ERR_NONE &&
                !shows_leader(watch->shard->image, answer->topics[i].name,
                              answer->topics[i].partitions[j].index, electing->body.election_type))
                return false;
    request_reply(electing->request, electing->answer);
    return true;
}

static void forward_answered(struct request *request, void *response)
{
    struct electing *electing = request->context;
    electing->answer = response;
    electing->watch.look = is_shown;
    electing->watch.context = electing;
    image_watch_start(request->shard, &electing->watch, request->shard->now + SHOW_MAX_MS);
}

void api_elect_leaders(struct shard *shard, struct request *request)
{
    struct electing *electing = arena_alloc(&request->arena, sizeof *electing);
    electing->request = request;
    request->context = electing;
    if (!request_read(request, &electing->body))
        return;
    if (request->envelope) {
        decide_here(shard, electing);
        return;
    }
    for (uint32_t i = 0; i < electing->body.topics_count; i++)
        electing->body.topics[i].name = arena_str(&request->arena, electing->body.topics[i].name);
    forward(shard, request, forward_refused, forward_answered);
}
