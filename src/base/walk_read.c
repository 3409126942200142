/* walk_read.c -- reads a message of any described type and version.
 *
 * The bytes come from anyone. Each length is held against the bytes that are left
 * before it is used, memory is taken only for elements that can be there (each
 * needs a byte) and only within the reader's budget. Depth of the recursion is that
 * of the schema, never of the input.
 *
 * Source  KIP-482; Kafka's limits on elements and tags. */
#include "base/walk.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "walk_inside.h"

struct source {
    struct wire_reader *reader;
    struct arena *arena;
    int16_t version;
    bool flexible;
};

static enum err read_struct(struct source *source, const struct walk_struct *of, uint8_t *out);
static enum err read_field(struct source *source, const struct walk_field *field, uint8_t *body);

enum err walk_read(const struct walk_message *message, int16_t version, struct wire_reader *reader,
                   struct arena *arena, void *out)
{
    if (version < message->first || version > message->last)
        return ERR_UNSUPPORTED_VERSION;
    struct source source = {
        .reader = reader,
        .arena = arena,
        .version = version,
        .flexible = version >= message->flexible_from,
    };
    memset(out, 0, message->body->size); /* Padding too. */
    return read_struct(&source, message->body, out);
}

static const uint8_t *take(struct wire_reader *reader, uint32_t size)
{
    if (size > wire_reader_left(reader))
        return NULL;
    const uint8_t *at = reader->at;
    reader->at += size;
    return at;
}

/* Length of a string (`is_short`), bytes or array; -1 is null. */
static enum err read_length(struct source *source, bool is_short, int64_t *out)
{
    enum err err;
    if (source->flexible) {
        uint32_t length;
        if ((err = wire_read_uvarint(source->reader, &length)))
            return err;
        *out = (int64_t)length - 1;
    } else if (is_short) {
        int16_t length;
        if ((err = wire_read_int16(source->reader, &length)))
            return err;
        *out = length;
    } else {
        int32_t length;
        if ((err = wire_read_int32(source->reader, &length)))
            return err;
        *out = length;
    }
    bool fits = *out >= -1 && *out <= (int64_t)wire_reader_left(source->reader);
    return fits ? ERR_NONE : ERR_INVALID_REQUEST;
}

/* A run of bytes with its length before it; data NULL where null may stand and stands. */
static enum err read_run(struct source *source, const struct walk_field *field, bool may_be_null,
                         struct bytes *out)
{
    int64_t length;
    enum err err = read_length(source, field->type == WALK_STRING, &length);
    if (err)
        return err;
    if (length == -1) {
        *out = (struct bytes){0};
        return may_be_null ? ERR_NONE : ERR_INVALID_REQUEST;
    }
    out->size = (uint32_t)length;
    out->data = take(source->reader, out->size);
    check(out->data != NULL); /* read_length() held it against what is left. */
    return ERR_NONE;
}

/* Errors  ERR_INVALID_REQUEST: it would be too long for a string, or for the memory. */
static enum err mend(struct source *source, struct str *text)
{
    uint64_t size = (uint64_t)text->size * UTF8_MENDED_TIMES;
    if (size > source->reader->memory_left)
        return ERR_INVALID_REQUEST;
    source->reader->memory_left -= size;
    *text = utf8_mend(source->arena, *text);
    return text->size <= WALK_STRING_MAX ? ERR_NONE : ERR_INVALID_REQUEST;
}

static enum err read_string(struct source *source, const struct walk_field *field, bool may_be_null,
                            struct str *out)
{
    struct bytes run;
    enum err err = read_run(source, field, may_be_null, &run);
    if (err)
        return err;
    *out = (struct str){.data = (const char *)run.data, .size = run.size};
    if (out->size > WALK_STRING_MAX)
        return ERR_INVALID_REQUEST;
    return utf8_is_valid(*out) ? ERR_NONE : mend(source, out);
}

static enum err read_records(struct source *source, const struct walk_field *field,
                             bool may_be_null, struct wire_records *out)
{
    *out = (struct wire_records){.file = -1};
    enum err err = read_run(source, field, may_be_null, &out->memory);
    out->size = out->memory.size;
    return err;
}

static enum err read_number(struct source *source, const struct walk_field *field, void *out)
{
    static const uint8_t widths[] = {
        [WALK_BOOL] = 1,   [WALK_INT8] = 1,    [WALK_INT16] = 2,
        [WALK_UINT16] = 2, [WALK_INT32] = 4,   [WALK_UINT32] = 4,
        [WALK_INT64] = 8,  [WALK_FLOAT64] = 8, [WALK_UUID] = 16,
    };
    const uint8_t *at = take(source->reader, widths[field->type]);
    if (!at)
        return ERR_INVALID_REQUEST;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (widths[field->type]) {
    case 1:
        *(uint8_t *)out = field->type == WALK_BOOL ? *at != 0 : *at;
        return ERR_NONE;
    case 2:
        two = load_be16(at);
        memcpy(out, &two, sizeof two);
        return ERR_NONE;
    case 4:
        four = load_be32(at);
        memcpy(out, &four, sizeof four);
        return ERR_NONE;
    case 8:
        eight = load_be64(at);
        memcpy(out, &eight, sizeof eight);
        return ERR_NONE;
    default:
        memcpy(out, at, sizeof(struct uuid));
        return ERR_NONE;
    }
}

/* One value: of a field, or an element of an array, which is never null. */
static enum err read_value(struct source *source, const struct walk_field *field, bool may_be_null,
                           void *out)
{
    switch ((enum walk_type)field->type) {
    case WALK_STRING:
        return read_string(source, field, may_be_null, out);
    case WALK_BYTES:
        return read_run(source, field, may_be_null, out);
    case WALK_RECORDS:
        return read_records(source, field, may_be_null, out);
    case WALK_STRUCT:
        return read_struct(source, field->of, out);
    default:
        return read_number(source, field, out);
    }
}

/* Memory for `count` elements, if the budget has it; not NULL for none. */
static enum err allocate(struct source *source, const struct walk_field *field, uint32_t count,
                         void **out)
{
    uint64_t size = (uint64_t)walk_element_size(field) * count;
    if (size > source->reader->memory_left)
        return ERR_INVALID_REQUEST;
    source->reader->memory_left -= size;
    const void *empty = walk_empty;
    memcpy(out, &empty, sizeof empty);
    if (size > 0)
        *out = arena_alloc(source->arena, (size_t)size);
    return ERR_NONE;
}

static enum err read_array(struct source *source, const struct walk_field *field, bool may_be_null,
                           uint8_t *body)
{
    int64_t length;
    enum err err = read_length(source, false, &length);
    if (err)
        return err;
    if (length > WALK_ELEMENTS_MAX || (length == -1 && !may_be_null))
        return ERR_INVALID_REQUEST;
    void *array = NULL;
    uint32_t count = length == -1 ? 0 : (uint32_t)length;
    if (length != -1 && (err = allocate(source, field, count, &array)))
        return err;
    memcpy(body + field->offset, &array, sizeof array);
    memcpy(body + field->count_offset, &count, sizeof count);

    uint32_t size = walk_element_size(field);
    uint8_t *element = array;
    for (uint32_t i = 0; i < count; i++, element += size) {
        if ((err = read_value(source, field, false, element)))
            return err;
    }
    return ERR_NONE;
}

/* A presence byte, and the struct if it says so. */
static enum err read_pointer(struct source *source, const struct walk_field *field,
                             bool may_be_null, uint8_t *body)
{
    void *value = NULL;
    const uint8_t *presence = may_be_null ? take(source->reader, 1) : (const uint8_t[]){1};
    if (!presence || (*presence != 1 && *presence != 0xff))
        return ERR_INVALID_REQUEST;
    enum err err = *presence == 1 ? allocate(source, field, 1, &value) : ERR_NONE;
    if (err)
        return err;
    memcpy(body + field->offset, &value, sizeof value);
    return value ? read_struct(source, field->of, value) : ERR_NONE;
}

static enum err read_field(struct source *source, const struct walk_field *field, uint8_t *body)
{
    bool may_be_null = source->version >= field->null_first;
    if (field->is_array)
        return read_array(source, field, may_be_null, body);
    if (walk_is_pointer(field))
        return read_pointer(source, field, may_be_null, body);
    return read_value(source, field, may_be_null, body + field->offset);
}

enum err walk_read_tag(struct wire_reader *reader, int64_t *tag, struct bytes *content)
{
    uint32_t number;
    enum err err = wire_read_uvarint(reader, &number);
    if (err)
        return err;
    if (number <= *tag)
        return ERR_INVALID_REQUEST;
    if ((err = wire_read_uvarint(reader, &content->size)))
        return err;
    content->data = take(reader, content->size);
    *tag = number;
    return content->data ? ERR_NONE : ERR_INVALID_REQUEST;
}

static const struct walk_field *find_tagged(const struct source *source,
                                            const struct walk_struct *of, int64_t tag)
{
    for (uint32_t i = of->plain_count; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (field->tag == tag && walk_is_carried(field, source->version))
            return field;
    }
    return NULL;
}

/* A known tag's content is read as if nothing else were there, and must end with it. */
static enum err read_tagged(struct source *source, const struct walk_field *field,
                            struct bytes content, uint8_t *body)
{
    struct wire_reader *outer = source->reader;
    struct wire_reader inner = {
        .at = content.data,
        .end = content.data + content.size,
        .memory_left = outer->memory_left,
    };
    source->reader = &inner;
    enum err err = read_field(source, field, body);
    source->reader = outer;
    outer->memory_left = inner.memory_left;
    if (err)
        return err;
    return inner.at == inner.end ? ERR_NONE : ERR_INVALID_REQUEST;
}

static enum err read_tags(struct source *source, const struct walk_struct *of, uint8_t *out)
{
    uint32_t count;
    enum err err = wire_read_uvarint(source->reader, &count);
    if (err)
        return err;
    if (count > WALK_TAGS_MAX)
        return ERR_INVALID_REQUEST;
    int64_t tag = -1;
    for (uint32_t i = 0; i < count; i++) {
        struct bytes content;
        if ((err = walk_read_tag(source->reader, &tag, &content)))
            return err;
        const struct walk_field *field = find_tagged(source, of, tag);
        if (field && (err = read_tagged(source, field, content, out)))
            return err;
    }
    return ERR_NONE;
}

static enum err read_struct(struct source *source, const struct walk_struct *of, uint8_t *out)
{
    walk_init(of, out);
    for (uint32_t i = 0; i < of->plain_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (!walk_is_carried(field, source->version))
            continue;
        enum err err = read_field(source, field, out);
        if (err)
            return err;
    }
    return source->flexible ? read_tags(source, of, out) : ERR_NONE;
}
