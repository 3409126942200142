/* Text from outside: what is UTF-8, and what is made of what is not. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/base.h"

#define BAD "\xef\xbf\xbd"

/* As java.lang.String reads each. */
static const struct {
    const char *text, *mended;
} pieces[] = {
    {"a\xff"
     "c",
     "a" BAD "c"},
    {"M\xfcller", "M" BAD "ller"},
    {"\x80\xbf", BAD BAD},
    {"\xc0\x80", BAD BAD},                 /* Overlong. */
    {"\xe0\x9f\xbf", BAD BAD BAD},         /* Overlong. */
    {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD}, /* Overlong. */
    {"\xed\xa0\x80", BAD},                 /* A surrogate. */
    {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* Past U+10FFFF. */
    {"\xf5\x80", BAD BAD},
    {"\xe2\x82", BAD},      /* Cut. */
    {"\xe2\x82z", BAD "z"}, /* Cut by another. */
    {"\xf0\x9f\x98", BAD},  /* Cut. */
    {"\xf0\x9f\x98\xe2\x82\xac", BAD "\xe2\x82\xac"},
    {"\xed\xa0", BAD},                     /* Half of a surrogate. */
    {"aaaaaaaa\xc3(", "aaaaaaaa" BAD "("}, /* Behind eight of ASCII. */
};

Test(utf8, is_mended_piece_by_piece_as_java_does_it)
{
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct arena arena = {0};
        struct str text = str_from(pieces[i].text);
        cr_assert_not(utf8_is_valid(text), "piece %zu", i);
        struct str mended = utf8_mend(&arena, text);
        cr_assert(str_equal(mended, str_from(pieces[i].mended)), "piece %zu: %.*s", i,
                  (int)mended.size, mended.data);
        cr_assert(utf8_is_valid(mended));
        arena_free(&arena);
    }
}

Test(utf8, that_is_right_is_left_where_it_is)
{
    static const char *const right[] = {"",
                                        "plain",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "long enough \xe2\x82\xac for eights"};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct str text = str_from(right[i]);
        cr_assert(utf8_is_valid(text), "text %zu", i);
        cr_assert_eq(utf8_mend(&arena, text).data, text.data);
    }
    cr_assert_eq(arena.total, 0);
    cr_assert_null(utf8_mend(&arena, (struct str){0}).data, "Null stays null.");
}
