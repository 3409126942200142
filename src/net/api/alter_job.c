/* alter_job.c -- see alter_job.h. */
#include "alter_job.h"

#include <stdio.h>

#include "config_view.h"

enum { SHOW_MAX_MS = 1000 };

/* ---- The reply. */

/* One for each resource of the command; the request ends. */
static void answer(struct alter_job *job)
{
    void *response = job->api->response_new(&job->request->arena, job->command.count);
    for (uint32_t i = 0; i < job->command.count; i++) {
        struct alter_slot slot = job->api->slot(response, i);
        *slot.resource_type = (int8_t)job->command.resources[i].type;
        *slot.resource_name = job->command.resources[i].name;
        *slot.error_code = (int16_t)err_on_wire(job->reply.resources[i].err);
        *slot.error_message = job->reply.resources[i].message;
    }
    request_reply(job->request, response);
}

/* What the controller answered, but for loggers: it left them alone. */
static void take(struct alter_job *job, const void *response)
{
    for (uint32_t i = 0; i < job->command.count; i++) {
        struct alter_slot slot = job->api->slot(response, i);
        if (slot.error_code && job->command.resources[i].type != CONFIG_OF_LOGGER)
            job->reply.resources[i] = (struct alter_resource_reply){
                .err = (enum err) * slot.error_code, .message = *slot.error_message};
    }
}

/* ---- At the controller. */

static enum err job_decide(struct act *act, struct decision *decision)
{
    struct alter_job *job = list_entry(act, struct alter_job, act);
    decide_alter_configs(decision, &job->command, &job->reply);
    return ERR_NONE;
}

/* Loggers were seen to at the node that was asked, whatever the controller says. */
static void refuse_all(struct alter_job *job, enum err err)
{
    for (uint32_t i = 0; i < job->command.count; i++)
        if (job->command.resources[i].type != CONFIG_OF_LOGGER)
            job->reply.resources[i] = (struct alter_resource_reply){
                .err = err, .message = forward_refusal(err, job->command.validate_only)};
}

static struct alter_resource_reply *replies_new(struct alter_job *job)
{
    return arena_array(&job->request->arena, struct alter_resource_reply, job->command.count);
}

static void job_finish(struct act *act, enum err result)
{
    struct alter_job *job = list_entry(act, struct alter_job, act);
    if (result != ERR_NONE) {
        job->reply.resources = replies_new(job);
        refuse_all(job, result);
    }
    answer(job);
}

/* ---- At the node that the client asked. */

static enum err refuse(struct alter_resource_reply *reply, enum err err, struct str message)
{
    reply->message = message;
    return err;
}

static bool is_this_node(const struct shard *shard, struct str name)
{
    char id[16];
    snprintf(id, sizeof id, "%d", (int)shard->config->node_id);
    return str_equal(name, str_from(id));
}

static enum err set_logger(struct alter_job *job, const struct alter_config *wanted,
                           struct alter_resource_reply *reply)
{
    struct trace *trace = job->request->shard->env->trace;
    enum trace_level level = job->request->shard->config->trace_level;
    if (wanted->operation != ALTER_SET && wanted->operation != ALTER_DELETE)
        return refuse(reply, ERR_INVALID_REQUEST, STR("A logger is no list: set it or delete it."));
    if (!str_equal(wanted->name, STR(LOGGER_NAME)))
        return refuse(reply, ERR_INVALID_CONFIG, STR("There is one logger here: " LOGGER_NAME "."));
    if (wanted->operation == ALTER_SET && !logger_level_parse(wanted->value, &level))
        return refuse(reply, ERR_INVALID_CONFIG,
                      STR(LOGGER_NAME ": must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL"));
    if (job->command.validate_only)
        return ERR_NONE;
    trace_info(trace, "logger %s -> %.*s cause IncrementalAlterConfigs of ANONYMOUS", LOGGER_NAME,
               (int)logger_level_name(level).size, logger_level_name(level).data);
    trace->level = level;
    return ERR_NONE;
}

static enum err alter_logger(struct alter_job *job, const struct alter_resource *wanted,
                             struct alter_resource_reply *reply)
{
    if (job->command.replace)
        return refuse(reply, ERR_INVALID_REQUEST,
                      STR("Loggers are altered by IncrementalAlterConfigs only."));
    if (!is_this_node(job->request->shard, wanted->name))
        return refuse(reply, ERR_INVALID_REQUEST,
                      STR("Loggers are altered at their own node, whose id is their name."));
    if (wanted->config_count > 1)
        return refuse(reply, ERR_INVALID_REQUEST,
                      STR("There is one logger here: " LOGGER_NAME ", and it is named once."));
    return wanted->config_count == 0 ? ERR_NONE : set_logger(job, &wanted->configs[0], reply);
}

/* That of this node; all others are refused. */
static bool is_own_logger(const struct alter_job *job, const struct alter_resource *wanted)
{
    return wanted->type == CONFIG_OF_LOGGER && is_this_node(job->request->shard, wanted->name);
}

static bool alter_loggers(struct alter_job *job)
{
    uint32_t own = 0, all = 0;
    for (uint32_t i = 0; i < job->command.count; i++)
        own += is_own_logger(job, &job->command.resources[i]);
    for (uint32_t i = 0; i < job->command.count; i++) {
        const struct alter_resource *wanted = &job->command.resources[i];
        struct alter_resource_reply *reply = &job->reply.resources[i];
        if (wanted->type != CONFIG_OF_LOGGER)
            continue;
        all++;
        reply->err = own > 1 && is_own_logger(job, wanted)
                         ? refuse(reply, ERR_INVALID_REQUEST,
                                  STR("The request names this resource more than once."))
                         : alter_logger(job, wanted, reply);
    }
    return all == job->command.count;
}

static struct str value_in_image(const struct image *image, const struct alter_resource *resource,
                                 struct str name)
{
    const struct image_configs *configs;
    if (resource->type == CONFIG_OF_TOPIC) {
        const struct image_topic *topic = image_topic_by_name(image, resource->name);
        return topic ? image_topic_config(topic, name) : (struct str){0};
    }
    configs = image_configs(image, (enum config_resource)resource->type, resource->name);
    for (uint32_t i = 0; configs && i < configs->config_count; i++)
        if (str_equal(configs->configs[i].name, name))
            return configs->configs[i].value;
    return (struct str){0};
}

static bool has_word(struct str list, struct str wanted)
{
    struct str word;
    while (config_next_word(&list, &word))
        if (str_equal(word, wanted))
            return true;
    return false;
}

/* Whether the words of `wanted` are all there, or none of them. */
static bool has_words(struct str list, struct str wanted, bool are_there)
{
    struct str word;
    while (config_next_word(&wanted, &word))
        if (has_word(list, word) != are_there)
            return false;
    return true;
}

static bool shows_config(const struct image *image, const struct alter_resource *resource,
                         const struct alter_config *config)
{
    struct str now = value_in_image(image, resource, config->name);
    const struct config_key *key =
        config_key_find((enum config_resource)resource->type, config->name);
    if (!key || key->reach == CONFIG_GONE)
        return true;
    switch (config->operation) {
    case ALTER_DELETE:
        return !now.data;
    case ALTER_APPEND:
        return has_words(now, config->value, true);
    case ALTER_SUBTRACT:
        return has_words(now, config->value, false);
    case ALTER_SET:
        break;
    }
    return now.data && str_equal(now, config->value);
}

static bool is_shown(struct image_watch *watch, bool late)
{
    struct alter_job *job = watch->context;
    for (uint32_t i = 0; i < job->command.count && !late && !job->command.validate_only; i++) {
        const struct alter_resource *resource = &job->command.resources[i];
        if (job->reply.resources[i].err != ERR_NONE || resource->type == CONFIG_OF_LOGGER)
            continue;
        for (uint32_t j = 0; j < resource->config_count; j++)
            if (!shows_config(watch->shard->image, resource, &resource->configs[j]))
                return false;
    }
    answer(job);
    return true;
}

static void forward_refused(struct request *request, enum err err)
{
    struct alter_job *job = request->context;
    refuse_all(job, err);
    answer(job);
}

static void forward_answered(struct request *request, void *response)
{
    struct alter_job *job = request->context;
    take(job, response);
    job->watch.look = is_shown;
    job->watch.context = job;
    image_watch_start(request->shard, &job->watch, request->shard->now + SHOW_MAX_MS);
}

/* As it will be in the image; as it came where it will not. */
static struct str value_to_be(const struct alter_resource *resource,
                              const struct alter_config *config, struct arena *arena)
{
    struct str kept, message;
    const struct config_key *key =
        config_key_find((enum config_resource)resource->type, config->name);
    if (key && config->operation == ALTER_SET &&
        config_key_check(key, config->value, arena, &kept, &message) == ERR_NONE)
        return arena_str(arena, kept);
    return arena_str(arena, config->value);
}

/* The frame goes before the answer comes. */
static void keep(struct alter_job *job)
{
    struct arena *arena = &job->request->arena;
    struct alter_resource *resources =
        arena_array(arena, struct alter_resource, job->command.count);
    for (uint32_t i = 0; i < job->command.count; i++) {
        const struct alter_resource *from = &job->command.resources[i];
        struct alter_config *configs = arena_array(arena, struct alter_config, from->config_count);
        resources[i] = *from;
        resources[i].name = arena_str(arena, from->name);
        resources[i].configs = configs;
        for (uint32_t j = 0; j < from->config_count; j++)
            configs[j] = (struct alter_config){.name = arena_str(arena, from->configs[j].name),
                                               .value = value_to_be(from, &from->configs[j], arena),
                                               .operation = from->configs[j].operation};
    }
    job->command.resources = resources;
}

void alter_job_start(struct shard *shard, struct alter_job *job)
{
    struct request *request = job->request;
    request->context = job;
    job->command.principal = STR("ANONYMOUS");
    if (request->envelope) {
        job->act.request = request;
        job->act.decide = job_decide;
        job->act.finish = job_finish;
        office_do(shard, &job->act);
        return;
    }
    job->reply.count = job->command.count;
    job->reply.resources = replies_new(job);
    if (alter_loggers(job)) {
        answer(job);
        return;
    }
    keep(job);
    forward(shard, request, forward_refused, forward_answered);
}
