/* window.h -- a stretch of records that may have to be decompressed first.
 *
 * Plain records lie in a row already. Compressed ones come in through a piece of memory that
 * moves on over them, and grows only as far as one record needs that is really there. */
#ifndef LOG_WINDOW_H
#define LOG_WINDOW_H

#include "codec.h"

struct window {
    const uint8_t *at; /* Not taken yet. */
    const uint8_t *end;
    struct codec_reader *reader; /* NULL: there is no more than this. */
    struct codec_writer *copy;   /* Gets all that comes out; or NULL. */
    uint8_t *memory;             /* The reader's piece, until one record does not fit. */
    uint32_t capacity;
};

/* Plain records; nothing to close. */
static inline struct window window_of(struct bytes bytes)
{
    return (struct window){.at = bytes.data, .end = bytes.data + bytes.size};
}

/* Owns    `reader` and `compressed` are borrowed until window_close(). */
struct window window_open(struct codec_reader *reader, enum codec_type type,
                          struct bytes compressed, uint64_t size_max);
void window_close(struct window *window);

static inline uint32_t window_left(const struct window *window)
{
    return (uint32_t)(window->end - window->at);
}

/* Get more behind `end`, CODEC_PIECE_SIZE at most; what `at` points to moves along.
 * Errors  ERR_NOT_FOUND: that was all; ERR_CORRUPT, ERR_TOO_LARGE: as codec_reader_next(). */
enum err window_more(struct window *window);

#endif
