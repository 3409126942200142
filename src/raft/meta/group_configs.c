/* group_configs.c -- see group_configs.h (KIP-848). */
#include "group_configs.h"

#include "number.h"

static int64_t number_of(const struct record_config *configs, uint32_t count, const char *name,
                         int32_t fallback)
{
    const struct record_config *found = find_config(configs, count, str_from(name));
    int64_t number = 0;
    return found != NULL && number_parse(found->value, &number) ? number : fallback;
}

/* What the broker's own setting is may lie outside: it was said by who set the bounds. */
static bool is_within(const struct controller_range *range, int64_t value)
{
    return value == range->normal || (value >= range->min && value <= range->max);
}

static struct str bounds(struct arena *arena, const char *name,
                         const struct controller_range *range)
{
    return str_from(arena_format(arena, "%s: must be at least %d and at most %d", name,
                                 (int)range->min, (int)range->max));
}

enum err group_configs_check(const struct controller_config *controller,
                             const struct record_config *configs, uint32_t count,
                             struct arena *arena, struct str *message)
{
    static const char session_name[] = "consumer.session.timeout.ms";
    static const char heartbeat_name[] = "consumer.heartbeat.interval.ms";
    const struct controller_range *sessions = &controller->consumer_session_ms;
    const struct controller_range *heartbeats = &controller->consumer_heartbeat_ms;
    int64_t session = number_of(configs, count, session_name, sessions->normal);
    int64_t heartbeat = number_of(configs, count, heartbeat_name, heartbeats->normal);

    if (!is_within(sessions, session)) {
        *message = bounds(arena, session_name, sessions);
        return ERR_INVALID_CONFIG;
    }
    if (!is_within(heartbeats, heartbeat)) {
        *message = bounds(arena, heartbeat_name, heartbeats);
        return ERR_INVALID_CONFIG;
    }
    if (session <= heartbeat) {
        *message = STR("consumer.session.timeout.ms: must be greater than "
                       "consumer.heartbeat.interval.ms");
        return ERR_INVALID_CONFIG;
    }
    return ERR_NONE;
}
