/* message_set.c -- messages of formats 0 and 1 on their way in and out. */
#include <criterion/criterion.h>
#include <zlib.h>

#include "batch.h"
#include "message_set.h"

static struct codec_reader *reader;
static struct codec_writer *writer;
static struct batch_limits limits;
static struct batch_form form;
static struct batch_refusal refusal;
static struct buf *set; /* What a producer sends. */

static void open_all(void)
{
    reader = codec_reader_open();
    writer = codec_writer_open();
    limits = (struct batch_limits){.size_max = 1 << 20, .now = -1, .reader = reader};
    form = (struct batch_form){.append_time = -1,
                               .is_old_allowed = true,
                               .keeps_codec = true,
                               .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
                               .writer = writer};
    set = buf_new(64);
}

static void close_all(void)
{
    codec_reader_close(reader);
    codec_writer_close(writer);
    buf_unref(set);
}

TestSuite(message_set, .init = open_all, .fini = close_all);

static void put(const void *data, uint32_t size)
{
    buf_make_room(&set, size);
    memcpy(set->data + set->size, data, size);
    set->size += size;
}

static void put32(uint32_t value)
{
    uint8_t bytes[4];
    store_be32(bytes, value);
    put(bytes, sizeof bytes);
}

static void put64(uint64_t value)
{
    uint8_t bytes[8];
    store_be64(bytes, value);
    put(bytes, sizeof bytes);
}

static void put_field(struct bytes field)
{
    put32(field.data ? field.size : UINT32_MAX);
    if (field.size > 0)
        put(field.data, field.size);
}

/* A message written by hand, as the format says, independently of what is tested. */
static void put_message(uint8_t magic, uint8_t attributes, int64_t timestamp, struct bytes key,
                        struct bytes value)
{
    uint32_t start = set->size;
    put64(0);
    put32(0);
    put32(0);
    put(&magic, 1);
    put(&attributes, 1);
    if (magic > 0)
        put64((uint64_t)timestamp);
    put_field(key);
    put_field(value);
    store_be32(set->data + start + 8, set->size - start - 12);
    store_be32(set->data + start + 12,
               (uint32_t)crc32(0, set->data + start + 16, set->size - start - 16));
}

static void put_three(uint8_t magic)
{
    put_message(magic, 0, 1000, bytes_of_str(STR("k")), bytes_of_str(STR("one")));
    put_message(magic, 0, 1700, (struct bytes){0}, bytes_of_str(STR("two")));
    put_message(magic, 0, 1500, bytes_of_str(STR("")), (struct bytes){0});
}

/* Make what was put so far the content of one wrapper. */
static void wrap(uint8_t magic, enum codec_type codec)
{
    struct buf *packed = buf_new(64);
    bool is_old_lz4 = magic == 0 && codec == CODEC_LZ4;
    codec_writer_start(writer, is_old_lz4 ? CODEC_LZ4_FORMAT_0 : codec, codec_level_default(codec),
                       &packed);
    codec_writer_add(writer, (struct bytes){set->data, set->size});
    codec_writer_finish(writer);
    set->size = 0;
    put_message(magic, (uint8_t)codec, 1700, (struct bytes){0},
                (struct bytes){packed->data, packed->size});
    buf_unref(packed);
}

static enum err convert(struct bytes from, struct slice *out)
{
    struct batch_info info;
    *out = (struct slice){.buf = buf_copy(from.data, from.size)};
    out->bytes = (struct bytes){out->buf->data, out->buf->size};
    return batch_admit(out, &limits, &form, &info, &refusal);
}

static enum err refusal_of_set(void)
{
    struct slice out;
    enum err err = convert((struct bytes){set->data, set->size}, &out);
    if (err != ERR_NONE)
        cr_assert_gt(strlen(refusal.reason), 0);
    buf_unref(out.buf);
    return err;
}

static void check_three(struct bytes batch, uint8_t magic, log_offset base)
{
    struct batch_walk walk;
    struct batch_record record;
    batch_walk_open(&walk, batch, reader);
    cr_assert_eq(walk.info.record_count, 3);
    cr_assert_eq(walk.info.max_timestamp, magic ? 1700 : -1);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert(bytes_equal(record.key, bytes_of_str(STR("k"))));
    cr_assert(bytes_equal(record.value, bytes_of_str(STR("one"))));
    cr_assert_eq(record.timestamp, magic ? 1000 : -1);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert_null(record.key.data);
    cr_assert_eq(record.timestamp, magic ? 1700 : -1);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NONE);
    cr_assert_null(record.value.data);
    cr_assert_not_null(record.key.data);
    cr_assert_eq(record.offset, base + 2);
    cr_assert_eq(batch_walk_next(&walk, &record), ERR_NOT_FOUND);
    batch_walk_close(&walk);
}

Test(message_set, becomes_one_batch_from_either_format_and_any_codec)
{
    for (uint8_t magic = 0; magic <= 1; magic++)
        for (enum codec_type codec = CODEC_NONE; codec <= CODEC_LZ4; codec++) {
            struct slice out;
            struct batch_info info;
            struct bytes batch;
            set->size = 0;
            put_three(magic);
            if (codec != CODEC_NONE)
                wrap(magic, codec);

            cr_assert_eq(convert((struct bytes){set->data, set->size}, &out), ERR_NONE);

            struct bytes rest = out.bytes;
            cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
            cr_assert_eq(rest.size, 0);
            cr_assert_eq(batch_codec(&info), codec);
            cr_assert_eq(info.producer_id, -1);
            check_three(out.bytes, magic, 0);
            limits.now = 1000;
            cr_assert_eq(batch_check(out.bytes, &limits, &info, &refusal),
                         magic ? ERR_INVALID_TIMESTAMP : ERR_NONE);
            limits.now = -1;
            buf_unref(out.buf);
        }
}

Test(message_set, gets_the_topics_codec_and_append_time)
{
    struct slice out;
    struct batch_info info;
    put_three(1);
    wrap(1, CODEC_SNAPPY);
    form.keeps_codec = false;
    form.codec = CODEC_ZSTD;
    form.append_time = 777;

    cr_assert_eq(convert((struct bytes){set->data, set->size}, &out), ERR_NONE);

    cr_assert_eq(batch_read(out.bytes, &info), ERR_NONE);
    cr_assert_eq(batch_codec(&info), CODEC_ZSTD);
    cr_assert(info.attributes & BATCH_LOG_APPEND_TIME);
    cr_assert_eq(info.max_timestamp, 777);
    cr_assert_eq(info.base_timestamp, 777);
    buf_unref(out.buf);
}

static int32_t count_of(struct bytes from)
{
    struct slice out;
    struct batch_info info;
    cr_assert_eq(convert(from, &out), ERR_NONE);
    cr_assert_eq(batch_read(out.bytes, &info), ERR_NONE);
    buf_unref(out.buf);
    return info.record_count;
}

Test(message_set, ends_with_its_last_whole_message)
{
    put_three(1);
    uint32_t first = 38, second = 75; /* Where messages end. */
    for (uint32_t size = first; size < set->size; size++)
        cr_assert_eq(count_of((struct bytes){set->data, size}), size < second ? 1 : 2);

    set->size -= 3;
    wrap(1, CODEC_GZIP);
    cr_assert_eq(count_of((struct bytes){set->data, set->size}), 2);
    for (set->size = 17; set->size < first; set->size++)
        cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD); /* There is none. */
}

Test(message_set, is_refused_when_damaged)
{
    put_three(1);
    uint32_t whole = set->size, last = 75;
    for (uint32_t at = last + 12; at < whole; at++) { /* Its offset means nothing. */
        set->data[at] ^= 1;
        cr_assert_neq(refusal_of_set(), ERR_NONE);
        set->data[at] ^= 1;
    }
    store_be32(set->data + last + 8, 13); /* Less than a message has. */
    cr_assert_eq(refusal_of_set(), ERR_CORRUPT_MESSAGE);
}

Test(message_set, refuses_a_wrapper_beside_others)
{
    put_three(1);
    wrap(1, CODEC_GZIP);
    put_message(1, 0, 5, (struct bytes){0}, bytes_of_str(STR("x")));
    cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD);
}

Test(message_set, refuses_a_wrapper_in_a_wrapper)
{
    put_three(1);
    wrap(1, CODEC_GZIP);
    wrap(1, CODEC_GZIP);
    cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD);
}

Test(message_set, refuses_a_wrapper_of_another_format_of_nothing_or_of_zstd)
{
    put_three(0);
    wrap(1, CODEC_GZIP);
    cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD);
    set->size = 0;
    wrap(1, CODEC_GZIP);
    cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD);
    set->size = 0;
    put_message(1, CODEC_GZIP, 0, (struct bytes){0}, (struct bytes){0});
    cr_assert_eq(refusal_of_set(), ERR_INVALID_RECORD);
    set->size = 0;
    put_three(1);
    wrap(1, CODEC_ZSTD);
    cr_assert_eq(refusal_of_set(), ERR_UNSUPPORTED_COMPRESSION_TYPE);
}

Test(message_set, refuses_append_time_of_a_client)
{
    put_message(1, BATCH_LOG_APPEND_TIME, 5, (struct bytes){0}, bytes_of_str(STR("x")));
    cr_assert_eq(refusal_of_set(), ERR_INVALID_TIMESTAMP);
}

Test(message_set, stops_a_bomb_in_a_wrapper)
{
    enum { SIZE = 8 << 20 };
    uint8_t *zeros = mem_zalloc(SIZE);
    for (int i = 0; i < 5; i++)
        put_message(1, 0, 5, (struct bytes){0}, (struct bytes){zeros, SIZE});
    wrap(1, CODEC_GZIP);
    cr_assert_lt(set->size, 1 << 20);
    cr_assert_eq(refusal_of_set(), ERR_MESSAGE_TOO_LARGE);
    mem_free(zeros);
}

/* ---- On the way out. */

static struct slice stored(uint8_t magic, enum codec_type codec, log_offset base)
{
    struct slice out;
    set->size = 0;
    put_three(magic);
    form.keeps_codec = false;
    form.codec = codec;
    cr_assert_eq(convert((struct bytes){set->data, set->size}, &out), ERR_NONE);
    batch_patch(out.buf->data, base, 3);
    return out;
}

static enum err add(struct buf **out, struct bytes batch, uint8_t magic, log_offset from,
                    uint32_t size_max, bool *is_full)
{
    struct message_set_form old = {
        .magic = magic, .from = from, .size_max = size_max, .reader = reader, .writer = writer};
    return message_set_add(out, batch, &old, is_full);
}

Test(message_set, comes_back_as_it_went)
{
    for (uint8_t magic = 0; magic <= 1; magic++)
        for (enum codec_type codec = CODEC_NONE; codec <= CODEC_LZ4; codec++) {
            struct slice batch = stored(magic, codec, 70), again;
            struct buf *out = buf_new(1);
            bool is_full;

            cr_assert_eq(add(&out, batch.bytes, magic, 0, 1 << 20, &is_full), ERR_NONE);

            cr_assert_not(is_full);
            cr_assert_eq(out->data[16], magic);
            cr_assert_eq(load_be64(out->data), codec == CODEC_NONE ? 70 : 72);
            form.keeps_codec = true;
            cr_assert_eq(convert((struct bytes){out->data, out->size}, &again), ERR_NONE);
            check_three(again.bytes, magic, 0);
            buf_unref(again.buf);
            buf_unref(batch.buf);
            buf_unref(out);
        }
}

Test(message_set, leaves_out_plain_messages_below_what_was_asked)
{
    struct slice batch = stored(1, CODEC_NONE, 70);
    struct buf *out = buf_new(1);
    bool is_full;

    cr_assert_eq(add(&out, batch.bytes, 1, 72, 1 << 20, &is_full), ERR_NONE);

    cr_assert_eq(load_be64(out->data), 72);
    cr_assert_eq(out->size, load_be32(out->data + 8) + 12);
    buf_unref(batch.buf);
    buf_unref(out);
}

Test(message_set, holds_one_message_whatever_the_limit_and_then_no_more)
{
    struct slice batch = stored(1, CODEC_NONE, 70);
    struct buf *out = buf_new(1);
    bool is_full;

    cr_assert_eq(add(&out, batch.bytes, 1, 0, 1, &is_full), ERR_NONE);

    cr_assert(is_full);
    cr_assert_eq(out->size, load_be32(out->data + 8) + 12);
    buf_unref(batch.buf);
    buf_unref(out);
}

Test(message_set, holds_one_wrapper_whatever_the_limit_and_then_no_more)
{
    struct slice batch = stored(1, CODEC_GZIP, 70);
    struct buf *out = buf_new(1);
    bool is_full;

    cr_assert_eq(add(&out, batch.bytes, 1, 0, 1, &is_full), ERR_NONE);
    cr_assert_not(is_full);
    uint32_t size = out->size;
    cr_assert_eq(add(&out, batch.bytes, 1, 0, 1, &is_full), ERR_NONE);

    cr_assert(is_full);
    cr_assert_eq(out->size, size);
    buf_unref(batch.buf);
    buf_unref(out);
}

Test(message_set, leaves_out_control_batches)
{
    struct batch_spec spec = batch_spec(0, 1, 5);
    struct buf *control = batch_build_control(&spec, BATCH_CONTROL_COMMIT, (struct bytes){0});
    struct buf *out = buf_new(1);
    bool is_full;

    cr_assert_eq(add(&out, (struct bytes){control->data, control->size}, 1, 0, 1000, &is_full),
                 ERR_NONE);

    cr_assert_eq(out->size, 0);
    buf_unref(control);
    buf_unref(out);
}

Test(message_set, refuses_zstd_on_the_way_out)
{
    struct slice batch = stored(1, CODEC_ZSTD, 70);
    struct buf *out = buf_new(1);
    bool is_full;

    cr_assert_eq(add(&out, batch.bytes, 1, 0, 1000, &is_full), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    cr_assert_eq(out->size, 0);
    buf_unref(batch.buf);
    buf_unref(out);
}
