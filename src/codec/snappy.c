/* snappy.c -- snappy, raw or in xerial's blocks.
 *
 * Xerial's framing, which Java writes: a magic of 8 bytes, version i32, least compatible version
 * i32, then blocks, each behind its size i32. Streams may stand one behind the other. Anything
 * else is one raw block, as librdkafka and the Go clients write it. A raw block says how long it
 * is; no element makes more than 64 bytes out of 3, so a longer claim is a lie. */
#include <snappy-c.h>

#include "codec_parts.h"

enum {
    XERIAL_MAGIC_SIZE = 8,
    XERIAL_HEADER_SIZE = 16,
    XERIAL_VERSION = 1,
    EXPANSION_MAX = 22,
};

static const uint8_t xerial_magic[XERIAL_MAGIC_SIZE] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

/* ---- Reading. */

static bool takes_header(struct codec_reader *reader)
{
    if (reader->rest.size < XERIAL_HEADER_SIZE ||
        memcmp(reader->rest.data, xerial_magic, sizeof xerial_magic) != 0)
        return false;
    reader_skip(reader, XERIAL_HEADER_SIZE);
    return true;
}

void snappy_read_start(struct codec_reader *reader)
{
    reader->block_rest = (struct bytes){0};
    reader->has_blocks = takes_header(reader);
    if (reader->has_blocks)
        reader->is_within = false;
}

static enum err next_block(struct codec_reader *reader, struct bytes *out)
{
    if (!reader->has_blocks) {
        *out = reader->rest;
        reader_skip(reader, reader->rest.size);
        return ERR_NONE;
    }
    while (takes_header(reader))
        ;
    if (reader->rest.size < 4)
        return ERR_CORRUPT;
    uint32_t size = load_be32(reader->rest.data);
    reader_skip(reader, 4);
    if (size > reader->rest.size)
        return ERR_CORRUPT;
    *out = (struct bytes){.data = reader->rest.data, .size = size};
    reader_skip(reader, size);
    return ERR_NONE;
}

static uint8_t *block_room(struct codec_reader *reader, uint32_t size)
{
    if (size > reader->block_capacity) {
        mem_free(reader->block);
        reader->block = mem_alloc(size);
        reader->block_capacity = size;
    }
    return reader->block;
}

/* Decompress the next block to `out`, or aside where it does not fit. */
static enum err take_block(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    struct bytes block;
    size_t size;
    enum err err = next_block(reader, &block);
    reader->is_within = false;
    if (err != ERR_NONE)
        return err;
    const char *from = (const char *)block.data;
    if (snappy_uncompressed_length(from, block.size, &size) != SNAPPY_OK ||
        size > (uint64_t)EXPANSION_MAX * block.size)
        return ERR_CORRUPT;
    if (size > reader->left)
        return ERR_TOO_LARGE;
    bool fits = size <= room;
    uint8_t *to = fits ? out : block_room(reader, (uint32_t)size);
    if (snappy_uncompress(from, block.size, (char *)to, &size) != SNAPPY_OK)
        return ERR_CORRUPT;
    *got = fits ? (uint32_t)size : 0;
    if (!fits)
        reader->block_rest = (struct bytes){.data = to, .size = (uint32_t)size};
    return ERR_NONE;
}

enum err snappy_read(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got)
{
    uint32_t done = 0;
    while (done < room) {
        uint32_t size = 0;
        if (reader->block_rest.size > 0) {
            size = reader->block_rest.size < room - done ? reader->block_rest.size : room - done;
            memcpy(out + done, reader->block_rest.data, size);
            reader->block_rest.data += size;
            reader->block_rest.size -= size;
        } else if (reader->rest.size > 0 || reader->is_within) {
            enum err err = take_block(reader, out + done, room - done, &size);
            if (err != ERR_NONE)
                return err;
        } else {
            break;
        }
        done += size;
    }
    *got = done;
    return ERR_NONE;
}

void snappy_reader_close(struct codec_reader *reader)
{
    mem_free(reader->block);
}

/* ---- Writing. */

void snappy_write_start(struct codec_writer *writer)
{
    buf_make_room(writer->out, XERIAL_HEADER_SIZE);
    struct buf *out = *writer->out;
    uint8_t *at = out->data + out->size;
    memcpy(at, xerial_magic, sizeof xerial_magic);
    store_be32(at + 8, XERIAL_VERSION);
    store_be32(at + 12, XERIAL_VERSION);
    out->size += XERIAL_HEADER_SIZE;
    writer->block_size = 0;
    if (!writer->block)
        writer->block = mem_alloc(SNAPPY_BLOCK_SIZE);
}

static void put_block(struct codec_writer *writer, const uint8_t *data, uint32_t size)
{
    size_t room = snappy_max_compressed_length(size);
    buf_make_room(writer->out, (uint32_t)room + 4);
    struct buf *out = *writer->out;
    uint8_t *at = out->data + out->size;
    snappy_status status = snappy_compress((const char *)data, size, (char *)at + 4, &room);
    check(status == SNAPPY_OK);
    store_be32(at, (uint32_t)room);
    out->size += (uint32_t)room + 4;
}

void snappy_write(struct codec_writer *writer, struct bytes bytes)
{
    while (bytes.size > 0) {
        if (writer->block_size == 0 && bytes.size >= SNAPPY_BLOCK_SIZE) {
            put_block(writer, bytes.data, SNAPPY_BLOCK_SIZE);
            bytes.data += SNAPPY_BLOCK_SIZE;
            bytes.size -= SNAPPY_BLOCK_SIZE;
            continue;
        }
        uint32_t room = SNAPPY_BLOCK_SIZE - writer->block_size;
        uint32_t size = bytes.size < room ? bytes.size : room;
        memcpy(writer->block + writer->block_size, bytes.data, size);
        writer->block_size += size;
        bytes.data += size;
        bytes.size -= size;
        if (writer->block_size == SNAPPY_BLOCK_SIZE) {
            put_block(writer, writer->block, SNAPPY_BLOCK_SIZE);
            writer->block_size = 0;
        }
    }
}

void snappy_write_end(struct codec_writer *writer)
{
    if (writer->block_size > 0)
        put_block(writer, writer->block, writer->block_size);
}

void snappy_writer_close(struct codec_writer *writer)
{
    mem_free(writer->block);
}
