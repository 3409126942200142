/* value.c -- the value of one record: who wrote it, which of his it is, and that it is whole.
 *
 *   <run>:<writer>:<number>:<checksum>[:....]
 *
 * The checksum is the CRC32C of what stands before its colon. Padding is dots alone, so that a
 * record whose end was swapped with another's is told apart, too. */
#include <stdio.h>

#include "history.h"

enum { CHECKSUM_DIGITS = 8 };

uint32_t history_value_write(char *out, uint32_t size, const char *run, uint32_t writer,
                             int64_t number)
{
    char text[HISTORY_VALUE_MAX];
    int head = snprintf(text, sizeof text, "%.*s:%u:%lld", HISTORY_RUN_MAX, run, writer,
                        (long long)number);
    uint32_t crc = crc32c(0, text, (size_t)head);
    int written = head + snprintf(text + head, sizeof text - (size_t)head, ":%08x", crc);
    uint32_t used = (uint32_t)written;
    memcpy(out, text, used);
    if (size <= used)
        return used;
    out[used] = ':';
    memset(out + used + 1, '.', size - used - 1);
    return size;
}

/* Digits at the start of `*rest` and the colon behind them. */
static bool take_number(struct bytes *rest, int64_t max, int64_t *out)
{
    int64_t number = 0;
    uint32_t size = 0;
    for (; size < rest->size && rest->data[size] >= '0' && rest->data[size] <= '9'; size++) {
        int64_t digit = rest->data[size] - '0';
        if (number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (size == 0 || size == rest->size || rest->data[size] != ':')
        return false;
    if (size > 1 && rest->data[0] == '0')
        return false;
    rest->data += size + 1;
    rest->size -= size + 1;
    *out = number;
    return true;
}

static bool is_padding(struct bytes rest)
{
    if (rest.size == 0)
        return true;
    if (rest.data[0] != ':')
        return false;
    for (uint32_t i = 1; i < rest.size; i++)
        if (rest.data[i] != '.')
            return false;
    return true;
}

bool history_value_read(struct bytes value, const char *run, uint32_t *writer, int64_t *number)
{
    char digits[CHECKSUM_DIGITS + 1];
    int64_t found_writer;
    int64_t found_number;
    uint32_t run_size = (uint32_t)strlen(run);
    struct bytes rest = value;
    if (value.size <= run_size || memcmp(value.data, run, run_size) || value.data[run_size] != ':')
        return false;
    rest.data += run_size + 1;
    rest.size -= run_size + 1;
    if (!take_number(&rest, HISTORY_CLIENTS_MAX - 1, &found_writer) ||
        !take_number(&rest, HISTORY_NUMBER_MAX, &found_number) || rest.size < CHECKSUM_DIGITS)
        return false;
    uint32_t head = value.size - rest.size - 1;
    snprintf(digits, sizeof digits, "%08x", crc32c(0, value.data, head));
    if (memcmp(digits, rest.data, CHECKSUM_DIGITS))
        return false;
    rest.data += CHECKSUM_DIGITS;
    rest.size -= CHECKSUM_DIGITS;
    if (!is_padding(rest))
        return false;
    *writer = (uint32_t)found_writer;
    *number = found_number;
    return true;
}
