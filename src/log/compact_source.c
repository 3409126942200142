/* compact_source.c -- reads the segments of a compaction, a piece at a time. */
#include "compact_source.h"

#include "batch_layout.h"

void compact_source_open(struct compact_source *source, struct log *log, uint32_t piece_size)
{
    *source =
        (struct compact_source){.log = log, .piece_size = piece_size, .piece = buf_new(piece_size)};
}

void compact_source_close(struct compact_source *source)
{
    buf_unref(source->piece);
}

void compact_source_enter(struct compact_source *source, uint32_t index)
{
    source->segment = index;
    source->position = 0;
    source->next = source->log->segments[index]->base;
    source->piece->size = 0;
    source->piece_position = 0;
}

bool compact_source_is_at_end(const struct compact_source *source)
{
    return source->position == source->log->segments[source->segment]->written;
}

/* Have `size` bytes at the position in memory, or fewer at the end of the segment.
 * Errors  ERR_COLD: later. */
static enum err fill(struct compact_source *source, const struct segment *segment, uint32_t size,
                     struct bytes *out)
{
    uint64_t skip = source->position - source->piece_position;

    if (source->position < source->piece_position || skip + size > source->piece->size) {
        uint32_t want = size > source->piece_size ? size : source->piece_size;
        uint64_t left = segment->written - source->position;
        want = left < want ? (uint32_t)left : want;
        if (want > source->piece->capacity) { /* For good: another batch may be as large. */
            buf_unref(source->piece);
            source->piece = buf_new(want);
        }
        source->piece->size = 0;
        source->piece_position = source->position;
        env_make_haste(source->log->env);
        int64_t got =
            env_read(source->log->env, segment->file, source->position, source->piece->data, want);
        env_end_haste(source->log->env);
        if (got < 0)
            return (enum err)got;
        source->piece->size = (uint32_t)got;
        skip = 0;
    }
    *out = (struct bytes){.data = source->piece->data + skip,
                          .size = source->piece->size - (uint32_t)skip};
    return ERR_NONE;
}

enum err compact_source_read(struct compact_source *source, struct batch_info *info,
                             struct bytes *batch)
{
    const struct segment *segment = source->log->segments[source->segment];
    struct bytes bytes;

    if (compact_source_is_at_end(source))
        return ERR_NOT_FOUND;
    enum err err = fill(source, segment, BATCH_HEADER_SIZE, &bytes);
    if (err == ERR_NONE && batch_read(bytes, info) != ERR_NONE)
        err = ERR_CORRUPT;
    if (err == ERR_NONE && info->size > segment->written - source->position)
        err = ERR_CORRUPT;
    if (err == ERR_NONE)
        err = fill(source, segment, info->size, &bytes);
    if (err != ERR_NONE)
        return err;
    if (info->base < source->next || batch_next(&bytes, info, batch) != ERR_NONE)
        return ERR_CORRUPT;
    source->position += info->size;
    source->next = batch_end(info);
    source->bytes_read += info->size;
    return ERR_NONE;
}
