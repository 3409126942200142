/* text.c -- strings and numbers, one after the other. */
#include "text.h"

enum { DIGITS_MAX = 20 };

uint32_t text_room(const struct text *text)
{
    return text->size_max - text->size;
}

struct str text_str(const struct text *text)
{
    return (struct str){.data = text->data, .size = text->size};
}

void text_put(struct text *text, struct str str)
{
    check(str.size <= text_room(text));
    if (str.size > 0)
        memcpy(text->data + text->size, str.data, str.size);
    text->size += str.size;
}

/* At least `digits_min` digits of `number` at the end of `into`. */
static struct str digits_of(uint64_t number, uint32_t digits_min, char into[DIGITS_MAX])
{
    uint32_t at = DIGITS_MAX;
    do {
        into[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 || DIGITS_MAX - at < digits_min);
    return (struct str){.data = into + at, .size = DIGITS_MAX - at};
}

void text_put_number(struct text *text, int64_t number)
{
    char digits[DIGITS_MAX];
    if (number < 0)
        text_put(text, STR("-"));
    text_put(text, digits_of(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 1, digits));
}

void text_put_decimal(struct text *text, uint64_t number, uint32_t digits)
{
    char all[DIGITS_MAX];
    check(digits < DIGITS_MAX);
    struct str written = digits_of(number, digits + 1, all);
    struct str whole = {.data = written.data, .size = written.size - digits};
    struct str part = {.data = written.data + whole.size, .size = digits};
    while (part.size > 0 && part.data[part.size - 1] == '0')
        part.size--;
    text_put(text, whole);
    if (part.size > 0)
        text_put(text, STR("."));
    text_put(text, part);
}
