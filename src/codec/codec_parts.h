/* codec_parts.h -- what one codec's file gives to reader.c and writer.c. Private to this folder. */
#ifndef CODEC_PARTS_H
#define CODEC_PARTS_H

#define ZLIB_CONST

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include "codec.h"

enum { SNAPPY_BLOCK_SIZE = 32 * 1024 }; /* What we compress in one go, as Java does. */

struct codec_reader {
    enum codec_type type;
    struct bytes rest; /* Not read yet. */
    uint64_t left;     /* Bytes that may still come out. */
    enum err error;    /* Final. */
    uint8_t *piece;    /* codec_reader_piece(); NULL until it is asked for. */
    bool is_within;    /* Inside a member or frame: the end of `rest` would cut it. */
    bool has_blocks;   /* Snappy: xerial's. */
    struct bytes head; /* LZ4: read before `rest`; NULL data: nothing. */
    uint8_t head_bytes[LZ4F_HEADER_SIZE_MAX];
    uint8_t *block; /* Snappy: one block that did not fit where it was asked for. */
    uint32_t block_capacity;
    struct bytes block_rest;
    /* Contexts; NULL or not ready until they are first needed. */
    z_stream gzip;
    bool is_gzip_ready;
    LZ4F_dctx *lz4;
    ZSTD_DCtx *zstd;
    unsigned long long zstd_claimed; /* The frame's size by its own header, which may be unknown. */
    uint64_t zstd_got;               /* What came out of it so far. */
};

struct codec_writer {
    enum codec_type type;
    int32_t level;
    struct buf **out;
    z_stream gzip;
    bool is_gzip_ready;
    int32_t gzip_level; /* Of the context that is ready. */
    LZ4F_cctx *lz4;
    LZ4F_preferences_t lz4_preferences;
    uint32_t lz4_head_at; /* Where the frame begins in *out. */
    ZSTD_CCtx *zstd;
    uint8_t *block; /* Snappy: SNAPPY_BLOCK_SIZE bytes, of which block_size are waiting. */
    uint32_t block_size;
};

/* Bytes taken off the front of what is not read yet. */
static inline void reader_skip(struct codec_reader *reader, size_t size)
{
    reader->rest.data += size;
    reader->rest.size -= (uint32_t)size;
}

/* Each codec's; the limit is codec_reader_next()'s. */
void gzip_read_start(struct codec_reader *reader);
enum err gzip_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);
void gzip_reader_close(struct codec_reader *reader);
void snappy_read_start(struct codec_reader *reader);
enum err snappy_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);
void snappy_reader_close(struct codec_reader *reader);
void lz4_read_start(struct codec_reader *reader);
enum err lz4_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);
void lz4_reader_close(struct codec_reader *reader);
void zstd_read_start(struct codec_reader *reader);
enum err zstd_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);
void zstd_reader_close(struct codec_reader *reader);

/* Each codec's, appending to *writer->out. */
void gzip_write_start(struct codec_writer *writer);
void gzip_write(struct codec_writer *writer, struct bytes bytes);
void gzip_write_end(struct codec_writer *writer);
void gzip_writer_close(struct codec_writer *writer);
void snappy_write_start(struct codec_writer *writer);
void snappy_write(struct codec_writer *writer, struct bytes bytes);
void snappy_write_end(struct codec_writer *writer);
void snappy_writer_close(struct codec_writer *writer);
void lz4_write_start(struct codec_writer *writer);
void lz4_write(struct codec_writer *writer, struct bytes bytes);
void lz4_write_end(struct codec_writer *writer);
void lz4_writer_close(struct codec_writer *writer);
void zstd_write_start(struct codec_writer *writer);
void zstd_write(struct codec_writer *writer, struct bytes bytes);
void zstd_write_end(struct codec_writer *writer);
void zstd_writer_close(struct codec_writer *writer);

#endif
