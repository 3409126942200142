/* window.c -- moves over what is decompressed, one piece after another. */
#include "window.h"

struct window window_open(struct codec_reader *reader, enum codec_type type,
                          struct bytes compressed, uint64_t size_max)
{
    struct window window = {.reader = reader, .capacity = CODEC_PIECE_SIZE};
    window.memory = codec_reader_piece(reader);
    window.at = window.end = window.memory;
    codec_reader_start(reader, type, compressed, size_max);
    return window;
}

static bool is_borrowed(const struct window *window)
{
    return window->reader && window->memory == codec_reader_piece(window->reader);
}

void window_close(struct window *window)
{
    if (!is_borrowed(window))
        mem_free(window->memory);
    *window = (struct window){0};
}

/* Bring what is left to the front, and make room behind it. */
static void make_room(struct window *window, uint32_t left)
{
    if (window->at > window->memory)
        memmove(window->memory, window->at, left);
    if (left == window->capacity) {
        uint8_t *larger = mem_alloc(2 * (size_t)window->capacity);
        memcpy(larger, window->memory, left);
        if (!is_borrowed(window))
            mem_free(window->memory);
        window->memory = larger;
        window->capacity *= 2;
    }
    window->at = window->memory;
    window->end = window->memory + left;
}

enum err window_more(struct window *window)
{
    if (!window->reader)
        return ERR_NOT_FOUND;
    uint32_t got, left = window_left(window);
    make_room(window, left);
    uint8_t *to = window->memory + left;
    uint32_t room = window->capacity - left;
    if (room > CODEC_PIECE_SIZE)
        room = CODEC_PIECE_SIZE;
    enum err err = codec_reader_next(window->reader, to, room, &got);
    if (err != ERR_NONE)
        return err;
    if (got == 0)
        return ERR_NOT_FOUND;
    if (window->copy)
        codec_writer_add(window->copy, (struct bytes){.data = to, .size = got});
    window->end += got;
    return ERR_NONE;
}
