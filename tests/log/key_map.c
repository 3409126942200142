/* key_map.c -- digests by the published vectors, and a map that keeps to its memory. */
#include "key_map.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static struct bytes name(uint32_t serial, char text[16])
{
    int size = snprintf(text, 16, "key-%u", serial);
    return (struct bytes){.data = (const uint8_t *)text, .size = (uint32_t)size};
}

/* As bytes, in the order in which the reference prints them. */
static uint64_t little(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

Test(key_map, digests_are_those_of_the_reference)
{
    static const uint8_t empty[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                      0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    static const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                                    0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
    const uint8_t zero = 0;

    struct key_digest of_empty = key_digest(secret, (struct bytes){.data = &zero, .size = 0});
    struct key_digest of_one = key_digest(secret, (struct bytes){.data = &zero, .size = 1});

    cr_assert_eq(of_empty.low, little(empty));
    cr_assert_eq(of_empty.high, little(empty + 8));
    cr_assert_eq(of_one.low, little(one));
    cr_assert_eq(of_one.high, little(one + 8));
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
