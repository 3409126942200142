/* offset_expire.c -- offsets that were kept long enough, and groups without any (rule 120).
 *
 * What counts is the earliest that the cluster's time may be, which never goes back; what was
 * written carries the latest (PR8). A group that was left counts from then on, or from a later
 * commit; a consumer without a group from its commit. While a group of consumers works, only
 * topics that it does not read any more expire; any other group's offsets stay. */
#include "consumer_state.h"

/* From when on an offset's retention counts; *applies is false while it does not at all. */
static wall_ms counts_from(const struct group *group, const struct offset *offset, bool is_read,
                           bool *applies)
{
    bool is_member_group = group->protocol_type.data != NULL;
    wall_ms from = offset->committed > 0 ? offset->committed : 0; /* A record may say anything. */
    *applies = group_is_empty(group) || !is_read;
#ifdef SKIFF_MUTANT_EXPIRES_ACTIVE
    *applies = true;
#endif
    if (group->phase == GROUP_EMPTY && is_member_group && group->phase_time > from)
        from = group->phase_time;
    return from;
}

static bool is_expired(const struct group_decision *decision, const struct group *group,
                       const struct offset *offset, bool is_read)
{
    bool applies;
    wall_ms from = counts_from(group, offset, is_read, &applies);
    if (!applies)
        return false;
#ifdef SKIFF_MUTANT_EXPIRES_EARLY
    return true;
#endif
    if (offset->expires >= 0)
        return decision->earliest >= offset->expires;
    return from <= decision->earliest &&
           decision->earliest - from >= decision->coordinator->config.offsets_retention_ms;
}

/* Offsets of one topic, as long as there is room for `*left` more tombstones. */
static void expire_topic(struct group_decision *decision, struct group *group,
                         struct offset_topic *topic, bool is_read, uint32_t *left)
{
    struct str name = arena_str(decision->arena, topic->name);
    uint32_t weight = offset_tombstone_weight(group, name);
    struct offset *offset = offset_next(topic, NULL);
    while (offset != NULL && *left > 0) {
        struct offset *next = offset_next(topic, offset);
        if (is_expired(decision, group, offset, is_read)) {
            emit_offset_tombstone(decision, group, name, offset->index);
            offset_remove(group, name, offset->index); /* With the last one goes the topic. */
            *left -= weight < *left ? weight : *left;
        }
        offset = next;
    }
}

static void expire_group(struct group_decision *decision, struct group *group, uint32_t *left)
{
    struct subscription subscription = {.is_known = false};
    struct str after = {.data = NULL};
    struct offset_topic *topic;
    if (group->phase == GROUP_STABLE || group->consumers != NULL)
        subscription = group_subscription(group, decision->arena);
    while (*left > 0 && (topic = names_next(group->topics, &after)) != NULL) {
        after = arena_str(decision->arena, after);
        expire_topic(decision, group, topic, subscription_has(&subscription, topic->name), left);
    }
    if (group_is_empty(group) && group->consumers != NULL && group->offset_count == 0 &&
        *left > 0) {
        emit_consumers_tombstones(decision, group); /* No members: a few records. */
        consumers_free(group);
        (*left)--;
    }
    if (group_is_empty(group) && group->is_stored && group->offset_count == 0 &&
        pmap_count(group->pending) == 0 && *left > 0) {
        emit_group_tombstone(decision, group);
        (*left)--;
    }
    group_remove_unused(group);
}

void expire_offsets(struct group_decision *decision)
{
    struct coordinator *coordinator = decision->coordinator;
    struct str after = {.data = NULL};
    struct group *group;
    uint32_t left = GROUP_EXPIRED_MAX;
    while (left > 0 && (group = names_next(coordinator->groups, &after)) != NULL) {
        after = arena_str(decision->arena, after);
        expire_group(decision, group, &left);
    }
    if (left == 0)
        coordinator->expiry_due = decision->now; /* There is more: the next batch takes it. */
}
