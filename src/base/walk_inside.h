/* walk_inside.h -- what walk.c, walk_read.c and walk_write.c share. */
#ifndef WALK_INSIDE_H
#define WALK_INSIDE_H

#include <assert.h>

#include "base/walk.h"

enum {
    UVARINT_SIZE_MAX = 5,     /* Bytes of a 32-bit varint. */
    WALK_STRING_MAX = 0x7fff, /* Bytes of a string, in compact form too, as Kafka has it. */
    WALK_MEMORY_SPARE = 4096, /* Bytes of arrays for the smallest frame. */
};

uint32_t walk_element_size(const struct walk_field *field);

/* Take one tagged field's tag and content; tags rise, so none comes twice. */
enum err walk_read_tag(struct wire_reader *reader, int64_t *tag, struct bytes *content);

/* A struct that may be null is a pointer. */
static inline bool walk_is_pointer(const struct walk_field *field)
{
    return field->type == WALK_STRUCT && !field->is_array && field->null_first != WALK_VERSION_MAX;
}

static inline bool walk_is_carried(const struct walk_field *field, int16_t version)
{
    return version >= field->first && version <= field->last;
}

/* Fill `out` with the varint; returns its bytes. */
static inline uint32_t walk_uvarint(uint8_t out[UVARINT_SIZE_MAX], uint32_t value)
{
    uint32_t size = 0;
    for (; value >= 0x80; value >>= 7)
        out[size++] = (uint8_t)(value | 0x80);
    out[size++] = (uint8_t)value;
    return size;
}

#endif
