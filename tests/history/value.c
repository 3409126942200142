/* value.c -- values of records: written, read again, and refused when they are not whole. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "history.h"

static bool reads(const char *text, uint32_t *writer, int64_t *number)
{
    struct bytes value = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)};
    return history_value_read(value, "c0ffee", writer, number);
}

Test(value, has_the_checksum_of_what_is_before_it)
{
    char text[HISTORY_VALUE_MAX];
    char expected[64];

    uint32_t size = history_value_write(text, 0, "c0ffee", 3, 17);

    snprintf(expected, sizeof expected, "c0ffee:3:17:%08x", crc32c(0, "c0ffee:3:17", 11));
    cr_assert_eq(size, strlen(expected));
    cr_assert_arr_eq(text, expected, size);
}

Test(value, reads_what_was_written_with_and_without_padding)
{
    char text[1024];
    uint32_t sizes[] = {0, 20, 21, 22, 40, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint32_t writer = 0;
        int64_t number = 0;
        uint32_t size = history_value_write(text, sizes[i], "c0ffee", 1048575, HISTORY_NUMBER_MAX);
        struct bytes value = {.data = (const uint8_t *)text, .size = size};

        cr_assert(history_value_read(value, "c0ffee", &writer, &number), "size %u", sizes[i]);

        cr_assert_geq(size, sizes[i]);
        cr_assert_eq(writer, 1048575);
        cr_assert_eq(number, HISTORY_NUMBER_MAX);
    }
}

Test(value, refuses_any_changed_or_missing_byte)
{
    char text[64] = {0};
    uint32_t writer = 7;
    int64_t number = 7;
    uint32_t size = history_value_write(text, 40, "c0ffee", 3, 17);
    for (uint32_t i = 0; i < size; i++) {
        text[i] ^= 1;
        cr_expect_not(reads(text, &writer, &number), "byte %u", i);
        text[i] ^= 1;
    }
    text[19] = 0; /* The checksum's last digit. */

    cr_assert_not(reads(text, &writer, &number));

    cr_assert_eq(writer, 7);
    cr_assert_eq(number, 7);
}

Test(value, refuses_another_runs_and_numbers_in_another_form)
{
    uint32_t writer;
    int64_t number;
    char text[HISTORY_VALUE_MAX] = {0};
    history_value_write(text, 0, "c0ffe", 3, 17);
    cr_expect_not(reads(text, &writer, &number));
    snprintf(text, sizeof text, "c0ffee:03:17:%08x", crc32c(0, "c0ffee:03:17", 12));
    cr_expect_not(reads(text, &writer, &number));
    snprintf(text, sizeof text, "c0ffee:1048576:17:%08x", crc32c(0, "c0ffee:1048576:17", 17));
    cr_expect_not(reads(text, &writer, &number));
    cr_expect_not(reads("", &writer, &number));
    cr_expect_not(reads("c0ffee", &writer, &number));
    cr_expect_not(reads("c0ffee:3:17", &writer, &number));
    cr_expect_not(reads("c0ffee:3:17:", &writer, &number));
}
