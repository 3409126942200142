/* check_g6_expiry.c -- G6: an offset ends by itself only when it was kept long enough, and while
 * nobody is a member who may read its topic: any member of a classic group, those who subscribe
 * to it of a group of consumers (KIP-848).
 *
 * Ages are told from the times that the records carry, and from the true time in worlds where
 * one clock of several is wrong at most (PR8). A group that somebody asked to delete is
 * left out. */
#include "check.h"

enum { CLOCK_SLACK_MS = 1000 }; /* Clocks that are right differ by less (node.c). */

static wall_ms due(const struct world *world, const struct ledger_generation *now,
                   const struct ledger_write *write)
{
    const struct config *config = &world->nodes[0].config;
    wall_ms from = write->time;
    if (write->expires >= 0)
        return write->expires;
    if (now && now->time > from)
        from = now->time;
    return from + (wall_ms)config->offsets_retention_minutes * 60000;
}

/* A wrong clock made it expire. */
static bool is_early(const struct world *world, const struct ledger_record *record,
                     const struct ledger_write *last)
{
    const struct config *config = &world->nodes[0].config;
    int64_t kept_ms = (record->write.appended_at - last->appended_at) / SIM_MS;
    int64_t asked_ms = last->expires >= 0 ? last->expires - last->time
                                          : (int64_t)config->offsets_retention_minutes * 60000;
    bool is_told = world->swarm.retention_ms >= 0 && world->swarm.nodes >= 3;
    return is_told && kept_ms + CLOCK_SLACK_MS < asked_ms;
}

/* Members who may read the first topic, the only one with offsets. */
static uint32_t readers(const struct ledger_group *group)
{
    const struct ledger_generation *now = ledger_now(group);
    uint32_t consumers = ledger_consumers_members(&group->consumers);
    if (consumers > 0 && !ledger_consumers_read(&group->consumers, 0))
        consumers = 0;
    return (now ? now->member_count : 0) + consumers;
}

static void committed(struct world *world, const struct ledger_record *record)
{
    const struct ledger_group *group = ledger_group_of(world, record->group);
    if (record->kind != LEDGER_OFFSET || record->write.offset >= 0 || group->deletion_asked)
        return;
    const struct ledger_offset *offset = &group->offsets[record->partition];
    const struct ledger_generation *now = ledger_now(group);
    const struct ledger_write *last =
        offset->write_count ? &offset->writes[offset->write_count - 1] : NULL;
    world_mark(world, "offset_expired");
    if (!last || last->offset < 0)
        world_violation(world, "G6", "%s/%d: what is not there expires", group->name,
                        record->partition);
    if (readers(group) > 0)
        world_violation(world, "G6", "%s/%d: offset %lld expires, and %u members may read it",
                        group->name, record->partition, (long long)last->offset, readers(group));
    if (record->time < due(world, now, last))
        world_violation(world, "G6", "%s/%d: offset %lld expires %lld ms early", group->name,
                        record->partition, (long long)last->offset,
                        (long long)(due(world, now, last) - record->time));
    if (is_early(world, record, last))
        world_violation(world, "G6", "%s/%d: offset %lld expires by a wrong clock", group->name,
                        record->partition, (long long)last->offset);
}

const struct checker check_g6 = {.name = "G6", .committed = committed};
