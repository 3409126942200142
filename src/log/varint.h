/* varint.h -- zigzag varints inside record batches. */
#ifndef LOG_VARINT_H
#define LOG_VARINT_H

#include "base/base.h"

enum { VARINT_SIZE_MAX = 10 };

/* Where the one at `at` ends, not past `end`. NULL: it is cut off, or longer than 64 bits. */
const uint8_t *varlong_read_slow(const uint8_t *at, const uint8_t *end, int64_t *out);

/* Read one at *at, and step behind it. False: as above. Nearly all have one byte or two; and
 * neither *at nor *out has its address taken for those, so that both stay in registers. */
static inline bool varlong_read(const uint8_t **at, const uint8_t *end, int64_t *out)
{
    const uint8_t *here = *at;
    if (__builtin_expect(here < end && here[0] < 0x80, 1)) {
        *at = here + 1;
        *out = (int64_t)(here[0] >> 1) ^ -(int64_t)(here[0] & 1);
        return true;
    }
    if (__builtin_expect(end - here > 1 && here[1] < 0x80, 1)) {
        uint32_t raw = (uint32_t)here[1] << 7 | (here[0] & 0x7fu);
        *at = here + 2;
        *out = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
        return true;
    }
    int64_t value;
    here = varlong_read_slow(here, end, &value);
    if (!here)
        return false;
    *at = here;
    *out = value;
    return true;
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
