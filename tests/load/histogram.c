/* histogram.c -- tests of the load generator's histogram. */
#include <criterion/criterion.h>

#include "histogram.h"

Test(histogram, finds_no_percentile_where_nothing_was_added)
{
    static struct histogram histogram;

    cr_assert_eq(histogram_percentile(&histogram, 500000), 0);
}

Test(histogram, tells_small_values_exactly)
{
    static struct histogram histogram;

    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(&histogram, value);

    cr_assert_eq(histogram_percentile(&histogram, 500000), 50);
    cr_assert_eq(histogram_percentile(&histogram, 990000), 99);
    cr_assert_eq(histogram_percentile(&histogram, 1000000), 100);
    cr_assert_eq(histogram.sum, 5050);
}

Test(histogram, is_at_most_a_128th_too_high_and_never_too_low)
{
    static struct histogram histogram;
    uint64_t worst = 0;
    bool is_low = false;

    for (uint64_t value = 1; value < (uint64_t)1 << 62; value += value / 3 + 1) {
        histogram = (struct histogram){.total = 0};
        histogram_add(&histogram, value);
        histogram.max = UINT64_MAX; /* Or the exact maximum would stand in. */
        uint64_t found = histogram_percentile(&histogram, 1000000);
        uint64_t limit = value + value / 128;
        is_low |= found < value;
        worst = found > limit && found - limit > worst ? found - limit : worst;
    }

    cr_assert(!is_low);
    cr_assert_eq(worst, 0);
}

Test(histogram, never_says_more_than_the_greatest_value)
{
    static struct histogram histogram;

    histogram_add(&histogram, 1000001);

    cr_assert_eq(histogram_percentile(&histogram, 999000), 1000001);
}

Test(histogram, takes_the_greatest_number_there_is)
{
    static struct histogram histogram;

    histogram_add(&histogram, UINT64_MAX);

    cr_assert_eq(histogram_percentile(&histogram, 500000), UINT64_MAX);
    cr_assert_eq(histogram_bucket_last(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}
