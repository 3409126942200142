/* delete_topics.c -- DeleteTopics, by name or id: forwarded, decided by the controller (KIP-516).
 *
 * Deletion is logical at once; each broker removes its logs when it applies the record. */
#include "api.h"
#include "office.h"
#include "state.h"

enum { SHOW_MAX_MS = 1000 };

struct deletion {
    struct act act;
    uint32_t count;
    struct delete_topic *topics;
    struct delete_topics_command command;
    struct delete_topics_reply reply;
    struct request *request;
    struct delete_topics_response *answer;
    struct image_watch watch;
};

static enum err deletion_decide(struct act *act, struct decision *decision)
{
    struct deletion *deletion = list_entry(act, struct deletion, act);
    decide_delete_topics(decision, &deletion->command, &deletion->reply);
    return ERR_NONE;
}

static void answer_all(struct deletion *deletion, enum err err)
{
    struct request *request = deletion->request;
    struct delete_topics_response response;
    delete_topics_response_init(&response);
    response.topics_count = deletion->count;
    response.topics = delete_topics_response_topic_new(&request->arena, deletion->count);
    for (uint32_t i = 0; i < deletion->count; i++) {
        response.topics[i].name = deletion->topics[i].name;
        response.topics[i].topic_id = deletion->topics[i].id;
        response.topics[i].error_code = (int16_t)err_on_wire(err);
        response.topics[i].error_message = forward_refusal(err, false);
    }
    request_reply(request, &response);
}

static void deletion_finish(struct act *act, enum err result)
{
    struct deletion *deletion = list_entry(act, struct deletion, act);
    if (result != ERR_NONE) {
        answer_all(deletion, result);
        return;
    }
    struct delete_topics_response response;
    delete_topics_response_init(&response);
    response.topics_count = deletion->reply.count;
    response.topics = delete_topics_response_topic_new(&act->request->arena, deletion->reply.count);
    for (uint32_t i = 0; i < deletion->reply.count; i++) {
        response.topics[i].name = deletion->reply.topics[i].name;
        response.topics[i].topic_id = deletion->reply.topics[i].id;
        response.topics[i].error_code = (int16_t)err_on_wire(deletion->reply.topics[i].err);
        response.topics[i].error_message = deletion->reply.topics[i].message;
    }
    request_reply(act->request, &response);
}

static void forward_refused(struct request *request, enum err err)
{
    answer_all(request->context, err);
}

static bool is_gone(struct image_watch *watch, bool late)
{
    struct deletion *deletion = watch->context;
    const struct delete_topics_response *answer = deletion->answer;
    for (uint32_t i = 0; i < answer->topics_count && !late; i++) {
        const struct image_topic *topic =
            image_topic_by_id(watch->shard->image, answer->topics[i].topic_id);
        if (answer->topics[i].error_code == ERR_NONE && topic)
            return false;
    }
    request_reply(deletion->request, deletion->answer);
    return true;
}

static void forward_answered(struct request *request, void *response)
{
    struct deletion *deletion = request->context;
    deletion->answer = response;
    deletion->watch.look = is_gone;
    deletion->watch.context = deletion;
    image_watch_start(request->shard, &deletion->watch, request->shard->now + SHOW_MAX_MS);
}

static void take_topics(struct deletion *deletion, const struct delete_topics_request *body)
{
    struct arena *arena = &deletion->request->arena;
    deletion->topics =
        arena_array(arena, struct delete_topic, body->topics_count + body->topic_names_count + 1);
    for (uint32_t i = 0; i < body->topics_count; i++)
        deletion->topics[deletion->count++] = (struct delete_topic){
            .name = arena_str(arena, body->topics[i].name), .id = body->topics[i].topic_id};
    for (uint32_t i = 0; i < body->topic_names_count; i++)
        deletion->topics[deletion->count++] =
            (struct delete_topic){.name = arena_str(arena, body->topic_names[i])};
}

void api_delete_topics(struct shard *shard, struct request *request)
{
    struct deletion *deletion = arena_alloc(&request->arena, sizeof *deletion);
    struct delete_topics_request body;
    deletion->request = request;
    request->context = deletion;
    if (!request_read(request, &body))
        return;
    take_topics(deletion, &body);
    if (!request->envelope) {
        forward(shard, request, forward_refused, forward_answered);
        return;
    }
    deletion->command = (struct delete_topics_command){
        .principal = STR("ANONYMOUS"), .count = deletion->count, .topics = deletion->topics};
    deletion->act.request = request;
    deletion->act.timeout_ms = body.timeout_ms;
    deletion->act.decide = deletion_decide;
    deletion->act.finish = deletion_finish;
    office_do(shard, &deletion->act);
}
