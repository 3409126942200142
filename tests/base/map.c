/* map.c -- the map that changes in place, against a plain array. */
#include "base/base.h"

#include <criterion/criterion.h>

enum { KEYS = 500 };

Test(map, returns_what_stood_there)
{
    struct map map;
    int first = 1, second = 2;
    uint32_t key = 7;
    map_init(&map, sizeof key);

    cr_assert_null(map_get(&map, &key));
    cr_assert_null(map_put(&map, &key, &first));
    cr_assert_eq(map_put(&map, &key, &second), &first);
    cr_assert_eq(map_get(&map, &key), &second);
    cr_assert_eq(map_remove(&map, &key), &second);
    cr_assert_null(map_remove(&map, &key));
    cr_assert_eq(map.count, 0);
    map_free(&map);
}

Test(map, agrees_with_an_array_through_random_changes)
{
    static int values[KEYS];
    void *model[KEYS] = {NULL};
    struct map map;
    struct rand rand;
    rand_init(&rand, 1);
    map_init(&map, sizeof(uint64_t));
    uint32_t wrong = 0, count = 0;

    for (uint32_t step = 0; step < 50000; step++) {
        uint64_t key = rand_below(&rand, KEYS);
        bool removes = rand_chance(&rand, 1, 2);
        void *before = removes ? map_remove(&map, &key) : map_put(&map, &key, &values[key]);
        wrong += before != model[key];
        model[key] = removes ? NULL : &values[key];
    }
    for (uint64_t key = 0; key < KEYS; key++) {
        wrong += map_get(&map, &key) != model[key];
        count += model[key] != NULL;
    }

    cr_assert_eq(wrong, 0);
    cr_assert_eq(map.count, count);
    map_free(&map);
}

Test(map, visits_each_value_once)
{
    static int values[KEYS];
    struct map map;
    map_init(&map, sizeof(uint32_t));
    for (uint32_t key = 0; key < KEYS; key++)
        map_put(&map, &key, &values[key]);

    uint32_t cursor = 0, count = 0;
    void *value;
    while (map_next(&map, &cursor, &value)) {
        *(int *)value += 1;
        count++;
    }
    uint32_t missed = 0;
    for (uint32_t key = 0; key < KEYS; key++)
        missed += values[key] != 1;

    cr_assert_eq(count, KEYS);
    cr_assert_eq(missed, 0);
    map_free(&map);
}

Test(map, keys_may_have_any_size)
{
    struct map map;
    struct partition_key a = {.index = 1}, b = {.index = 2};
    int first = 1, second = 2;
    map_init(&map, sizeof a);

    map_put(&map, &a, &first);
    map_put(&map, &b, &second);

    cr_assert_eq(map_get(&map, &a), &first);
    cr_assert_eq(map_get(&map, &b), &second);
    map_free(&map);
}
