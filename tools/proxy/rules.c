/* rules.c -- what may happen to the bytes from one party to another, as text and as data. */
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t words_min, words_max; /* Its numbers. */
    const char *usage;
} kinds[] = {
    [RULE_PASS] = {"pass", 0, 0, "write `pass`"},
    [RULE_CUT] = {"cut", 0, 0, "write `cut`"},
    [RULE_DELAY] = {"delay", 1, 2, "write `delay MS [JITTER_MS]`, up to 600000 each"},
    [RULE_THROTTLE] = {"throttle", 1, 1, "write `throttle BYTES_A_SECOND`, from 1"},
    [RULE_STALL] = {"stall", 2, 2, "write `stall PERCENT MS`, up to 100 and up to 600000"},
    [RULE_RESET] = {"reset", 0, 0, "write `reset`"},
    [RULE_FLAP] = {"flap", 1, 1, "write `flap PERIOD_MS`, from 2 to 600000"},
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static bool read_number(const char *word, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    if (word[0] < '0' || word[0] > '9')
        return false;
    unsigned long long number = strtoull(word, &end, 10);
    if (errno || *end || number > max)
        return false;
    *out = number;
    return true;
}

static bool read_ms(const char *word, uint32_t *out_us)
{
    uint64_t ms;
    if (!read_number(word, RULE_WAIT_US_MAX / 1000, &ms))
        return false;
    *out_us = (uint32_t)ms * 1000;
    return true;
}

/* The numbers behind the kind's name. */
static bool read_numbers(struct rule *rule, uint32_t count, char *const *words)
{
    uint64_t percent = 0;
    switch (rule->kind) {
    case RULE_DELAY:
        return read_ms(words[0], &rule->wait_us) &&
               (count < 2 || read_ms(words[1], &rule->jitter_us));
    case RULE_THROTTLE:
        return read_number(words[0], UINT32_MAX, &rule->bytes_a_second) && rule->bytes_a_second > 0;
    case RULE_STALL:
        if (!read_number(words[0], 100, &percent))
            return false;
        rule->percent = (uint32_t)percent;
        return read_ms(words[1], &rule->wait_us);
    case RULE_FLAP:
        return read_ms(words[0], &rule->period_us) && rule->period_us >= RULE_PERIOD_US_MIN;
    default:
        return true;
    }
}

bool rule_parse(struct rule *out, uint32_t count, char *const *words, int64_t now_us,
                const char **why)
{
    *why = "a rule is pass, cut, delay, throttle, stall, reset or flap";
    if (count == 0)
        return false;
    for (uint32_t kind = 0; kind < KIND_COUNT; kind++) {
        struct rule rule = {.kind = (enum rule_kind)kind, .since_us = now_us};
        if (strcmp(words[0], kinds[kind].name) != 0)
            continue;
        *why = kinds[kind].usage;
        if (count - 1 < kinds[kind].words_min || count - 1 > kinds[kind].words_max ||
            !read_numbers(&rule, count - 1, words + 1))
            return false;
        *out = rule;
        return true;
    }
    return false;
}

void rule_format(const struct rule *rule, char out[RULE_TEXT_MAX])
{
    const char *name = kinds[rule->kind].name;
    switch (rule->kind) {
    case RULE_DELAY:
        snprintf(out, RULE_TEXT_MAX, "%s %u %u", name, rule->wait_us / 1000,
                 rule->jitter_us / 1000);
        return;
    case RULE_THROTTLE:
        snprintf(out, RULE_TEXT_MAX, "%s %" PRIu64, name, rule->bytes_a_second);
        return;
    case RULE_STALL:
        snprintf(out, RULE_TEXT_MAX, "%s %u %u", name, rule->percent, rule->wait_us / 1000);
        return;
    case RULE_FLAP:
        snprintf(out, RULE_TEXT_MAX, "%s %u", name, rule->period_us / 1000);
        return;
    default:
        snprintf(out, RULE_TEXT_MAX, "%s", name);
    }
}

/* Halves of its period since it was set. */
static int64_t halves(const struct rule *rule, int64_t now_us)
{
    return (now_us - rule->since_us) / (rule->period_us / 2);
}

bool rule_holds(const struct rule *rule, int64_t now_us)
{
    if (rule->kind == RULE_FLAP)
        return halves(rule, now_us) % 2 == 0;
    return rule->kind == RULE_CUT || rule->kind == RULE_RESET;
}

int64_t rule_turns_us(const struct rule *rule, int64_t now_us)
{
    if (rule->kind != RULE_FLAP)
        return INT64_MAX;
    return rule->since_us + (halves(rule, now_us) + 1) * (rule->period_us / 2);
}
