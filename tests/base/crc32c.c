/* crc32c.c -- against RFC 3720 B.4, and against a bit at a time. */
#include "base/bytes.h"

#include <criterion/criterion.h>

static uint32_t bit_by_bit(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78U : 0);
    }
    return ~crc;
}

static void fill(uint8_t *data, size_t size)
{
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        data[i] = (uint8_t)(state >> 24);
    }
}

Test(crc32c, matches_the_published_vectors)
{
    uint8_t zeros[32] = {0}, ones[32], rising[32];
    memset(ones, 0xff, sizeof ones);
    for (uint8_t i = 0; i < 32; i++)
        rising[i] = i;

    cr_assert_eq(crc32c(0, zeros, 32), 0x8a9136aaU);
    cr_assert_eq(crc32c(0, ones, 32), 0x62a8ab43U);
    cr_assert_eq(crc32c(0, rising, 32), 0x46dd794eU);
    cr_assert_eq(crc32c(0, "123456789", 9), 0xe3069283U);
}

Test(crc32c, of_nothing_is_zero_and_changes_nothing)
{
    cr_assert_eq(crc32c(0, NULL, 0), 0);
    cr_assert_eq(crc32c(0xe3069283U, "", 0), 0xe3069283U);
}

Test(crc32c, agrees_with_the_definition_at_every_size_and_alignment)
{
    static uint8_t data[5000];
    fill(data, sizeof data);
    uint32_t wrong = 0;

    for (size_t size = 0; size < 600; size++)
        wrong += crc32c(0, data + size % 16, size) != bit_by_bit(data + size % 16, size);
    for (size_t size = 600; size < 4900; size += 331)
        wrong += crc32c(0, data + size % 16, size) != bit_by_bit(data + size % 16, size);

    cr_assert_eq(wrong, 0);
}

Test(crc32c, goes_on_from_what_stands_before)
{
    static uint8_t data[3000];
    fill(data, sizeof data);

    uint32_t first = crc32c(0, data, 1234);

    cr_assert_eq(crc32c(first, data + 1234, 3000 - 1234), crc32c(0, data, 3000));
}
