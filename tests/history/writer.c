/* writer.c -- what is written reads as the same; times rise, whoever writes; no room is told. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "history.h"

enum { THREADS = 4, LINES = 5000 };

static const struct history_head head = {.run = "c0ffee", .topic = "orders", .partitions = 3};

struct place {
    char path[64];
};

static struct place new_place(void)
{
    struct place place = {.path = "/tmp/skiff-history-XXXXXX"};
    int fd = mkstemp(place.path);
    cr_assert_geq(fd, 0);
    close(fd);
    return place;
}

static struct history *open_at(const struct place *place)
{
    struct history *history;
    cr_assert_eq(history_open(&history, place->path, &head), 0);
    return history;
}

Test(writer, writes_each_kind_so_that_it_reads_as_the_same)
{
    struct place place = new_place();
    struct history *history = open_at(&place);
    struct history_reader *reader;
    struct history_line line;
    const char *kinds = "cwaesrxbhzgnwromfd";
    char found[32] = "";
    history_client(history, 4, "writer", "stock", "librdkafka 2.0.2\nand more");
    int64_t begun = history_begin(history, 4, 0, 2);
    history_acked(history, 4, 0, -1);
    history_failed(history, 4, 0, "_MSG TIMED");
    history_position(history, 4, 2, -2);
    history_read(history, 4, 2, 9, 4, 0);
    history_foreign(history, 4, 2, 10, (struct bytes){.data = (const uint8_t *)"\xff", .size = 1});
    history_corrupt(history, 4, 2, 10);
    history_watermark(history, 4, 2, 10);
    history_final(history, 4, 2, 11);
    history_stall(history, 5, 6);
    history_note(history, "a note");
    int64_t begun_key = history_begin_key(history, 4, 1, 2, 5, true);
    history_read_key(history, 4, 2, 9, 5, 4, 1);
    history_given(history, 4, 2);
    history_committing(history, 4, 2, 9);
    history_commit_ended(history, 4, 2, "_TIMED OUT");
    history_taken(history, 4, 2);

    cr_assert_eq(history_close(history, true), 0);

    cr_assert(history_reader_open(&reader, place.path));
    for (size_t i = 0; history_next(reader, &line) == HISTORY_LINE; i++) {
        found[i] = line.kind;
        if (line.kind == 'w')
            cr_assert_eq(line.time, line.has_key ? begun_key : begun);
        if (line.kind == 'c')
            cr_assert(str_equal(line.words[2], STR("librdkafka 2.0.2_and more")));
        if (line.kind == 'e')
            cr_assert(str_equal(line.words[0], STR("_MSG_TIMED")));
        if (line.kind == 'f')
            cr_assert(str_equal(line.words[0], STR("_TIMED_OUT")));
    }
    cr_assert_str_eq(found, kinds);
    cr_assert_eq(history_next(reader, &line), HISTORY_END, "%s", history_problem(reader));
    history_reader_close(reader);
    unlink(place.path);
}

static void *write_many(void *argument)
{
    for (int64_t i = 0; i < LINES; i++)
        history_begin(argument, 1, i, 0);
    return NULL;
}

Test(writer, keeps_lines_of_many_threads_whole_and_in_the_order_of_their_times)
{
    struct place place = new_place();
    struct history *history = open_at(&place);
    struct history_reader *reader;
    struct history_line line;
    pthread_t threads[THREADS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_many, history);
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    history_close(history, true);

    cr_assert(history_reader_open(&reader, place.path));
    while (history_next(reader, &line) == HISTORY_LINE)
        count++;

    cr_assert_eq(history_next(reader, &line), HISTORY_END, "%s", history_problem(reader));
    cr_assert_eq(count, THREADS * LINES);
    history_reader_close(reader);
    unlink(place.path);
}

Test(writer, leaves_a_history_that_was_cut_when_it_is_not_ended)
{
    struct place place = new_place();
    struct history *history = open_at(&place);
    struct history_reader *reader;
    struct history_line line;
    history_begin(history, 1, 0, 0);
    history_close(history, false);

    cr_assert(history_reader_open(&reader, place.path));
    cr_assert_eq(history_next(reader, &line), HISTORY_LINE);
    cr_assert_eq(history_next(reader, &line), HISTORY_CUT);

    history_reader_close(reader);
    unlink(place.path);
}

Test(writer, says_that_there_is_no_room)
{
    struct place place = new_place();
    struct history *history = open_at(&place);
    struct rlimit limit = {.rlim_cur = 1024, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (int64_t i = 0; i < LINES; i++)
        history_begin(history, 1, i, 0);
    history_flush(history);

    cr_assert_eq(history_error(history), EFBIG);
    cr_assert_eq(history_close(history, true), EFBIG);

    unlink(place.path);
}

Test(writer, refuses_a_place_where_no_file_can_be)
{
    struct history *history = NULL;

    cr_assert_eq(history_open(&history, "/nonexistent/history", &head), ENOENT);

    cr_assert_null(history);
}
