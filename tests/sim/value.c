/* value.c -- values of records, there and back. */
#include "value.h"

#include <stdio.h>

#include "batch.h"
#include "kernel.h"

static const char digits[] = "0123456789abcdef";

void value_write(uint8_t *into, uint32_t size, uint64_t value)
{
    check(size >= VALUE_SIZE_MIN);
    into[0] = 'v';
    for (int i = 0; i < 16; i++)
        into[1 + i] = (uint8_t)digits[value >> (60 - 4 * i) & 15];
    for (uint32_t i = VALUE_SIZE_MIN; i < size; i++)
        into[i] = (uint8_t)('a' + (value + i) % 26);
}

uint64_t value_read(struct bytes bytes)
{
    if (bytes.size < VALUE_SIZE_MIN || bytes.data[0] != 'v')
        return 0;
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) {
        const char *digit = memchr(digits, bytes.data[1 + i], 16);
        if (!digit)
            return 0;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    return value;
}

uint64_t value_of_batch(struct bytes batch)
{
    struct batch_walk walk;
    struct batch_record record;
    uint64_t value = 0;
    struct codec_reader *reader = codec_reader_open();
    batch_walk_open(&walk, batch, reader);
    if (!batch_is_control(&walk.info) && batch_walk_next(&walk, &record) == ERR_NONE)
        value = value_read(record.value);
    batch_walk_close(&walk);
    codec_reader_close(reader);
    return value;
}

uint32_t value_key(char into[VALUE_KEY_SIZE], uint64_t value, uint32_t keys)
{
    return (uint32_t)snprintf(into, VALUE_KEY_SIZE, "key%u",
                              (unsigned)(sim_mix(1, value) % keys % 1000));
}

bool value_is_tombstone(uint64_t value)
{
    return sim_mix(2, value) % 5 == 0;
}
