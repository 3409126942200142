/* batch_check.c -- what a client's batch is refused for, and what becomes of it. */
#include <criterion/criterion.h>

#include "batch.h"
#include "batch_layout.h"

static const struct batch_limits any = {.size_max = 1 << 20, .zstd_allowed = true, .now = -1};

static struct buf *good_batch(void)
{
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record records[3] = {
        {.key = bytes_of_str(STR("k")), .value = bytes_of_str(STR("one"))},
        {.value = bytes_of_str(STR("two"))},
        {.key = bytes_of_str(STR("")), .value = {0}},
    };
    return batch_build(&spec, records, 3);
}

static void renew_crc(struct buf *buf)
{
    store_be32(buf->data + BATCH_CRC_AT,
               crc32c(0, buf->data + BATCH_ATTRIBUTES_AT, buf->size - BATCH_ATTRIBUTES_AT));
}

static enum err judge(const struct buf *buf, const struct batch_limits *limits)
{
    struct batch_info info;
    struct batch_refusal refusal = {.reason = NULL};
    enum err err = batch_check((struct bytes){buf->data, buf->size}, limits, &info, &refusal);
    cr_assert_not_null(refusal.reason);
    if (err != ERR_NONE)
        cr_assert_gt(strlen(refusal.reason), 0);
    return err;
}

/* Change one header field of a good batch, give it its checksum again, and judge it. */
static enum err judge_changed(uint32_t at, uint32_t size, uint64_t value)
{
    struct buf *buf = good_batch();
    for (uint32_t i = 0; i < size; i++)
        buf->data[at + i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    renew_crc(buf);
    enum err err = judge(buf, &any);
    buf_unref(buf);
    return err;
}

Test(batch_check, takes_what_it_built)
{
    struct buf *buf = good_batch();
    struct batch_info info;
    struct batch_refusal refusal;

    cr_assert_eq(batch_check((struct bytes){buf->data, buf->size}, &any, &info, &refusal),
                 ERR_NONE);

    cr_assert_eq(info.record_count, 3);
    cr_assert_eq(info.size, buf->size);
    cr_assert_eq(info.producer_id, -1);
    cr_assert_eq(info.max_timestamp, 5000);
    buf_unref(buf);
}

Test(batch_check, refuses_each_wrong_header_field)
{
    cr_assert_eq(judge_changed(BATCH_MAGIC_AT, 1, 1), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0xffffffff), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_LENGTH_AT, 4, 0x7fffffff), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 0), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 4), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_COUNT_AT, 4, 0xffffffff), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_LAST_DELTA_AT, 4, 7), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_CONTROL), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, 6), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, 0x80), ERR_INVALID_RECORD);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_TRANSACTIONAL),
                 ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    cr_assert_eq(judge_changed(BATCH_ATTRIBUTES_AT, 2, BATCH_LOG_APPEND_TIME),
                 ERR_INVALID_TIMESTAMP);
    cr_assert_eq(judge_changed(BATCH_PRODUCER_ID_AT, 8, 5), ERR_INVALID_RECORD);
}

Test(batch_check, refuses_a_wrong_checksum)
{
    struct buf *buf = good_batch();
    buf->data[buf->size - 1] ^= 1;

    cr_assert_eq(judge(buf, &any), ERR_CORRUPT_MESSAGE);
    buf_unref(buf);
}

Test(batch_check, refuses_none_two_and_half_a_batch)
{
    struct buf *one = good_batch();
    struct buf *two = buf_new(2 * one->size);
    struct buf *empty = buf_new(1);
    memcpy(two->data, one->data, one->size);
    memcpy(two->data + one->size, one->data, one->size);
    two->size = 2 * one->size;

    cr_assert_eq(judge(empty, &any), ERR_INVALID_RECORD);
    cr_assert_eq(judge(two, &any), ERR_INVALID_RECORD);
    for (uint32_t size = 1; size < one->size; size++) {
        two->size = size;
        cr_assert_eq(judge(two, &any), ERR_CORRUPT_MESSAGE);
    }
    buf_unref(one);
    buf_unref(two);
    buf_unref(empty);
}

Test(batch_check, refuses_what_is_over_the_size_limit)
{
    struct buf *buf = good_batch();
    struct batch_limits limits = any;

    limits.size_max = buf->size;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    limits.size_max = buf->size - 1;
    cr_assert_eq(judge(buf, &limits), ERR_MESSAGE_TOO_LARGE);
    buf_unref(buf);
}

Test(batch_check, refuses_malformed_records)
{
    uint32_t refused = 0;

    for (uint32_t at = BATCH_HEADER_SIZE;; at++) {
        struct buf *buf = good_batch();
        if (at == buf->size) {
            buf_unref(buf);
            break;
        }
        buf->data[at] = 0x7f;
        renew_crc(buf);
        enum err err = judge(buf, &any);
        cr_assert(err == ERR_NONE || err == ERR_INVALID_RECORD);
        refused += err != ERR_NONE;
        buf_unref(buf);
    }
    cr_assert_gt(refused, 10);
}

Test(batch_check, judges_timestamps_by_the_topics_range)
{
    struct buf *buf = good_batch();
    struct batch_limits limits = any;

    limits.now = 6000;
    limits.timestamp_before_max_ms = 1000;
    limits.timestamp_after_max_ms = 0;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    limits.timestamp_before_max_ms = 999;
    cr_assert_eq(judge(buf, &limits), ERR_INVALID_TIMESTAMP);
    limits.now = 4000;
    cr_assert_eq(judge(buf, &limits), ERR_INVALID_TIMESTAMP);
    limits.timestamp_after_max_ms = 1000;
    cr_assert_eq(judge(buf, &limits), ERR_NONE);
    buf_unref(buf);
}

/* ---- Other codecs, and the topic's form. */

static struct codec_reader *reader;
static struct codec_writer *writer;

static void open_codecs(void)
{
    reader = codec_reader_open();
    writer = codec_writer_open();
}

static void close_codecs(void)
{
    codec_reader_close(reader);
    codec_writer_close(writer);
}

TestSuite(batch_admit, .init = open_codecs, .fini = close_codecs);

static struct batch_limits limits_here(void)
{
    struct batch_limits limits = any;
    limits.reader = reader;
    return limits;
}

static struct batch_form form_of(enum codec_type codec)
{
    return (struct batch_form){.append_time = -1,
                               .codec = codec,
                               .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
                               .writer = writer};
}

static struct batch_form form_as_it_comes(void)
{
    struct batch_form form = form_of(CODEC_NONE);
    form.keeps_codec = true;
    return form;
}

static struct slice slice_of(struct buf *buf)
{
    return (struct slice){.buf = buf, .bytes = {buf->data, buf->size}};
}

/* A batch with its records compressed. Owns  takes `plain`. */
static struct slice packed(struct buf *plain, enum codec_type codec)
{
    struct slice slice = slice_of(plain);
    struct batch_limits limits = limits_here();
    struct batch_form form = form_of(codec);
    struct batch_refusal refusal;
    struct batch_info info;
    limits.size_max = 64 << 20;
    cr_assert_eq(batch_admit(&slice, &limits, &form, &info, &refusal), ERR_NONE);
    cr_assert_eq(batch_codec(&info), codec);
    return slice;
}

static enum err admit(struct slice *slice, struct batch_form form, struct batch_info *info)
{
    struct batch_limits limits = limits_here();
    struct batch_refusal refusal;
    return batch_admit(slice, &limits, &form, info, &refusal);
}

static enum err judge_packed(struct slice slice, struct batch_limits limits,
                             struct batch_refusal *refusal)
{
    struct batch_info info;
    enum err err = batch_check(slice.bytes, &limits, &info, refusal);
    if (err != ERR_NONE)
        cr_assert_gt(strlen(refusal->reason), 0);
    return err;
}

static void check_same_records(struct bytes one, struct bytes other)
{
    struct codec_reader *second = codec_reader_open();
    struct batch_walk left, right;
    struct batch_record a, b;
    enum err err;
    batch_walk_open(&left, one, reader);
    batch_walk_open(&right, other, second);
    while ((err = batch_walk_next(&left, &a)) == ERR_NONE) {
        cr_assert_eq(batch_walk_next(&right, &b), ERR_NONE);
        cr_assert(bytes_equal(a.key, b.key));
        cr_assert(bytes_equal(a.value, b.value));
        cr_assert(bytes_equal(a.headers, b.headers));
        cr_assert_eq(a.timestamp, b.timestamp);
        cr_assert_eq(a.offset, b.offset);
    }
    cr_assert_eq(err, ERR_NOT_FOUND);
    cr_assert_eq(batch_walk_next(&right, &b), ERR_NOT_FOUND);
    batch_walk_close(&left);
    batch_walk_close(&right);
    codec_reader_close(second);
}

Test(batch_admit, keeps_the_bytes_where_nothing_is_to_change)
{
    for (enum codec_type codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        struct slice slice = packed(good_batch(), codec);
        struct buf *before = buf_copy(slice.bytes.data, slice.bytes.size);
        struct buf *buf = slice.buf;
        struct batch_info info;

        cr_assert_eq(admit(&slice, form_as_it_comes(), &info), ERR_NONE);
        cr_assert_eq(admit(&slice, form_of(codec), &info), ERR_NONE);

        cr_assert_eq(slice.buf, buf);
        cr_assert_eq(slice.bytes.size, before->size);
        cr_assert_eq(memcmp(slice.bytes.data, before->data, before->size), 0);
        buf_unref(before);
        buf_unref(slice.buf);
    }
}

Test(batch_admit, changes_any_codec_into_any_other)
{
    for (enum codec_type from = CODEC_NONE; from <= CODEC_ZSTD; from++)
        for (enum codec_type to = CODEC_NONE; to <= CODEC_ZSTD; to++) {
            struct buf *plain = good_batch();
            struct slice slice = packed(good_batch(), from);
            struct bytes rest, batch;
            struct batch_info info, again;

            cr_assert_eq(admit(&slice, form_of(to), &info), ERR_NONE);

            rest = slice.bytes;
            cr_assert_eq(batch_next(&rest, &again, &batch), ERR_NONE);
            cr_assert_eq(again.size, info.size);
            cr_assert_eq(again.crc, info.crc);
            cr_assert_eq(batch_codec(&again), to);
            check_same_records(slice.bytes, (struct bytes){plain->data, plain->size});
            buf_unref(slice.buf);
            buf_unref(plain);
        }
}

Test(batch_admit, keeps_the_producer_and_its_sequence_when_it_recompresses)
{
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record record = {.value = bytes_of_str(STR("one"))};
    struct batch_info info;
    spec.producer_id = 77;
    spec.producer_epoch = 3;
    spec.base_sequence = 12;
    struct slice slice = slice_of(batch_build(&spec, &record, 1));

    cr_assert_eq(admit(&slice, form_of(CODEC_LZ4), &info), ERR_NONE);

    cr_assert_eq(info.producer_id, 77);
    cr_assert_eq(info.producer_epoch, 3);
    cr_assert_eq(info.base_sequence, 12);
    buf_unref(slice.buf);
}

Test(batch_admit, stamps_append_time_and_the_codec_at_once)
{
    struct slice slice = slice_of(good_batch());
    struct batch_form form = form_of(CODEC_GZIP);
    struct batch_info info, again;
    struct bytes batch;
    form.append_time = 777;

    cr_assert_eq(admit(&slice, form, &info), ERR_NONE);

    struct bytes rest = slice.bytes;
    cr_assert_eq(batch_next(&rest, &again, &batch), ERR_NONE);
    cr_assert_eq(again.max_timestamp, 777);
    cr_assert(again.attributes & BATCH_LOG_APPEND_TIME);
    cr_assert_eq(batch_codec(&again), CODEC_GZIP);
    buf_unref(slice.buf);
}

Test(batch_admit, corrects_a_greatest_timestamp_that_lies)
{
    for (enum codec_type codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        struct slice slice = packed(good_batch(), codec);
        struct batch_info info, again;
        struct bytes batch;
        store_be64(slice.buf->data + BATCH_MAX_TIMESTAMP_AT, 99999);
        renew_crc(slice.buf);

        cr_assert_eq(admit(&slice, form_as_it_comes(), &info), ERR_NONE);

        struct bytes rest = slice.bytes;
        cr_assert_eq(batch_next(&rest, &again, &batch), ERR_NONE);
        cr_assert_eq(again.max_timestamp, 5000);
        cr_assert_eq(info.max_timestamp, 5000);
        buf_unref(slice.buf);
    }
}

Test(batch_admit, holds_the_size_limit_against_what_it_wrote)
{
    uint8_t *zeros = mem_zalloc(100000);
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record record = {.value = {zeros, 100000}};
    struct slice slice = packed(batch_build(&spec, &record, 1), CODEC_ZSTD);
    struct buf *buf = slice.buf;
    struct batch_limits limits = limits_here();
    struct batch_form form = form_of(CODEC_NONE);
    struct batch_refusal refusal;
    struct batch_info info;
    limits.size_max = 50000;

    cr_assert_eq(batch_admit(&slice, &limits, &form, &info, &refusal), ERR_MESSAGE_TOO_LARGE);

    cr_assert_eq(slice.buf, buf);
    mem_free(zeros);
    buf_unref(slice.buf);
}

Test(batch_admit, refuses_compressed_records_that_lie_about_their_count)
{
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++)
        for (uint32_t count = 2; count <= 4; count++) {
            struct slice slice = packed(good_batch(), codec);
            struct batch_refusal refusal;
            store_be32(slice.buf->data + BATCH_COUNT_AT, count);
            store_be32(slice.buf->data + BATCH_LAST_DELTA_AT, count - 1);
            renew_crc(slice.buf);
            cr_assert_eq(judge_packed(slice, limits_here(), &refusal),
                         count == 3 ? ERR_NONE : ERR_INVALID_RECORD);
            buf_unref(slice.buf);
        }
}

Test(batch_admit, refuses_records_that_do_not_decompress)
{
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        struct buf *plain = good_batch(); /* Plain records under a codec's name. */
        struct batch_refusal refusal;
        store_be16(plain->data + BATCH_ATTRIBUTES_AT, (uint16_t)codec);
        renew_crc(plain);
        cr_assert_eq(judge_packed(slice_of(plain), limits_here(), &refusal), ERR_INVALID_RECORD);
        buf_unref(plain);
    }
}

Test(batch_admit, refuses_malformed_records_inside_any_codec)
{
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        struct buf *plain = good_batch(), *out = buf_new(1000);
        struct batch_refusal refusal;
        memcpy(out->data, plain->data, BATCH_HEADER_SIZE);
        out->size = BATCH_HEADER_SIZE;
        codec_writer_start(writer, codec, codec_level_default(codec), &out);
        codec_writer_add(writer, (struct bytes){plain->data + BATCH_HEADER_SIZE,
                                                plain->size - BATCH_HEADER_SIZE - 1});
        codec_writer_finish(writer);
        store_be16(out->data + BATCH_ATTRIBUTES_AT, (uint16_t)codec);
        store_be32(out->data + BATCH_LENGTH_AT, out->size - BATCH_PREFIX_SIZE);
        renew_crc(out);
        cr_assert_eq(judge_packed(slice_of(out), limits_here(), &refusal), ERR_INVALID_RECORD);
        buf_unref(out);
        buf_unref(plain);
    }
}

Test(batch_admit, tells_a_producer_to_split_a_bomb)
{
    enum { RECORD_SIZE = 5000000, RECORDS = 7 };
    uint8_t *zeros = mem_zalloc(RECORD_SIZE);
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record records[RECORDS];
    for (uint32_t i = 0; i < RECORDS; i++)
        records[i] = (struct batch_record){.value = {zeros, RECORD_SIZE}};
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        struct slice slice = packed(batch_build(&spec, records, RECORDS), codec);
        struct batch_limits limits = limits_here();
        struct batch_refusal refusal;
        limits.size_max = slice.bytes.size; /* Its 35 MB are over the least limit. */
        if (codec != CODEC_SNAPPY)          /* It packs too badly for that. */
            cr_assert_eq(judge_packed(slice, limits, &refusal), ERR_MESSAGE_TOO_LARGE);
        buf_unref(slice.buf);
    }
    mem_free(zeros);
}

Test(batch_admit, names_each_record_that_is_to_blame)
{
    for (enum codec_type codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        struct slice slice = packed(good_batch(), codec);
        struct batch_limits limits = limits_here();
        struct batch_refusal refusal;
        limits.keys_required = true;

        cr_assert_eq(judge_packed(slice, limits, &refusal), ERR_INVALID_RECORD);

        cr_assert_eq(refusal.fault_count, 1);
        cr_assert_eq(refusal.faults[0].index, 1);
        cr_assert_gt(strlen(refusal.faults[0].reason), 0);
        buf_unref(slice.buf);
    }
}

Test(batch_admit, names_no_more_records_than_its_limit)
{
    struct batch_spec spec = batch_spec(0, -1, 5000);
    struct batch_record records[100] = {0};
    struct slice slice = slice_of(batch_build(&spec, records, 100));
    struct batch_limits limits = limits_here();
    struct batch_refusal refusal;
    limits.now = 4000;
    limits.timestamp_before_max_ms = INT64_MAX;

    cr_assert_eq(judge_packed(slice, limits, &refusal), ERR_INVALID_TIMESTAMP);

    cr_assert_eq(refusal.fault_count, BATCH_FAULTS_MAX);
    cr_assert_eq(refusal.faults[BATCH_FAULTS_MAX - 1].index, BATCH_FAULTS_MAX - 1);
    buf_unref(slice.buf);
}

Test(batch_admit, walks_records_that_are_larger_than_a_piece)
{
    enum { SIZE = 3 * CODEC_PIECE_SIZE };
    uint8_t *content = mem_alloc(SIZE);
    struct batch_spec spec = batch_spec(0, -1, 5000);
    for (uint32_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(i * i >> 5);
    struct batch_record records[3] = {{.value = {content, 10}},
                                      {.key = {content + 1, SIZE - 2}, .value = {content, SIZE}},
                                      {.value = {content, 20}}};
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        struct buf *plain = batch_build(&spec, records, 3);
        struct slice slice = packed(buf_copy(plain->data, plain->size), codec);
        check_same_records(slice.bytes, (struct bytes){plain->data, plain->size});
        buf_unref(slice.buf);
        buf_unref(plain);
    }
    mem_free(content);
}
