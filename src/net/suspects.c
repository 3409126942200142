/* suspects.c -- nodes that may have died a moment ago, before the image says so. */
#include "suspects.h"

#include "api/state.h"
#include "image.h"
#include "node.h"

static struct suspect *find(struct suspects *suspects, node_id node)
{
    for (uint32_t i = 0; i < suspects->count; i++)
        if (suspects->list[i].node == node)
            return &suspects->list[i];
    return NULL;
}

void suspects_lost(struct shard *shard, node_id node)
{
    struct suspects *suspects = &shard->suspects;
    const struct image_broker *broker = shard->image ? image_broker(shard->image, node) : NULL;
    struct suspect *suspect = find(suspects, node);
    if (!broker || broker->fenced || node == shard->config->node_id)
        return;
    if (suspect && suspect->epoch == broker->epoch)
        return;
    if (!suspect) {
        if (suspects->count == SUSPECTS_MAX)
            return;
        suspect = &suspects->list[suspects->count++];
    }
    *suspect =
        (struct suspect){.node = node, .epoch = broker->epoch, .until = shard->now + SUSPECT_MS};
}

void suspects_answered(struct shard *shard, node_id node)
{
    struct suspects *suspects = &shard->suspects;
    struct suspect *suspect = find(suspects, node);
    if (!suspect)
        return;
    *suspect = suspects->list[--suspects->count];
    api_state_image(shard); /* Whoever waited for news of it need not any more. */
}

bool suspects_any(const struct shard *shard)
{
    for (uint32_t i = 0; i < shard->suspects.count; i++) {
        const struct suspect *suspect = &shard->suspects.list[i];
        const struct image_broker *broker = image_broker(shard->image, suspect->node);
        if (broker && !broker->fenced && broker->epoch == suspect->epoch &&
            shard->now < suspect->until)
            return true;
    }
    return false;
}
