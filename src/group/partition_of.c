/* partition_of.c -- which partition of __consumer_offsets a group belongs to (rule 90).
 *
 * Clients never compute it, but whoever reads the topic does: so it is Java's
 * String.hashCode(), over UTF-16, whose absolute value is taken; that of INT_MIN is 0. */
#include "group.h"

/* The code point at *at, which moves on; the bytes are UTF-8 that a reader has checked. */
static uint32_t next_point(struct str text, uint32_t *at)
{
    uint8_t first = (uint8_t)text.data[(*at)++];
    uint32_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t point = more == 0 ? first : first & (0x3fu >> more);
    for (; more > 0 && *at < text.size; more--)
        point = point << 6 | ((uint8_t)text.data[(*at)++] & 0x3fu);
    return point;
}

int32_t group_partition_of(struct str group_id, int32_t partition_count)
{
    uint32_t hash = 0;
    check(partition_count > 0);
    for (uint32_t at = 0; at < group_id.size;) {
        uint32_t point = next_point(group_id, &at);
        if (point >= 0x10000) {
            hash = 31 * hash + (0xd800 + ((point - 0x10000) >> 10));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        hash = 31 * hash + point;
    }
    uint32_t positive = hash < 0x80000000u ? hash : 0u - hash;
    return positive == 0x80000000u ? 0 : (int32_t)positive % partition_count;
}
