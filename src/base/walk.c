/* walk.c -- defaults of described structs, and single values of the wire.
 *
 * Reading and writing of whole messages are in walk_read.c and walk_write.c; this
 * file has what both stand on. Numbers are big-endian. An unsigned varint has seven
 * bits a byte, lowest first, at most 32 bits, and its shortest form only.
 *
 * Source  Kafka's primitive types; KIP-482 (varints, tags). */
#include "base/walk.h"

#include <stdalign.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "walk_inside.h"

alignas(16) const char walk_empty[16];

static const uint8_t type_sizes[] = {
    [WALK_BOOL] = sizeof(bool),          [WALK_INT8] = sizeof(int8_t),
    [WALK_INT16] = sizeof(int16_t),      [WALK_UINT16] = sizeof(uint16_t),
    [WALK_INT32] = sizeof(int32_t),      [WALK_UINT32] = sizeof(uint32_t),
    [WALK_INT64] = sizeof(int64_t),      [WALK_FLOAT64] = sizeof(uint64_t),
    [WALK_UUID] = sizeof(struct uuid),   [WALK_STRING] = sizeof(struct str),
    [WALK_BYTES] = sizeof(struct bytes), [WALK_RECORDS] = sizeof(struct wire_records),
};

uint32_t walk_element_size(const struct walk_field *field)
{
    return field->type == WALK_STRUCT ? field->of->size : type_sizes[field->type];
}

void walk_init(const struct walk_struct *of, void *out)
{
    memcpy(out, of->defaults, of->size);
}

void *walk_new(const struct walk_struct *of, struct arena *arena, uint32_t count)
{
    uint8_t *array = arena_alloc(arena, (size_t)of->size * (count ? count : 1));
    for (uint32_t i = 0; i < count; i++)
        walk_init(of, array + (size_t)of->size * i);
    return array;
}

void wire_reader_init(struct wire_reader *reader, struct bytes frame)
{
    uint64_t memory = WALK_MEMORY_SPARE + (uint64_t)frame.size * WALK_MEMORY_FACTOR;
    const uint8_t *data = frame.data ? frame.data : (const uint8_t *)walk_empty;
    *reader = (struct wire_reader){
        .at = data,
        .end = data + frame.size,
        .memory_left = memory < WALK_MEMORY_MAX ? memory : WALK_MEMORY_MAX,
    };
}

void wire_writer_init(struct wire_writer *writer, void *data, uint32_t capacity,
                      struct wire_splice *splices, uint32_t splice_capacity)
{
    *writer = (struct wire_writer){
        .data = data,
        .capacity = capacity,
        .splices = splices,
        .splice_capacity = splice_capacity,
    };
}

enum err wire_read_int16(struct wire_reader *reader, int16_t *out)
{
    if (wire_reader_left(reader) < sizeof *out)
        return ERR_INVALID_REQUEST;
    *out = (int16_t)load_be16(reader->at);
    reader->at += sizeof *out;
    return ERR_NONE;
}

enum err wire_read_int32(struct wire_reader *reader, int32_t *out)
{
    if (wire_reader_left(reader) < sizeof *out)
        return ERR_INVALID_REQUEST;
    *out = (int32_t)load_be32(reader->at);
    reader->at += sizeof *out;
    return ERR_NONE;
}

enum err wire_read_uvarint(struct wire_reader *reader, uint32_t *out)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < UVARINT_SIZE_MAX; i++) {
        if (reader->at + i >= reader->end)
            return ERR_INVALID_REQUEST;
        uint8_t byte = reader->at[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if ((byte == 0 && i > 0) || value > UINT32_MAX)
            return ERR_INVALID_REQUEST;
        reader->at += i + 1;
        *out = (uint32_t)value;
        return ERR_NONE;
    }
    return ERR_INVALID_REQUEST;
}

enum err wire_read_raw_string(struct wire_reader *reader, struct str *out)
{
    int16_t size;
    enum err err = wire_read_int16(reader, &size);
    if (err)
        return err;
    if (size < -1 || size > (int64_t)wire_reader_left(reader))
        return ERR_INVALID_REQUEST;
    if (size == -1) {
        *out = (struct str){0};
        return ERR_NONE;
    }
    *out = (struct str){.data = (const char *)reader->at, .size = (uint32_t)size};
    reader->at += size;
    return ERR_NONE;
}

enum err wire_read_string(struct wire_reader *reader, struct str *out)
{
    struct wire_reader before = *reader;
    enum err err = wire_read_raw_string(reader, out);
    if (err || utf8_is_valid(*out))
        return err;
    *reader = before;
    return ERR_INVALID_REQUEST;
}

enum err wire_read_tags(struct wire_reader *reader)
{
    uint32_t count;
    enum err err = wire_read_uvarint(reader, &count);
    if (err)
        return err;
    if (count > WALK_TAGS_MAX)
        return ERR_INVALID_REQUEST;
    int64_t previous = -1;
    for (uint32_t i = 0; i < count; i++) {
        struct bytes skipped;
        if ((err = walk_read_tag(reader, &previous, &skipped)))
            return err;
    }
    return ERR_NONE;
}

static void put(struct wire_writer *writer, const void *data, uint32_t size)
{
    check(size <= writer->capacity - writer->size);
    memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

void wire_write_int16(struct wire_writer *writer, int16_t value)
{
    uint8_t bytes[sizeof value];
    store_be16(bytes, (uint16_t)value);
    put(writer, bytes, sizeof bytes);
}

void wire_write_int32(struct wire_writer *writer, int32_t value)
{
    uint8_t bytes[sizeof value];
    store_be32(bytes, (uint32_t)value);
    put(writer, bytes, sizeof bytes);
}

void wire_write_uvarint(struct wire_writer *writer, uint32_t value)
{
    uint8_t bytes[UVARINT_SIZE_MAX];
    put(writer, bytes, walk_uvarint(bytes, value));
}

void wire_write_string(struct wire_writer *writer, struct str value)
{
    check(value.size <= WALK_STRING_MAX);
    wire_write_int16(writer, value.data ? (int16_t)value.size : -1);
    if (value.size > 0)
        put(writer, value.data, value.size);
}

uint32_t wire_uvarint_size(uint32_t value)
{
    uint8_t bytes[UVARINT_SIZE_MAX];
    return walk_uvarint(bytes, value);
}
