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

Test(map, what_was_just_visited_may_be_removed)
{
    static struct {
        uint32_t key, visits;
    } values[KEYS];
    struct map map;
    map_init(&map, sizeof(uint32_t));
    for (uint32_t i = 0; i < KEYS; i++) {
        values[i].key = i;
        map_put(&map, &i, &values[i]);
    }

    uint32_t cursor = 0, wrong = 0;
    for (void *value; map_next(&map, &cursor, &value);) {
        uint32_t *key = value;
        key[1]++;
        if (*key % 3 != 0)
            wrong += map_remove(&map, key) != value;
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        wrong += values[i].visits != 1;
        wrong += (map_get(&map, &i) != NULL) != (i % 3 == 0);
    }

    cr_assert_eq(wrong, 0);
    cr_assert_eq(map.count, (KEYS + 2) / 3);
    map_free(&map);
}

/* The values in the order of a visit, after some history. */
static void visit(int *values, void *visited[KEYS])
{
    struct map map;
    map_init(&map, sizeof(uint64_t));
    for (uint64_t key = 0; key < KEYS; key++)
        map_put(&map, &key, &values[key]);
    for (uint64_t key = 0; key < KEYS; key += 7)
        map_remove(&map, &key);
    uint32_t cursor = 0;
    for (uint32_t i = 0; map_next(&map, &cursor, &visited[i]); i++) {
    }
    map_free(&map);
}

Test(map, no_secret_shows_in_the_order_of_a_visit)
{
    static int values[KEYS];
    void *first[KEYS] = {NULL}, *second[KEYS] = {NULL};

    hash_set_secret((uint64_t[2]){1, 2});
    visit(values, first);
    hash_set_secret((uint64_t[2]){3, 4});
    visit(values, second);

    cr_assert_arr_eq(first, second, sizeof first);
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

/* x, such that x ^ x >> by gives `value`. */
static uint64_t undo_shift(uint64_t value, unsigned by)
{
    uint64_t found = value;
    for (unsigned right = 0; right < 64; right += by)
        found = value ^ found >> by;
    return found;
}

/* The inverse of an odd factor, by Newton's steps: each doubles the bits that are right. */
static uint64_t undo_factor(uint64_t factor)
{
    uint64_t inverse = factor;
    for (int step = 0; step < 6; step++)
        inverse *= 2 - factor * inverse;
    return inverse;
}

/* A key that a mix which everybody knows sends to slot 0 of any map: so were maps hashed once. */
static uint64_t chosen_key(uint64_t serial)
{
    uint64_t hash = serial * undo_factor(UINT64_C(0xbf58476d1ce4e5b9));
    hash = undo_shift(hash, 29) * undo_factor(UINT64_C(0x9e3779b97f4a7c15));
    return hash ^ sizeof(uint64_t);
}

/* The most slots in a row that are in use: what a search may have to pass. */
static uint32_t longest_run(const struct map *map)
{
    uint32_t run = 0, longest = 0;
    for (uint32_t slot = 0; slot < map->capacity; slot++) {
        run = map->table[slot] == 0 ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

Test(map, chosen_keys_do_not_meet)
{
    struct map plain, chosen;
    int value = 1;
    map_init(&plain, sizeof(uint64_t));
    map_init(&chosen, sizeof(uint64_t));

    for (uint64_t serial = 1; serial <= 20000; serial++) {
        uint64_t key = chosen_key(serial);
        map_put(&plain, &serial, &value);
        map_put(&chosen, &key, &value);
    }

    cr_assert_eq(chosen.count, 20000);
    cr_assert_lt(longest_run(&plain), 200);
    cr_assert_lt(longest_run(&chosen), 200);
    map_free(&plain);
    map_free(&chosen);
}
