/* pairs.c -- numbers of a broker that bound each other. A start that has them the wrong way round
 * is refused, and so is an alteration that would bring that about. */
#include "config_parts.h"

static const struct config_pair pairs[] = {
    {"broker.heartbeat.interval.ms", "broker.session.timeout.ms", false},
    {"group.min.session.timeout.ms", "group.max.session.timeout.ms", true},
    {"group.consumer.heartbeat.interval.ms", "group.consumer.session.timeout.ms", false},
    {"group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms", true},
    {"group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms", true},
    {"log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", true},
};

const struct config_pair *config_pair_at(uint32_t index)
{
    return index < sizeof pairs / sizeof *pairs ? &pairs[index] : NULL;
}

enum err config_pair_check(const struct config_pair *pair, struct config_pair_numbers numbers,
                           struct arena *arena, struct str *message)
{
    if (numbers.lesser < numbers.greater ||
        (numbers.lesser == numbers.greater && pair->may_be_equal))
        return ERR_NONE;
    *message = str_from(arena_format(
        arena, "%s=%lld: must be %s %s=%lld", pair->lesser, (long long)numbers.lesser,
        pair->may_be_equal ? "at most" : "below", pair->greater, (long long)numbers.greater));
    return ERR_INVALID_CONFIG;
}

static int64_t number_of(const struct reading *reading, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_OF_BROKER, str_from(name));
    int64_t number = 0;
    check(parse_number(str_from(config_text(reading->config, key, 0, reading->arena)), &number));
    return number;
}

void finish_pairs(struct reading *reading)
{
    const struct config_pair *pair;
    for (uint32_t i = 0; (pair = config_pair_at(i)) != NULL; i++) {
        struct config_pair_numbers numbers = {.lesser = number_of(reading, pair->lesser),
                                              .greater = number_of(reading, pair->greater)};
        struct str message;
        if (config_pair_check(pair, numbers, reading->arena, &message) != ERR_NONE)
            refuse(reading, "%.*s", STR_ARGS(message));
    }
}
