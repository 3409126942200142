/* offset_forget.c -- what groups committed for a topic that was deleted (rule 85): a new one of
 * its name begins anew. */
#include "group_state.h"

/* False: there was no room for all. */
static bool forget_in_group(struct group_decision *decision, struct group *group, struct str name,
                            struct uuid id, uint32_t *left)
{
    const struct offset_topic *topic = names_get(group->topics, name);
    struct offset *offset = topic ? offset_next(topic, NULL) : NULL;
    while (offset != NULL) {
        struct offset *next = offset_next(topic, offset);
        bool is_of_it = uuid_is_zero(offset->topic_id) || uuid_equal(offset->topic_id, id);
        if (is_of_it && *left == 0)
            return false;
        if (is_of_it) {
            emit_offset_tombstone(decision, group, name, offset->index);
            offset_remove(group, name, offset->index); /* With the last one goes the topic. */
            --*left;
        }
        offset = next;
    }
    group_remove_unused(group);
    return true;
}

bool group_decide_forget_topic(struct group_decision *decision, struct str topic, struct uuid id)
{
    const struct coordinator *coordinator = decision->coordinator;
    struct str after = {.data = NULL};
    struct group *group;
    uint32_t left = GROUP_EXPIRED_MAX;
    check(coordinator->is_started);
    while ((group = names_next(coordinator->groups, &after)) != NULL) {
        after = arena_str(decision->arena, after);
        if (!forget_in_group(decision, group, topic, id, &left))
            return false;
    }
    return true;
}
