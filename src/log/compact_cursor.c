/* compact_cursor.c -- walks the records of a batch, a bounded piece at a time. */
#include "compact_cursor.h"

enum { RECORD_WORK = 64 }; /* To find out what a record is; its bytes are not touched for that. */

/* What a byte costs that is decompressed, by codec, beside one that is copied. */
static const uint8_t unpacking[] = {0, 4, 2, 1, 2};

enum err compact_cursor_open(struct compact_cursor *cursor, struct bytes batch,
                             const struct batch_info *info, struct codec_reader *reader)
{
    check(!cursor->is_open);
    if (batch_codec(info) > CODEC_ZSTD)
        return ERR_CORRUPT;
    *cursor = (struct compact_cursor){.window = records_window(batch, info, reader, BATCH_SIZE_MAX),
                                      .last_delta = -1,
                                      .is_open = true};
    return ERR_NONE;
}

void compact_cursor_close(struct compact_cursor *cursor)
{
    if (cursor->is_open)
        window_close(&cursor->window);
    cursor->is_open = false;
}

enum err compact_cursor_next(struct compact_cursor *cursor, const struct batch_info *info,
                             struct compact_work *work, struct record *out)
{
    enum err err = ERR_AGAIN;

    if (cursor->index == info->record_count)
        return ERR_NOT_FOUND;
    while (err == ERR_AGAIN && compact_work_is_left(work)) {
        uint32_t got = 0;
        err = record_bring(&cursor->window, &got);
        work->used += (uint64_t)got * unpacking[batch_codec(info)];
    }
    if (err == ERR_NONE)
        err = record_next(&cursor->window, out);
    if (err != ERR_NONE)
        return err;
    if (out->offset_delta <= cursor->last_delta || out->offset_delta > info->last_offset_delta)
        return ERR_INVALID_RECORD;
    cursor->last_delta = out->offset_delta;
    cursor->index++;
    work->used += RECORD_WORK + out->key.size;
    return ERR_NONE;
}
