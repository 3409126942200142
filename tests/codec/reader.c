/* reader.c -- what other writers make, what hostile bytes claim, and where a bomb stops. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "codec.h"

enum { ROOM = 1 << 20 };

static uint8_t room[ROOM];

static enum err read_all(enum codec_type type, struct bytes packed, uint64_t size_max,
                         uint32_t *size)
{
    struct codec_reader *reader = codec_reader_open();
    uint32_t got = 1;
    enum err err = ERR_NONE;
    *size = 0;
    codec_reader_start(reader, type, packed, size_max);
    while (err == ERR_NONE && got > 0 && *size < ROOM) {
        err = codec_reader_next(reader, room + *size, ROOM - *size, &got);
        *size += err == ERR_NONE ? got : 0;
    }
    codec_reader_close(reader);
    return err;
}

static struct buf *pack(enum codec_type type, struct bytes content)
{
    struct codec_writer *writer = codec_writer_open();
    struct buf *out = buf_new(64);
    codec_writer_start(writer, type, codec_level_default(type), &out);
    codec_writer_add(writer, content);
    codec_writer_finish(writer);
    codec_writer_close(writer);
    return out;
}

static struct buf *pack_zeros(enum codec_type type, uint32_t size)
{
    uint8_t *zeros = mem_zalloc(size);
    struct buf *out = pack(type, (struct bytes){.data = zeros, .size = size});
    mem_free(zeros);
    return out;
}

static struct bytes bytes_of(const struct buf *buf)
{
    return (struct bytes){.data = buf->data, .size = buf->size};
}

#define BYTES(array) ((struct bytes){.data = (array), .size = sizeof(array)})

Test(reader, stops_a_bomb_at_the_limit)
{
    for (enum codec_type type = CODEC_GZIP; type <= CODEC_LZ4_FORMAT_0; type++) {
        uint32_t size;
        struct buf *packed = pack_zeros(type, 900000);
        cr_assert_eq(read_all(type, bytes_of(packed), 900000, &size), ERR_NONE);
        cr_assert_eq(size, 900000);
        cr_assert_eq(read_all(type, bytes_of(packed), 899999, &size), ERR_TOO_LARGE);
        cr_assert_eq(read_all(type, bytes_of(packed), 0, &size), ERR_TOO_LARGE);
        buf_unref(packed);
    }
}

Test(reader, refuses_what_is_cut_off_anywhere)
{
    for (enum codec_type type = CODEC_GZIP; type <= CODEC_LZ4_FORMAT_0; type++) {
        struct buf *packed = pack(type, bytes_of_str(STR("some content, some content")));
        for (uint32_t cut = 0; cut < packed->size; cut++) {
            uint32_t size;
            if (type == CODEC_SNAPPY && cut == 16)
                continue; /* No block at all: an empty stream. */
            cr_assert_eq(read_all(type, (struct bytes){packed->data, cut}, ROOM, &size),
                         ERR_CORRUPT, "codec %d cut at %u", type, cut);
        }
        buf_unref(packed);
    }
}

Test(reader, goes_on_refusing)
{
    struct codec_reader *reader = codec_reader_open();
    uint32_t got;
    codec_reader_start(reader, CODEC_GZIP, bytes_of_str(STR("no gzip")), ROOM);
    cr_assert_eq(codec_reader_next(reader, room, ROOM, &got), ERR_CORRUPT);
    cr_assert_eq(codec_reader_next(reader, room, ROOM, &got), ERR_CORRUPT);
    codec_reader_close(reader);
}

Test(reader, reads_gzip_of_two_members)
{
    struct buf *one = pack(CODEC_GZIP, bytes_of_str(STR("one")));
    struct buf *two = pack(CODEC_GZIP, bytes_of_str(STR("two")));
    uint32_t size;
    buf_make_room(&one, two->size);
    memcpy(one->data + one->size, two->data, two->size);
    one->size += two->size;

    cr_assert_eq(read_all(CODEC_GZIP, bytes_of(one), ROOM, &size), ERR_NONE);

    cr_assert_eq(size, 6);
    cr_assert_eq(memcmp(room, "onetwo", 6), 0);
    buf_unref(one);
    buf_unref(two);
}

Test(reader, reads_snappy_without_a_frame)
{
    static const uint8_t raw[] = {3, 2 << 2, 'a', 'b', 'c'}; /* Length, literal of three. */
    uint32_t size;

    cr_assert_eq(read_all(CODEC_SNAPPY, BYTES(raw), ROOM, &size), ERR_NONE);

    cr_assert_eq(size, 3);
    cr_assert_eq(memcmp(room, "abc", 3), 0);
}

Test(reader, reads_xerial_streams_behind_each_other)
{
    struct buf *one = pack(CODEC_SNAPPY, bytes_of_str(STR("one")));
    uint32_t size, once = one->size;
    buf_make_room(&one, once);
    memcpy(one->data + once, one->data, once);
    one->size = 2 * once;

    cr_assert_eq(read_all(CODEC_SNAPPY, bytes_of(one), ROOM, &size), ERR_NONE);

    cr_assert_eq(size, 6);
    buf_unref(one);
}

Test(reader, does_not_believe_what_snappy_claims)
{
    static const uint8_t claims[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 'a'}; /* 4 GiB in a byte. */
    static const uint8_t block[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y',  0,    0,    0,
                                    0,    1,   0,   0,   0,   1,   0x7f, 0xff, 0xff, 0xff};
    uint32_t size;

#ifndef __SANITIZE_ADDRESS__ /* It has the address space for itself. */
    struct rlimit memory = {.rlim_cur = 1 << 30, .rlim_max = 1 << 30};
    cr_assert_eq(setrlimit(RLIMIT_AS, &memory), 0);
#endif
    cr_assert_eq(read_all(CODEC_SNAPPY, BYTES(claims), UINT32_MAX, &size), ERR_CORRUPT);
    cr_assert_eq(read_all(CODEC_SNAPPY, BYTES(block), UINT32_MAX, &size), ERR_CORRUPT);
}

Test(reader, does_not_touch_the_window_that_zstd_claims)
{
    /* Magic, a header without content size and a window of 128 MiB, an empty last block. */
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00};
    static const uint8_t wider[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90, 0x01, 0x00, 0x00};
    uint32_t size;

    cr_assert_eq(read_all(CODEC_ZSTD, BYTES(frame), ROOM, &size), ERR_NONE);
    cr_assert_eq(size, 0);
    cr_assert_eq(read_all(CODEC_ZSTD, BYTES(wider), ROOM, &size), ERR_CORRUPT);
}

Test(reader, holds_a_zstd_frame_to_the_size_it_claims_however_it_is_read)
{
    /* Magic, one segment of 509 bytes, an empty last block. */
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x60, 0xfd, 0x00, 0x01, 0x00, 0x00};

    for (uint32_t piece = 1; piece <= 1024; piece *= 2) {
        struct codec_reader *reader = codec_reader_open();
        uint32_t got;
        codec_reader_start(reader, CODEC_ZSTD, BYTES(frame), ROOM);
        cr_assert_eq(codec_reader_next(reader, room, piece, &got), ERR_CORRUPT);
        codec_reader_close(reader);
    }
}

Test(reader, takes_only_lz4_that_java_reads)
{
    struct buf *good = pack(CODEC_LZ4, bytes_of_str(STR("content")));
    uint32_t size;

    for (uint8_t flags = 0; flags < 255; flags++) {
        if (flags == 0x60)
            continue;
        good->data[4] = flags; /* The header's checksum is wrong then, too. */
        cr_assert_eq(read_all(CODEC_LZ4, bytes_of(good), ROOM, &size), ERR_CORRUPT);
    }
    good->data[4] = 0x40; /* Blocks that depend on each other; nobody checks this one's checksum. */
    cr_assert_eq(read_all(CODEC_LZ4_FORMAT_0, bytes_of(good), ROOM, &size), ERR_CORRUPT);
    buf_unref(good);
}

Test(reader, refuses_bytes_behind_the_end_of_any_codec)
{
    static const uint8_t raw[] = {3, 2 << 2, 'a', 'b', 'c', 0};
    uint32_t size;
    for (enum codec_type type = CODEC_GZIP; type <= CODEC_LZ4_FORMAT_0; type++) {
        struct buf *good = pack(type, bytes_of_str(STR("content")));
        buf_make_room(&good, 1);
        good->data[good->size++] = 0;
        cr_assert_eq(read_all(type, bytes_of(good), ROOM, &size), ERR_CORRUPT, "codec %d", type);
        buf_unref(good);
    }
    cr_assert_eq(read_all(CODEC_SNAPPY, BYTES(raw), ROOM, &size), ERR_CORRUPT);
}

/* 128 KiB out of four bytes: 32 GiB in a megabyte. */
Test(reader, stops_a_zstd_frame_of_repeated_blocks_at_the_limit)
{
    enum { BLOCKS = 250000, HEADER = 6, BLOCK = 4 };
    uint8_t *frame = mem_zalloc(HEADER + BLOCK * BLOCKS);
    struct bytes bomb = {.data = frame, .size = HEADER + BLOCK * BLOCKS};
    uint32_t size;
    memcpy(frame, (const uint8_t[]){0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38}, HEADER); /* 128 KiB. */
    for (uint32_t i = 0; i < BLOCKS; i++)
        memcpy(frame + HEADER + BLOCK * i, (const uint8_t[]){0x02, 0x00, 0x10, 'x'}, BLOCK);

    cr_assert_eq(read_all(CODEC_ZSTD, bomb, ROOM - 1, &size), ERR_TOO_LARGE);

    cr_assert_lt(size, ROOM);
    mem_free(frame);
}

Test(reader, takes_either_header_checksum_in_lz4_of_format_0)
{
    struct buf *now = pack(CODEC_LZ4, bytes_of_str(STR("content")));
    struct buf *then = pack(CODEC_LZ4_FORMAT_0, bytes_of_str(STR("content")));
    uint32_t size;

    cr_assert_eq(read_all(CODEC_LZ4_FORMAT_0, bytes_of(now), ROOM, &size), ERR_NONE);
    cr_assert_eq(read_all(CODEC_LZ4_FORMAT_0, bytes_of(then), ROOM, &size), ERR_NONE);
    cr_assert_eq(size, 7);
    cr_assert_eq(read_all(CODEC_LZ4, bytes_of(then), ROOM, &size), ERR_CORRUPT);
    buf_unref(now);
    buf_unref(then);
}
