/* topics.c -- what a topic is like that says nothing itself, from several keys.
 *
 * Of one time that may be given in hours, minutes and milliseconds the finest given counts. */
#include "config_parts.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* `text` units of `unit_ms`; null: not given. False: it is not taken. */
static bool take_time(struct reading *reading, const char *name, struct str text, int64_t unit_ms,
                      int64_t *out)
{
    struct str kept, message;
    int64_t value = 0;
    if (text.size == 0)
        return false;
    if (config_key_check(&key_find(str_from(name))->about, text, reading->arena, &kept, &message) !=
        ERR_NONE) {
        refuse(reading, "%.*s", STR_ARGS(message));
        return false;
    }
    check(parse_number(kept, &value));
    *out = value < 0 ? -1 : value * unit_ms;
    return true;
}

void finish_topics(struct reading *reading)
{
    struct config *config = reading->config;
    const struct config_given *given = config->given;
    if (!given->has_retention_ms &&
        !take_time(reading, "log.retention.minutes", given->retention_minutes, MINUTE_MS,
                   &config->retention_ms))
        take_time(reading, "log.retention.hours", given->retention_hours, HOUR_MS,
                  &config->retention_ms);
    if (!given->has_roll_ms)
        take_time(reading, "log.roll.hours", given->roll_hours, HOUR_MS, &config->segment_ms);
    if (!given->has_roll_jitter_ms)
        take_time(reading, "log.roll.jitter.hours", given->roll_jitter_hours, HOUR_MS,
                  &config->segment_jitter_ms);
}
