/* compact_batch.c -- what is left of one batch: records, headers, horizons, codecs. */
#include <criterion/criterion.h>

#include "batch_layout.h"
#include "compact.h"
#include "records.h"

#include <stdio.h>

enum { NOW = 100000, RETENTION = 5000, BASE = 50, MADE = 1000 };

static const uint64_t secret[2] = {1, 2};

struct bench {
    struct key_map *keys;
    struct compact_rules rules;
    struct buf *out;
    struct compact_left left;
};

static struct bytes text(const char *words)
{
    return (struct bytes){.data = (const uint8_t *)words, .size = (uint32_t)strlen(words)};
}

static struct bench bench_open(void)
{
    struct bench bench = {.keys = key_map_open(1 << 16, 90, 1000, secret), .out = buf_new(16)};
    bench.rules = (struct compact_rules){.keys = bench.keys,
                                         .latest = 1000,
                                         .now = NOW,
                                         .delete_retention_ms = RETENTION,
                                         .reader = codec_reader_open(),
                                         .writer = codec_writer_open()};
    return bench;
}

static void bench_close(struct bench *bench)
{
    key_map_close(bench->keys);
    codec_reader_close(bench->rules.reader);
    codec_writer_close(bench->rules.writer);
    buf_unref(bench->out);
}

/* Keys a, b, c, ... from offset BASE on; '-' for a value: a tombstone. */
static struct buf *make(const char *keys, const char *values, enum codec_type codec)
{
    struct codec_reader *reader = codec_reader_open();
    struct codec_writer *writer = codec_writer_open();
    struct batch_record records[16] = {0};
    struct batch_spec spec = batch_spec(BASE, 3, MADE);
    uint32_t count = (uint32_t)strlen(keys);
    struct batch_limits limits = {
        .size_max = 1 << 20, .zstd_allowed = true, .now = -1, .reader = reader};
    struct batch_form form = {.append_time = -1, .codec = codec, .writer = writer};
    struct batch_refusal refusal;
    struct batch_info info;

    for (uint32_t i = 0; i < count; i++) {
        records[i].key = (struct bytes){.data = (const uint8_t *)keys + i, .size = 1};
        if (keys[i] == ' ')
            records[i].key = (struct bytes){0};
        if (values[i] != '-')
            records[i].value = (struct bytes){.data = (const uint8_t *)values + i, .size = 1};
    }
    spec.producer_id = 7;
    spec.producer_epoch = 1;
    spec.base_sequence = 40;
    struct buf *buf = batch_build(&spec, records, count);
    struct slice slice = {.buf = buf, .bytes = {.data = buf->data, .size = buf->size}};
    cr_assert_eq(batch_admit(&slice, &limits, &form, &info, &refusal), ERR_NONE);
    batch_patch(slice.buf->data, BASE, 3);
    codec_reader_close(reader);
    codec_writer_close(writer);
    return slice.buf;
}

static enum err compact(struct bench *bench, const struct buf *buf, bool must_stay)
{
    struct bytes bytes = {.data = buf->data, .size = buf->size};
    struct batch_info info;

    bench->out->size = 0;
    cr_assert_eq(batch_read(bytes, &info), ERR_NONE);
    return compact_batch(&bench->rules, bytes, &info, must_stay, &bench->out, &bench->left);
}

/* The same, of what the last one has left. */
static void compact_again(struct bench *bench)
{
    struct buf *copy = buf_copy(bench->out->data, bench->out->size);
    cr_assert_eq(compact(bench, copy, false), ERR_NONE);
    buf_unref(copy);
}

/* What is there, as "key value offset timestamp;", the checksum verified. */
static const char *shown(struct bench *bench, char out[256])
{
    struct bytes rest = {.data = bench->out->data, .size = bench->out->size}, batch;
    struct batch_walk walk;
    struct batch_record record;
    struct batch_info info;
    int size = 0;

    out[0] = '\0';
    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
    cr_assert_eq(rest.size, 0);
    cr_assert_eq(info.crc, bench->left.info.crc);
    cr_assert_eq(info.size, bench->left.info.size);
    cr_assert_eq(info.record_count, bench->left.info.record_count);
    batch_walk_open(&walk, batch, bench->rules.reader);
    while (batch_walk_next(&walk, &record) == ERR_NONE)
        size += snprintf(out + size, 256 - (size_t)size, "%c%c%lld@%lld;", *record.key.data,
                         record.value.data ? *record.value.data : '-', (long long)record.offset,
                         (long long)record.timestamp);
    batch_walk_close(&walk);
    return out;
}

Test(compact_batch, what_nothing_supersedes_stays_byte_for_byte)
{
    struct bench bench = bench_open();
    struct buf *buf = make("abc", "123", CODEC_ZSTD);
    key_map_put(bench.keys, text("a"), BASE);

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_not(bench.left.is_changed);
    cr_assert_eq(bench.out->size, buf->size);
    cr_assert_eq(memcmp(bench.out->data, buf->data, buf->size), 0);
    buf_unref(buf);
    bench_close(&bench);
}

static void check_codec(enum codec_type codec)
{
    struct bench bench = bench_open();
    struct buf *buf = make("abcd", "1234", codec);
    char out[256];
    key_map_put(bench.keys, text("b"), 500);
    key_map_put(bench.keys, text("d"), 501);

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_str_eq(shown(&bench, out), "a150@1000;c352@1000;");
    cr_assert_eq(bench.left.dropped, 2);
    cr_assert_eq(batch_codec(&bench.left.info), codec);
    cr_assert_eq(bench.left.info.base, BASE);
    cr_assert_eq(bench.left.info.last_offset_delta, 3);
    cr_assert_eq(bench.left.info.base_sequence, 40);
    cr_assert_eq(bench.left.info.epoch, 3);
    cr_assert_eq(bench.left.info.record_count, 2);
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, superseded_records_go_and_the_others_keep_their_offsets_in_every_codec)
{
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        check_codec((enum codec_type)codec);
}

Test(compact_batch, one_without_records_goes_unless_it_must_stay)
{
    struct bench bench = bench_open();
    struct buf *buf = make("aa", "12", CODEC_LZ4);
    char out[256];
    key_map_put(bench.keys, text("a"), 500);

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);
    cr_assert_eq(bench.out->size, 0);
    cr_assert_eq(bench.left.info.size, 0);

    cr_assert_eq(compact(&bench, buf, true), ERR_NONE);
    cr_assert_eq(bench.out->size, BATCH_HEADER_SIZE);
    cr_assert_str_eq(shown(&bench, out), "");
    cr_assert_eq(batch_last(&bench.left.info), BASE + 1);
    cr_assert_eq(batch_last_sequence(&bench.left.info), 41);
    cr_assert_eq(bench.left.info.producer_id, 7);
    cr_assert_eq(bench.left.info.max_timestamp, MADE);
    cr_assert_eq(batch_codec(&bench.left.info), CODEC_NONE);
    compact_again(&bench);
    cr_assert_eq(bench.left.info.size, 0);
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, a_tombstone_gets_its_horizon_once_and_goes_when_that_has_passed)
{
    struct bench bench = bench_open();
    struct buf *buf = make("ab", "-2", CODEC_NONE);
    char out[256];

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);
    cr_assert_str_eq(shown(&bench, out), "a-50@1000;b251@1000;");
    cr_assert(bench.left.info.attributes & BATCH_DELETE_HORIZON);
    cr_assert_eq(bench.left.info.base_timestamp, NOW + RETENTION);

    bench.rules.now = NOW + RETENTION - 1;
    compact_again(&bench);
    cr_assert_not(bench.left.is_changed);
    cr_assert_eq(bench.left.info.base_timestamp, NOW + RETENTION);

    bench.rules.now = NOW + RETENTION;
    compact_again(&bench);
    cr_assert_str_eq(shown(&bench, out), "b251@1000;");
    cr_assert_eq(bench.left.dropped, 1);
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, a_horizon_is_set_only_where_the_map_knows_all_of_the_batch)
{
    struct bench bench = bench_open();
    struct buf *buf = make("ab", "-2", CODEC_NONE);
    bench.rules.latest = BASE;

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_not(bench.left.is_changed);
    buf_unref(buf);
    bench_close(&bench);
}

/* The cluster's time is a lower bound (cluster_clock.h): with two of three clocks to go by, one
 * that is days late sets it. A horizon that it gives would have passed when it is right again. */
Test(compact_batch, a_clock_that_has_not_reached_the_batch_sets_no_horizon)
{
    struct bench bench = bench_open();
    struct buf *buf = make("ab", "-2", CODEC_NONE);
    bench.rules.now = MADE - 1;

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);
    cr_assert_not(bench.left.is_changed);

    bench.rules.now = MADE;
    compact_again(&bench);
    cr_assert_eq(bench.left.info.base_timestamp, MADE + RETENTION);
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, an_endless_retention_is_a_horizon_that_never_comes)
{
    struct bench bench = bench_open();
    struct buf *buf = make("a", "-", CODEC_NONE);
    char out[256];
    bench.rules.delete_retention_ms = INT64_MAX;

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_eq(bench.left.info.base_timestamp, INT64_MAX);
    cr_assert_str_eq(shown(&bench, out), "a-50@1000;");
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, records_past_the_map_are_not_judged)
{
    struct bench bench = bench_open();
    struct buf *buf = make("abab", "1234", CODEC_NONE);
    char out[256];
    bench.rules.latest = BASE + 1;
    key_map_put(bench.keys, text("a"), BASE + 2);

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_str_eq(shown(&bench, out), "b251@1000;a352@1000;b453@1000;");
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, a_record_without_a_key_goes)
{
    struct bench bench = bench_open();
    struct buf *buf = make("a b", "123", CODEC_NONE);
    char out[256];

    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_str_eq(shown(&bench, out), "a150@1000;b352@1000;");
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, control_batches_and_those_of_transactions_are_left_alone)
{
    static const uint8_t key[4] = {0, 0, 0, 1};
    struct bench bench = bench_open();
    struct batch_spec spec = batch_spec(BASE, 3, MADE);
    struct buf *control = batch_build_control(&spec, BATCH_CONTROL_COMMIT, text("x"));
    log_offset latest = -1;
    struct batch_info info;
    key_map_put(bench.keys, (struct bytes){.data = key, .size = sizeof key}, 500);

    cr_assert_eq(compact(&bench, control, false), ERR_NONE);

    cr_assert_eq(bench.out->size, control->size);
    cr_assert_eq(memcmp(bench.out->data, control->data, control->size), 0);
    cr_assert_eq(batch_read((struct bytes){control->data, control->size}, &info), ERR_NONE);
    cr_assert_eq(compact_note(bench.keys, bench.rules.reader,
                              (struct bytes){control->data, control->size}, &info, 0, &latest),
                 ERR_NONE);
    cr_assert_eq(latest, BASE);
    cr_assert_eq(key_map_count(bench.keys), 1);
    buf_unref(control);
    bench_close(&bench);
}

Test(compact_batch, notes_keys_from_the_start_on_until_the_map_is_full)
{
    struct bench bench = bench_open();
    struct key_map *small = key_map_open(3 * KEY_MAP_ENTRY_SIZE, 90, 1000, secret);
    struct buf *buf = make("abcabd", "123456", CODEC_SNAPPY);
    struct bytes bytes = {.data = buf->data, .size = buf->size};
    struct batch_info info;
    log_offset latest = BASE;
    cr_assert_eq(batch_read(bytes, &info), ERR_NONE);
    cr_assert_eq(key_map_room(small), 2);

    cr_assert_eq(compact_note(small, bench.rules.reader, bytes, &info, BASE + 1, &latest),
                 ERR_NONE);

    cr_assert_eq(latest, BASE + 2); /* b and c are in; a is not, and all after it. */
    cr_assert_eq(key_map_get(small, text("b")), BASE + 1);
    cr_assert_eq(key_map_get(small, text("c")), BASE + 2);
    key_map_close(small);
    buf_unref(buf);
    bench_close(&bench);
}

Test(compact_batch, refuses_records_whose_offsets_do_not_rise)
{
    struct bench bench = bench_open();
    struct buf *buf = make("ab", "12", CODEC_NONE);
    uint8_t *second = buf->data + BATCH_HEADER_SIZE + (buf->size - BATCH_HEADER_SIZE) / 2;
    cr_assert_eq(second[3], 2); /* Offset delta 1, as a zigzag varint. */
    second[3] = 0;
    batch_seal(buf->data, buf->size);

    cr_assert_eq(compact(&bench, buf, false), ERR_INVALID_RECORD);

    buf_unref(buf);
    bench_close(&bench);
}
