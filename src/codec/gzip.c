/* gzip.c -- gzip members through zlib. */
#include "codec_parts.h"

enum {
    WINDOW_GZIP = 15 + 16, /* The largest window, a gzip header around it. */
    MEMORY_LEVEL = 8,
    OUTPUT_STEP = 16 * 1024, /* Bytes of room made for what comes out. */
};

static void *gzip_alloc(void *context, unsigned count, unsigned size)
{
    (void)context;
    return mem_zalloc((size_t)count * size);
}

static void gzip_release(void *context, void *memory)
{
    (void)context;
    mem_free(memory);
}

/* ---- Reading. */

void gzip_read_start(struct codec_reader *reader)
{
    if (!reader->is_gzip_ready) {
        reader->gzip = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_release};
        int made = inflateInit2(&reader->gzip, WINDOW_GZIP);
        check(made == Z_OK);
        reader->is_gzip_ready = true;
        return;
    }
    int reset = inflateReset(&reader->gzip);
    check(reset == Z_OK);
}

enum err gzip_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    z_stream *gzip = &reader->gzip;
    gzip->next_out = out;
    gzip->avail_out = room;
    while (gzip->avail_out > 0) {
        if (!reader->is_within) { /* After a member: the end, or another one. */
            if (reader->rest.size == 0)
                break;
            inflateReset(gzip);
            reader->is_within = true;
        }
        gzip->next_in = reader->rest.data;
        gzip->avail_in = reader->rest.size;
        int result = inflate(gzip, Z_NO_FLUSH);
        reader_skip(reader, reader->rest.size - gzip->avail_in);
        if (result == Z_STREAM_END)
            reader->is_within = false;
        else if (result != Z_OK) /* Z_BUF_ERROR too: it is cut off. */
            return ERR_CORRUPT;
    }
    *got = room - gzip->avail_out;
    return ERR_NONE;
}

void gzip_reader_close(struct codec_reader *reader)
{
    if (reader->is_gzip_ready)
        inflateEnd(&reader->gzip);
}

/* ---- Writing. */

void gzip_writer_close(struct codec_writer *writer)
{
    if (writer->is_gzip_ready)
        deflateEnd(&writer->gzip);
    writer->is_gzip_ready = false;
}

void gzip_write_start(struct codec_writer *writer)
{
    if (writer->is_gzip_ready && writer->gzip_level == writer->level) {
        deflateReset(&writer->gzip);
        return;
    }
    gzip_writer_close(writer);
    writer->gzip = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_release};
    int made = deflateInit2(&writer->gzip, writer->level, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL,
                            Z_DEFAULT_STRATEGY);
    check(made == Z_OK);
    writer->gzip_level = writer->level;
    writer->is_gzip_ready = true;
}

static int deflate_into(struct codec_writer *writer, int flush)
{
    z_stream *gzip = &writer->gzip;
    buf_make_room(writer->out, OUTPUT_STEP);
    struct buf *out = *writer->out;
    uint32_t room = out->capacity - out->size;
    gzip->next_out = out->data + out->size;
    gzip->avail_out = room;
    int result = deflate(gzip, flush);
    out->size += room - gzip->avail_out;
    return result;
}

void gzip_write(struct codec_writer *writer, struct bytes bytes)
{
    writer->gzip.next_in = bytes.data;
    writer->gzip.avail_in = bytes.size;
    while (writer->gzip.avail_in > 0) {
        int result = deflate_into(writer, Z_NO_FLUSH);
        check(result == Z_OK);
    }
}

void gzip_write_end(struct codec_writer *writer)
{
    int result;
    writer->gzip.avail_in = 0;
    while ((result = deflate_into(writer, Z_FINISH)) != Z_STREAM_END)
        check(result == Z_OK);
}
