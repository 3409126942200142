/* durations.c -- durations in classes. */
#include "base/base.h"

#include <criterion/criterion.h>

Test(durations, counts_a_bound_in_the_class_that_it_closes)
{
    struct durations durations = {.sum_us = 0};

    durations_add(&durations, durations_bounds_us[0]);
    durations_add(&durations, durations_bounds_us[0] + 1);

    cr_assert_eq(durations.counts[0], 1);
    cr_assert_eq(durations.counts[1], 1);
    cr_assert_eq(durations.sum_us, 101);
}

Test(durations, counts_what_is_beyond_every_bound_in_the_last_class)
{
    struct durations durations = {.sum_us = 0};

    durations_add(&durations, INT64_MAX);

    cr_assert_eq(durations.counts[DURATIONS_BOUNDS], 1);
    cr_assert_eq(durations_count(&durations), 1);
}

Test(durations, takes_a_clock_that_ran_back_for_no_time_at_all)
{
    struct durations durations = {.sum_us = 0};

    durations_add(&durations, -7);

    cr_assert_eq(durations.counts[0], 1);
    cr_assert_eq(durations.sum_us, 0);
}

Test(durations, has_bounds_that_rise)
{
    for (uint32_t i = 1; i < DURATIONS_BOUNDS; i++)
        cr_assert_lt(durations_bounds_us[i - 1], durations_bounds_us[i]);
}

Test(durations, adds_up_with_that_of_another_shard)
{
    struct durations one = {.sum_us = 0};
    struct durations other = {.sum_us = 0};
    durations_add(&one, 10);
    durations_add(&other, 20);
    durations_add(&other, 3000000);

    durations_merge(&one, &other);

    cr_assert_eq(durations_count(&one), 3);
    cr_assert_eq(one.counts[0], 2);
    cr_assert_eq(one.sum_us, 3000030);
}
