/* test_properties.c -- Java's .properties syntax. */
#include <criterion/criterion.h>

#include "config_parts.h"

static struct arena arena;

static void expect(struct str *rest, const char *key, const char *value)
{
    struct property property;
    cr_assert(next_property(rest, &arena, &property), "no property where %s was due", key);
    cr_assert(str_equal(property.key, str_from(key)), "key %.*s", STR_ARGS(property.key));
    cr_assert(str_equal(property.value, str_from(value)), "value %.*s", STR_ARGS(property.value));
}

static void expect_end(struct str *rest)
{
    struct property property;
    cr_assert_not(next_property(rest, &arena, &property));
    arena_free(&arena);
}

Test(properties, takes_each_of_the_three_separators)
{
    struct str rest = STR("a=1\nb:2\nc 3\nd \t= 4\n");
    expect(&rest, "a", "1");
    expect(&rest, "b", "2");
    expect(&rest, "c", "3");
    expect(&rest, "d", "4");
    expect_end(&rest);
}

Test(properties, skips_comments_and_blank_lines)
{
    struct str rest = STR("# a=1\n\n  ! b=2\r\n   \t\nc=3 # no comment");
    expect(&rest, "c", "3 # no comment");
    expect_end(&rest);
}

Test(properties, joins_a_line_that_ends_in_a_backslash)
{
    struct str rest = STR("voters=1@a:1,\\\n    2@b:2,\\\r\n\t3@c:3\nnext=x");
    expect(&rest, "voters", "1@a:1,2@b:2,3@c:3");
    expect(&rest, "next", "x");
    expect_end(&rest);
}

Test(properties, ends_a_line_after_an_even_number_of_backslashes)
{
    struct str rest = STR("dir=c:\\\\\nnext=x");
    expect(&rest, "dir", "c:\\");
    expect(&rest, "next", "x");
    expect_end(&rest);
}

Test(properties, undoes_escapes_in_keys_and_values)
{
    struct str rest = STR("a\\=b\\:c\\ d=x\\ty\\u00e9\\q");
    expect(&rest, "a=b:c d", "x\ty\xc3\xa9q");
    expect_end(&rest);
}

Test(properties, takes_a_key_without_a_value_as_empty)
{
    struct str rest = STR("a\nb=\nc");
    expect(&rest, "a", "");
    expect(&rest, "b", "");
    expect(&rest, "c", "");
    expect_end(&rest);
}

Test(properties, trims_values_as_kafka_does)
{
    struct str rest = STR("a=  1  \r\nb=2\r");
    expect(&rest, "a", "1");
    expect(&rest, "b", "2");
    expect_end(&rest);
}

Test(properties, survives_a_text_that_ends_within_an_escape)
{
    struct str rest = STR("a=1\\");
    expect(&rest, "a", "1");
    rest = STR("b\\");
    expect(&rest, "b", "");
    rest = STR("c=\\u00");
    expect(&rest, "c", "u00");
    expect_end(&rest);
}
