/* number.c -- whole numbers as text. */
#include "number.h"

bool number_parse(struct str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    int64_t number = 0;

    if (text.size <= (uint32_t)negative)
        return false;
    for (uint32_t i = negative; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[i] - '0', &number))
            return false;
    }
    *out = negative ? -number : number;
    return true;
}
