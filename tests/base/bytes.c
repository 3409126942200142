/* bytes.c -- borrowed runs, and big-endian numbers. */
#include "base/base.h"

#include <criterion/criterion.h>

Test(bytes, null_equals_only_null)
{
    struct str null = str_from(NULL);

    cr_assert(str_equal(null, str_from(NULL)));
    cr_assert_not(str_equal(null, STR("")));
    cr_assert_not(bytes_equal(bytes_of_str(STR("")), bytes_of_str(null)));
}

Test(bytes, a_prefix_sorts_before_what_it_begins)
{
    cr_assert_lt(str_compare(STR("ab"), STR("abc")), 0);
    cr_assert_gt(str_compare(STR("b"), STR("abc")), 0);
    cr_assert_eq(str_compare(STR("abc"), STR("abc")), 0);
    cr_assert_lt(bytes_compare(bytes_of_str(STR("a")), bytes_of_str(STR("\xff"))), 0);
}

Test(bytes, strings_of_one_length_and_other_bytes_differ)
{
    cr_assert_not(str_equal(STR("orders"), STR("ordera")));
    cr_assert(str_equal(STR("orders"), str_from("orders")));
}

Test(bytes, numbers_travel_most_significant_byte_first)
{
    uint8_t wire[14];

    store_be16(wire, 0x0102);
    store_be32(wire + 2, 0x03040506);
    store_be64(wire + 6, UINT64_C(0x0708090a0b0c0d0e));

    cr_assert_eq(memcmp(wire, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16", 14), 0);
    cr_assert_eq(load_be16(wire), 0x0102);
    cr_assert_eq(load_be32(wire + 2), 0x03040506);
    cr_assert_eq(load_be64(wire + 6), UINT64_C(0x0708090a0b0c0d0e));
}
