/* number.c -- whole numbers as text. */
#include "number.h"

#include <criterion/criterion.h>

static int64_t parse(struct str text)
{
    int64_t number = 12345;
    bool is_number = number_parse(text, &number);
    cr_assert(is_number || number == 12345);
    return is_number ? number : INT64_MIN;
}

Test(number, reads_digits_with_or_without_a_sign)
{
    cr_assert_eq(parse(STR("0")), 0);
    cr_assert_eq(parse(STR("-17")), -17);
    cr_assert_eq(parse(STR("+17")), 17);
    cr_assert_eq(parse(STR("9223372036854775807")), INT64_MAX);
}

Test(number, refuses_everything_else)
{
    cr_assert_eq(parse((struct str){0}), INT64_MIN);
    cr_assert_eq(parse(STR("")), INT64_MIN);
    cr_assert_eq(parse(STR("-")), INT64_MIN);
    cr_assert_eq(parse(STR("+")), INT64_MIN);
    cr_assert_eq(parse(STR("+-1")), INT64_MIN);
    cr_assert_eq(parse(STR("1.0")), INT64_MIN);
    cr_assert_eq(parse(STR("9223372036854775808")), INT64_MIN);
    cr_assert_eq(parse(STR("92233720368547758070")), INT64_MIN);
}
