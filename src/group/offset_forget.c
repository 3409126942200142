/* offset_forget.c -- what groups committed for topics that are not there any more (rule 85): a new
 * one of the same name begins anew.
 *
 * A commit keeps its topic's id, and the image of the coordinator had that topic when it was
 * accepted (offset_commit.c). A leader's image is never older than its predecessor's last one, so
 * an id that it does not have was deleted, however long ago. Records of old versions have no id:
 * theirs is whatever topic has the name. */
#include "group_state.h"

struct uuid topic_id_now(const struct coordinator *coordinator, struct str name)
{
    const struct group_topics *topics = &coordinator->config.topics;
    struct group_topic found;
    return topics->by_name(topics->context, name, &found) ? found.id : (struct uuid){{0}};
}

bool offset_is_gone(const struct offset *offset, struct uuid now)
{
    return !uuid_is_zero(offset->topic_id) && !uuid_equal(offset->topic_id, now);
}

/* Offsets of one name, as long as there is room for `*left` more tombstones. */
static void forget_in_topic(struct group_decision *decision, struct group *group,
                            const struct offset_topic *topic, uint32_t *left)
{
    struct str name = arena_str(decision->arena, topic->name);
    uint32_t weight = offset_tombstone_weight(group, name);
    struct uuid now = topic_id_now(decision->coordinator, name);
    struct offset *offset = offset_next(topic, NULL);
    while (offset != NULL && *left > 0) {
        struct offset *next = offset_next(topic, offset);
        if (uuid_is_zero(now) || offset_is_gone(offset, now)) {
            emit_offset_tombstone(decision, group, name, offset->index);
            offset_remove(group, name, offset->index); /* With the last one goes the topic. */
            *left -= weight < *left ? weight : *left;
        }
        offset = next;
    }
}

static void forget_in_group(struct group_decision *decision, struct group *group, uint32_t *left)
{
    struct str after = {.data = NULL};
    const struct offset_topic *topic;
    while (*left > 0 && (topic = names_next(group->topics, &after)) != NULL) {
        after = arena_str(decision->arena, after);
        forget_in_topic(decision, group, topic, left);
    }
    group_remove_unused(group);
}

bool group_decide_forget(struct group_decision *decision)
{
    const struct coordinator *coordinator = decision->coordinator;
    struct str after = {.data = NULL};
    struct group *group;
    uint32_t left = GROUP_EXPIRED_MAX;
    check(coordinator->is_started);
    while (left > 0 && (group = names_next(coordinator->groups, &after)) != NULL) {
        after = arena_str(decision->arena, after);
        forget_in_group(decision, group, &left);
    }
    return left > 0;
}
