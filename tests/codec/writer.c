/* writer.c -- what is compressed comes back, whatever the pieces. */
#include <criterion/criterion.h>

#include "codec.h"

enum { LARGE = 300 * 1000, SEED = 7 };

static const enum codec_type all[] = {CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY,
                                      CODEC_LZ4,  CODEC_ZSTD, CODEC_LZ4_FORMAT_0};
enum { ALL = sizeof all / sizeof all[0] };

/* Half of it repeats, half does not. */
static struct buf *sample(uint32_t size)
{
    struct buf *buf = buf_new(size);
    uint32_t state = SEED;
    for (uint32_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        buf->data[i] = i / 64 % 2 ? (uint8_t)(state >> 24) : (uint8_t)('a' + i % 7);
    }
    buf->size = size;
    return buf;
}

static struct buf *compress(enum codec_type type, int32_t level, struct bytes content,
                            uint32_t piece)
{
    struct codec_writer *writer = codec_writer_open();
    struct buf *out = buf_new(16);
    memcpy(out->data, "head", 4);
    out->size = 4;
    codec_writer_start(writer, type, level, &out);
    for (uint32_t at = 0; at < content.size; at += piece) {
        uint32_t left = content.size - at;
        codec_writer_add(
            writer, (struct bytes){.data = content.data + at, .size = left < piece ? left : piece});
    }
    codec_writer_finish(writer);
    codec_writer_close(writer);
    return out;
}

static bool is_read_back(enum codec_type type, const struct buf *packed, struct bytes content,
                         uint32_t piece)
{
    struct codec_reader *reader = codec_reader_open();
    struct buf *out = buf_new(content.size + piece);
    uint32_t got = 1;
    codec_reader_start(reader, type,
                       (struct bytes){.data = packed->data + 4, .size = packed->size - 4},
                       content.size);
    enum err err = ERR_NONE;
    while (got > 0 && err == ERR_NONE) {
        got = 0;
        err = codec_reader_next(reader, out->data + out->size, piece, &got);
        out->size += got;
    }
    bool same = err == ERR_NONE && out->size == content.size &&
                memcmp(out->data, content.data, content.size) == 0;
    codec_reader_close(reader);
    buf_unref(out);
    return same;
}

static void check_round(enum codec_type type, int32_t level, uint32_t size, uint32_t piece)
{
    struct buf *content = sample(size);
    struct bytes bytes = {.data = content->data, .size = size};
    struct buf *packed = compress(type, level, bytes, piece);
    cr_assert(memcmp(packed->data, "head", 4) == 0);
    cr_assert(is_read_back(type, packed, bytes, piece), "codec %d level %d size %u piece %u", type,
              level, size, piece);
    buf_unref(packed);
    buf_unref(content);
}

Test(writer, gives_back_what_it_took)
{
    for (uint32_t i = 0; i < ALL; i++)
        check_round(all[i], codec_level_default(all[i]), LARGE, CODEC_PIECE_SIZE);
}

Test(writer, gives_back_nothing_and_little)
{
    for (uint32_t i = 0; i < ALL; i++) {
        check_round(all[i], codec_level_default(all[i]), 0, 100);
        check_round(all[i], codec_level_default(all[i]), 1, 100);
    }
}

Test(writer, does_not_mind_the_pieces)
{
    for (uint32_t i = 0; i < ALL; i++) {
        check_round(all[i], codec_level_default(all[i]), 70000, 1);
        check_round(all[i], codec_level_default(all[i]), 70000, 32768);
        check_round(all[i], codec_level_default(all[i]), 70000, 33333);
    }
}

Test(writer, takes_the_levels_that_kafka_has)
{
    for (int32_t level = -1; level <= 9; level++)
        check_round(CODEC_GZIP, level, 40000, 40000);
    for (int32_t level = 1; level <= 17; level++)
        check_round(CODEC_LZ4, level, 40000, 40000);
    check_round(CODEC_ZSTD, -131072, 40000, 40000);
    check_round(CODEC_ZSTD, 22, 40000, 40000);
}

Test(writer, is_good_for_one_stream_after_another)
{
    struct codec_writer *writer = codec_writer_open();
    struct codec_reader *reader = codec_reader_open();
    for (uint32_t i = 0; i < 3 * ALL; i++) {
        uint8_t back[8];
        uint32_t got = 0;
        struct buf *out = buf_new(8);
        codec_writer_start(writer, all[i % ALL], codec_level_default(all[i % ALL]), &out);
        codec_writer_add(writer, bytes_of_str(STR("again")));
        codec_writer_finish(writer);
        codec_reader_start(reader, all[i % ALL], (struct bytes){out->data, out->size}, 5);
        cr_assert_eq(codec_reader_next(reader, back, sizeof back, &got), ERR_NONE);
        cr_assert_eq(got, 5);
        cr_assert_eq(codec_reader_next(reader, back, sizeof back, &got), ERR_NONE);
        cr_assert_eq(got, 0);
        buf_unref(out);
    }
    codec_writer_close(writer);
    codec_reader_close(reader);
}

Test(writer, frames_snappy_as_java_does)
{
    static const uint8_t head[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
    struct buf *packed = compress(CODEC_SNAPPY, 0, bytes_of_str(STR("abc")), 3);
    cr_assert_gt(packed->size, 4 + sizeof head);
    cr_assert_eq(memcmp(packed->data + 4, head, sizeof head), 0);
    buf_unref(packed);
}

Test(writer, writes_the_lz4_header_that_its_time_expects)
{
    static const uint8_t now[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
    static const uint8_t then[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x1a};
    struct buf *packed = compress(CODEC_LZ4, 9, bytes_of_str(STR("abc")), 3);
    cr_assert_eq(memcmp(packed->data + 4, now, sizeof now), 0);
    buf_unref(packed);
    packed = compress(CODEC_LZ4_FORMAT_0, 9, bytes_of_str(STR("abc")), 3);
    cr_assert_eq(memcmp(packed->data + 4, then, sizeof then), 0);
    buf_unref(packed);
}
