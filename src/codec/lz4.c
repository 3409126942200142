/* lz4.c -- one LZ4 frame, and the frame with the wrong checksum that format 0 knows.
 *
 * Java's reader takes one frame of version 1 with independent blocks and no dictionary, and so
 * do we: what it could not read must not get into a log. In messages of format 0 the checksum of
 * the header was taken over the magic too (KAFKA-3160). Nobody can tell such a header from a
 * damaged one, so it is replaced by what the library makes of the same flags.
 *
 * A header: magic u32 little endian, flags, block size, optionally content size u64 little
 * endian, checksum. */
#include "codec_parts.h"

#include <lz4hc.h>

enum {
    HEAD_FLAGS_AT = 4,
    HEAD_BLOCK_AT = 5,
    HEAD_SIZE = 7, /* Without a content size. */
    FLAG_VERSION_MASK = 0xc0,
    FLAG_VERSION = 0x40,
    FLAG_INDEPENDENT = 0x20,
    FLAG_BLOCK_CHECKSUM = 0x10,
    FLAG_CONTENT_SIZE = 0x08,
    FLAG_CONTENT_CHECKSUM = 0x04,
    FLAG_REFUSED = 0x03, /* Reserved, dictionary. */
    /* Of the only header that we write: flags 0x60, blocks of 64 KiB. */
    HEAD_CHECKSUM_FORMAT_0 = 0x1a,
    LEVEL_DEFAULT = 9,
    ADD_SIZE = 64 * 1024, /* Bytes compressed in one go. */
};

static const uint8_t magic[4] = {0x04, 0x22, 0x4d, 0x18};

/* ---- Reading. */

static bool is_head_good(struct bytes frame)
{
    if (frame.size < HEAD_SIZE || memcmp(frame.data, magic, sizeof magic) != 0)
        return false;
    uint8_t flags = frame.data[HEAD_FLAGS_AT];
    return (flags & FLAG_VERSION_MASK) == FLAG_VERSION && (flags & FLAG_INDEPENDENT) &&
           !(flags & FLAG_REFUSED);
}

static bool replace_head(struct codec_reader *reader)
{
    uint8_t flags = reader->rest.data[HEAD_FLAGS_AT];
    uint8_t block = reader->rest.data[HEAD_BLOCK_AT];
    LZ4F_preferences_t preferences = {
        .frameInfo = {.blockSizeID = (LZ4F_blockSizeID_t)(block >> 4 & 7),
                      .blockMode = LZ4F_blockIndependent,
                      .contentChecksumFlag = (flags & FLAG_CONTENT_CHECKSUM) != 0,
                      .blockChecksumFlag = (flags & FLAG_BLOCK_CHECKSUM) != 0}};
    if (preferences.frameInfo.blockSizeID < LZ4F_max64KB || (flags & FLAG_CONTENT_SIZE))
        return false; /* No client of that time wrote a content size. */
    LZ4F_cctx *context;
    size_t made = LZ4F_createCompressionContext(&context, LZ4F_VERSION);
    check(!LZ4F_isError(made));
    made = LZ4F_compressBegin(context, reader->head_bytes, sizeof reader->head_bytes, &preferences);
    check(made == HEAD_SIZE);
    LZ4F_freeCompressionContext(context);
    reader->head = (struct bytes){.data = reader->head_bytes, .size = HEAD_SIZE};
    reader_skip(reader, HEAD_SIZE);
    return true;
}

void lz4_read_start(struct codec_reader *reader)
{
    if (!reader->lz4) {
        size_t made = LZ4F_createDecompressionContext(&reader->lz4, LZ4F_VERSION);
        check(!LZ4F_isError(made));
    }
    LZ4F_resetDecompressionContext(reader->lz4);
    reader->head = (struct bytes){0};
    if (!is_head_good(reader->rest) ||
        (reader->type == CODEC_LZ4_FORMAT_0 && !replace_head(reader)))
        reader->error = ERR_CORRUPT;
}

enum err lz4_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    uint32_t done = 0;
    while (done < room && reader->is_within) {
        struct bytes *from = reader->head.size > 0 ? &reader->head : &reader->rest;
        size_t made = room - done, taken = from->size;
        size_t more = LZ4F_decompress(reader->lz4, out + done, &made, from->data, &taken, NULL);
        if (LZ4F_isError(more) || (made == 0 && taken == 0))
            return ERR_CORRUPT;
        from->data += taken;
        from->size -= (uint32_t)taken;
        done += (uint32_t)made;
        reader->is_within = more != 0;
    }
    if (!reader->is_within && reader->rest.size > 0)
        return ERR_CORRUPT; /* Java would not see it. */
    *got = done;
    return ERR_NONE;
}

void lz4_reader_close(struct codec_reader *reader)
{
    LZ4F_freeDecompressionContext(reader->lz4);
}

/* ---- Writing. */

/* Kafka's default means the fast compressor, any other level the slow one (KIP-390). */
static int frame_level(int32_t level)
{
    if (level == LEVEL_DEFAULT)
        return 0;
    if (level < LZ4HC_CLEVEL_MIN)
        return LZ4HC_CLEVEL_MIN;
    return level < LZ4HC_CLEVEL_MAX ? level : LZ4HC_CLEVEL_MAX;
}

void lz4_write_start(struct codec_writer *writer)
{
    if (!writer->lz4) {
        size_t made = LZ4F_createCompressionContext(&writer->lz4, LZ4F_VERSION);
        check(!LZ4F_isError(made));
    }
    writer->lz4_preferences = (LZ4F_preferences_t){
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
        .compressionLevel = frame_level(writer->level)};
    buf_make_room(writer->out, LZ4F_HEADER_SIZE_MAX);
    struct buf *out = *writer->out;
    size_t made = LZ4F_compressBegin(writer->lz4, out->data + out->size, LZ4F_HEADER_SIZE_MAX,
                                     &writer->lz4_preferences);
    check(made == HEAD_SIZE);
    if (writer->type == CODEC_LZ4_FORMAT_0)
        out->data[out->size + HEAD_SIZE - 1] = HEAD_CHECKSUM_FORMAT_0;
    out->size += HEAD_SIZE;
}

void lz4_write(struct codec_writer *writer, struct bytes bytes)
{
    while (bytes.size > 0) {
        uint32_t size = bytes.size < ADD_SIZE ? bytes.size : ADD_SIZE;
        size_t bound = LZ4F_compressBound(size, &writer->lz4_preferences);
        buf_make_room(writer->out, (uint32_t)bound);
        struct buf *out = *writer->out;
        size_t made =
            LZ4F_compressUpdate(writer->lz4, out->data + out->size, bound, bytes.data, size, NULL);
        check(!LZ4F_isError(made));
        out->size += (uint32_t)made;
        bytes.data += size;
        bytes.size -= size;
    }
}

void lz4_write_end(struct codec_writer *writer)
{
    size_t bound = LZ4F_compressBound(0, &writer->lz4_preferences);
    buf_make_room(writer->out, (uint32_t)bound);
    struct buf *out = *writer->out;
    size_t made = LZ4F_compressEnd(writer->lz4, out->data + out->size, bound, NULL);
    check(!LZ4F_isError(made));
    out->size += (uint32_t)made;
}

void lz4_writer_close(struct codec_writer *writer)
{
    LZ4F_freeCompressionContext(writer->lz4);
}
