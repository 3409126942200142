/* topics.c -- what a topic is like that says nothing itself, from several keys.
 *
 * Of one time that may be given in hours, minutes and milliseconds the finest given counts. */
#include "config_parts.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* `text` units of `unit_ms`; null: not given. False: it is not taken. */
static bool take_time(struct reading *reading, const char *key, struct str text, int64_t least,
                      int64_t unit_ms, int64_t *out)
{
    int64_t value = 0;
    if (text.size == 0)
        return false;
    if (!parse_number(text, &value) || value < least || value > INT32_MAX) {
        refuse(reading, "%s=%.*s: must be a whole number from %lld to %lld", key, STR_ARGS(text),
               (long long)least, (long long)INT32_MAX);
        return false;
    }
    *out = value < 0 ? -1 : value * unit_ms;
    return true;
}

void finish_topics(struct reading *reading)
{
    struct config *config = reading->config;
    const struct config_given *given = config->given;
    if (!given->has_retention_ms &&
        !take_time(reading, "log.retention.minutes", given->retention_minutes, -1, MINUTE_MS,
                   &config->retention_ms))
        take_time(reading, "log.retention.hours", given->retention_hours, -1, HOUR_MS,
                  &config->retention_ms);
    if (!given->has_roll_ms)
        take_time(reading, "log.roll.hours", given->roll_hours, 1, HOUR_MS, &config->segment_ms);
    if (!given->has_roll_jitter_ms)
        take_time(reading, "log.roll.jitter.hours", given->roll_jitter_hours, 0, HOUR_MS,
                  &config->segment_jitter_ms);
    if (config->retention_ms == 0)
        refuse(reading, "log.retention.ms=0: must be -1, for ever, or at least 1");
}
