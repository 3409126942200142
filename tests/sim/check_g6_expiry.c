/* check_g6_expiry.c -- G6: an offset ends by itself only when it was kept long enough, and while
 * nobody is a member who may read its topic: any member of a classic group, those who subscribe
 * to it of a group of consumers (KIP-848).
 *
 * Ages are told from the times that the records carry, and from the true time in worlds where
 * one clock of several is wrong at most (PR8). There no record says either that it is older than
 * it is, or it would expire when that clock is right again. A group that somebody asked to delete
 * is left out. */
#include "check.h"

enum {
    CLOCK_SLACK_MS = 1000, /* Clocks that are right differ by less (node.c). */
    /* A clock that was told is late by as long as that was on its way, past a pause or two
     * (faults.c); one that is wrong, by days. */
    STAMP_SLACK_MS = 20000,
};

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

/* One clock of three or more is wrong at most (faults.c). */
static bool is_time_told(const struct world *world)
{
    return (world->swarm.retention_ms >= 0 || world->swarm.cleans) && world->swarm.nodes >= 3;
}

/* By how much a record says that it is older than it is. */
static int64_t late_ms(const struct ledger_record *record)
{
    return world_wall_at(record->write.appended_at) - record->time;
}

/* A wrong clock made it expire. */
static bool is_early(const struct world *world, const struct ledger_record *record,
                     const struct ledger_write *last)
{
    const struct config *config = &world->nodes[0].config;
    int64_t kept_ms = (record->write.appended_at - last->appended_at) / SIM_MS;
    int64_t asked_ms = last->expires >= 0 ? last->expires - last->time
                                          : (int64_t)config->offsets_retention_minutes * 60000;
    return is_time_told(world) && kept_ms + CLOCK_SLACK_MS < asked_ms;
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
    if (is_time_told(world) && late_ms(record) > STAMP_SLACK_MS)
        world_violation(world, "G6", "%s: the record at %lld is stamped %lld ms too early",
                        group->name, (long long)record->at, (long long)late_ms(record));
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
