/* create_partitions.c -- CreatePartitions: forwarded by any node, decided by the controller
 * (KIP-195).
 *
 * The node that a client asked answers when its own image shows the new partitions. */
#include "api.h"
#include "office.h"
#include "state.h"

enum { SHOW_MAX_MS = 1000 };

struct growing {
    struct act act;
    struct create_partitions_request body; /* Its names are the frame's, or kept. */
    struct create_partitions_command command;
    struct create_partitions_reply reply;
    /* At the node that the client asked. */
    struct request *request;
    struct create_partitions_response *answer;
    struct image_watch watch;
};

/* ---- At the controller. */

static enum err growing_decide(struct act *act, struct decision *decision)
{
    struct growing *growing = list_entry(act, struct growing, act);
    decide_create_partitions(decision, &growing->command, &growing->reply);
    return ERR_NONE;
}

static void answer_all(struct growing *growing, enum err err)
{
    struct arena *arena = &growing->request->arena;
    struct create_partitions_response response;
    create_partitions_response_init(&response);
    response.results_count = growing->body.topics_count;
    response.results = create_partitions_response_result_new(arena, growing->body.topics_count);
    for (uint32_t i = 0; i < growing->body.topics_count; i++) {
        response.results[i].name = growing->body.topics[i].name;
        response.results[i].error_code = (int16_t)err_on_wire(err);
        response.results[i].error_message = forward_refusal(err, growing->body.validate_only);
    }
    request_reply(growing->request, &response);
}

static void growing_finish(struct act *act, enum err result)
{
    struct growing *growing = list_entry(act, struct growing, act);
    if (result != ERR_NONE) {
        answer_all(growing, result);
        return;
    }
    struct create_partitions_response response;
    create_partitions_response_init(&response);
    response.results_count = growing->reply.count;
    response.results =
        create_partitions_response_result_new(&growing->request->arena, growing->reply.count);
    for (uint32_t i = 0; i < growing->reply.count; i++) {
        response.results[i].name = growing->reply.topics[i].name;
        response.results[i].error_code = (int16_t)err_on_wire(growing->reply.topics[i].err);
        response.results[i].error_message = growing->reply.topics[i].message;
    }
    request_reply(growing->request, &response);
}

static void take_assignments(struct arena *arena,
                             const struct create_partitions_request_topic *from,
                             struct grow_topic *to)
{
    struct create_assignment *assignments =
        arena_array(arena, struct create_assignment, from->assignments_count);
    for (uint32_t i = 0; i < from->assignments_count; i++)
        assignments[i] =
            (struct create_assignment){.replica_count = from->assignments[i].broker_ids_count,
                                       .replicas = from->assignments[i].broker_ids};
    to->is_assigned = from->assignments != NULL;
    to->assignment_count = from->assignments_count;
    to->assignments = assignments;
}

static void decide_here(struct shard *shard, struct growing *growing)
{
    const struct create_partitions_request *body = &growing->body;
    struct arena *arena = &growing->request->arena;
    struct grow_topic *topics = arena_array(arena, struct grow_topic, body->topics_count);
    for (uint32_t i = 0; i < body->topics_count; i++) {
        topics[i].name = body->topics[i].name;
        topics[i].partition_count = body->topics[i].count;
        take_assignments(arena, &body->topics[i], &topics[i]);
    }
    growing->command = (struct create_partitions_command){.principal = STR("ANONYMOUS"),
                                                          .validate_only = body->validate_only,
                                                          .count = body->topics_count,
                                                          .topics = topics};
    growing->act.request = growing->request;
    growing->act.timeout_ms = body->timeout_ms;
    growing->act.decide = growing_decide;
    growing->act.finish = growing_finish;
    office_do(shard, &growing->act);
}

/* ---- At the node that the client asked. */

static void forward_refused(struct request *request, enum err err)
{
    answer_all(request->context, err);
}

/* A topic that is not there any more shows nothing, and is not waited for. */
static bool is_shown(struct image_watch *watch, bool late)
{
    struct growing *growing = watch->context;
    const struct create_partitions_response *answer = growing->answer;
    for (uint32_t i = 0; i < answer->results_count && i < growing->body.topics_count; i++) {
        const struct image_topic *topic =
            image_topic_by_name(watch->shard->image, answer->results[i].name);
        if (!late && !growing->body.validate_only && topic &&
            answer->results[i].error_code == ERR_NONE &&
            topic->partition_count < growing->body.topics[i].count)
            return false;
    }
    request_reply(growing->request, growing->answer);
    return true;
}

static void forward_answered(struct request *request, void *response)
{
    struct growing *growing = request->context;
    growing->answer = response;
    growing->watch.look = is_shown;
    growing->watch.context = growing;
    image_watch_start(request->shard, &growing->watch, request->shard->now + SHOW_MAX_MS);
}

void api_create_partitions(struct shard *shard, struct request *request)
{
    struct growing *growing = arena_alloc(&request->arena, sizeof *growing);
    growing->request = request;
    request->context = growing;
    if (!request_read(request, &growing->body))
        return;
    if (request->envelope) {
        decide_here(shard, growing);
        return;
    }
    for (uint32_t i = 0; i < growing->body.topics_count; i++)
        growing->body.topics[i].name = arena_str(&request->arena, growing->body.topics[i].name);
    forward(shard, request, forward_refused, forward_answered);
}
