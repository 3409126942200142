/* varint.c -- zigzag varints: seven bits a byte, the lowest first, the high bit says "more". */
#include "varint.h"

const uint8_t *varlong_read_slow(const uint8_t *at, const uint8_t *end, int64_t *out)
{
    uint64_t raw = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at >= end)
            return NULL;
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return NULL;
        raw |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = (int64_t)((raw >> 1) ^ (0 - (raw & 1)));
            return at;
        }
    }
    return NULL;
}

static uint64_t zigzag(int64_t value)
{
    uint64_t raw = (uint64_t)value;
    return (raw << 1) ^ (0 - (raw >> 63));
}

uint32_t varlong_write(uint8_t *at, int64_t value)
{
    uint64_t raw = zigzag(value);
    uint32_t size = 0;

    while (raw >= 0x80) {
        at[size++] = (uint8_t)(raw | 0x80);
        raw >>= 7;
    }
    at[size++] = (uint8_t)raw;
    return size;
}

uint32_t varlong_size(int64_t value)
{
    uint64_t raw = zigzag(value);
    uint32_t size = 1;

    for (; raw >= 0x80; raw >>= 7)
        size++;
    return size;
}
