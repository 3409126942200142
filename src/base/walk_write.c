/* walk_write.c -- measures and writes a message of any described type and version.
 *
 * One pass does both: what has no room in the writer is only counted, so the size that was
 * reserved is the size that is written. A tagged field leaves only when it is not at its
 * default. An extent of a file leaves a splice point, and no bytes.
 *
 * Source  KIP-482. */
#include "base/walk.h"

#include <string.h>

#include "base/check.h"
#include "walk_inside.h"

struct sink {
    struct wire_writer *writer; /* NULL: count only. */
    struct walk_size size;
    int16_t version;
    bool flexible;
};

static void write_struct(struct sink *sink, const struct walk_struct *of, const uint8_t *body);
static void write_field(struct sink *sink, const struct walk_field *field, const uint8_t *body);

static struct sink sink_open(const struct walk_message *message, int16_t version,
                             struct wire_writer *writer)
{
    check(version >= 0);
    check(version <= message->last);
    return (struct sink){
        .writer = writer,
        .version = version,
        .flexible = version >= message->flexible_from,
    };
}

struct walk_size walk_measure(const struct walk_message *message, int16_t version, const void *body)
{
    return walk_write(message, version, body, NULL);
}

struct walk_size walk_write(const struct walk_message *message, int16_t version, const void *body,
                            struct wire_writer *writer)
{
    struct sink sink = sink_open(message, version, writer);
    write_struct(&sink, message->body, body);
    return sink.size;
}

static void put(struct sink *sink, const void *data, uint32_t size)
{
    struct wire_writer *writer = sink->writer;
    sink->size.total += size;
    sink->size.inlined += size;
    if (!writer || size == 0)
        return;
    if (size > writer->capacity - writer->size) {
        sink->writer = NULL; /* What follows would stand in the wrong place. */
        return;
    }
    memcpy(writer->data + writer->size, data, size);
    writer->size += size;
}

static void put_uvarint(struct sink *sink, uint32_t value)
{
    uint8_t bytes[UVARINT_SIZE_MAX];
    put(sink, bytes, walk_uvarint(bytes, value));
}

/* `length` is -1 for null. */
static void put_length(struct sink *sink, bool is_short, int64_t length)
{
    uint8_t bytes[4];
    if (sink->flexible) {
        put_uvarint(sink, (uint32_t)(length + 1));
    } else if (is_short) {
        store_be16(bytes, (uint16_t)length);
        put(sink, bytes, 2);
    } else {
        store_be32(bytes, (uint32_t)length);
        put(sink, bytes, 4);
    }
}

static void put_run(struct sink *sink, bool is_short, bool is_null, struct bytes run)
{
    check(!is_short || run.size <= WALK_STRING_MAX);
    check(run.size <= INT32_MAX);
    put_length(sink, is_short, is_null ? -1 : (int64_t)run.size);
    put(sink, run.data, run.size);
}

static void put_extent(struct sink *sink, const struct wire_records *records)
{
    check(records->size <= INT32_MAX);
    put_length(sink, false, records->size);
    sink->size.total += records->size;
    sink->size.splices++;
    struct wire_writer *writer = sink->writer;
    if (!writer)
        return;
    if (writer->splice_count == writer->splice_capacity) {
        sink->writer = NULL;
        return;
    }
    writer->splices[writer->splice_count++] = (struct wire_splice){
        .at = writer->size,
        .file = records->file,
        .position = records->position,
        .size = records->size,
    };
}

static void write_records(struct sink *sink, const struct wire_records *records, bool may_be_null)
{
    if (records->file >= 0 && records->size > 0) {
        put_extent(sink, records);
        return;
    }
    bool is_null = may_be_null && records->file < 0 && !records->memory.data;
    put_run(sink, false, is_null, records->memory);
}

static void write_number(struct sink *sink, const struct walk_field *field, const void *value)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    uint8_t bytes[8];
    switch (walk_element_size(field)) {
    case 1:
        put(sink, value, 1);
        return;
    case 2:
        memcpy(&two, value, sizeof two);
        store_be16(bytes, two);
        put(sink, bytes, sizeof two);
        return;
    case 4:
        memcpy(&four, value, sizeof four);
        store_be32(bytes, four);
        put(sink, bytes, sizeof four);
        return;
    case 8:
        memcpy(&eight, value, sizeof eight);
        store_be64(bytes, eight);
        put(sink, bytes, sizeof eight);
        return;
    default:
        check(field->type == WALK_UUID);
        put(sink, value, sizeof(struct uuid));
    }
}

static void write_value(struct sink *sink, const struct walk_field *field, bool may_be_null,
                        const void *value)
{
    const struct bytes *run = value;
    const struct str *text = value;
    switch ((enum walk_type)field->type) {
    case WALK_STRING:
        put_run(sink, true, may_be_null && !text->data, bytes_of_str(*text));
        return;
    case WALK_BYTES:
        put_run(sink, false, may_be_null && !run->data, *run);
        return;
    case WALK_RECORDS:
        write_records(sink, value, may_be_null);
        return;
    case WALK_STRUCT:
        write_struct(sink, field->of, value);
        return;
    default:
        write_number(sink, field, value);
    }
}

static const uint8_t *pointer_at(const uint8_t *body, const struct walk_field *field)
{
    const uint8_t *pointer;
    memcpy(&pointer, body + field->offset, sizeof pointer);
    return pointer;
}

static uint32_t count_at(const uint8_t *body, const struct walk_field *field)
{
    uint32_t count;
    memcpy(&count, body + field->count_offset, sizeof count);
    return count;
}

static void write_array(struct sink *sink, const struct walk_field *field, bool may_be_null,
                        const uint8_t *body)
{
    const uint8_t *element = pointer_at(body, field);
    uint32_t count = count_at(body, field);
    check(element != NULL || count == 0);
    check(count <= INT32_MAX);
    put_length(sink, false, may_be_null && !element ? -1 : (int64_t)count);
    for (uint32_t i = 0; i < count; i++, element += walk_element_size(field))
        write_value(sink, field, false, element);
}

static void write_pointer(struct sink *sink, const struct walk_field *field, bool may_be_null,
                          const uint8_t *body)
{
    const uint8_t *value = pointer_at(body, field);
    if (may_be_null)
        put(sink, &(uint8_t){value ? 1 : 0xff}, 1);
    check(value != NULL || may_be_null);
    if (value)
        write_struct(sink, field->of, value);
}

static void write_field(struct sink *sink, const struct walk_field *field, const uint8_t *body)
{
    bool may_be_null = sink->version >= field->null_first;
    if (field->is_array)
        write_array(sink, field, may_be_null, body);
    else if (walk_is_pointer(field))
        write_pointer(sink, field, may_be_null, body);
    else
        write_value(sink, field, may_be_null, body + field->offset);
}

static bool is_default(const struct walk_field *field, const uint8_t *body);

static bool is_struct_default(const struct walk_struct *of, const uint8_t *body)
{
    for (uint32_t i = 0; i < of->field_count; i++) {
        if (!is_default(&of->fields[i], body))
            return false;
    }
    return true;
}

/* Empty where empty is the default, null where null is; a field that can't be null has no null. */
static bool is_run_default(const struct walk_field *field, const void *data, uint32_t size)
{
    if (field->is_null_default)
        return data == NULL;
    return size == 0 && (data != NULL || field->null_first == WALK_VERSION_MAX);
}

static int64_t number_at(const struct walk_field *field, const void *value)
{
    int64_t number;
    switch ((enum walk_type)field->type) {
    case WALK_BOOL:
        return *(const bool *)value;
    case WALK_INT8:
        return *(const int8_t *)value;
    case WALK_INT16:
        return *(const int16_t *)value;
    case WALK_UINT16:
        return *(const uint16_t *)value;
    case WALK_INT32:
        return *(const int32_t *)value;
    case WALK_UINT32:
        return *(const uint32_t *)value;
    default: /* An int64, or the bits of a float64. */
        memcpy(&number, value, sizeof number);
        return number;
    }
}

static bool is_default(const struct walk_field *field, const uint8_t *body)
{
    const void *value = body + field->offset;
    if (field->is_array)
        return is_run_default(field, pointer_at(body, field), count_at(body, field));
    if (walk_is_pointer(field))
        return !pointer_at(body, field);
    const struct bytes *run = value;
    const struct str *text = value;
    const struct wire_records *records = value;
    switch ((enum walk_type)field->type) {
    case WALK_STRING:
        return is_run_default(field, text->data, text->size);
    case WALK_BYTES:
        return is_run_default(field, run->data, run->size);
    case WALK_RECORDS:
        return records->size == 0 &&
               is_run_default(field, records->memory.data, records->memory.size);
    case WALK_STRUCT:
        return is_struct_default(field->of, value);
    case WALK_UUID:
        return uuid_is_zero(*(const struct uuid *)value);
    default:
        return number_at(field, value) == field->fallback;
    }
}

static bool is_tag_due(const struct sink *sink, const struct walk_field *field, const uint8_t *body)
{
    return walk_is_carried(field, sink->version) && !is_default(field, body);
}

static void write_tags(struct sink *sink, const struct walk_struct *of, const uint8_t *body)
{
    uint32_t count = 0;
    for (uint32_t i = of->plain_count; i < of->field_count; i++)
        count += is_tag_due(sink, &of->fields[i], body);
    put_uvarint(sink, count);
    for (uint32_t i = of->plain_count; i < of->field_count && count > 0; i++) {
        const struct walk_field *field = &of->fields[i];
        if (!is_tag_due(sink, field, body))
            continue;
        struct sink counter = {.version = sink->version, .flexible = true};
        write_field(&counter, field, body);
        check(counter.size.total <= INT32_MAX);
        put_uvarint(sink, (uint32_t)field->tag);
        put_uvarint(sink, (uint32_t)counter.size.total);
        write_field(sink, field, body);
    }
}

static void write_struct(struct sink *sink, const struct walk_struct *of, const uint8_t *body)
{
    for (uint32_t i = 0; i < of->plain_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (walk_is_carried(field, sink->version))
            write_field(sink, field, body);
    }
    if (sink->flexible)
        write_tags(sink, of, body);
}
