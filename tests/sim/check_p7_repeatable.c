/* check_p7_repeatable.c -- P7: an offset that was read holds the same record for ever. */
#include "check.h"

static struct map seen; /* (key, offset) -> value */

struct seen_key {
    struct partition_key key;
    uint8_t offset[8];
};

static void open(struct world *world)
{
    (void)world;
    map_init(&seen, sizeof(struct seen_key));
}

void check_p7_seen(struct world *world, struct partition_key key, log_offset offset, uint64_t value)
{
    struct seen_key at = {.key = key};
    store_be64(at.offset, (uint64_t)offset);
    uintptr_t known = (uintptr_t)map_get(&seen, &at);
    if (known == 0)
        map_put(&seen, &at, (void *)(uintptr_t)value);
    else if (known != value)
        world_violation(world, "P7", "partition %d offset %lld was read as %llx, and now as %llx",
                        key.index, (long long)offset, (unsigned long long)known,
                        (unsigned long long)value);
    const struct ghost_partition *partition = ghost_partition_find(world, key);
    const struct ghost_batch *batch = partition ? ghost_batch_at(&partition->truth, offset) : NULL;
    if (batch && batch->base == offset && batch->value != value)
        world_violation(world, "P7", "partition %d offset %lld is read as %llx; %llx was committed",
                        key.index, (long long)offset, (unsigned long long)value,
                        (unsigned long long)batch->value);
}

const struct checker check_p7 = {.name = "P7", .open = open};
