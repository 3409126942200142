/* test_regex.c -- subscriptions by expression: RE2's syntax, and no more steps than are allowed. */
#include "regex.h"

#include "consumers.h"

#include <criterion/criterion.h>
#include <stdio.h>

static enum err resolve(struct world *world, const char *pattern, uint32_t *count)
{
    struct str *names;
    *count = 0;
    return regex_resolve(str_from(pattern), &world->config.topics, &world->arena, count, &names);
}

static bool is_valid(struct world *world, const char *pattern)
{
    uint32_t count;
    return resolve(world, pattern, &count) == ERR_NONE;
}

static uint32_t matches(struct world *world, const char *pattern)
{
    uint32_t count;
    cr_assert_eq(resolve(world, pattern, &count), ERR_NONE, "%s", pattern);
    return count;
}

Test(regex, matches_whole_names)
{
    struct world *world = world_open();
    world_topic(world, "orders", 1);
    world_topic(world, "orders.eu", 1);
    world_topic(world, "payments", 1);
    cr_assert_eq(matches(world, "orders"), 1);
    cr_assert_eq(matches(world, "orders.*"), 2);
    cr_assert_eq(matches(world, "order"), 0);
    cr_assert_eq(matches(world, "^orders\\.eu$"), 1);
    cr_assert_eq(matches(world, "orders|payments"), 2);
    cr_assert_eq(matches(world, "(?i)PAYMENTS"), 1);
    cr_assert_eq(matches(world, ".*"), 3);
    cr_assert_eq(matches(world, "(?P<kind>\\w+)\\.(?:eu|us)"), 1);
    cr_assert_eq(matches(world, "[[:alpha:]]{6,8}"), 2);
    cr_assert_eq(matches(world, "\\Qorders.eu\\E"), 1);
    cr_assert_eq(matches(world, "[^o].*?s+?"), 1);
    cr_assert_eq(matches(world, "a{,2}orders"), 0);
    world_close(world);
}

Test(regex, refuses_what_re2_does_not_have)
{
    static const char *const patterns[] = {
        "(a)\\1", "a(?=b)", "a(?!b)",     "(?<=a)b", "(?<!a)b", "(?>a+)",   "a*+",
        "a++",    "a?+",    "a{2}+",      "(?R)",    "(?1)",    "(?P>n)",   "(?P=n)",
        "(?&n)",  "\\Ka",   "(*ACCEPT)a", "(?#c)",   "(?(1)a)", "\\R",      "\\X",
        "\\k<n>", "\\g1",   "(?C1)",      "(?|a|b)", "\\h",     "\\N{U+1}", "\\Z",
    };
    struct world *world = world_open();
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        cr_assert_not(is_valid(world, patterns[i]), "%s", patterns[i]);
    world_close(world);
}

Test(regex, refuses_what_is_none)
{
    static const char *const patterns[] = {"(",      ")",       "[",   "a**",     "*",
                                           "(?",     "(?P<",    "\\",  "(?<1>a)", "[a",
                                           "x{2,1}", "(?P<>a)", "(?i", "[z-a]"};
    struct world *world = world_open();
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        cr_assert_not(is_valid(world, patterns[i]), "%s", patterns[i]);
    world_close(world);
}

Test(regex, refuses_what_is_too_long_or_too_deep)
{
    struct world *world = world_open();
    char *deep = arena_alloc(&world->arena, 1001), *wide = arena_alloc(&world->arena, 5001);
    memset(deep, '(', 500);
    memset(deep + 500, ')', 500);
    memset(wide, 'a', 5000);
    cr_assert_not(is_valid(world, deep));
    deep[449 + 102] = '\0'; /* 51 within each other, and then 50. */
    cr_assert_not(is_valid(world, deep + 449));
    deep[450 + 100] = '\0';
    cr_assert(is_valid(world, deep + 450));
    cr_assert_not(is_valid(world, wide));
    cr_assert_not(is_valid(world, "((((a{1000}){1000}){1000}){1000}){1000}"));
    world_close(world);
}

/* Rule 144: a regular expression cannot burn the processor. */
Test(regex, gives_up_on_expressions_that_explode)
{
    static const char *const patterns[] = {"(a+)+b", "(a|a)*b",          "(a|aa)+b",
                                           "(.*)*b", "(a*)*(a*)*(a*)*b", "([a-z]+)*b"};
    struct world *world = world_open();
    char name[241] = {0};
    for (int i = 0; i < 1000; i++) {
        memset(name, 'a', 240);
        name[239] = (char)('a' + i % 10);
        name[238] = (char)('c' + i / 10 % 10);
        name[237] = (char)('c' + i / 100);
        world_topic(world, name, 1);
    }
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        is_valid(world, patterns[i]); /* True or false, but it comes back. */
    cr_assert_not(is_valid(world, "(a+)+b"));
    world_close(world);
}

static void add_long_names(struct world *world, int count)
{
    char name[241] = {0};
    memset(name, 'a', 240);
    for (int i = 0; i < count; i++) {
        name[239] = (char)('a' + i % 26);
        name[238] = (char)('a' + i / 26);
        world_topic(world, name, 1);
    }
}

/* It needs no depth and no memory, but 100,000 steps of one name, or hundreds of ways at once. */
Test(regex, gives_up_on_what_takes_too_many_steps_of_one_name)
{
    struct world *world = world_open();
    add_long_names(world, 1);
    cr_assert(is_valid(world, "[a-z]{0,99}[a-z]{0,99}[A-Z]"));
    cr_assert_not(is_valid(world, "[a-z]{0,99}[a-z]{0,99}[a-z]{0,99}[a-z]*[A-Z]"));
    world_close(world);
}

/* Some 2,500 steps of each, or 80 ways at once. */
Test(regex, gives_up_on_what_takes_many_steps_of_many_names)
{
    static const char pattern[] = "[a-z]{0,40}[a-z]{0,40}[a-z]*[A-Z]";
    struct world *few = world_open(), *many = world_open();
    add_long_names(few, 30);
    add_long_names(many, 100);
    cr_assert(is_valid(few, pattern));
    cr_assert_not(is_valid(many, pattern));
    world_close(few);
    world_close(many);
}

/* Names as programs make them that copy databases, and what their users subscribe to. */
Test(regex, does_for_many_long_names_what_it_does_for_few)
{
    static const char *const patterns[] = {
        ".*[.].*[.].*[.]deleted[.].*", "|.*[.].*[.].*[.]deleted[.].*",
        "([a-z0-9.-]+\\.)*deleted\\.v[0-9]", "(.*)(.*)[d][.]v1", "(.*[.])*(.*[.])*deleted[.]v1"};
    struct world *world = world_open();
    char name[100];
    for (int i = 0; i < WORLD_TOPICS_MAX - 1; i++) {
        snprintf(name, sizeof name,
                 "dbserver%d.inventory.customers-of-europe.changes-of-the-row.v1", i);
        world_topic(world, name, 1);
    }
    world_topic(world, "dbserver1.inventory.customers-of-europe.deleted.v1", 1);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        cr_assert_eq(matches(world, patterns[i]), 1, "%s", patterns[i]);
    world_close(world);
}
