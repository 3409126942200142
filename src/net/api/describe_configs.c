/* describe_configs.c -- DescribeConfigs: from the image and the settings of the node that is asked
 * (KIP-133, 226, 569).
 *
 * Topics, groups and all brokers are the same at every node; a broker and its logger tell of
 * themselves only. An answer holds no more than the node allows requests to hold. */
#include "config_view.h"

#include <stdio.h>

struct description {
    struct config_view view;
    uint64_t size;
};

static enum err refuse(struct describe_configs_response_result *result, enum err err,
                       struct str message)
{
    result->error_message = message;
    return err;
}

static enum err describe_topic(struct description *description, struct config_list *list,
                               struct describe_configs_response_result *result)
{
    struct request *request = description->view.request;
    const struct image_topic *topic =
        image_topic_by_name(request->shard->image, result->resource_name);
    if (!topic_name_is_valid(result->resource_name))
        return refuse(result, ERR_INVALID_TOPIC_EXCEPTION,
                      STR("A topic name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is "
                          "neither '.' nor '..'."));
    if (!topic)
        return refuse(result, ERR_UNKNOWN_TOPIC_OR_PARTITION,
                      STR("There is no topic of this name."));
    *list = config_view_topic(&description->view, topic);
    return ERR_NONE;
}

static bool is_this_node(const struct description *description, struct str name)
{
    const struct shard *shard = description->view.request->shard;
    char id[16];
    snprintf(id, sizeof id, "%d", (int)shard->config->node_id);
    return str_equal(name, str_from(id));
}

static enum err describe_broker(struct description *description, struct config_list *list,
                                struct describe_configs_response_result *result)
{
    struct config_view *view = &description->view;
    if (result->resource_name.size == 0)
        *list = config_view_all_brokers(view);
    else if (is_this_node(description, result->resource_name))
        *list = *config_view_broker(view);
    else
        return refuse(
            result, ERR_INVALID_REQUEST,
            str_from(arena_format(&view->request->arena,
                                  "A broker tells of itself: this is %d, or empty for all brokers.",
                                  (int)view->request->shard->config->node_id)));
    return ERR_NONE;
}

static enum err describe_logger(struct description *description, struct config_list *list,
                                struct describe_configs_response_result *result)
{
    struct config_view *view = &description->view;
    if (!is_this_node(description, result->resource_name))
        return refuse(result, ERR_INVALID_REQUEST,
                      str_from(arena_format(&view->request->arena,
                                            "A broker tells of its own loggers: this is %d.",
                                            (int)view->request->shard->config->node_id)));
    *list = config_view_logger(view);
    return ERR_NONE;
}

static enum err describe_group(struct description *description, struct config_list *list,
                               struct describe_configs_response_result *result)
{
    if (result->resource_name.size == 0)
        return refuse(result, ERR_INVALID_REQUEST, STR("A group has a name."));
    *list = config_view_group(&description->view, result->resource_name);
    return ERR_NONE;
}

static enum err describe_any(struct description *description, struct config_list *list,
                             struct describe_configs_response_result *result)
{
    switch (result->resource_type) {
    case CONFIG_OF_TOPIC:
        return describe_topic(description, list, result);
    case CONFIG_OF_BROKER:
        return describe_broker(description, list, result);
    case CONFIG_OF_LOGGER:
        return describe_logger(description, list, result);
    case CONFIG_OF_GROUP:
        return describe_group(description, list, result);
    default:
        return refuse(result, ERR_INVALID_REQUEST,
                      str_from(arena_format(&description->view.request->arena,
                                            "There are no configs of resource type %d.",
                                            (int)result->resource_type)));
    }
}

static bool is_full(const struct description *description)
{
    const struct config *config = description->view.request->shard->config;
    return description->size > (uint64_t)config->inflight_size_max;
}

static enum err refuse_more(struct describe_configs_response_result *result)
{
    return refuse(result, ERR_INVALID_REQUEST,
                  STR("The answer would be too large: ask for fewer resources at once."));
}

/* Once the answer is full, nothing more is made for it. */
static enum err describe(struct description *description, struct config_list *list,
                         const struct describe_configs_request_resource *wanted,
                         struct describe_configs_response_result *result)
{
    if (is_full(description))
        return refuse_more(result);
    enum err err = describe_any(description, list, result);
    if (err != ERR_NONE)
        return err;
    if (wanted->configuration_keys_count > 0) /* Of none, as of null: all. */
        *list = config_view_chosen(&description->view, list, wanted->configuration_keys,
                                   wanted->configuration_keys_count);
    description->size += list->size;
    return is_full(description) ? refuse_more(result) : ERR_NONE;
}

void api_describe_configs(struct shard *shard, struct request *request)
{
    struct describe_configs_request body;
    struct describe_configs_response response;
    struct description description;
    (void)shard;
    if (!request_read(request, &body))
        return;
    config_view_init(&description.view, request);
    description.view.synonyms = body.include_synonyms;
    description.view.documentation = body.include_documentation;
    description.size = 0;
    describe_configs_response_init(&response);
    response.results_count = body.resources_count;
    response.results = describe_configs_response_result_new(&request->arena, body.resources_count);
    for (uint32_t i = 0; i < body.resources_count; i++) {
        struct describe_configs_response_result *result = &response.results[i];
        struct config_list list = {.count = 0};
        result->resource_type = body.resources[i].resource_type;
        result->resource_name = body.resources[i].resource_name;
        enum err err = describe(&description, &list, &body.resources[i], result);
        result->error_code = (int16_t)err_on_wire(err);
        if (err != ERR_NONE)
            continue;
        result->configs = list.configs;
        result->configs_count = list.count;
    }
    request_reply(request, &response);
}
