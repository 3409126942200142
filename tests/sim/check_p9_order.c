/* check_p9_order.c -- P9: what one idempotent producer sent later has the higher offset. */
#include "check.h"

#include "history.h"

static struct map newest; /* (key, producer) -> offset + 1 of the highest sequence acknowledged */

struct order_key {
    struct partition_key key;
    uint32_t producer;
};

static void open(struct world *world)
{
    (void)world;
    map_init(&newest, sizeof(struct order_key));
}

/* Values of one producer grow in the order of its sends to a partition. */
static void end(struct world *world)
{
    uint32_t count;
    const struct history_ack *acks = history_acks(world, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct order_key key = {.key = acks[i].key, .producer = acks[i].producer};
        if (!acks[i].idempotent || acks[i].acks != -1)
            continue;
        const struct history_ack *before = map_get(&newest, &key);
        if (before && (before->value < acks[i].value) != (before->offset < acks[i].offset))
            world_violation(
                world, "P9", "partition %d: value %llx stands at %lld, and %llx at %lld",
                key.key.index, (unsigned long long)before->value, (long long)before->offset,
                (unsigned long long)acks[i].value, (long long)acks[i].offset);
        if (!before || before->value < acks[i].value)
            map_put(&newest, &key, (void *)(uintptr_t)&acks[i]);
    }
}

const struct checker check_p9 = {.name = "P9", .open = open, .end = end};
