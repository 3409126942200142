/* blob.c -- see blob.h.
 *
 *   subscription  version int16, topics [string], user_data bytes, owned [topic]
 *   assignment    version int16, assigned [topic], user_data bytes, then two int32 of the stamp
 *   topic         name string, partitions [int32] */
#include "blob.h"

#include "base/walk.h"

enum { VERSION = 1, PARTITIONS_MAX = 64 };

static const struct str first_topic = {.data = "topic0", .size = 6};

static void write_topic(struct wire_writer *writer, uint64_t mask)
{
    wire_write_int32(writer, mask != 0);
    if (mask == 0)
        return;
    wire_write_string(writer, first_topic);
    wire_write_int32(writer, __builtin_popcountll(mask));
    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (mask >> i & 1)
            wire_write_int32(writer, i);
}

/* False: more than the first topic, or no such thing at all. */
static bool read_topic(struct wire_reader *reader, uint64_t *mask)
{
    int32_t topics, count, index;
    struct str name;
    *mask = 0;
    if (wire_read_int32(reader, &topics) != ERR_NONE || topics < 0 || topics > 1)
        return false;
    if (topics == 0)
        return true;
    if (wire_read_string(reader, &name) != ERR_NONE || !str_equal(name, first_topic) ||
        wire_read_int32(reader, &count) != ERR_NONE)
        return false;
    while (count-- > 0) {
        if (wire_read_int32(reader, &index) != ERR_NONE || index < 0 || index >= PARTITIONS_MAX)
            return false;
        *mask |= UINT64_C(1) << index;
    }
    return true;
}

struct bytes blob_write_subscription(uint8_t *into, uint64_t owned)
{
    struct wire_writer writer;
    wire_writer_init(&writer, into, BLOB_SIZE_MAX, NULL, 0);
    wire_write_int16(&writer, VERSION);
    wire_write_int32(&writer, 1);
    wire_write_string(&writer, first_topic);
    wire_write_int32(&writer, -1);
    write_topic(&writer, owned);
    return (struct bytes){.data = into, .size = writer.size};
}

struct bytes blob_write_assignment(uint8_t *into, uint64_t mask, uint64_t stamp)
{
    struct wire_writer writer;
    wire_writer_init(&writer, into, BLOB_SIZE_MAX, NULL, 0);
    wire_write_int16(&writer, VERSION);
    write_topic(&writer, mask);
    wire_write_int32(&writer, -1);
    wire_write_int32(&writer, (int32_t)(stamp >> 32));
    wire_write_int32(&writer, (int32_t)(uint32_t)stamp);
    return (struct bytes){.data = into, .size = writer.size};
}

bool blob_read_subscription(struct bytes bytes, uint64_t *owned)
{
    struct wire_reader reader;
    struct str name;
    int16_t version;
    int32_t topics, user_data;
    wire_reader_init(&reader, bytes);
    return wire_read_int16(&reader, &version) == ERR_NONE && version == VERSION &&
           wire_read_int32(&reader, &topics) == ERR_NONE && topics == 1 &&
           wire_read_string(&reader, &name) == ERR_NONE &&
           wire_read_int32(&reader, &user_data) == ERR_NONE && user_data == -1 &&
           read_topic(&reader, owned);
}

bool blob_read_assignment(struct bytes bytes, uint64_t *mask, uint64_t *stamp)
{
    struct wire_reader reader;
    int16_t version;
    int32_t user_data, high, low;
    *mask = *stamp = 0;
    wire_reader_init(&reader, bytes);
    if (wire_read_int16(&reader, &version) != ERR_NONE || !read_topic(&reader, mask) ||
        wire_read_int32(&reader, &user_data) != ERR_NONE)
        return false;
    if (wire_read_int32(&reader, &high) == ERR_NONE && wire_read_int32(&reader, &low) == ERR_NONE)
        *stamp = (uint64_t)(uint32_t)high << 32 | (uint32_t)low;
    return true;
}
