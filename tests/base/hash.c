/* hash.c -- SipHash by the published vectors. */
#include "base/base.h"

#include <criterion/criterion.h>

static const uint64_t secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* As bytes, in the order in which the reference prints them. */
static uint64_t little(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

Test(hash, digests_are_those_of_the_reference)
{
    static const uint8_t empty[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                      0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    static const uint8_t one[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                                    0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
    const uint8_t zero = 0;

    struct hash_digest of_empty = hash_digest(secret, (struct bytes){.data = &zero, .size = 0});
    struct hash_digest of_one = hash_digest(secret, (struct bytes){.data = &zero, .size = 1});

    cr_assert_eq(of_empty.low, little(empty));
    cr_assert_eq(of_empty.high, little(empty + 8));
    cr_assert_eq(of_one.low, little(one));
    cr_assert_eq(of_one.high, little(one + 8));
}

static uint64_t hash_of_first(uint32_t size)
{
    uint8_t bytes[64];
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)i;
    return hash_key((struct bytes){.data = bytes, .size = size});
}

/* CPython 3.11 hashes bytes so; with its secret of 0 it agrees, and with ours it gives these. */
Test(hash, keys_are_hashed_as_elsewhere)
{
    hash_set_secret(secret);

    cr_assert_eq(hash_of_first(0), 0xabac0158050fc4dc);
    cr_assert_eq(hash_of_first(1), 0xc9f49bf37d57ca93);
    cr_assert_eq(hash_of_first(7), 0xd3927d989bb11140);
    cr_assert_eq(hash_of_first(8), 0x369095118d299a8e);
    cr_assert_eq(hash_of_first(12), 0x78a384b157b4d9a2);
    cr_assert_eq(hash_of_first(20), 0xc0dc2f46a6cce040);
    cr_assert_eq(hash_of_first(63), 0x9d199062b7bbb3a8);
}

Test(hash, another_secret_gives_other_hashes)
{
    static const uint64_t other[2] = {1, 2};
    uint64_t before = hash_of_first(20);

    hash_set_secret(other);

    cr_assert_neq(hash_of_first(20), before);
    hash_set_secret(secret);
    cr_assert_eq(hash_of_first(20), before);
}
