/* varint.h -- zigzag varints inside record batches. */
#ifndef LOG_VARINT_H
#define LOG_VARINT_H

#include "base/base.h"

enum { VARINT_SIZE_MAX = 10 };

/* Read one at *at, not past `end`. False: it is cut off, or longer than 64 bits. */
bool varlong_read_slow(const uint8_t **at, const uint8_t *end, int64_t *out);

static inline bool varlong_read(const uint8_t **at, const uint8_t *end, int64_t *out)
{
    if (__builtin_expect(*at < end && **at < 0x80, 1)) {
        uint32_t raw = *(*at)++;
        *out = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
        return true;
    }
    return varlong_read_slow(at, end, out);
}

/* The same for 32 bits: a greater value is malformed. */
static inline bool varint_read(const uint8_t **at, const uint8_t *end, int32_t *out)
{
    int64_t value;
    if (!varlong_read(at, end, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

/* Returns the bytes written, at most VARINT_SIZE_MAX. */
uint32_t varlong_write(uint8_t *at, int64_t value);
uint32_t varlong_size(int64_t value);

#endif
