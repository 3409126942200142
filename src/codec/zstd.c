/* zstd.c -- zstd frames, which may lack their content's size.
 *
 * A frame's header claims a window, up to 128 MiB, for which the library asks memory at once. It
 * touches only as much as really comes out, which the reader's limit bounds; and a context that
 * has grown is given back at the end. What a frame holds is compared with what its header claims
 * here: the library compares it only when it takes a whole frame in one go, so that the size of
 * a piece would decide what is malformed. */
#include "codec_parts.h"

enum { CONTEXT_KEPT_MAX = 8 * 1024 * 1024 };

/* ---- Reading. */

void zstd_reader_close(struct codec_reader *reader)
{
    ZSTD_freeDCtx(reader->zstd);
    reader->zstd = NULL;
}

static void frame_start(struct codec_reader *reader)
{
    reader->is_within = true;
    reader->zstd_claimed = ZSTD_getFrameContentSize(reader->rest.data, reader->rest.size);
    reader->zstd_got = 0;
}

static bool frame_is_whole(const struct codec_reader *reader)
{
    return reader->zstd_claimed == ZSTD_CONTENTSIZE_UNKNOWN ||
           reader->zstd_claimed == reader->zstd_got;
}

void zstd_read_start(struct codec_reader *reader)
{
    if (reader->zstd && ZSTD_sizeof_DCtx(reader->zstd) > CONTEXT_KEPT_MAX)
        zstd_reader_close(reader);
    if (!reader->zstd)
        reader->zstd = ZSTD_createDCtx();
    check(reader->zstd);
    ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_only);
    frame_start(reader);
}

enum err zstd_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    ZSTD_outBuffer to = {.dst = out, .size = room};
    while (to.pos < to.size && (reader->is_within || reader->rest.size > 0)) {
        ZSTD_inBuffer from = {.src = reader->rest.data, .size = reader->rest.size};
        size_t before = to.pos;
        if (!reader->is_within)
            frame_start(reader);
        size_t more = ZSTD_decompressStream(reader->zstd, &to, &from);
        if (ZSTD_isError(more) || (to.pos == before && from.pos == 0 && more != 0))
            return ERR_CORRUPT;
        reader_skip(reader, from.pos);
        reader->zstd_got += to.pos - before;
        reader->is_within = more != 0;
        if (!reader->is_within && !frame_is_whole(reader))
            return ERR_CORRUPT;
    }
    *got = (uint32_t)to.pos;
    return ERR_NONE;
}

/* ---- Writing. */

void zstd_writer_close(struct codec_writer *writer)
{
    ZSTD_freeCCtx(writer->zstd);
    writer->zstd = NULL;
}

void zstd_write_start(struct codec_writer *writer)
{
    if (!writer->zstd)
        writer->zstd = ZSTD_createCCtx();
    check(writer->zstd);
    ZSTD_CCtx_reset(writer->zstd, ZSTD_reset_session_only);
    size_t set = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, writer->level);
    check(!ZSTD_isError(set));
}

static size_t compress_into(struct codec_writer *writer, ZSTD_inBuffer *from,
                            ZSTD_EndDirective directive)
{
    buf_make_room(writer->out, (uint32_t)ZSTD_CStreamOutSize());
    struct buf *out = *writer->out;
    ZSTD_outBuffer to = {.dst = out->data + out->size, .size = out->capacity - out->size};
    size_t more = ZSTD_compressStream2(writer->zstd, &to, from, directive);
    check(!ZSTD_isError(more));
    out->size += (uint32_t)to.pos;
    return more;
}

void zstd_write(struct codec_writer *writer, struct bytes bytes)
{
    ZSTD_inBuffer from = {.src = bytes.data, .size = bytes.size};
    while (from.pos < from.size)
        compress_into(writer, &from, ZSTD_e_continue);
}

void zstd_write_end(struct codec_writer *writer)
{
    ZSTD_inBuffer from = {.src = NULL};
    while (compress_into(writer, &from, ZSTD_e_end) > 0)
        ;
}
