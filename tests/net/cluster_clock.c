/* cluster_clock.c -- which time counts when clocks differ (PR8). */
#include <criterion/criterion.h>

#include "cluster_clock.h"

static struct wall_span choose_both(uint32_t members, uint32_t count, const int64_t *ahead_ms)
{
    int64_t copy[8];
    struct wall_span chosen = {INT64_MIN, INT64_MIN};
    memcpy(copy, ahead_ms, count * sizeof *copy);
    struct clock_readings readings = {.ahead_ms = copy, .count = count};
    cluster_clock_choose(&readings, members, &chosen);
    return chosen;
}

static int64_t choose(uint32_t members, uint32_t count, const int64_t *ahead_ms)
{
    return choose_both(members, count, ahead_ms).earliest;
}

static int64_t choose_latest(uint32_t members, uint32_t count, const int64_t *ahead_ms)
{
    return choose_both(members, count, ahead_ms).latest;
}

enum { YEARS = 315576000 }; /* Ten, in seconds: far off. */

Test(cluster_clock, is_the_middle_of_all)
{
    cr_assert_eq(choose(3, 3, (int64_t[]){5, 3, 4}), 4);
    cr_assert_eq(choose(5, 5, (int64_t[]){5, 1, 2, 3, 4}), 3);
    cr_assert_eq(choose(1, 1, (int64_t[]){7}), 7);
    cr_assert_eq(choose_latest(3, 3, (int64_t[]){5, 3, 4}), 4);
    cr_assert_eq(choose_latest(5, 5, (int64_t[]){5, 1, 2, 3, 4}), 3);
    cr_assert_eq(choose_latest(1, 1, (int64_t[]){7}), 7);
}

Test(cluster_clock, follows_no_minority_into_the_future)
{
    cr_assert_eq(choose(3, 3, (int64_t[]){5, YEARS, 4}), 5);
    cr_assert_eq(choose(5, 5, (int64_t[]){5, YEARS, YEARS, 3, 4}), 5);
    cr_assert_eq(choose(5, 3, (int64_t[]){YEARS, YEARS, 4}), 4);
    cr_assert_eq(choose(2, 2, (int64_t[]){YEARS, 4}), 4);
    cr_assert_eq(choose(4, 4, (int64_t[]){YEARS, 4, YEARS, 3}), 4);
}

Test(cluster_clock, follows_no_minority_into_the_past)
{
    cr_assert_eq(choose_latest(3, 3, (int64_t[]){5, -YEARS, 4}), 4);
    cr_assert_eq(choose_latest(3, 2, (int64_t[]){-YEARS, 4}), 4);
    cr_assert_eq(choose_latest(5, 3, (int64_t[]){-YEARS, -YEARS, 4}), 4);
    cr_assert_eq(choose_latest(2, 2, (int64_t[]){-YEARS, 4}), 4);
    cr_assert_eq(choose_latest(4, 4, (int64_t[]){-YEARS, 4, -YEARS, 3}), 3);
}

Test(cluster_clock, is_not_known_from_a_minority)
{
    cr_assert_eq(choose(3, 1, (int64_t[]){5}), INT64_MIN);
    cr_assert_eq(choose(2, 1, (int64_t[]){5}), INT64_MIN);
    cr_assert_eq(choose(4, 2, (int64_t[]){5, 6}), INT64_MIN);
    cr_assert_eq(choose(0, 0, (int64_t[]){0}), INT64_MIN);
}

Test(cluster_clock, counts_all_that_were_read)
{
    cr_assert_eq(choose(1, 3, (int64_t[]){5, YEARS, 4}), 5);
}
