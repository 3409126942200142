/* rules.c -- a rule's text and what it means at a time. */
#include "rules.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool parse(struct rule *out, const char *text, const char **why)
{
    char copy[128];
    char *words[8];
    uint32_t count = 0;
    char *rest;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return rule_parse(out, count, words, 1000000, why);
}

Test(rules, are_written_as_they_were_read)
{
    static const char *const texts[] = {
        "pass", "cut", "delay 20 5", "throttle 1000", "stall 30 200", "reset", "flap 500",
    };
    struct rule rule;
    const char *why;
    char text[RULE_TEXT_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert(parse(&rule, texts[i], &why), "%s: %s", texts[i], why);
        rule_format(&rule, text);
        cr_assert_str_eq(text, texts[i]);
    }
}

Test(rules, a_refusal_says_how_to_write_it_and_changes_nothing)
{
    static const char *const texts[] = {
        "delay",
        "delay 1 2 3",
        "delay 600001",
        "delay 1.5",
        "throttle 0",
        "throttle 1kB",
        "stall 101 1",
        "stall 1",
        "flap 1",
        "cut 1",
        "stall 1 +5",
        "burn",
        "throttle 99999999999999999999",
    };
    const char *why;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rule rule = {.kind = RULE_FLAP, .period_us = 7};
        cr_assert_not(parse(&rule, texts[i], &why), "%s", texts[i]);
        cr_assert(strlen(why) > 10);
        cr_assert_eq(rule.kind, RULE_FLAP);
        cr_assert_eq(rule.period_us, 7);
    }
}

Test(rules, a_flap_holds_in_the_first_half_of_its_period)
{
    struct rule rule;
    const char *why;
    cr_assert(parse(&rule, "flap 100", &why));
    cr_assert(rule_holds(&rule, 1000000));
    cr_assert(rule_holds(&rule, 1049999));
    cr_assert_not(rule_holds(&rule, 1050000));
    cr_assert(rule_holds(&rule, 1100000));
    cr_assert_eq(rule_turns_us(&rule, 1000000), 1050000);
    cr_assert_eq(rule_turns_us(&rule, 1050000), 1100000);
}
