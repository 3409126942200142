/* find.c -- extents for readers, and offsets by time. */
#include <criterion/criterion.h>

#include "log_fixture.h"

/* Batches of two records, about 570 bytes each. */
static void fill(struct log_fixture *f, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++)
        cr_assert_eq(fixture_append(f, 1, 2, 250, NULL), ERR_NONE);
    log_fixture_settle(f);
}

static struct buf *timed_batch(wall_ms timestamp)
{
    struct batch_spec spec = batch_spec(0, -1, timestamp);
    struct batch_record record = {.value = bytes_of_str(STR("value"))};
    return batch_build(&spec, &record, 1);
}

/* The extent is whole batches that start where it says. */
static void check_extent(struct log_fixture *f, const struct log_extent *extent)
{
    struct buf *buf = buf_new(extent->size);
    struct batch_info info;
    struct bytes batch;
    log_offset next = extent->base;

    cr_assert_eq(env_read(&f->memory->env, extent->file, extent->position, buf->data, extent->size),
                 extent->size);
    struct bytes rest = {buf->data, extent->size};
    while (batch_next(&rest, &info, &batch) == ERR_NONE) {
        cr_assert_eq(info.base, next);
        next = batch_end(&info);
    }
    cr_assert_eq(rest.size, 0);
    cr_assert_eq(next, extent->end);
    buf_unref(buf);
}

Test(find, in_haste_says_that_it_would_have_to_wait_for_the_disk_and_no_more)
{
    struct log_fixture f;
    struct log_extent extent = {.size = 7};
    log_fixture_open(&f, 5000);
    fill(&f, 100);
    f.memory->is_cold = true;

    env_make_haste(&f.memory->env);
    enum err tail = log_find(f.log, 198, 1000, LOG_BOUND_WRITTEN, &extent);
    bool missed_tail = env_has_missed(&f.memory->env);
    extent.size = 7;
    enum err old = log_find(f.log, 20, 1000, LOG_BOUND_WRITTEN, &extent);
    uint64_t ticket = env_end_haste(&f.memory->env);

    cr_assert_eq(tail, ERR_NONE);
    cr_assert_not(missed_tail);
    cr_assert_eq(old, ERR_COLD);
    cr_assert_eq(extent.size, 7);
    cr_assert_eq(ticket, 1);
    cr_assert_eq(f.memory->loads, 1, "one thing is asked for at a time");
    cr_assert_eq(log_error(f.log), ERR_NONE);
    cr_assert_eq(log_find(f.log, 20, 1000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.base, 20);
    log_fixture_close(&f);
}

Test(find, any_offset_at_any_size_gives_whole_batches)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 20000);
    fill(&f, 100);

    for (log_offset at = 0; at < 200; at++) {
        for (uint32_t size = 0; size < 30000; size += 1777) {
            cr_assert_eq(log_find(f.log, at, size, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
            cr_assert_geq(extent.file, 0);
            cr_assert_eq(extent.base, at - at % 2);
            cr_assert_gt(extent.end, at);
            cr_assert(extent.size <= size || extent.end == extent.base + 2);
            check_extent(&f, &extent);
        }
    }
    log_fixture_close(&f);
}

Test(find, gives_nothing_between_the_bound_and_the_end)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 0);
    fill(&f, 10);
    log_commit(f.log, 7);

    cr_assert_eq(log_find(f.log, 20, 1000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.file, -1);
    cr_assert_eq(log_find(f.log, 15, 1000, LOG_BOUND_COMMITTED, &extent), ERR_NONE);
    cr_assert_eq(extent.size, 0);
    cr_assert_eq(log_find(f.log, 0, 100000, LOG_BOUND_COMMITTED, &extent), ERR_NONE);
    cr_assert_eq(extent.end, 6);
    check_extent(&f, &extent);
    cr_assert_eq(log_find(f.log, 6, 100000, LOG_BOUND_COMMITTED, &extent), ERR_NONE);
    cr_assert_eq(extent.file, -1);
    log_fixture_close(&f);
}

Test(find, never_gives_what_is_queued_only)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 0);
    fill(&f, 1);
    fixture_append(&f, 1, 2, 250, NULL);

    cr_assert_eq(log_find(f.log, 0, 100000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.end, 2);
    cr_assert_eq(log_find(f.log, 2, 100000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.file, -1);
    log_fixture_close(&f);
}

Test(find, refuses_offsets_outside)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 0);
    log_reset(f.log, 50);
    log_fixture_settle(&f);
    fill(&f, 2);

    cr_assert_eq(log_find(f.log, 49, 1, LOG_BOUND_WRITTEN, &extent), ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(log_find(f.log, 55, 1, LOG_BOUND_WRITTEN, &extent), ERR_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(log_find(f.log, 54, 1, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    log_fixture_close(&f);
}

Test(find, survives_an_index_full_of_garbage)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 20000);
    fill(&f, 100);
    int64_t size = memory_env_size(f.memory, "t-7/00000000000000000000.index");
    cr_assert_gt(size, 0);
    for (int64_t i = 0; i < size; i++)
        memory_env_flip(f.memory, "t-7/00000000000000000000.index", (uint64_t)i);

    for (log_offset at = 0; at < 60; at++) {
        cr_assert_eq(log_find(f.log, at, 2000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
        cr_assert_eq(extent.base, at - at % 2);
        check_extent(&f, &extent);
    }
    log_fixture_close(&f);
}

Test(find, the_tail_costs_no_read)
{
    struct log_fixture f;
    struct log_extent extent;
    log_fixture_open(&f, 0);
    fill(&f, 50);

    f.memory->is_dead = true;
    cr_assert_eq(log_find(f.log, 98, 10000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.base, 98);
    cr_assert_eq(extent.end, 100);
    f.memory->is_dead = false;
    log_fixture_close(&f);
}

Test(find, reading_on_looks_nothing_up)
{
    struct log_fixture f;
    struct log_extent first, next;
    log_fixture_open(&f, 0);
    fill(&f, 50);
    cr_assert_eq(log_find(f.log, 0, 5000, LOG_BOUND_WRITTEN, &first), ERR_NONE);

    f.memory->is_dead = true;
    cr_assert_eq(log_find(f.log, first.end, 100000, LOG_BOUND_WRITTEN, &next), ERR_NONE);
    f.memory->is_dead = false;

    cr_assert_eq(next.base, first.end);
    cr_assert_eq(next.position, first.position + first.size);
    check_extent(&f, &next);
    log_fixture_close(&f);
}

Test(find, a_truncation_forgets_where_readers_were)
{
    struct log_fixture f;
    struct log_extent extent;
    bool done;
    log_fixture_open(&f, 0);
    fill(&f, 50);
    cr_assert_eq(log_find(f.log, 0, 5000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    log_offset end = extent.end;
    cr_assert_eq(log_truncate(f.log, 4, false, &done), ERR_NONE);
    log_fixture_settle(&f);

    for (int i = 0; i < 60; i++)
        cr_assert_eq(fixture_append(&f, 2, 1, 100, NULL), ERR_NONE);
    log_fixture_settle(&f);

    cr_assert_eq(log_find(f.log, end, 1000, LOG_BOUND_WRITTEN, &extent), ERR_NONE);
    cr_assert_eq(extent.base, end);
    check_extent(&f, &extent);
    log_fixture_close(&f);
}

Test(find, reads_small_pieces_into_memory)
{
    struct log_fixture f;
    struct buf *buf = NULL;
    struct batch_info info;
    struct bytes batch;
    log_fixture_open(&f, 0);
    fill(&f, 3);

    cr_assert_eq(log_read(f.log, 2, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
    struct bytes rest = {buf->data, buf->size};
    cr_assert_eq(batch_next(&rest, &info, &batch), ERR_NONE);
    cr_assert_eq(info.base, 2);
    buf_unref(buf);
    cr_assert_eq(log_read(f.log, 6, 1, LOG_BOUND_WRITTEN, &buf), ERR_NONE);
    cr_assert_null(buf);
    log_fixture_close(&f);
}

Test(find, offsets_by_time_are_the_first_at_or_after)
{
    struct log_fixture f;
    struct log_time found;
    log_fixture_open(&f, 5000);
    for (int i = 0; i < 300; i++) /* 100, 110, ... with every third one late. */
        fixture_append_buf(&f, 2, timed_batch(i % 3 == 2 ? 50 : 100 + 10 * i), NULL);
    log_fixture_settle(&f);

    cr_assert_eq(log_find_time(f.log, 0, LOG_BOUND_WRITTEN, &found), ERR_NONE);
    cr_assert_eq(found.offset, 0);
    cr_assert_eq(log_find_time(f.log, 1005, LOG_BOUND_WRITTEN, &found), ERR_NONE);
    cr_assert_eq(found.offset, 91);
    cr_assert_eq(found.timestamp, 1010);
    cr_assert_eq(found.epoch, 2);
    cr_assert_eq(log_find_time(f.log, 1111, LOG_BOUND_WRITTEN, &found), ERR_NONE);
    cr_assert_eq(found.offset, 102);
    cr_assert_eq(log_find_time(f.log, 99999, LOG_BOUND_WRITTEN, &found), ERR_NONE);
    cr_assert_eq(found.offset, -1);
    cr_assert_eq(log_find_time(f.log, 1005, LOG_BOUND_COMMITTED, &found), ERR_NONE);
    cr_assert_eq(found.offset, -1);
    cr_assert_eq(log_find_max_time(f.log, LOG_BOUND_WRITTEN, &found), ERR_NONE);
    cr_assert_eq(found.offset, 298);
    log_commit(f.log, 101);
    cr_assert_eq(log_find_max_time(f.log, LOG_BOUND_COMMITTED, &found), ERR_NONE);
    cr_assert_eq(found.offset, 100);
    log_fixture_close(&f);
}

/* Records at 1000, 1005, 1010 in a batch of `codec`. */
static struct buf *stepped_batch(enum codec_type codec)
{
    enum { RECORD_AT = 61, RECORD_SIZE = 8, DELTA_AT = 2 };
    struct codec_reader *reader = codec_reader_open();
    struct codec_writer *writer = codec_writer_open();
    struct batch_limits limits = {
        .size_max = 1 << 20, .zstd_allowed = true, .now = -1, .reader = reader};
    struct batch_form form = {.append_time = -1, .codec = codec, .writer = writer};
    struct batch_spec spec = batch_spec(0, -1, 1000);
    struct batch_record records[3];
    struct batch_refusal refusal;
    struct batch_info info;
    for (int i = 0; i < 3; i++)
        records[i] = (struct batch_record){.value = bytes_of_str(STR("v")), .key = {0}};
    struct buf *buf = batch_build(&spec, records, 3);
    cr_assert_eq(buf->size, RECORD_AT + 3 * RECORD_SIZE);
    for (uint32_t i = 0; i < 3; i++)
        buf->data[RECORD_AT + i * RECORD_SIZE + DELTA_AT] = (uint8_t)(10 * i); /* Zigzag. */
    batch_seal(buf->data, buf->size);
    struct slice slice = {.buf = buf, .bytes = {buf->data, buf->size}};
    cr_assert_eq(batch_admit(&slice, &limits, &form, &info, &refusal), ERR_NONE);
    codec_reader_close(reader);
    codec_writer_close(writer);
    return slice.buf;
}

Test(find, looks_for_a_time_inside_any_codec)
{
    for (enum codec_type codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        struct log_fixture f;
        struct log_time found;
        log_fixture_open(&f, 5000);
        fixture_append_buf(&f, 2, timed_batch(500), NULL);
        cr_assert_eq(fixture_append_buf(&f, 2, stepped_batch(codec), NULL), ERR_NONE);
        log_fixture_settle(&f);

        cr_assert_eq(log_find_time(f.log, 1003, LOG_BOUND_WRITTEN, &found), ERR_NONE);
        cr_assert_eq(found.offset, 2);
        cr_assert_eq(found.timestamp, 1005);
        cr_assert_eq(log_find_max_time(f.log, LOG_BOUND_WRITTEN, &found), ERR_NONE);
        cr_assert_eq(found.offset, 3);
        cr_assert_eq(found.timestamp, 1010);
        cr_assert_eq(log_find_time(f.log, 1011, LOG_BOUND_WRITTEN, &found), ERR_NONE);
        cr_assert_eq(found.offset, -1);
        log_fixture_close(&f);
    }
}
