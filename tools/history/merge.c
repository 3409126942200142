/* merge.c -- the lines of several files in the order of their times.
 *
 * Each file has its next line ready; the file with the earliest goes on until another's is
 * earlier, so that a file that is busy for a while costs one comparison a line. */
#include "merge.h"

#include <stdio.h>

enum { PROBLEM_MAX = 640 };

struct merge_file {
    struct history_reader *reader;
    enum history_result result;
    struct history_line line; /* The next. */
    int64_t time;             /* Where it stands among the others; marks are passed on late. */
};

struct merge {
    uint32_t count;
    struct merge_file *files;
    uint32_t now;  /* The file whose line was given last; `count`: none. */
    int64_t until; /* It may go on while its lines are earlier than this. */
    char problem[PROBLEM_MAX];
};

bool history_source_open(struct history_reader **out, const struct history_source *source)
{
    return source->text.data ? history_reader_open_bytes(out, source->path, source->text)
                             : history_reader_open(out, source->path);
}

static bool is_bad(struct merge *merge, const struct merge_file *file)
{
    if (file->result != HISTORY_BAD)
        return false;
    snprintf(merge->problem, PROBLEM_MAX, "%s", history_problem(file->reader));
    return true;
}

static void read_next(struct merge_file *file)
{
    file->result = history_next(file->reader, &file->line);
    bool has_time = file->result == HISTORY_LINE || file->result == HISTORY_END;
    if (has_time && file->line.kind != '!' && file->line.kind != 'g')
        file->time = file->line.time;
}

static bool agree(struct merge *merge, const struct merge_file *file)
{
    const struct history_head *first = history_head(merge->files[0].reader);
    const struct history_head *head = history_head(file->reader);
    const char *what = strcmp(first->run, head->run)           ? "run"
                       : strcmp(first->topic, head->topic)     ? "topic"
                       : first->partitions != head->partitions ? "partitions"
                                                               : NULL;
    if (what)
        snprintf(merge->problem, PROBLEM_MAX, "%s:1: another %s than in %s",
                 history_path(file->reader), what, history_path(merge->files[0].reader));
    return !what;
}

bool merge_open(struct merge **out, const struct history_source *sources, uint32_t count)
{
    struct merge *merge = mem_zalloc(sizeof *merge);
    *out = merge;
    if (count < 1 || count > MERGE_FILES_MAX) {
        snprintf(merge->problem, PROBLEM_MAX, "from 1 to %d files are a history", MERGE_FILES_MAX);
        return false;
    }
    merge->files = mem_zalloc(count * sizeof *merge->files);
    merge->now = count;
    for (uint32_t i = 0; i < count; i++) {
        struct merge_file *file = &merge->files[i];
        bool is_open = history_source_open(&file->reader, &sources[i]);
        merge->count = i + 1;
        file->result = is_open ? HISTORY_LINE : HISTORY_BAD;
        if (is_bad(merge, file) || !agree(merge, file))
            return false;
        read_next(file);
    }
    merge->now = merge->count;
    return true;
}

void merge_close(struct merge *merge)
{
    for (uint32_t i = 0; i < merge->count; i++)
        history_reader_close(merge->files[i].reader);
    mem_free(merge->files);
    mem_free(merge);
}

const struct history_head *merge_head(const struct merge *merge)
{
    return history_head(merge->files[0].reader);
}

/* Whether `a` goes before `b`, which stands before it among the files. */
static bool is_earlier(const struct merge_file *a, const struct merge_file *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    return a->line.kind == 'w' && b->line.kind != 'w';
}

/* The file whose line is next; `count`: none. Sets how long it may go on. */
static uint32_t find_earliest(struct merge *merge)
{
    uint32_t found = merge->count;
    for (uint32_t i = 0; i < merge->count; i++)
        if (merge->files[i].result == HISTORY_LINE &&
            (found == merge->count || is_earlier(&merge->files[i], &merge->files[found])))
            found = i;
    merge->until = INT64_MAX;
    for (uint32_t i = 0; i < merge->count; i++)
        if (i != found && merge->files[i].result == HISTORY_LINE &&
            merge->files[i].time < merge->until)
            merge->until = merge->files[i].time;
    return found;
}

enum history_result merge_next(struct merge *merge, struct history_line *line, uint32_t *file)
{
    if (merge->now < merge->count)
        read_next(&merge->files[merge->now]);
    for (uint32_t i = 0; i < merge->count; i++)
        if (merge->files[i].result == HISTORY_BAD && is_bad(merge, &merge->files[i]))
            return HISTORY_BAD;
    struct merge_file *now = merge->now < merge->count ? &merge->files[merge->now] : NULL;
    if (!now || now->result != HISTORY_LINE || now->time >= merge->until)
        merge->now = find_earliest(merge);
    if (merge->now == merge->count)
        return HISTORY_END;
    *line = merge->files[merge->now].line;
    *file = merge->now;
    return HISTORY_LINE;
}

bool merge_is_cut(const struct merge *merge, uint32_t file)
{
    return merge->files[file].result == HISTORY_CUT;
}

int64_t merge_end_time(const struct merge *merge, uint32_t file)
{
    return merge->files[file].time;
}

const char *merge_problem(const struct merge *merge)
{
    return merge->problem;
}
