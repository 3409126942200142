/* consumer_profile.c -- what members of a group of consumers say of themselves. */
#include "consumer_state.h"

#include <stdlib.h>

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

void profile_set_topics(struct consumer_profile *profile, struct arena *arena, uint32_t count,
                        const struct str *topics)
{
    struct str *sorted = arena_array(arena, struct str, count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = topics[i];
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || !str_equal(sorted[i], sorted[kept - 1]))
            sorted[kept++] = sorted[i];
    profile->topic_count = kept;
    profile->topics = sorted;
}

bool profile_topics_equal(const struct consumer_profile *a, const struct consumer_profile *b)
{
    if (a->topic_count != b->topic_count)
        return false;
    for (uint32_t i = 0; i < a->topic_count; i++)
        if (!str_equal(a->topics[i], b->topics[i]))
            return false;
    return true;
}

static bool protocols_equal(const struct consumer_profile *a, const struct consumer_profile *b)
{
    if (a->protocol_count != b->protocol_count)
        return false;
    for (uint32_t i = 0; i < a->protocol_count; i++)
        if (!str_equal(a->protocols[i].name, b->protocols[i].name) ||
            !bytes_equal(a->protocols[i].metadata, b->protocols[i].metadata))
            return false;
    return true;
}

bool profile_equal(const struct consumer_profile *a, const struct consumer_profile *b)
{
    return str_equal(a->instance_id, b->instance_id) && str_equal(a->rack_id, b->rack_id) &&
           str_equal(a->client_id, b->client_id) && str_equal(a->client_host, b->client_host) &&
           a->rebalance_timeout_ms == b->rebalance_timeout_ms &&
           str_equal(a->topic_regex, b->topic_regex) && str_equal(a->assignor, b->assignor) &&
           profile_topics_equal(a, b) && a->is_classic == b->is_classic &&
           a->session_timeout_ms == b->session_timeout_ms && protocols_equal(a, b);
}

uint64_t profile_bytes(const struct consumer_profile *profile)
{
    uint64_t bytes = (uint64_t)profile->instance_id.size + profile->rack_id.size +
                     profile->client_id.size + profile->client_host.size +
                     profile->topic_regex.size + profile->assignor.size;
    for (uint32_t i = 0; i < profile->topic_count; i++)
        bytes += sizeof *profile->topics + profile->topics[i].size;
    for (uint32_t i = 0; i < profile->protocol_count; i++)
        bytes += (uint64_t)profile->protocols[i].name.size + profile->protocols[i].metadata.size;
    return bytes;
}

struct consumer_profile profile_copy(struct arena *arena, const struct consumer_profile *profile)
{
    struct consumer_profile copy = {
        .instance_id = arena_str(arena, profile->instance_id),
        .rack_id = arena_str(arena, profile->rack_id),
        .client_id = arena_str(arena, profile->client_id),
        .client_host = arena_str(arena, profile->client_host),
        .rebalance_timeout_ms = profile->rebalance_timeout_ms,
        .topic_regex = arena_str(arena, profile->topic_regex),
        .assignor = arena_str(arena, profile->assignor),
        .topic_count = profile->topic_count,
        .topics = arena_array(arena, struct str, profile->topic_count),
    };
    for (uint32_t i = 0; i < profile->topic_count; i++)
        copy.topics[i] = arena_str(arena, profile->topics[i]);
    return copy;
}

static void drop_profile(struct consumer_profile *profile)
{
    drop_str(&profile->instance_id);
    drop_str(&profile->rack_id);
    drop_str(&profile->client_id);
    drop_str(&profile->client_host);
    drop_str(&profile->topic_regex);
    drop_str(&profile->assignor);
    for (uint32_t i = 0; i < profile->topic_count; i++)
        drop_str(&profile->topics[i]);
    mem_free(profile->topics);
    for (uint32_t i = 0; i < profile->protocol_count; i++) {
        drop_str(&profile->protocols[i].name);
        drop_bytes(&profile->protocols[i].metadata);
    }
    mem_free(profile->protocols);
    *profile = (struct consumer_profile){.rebalance_timeout_ms = -1};
}

static struct consumer_profile keep_profile(const struct consumer_profile *profile)
{
    struct consumer_profile kept = *profile;
    kept.instance_id = keep_str(profile->instance_id);
    kept.rack_id = keep_str(profile->rack_id);
    kept.client_id = keep_str(profile->client_id);
    kept.client_host = keep_str(profile->client_host);
    kept.topic_regex = keep_str(profile->topic_regex);
    kept.assignor = keep_str(profile->assignor);
    kept.topics = mem_alloc((profile->topic_count + (size_t)1) * sizeof *kept.topics);
    for (uint32_t i = 0; i < profile->topic_count; i++)
        kept.topics[i] = keep_str(profile->topics[i]);
    kept.protocols = mem_alloc((profile->protocol_count + (size_t)1) * sizeof *kept.protocols);
    for (uint32_t i = 0; i < profile->protocol_count; i++)
        kept.protocols[i] = (struct group_protocol){
            .name = keep_str(profile->protocols[i].name),
            .metadata = keep_bytes(profile->protocols[i].metadata),
        };
    return kept;
}

void consumer_forget(struct consumer *consumer)
{
    struct consumers *consumers = consumer->group->consumers;
    if (!consumer->has_profile)
        return;
    consumers->count--;
    consumers->bytes -= consumer->bytes;
    if (consumer_of_instance(consumer->group, consumer->profile.instance_id) == consumer)
        names_remove(&consumers->by_instance, consumer->profile.instance_id);
    drop_profile(&consumer->profile);
    consumer->has_profile = false;
    consumer->bytes = 0;
    consumer_count(consumer);
}

void consumer_describe(struct consumer *consumer, const struct consumer_profile *profile)
{
    struct consumers *consumers = consumer->group->consumers;
    struct consumer_profile kept = keep_profile(profile); /* It may be the member's own. */
    consumer_forget(consumer);
    consumer->profile = kept;
    consumer->has_profile = true;
    consumer->bytes = sizeof *consumer + consumer->id.size +
                      CONSUMER_RECORDS * (uint64_t)consumer->group->id.size + profile_bytes(&kept);
    consumers->count++;
    consumers->bytes += consumer->bytes;
    consumer_count(consumer);
    if (kept.instance_id.data != NULL)
        names_put(&consumers->by_instance, kept.instance_id, consumer);
}
