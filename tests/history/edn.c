/* edn.c -- what is exported, read back by a small strict reader of EDN. */
#include "edn.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD "# skiff-history 1 run=c0ffee topic=orders partitions=2\n"

enum { DEPTH_MAX = 8, TEXT_MAX = 1 << 20, PROCESSES_MAX = 256 };

/* ---- A strict reader: maps, vectors, keywords, integers, strings, nil; one blank between. */

struct edn_text {
    const char *at;
};

static bool take(struct edn_text *text, char wanted)
{
    if (*text->at != wanted)
        return false;
    text->at++;
    return true;
}

static bool read_value(struct edn_text *text, int depth);

static bool read_integer(struct edn_text *text)
{
    take(text, '-');
    size_t size = strspn(text->at, "0123456789");
    if (size == 0 || size > 19 || (size > 1 && *text->at == '0'))
        return false;
    text->at += size;
    return true;
}

static bool read_keyword(struct edn_text *text)
{
    size_t size = strspn(++text->at, "abcdefghijklmnopqrstuvwxyz-");
    text->at += size;
    return size > 0;
}

static bool read_string(struct edn_text *text)
{
    for (text->at++; *text->at && *text->at != '"'; text->at++)
        if (*text->at == '\\' && *++text->at != '"' && *text->at != '\\')
            return false;
    return take(text, '"');
}

static bool read_many(struct edn_text *text, int depth, bool is_map)
{
    char end = is_map ? '}' : ']';
    text->at++;
    if (take(text, end))
        return true;
    for (;;) {
        if (!read_value(text, depth + 1))
            return false;
        if (is_map && (!take(text, ' ') || !read_value(text, depth + 1)))
            return false;
        if (take(text, end))
            return true;
        if ((is_map && !take(text, ',')) || !take(text, ' '))
            return false;
    }
}

static bool read_value(struct edn_text *text, int depth)
{
    if (depth > DEPTH_MAX)
        return false;
    switch (*text->at) {
    case '{':
    case '[':
        return read_many(text, depth, *text->at == '{');
    case ':':
        return read_keyword(text);
    case '"':
        return read_string(text);
    case 'n':
        return take(text, 'n') && take(text, 'i') && take(text, 'l');
    default:
        return read_integer(text);
    }
}

static bool is_map_of_edn(const char *line)
{
    struct edn_text text = {.at = line};
    return *line == '{' && read_value(&text, 0) && *text.at == 0;
}

/* ---- Exporting. */

static char *exported(const struct history_source *sources, uint32_t count)
{
    char path[] = "/tmp/skiff-edn-XXXXXX";
    char problem[256] = "";
    char *text = mem_zalloc(TEXT_MAX);
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert(edn_write(path, sources, count, problem, sizeof problem), "%s", problem);
    cr_assert_geq(read(fd, text, TEXT_MAX - 1), 0);
    close(fd);
    unlink(path);
    return text;
}

static struct history_source source(const char *text)
{
    return (struct history_source){
        .path = "h", .text = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)}};
}

Test(edn, has_an_invocation_and_a_completion_for_each_operation)
{
    struct history_source one =
        source(HEAD "c 1 writer tuned w\nc 9 reader live r\n"
                    "w 1 0 0 10\nw 1 1 1 11\na 1 0 5 12\n! 13 begin f1 kill \"node\" 2\n"
                    "w 1 2 0 14\ne 1 1 _QUEUE_FULL 15\ne 1 2 X 16\nw 1 3 0 17\na 1 3 -1 18\n"
                    "w 1 4 2 19\na 1 4 -1 20\n"
                    "s 9 0 0 21\nr 9 0 5 1 0 22\nr 9 1 0 1 1 23\nr 9 0 6 1 3 24\n"
                    "s 9 0 5 25\nr 9 0 5 1 0 26\nx 9 0 6 27 ff\n. 28\n");
    char *text = exported(&one, 1);

    cr_expect_str_eq(
        text,
        "{:index 0, :time 10, :type :invoke, :process 1, :f :send, :value [[:send 0 "
        "1000000000000]]}\n"
        "{:index 1, :time 11, :type :invoke, :process 2, :f :send, :value [[:send 1 "
        "1000000000001]]}\n"
        "{:index 2, :time 12, :type :ok, :process 1, :f :send, :value [[:send 0 [5 "
        "1000000000000]]]}\n"
        "{:index 3, :time 13, :type :info, :process :nemesis, :f :begin, :value [\"f1\" \"kill\" "
        "\"\\\"node\\\" 2\"]}\n"
        "{:index 4, :time 14, :type :invoke, :process 1, :f :send, :value [[:send 0 "
        "1000000000002]]}\n"
        "{:index 5, :time 15, :type :fail, :process 2, :f :send, :value [[:send 1 "
        "1000000000001]], :error \"_QUEUE_FULL\"}\n"
        "{:index 6, :time 16, :type :info, :process 1, :f :send, :value [[:send 0 "
        "1000000000002]], :error \"X\"}\n"
        "{:index 7, :time 17, :type :invoke, :process 2, :f :send, :value [[:send 0 "
        "1000000000003]]}\n"
        "{:index 8, :time 18, :type :ok, :process 2, :f :send, :value [[:send 0 [nil "
        "1000000000003]]]}\n"
        "{:index 9, :time 22, :type :invoke, :process 0, :f :poll, :value [[:poll]]}\n"
        "{:index 10, :time 25, :type :ok, :process 0, :f :poll, :value [[:poll {0 [[5 "
        "1000000000000] [6 1000000000003]], 1 [[0 1000000000001]]}]]}\n"
        "{:index 11, :time 26, :type :invoke, :process 3, :f :poll, :value [[:poll]]}\n"
        "{:index 12, :time 27, :type :ok, :process 3, :f :poll, :value [[:poll {0 [[5 "
        "1000000000000] [6 -7]]}]]}\n");
    mem_free(text);
}

/* Many writes at once by two clients, some of which never end. */
static char *many_writes(void)
{
    char *text = mem_zalloc(TEXT_MAX);
    char *at = text + snprintf(text, TEXT_MAX, "%s", HEAD "c 1 writer a a\nc 2 writer b b\n");
    for (int i = 0; i < 2000; i++) {
        at += sprintf(at, "w %d %d %d %d\n", 1 + i % 2, i / 2, i % 2, 10 * i);
        int ended = i - 20;
        if (ended < 0 || ended % 50 == 7)
            continue;
        if (ended % 50 == 8)
            at += sprintf(at, "e %d %d X %d\n", 1 + ended % 2, ended / 2, 10 * i + 1);
        else
            at += sprintf(at, "a %d %d %d %d\n", 1 + ended % 2, ended / 2, ended, 10 * i + 1);
    }
    sprintf(at, ". 30000\n");
    return text;
}

Test(edn, reads_back_with_one_operation_at_a_time_for_each_process)
{
    char *history = many_writes();
    struct history_source one = source(history);
    char *text = exported(&one, 1);
    char *rest = text;
    bool is_busy[PROCESSES_MAX] = {0};
    bool is_over[PROCESSES_MAX] = {0};
    unsigned lines = 0;
    long long before = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        unsigned index, process;
        long long time;
        char type[16];
        cr_assert(is_map_of_edn(line), "%s", line);
        cr_assert_eq(sscanf(line, "{:index %u, :time %lld, :type :%15[a-z], :process %u, ", &index,
                            &time, type, &process),
                     4, "%s", line);
        cr_assert_eq(index, lines);
        cr_assert_geq(time, before);
        cr_assert_lt(process, PROCESSES_MAX);
        bool begins = strcmp(type, "invoke") == 0;
        cr_assert_neq(is_busy[process], begins, "%s", line);
        cr_assert_not(is_over[process], "%s", line);
        is_busy[process] = begins;
        is_over[process] = strcmp(type, "info") == 0;
        before = time;
    }
    cr_assert_eq(lines, 2000 + 1980 - 40);
    mem_free(text);
    mem_free(history);
}

Test(edn, says_where_it_cannot_write)
{
    char problem[256];
    struct history_source one = source(HEAD ". 1\n");

    cr_assert_not(edn_write("/nonexistent/h.edn", &one, 1, problem, sizeof problem));

    cr_assert_str_eq(problem, "/nonexistent/h.edn: No such file or directory");
}
