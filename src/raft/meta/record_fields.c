/* record_fields.c -- a metadata record field by field, by the names of metadata.proto.
 *
 * For onlookers: what is shown here is what the bytes hold, also where record_decode() would
 * stop the node. Names and kinds come from the generated descriptors, so a new
 * field is shown without a line here. */
#include <string.h>

#include "metadata.pb-c.h"
#include "record.h"

struct walk {
    record_visitor *visit;
    void *context;
};

static void tell(const struct walk *walk, struct record_field field)
{
    walk->visit(walk->context, &field);
}

/* Text is `bytes` too, see metadata.proto; what is no text is a uuid. */
static bool is_text(const char *name)
{
    static const char *const texts[] = {"cause", "name", "host", "value", "rack"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(name, texts[i]) == 0)
            return true;
    return false;
}

static void walk_bytes(const struct walk *walk, const char *name, const char *field_name,
                       const ProtobufCBinaryData *data)
{
    struct record_field field = {.name = name,
                                 .kind =
                                     is_text(field_name) ? RECORD_FIELD_TEXT : RECORD_FIELD_BYTES,
                                 .bytes = {.data = data->data, .size = (uint32_t)data->len}};
    if (field.kind == RECORD_FIELD_BYTES && data->len == sizeof field.uuid.bytes) {
        field.kind = RECORD_FIELD_UUID;
        memcpy(field.uuid.bytes, data->data, sizeof field.uuid.bytes);
    }
    tell(walk, field);
}

static void walk_message(const struct walk *walk, const ProtobufCMessage *message);

/* One value at `at`; name NULL: an element of a list. */
static void walk_value(const struct walk *walk, const char *name,
                       const ProtobufCFieldDescriptor *field, const char *at)
{
    struct record_field out = {.name = name, .kind = RECORD_FIELD_NUMBER};
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *body;
        memcpy(&body, at, sizeof body);
        if (body == NULL)
            return;
        tell(walk, (struct record_field){.name = name, .kind = RECORD_FIELD_OPEN});
        walk_message(walk, body); /* As deep as the schema, whatever the bytes are. */
        tell(walk, (struct record_field){.kind = RECORD_FIELD_CLOSE});
        return;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData data;
        memcpy(&data, at, sizeof data);
        walk_bytes(walk, name, field->name, &data);
        return;
    }
    case PROTOBUF_C_TYPE_BOOL: {
        protobuf_c_boolean on;
        memcpy(&on, at, sizeof on);
        out.kind = RECORD_FIELD_BOOL;
        out.number = on != 0;
        break;
    }
    case PROTOBUF_C_TYPE_INT64:
        memcpy(&out.number, at, sizeof out.number);
        break;
    case PROTOBUF_C_TYPE_UINT32: {
        uint32_t number;
        memcpy(&number, at, sizeof number);
        out.number = number;
        break;
    }
    default: {
        int32_t number;
        check(field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_SINT32);
        memcpy(&number, at, sizeof number);
        out.number = number;
        break;
    }
    }
    tell(walk, out);
}

/* Bytes from one element of a list to the next. */
static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
        return sizeof(int64_t);
    default:
        return sizeof(int32_t);
    }
}

static void walk_list(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                      const char *message)
{
    size_t count;
    char *elements;
    memcpy(&count, message + field->quantifier_offset, sizeof count);
    memcpy(&elements, message + field->offset, sizeof elements);
    tell(walk, (struct record_field){.name = field->name, .kind = RECORD_FIELD_LIST_OPEN});
    for (size_t i = 0; i < count; i++)
        walk_value(walk, NULL, field, elements + i * element_size(field->type));
    tell(walk, (struct record_field){.kind = RECORD_FIELD_LIST_CLOSE});
}

static void walk_message(const struct walk *walk, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const char *base = (const char *)message;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        uint32_t chosen = field->id;
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            memcpy(&chosen, base + field->quantifier_offset, sizeof chosen);
        if (chosen != field->id)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            walk_list(walk, field, base);
        else
            walk_value(walk, field->name, field, base + field->offset);
    }
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        tell(walk, (struct record_field){
                       .name = "unknown_field",
                       .kind = RECORD_FIELD_NUMBER,
                       .number = message->unknown_fields[i].tag,
                   });
}

static void *arena_take(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void arena_leave(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

enum err record_visit(struct bytes value, struct arena *arena, record_visitor *visit, void *context)
{
    ProtobufCAllocator allocator = {
        .alloc = arena_take, .free = arena_leave, .allocator_data = arena};
    struct walk walk = {.visit = visit, .context = context};
    const Skiff__Meta__Envelope *envelope =
        skiff__meta__envelope__unpack(&allocator, value.size, value.data);
    if (envelope == NULL)
        return ERR_CORRUPT;
    walk_message(&walk, &envelope->base);
    return ERR_NONE;
}
