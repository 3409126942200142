/* embedded.c -- see embedded.h.
 *
 *   subscription  version int16, topics [string], user_data bytes,
 *                 1+ owned [topic string, partitions [int32]], 2+ generation int32,
 *                 3+ rack_id string
 *   assignment    version int16, assigned [topic string, partitions [int32]], user_data bytes
 *
 * Counts are int32, lengths of strings int16 and of bytes int32, where -1 is null. */
#include "embedded.h"

#include "base/walk.h"

enum { VERSION_MAX = 3 };

/* A count that what is left can hold, `size` bytes an element at least. */
static bool read_count(struct wire_reader *reader, uint32_t size, uint32_t *out)
{
    int32_t count;
    if (wire_read_int32(reader, &count) != ERR_NONE || count < 0 ||
        (uint64_t)count * size > wire_reader_left(reader))
        return false;
    *out = (uint32_t)count;
    return true;
}

static bool read_bytes(struct wire_reader *reader, struct bytes *out)
{
    int32_t size;
    *out = (struct bytes){.data = NULL};
    if (wire_reader_left(reader) == 0)
        return true;
    if (wire_read_int32(reader, &size) != ERR_NONE || size < -1 ||
        (size > 0 && (uint32_t)size > wire_reader_left(reader)))
        return false;
    if (size == -1)
        return true;
    *out = (struct bytes){.data = reader->at, .size = (uint32_t)size};
    reader->at += size;
    return true;
}

static bool read_names(struct wire_reader *reader, struct arena *arena, uint32_t *count,
                       struct str **names)
{
    if (!read_count(reader, 2, count))
        return false;
    *names = arena_array(arena, struct str, *count);
    for (uint32_t i = 0; i < *count; i++)
        if (wire_read_string(reader, &(*names)[i]) != ERR_NONE || (*names)[i].data == NULL)
            return false;
    return true;
}

static bool read_topic(struct wire_reader *reader, struct arena *arena,
                       struct group_topic_partitions *topic)
{
    uint32_t count;
    *topic = (struct group_topic_partitions){.partitions = NULL};
    if (wire_read_string(reader, &topic->topic) != ERR_NONE || topic->topic.data == NULL ||
        !read_count(reader, sizeof(int32_t), &count))
        return false;
    int32_t *partitions = arena_array(arena, int32_t, count);
    for (uint32_t i = 0; i < count; i++)
        if (wire_read_int32(reader, &partitions[i]) != ERR_NONE)
            return false;
    topic->partition_count = count;
    topic->partitions = partitions;
    return true;
}

static bool read_topics(struct wire_reader *reader, struct arena *arena, uint32_t *count,
                        struct group_topic_partitions **topics)
{
    if (!read_count(reader, 2 + sizeof(int32_t), count))
        return false;
    *topics = arena_array(arena, struct group_topic_partitions, *count);
    for (uint32_t i = 0; i < *count; i++)
        if (!read_topic(reader, arena, &(*topics)[i]))
            return false;
    return true;
}

bool embedded_read_subscription(struct bytes bytes, struct arena *arena,
                                struct embedded_subscription *out)
{
    struct wire_reader reader;
    struct bytes user_data;
    int32_t generation;
    wire_reader_init(&reader, bytes);
    *out = (struct embedded_subscription){.topics = NULL};
    if (wire_read_int16(&reader, &out->version) != ERR_NONE || out->version < 0 ||
        !read_names(&reader, arena, &out->topic_count, &out->topics) ||
        !read_bytes(&reader, &user_data))
        return false;
    if (out->version < 1 || wire_reader_left(&reader) == 0)
        return true;
    if (!read_topics(&reader, arena, &out->owned_count, &out->owned))
        return false;
    if (out->version < 2 || wire_reader_left(&reader) == 0)
        return true;
    if (wire_read_int32(&reader, &generation) != ERR_NONE)
        return false;
    if (out->version < 3 || wire_reader_left(&reader) == 0)
        return true;
    return wire_read_string(&reader, &out->rack_id) == ERR_NONE;
}

bool embedded_read_assignment(struct bytes bytes, struct arena *arena,
                              struct embedded_assignment *out)
{
    struct wire_reader reader;
    int16_t version;
    *out = (struct embedded_assignment){.topics = NULL};
    if (bytes.size == 0)
        return true;
    wire_reader_init(&reader, bytes);
    return wire_read_int16(&reader, &version) == ERR_NONE && version >= 0 &&
           read_topics(&reader, arena, &out->topic_count, &out->topics) &&
           read_bytes(&reader, &out->user_data);
}

struct bytes embedded_write_assignment(struct arena *arena, int16_t version, uint32_t topic_count,
                                       const struct group_topic_partitions *topics)
{
    struct wire_writer writer;
    uint64_t size = sizeof(int16_t) + 2 * sizeof(int32_t);
    for (uint32_t i = 0; i < topic_count; i++)
        size += sizeof(int16_t) + topics[i].topic.size +
                (topics[i].partition_count + (uint64_t)1) * sizeof(int32_t);
    check(size <= UINT32_MAX);
    uint8_t *data = arena_alloc(arena, size);
    wire_writer_init(&writer, data, (uint32_t)size, NULL, 0);
    wire_write_int16(&writer, version > VERSION_MAX ? VERSION_MAX : version);
    wire_write_int32(&writer, (int32_t)topic_count);
    for (uint32_t i = 0; i < topic_count; i++) {
        wire_write_string(&writer, topics[i].topic);
        wire_write_int32(&writer, (int32_t)topics[i].partition_count);
        for (uint32_t j = 0; j < topics[i].partition_count; j++)
            wire_write_int32(&writer, topics[i].partitions[j]);
    }
    wire_write_int32(&writer, -1);
    return (struct bytes){.data = data, .size = writer.size};
}
