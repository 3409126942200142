/* reader.c -- history files line by line: each kind's fields, and what is malformed. */
#include "history.h"

#include <criterion/criterion.h>

#define HEAD "# skiff-history 1 run=c0ffee topic=orders partitions=3\n"

static struct history_reader *open_text(const char *text)
{
    struct history_reader *reader;
    struct bytes bytes = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)};
    history_reader_open_bytes(&reader, "h", bytes);
    return reader;
}

/* The only line between the first and the last. */
static struct history_line one(const char *text)
{
    struct history_line line = {0};
    struct history_reader *reader = open_text(text);
    cr_assert_eq(history_next(reader, &line), HISTORY_LINE, "%s", history_problem(reader));
    history_reader_close(reader);
    return line;
}

static void expect_problem(const char *text, const char *problem)
{
    struct history_line line;
    struct history_reader *reader = open_text(text);
    enum history_result result;
    do
        result = history_next(reader, &line);
    while (result == HISTORY_LINE);
    cr_expect_eq(result, HISTORY_BAD, "%s", text);
    cr_expect_str_eq(history_problem(reader), problem);
    history_reader_close(reader);
}

Test(reader, reads_the_first_line)
{
    struct history_reader *reader = open_text(HEAD ". 5\n");

    cr_assert_str_eq(history_head(reader)->run, "c0ffee");
    cr_assert_str_eq(history_head(reader)->topic, "orders");
    cr_assert_eq(history_head(reader)->partitions, 3);
    history_reader_close(reader);
}

Test(reader, reads_every_kind_of_line)
{
    struct history_line line = one(HEAD "w 4 17 2 900\n");
    cr_assert_eq(line.kind, 'w');
    cr_assert_eq(line.client, 4);
    cr_assert_eq(line.value, 17);
    cr_assert_eq(line.partition, 2);
    cr_assert_eq(line.time, 900);
    cr_assert_eq(line.number, 2);

    line = one(HEAD "q 4 2 17 800 900\n");
    cr_assert_eq(line.kind, 'q');
    cr_assert_eq(line.partition, 2);
    cr_assert_eq(line.offset, 17);
    cr_assert_eq(line.value, 800);
    cr_assert_eq(line.time, 900);

    line = one(HEAD "a 4 17 -1 900\n");
    cr_assert_eq(line.offset, -1);

    line = one(HEAD "m 4 2 17 900\n");
    cr_assert_eq(line.kind, 'm');
    cr_assert_eq(line.offset, 17);

    line = one(HEAD "f 4 2 ILLEGAL_GENERATION 900\n");
    cr_assert_eq(line.partition, 2);
    cr_assert(str_equal(line.words[0], STR("ILLEGAL_GENERATION")));

    line = one(HEAD "e 4 17 _MSG_TIMED_OUT:not-persisted 900\n");
    cr_assert(str_equal(line.words[0], STR("_MSG_TIMED_OUT:not-persisted")));
    cr_assert_eq(line.time, 900);

    line = one(HEAD "r 5 2 100 4 17 900\n");
    cr_assert_eq(line.client, 5);
    cr_assert_eq(line.offset, 100);
    cr_assert_eq(line.writer, 4);
    cr_assert_eq(line.value, 17);

    line = one(HEAD "x 5 2 100 900 00ff\n");
    cr_assert(str_equal(line.words[0], STR("00ff")));

    line = one(HEAD "c 5 writer/1 stock librdkafka 2.0.2\n");
    cr_assert(str_equal(line.words[0], STR("writer/1")));
    cr_assert(str_equal(line.words[1], STR("stock")));
    cr_assert(str_equal(line.words[2], STR("librdkafka 2.0.2")));

    line = one(HEAD "! 7 begin f1 kill-leader node 2\n");
    cr_assert(line.begins);
    cr_assert(str_equal(line.words[0], STR("f1")));
    cr_assert(str_equal(line.words[1], STR("kill-leader")));
    cr_assert(str_equal(line.words[2], STR("node 2")));

    line = one(HEAD "g 7 9\n");
    cr_assert_eq(line.time, 7);
    cr_assert_eq(line.to, 9);
    cr_assert_eq(one(HEAD "z 5 0 3 9\n").offset, 3);
    cr_assert_eq(one(HEAD "h 5 0 3 9\n").offset, 3);
    cr_assert_eq(one(HEAD "s 5 0 -2 9\n").offset, -2);
    cr_assert(str_equal(one(HEAD "n any text\n").words[0], STR("any text")));
    cr_assert(str_equal(one(HEAD "n\n").words[0], (struct str){.data = "", .size = 0}));
}

Test(reader, reads_lines_with_a_key_as_those_without)
{
    struct history_line line = one(HEAD "k 4 17 2 5 900\n");
    cr_assert_eq(line.kind, 'w');
    cr_assert(line.has_key && !line.is_tombstone);
    cr_assert_eq(line.value, 17);
    cr_assert_eq(line.partition, 2);
    cr_assert_eq(line.key, 5);
    cr_assert_eq(line.time, 900);

    line = one(HEAD "t 4 17 2 5 900\n");
    cr_assert(line.kind == 'w' && line.has_key && line.is_tombstone);

    line = one(HEAD "v 5 2 100 6 4 17 900\n");
    cr_assert_eq(line.kind, 'r');
    cr_assert_eq(line.offset, 100);
    cr_assert_eq(line.key, 6);
    cr_assert_eq(line.writer, 4);
    cr_assert_eq(line.value, 17);

    cr_assert_not(one(HEAD "w 4 17 2 900\n").has_key);
}

Test(reader, tells_a_whole_file_from_one_that_was_cut)
{
    struct history_line line;
    const char *texts[] = {HEAD ". 5\n", HEAD, HEAD "w 0 0 0 1\n", HEAD "w 0 0 0 1\n. 5",
                           HEAD "w 0 0 0"};
    enum history_result ends[] = {HISTORY_END, HISTORY_CUT, HISTORY_CUT, HISTORY_CUT, HISTORY_CUT};
    for (size_t i = 0; i < 5; i++) {
        struct history_reader *reader = open_text(texts[i]);
        enum history_result result;
        do
            result = history_next(reader, &line);
        while (result == HISTORY_LINE);
        cr_expect_eq(result, ends[i], "%s: %d", texts[i], result);
        cr_expect_eq(history_next(reader, &line), ends[i]);
        history_reader_close(reader);
    }
}

Test(reader, names_file_line_and_field_of_what_is_malformed)
{
    expect_problem(HEAD "w 4 17 2 9\ny 1\n", "h:3: field 1 (kind): `y` is no kind of line");
    expect_problem(HEAD "\n", "h:2: field 1 (kind): `` is no kind of line");
    expect_problem(HEAD "w x 17 2 9\n", "h:2: field 2 (client): `x` is no number");
    expect_problem(HEAD "w 4 17 2\n", "h:2: field 5 (time) is missing");
    expect_problem(HEAD "w 4  17 2 9\n", "h:2: field 3 (value number): `` is no number");
    expect_problem(HEAD "w 4 17 4 9\n", "h:2: field 4 (partition): `4` is not within its limits");
    expect_problem(HEAD "r 4 3 1 4 1 9\n",
                   "h:2: field 3 (partition): `3` is not within its limits");
    expect_problem(HEAD "w 1048576 17 2 9\n",
                   "h:2: field 2 (client): `1048576` is not within its limits");
    expect_problem(HEAD "w 4 9223372036854775808 2 9\n",
                   "h:2: field 3 (value number): `9223372036854775808` is not within its limits");
    expect_problem(HEAD "r 4 1 4611686018427387905 4 1 9\n",
                   "h:2: field 4 (offset): `4611686018427387905` is not within its limits");
    expect_problem(HEAD "w 4 1000000000000 2 9\n",
                   "h:2: field 3 (value number): `1000000000000` is not within its limits");
    expect_problem(HEAD "w 4 -1 2 9\n",
                   "h:2: field 3 (value number): `-1` is not within its limits");
    expect_problem(HEAD "w 4 1 2 9 8\n", "h:2: field 6: a line of kind `w` has fewer fields");
    expect_problem(HEAD "e 4 1  9\n", "h:2: field 4 (word): `` is empty");
    expect_problem(HEAD "x 4 1 1 9 0G\n",
                   "h:2: field 6 (hexadecimal digits): `0G` are no hexadecimal digits");
    expect_problem(HEAD "! 1 starts f kill x\n",
                   "h:2: field 3 (begin or end): `starts` is neither `begin` nor `end`");
    expect_problem(HEAD "g 9 8\n", "h:2: field 3 (end of it): `8` is not within its limits");
    expect_problem(HEAD "w 4 1 2 9\nw 4 2 2 8\n",
                   "h:3: field 5 (time): 8 is before the 9 of a line above; the lines of one file "
                   "stand in the order of their times");
    expect_problem(HEAD ". 1\nw 4 1 2 9\n", "h:3: there is more after the last line");
}

Test(reader, lets_marks_and_stalls_be_written_late)
{
    struct history_line line;
    struct history_reader *reader = open_text(HEAD "w 4 1 2 9\n! 5 begin f kill x\ng 1 2\n. 9\n");

    cr_assert_eq(history_next(reader, &line), HISTORY_LINE);
    cr_assert_eq(history_next(reader, &line), HISTORY_LINE);
    cr_assert_eq(line.time, 5);
    cr_assert_eq(history_next(reader, &line), HISTORY_LINE);
    cr_assert_eq(history_next(reader, &line), HISTORY_END, "%s", history_problem(reader));
    history_reader_close(reader);
}

Test(reader, refuses_what_is_no_history)
{
    const char *wanted = "h:1: no history begins so; the first line is "
                         "`# skiff-history 1 run=HEX topic=NAME partitions=N`";
    expect_problem("", wanted);
    expect_problem("w 4 17 2 9\n", wanted);
    expect_problem("# skiff-history 2 run=a topic=t partitions=1\n", wanted);
    expect_problem("# skiff-history 1 run=a topic=t partitions=1 x\n", wanted);
    expect_problem("# skiff-history 1 run=a topic= partitions=1\n", wanted);
    expect_problem("# skiff-history 1 run=a topic=t partitions=1", wanted);
    expect_problem("# skiff-history 1 run=A topic=t partitions=1\n",
                   "h:1: run=A: no hexadecimal digits");
    expect_problem("# skiff-history 1 run=a topic=t partitions=0\n",
                   "h:1: partitions=0: a number from 1 to 10000 is allowed");
}

Test(reader, refuses_a_line_without_end)
{
    static char text[3 * HISTORY_LINE_MAX];
    size_t head = strlen(HEAD);
    memcpy(text, HEAD, head);
    memset(text + head, 'n', sizeof text - head - 1);

    expect_problem(text, "h:2: the line is longer than 4096 bytes");
}

Test(reader, says_why_a_file_cannot_be_opened)
{
    struct history_reader *reader;
    struct history_line line;

    cr_assert_not(history_reader_open(&reader, "/nonexistent/history"));

    cr_assert_str_eq(history_problem(reader), "/nonexistent/history: No such file or directory");
    cr_assert_eq(history_next(reader, &line), HISTORY_BAD);
    history_reader_close(reader);
}
