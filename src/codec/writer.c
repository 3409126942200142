/* writer.c -- one compressor for all codecs, whose output is appended to a buffer that grows. */
#include "codec_parts.h"

static void plain_write(struct codec_writer *writer, struct bytes bytes)
{
    buf_make_room(writer->out, bytes.size);
    memcpy((*writer->out)->data + (*writer->out)->size, bytes.data, bytes.size);
    (*writer->out)->size += bytes.size;
}

static void plain_nothing(struct codec_writer *writer)
{
    (void)writer;
}

static const struct {
    void (*start)(struct codec_writer *writer);
    void (*write)(struct codec_writer *writer, struct bytes bytes);
    void (*end)(struct codec_writer *writer);
    int32_t level_default;
} codecs[] = {
    [CODEC_NONE] = {plain_nothing, plain_write, plain_nothing, 0},
    [CODEC_GZIP] = {gzip_write_start, gzip_write, gzip_write_end, -1},
    [CODEC_SNAPPY] = {snappy_write_start, snappy_write, snappy_write_end, 0},
    [CODEC_LZ4] = {lz4_write_start, lz4_write, lz4_write_end, 9},
    [CODEC_ZSTD] = {zstd_write_start, zstd_write, zstd_write_end, 3},
    [CODEC_LZ4_FORMAT_0] = {lz4_write_start, lz4_write, lz4_write_end, 9},
};

int32_t codec_level_default(enum codec_type type)
{
    return codecs[type].level_default;
}

struct codec_writer *codec_writer_open(void)
{
    return mem_zalloc(sizeof(struct codec_writer));
}

void codec_writer_close(struct codec_writer *writer)
{
    if (!writer)
        return;
    gzip_writer_close(writer);
    snappy_writer_close(writer);
    lz4_writer_close(writer);
    zstd_writer_close(writer);
    mem_free(writer);
}

void codec_writer_start(struct codec_writer *writer, enum codec_type type, int32_t level,
                        struct buf **out)
{
    check(type <= CODEC_LZ4_FORMAT_0);
    writer->type = type;
    writer->level = level;
    writer->out = out;
    codecs[type].start(writer);
}

void codec_writer_add(struct codec_writer *writer, struct bytes bytes)
{
    if (bytes.size > 0)
        codecs[writer->type].write(writer, bytes);
}

void codec_writer_finish(struct codec_writer *writer)
{
    codecs[writer->type].end(writer);
    writer->out = NULL;
}
