/* number.c -- whole numbers as text. */
#include "number.h"

bool number_parse(struct str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint32_t sign = negative || (text.size > 0 && text.data[0] == '+') ? 1 : 0;
    int64_t number = 0;

    if (text.size <= sign)
        return false;
    for (uint32_t i = sign; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[i] - '0', &number))
            return false;
    }
    *out = negative ? -number : number;
    return true;
}
