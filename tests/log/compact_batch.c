/* compact_batch.c -- what is left of one batch: records, headers, horizons, codecs. */
#include <criterion/criterion.h>

#include "batch_layout.h"
#include "compact.h"
#include "records.h"

#include <stdio.h>

enum { NOW = 100000, RETENTION = 5000, BASE = 50, MADE = 1000, SLICES_MAX = 100000 };

static const uint64_t secret[2] = {1, 2};

struct bench {
    struct key_map *keys;
    struct compact_rules rules;
    struct buf *out;
    struct compact_left left;
    bool is_changed;
    uint64_t budget; /* Of a slice. */
    uint64_t used_max;
    uint32_t slices;
};

static struct bytes text(const char *words)
{
    return (struct bytes){.data = (const uint8_t *)words, .size = (uint32_t)strlen(words)};
}

static struct bench bench_open(void)
{
    struct bench bench = {.keys = key_map_open(1 << 16, 90, 1000, secret), .out = buf_new(16)};
    bench.budget = UINT64_MAX;
    bench.rules = (struct compact_rules){.keys = bench.keys,
                                         .latest = 1000,
                                         .now = NOW,
                                         .config.delete_retention_ms = RETENTION,
                                         .reader = codec_reader_open(),
                                         .writer = codec_writer_open()};
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        bench.rules.config.levels[codec] = codec_level_default((enum codec_type)codec);
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
    struct compact_job job = {0};
    compact_job_open(&job, bytes, &info, must_stay);
    enum err err = ERR_AGAIN;
    for (bench->slices = 0; err == ERR_AGAIN && bench->slices < SLICES_MAX; bench->slices++) {
        struct compact_work work = {.budget = bench->budget};
        err = compact_write(&job, &bench->rules, &bench->out, &bench->left, &work);
        bench->used_max = work.used > bench->used_max ? work.used : bench->used_max;
    }
    bench->is_changed = job.verdict != COMPACT_AS_IS;
    compact_job_close(&job);
    return err;
}

/* All keys from `start` on, in slices.
 * Returns the last offset that was taken in. */
static log_offset note(struct bench *bench, struct key_map *keys, const struct buf *buf,
                       log_offset start)
{
    struct bytes bytes = {.data = buf->data, .size = buf->size};
    struct batch_info info;
    struct compact_job job = {0};
    log_offset latest = BASE - 1;

    cr_assert_eq(batch_read(bytes, &info), ERR_NONE);
    compact_job_open(&job, bytes, &info, false);
    enum err err = ERR_AGAIN;
    for (bench->slices = 0; err == ERR_AGAIN && bench->slices < SLICES_MAX; bench->slices++) {
        struct compact_work work = {.budget = bench->budget};
        err = compact_note(&job, &bench->rules, keys, start, &latest, &work);
        bench->used_max = work.used > bench->used_max ? work.used : bench->used_max;
    }
    cr_assert_eq(err, ERR_NONE);
    compact_job_close(&job);
    return latest;
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

    cr_assert_not(bench.is_changed);
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
    cr_assert_not(bench.is_changed);
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

    cr_assert_not(bench.is_changed);
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
    cr_assert_not(bench.is_changed);

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
    bench.rules.config.delete_retention_ms = INT64_MAX;

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
    key_map_put(bench.keys, (struct bytes){.data = key, .size = sizeof key}, 500);

    cr_assert_eq(compact(&bench, control, false), ERR_NONE);

    cr_assert_eq(bench.out->size, control->size);
    cr_assert_eq(memcmp(bench.out->data, control->data, control->size), 0);
    cr_assert_eq(note(&bench, bench.keys, control, 0), BASE);
    cr_assert_eq(key_map_count(bench.keys), 1);
    buf_unref(control);
    bench_close(&bench);
}

Test(compact_batch, notes_keys_from_the_start_on_until_the_map_is_full)
{
    struct bench bench = bench_open();
    struct key_map *small = key_map_open(3 * KEY_MAP_ENTRY_SIZE, 90, 1000, secret);
    struct buf *buf = make("abcabd", "123456", CODEC_SNAPPY);
    cr_assert_eq(key_map_room(small), 2);

    cr_assert_eq(note(&bench, small, buf, BASE + 1), BASE + 2); /* b and c; a and the rest not. */

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

/* `count` records of `size` bytes that compress a hundredfold, with keys of four digits. */
static struct buf *make_large(enum codec_type codec, uint32_t count, uint32_t size)
{
    struct codec_reader *reader = codec_reader_open();
    struct codec_writer *writer = codec_writer_open();
    struct batch_record *records = mem_zalloc(count * sizeof *records);
    char(*keys)[8] = mem_zalloc(count * sizeof *keys);
    uint8_t *value = mem_zalloc(size);
    struct batch_spec spec = batch_spec(BASE, 3, MADE);
    struct batch_limits limits = {
        .size_max = 64 << 20, .zstd_allowed = true, .now = -1, .reader = reader};
    struct batch_form form = {.append_time = -1, .codec = codec, .writer = writer};
    struct batch_refusal refusal;
    struct batch_info info;

    form.levels[codec] = codec_level_default(codec);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "%04u", i % 10000);
        records[i] =
            (struct batch_record){.key = text(keys[i]), .value = {.data = value, .size = size}};
    }
    struct buf *buf = batch_build(&spec, records, count);
    struct slice slice = {.buf = buf, .bytes = {.data = buf->data, .size = buf->size}};
    cr_assert_eq(batch_admit(&slice, &limits, &form, &info, &refusal), ERR_NONE);
    batch_patch(slice.buf->data, BASE, 3);
    mem_free(records);
    mem_free(keys);
    mem_free(value);
    codec_reader_close(reader);
    codec_writer_close(writer);
    return slice.buf;
}

/* A slice costs no more than its budget and what is done in one go: a piece that is unpacked, as
 * dear as gzip's, with what it grows by; and what it leaves is what one large slice leaves. */
static void check_slices(enum codec_type codec, uint32_t count, uint32_t size)
{
    enum { BUDGET = 64 * 1024, ONE_GO = 4 * CODEC_PIECE_SIZE };
    struct bench bench = bench_open();
    struct key_map *keys = key_map_open(1 << 20, 90, count, secret);
    struct buf *buf = make_large(codec, count, size);
    key_map_put(bench.keys, text("0001"), BASE + 20000);
    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);
    struct buf *whole = buf_copy(bench.out->data, bench.out->size);
    uint32_t slices_whole = bench.slices;

    bench.budget = BUDGET;
    bench.used_max = 0;
    log_offset latest = note(&bench, keys, buf, 0);
    uint32_t slices_noting = bench.slices;
    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_eq(slices_whole, 1);
    cr_assert_eq(latest, BASE + count - 1);
    cr_assert_leq(bench.used_max, BUDGET + ONE_GO, "codec %d: %llu", codec,
                  (unsigned long long)bench.used_max);
    cr_assert_geq(slices_noting, (uint64_t)count * size / (BUDGET + ONE_GO));
    cr_assert_geq(bench.slices, 2 * (uint64_t)count * size / (BUDGET + ONE_GO));
    cr_assert_eq(bench.out->size, whole->size);
    cr_assert_eq(memcmp(bench.out->data, whole->data, whole->size), 0);
    cr_assert_eq(bench.left.dropped, 1);
    buf_unref(whole);
    buf_unref(buf);
    key_map_close(keys);
    bench_close(&bench);
}

Test(compact_batch, a_slice_ends_inside_a_batch_of_many_records)
{
    check_slices(CODEC_GZIP, 6000, 1000);
    check_slices(CODEC_SNAPPY, 6000, 1000);
    check_slices(CODEC_LZ4, 6000, 1000);
    check_slices(CODEC_ZSTD, 6000, 1000);
}

Test(compact_batch, a_slice_ends_inside_a_batch_of_few_records)
{
    check_slices(CODEC_GZIP, 3, 2 << 20);
    check_slices(CODEC_SNAPPY, 3, 2 << 20);
    check_slices(CODEC_LZ4, 3, 2 << 20);
    check_slices(CODEC_ZSTD, 3, 2 << 20);
}

Test(compact_batch, what_is_written_anew_has_the_topics_level)
{
    struct bench bench = bench_open();
    struct buf *buf = make_large(CODEC_GZIP, 100, 500);
    key_map_put(bench.keys, text("0001"), BASE + 20000);
    bench.rules.config.levels[CODEC_GZIP] = 1;
    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);
    uint32_t fast = bench.out->size;

    bench.rules.config.levels[CODEC_GZIP] = 9;
    cr_assert_eq(compact(&bench, buf, false), ERR_NONE);

    cr_assert_lt(bench.out->size, fast);
    buf_unref(buf);
    bench_close(&bench);
}
