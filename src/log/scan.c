/* scan.c -- walks the batch headers of one segment, a page at a time. */
#include "segment.h"

void scan_start(struct scan *scan, struct env *env, const struct segment *segment,
                uint64_t position, uint64_t limit)
{
    check(position <= limit);
    scan->env = env;
    scan->segment = segment;
    scan->position = position;
    scan->limit = limit;
    scan->buffer_position = 0;
    scan->buffer_size = 0;
}

/* Have the header at scan->position in the buffer. */
static enum err fill(struct scan *scan)
{
    uint64_t want = scan->limit - scan->position;

    if (scan->position >= scan->buffer_position &&
        scan->position + BATCH_HEADER_SIZE <= scan->buffer_position + scan->buffer_size)
        return ERR_NONE;
    if (want < BATCH_HEADER_SIZE)
        return ERR_CORRUPT;
    if (want > sizeof scan->buffer)
        want = sizeof scan->buffer;
    int64_t got =
        env_read(scan->env, scan->segment->file, scan->position, scan->buffer, (uint32_t)want);
    if (got < 0)
        return (enum err)got;
    scan->buffer_position = scan->position;
    scan->buffer_size = (uint32_t)got;
    return got < BATCH_HEADER_SIZE ? ERR_CORRUPT : ERR_NONE;
}

enum err scan_next(struct scan *scan, struct placed_batch *out)
{
    if (scan->position == scan->limit)
        return ERR_NOT_FOUND;
    enum err err = fill(scan);
    if (err != ERR_NONE)
        return err;
    struct bytes header = {.data = scan->buffer + (scan->position - scan->buffer_position),
                           .size = BATCH_HEADER_SIZE};
    if (batch_read(header, &out->info) != ERR_NONE || out->info.base < scan->segment->base ||
        out->info.size > scan->limit - scan->position)
        return ERR_CORRUPT;
    out->position = scan->position;
    scan->position += out->info.size;
    return ERR_NONE;
}
