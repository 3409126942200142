/* marks.c -- the faults of a history: begin and end lines made into windows. */
#include "marks.h"

#include <stdio.h>
#include <stdlib.h>

static void begin_mark(struct marks *marks, const struct history_line *line)
{
    mem_grow(marks->all, marks->count, &marks->capacity);
    marks->all[marks->count++] = (struct mark){.id = history_copy(line->words[0]),
                                               .name = history_copy(line->words[1]),
                                               .detail = history_copy(line->words[2]),
                                               .begin = line->time,
                                               .end = INT64_MAX};
}

/* The latest of this name that has not ended; an end alone says nothing. */
static void end_mark(struct marks *marks, const struct history_line *line)
{
    for (uint32_t i = marks->count; i-- > 0;) {
        struct mark *mark = &marks->all[i];
        if (mark->end == INT64_MAX && str_equal(str_from(mark->id), line->words[0]) &&
            mark->begin <= line->time) {
            mark->end = line->time;
            return;
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct mark *left = a;
    const struct mark *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return strcmp(left->id, right->id);
}

static void set_stops(struct marks *marks)
{
    const int64_t felt = MARK_FELT_S * INT64_C(1000000000);
    if (marks->count)
        qsort(marks->all, marks->count, sizeof *marks->all, compare);
    for (uint32_t i = 0; i < marks->count; i++) {
        struct mark *mark = &marks->all[i];
        mark->stop = mark->end > INT64_MAX - felt ? INT64_MAX : mark->end + felt;
        for (uint32_t next = i + 1; next < marks->count; next++)
            if (marks->all[next].begin >= mark->end) {
                if (marks->all[next].begin < mark->stop)
                    mark->stop = marks->all[next].begin;
                break;
            }
    }
}

static bool read_one(struct marks *marks, struct history_reader *reader)
{
    struct history_line line;
    enum history_result result;
    while ((result = history_next_mark(reader, &line)) == HISTORY_LINE) {
        if (line.begins && marks->count == MARKS_MAX)
            return false;
        if (line.begins)
            begin_mark(marks, &line);
        else
            end_mark(marks, &line);
    }
    return true;
}

bool marks_read(struct marks *marks, const struct history_source *sources, uint32_t count,
                char *problem, size_t problem_size)
{
    bool ok = true;
    *marks = (struct marks){0};
    for (uint32_t i = 0; ok && i < count; i++) {
        struct history_reader *reader;
        struct history_line line;
        ok = history_source_open(&reader, &sources[i]);
        if (ok && !read_one(marks, reader)) {
            snprintf(problem, problem_size, "%s: more than %d faults", sources[i].path, MARKS_MAX);
            ok = false;
        } else if (!ok || history_next_mark(reader, &line) == HISTORY_BAD) {
            snprintf(problem, problem_size, "%s", history_problem(reader));
            ok = false;
        }
        history_reader_close(reader);
    }
    set_stops(marks);
    return ok;
}

void marks_free(struct marks *marks)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        mem_free(marks->all[i].id);
        mem_free(marks->all[i].name);
        mem_free(marks->all[i].detail);
    }
    mem_free(marks->all);
}
