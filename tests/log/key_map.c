/* key_map.c -- a map that keeps to its memory. */
#include "key_map.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static struct bytes name(uint32_t serial, char text[16])
{
    int size = snprintf(text, 16, "key-%u", serial);
    return (struct bytes){.data = (const uint8_t *)text, .size = (uint32_t)size};
}

Test(key_map, knows_the_greatest_offset_of_each_key)
{
    struct key_map *map = key_map_open(1 << 20, 90, UINT64_MAX, secret);
    char text[16];

    for (uint32_t i = 0; i < 9000; i++)
        cr_assert(key_map_put(map, name(i % 3000, text), i));

    cr_assert_eq(key_map_count(map), 3000);
    for (uint32_t i = 0; i < 3000; i++)
        cr_assert_eq(key_map_get(map, name(i, text)), 6000 + i);
    cr_assert_eq(key_map_get(map, name(3000, text)), -1);
    key_map_close(map);
}

Test(key_map, refuses_a_new_key_when_it_is_full_and_takes_known_ones)
{
    struct key_map *map = key_map_open(100 * KEY_MAP_ENTRY_SIZE, 90, UINT64_MAX, secret);
    char text[16];

    cr_assert_eq(key_map_room(map), 90);
    for (uint32_t i = 0; i < 90; i++)
        cr_assert(key_map_put(map, name(i, text), i));

    cr_assert_not(key_map_put(map, name(90, text), 90));
    cr_assert(key_map_put(map, name(5, text), 91));
    cr_assert_eq(key_map_get(map, name(5, text)), 91);
    cr_assert_eq(key_map_get(map, name(90, text)), -1);
    cr_assert_leq(key_map_size(map), 100 * KEY_MAP_ENTRY_SIZE);
    key_map_close(map);
}

Test(key_map, takes_no_more_memory_than_there_can_be_keys)
{
    struct key_map *map = key_map_open(128 << 20, 90, 1000, secret);
    char text[16];

    for (uint32_t i = 0; i < 1000; i++)
        cr_assert(key_map_put(map, name(i, text), i));

    cr_assert_lt(key_map_size(map), 2000 * KEY_MAP_ENTRY_SIZE);
    key_map_close(map);
}

Test(key_map, the_smallest_one_holds_a_key)
{
    struct key_map *map = key_map_open(1, 1, UINT64_MAX, secret);
    char text[16];

    cr_assert(key_map_put(map, name(1, text), 7));
    cr_assert_not(key_map_put(map, name(2, text), 8));
    cr_assert_eq(key_map_get(map, name(1, text)), 7);
    key_map_close(map);
}
