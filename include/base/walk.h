/* walk.h -- one walker reads, sizes and writes every message that a schema describes.
 *
 * tools/wiregen turns a schema into C structs and constant tables; the functions
 * here move bytes between the two, in any version and both directions. Callers use
 * the typed wrappers of the generated headers (wire.h) and rarely this file.
 *
 * In memory: a string is struct str, bytes are struct bytes, an array is a count
 * and a pointer, a struct that may be null is a pointer. A null pointer is Kafka's
 * null where the field may be null, and empty where it may not. A field that a
 * version lacks reads as its default, and is left out silently when written.
 *
 * Reading trusts nothing: each count is held against the bytes that are left before
 * memory is taken for it, and all memory of one message is bounded by
 * WALK_MEMORY_FACTOR times its frame and by WALK_MEMORY_MAX.
 *
 * Source  KIP-482 (flexible versions, tagged fields), Kafka's parser limits. */
#ifndef BASE_WALK_H
#define BASE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/ids.h"

enum {
    WALK_ELEMENTS_MAX = 1000000,         /* Of one array. */
    WALK_TAGS_MAX = 10000,               /* Of one struct, unknown ones included. */
    WALK_MEMORY_FACTOR = 32,             /* Bytes of arrays for each byte of the frame, at most. */
    WALK_MEMORY_MAX = 128 * 1024 * 1024, /* Bytes of arrays of one message, whatever its size. */
    WALK_VERSION_MAX = INT16_MAX,
};

enum walk_type {
    WALK_BOOL,
    WALK_INT8,
    WALK_INT16,
    WALK_UINT16,
    WALK_INT32,
    WALK_UINT32,
    WALK_INT64,
    WALK_FLOAT64,
    WALK_UUID,
    WALK_STRING,
    WALK_BYTES,   /* Also `records` of a request: struct bytes, borrowed from the frame. */
    WALK_RECORDS, /* `records` of a response: struct wire_records. */
    WALK_STRUCT,
};

struct walk_struct;

struct walk_field {
    const char *name;
    const struct walk_struct *of; /* WALK_STRUCT: what it is made of; else NULL. */
    int64_t fallback;             /* Default of a number; of a float64, its bits. */
    int32_t tag;                  /* -1: not tagged. */
    int16_t first, last;          /* Versions that carry it. */
    int16_t null_first;    /* First version in which it may be null; WALK_VERSION_MAX: never. */
    uint16_t offset;       /* Of the value, or of an array's pointer. */
    uint16_t count_offset; /* Of an array's uint32_t count. */
    uint8_t type;          /* enum walk_type, of an array's elements too. */
    bool is_array;
    bool is_null_default; /* Default is null, not empty. */
};

struct walk_struct {
    const char *name; /* The C struct's tag. */
    const struct walk_field *fields;
    uint16_t field_count;
    uint16_t plain_count; /* Fields before the tagged ones, which come last by rising tag. */
    uint16_t size;        /* sizeof the C struct. */
    const void *defaults; /* Such a struct, each field at its default. */
};

/* What a pointer to nothing that isn't null points to. */
extern const char walk_empty[16];

/* One request or response. */
struct walk_message {
    const struct walk_struct *body;
    int16_t first, last;   /* Versions described. */
    int16_t flexible_from; /* WALK_VERSION_MAX: never. */
};

/* Record batches of a response: in memory, or where they lie in a file.
 * Zeroed, and after _init(), it is empty, not null. */
struct wire_records {
    struct bytes memory; /* Used when file is -1; data NULL: null. Borrowed. */
    int32_t file;        /* env.h's file_id; -1: in memory. */
    uint64_t position;   /* Bytes from the start of the file. */
    uint32_t size;       /* Bytes; for memory, memory.size is what counts. */
};

/* A bounded cursor over one frame. */
struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t memory_left; /* Bytes that arrays may still take; a caller may lower it. */
};

/* An extent of a file that belongs between bytes `at - 1` and `at` of a writer's buffer. */
struct wire_splice {
    uint32_t at;
    int32_t file;
    uint64_t position;
    uint32_t size;
};

/* Bytes in a row, with splice points. Memory records are copied; extents are spliced. */
struct wire_writer {
    uint8_t *data;
    uint32_t size;     /* Bytes written. */
    uint32_t capacity; /* Bytes there are. */
    struct wire_splice *splices;
    uint32_t splice_count;
    uint32_t splice_capacity;
};

/* What a message takes. */
struct walk_size {
    uint64_t total;   /* Bytes on the wire, extents included. */
    uint64_t inlined; /* Bytes of the writer's buffer. */
    uint32_t splices; /* Extents of files. */
};

void wire_reader_init(struct wire_reader *reader, struct bytes frame);
static inline uint32_t wire_reader_left(const struct wire_reader *reader)
{
    return (uint32_t)(reader->end - reader->at);
}

/* Owns    `data` and `splices` stay the caller's; `splices` may be NULL with count 0. */
void wire_writer_init(struct wire_writer *writer, void *data, uint32_t capacity,
                      struct wire_splice *splices, uint32_t splice_capacity);

/* Single values, for headers and other hand-made layouts.
 * Errors  ERR_INVALID_REQUEST: too few bytes, an overlong varint, not UTF-8, a bad length. */
enum err wire_read_int16(struct wire_reader *reader, int16_t *out);
enum err wire_read_int32(struct wire_reader *reader, int32_t *out);
enum err wire_read_uvarint(struct wire_reader *reader, uint32_t *out);
enum err wire_read_string(struct wire_reader *reader,
                          struct str *out); /* int16 length, may be null. */
enum err wire_read_raw_string(struct wire_reader *reader, struct str *out); /* Of any bytes. */
enum err wire_read_tags(struct wire_reader *reader);                        /* Skips them all. */
void wire_write_int16(struct wire_writer *writer, int16_t value);
void wire_write_int32(struct wire_writer *writer, int32_t value);
void wire_write_uvarint(struct wire_writer *writer, uint32_t value);
void wire_write_string(struct wire_writer *writer, struct str value);
uint32_t wire_uvarint_size(uint32_t value);

/* Read one message body of `version` into `out`, a struct of message->body->size bytes.
 * Bytes that follow the body are left in the reader, as Kafka does.
 * Owns    strings, bytes and records point into the frame; arrays live in `arena`, and so does a
 *         string that was not UTF-8 (utf8.h).
 * Errors  ERR_INVALID_REQUEST: malformed, or over a limit; ERR_UNSUPPORTED_VERSION.
 *         `out` and `arena` then hold a part; neither may be used but to free the arena. */
enum err walk_read(const struct walk_message *message, int16_t version, struct wire_reader *reader,
                   struct arena *arena, void *out);

struct walk_size walk_measure(const struct walk_message *message, int16_t version,
                              const void *body);

/* Cannot fail where walk_measure() was asked first. From the first piece on that the writer has
 * no room for, nothing more is written; what comes back counts all of it. */
struct walk_size walk_write(const struct walk_message *message, int16_t version, const void *body,
                            struct wire_writer *writer);

/* Every field at its default. */
void walk_init(const struct walk_struct *of, void *out);
/* `count` of them in `arena`, each at its defaults; not NULL, even for none. */
void *walk_new(const struct walk_struct *of, struct arena *arena, uint32_t count);

#endif
