/* create_topics.c -- CreateTopics: forwarded by any node, decided by the controller (KIP-4, 525).
 *
 * The node that a client asked answers when its own image shows the new topics, so
 * that the next Metadata there knows them. */
#include "api.h"
#include "config_view.h"
#include "office.h"
#include "state.h"

enum { SHOW_MAX_MS = 1000 };

struct creation {
    struct act act;
    struct create_topics_request body;
    struct create_topics_command command;
    struct create_topics_reply reply;
    /* At the node that the client asked. */
    struct request *request;
    struct create_topics_response *answer;
    struct image_watch watch;
};

/* ---- At the controller. */

static enum err creation_decide(struct act *act, struct decision *decision)
{
    struct creation *creation = list_entry(act, struct creation, act);
    decide_create_topics(decision, &creation->command, &creation->reply);
    return ERR_NONE;
}

static void put_configs(struct config_view *view, struct create_topics_response_topic *out,
                        const struct create_topic_reply *from)
{
    struct config_list list =
        config_view_new_topic(view, from->configs, from->config_count, from->replication_factor);
    out->configs_count = list.count;
    out->configs = create_topics_response_config_new(&view->request->arena, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        const struct describe_configs_response_config *config = &list.configs[i];
        out->configs[i].name = config->name;
        out->configs[i].value = config->value;
        out->configs[i].read_only = config->read_only;
        out->configs[i].config_source = config->config_source;
        out->configs[i].is_sensitive = config->is_sensitive;
    }
}

static void answer_all(struct creation *creation, enum err err)
{
    struct request *request = creation->act.request;
    struct create_topics_response response;
    create_topics_response_init(&response);
    response.topics_count = creation->body.topics_count;
    response.topics =
        create_topics_response_topic_new(&request->arena, creation->body.topics_count);
    for (uint32_t i = 0; i < creation->body.topics_count; i++) {
        response.topics[i].name = creation->body.topics[i].name;
        response.topics[i].error_code = (int16_t)err_on_wire(err);
        response.topics[i].error_message = forward_refusal(err, creation->body.validate_only);
    }
    request_reply(request, &response);
}

static void creation_finish(struct act *act, enum err result)
{
    struct creation *creation = list_entry(act, struct creation, act);
    struct request *request = act->request;
    if (result != ERR_NONE) {
        answer_all(creation, result);
        return;
    }
    struct create_topics_response response;
    struct config_view view;
    config_view_init(&view, request);
    create_topics_response_init(&response);
    response.topics_count = creation->reply.count;
    response.topics = create_topics_response_topic_new(&request->arena, creation->reply.count);
    for (uint32_t i = 0; i < creation->reply.count; i++) {
        const struct create_topic_reply *from = &creation->reply.topics[i];
        struct create_topics_response_topic *out = &response.topics[i];
        out->name = from->name;
        out->topic_id = from->id;
        out->error_code = (int16_t)err_on_wire(from->err);
        out->error_message = from->message;
        out->num_partitions = from->partition_count;
        out->replication_factor = (int16_t)from->replication_factor;
        if (from->err == ERR_NONE)
            put_configs(&view, out, from);
    }
    request_reply(request, &response);
}

static void take_assignments(struct request *request,
                             const struct create_topics_request_topic *from,
                             struct create_topic *to)
{
    struct create_assignment *assignments =
        arena_array(&request->arena, struct create_assignment, from->assignments_count + 1);
    for (uint32_t i = 0; i < from->assignments_count; i++)
        assignments[i] =
            (struct create_assignment){.index = from->assignments[i].index,
                                       .replica_count = from->assignments[i].broker_ids_count,
                                       .replicas = from->assignments[i].broker_ids};
    to->assignment_count = from->assignments_count;
    to->assignments = assignments;
}

static void take_configs(struct request *request, const struct create_topics_request_topic *from,
                         struct create_topic *to)
{
    struct record_config *configs =
        arena_array(&request->arena, struct record_config, from->configs_count + 1);
    for (uint32_t i = 0; i < from->configs_count; i++)
        configs[i] =
            (struct record_config){.name = from->configs[i].name, .value = from->configs[i].value};
    to->config_count = from->configs_count;
    to->configs = configs;
}

static void decide_here(struct shard *shard, struct creation *creation)
{
    struct request *request = creation->request;
    struct create_topic *topics =
        arena_array(&request->arena, struct create_topic, creation->body.topics_count + 1);
    for (uint32_t i = 0; i < creation->body.topics_count; i++) {
        const struct create_topics_request_topic *from = &creation->body.topics[i];
        topics[i] = (struct create_topic){.name = from->name,
                                          .partition_count = from->num_partitions,
                                          .replication_factor = from->replication_factor};
        take_assignments(request, from, &topics[i]);
        take_configs(request, from, &topics[i]);
    }
    creation->command =
        (struct create_topics_command){.principal = STR("ANONYMOUS"),
                                       .validate_only = creation->body.validate_only,
                                       .count = creation->body.topics_count,
                                       .topics = topics};
    creation->act.request = request;
    creation->act.timeout_ms = creation->body.timeout_ms;
    creation->act.decide = creation_decide;
    creation->act.finish = creation_finish;
    office_do(shard, &creation->act);
}

/* ---- At the node that the client asked. */

static void forward_refused(struct request *request, enum err err)
{
    struct creation *creation = request->context;
    creation->act.request = request;
    answer_all(creation, err);
}

static bool is_shown(struct image_watch *watch, bool late)
{
    struct creation *creation = watch->context;
    const struct create_topics_response *answer = creation->answer;
    for (uint32_t i = 0; i < answer->topics_count && !late; i++)
        if (answer->topics[i].error_code == ERR_NONE && !creation->body.validate_only &&
            !image_topic_by_name(watch->shard->image, answer->topics[i].name))
            return false;
    request_reply(creation->request, creation->answer);
    return true;
}

static void forward_answered(struct request *request, void *response)
{
    struct creation *creation = request->context;
    creation->answer = response;
    creation->watch.look = is_shown;
    creation->watch.context = creation;
    image_watch_start(request->shard, &creation->watch, request->shard->now + SHOW_MAX_MS);
}

static void names_keep(struct request *request, struct create_topics_request *body)
{
    for (uint32_t i = 0; i < body->topics_count; i++)
        body->topics[i].name = arena_str(&request->arena, body->topics[i].name);
}

void api_create_topics(struct shard *shard, struct request *request)
{
    struct creation *creation = arena_alloc(&request->arena, sizeof *creation);
    creation->request = request;
    request->context = creation;
    if (!request_read(request, &creation->body))
        return;
    if (request->envelope) {
        decide_here(shard, creation);
        return;
    }
    names_keep(request, &creation->body);
    forward(shard, request, forward_refused, forward_answered);
}
