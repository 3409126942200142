/* memory.c -- what groups keep, counted as they come and go.
 *
 * The count is of what clients can make grow, by the sizes of structs and names; it is about what
 * the process holds, not exactly. Who shares the memory shares the limit. */
#include "group_state.h"

void memory_count(struct coordinator *coordinator, uint64_t *kept, uint64_t size)
{
    struct group_memory *memory = coordinator->config.memory;
    check(memory->kept >= *kept);
    memory->kept += size - *kept;
    *kept = size;
}

bool memory_has_room(const struct coordinator *coordinator, uint64_t before, uint64_t after)
{
    const struct coordinator_config *config = &coordinator->config;
    return after <= before || config->memory->kept + (after - before) <= config->memory_max;
}

bool memory_is_exceeded(const struct coordinator *coordinator)
{
    const struct coordinator_config *config = &coordinator->config;
    uint64_t reserve = config->memory_max / MEMORY_RESERVE_PART;
    return config->memory->kept > config->memory_max &&
           config->memory->kept - config->memory_max > reserve;
}
