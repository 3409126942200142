/* rand.c -- numbers that replay. */
#include "base/rand.h"

#include <criterion/criterion.h>

Test(rand, one_seed_gives_one_sequence)
{
    struct rand a, b, c;
    rand_init(&a, 42);
    rand_init(&b, 42);
    rand_init(&c, 43);

    uint64_t first = rand_u64(&a);

    cr_assert_eq(first, rand_u64(&b));
    cr_assert_neq(first, rand_u64(&c));
}

Test(rand, steps_as_published)
{
    struct rand rand = {.state = {1, 2, 3, 4}};

    cr_assert_eq(rand_u64(&rand), 11520);
    cr_assert_eq(rand_u64(&rand), 0);
    cr_assert_eq(rand_u64(&rand), 1509978240);
    cr_assert_eq(rand_u64(&rand), UINT64_C(1215971899390074240));
}

Test(rand, stays_below_its_limit_and_reaches_all_of_it)
{
    struct rand rand;
    uint32_t counts[7] = {0}, few = 0;
    rand_init(&rand, 1);

    for (uint32_t i = 0; i < 70000; i++)
        counts[rand_below(&rand, 7)]++;
    for (uint32_t i = 0; i < 7; i++)
        few += counts[i] < 9500;

    cr_assert_eq(few, 0);
}

Test(rand, chances_come_as_often_as_asked)
{
    struct rand rand;
    uint32_t hits = 0;
    rand_init(&rand, 9);

    for (uint32_t i = 0; i < 100000; i++)
        hits += rand_chance(&rand, 1, 10);

    cr_assert_gt(hits, 9500);
    cr_assert_lt(hits, 10500);
    cr_assert_not(rand_chance(&rand, 0, 3));
    cr_assert(rand_chance(&rand, 3, 3));
}

Test(rand, derived_seeds_differ_by_seed_and_stream)
{
    cr_assert_neq(rand_derive(1, 2), rand_derive(2, 1));
    cr_assert_neq(rand_derive(1, 1), rand_derive(1, 2));
    cr_assert_neq(rand_derive(1, 1), rand_derive(2, 1));
    cr_assert_eq(rand_derive(5, 6), rand_derive(5, 6));
}
