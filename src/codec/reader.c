/* reader.c -- one decompressor for all codecs: which one, and how much may come out. */
#include "codec_parts.h"

static enum err plain_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    uint32_t size = reader->rest.size < room ? reader->rest.size : room;
    if (size > 0)
        memcpy(out, reader->rest.data, size);
    reader_skip(reader, size);
    *got = size;
    return ERR_NONE;
}

static void plain_read_start(struct codec_reader *reader)
{
    (void)reader;
}

static const struct {
    void (*start)(struct codec_reader *reader);
    enum err (*read)(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);
} codecs[] = {
    [CODEC_NONE] = {plain_read_start, plain_read},
    [CODEC_GZIP] = {gzip_read_start, gzip_read},
    [CODEC_SNAPPY] = {snappy_read_start, snappy_read},
    [CODEC_LZ4] = {lz4_read_start, lz4_read},
    [CODEC_ZSTD] = {zstd_read_start, zstd_read},
    [CODEC_LZ4_FORMAT_0] = {lz4_read_start, lz4_read},
};

struct codec_reader *codec_reader_open(void)
{
    return mem_zalloc(sizeof(struct codec_reader));
}

void codec_reader_close(struct codec_reader *reader)
{
    if (!reader)
        return;
    gzip_reader_close(reader);
    snappy_reader_close(reader);
    lz4_reader_close(reader);
    zstd_reader_close(reader);
    mem_free(reader->piece);
    mem_free(reader);
}

uint8_t *codec_reader_piece(struct codec_reader *reader)
{
    if (!reader->piece)
        reader->piece = mem_alloc(CODEC_PIECE_SIZE);
    return reader->piece;
}

void codec_reader_start(struct codec_reader *reader, enum codec_type type, struct bytes compressed,
                        uint64_t size_max)
{
    check(type <= CODEC_LZ4_FORMAT_0);
    reader->type = type;
    reader->rest = compressed;
    reader->left = size_max;
    reader->error = ERR_NONE;
    reader->is_within = true;
    codecs[type].start(reader);
}

enum err codec_reader_next(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    check(room > 0);
    if (reader->error != ERR_NONE)
        return reader->error;
    /* One byte more than may come tells a bomb from what just fits. */
    uint32_t asked = reader->left < room ? (uint32_t)reader->left + 1 : room;
    uint32_t count = 0;
    reader->error = codecs[reader->type].read(reader, out, asked, &count);
    if (reader->error == ERR_NONE && count > reader->left)
        reader->error = ERR_TOO_LARGE;
    if (reader->error != ERR_NONE)
        return reader->error;
    reader->left -= count;
    *got = count;
    return ERR_NONE;
}
