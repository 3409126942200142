/* findings.c -- anomalies by class, and the lines of the history that alone show one.
 *
 * While a history is checked nothing is kept of its text. Whoever finds an anomaly says which
 * lines show it, and one more pass, made only when there is something to show, collects them. */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { KINDS = 128, SAME_MAX = 2 };

static const char *const names[FINDING_CLASSES] = {
    [FINDING_LOST_WRITE] = "lost-write",
    [FINDING_UNSEEN] = "unseen",
    [FINDING_DUPLICATE] = "duplicate",
    [FINDING_REORDERED] = "reordered",
    [FINDING_INCONSISTENT_OFFSETS] = "inconsistent-offsets",
    [FINDING_NEVER_WRITTEN] = "never-written",
    [FINDING_ABORTED_READ] = "aborted-read",
    [FINDING_POLL_SKIP] = "poll-skip",
    [FINDING_NONMONOTONIC_POLL] = "nonmonotonic-poll",
    [FINDING_NONMONOTONIC_SEND] = "nonmonotonic-send",
    [FINDING_BEYOND_WATERMARK] = "beyond-watermark",
    [FINDING_DIRTY_READ] = "dirty-read",
    [FINDING_CORRUPT] = "corrupt",
    [FINDING_LOST_COMMIT] = "lost-commit",
    [FINDING_LOST_KEY] = "lost-key",
    [FINDING_UNDELIVERED] = "undelivered",
    [FINDING_TWO_OWNERS] = "two-owners",
};

const char *finding_class_name(enum finding_class class)
{
    return names[class];
}

uint64_t findings_total(const struct findings *findings)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < FINDING_CLASSES; i++)
        total += findings->counts[i];
    return total;
}

struct finding *findings_add(struct findings *findings, enum finding_class class,
                             const char *format, ...)
{
    va_list arguments;
    if (++findings->counts[class] > FINDINGS_SHOWN)
        return NULL;
    struct finding *finding = &findings->shown[findings->count++];
    *finding = (struct finding){.class = class};
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    return finding;
}

static void want(struct finding *finding, struct want want)
{
    if (finding && finding->want_count < FINDING_LINES_MAX)
        finding->wants[finding->want_count++] = want;
}

void want_write(struct finding *finding, uint32_t client, int64_t value)
{
    for (const char *kind = "wae"; *kind; kind++)
        want(finding, (struct want){*kind, client, WANT_ANY, WANT_ANY, WANT_ANY, value});
}

void want_read(struct finding *finding, int64_t client, uint32_t partition, int64_t offset)
{
    want(finding, (struct want){'r', client, partition, offset, WANT_ANY, WANT_ANY});
}

void want_read_of(struct finding *finding, uint32_t partition, int64_t offset, uint32_t writer,
                  int64_t value)
{
    want(finding, (struct want){'r', WANT_ANY, partition, offset, writer, value});
}

void want_line(struct finding *finding, char kind, uint32_t client, int64_t partition,
               int64_t offset)
{
    want(finding, (struct want){kind, client, partition, offset, WANT_ANY, WANT_ANY});
}

void want_committed(struct finding *finding, uint32_t client, uint32_t partition, int64_t offset,
                    int64_t asked)
{
    want(finding, (struct want){'q', client, partition, offset, WANT_ANY, asked});
}

/* ---- Collecting. */

/* All wants of one kind of line, in a table of lists by the number that tells most apart. */
struct wanted {
    const struct want *want;
    struct finding *finding;
    uint32_t found;
    uint32_t next; /* In its list; 0: none. */
};

enum { LISTS = 1024, WANTED_MAX = FINDINGS_SHOWN * FINDING_CLASSES * FINDING_LINES_MAX + 1 };

struct collector {
    bool kinds[KINDS];
    uint32_t count; /* From 1 on. */
    struct wanted all[WANTED_MAX];
    uint32_t lists[LISTS];
};

static uint32_t list_of(char kind, int64_t number)
{
    return ((uint32_t)kind * 131 + (uint32_t)number) % LISTS;
}

/* What a want of this kind always names. */
static int64_t telling(char kind, int64_t client, int64_t offset, int64_t value)
{
    bool is_write = kind == 'w' || kind == 'a' || kind == 'e';
    bool is_read = kind == 'r' || kind == 'x' || kind == 'q' || kind == 'm';
    return is_write ? value : is_read ? offset : client;
}

static void fill(struct collector *collector, struct findings *findings)
{
    for (uint32_t i = 0; i < findings->count; i++)
        for (uint32_t j = 0; j < findings->shown[i].want_count; j++) {
            const struct want *want = &findings->shown[i].wants[j];
            int64_t number = telling(want->kind, want->client, want->offset, want->value);
            uint32_t *list = &collector->lists[list_of(want->kind, number)];
            collector->kinds[(unsigned char)want->kind % KINDS] = true;
            collector->all[++collector->count] =
                (struct wanted){.want = want, .finding = &findings->shown[i], .next = *list};
            *list = collector->count;
        }
}

static bool fits(int64_t wanted, int64_t found)
{
    return wanted == WANT_ANY || wanted == found;
}

static bool matches(const struct want *want, const struct history_line *line)
{
    return want->kind == line->kind && fits(want->client, line->client) &&
           fits(want->partition, line->partition) && fits(want->offset, line->offset) &&
           fits(want->writer, line->writer) && fits(want->value, line->value);
}

/* One reader that came by twice is shown twice; of many readers one is enough. */
static uint32_t same_max(const struct want *want)
{
    return want->kind == 'r' && want->client != WANT_ANY ? SAME_MAX : 1;
}

static bool has_line(const struct finding *finding, uint32_t file, uint64_t number)
{
    for (uint32_t i = 0; i < finding->line_count; i++)
        if (finding->lines[i].file == file && finding->lines[i].number == number)
            return true;
    return false;
}

static void keep(struct finding *finding, const struct history_source *source, uint32_t file,
                 const struct history_line *line)
{
    if (finding->line_count == FINDING_LINES_MAX || has_line(finding, file, line->number))
        return;
    size_t size = strlen(source->path) + line->text.size + 32;
    char *copy = history_copy(line->text);
    char *text = mem_alloc(size);
    snprintf(text, size, "%s:%llu: %s", source->path, (unsigned long long)line->number, copy);
    mem_free(copy);
    finding->lines[finding->line_count++] = (struct finding_line){
        .time = line->time, .file = file, .number = line->number, .text = text};
}

static void take(struct collector *collector, const struct history_source *source, uint32_t file,
                 const struct history_line *line)
{
    if (!collector->kinds[(unsigned char)line->kind % KINDS])
        return;
    int64_t number = telling(line->kind, line->client, line->offset, line->value);
    for (uint32_t i = collector->lists[list_of(line->kind, number)]; i;
         i = collector->all[i].next) {
        struct wanted *wanted = &collector->all[i];
        if (wanted->found < same_max(wanted->want) && matches(wanted->want, line)) {
            wanted->found++;
            keep(wanted->finding, source, file, line);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const struct finding_line *left = a;
    const struct finding_line *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    if (left->file != right->file)
        return left->file < right->file ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

static bool read_all(struct collector *collector, const struct history_source *source,
                     uint32_t file)
{
    struct history_reader *reader;
    struct history_line line;
    enum history_result result = HISTORY_BAD;
    if (history_source_open(&reader, source))
        while ((result = history_next(reader, &line)) == HISTORY_LINE)
            take(collector, source, file, &line);
    history_reader_close(reader);
    return result != HISTORY_BAD;
}

bool findings_collect(struct findings *findings, const struct history_source *sources,
                      uint32_t count)
{
    bool ok = true;
    struct collector *collector = mem_zalloc(sizeof *collector);
    fill(collector, findings);
    for (uint32_t i = 0; findings->count && ok && i < count; i++)
        ok = read_all(collector, &sources[i], i);
    for (uint32_t i = 0; i < findings->count; i++)
        qsort(findings->shown[i].lines, findings->shown[i].line_count,
              sizeof findings->shown[i].lines[0], compare);
    mem_free(collector);
    return ok;
}

void findings_free(struct findings *findings)
{
    for (uint32_t i = 0; i < findings->count; i++)
        for (uint32_t j = 0; j < findings->shown[i].line_count; j++)
            mem_free(findings->shown[i].lines[j].text);
}
