/* config_view.h -- configs as DescribeConfigs and CreateTopics tell them: what counts, where it is
 * from, and what would count else.
 *
 * What one request is told of brokers, and of topics and groups that say nothing themselves, is
 * made once and pointed to by every resource of the answer. All of it lives in the request's
 * arena. */
#ifndef NET_API_CONFIG_VIEW_H
#define NET_API_CONFIG_VIEW_H

#include "api.h"

/* Kafka's numbers of where a value is from. */
enum config_origin {
    ORIGIN_TOPIC = 1,
    ORIGIN_BROKER,
    ORIGIN_ALL_BROKERS,
    ORIGIN_STATIC,
    ORIGIN_DEFAULT,
    ORIGIN_LOGGER,
    ORIGIN_GROUP = 8,
};

struct config_list {
    uint32_t count;
    struct describe_configs_response_config *configs;
    uint64_t size; /* Bytes on the wire, nearly. */
};

struct config_view {
    struct request *request;
    bool synonyms, documentation;
    struct config defaults; /* As without a file. */
    /* Made when they are first asked for; configs NULL: not yet. */
    struct config_list broker, group, topic;
};

void config_view_init(struct config_view *view, struct request *request);
/* This broker. */
const struct config_list *config_view_broker(struct config_view *view);
/* What was altered for all brokers. */
struct config_list config_view_all_brokers(struct config_view *view);
struct config_list config_view_group(struct config_view *view, struct str name);
struct config_list config_view_topic(struct config_view *view, const struct image_topic *topic);
/* The same of one that the image may not show yet. */
struct config_list config_view_new_topic(struct config_view *view, const struct record_config *own,
                                         uint32_t own_count, int32_t replicas);
/* How much this node tells about itself: the one logger that there is. */
struct config_list config_view_logger(struct config_view *view);
/* Of these only the ones that are named. */
struct config_list config_view_chosen(struct config_view *view, const struct config_list *from,
                                      const struct str *names, uint32_t count);

/* "INFO"; and back, false: there is no such level. */
struct str logger_level_name(enum trace_level level);
bool logger_level_parse(struct str name, enum trace_level *level);
#define LOGGER_NAME "root"

#endif
