/* history.c -- the clients of a run, and what they were told. */
#include "history.h"

#include "group_client.h"

struct clients {
    struct actor *actors[SIM_CLIENTS_MAX];
    uint32_t count;
    bool quiet;
    struct history_ack *acks;
    uint32_t ack_count, ack_capacity;
    struct map refused; /* value -> anything */
    uint64_t reads;
};

void clients_open(struct world *world)
{
    struct clients *clients = mem_zalloc(sizeof *clients);
    const struct swarm *swarm = &world->swarm;
    world->clients = clients;
    map_init(&clients->refused, sizeof(uint64_t));
    world->net.hosts_count = swarm->nodes + 1 + swarm->producers + swarm->consumers + swarm->trims;
    if (swarm->groups > 0)
        world->net.hosts_count += 1 + swarm->groups * swarm->members;
    clients->actors[clients->count++] = admin_new(world, 0);
    for (uint32_t i = 0; i < swarm->producers; i++, clients->count++)
        clients->actors[clients->count] = producer_new(world, clients->count);
    for (uint32_t i = 0; i < swarm->consumers; i++, clients->count++)
        clients->actors[clients->count] = consumer_new(world, clients->count);
    if (swarm->trims) {
        clients->actors[clients->count] = trimmer_new(world, clients->count);
        clients->count++;
    }
    for (uint32_t i = 0; i < swarm->groups * swarm->members; i++, clients->count++)
        clients->actors[clients->count] =
            swarm_is_consumer(swarm, i)
                ? group_consumer_new(world, clients->count, i % swarm->groups)
                : member_new(world, clients->count, i % swarm->groups);
    if (swarm->groups > 0)
        clients->actors[clients->count] = overseer_new(world, clients->count);
    clients->count += swarm->groups > 0;
}

void clients_heal(struct world *world)
{
    world->clients->quiet = true;
}

bool clients_are_quiet(const struct world *world)
{
    return world->clients->quiet;
}

void history_add_ack(struct world *world, const struct history_ack *ack)
{
    struct clients *clients = world->clients;
    mem_grow(clients->acks, clients->ack_count, &clients->ack_capacity);
    clients->acks[clients->ack_count++] = *ack;
}

const struct history_ack *history_acks(struct world *world, uint32_t *count)
{
    *count = world->clients->ack_count;
    return world->clients->acks;
}

void history_add_refused(struct world *world, uint64_t value)
{
    map_put(&world->clients->refused, &value, world);
}

bool history_is_refused(struct world *world, uint64_t value)
{
    return map_get(&world->clients->refused, &value) != NULL;
}

void history_add_read(struct world *world)
{
    world->clients->reads++;
}

uint64_t history_reads(const struct world *world)
{
    return world->clients->reads;
}

uint32_t history_unanswered(struct world *world)
{
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < world->clients->count; i++) {
        struct actor *actor = world->clients->actors[i];
        if (actor->waiting)
            waiting += actor->waiting(actor);
    }
    return waiting;
}

bool history_consumers_are_done(struct world *world, char *why, size_t size)
{
    for (uint32_t i = 0; i < world->clients->count; i++) {
        struct actor *actor = world->clients->actors[i];
        if (actor->is_done && !actor->is_done(actor, why, size))
            return false;
    }
    return true;
}

bool history_groups_are_stable(struct world *world, char *why, size_t size)
{
    for (uint32_t i = 0; i < world->clients->count; i++) {
        struct actor *actor = world->clients->actors[i];
        if (actor->is_stable && !actor->is_stable(actor, why, size))
            return false;
    }
    return true;
}
