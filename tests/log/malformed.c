/* malformed.c -- what no producer means: records and old messages written by hand, each wrong in
 * one place, and with a right checksum. */
#include <criterion/criterion.h>
#include <zlib.h>

#include "batch_layout.h"
#include "message_set.h"

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

TestSuite(malformed, .init = open_codecs, .fini = close_codecs);

#define BYTES(...)                                                                                 \
    ((struct bytes){.data = (const uint8_t[]){__VA_ARGS__},                                        \
                    .size = sizeof(const uint8_t[]){__VA_ARGS__}})
/* A record without a key, whose value is "v", and what stands before and behind that. */
#define LENGTH(size) (2 * (size))
#define BEFORE 0, 0, 0, 1, 2, 'v'

static struct batch_limits limits_at(wall_ms now)
{
    return (struct batch_limits){.size_max = 1 << 20,
                                 .zstd_allowed = true,
                                 .now = now,
                                 .timestamp_before_max_ms = INT64_MAX,
                                 .timestamp_after_max_ms = 3600000,
                                 .reader = reader};
}

static struct slice batch_of(struct bytes records, int32_t count, wall_ms base_timestamp,
                             enum codec_type codec)
{
    struct buf *buf = buf_new(BATCH_HEADER_SIZE + records.size);
    buf->size = BATCH_HEADER_SIZE;
    codec_writer_start(writer, codec, codec_level_default(codec), &buf);
    codec_writer_add(writer, records);
    codec_writer_finish(writer);
    batch_write_header(buf->data, &(struct batch_info){.size = buf->size,
                                                       .epoch = -1,
                                                       .attributes = (int16_t)codec,
                                                       .last_offset_delta = count - 1,
                                                       .base_timestamp = base_timestamp,
                                                       .max_timestamp = base_timestamp,
                                                       .producer_id = -1,
                                                       .producer_epoch = -1,
                                                       .base_sequence = -1,
                                                       .record_count = count});
    batch_seal(buf->data, buf->size);
    return (struct slice){.buf = buf, .bytes = {buf->data, buf->size}};
}

static enum err admit(struct slice *slice, wall_ms now, bool is_old_allowed)
{
    struct batch_limits limits = limits_at(now);
    struct batch_form form = {.append_time = -1,
                              .is_old_allowed = is_old_allowed,
                              .keeps_codec = true,
                              .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
                              .writer = writer};
    struct batch_info info;
    struct batch_refusal refusal;
    enum err err = batch_admit(slice, &limits, &form, &info, &refusal);
    if (err != ERR_NONE)
        cr_assert_gt(strlen(refusal.reason), 0);
    return err;
}

static enum err judge_at(struct bytes records, int32_t count, wall_ms base_timestamp, wall_ms now)
{
    struct slice slice = batch_of(records, count, base_timestamp, CODEC_NONE);
    enum err err = admit(&slice, now, false);
    buf_unref(slice.buf);
    return err;
}

/* Plain, and inside each codec: the same verdict. */
static enum err judge(struct bytes records, int32_t count)
{
    enum err first = judge_at(records, count, 1000, -1);
    for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        struct slice slice = batch_of(records, count, 1000, codec);
        cr_assert_eq(admit(&slice, -1, false), first, "codec %d", codec);
        buf_unref(slice.buf);
    }
    return first;
}

#define REFUSES(count, ...) cr_assert_eq(judge(BYTES(__VA_ARGS__), count), ERR_INVALID_RECORD)

Test(malformed, takes_what_the_others_are_variations_of)
{
    cr_assert_eq(judge(BYTES(LENGTH(7), BEFORE, 0), 1), ERR_NONE);
    cr_assert_eq(judge(BYTES(LENGTH(10), BEFORE, 2, 2, 'k', 1), 1), ERR_NONE); /* A null value. */
    cr_assert_eq(judge(BYTES(LENGTH(6), 0, 0, 0, 1, 1, 0), 1), ERR_NONE);
}

Test(malformed, refuses_lengths_of_keys_and_values_that_lie)
{
    REFUSES(1, LENGTH(7), 0, 0, 0, 3, 2, 'v', 0);  /* A key of -2 bytes. */
    REFUSES(1, LENGTH(6), 0, 0, 0, 1, 3, 0);       /* A value of -2. */
    REFUSES(1, LENGTH(7), 0, 0, 0, 98, 2, 'v', 0); /* A key of 49. */
    REFUSES(1, LENGTH(7), 0, 0, 0, 1, 98, 'v', 0);
    REFUSES(1, LENGTH(11), 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 'v', 0); /* INT32_MAX. */
}

Test(malformed, refuses_headers_that_lie)
{
    REFUSES(1, LENGTH(7), BEFORE, 1);                             /* -1 of them. */
    REFUSES(1, LENGTH(11), BEFORE, 0xfe, 0xff, 0xff, 0xff, 0x0f); /* INT32_MAX. */
    REFUSES(1, LENGTH(10), BEFORE, 4, 2, 'k', 1);                 /* Two, where there is one. */
    REFUSES(1, LENGTH(9), BEFORE, 2, 1, 1);                       /* A null key. */
    REFUSES(1, LENGTH(10), BEFORE, 2, 2, 'k', 3);                 /* A value of -2 bytes. */
    REFUSES(1, LENGTH(10), BEFORE, 2, 20, 'k', 1);                /* A key of 10. */
    REFUSES(1, LENGTH(6), BEFORE);                                /* Not even their count. */
}

Test(malformed, refuses_lengths_of_records_that_lie)
{
    REFUSES(1, 0);
    REFUSES(1, 1);
    REFUSES(1, LENGTH(6), BEFORE, 0);
    REFUSES(1, LENGTH(8), BEFORE, 0);
    REFUSES(1, LENGTH(8), BEFORE, 0, 0); /* A byte behind the headers. */
    REFUSES(1, 0xfe, 0xff, 0xff, 0xff, 0x0f, BEFORE, 0);
    REFUSES(1, 0xff, 0xff, 0xff, 0xff, 0x7f, BEFORE, 0); /* More than 32 bits. */
    REFUSES(1, LENGTH(16), 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1,
            2, 'v', 0); /* A varint that never ends. */
}

Test(malformed, refuses_counts_that_do_not_fit_the_records)
{
    REFUSES(1, LENGTH(7), BEFORE, 0, LENGTH(7), 0, 0, 2, 1, 2, 'v', 0);
    REFUSES(2, LENGTH(7), BEFORE, 0);
    REFUSES(1000000, LENGTH(7), BEFORE, 0);
    REFUSES(INT32_MAX, LENGTH(7), BEFORE, 0);
    REFUSES(1, LENGTH(7), BEFORE, 0, 0); /* A byte behind the last one. */
    cr_assert_eq(judge((struct bytes){.data = (const uint8_t *)""}, 1), ERR_INVALID_RECORD);
}

Test(malformed, refuses_offsets_that_do_not_rise_one_by_one)
{
    REFUSES(1, LENGTH(7), 0, 0, 1, 1, 2, 'v', 0); /* -1 */
    REFUSES(1, LENGTH(7), 0, 0, 2, 1, 2, 'v', 0);
    REFUSES(1, LENGTH(11), 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 2, 'v', 0); /* INT32_MAX. */
    REFUSES(2, LENGTH(7), BEFORE, 0, LENGTH(7), BEFORE, 0);
    REFUSES(2, LENGTH(7), 0, 0, 2, 1, 2, 'v', 0, LENGTH(7), BEFORE, 0);
    REFUSES(2, LENGTH(7), BEFORE, 0, LENGTH(7), 0, 0, 4, 1, 2, 'v', 0);
}

/* Before all time and after it: never kept for ever, never gone at once. */
Test(malformed, judges_timestamps_at_the_ends_of_time)
{
    static const wall_ms wrong[] = {INT64_MIN, INT64_MIN + 1, -2,
                                    3601001,   INT64_MAX - 1, INT64_MAX};
    struct bytes record = BYTES(LENGTH(7), BEFORE, 0);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(judge_at(record, 1, wrong[i], 1000), ERR_INVALID_TIMESTAMP);
    cr_assert_eq(judge_at(record, 1, -1, 1000), ERR_NONE);
    cr_assert_eq(judge_at(record, 1, 0, 1000), ERR_NONE);
    cr_assert_eq(judge_at(record, 1, 3601000, 1000), ERR_NONE);
}

Test(malformed, refuses_a_sum_of_timestamps_that_no_number_holds)
{
    struct bytes later = BYTES(LENGTH(7), 0, 2, 0, 1, 2, 'v', 0);
    struct bytes earlier = BYTES(LENGTH(7), 0, 1, 0, 1, 2, 'v', 0);
    cr_assert_eq(judge_at(later, 1, INT64_MAX, -1), ERR_INVALID_TIMESTAMP);
    cr_assert_eq(judge_at(earlier, 1, INT64_MIN, -1), ERR_INVALID_TIMESTAMP);
}

/* A client's offsets mean nothing, and lie outside the checksum: the log gives its own. */
Test(malformed, takes_any_base_offset_and_leader_epoch)
{
    static const int64_t offsets[] = {-1, INT64_MIN, 7, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        struct slice slice = batch_of(BYTES(LENGTH(7), BEFORE, 0), 1, 1000, CODEC_NONE);
        store_be64(slice.buf->data + BATCH_BASE_AT, (uint64_t)offsets[i]);
        store_be32(slice.buf->data + BATCH_EPOCH_AT, (uint32_t)offsets[i]);
        cr_assert_eq(admit(&slice, -1, false), ERR_NONE, "%lld", (long long)offsets[i]);
        buf_unref(slice.buf);
    }
}

/* ---- Formats 0 and 1. */

static struct buf *message(uint8_t magic, uint8_t attributes, struct bytes rest)
{
    struct buf *buf = buf_new(18 + rest.size);
    memset(buf->data, 0, 18);
    store_be32(buf->data + 8, 6 + rest.size);
    buf->data[16] = magic;
    buf->data[17] = attributes;
    memcpy(buf->data + 18, rest.data, rest.size);
    buf->size = 18 + rest.size;
    store_be32(buf->data + 12, (uint32_t)crc32(0, buf->data + 16, buf->size - 16));
    return buf;
}

static enum err judge_set(struct buf *set, wall_ms now)
{
    struct slice slice = {.buf = set, .bytes = {set->data, set->size}};
    enum err err = admit(&slice, now, true);
    buf_unref(slice.buf);
    return err;
}

static enum err judge_old(struct bytes rest, uint8_t attributes)
{
    return judge_set(message(0, attributes, rest), -1);
}

#define NULL_KEY 0xff, 0xff, 0xff, 0xff

Test(malformed, takes_the_old_message_that_the_others_are_variations_of)
{
    cr_assert_eq(judge_old(BYTES(NULL_KEY, 0, 0, 0, 1, 'v'), 0), ERR_NONE);
}

Test(malformed, refuses_lengths_inside_an_old_message_that_lie)
{
    cr_assert_eq(judge_old(BYTES(0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 1, 'v'), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(NULL_KEY, 0xff, 0xff, 0xff, 0xfe), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(0, 0, 0, 6, 0, 0, 0, 1, 'v'), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(NULL_KEY, 0, 0, 0, 2, 'v'), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(NULL_KEY, 0x7f, 0xff, 0xff, 0xff, 'v'), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(NULL_KEY, 0, 0, 0, 1, 'v', 0), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(0x80, 0, 0, 0, 0, 0, 0, 0), 0), ERR_CORRUPT_MESSAGE);
    cr_assert_eq(judge_old(BYTES(NULL_KEY), 0), ERR_CORRUPT_MESSAGE); /* No value at all. */
}

Test(malformed, refuses_sizes_of_old_messages_that_lie)
{
    static const uint32_t sizes[] = {0, 1, 13, 0x80000000, 0xffffffff};
    for (int i = 0; i < 5; i++) {
        struct buf *set = message(0, 0, BYTES(NULL_KEY, 0, 0, 0, 1, 'v'));
        store_be32(set->data + 8, sizes[i]);
        cr_assert_eq(judge_set(set, -1), ERR_CORRUPT_MESSAGE);
    }
    struct buf *set = message(0, 0, BYTES(NULL_KEY, 0, 0, 0, 1, 'v'));
    store_be32(set->data + 8, INT32_MAX); /* Cut off: there is none. */
    cr_assert_eq(judge_set(set, -1), ERR_INVALID_RECORD);
}

Test(malformed, refuses_codecs_of_old_messages_that_nobody_knows)
{
    for (uint8_t codec = 5; codec <= 7; codec++)
        cr_assert_eq(judge_old(BYTES(NULL_KEY, 0, 0, 0, 1, 'v'), codec), ERR_INVALID_RECORD);
}

Test(malformed, refuses_a_format_behind_an_old_message_that_is_none)
{
    static const uint8_t formats[] = {2, 3, 127, 255};
    for (int i = 0; i < 4; i++) {
        struct buf *set = message(0, 0, BYTES(NULL_KEY, 0, 0, 0, 1, 'v'));
        struct buf *other = message(formats[i], 0, BYTES(NULL_KEY, 0, 0, 0, 1, 'v'));
        buf_make_room(&set, other->size);
        memcpy(set->data + set->size, other->data, other->size);
        set->size += other->size;
        buf_unref(other);
        cr_assert_eq(judge_set(set, -1), ERR_INVALID_RECORD);
    }
}

Test(malformed, judges_timestamps_of_old_messages_at_the_ends_of_time)
{
    static const int64_t wrong[] = {INT64_MIN, -2, 3601001, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        struct buf *set = message(1, 0, BYTES(0, 0, 0, 0, 0, 0, 0, 0, NULL_KEY, NULL_KEY));
        store_be64(set->data + 18, (uint64_t)wrong[i]);
        store_be32(set->data + 12, (uint32_t)crc32(0, set->data + 16, set->size - 16));
        cr_assert_eq(judge_set(set, 1000), ERR_INVALID_TIMESTAMP);
    }
}
