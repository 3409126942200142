/* image_delta.c -- what a run of records touched, each thing once. */
#include "image_delta.h"

#include <string.h>

static_assert(sizeof(struct partition_key) == 20, "Map keys have no padding.");

void image_delta_init(struct image_delta *delta)
{
    memset(delta, 0, sizeof *delta);
    map_init(&delta->seen, sizeof(struct partition_key));
}

void image_delta_free(struct image_delta *delta)
{
    map_free(&delta->seen);
    mem_free(delta->partitions);
    mem_free(delta->brokers);
    memset(delta, 0, sizeof *delta);
}

void delta_add_partition(struct image_delta *delta, struct partition_key key)
{
    if (delta == NULL || map_get(&delta->seen, &key) != NULL)
        return;
    map_put(&delta->seen, &key, delta);
    mem_grow(delta->partitions, delta->partition_count, &delta->partition_capacity);
    delta->partitions[delta->partition_count++] = key;
}

void delta_add_broker(struct image_delta *delta, node_id id)
{
    if (delta == NULL)
        return;
    for (uint32_t i = 0; i < delta->broker_count; i++)
        if (delta->brokers[i] == id)
            return;
    mem_grow(delta->brokers, delta->broker_count, &delta->broker_capacity);
    delta->brokers[delta->broker_count++] = id;
}

void delta_set_topics(struct image_delta *delta)
{
    if (delta != NULL)
        delta->topics = true;
}

void delta_set_voters(struct image_delta *delta)
{
    if (delta != NULL)
        delta->voters = true;
}

void delta_set_configs(struct image_delta *delta)
{
    if (delta != NULL)
        delta->configs = true;
}
