/* replicas.c -- copies of a partition in files of their own: the same, cut otherwise, or not. */
#include "replicas.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "batch.h"
#include "say.h"

enum { COPIES = 3, RECORDS = 2 };

/* Data directories in one of their own. */
struct disks {
    char root[64];
    char dirs[COPIES][96];
    const char *names[COPIES];
};

static struct disks *new_disks(void)
{
    struct disks *disks = mem_zalloc(sizeof *disks);
    strcpy(disks->root, "/tmp/skiff-replicas-XXXXXX");
    cr_assert_not_null(mkdtemp(disks->root));
    for (uint32_t i = 0; i < COPIES; i++) {
        snprintf(disks->dirs[i], sizeof disks->dirs[i], "%s/%u", disks->root, i);
        disks->names[i] = disks->dirs[i];
        mkdir(disks->dirs[i], 0755);
    }
    return disks;
}

static void free_disks(struct disks *disks)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", disks->root);
    cr_assert_eq(system(command), 0);
    mem_free(disks);
}

static FILE *open_segment(const struct disks *disks, uint32_t copy, int64_t base)
{
    char path[256];
    snprintf(path, sizeof path, "%s/orders-0", disks->dirs[copy]);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/orders-0/%020lld.log", disks->dirs[copy], (long long)base);
    FILE *out = fopen(path, "ae");
    cr_assert_not_null(out);
    return out;
}

/* Append batches of two records each, which begin at `from`, `from` + 2, ... below `to`, to the
 * segment that is named by `segment`. */
static void put_in(const struct disks *disks, uint32_t copy, int64_t segment, int64_t from,
                   int64_t to, const char *text)
{
    FILE *out = open_segment(disks, copy, segment);
    for (int64_t base = from; base < to; base += RECORDS) {
        struct batch_spec spec = batch_spec(base, 3, 1000);
        struct batch_record record = {
            .value = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)}};
        struct batch_record records[RECORDS] = {record, record};
        struct buf *batch = batch_build(&spec, records, RECORDS);
        fwrite(batch->data, 1, batch->size, out);
        buf_unref(batch);
    }
    fclose(out);
}

static void put(const struct disks *disks, uint32_t copy, int64_t from, int64_t to,
                const char *text)
{
    put_in(disks, copy, from, from, to, text);
}

static void put_bytes(const struct disks *disks, uint32_t copy, int64_t base, const char *bytes,
                      size_t size)
{
    FILE *out = open_segment(disks, copy, base);
    fwrite(bytes, 1, size, out);
    fclose(out);
}

/* `may_miss`: a directory; COPIES: none. */
static struct replicas_result compared_from(const struct disks *disks, struct replicas_range range,
                                            uint32_t may_miss, uint32_t copies)
{
    struct replicas_request request = {
        .topic = "orders", .dir_count = COPIES, .dirs = disks->names, .copies = copies};
    struct replicas_result *result = mem_zalloc(sizeof *result);
    request.may_miss[may_miss] = may_miss < COPIES;
    replicas_compare(&request, 0, range, result);
    struct replicas_result copy = *result;
    mem_free(result);
    return copy;
}

static struct replicas_result compared_but(const struct disks *disks, int64_t end,
                                           uint32_t may_miss, uint32_t copies)
{
    return compared_from(disks, (struct replicas_range){.end = end}, may_miss, copies);
}

static struct replicas_result compared(const struct disks *disks, int64_t end)
{
    return compared_but(disks, end, COPIES, 0);
}

Test(replicas, takes_copies_with_other_segments_for_the_same)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 6, "v");
    put(disks, 1, 6, 20, "v");
    put(disks, 2, 0, 14, "v");
    put(disks, 2, 14, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(replicas_exit_code(&result), EXIT_DONE);
    cr_expect_eq(result.compared, 10);
    cr_expect_eq(result.short_count, 0);
    free_disks(disks);
}

Test(replicas, finds_two_copies_that_differ)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 10, "v");
    put(disks, 1, 10, 12, "u");
    put(disks, 1, 12, 20, "v");
    put(disks, 2, 0, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(replicas_exit_code(&result), EXIT_VIOLATION);
    cr_expect_eq(result.differ, 1);
    cr_expect_eq(result.witnesses[0].line_count, 3);
    cr_expect_str_eq(result.witnesses[0].lines[0],
                     "partition 0: offset 10: two copies differ from byte 17 of the batch on");
    free_disks(disks);
}

Test(replicas, leaves_out_what_is_not_below_the_end)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 10, "v");
    put(disks, 0, 10, 20, "u");
    put(disks, 1, 0, 20, "v");
    put(disks, 2, 0, 10, "v");
    put_bytes(disks, 2, 0, "no batch", 8);

    struct replicas_result result = compared(disks, 10);

    cr_expect_eq(replicas_exit_code(&result), EXIT_DONE);
    cr_expect_eq(result.compared, 5);
    cr_expect_eq(result.short_count, 0);
    free_disks(disks);
}

Test(replicas, finds_a_batch_that_a_copy_lacks)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 10, "v");
    put(disks, 1, 12, 20, "v");
    put(disks, 2, 0, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(replicas_exit_code(&result), EXIT_VIOLATION);
    cr_expect_eq(result.differ, 1);
    cr_expect_str_eq(result.witnesses[0].lines[0],
                     "partition 0: offset 10: a batch that one copy has and another has not");
    free_disks(disks);
}

Test(replicas, finds_a_copy_that_cannot_be_read_to_the_end)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 10, "v");
    put_bytes(disks, 1, 0, "no batch", 8);
    put(disks, 2, 0, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(replicas_exit_code(&result), EXIT_VIOLATION);
    cr_expect_str_eq(result.witnesses[0].lines[0],
                     "partition 0: offset 10: a copy is unreadable from here on");
    free_disks(disks);
}

/* Two copies are whole; the third is short in the way that the result says. */
static void expect_short(const struct disks *disks, bool is_there, int64_t end)
{
    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(result.differ, 0);
    cr_expect_eq(result.alone, 0);
    cr_assert_eq(result.short_count, 1);
    cr_expect_eq(result.shorts[0].dir, 2);
    cr_expect_eq(result.shorts[0].is_there, is_there);
    cr_expect_eq(result.shorts[0].end, end);
    cr_expect_eq(result.shorts[0].wanted.end, 20);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE);
    replicas_free(&result);
}

/* The same, where it is known that this node may have lost its copy. */
static void expect_excused(const struct disks *disks)
{
    struct replicas_result result = compared_but(disks, 20, 2, 0);

    cr_expect_eq(result.short_count, 1);
    cr_expect_eq(replicas_unexcused(&result), 0);
    cr_expect_eq(replicas_exit_code(&result), EXIT_DONE);
    replicas_free(&result);
    result = compared_but(disks, 20, 1, 0);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE, "it is another's copy");
    replicas_free(&result);
}

Test(replicas, does_not_take_a_missing_copy_for_the_same)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 20, "v");

    expect_short(disks, false, 0);
    expect_excused(disks);
    free_disks(disks);
}

Test(replicas, does_not_take_a_copy_whose_files_were_emptied_for_the_same)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 20, "v");
    put(disks, 2, 0, 0, "v");

    expect_short(disks, true, 0);
    expect_excused(disks);
    free_disks(disks);
}

Test(replicas, does_not_take_a_copy_that_ends_early_for_the_same)
{
    struct disks *disks = new_disks();
    static const char zeroes[64];
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 20, "v");
    put(disks, 2, 0, 10, "v");
    put_bytes(disks, 2, 0, zeroes, sizeof zeroes);

    expect_short(disks, true, 10);
    expect_excused(disks);
    free_disks(disks);
}

Test(replicas, does_not_take_a_copy_that_begins_late_for_the_same)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 6, "v");
    put(disks, 1, 6, 20, "v");
    put(disks, 2, 6, 20, "v");

    expect_short(disks, true, 20);
    expect_excused(disks);
    free_disks(disks);
}

Test(replicas, does_not_take_two_copies_that_begin_late_for_the_same)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 10, 20, "v");
    put(disks, 2, 4, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_assert_eq(result.short_count, 2);
    cr_expect_eq(result.shorts[0].start, 10);
    cr_expect_eq(result.shorts[1].start, 4);
    cr_expect_eq(result.alone, 1, "the third copy is compared with nobody below 4");
    cr_expect_eq(result.differ, 0);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE);
    replicas_free(&result);
    free_disks(disks);
}

Test(replicas, lets_copies_begin_anywhere_up_to_where_the_final_read_began)
{
    struct disks *disks = new_disks();
    struct replicas_range range = {.from = 11, .end = 20};
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 10, 20, "v");
    put(disks, 2, 4, 10, "u");
    put(disks, 2, 10, 20, "v");

    struct replicas_result result = compared_from(disks, range, COPIES, 0);

    cr_expect_eq(replicas_exit_code(&result), EXIT_DONE);
    cr_expect_eq(result.short_count, 0);
    cr_expect_eq(result.compared, 5, "what lies below 10 is not looked at");
    free_disks(disks);
}

Test(replicas, finds_a_batch_that_a_first_segment_lacks)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 20, "v");
    put_in(disks, 2, 0, 10, 20, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(replicas_exit_code(&result), EXIT_VIOLATION);
    cr_expect_eq(result.differ, 5);
    free_disks(disks);
}

Test(replicas, still_finds_a_difference_in_a_copy_that_may_be_behind)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 1, 0, 20, "v");
    put(disks, 2, 0, 10, "u");

    struct replicas_result result = compared_but(disks, 20, 2, 0);

    cr_expect_eq(replicas_exit_code(&result), EXIT_VIOLATION);
    cr_expect_eq(result.differ, 5);
    replicas_free(&result);
    free_disks(disks);
}

Test(replicas, wants_no_more_copies_than_a_partition_has)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 2, 0, 20, "v");

    struct replicas_result result = compared_but(disks, 20, COPIES, 2);

    cr_expect_eq(result.short_count, 0);
    cr_expect_eq(replicas_exit_code(&result), EXIT_DONE);
    free_disks(disks);
}

Test(replicas, proves_nothing_by_one_copy_alone)
{
    struct disks *disks = new_disks();
    put(disks, 0, 0, 20, "v");
    put(disks, 2, 0, 10, "v");

    struct replicas_result result = compared_but(disks, 20, 2, 2);

    cr_expect_eq(result.compared, 5);
    cr_expect_eq(result.alone, 1);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE);
    replicas_free(&result);
    free_disks(disks);
}

Test(replicas, proves_nothing_by_copies_that_share_no_batch)
{
    struct disks *disks = new_disks();
    put_in(disks, 0, 0, 20, 30, "v");
    put_in(disks, 1, 0, 20, 30, "v");
    put_in(disks, 2, 0, 20, 30, "v");

    struct replicas_result result = compared(disks, 20);

    cr_expect_eq(result.compared, 0);
    cr_expect_eq(result.alone, 1);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE);
    free_disks(disks);
}

Test(replicas, asks_no_copies_of_a_partition_that_was_never_written)
{
    struct disks *disks = new_disks();

    struct replicas_result result = compared(disks, 0);

    cr_expect_eq(result.short_count, 0);
    cr_expect_eq(result.alone, 0);
    cr_expect_eq(replicas_exit_code(&result), EXIT_INCONCLUSIVE, "nothing was compared");
    free_disks(disks);
}
