/* message_layout.h -- where the fields of a message of format 0 or 1 lie. */
#ifndef LOG_MESSAGE_LAYOUT_H
#define LOG_MESSAGE_LAYOUT_H

#include <stdint.h>

enum {
    MESSAGE_OFFSET_AT = 0,
    MESSAGE_SIZE_AT = 8, /* Of what follows. */
    MESSAGE_CRC_AT = 12, /* CRC-32 of all behind it. */
    MESSAGE_MAGIC_AT = 16,
    MESSAGE_ATTRIBUTES_AT = 17,
    MESSAGE_TIMESTAMP_AT = 18, /* Format 1. */

    MESSAGE_PREFIX_SIZE = 12, /* What the size does not count. */
    MESSAGE_SIZE_MIN = 14,    /* Checksum, magic, attributes, two lengths: format 0. */
    MESSAGE_TIMESTAMP_SIZE = 8,
};

/* Bytes before the key's length. */
static inline uint32_t message_head_size(uint8_t magic)
{
    return MESSAGE_TIMESTAMP_AT + (magic == 0 ? 0 : MESSAGE_TIMESTAMP_SIZE);
}

#endif
