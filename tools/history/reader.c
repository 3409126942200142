/* reader.c -- the lines of one history file, one after the other, each field held against its kind.
 *
 * A line's kind says by letters what its fields are; so one walk reads all kinds, and says of a
 * malformed one which field it is and what was wanted there. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "history.h"

enum { WINDOW_SIZE = 1 << 20, PROBLEM_MAX = 512, SHOWN_MAX = 40 };

/* What a field may be, and where it goes. */
struct field {
    char letter;
    const char *what;
};

static const struct field fields[] = {{'C', "client"},
                                      {'P', "partition"},
                                      {'W', "writer"},
                                      {'K', "key"},
                                      {'V', "value number"},
                                      {'O', "offset"},
                                      {'T', "time"},
                                      {'U', "end of it"},
                                      {'F', "time of the question"},
                                      {'B', "begin or end"},
                                      {'1', "word"},
                                      {'2', "word"},
                                      {'3', "word"},
                                      {'X', "hexadecimal digits"},
                                      {'*', "rest of a line"}};

/* What the lines of each kind hold; '*' takes the rest of the line, which may be empty. A line that
 * names a key means what the one without it means. */
static const struct shape {
    char kind;
    char means;
    bool is_ordered; /* Its time is not before that of the ordered line above. */
    const char *letters;
} shapes[] = {
    {'w', 'w', true, "CVPT"},    {'a', 'a', true, "CVOT"},  {'r', 'r', true, "CPOWVT"},
    {'e', 'e', true, "CV1T"},    {'h', 'h', true, "CPOT"},  {'s', 's', true, "CPOT"},
    {'z', 'z', true, "CPOT"},    {'x', 'x', true, "CPOTX"}, {'b', 'b', true, "CPOT"},
    {'q', 'q', true, "CPOFT"},   {'k', 'w', true, "CVPKT"}, {'t', 'w', true, "CVPKT"},
    {'v', 'r', true, "CPOKWVT"}, {'o', 'o', true, "CPT"},   {'d', 'd', true, "CPT"},
    {'m', 'm', true, "CPOT"},    {'f', 'f', true, "CP1T"},  {'c', 'c', false, "C12*"},
    {'!', '!', false, "TB12*"},  {'g', 'g', false, "TU"},   {'n', 'n', false, "*"},
    {'.', '.', true, "T"},
};

struct history_reader {
    char *path;
    int fd; /* -1: of bytes in memory. */
    struct history_head head;
    const char *at; /* The next line. */
    const char *end;
    char *window; /* NULL: of bytes in memory. */
    bool is_read; /* Nothing comes after `end`. */
    uint64_t number;
    int64_t time;               /* Of the last ordered line. */
    enum history_result result; /* HISTORY_LINE: there may be more. */
    char problem[PROBLEM_MAX];
};

/* ---- What is wrong. */

static bool refuse(struct history_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct history_reader *reader, const char *format, ...)
{
    va_list arguments;
    int size = snprintf(reader->problem, PROBLEM_MAX, "%s:%llu: ", reader->path,
                        (unsigned long long)reader->number);
    if (size < 0 || size >= PROBLEM_MAX)
        size = 0;
    va_start(arguments, format);
    vsnprintf(reader->problem + size, (size_t)(PROBLEM_MAX - size), format, arguments);
    va_end(arguments);
    reader->result = HISTORY_BAD;
    return false;
}

/* ---- Lines. */

/* Have a whole line at `at`, or all that there is. */
static bool fill(struct history_reader *reader)
{
    size_t rest = (size_t)(reader->end - reader->at);
    memmove(reader->window, reader->at, rest);
    reader->at = reader->window;
    reader->end = reader->window + rest;
    while (!reader->is_read && rest < WINDOW_SIZE) {
        ssize_t got = read(reader->fd, reader->window + rest, WINDOW_SIZE - rest);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse(reader, "cannot be read: %s", strerror(errno));
        if (got == 0)
            reader->is_read = true;
        rest += (size_t)got;
        reader->end = reader->window + rest;
    }
    return true;
}

/* The next line without its newline. */
static enum history_result take_text(struct history_reader *reader, struct str *text)
{
    size_t rest = (size_t)(reader->end - reader->at);
    if (rest < HISTORY_LINE_MAX && !reader->is_read && !fill(reader))
        return HISTORY_BAD;
    rest = (size_t)(reader->end - reader->at);
    size_t most = rest < HISTORY_LINE_MAX ? rest : HISTORY_LINE_MAX;
    const char *newline = most ? memchr(reader->at, '\n', most) : NULL;
    reader->number++;
    if (!newline && most == HISTORY_LINE_MAX) {
        refuse(reader, "the line is longer than %d bytes", HISTORY_LINE_MAX);
        return HISTORY_BAD;
    }
    if (!newline)
        return reader->result = HISTORY_CUT;
    *text = (struct str){.data = reader->at, .size = (uint32_t)(newline - reader->at)};
    reader->at = newline + 1;
    return HISTORY_LINE;
}

/* ---- Fields. */

/* Where the walk through one line is. */
struct walk {
    struct history_reader *reader;
    const char *at;
    const char *end;
    uint32_t number; /* Of the field, the line's first character being the first. */
    char letter;
};

static const char *what_is(char letter)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].letter == letter)
            return fields[i].what;
    return "?";
}

static bool wrong(const struct walk *walk, const char *why)
{
    const char *stop = memchr(walk->at, ' ', (size_t)(walk->end - walk->at));
    size_t size = (size_t)((stop ? stop : walk->end) - walk->at);
    return refuse(walk->reader, "field %u (%s): `%.*s` %s", walk->number, what_is(walk->letter),
                  (int)(size < SHOWN_MAX ? size : SHOWN_MAX), walk->at, why);
}

/* The blank before the next field. */
static bool begin_field(struct walk *walk, char letter)
{
    walk->number++;
    walk->letter = letter;
    if (letter == '*' && walk->at == walk->end)
        return true;
    if (walk->at == walk->end || *walk->at != ' ')
        return refuse(walk->reader, "field %u (%s) is missing", walk->number, what_is(letter));
    walk->at++;
    return true;
}

static bool take_integer(struct walk *walk, int64_t min, int64_t max, int64_t *out)
{
    const char *at = walk->at;
    bool is_negative = at < walk->end && *at == '-';
    at += is_negative;
    const char *first = at;
    uint64_t number = 0;
    for (; at < walk->end && (unsigned)(*at - '0') < 10 && at - first < 19; at++)
        number = number * 10 + (unsigned)(*at - '0');
    if (at == first || (at < walk->end && *at != ' '))
        return wrong(walk, "is no number");
    if (number > INT64_MAX || (is_negative ? -(int64_t)number : (int64_t)number) < min ||
        (!is_negative && (int64_t)number > max))
        return wrong(walk, "is not within its limits");
    *out = is_negative ? -(int64_t)number : (int64_t)number;
    walk->at = at;
    return true;
}

static bool take_uint32(struct walk *walk, uint32_t max, uint32_t *out)
{
    int64_t number;
    if (!take_integer(walk, 0, max, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool take_word(struct walk *walk, struct str *out)
{
    const char *stop = memchr(walk->at, ' ', (size_t)(walk->end - walk->at));
    size_t size = (size_t)((stop ? stop : walk->end) - walk->at);
    if (size == 0)
        return wrong(walk, "is empty");
    *out = (struct str){.data = walk->at, .size = (uint32_t)size};
    walk->at += size;
    return true;
}

static bool take_digits(struct walk *walk, struct str *out)
{
    if (!take_word(walk, out))
        return false;
    for (uint32_t i = 0; i < out->size; i++)
        if (!strchr("0123456789abcdef-", out->data[i]) || !out->data[i]) {
            walk->at = out->data;
            return wrong(walk, "are no hexadecimal digits");
        }
    return true;
}

static bool take_begins(struct walk *walk, bool *out)
{
    struct str word;
    if (!take_word(walk, &word))
        return false;
    *out = str_equal(word, STR("begin"));
    if (*out || str_equal(word, STR("end")))
        return true;
    walk->at = word.data;
    return wrong(walk, "is neither `begin` nor `end`");
}

static bool take_field(struct walk *walk, struct history_line *line)
{
    struct str rest = {.data = walk->at, .size = (uint32_t)(walk->end - walk->at)};
    switch (walk->letter) {
    case 'C':
        return take_uint32(walk, HISTORY_CLIENTS_MAX - 1, &line->client);
    case 'W':
        return take_uint32(walk, HISTORY_CLIENTS_MAX - 1, &line->writer);
    case 'P': /* A write to the one past the last is one of metadata. */
        return take_uint32(walk, walk->reader->head.partitions - (line->kind != 'w'),
                           &line->partition);
    case 'K':
        line->has_key = true;
        return take_uint32(walk, HISTORY_KEYS_MAX - 1, &line->key);
    case 'V':
        return take_integer(walk, 0, HISTORY_NUMBER_MAX, &line->value);
    case 'O':
        return take_integer(walk, -HISTORY_OFFSET_MAX, HISTORY_OFFSET_MAX, &line->offset);
    case 'T':
        return take_integer(walk, 0, INT64_MAX, &line->time);
    case 'U':
        return take_integer(walk, line->time, INT64_MAX, &line->to);
    case 'F':
        return take_integer(walk, 0, INT64_MAX, &line->value);
    case 'B':
        return take_begins(walk, &line->begins);
    case '1':
        return take_word(walk, &line->words[0]);
    case '2':
        return take_word(walk, &line->words[1]);
    case 'X':
        return take_digits(walk, &line->words[0]);
    default:
        line->words[line->kind == 'n' ? 0 : 2] = rest;
        walk->at = walk->end;
        return true;
    }
}

static const struct shape *find_shape(char kind)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (shapes[i].kind == kind)
            return &shapes[i];
    return NULL;
}

static bool take_line(struct history_reader *reader, struct str text, struct history_line *line)
{
    const struct shape *shape = text.size ? find_shape(text.data[0]) : NULL;
    if (!shape)
        return refuse(reader, "field 1 (kind): `%.*s` is no kind of line", text.size > 0,
                      text.data);
    struct walk walk = {
        .reader = reader, .at = text.data + 1, .end = text.data + text.size, .number = 1};
    *line = (struct history_line){.kind = shape->means,
                                  .is_tombstone = shape->kind == 't',
                                  .time = reader->time,
                                  .text = text,
                                  .number = reader->number};
    for (const char *letter = shape->letters; *letter; letter++) {
        if (!begin_field(&walk, *letter) || !take_field(&walk, line))
            return false;
        if (*letter == 'T' && shape->is_ordered && line->time < reader->time)
            return refuse(reader,
                          "field %u (time): %lld is before the %lld of a line above; the lines of "
                          "one file stand in the order of their times",
                          walk.number, (long long)line->time, (long long)reader->time);
    }
    if (walk.at != walk.end)
        return refuse(reader, "field %u: a line of kind `%c` has fewer fields", walk.number + 1,
                      shape->kind);
    if (shape->is_ordered)
        reader->time = line->time;
    return true;
}

/* Nothing stands after the last line. */
static enum history_result end_file(struct history_reader *reader)
{
    if (reader->window && !fill(reader))
        return HISTORY_BAD;
    if (reader->at == reader->end)
        return reader->result = HISTORY_END;
    reader->number++;
    refuse(reader, "there is more after the last line");
    return HISTORY_BAD;
}

enum history_result history_next(struct history_reader *reader, struct history_line *line)
{
    struct str text = {0};
    if (reader->result != HISTORY_LINE)
        return reader->result;
    enum history_result result = take_text(reader, &text);
    if (result != HISTORY_LINE)
        return result;
    if (!take_line(reader, text, line))
        return HISTORY_BAD;
    return line->kind == '.' ? end_file(reader) : HISTORY_LINE;
}

enum history_result history_next_mark(struct history_reader *reader, struct history_line *line)
{
    struct str text = {0};
    while (reader->result == HISTORY_LINE && take_text(reader, &text) == HISTORY_LINE) {
        if (text.size && text.data[0] == '!')
            return take_line(reader, text, line) ? HISTORY_LINE : HISTORY_BAD;
        if (text.size && text.data[0] == '.')
            return end_file(reader);
    }
    return reader->result;
}

/* ---- Open and close. */

/* Take `begin` off the start of `*rest`. */
static bool skip(struct str *rest, struct str begin)
{
    if (rest->size < begin.size || memcmp(rest->data, begin.data, begin.size))
        return false;
    rest->data += begin.size;
    rest->size -= begin.size;
    return true;
}

/* The value of "name=value" at the start of `*rest`, and the blank after it. */
static bool take_named(struct str *rest, struct str name, size_t size_max, char *out)
{
    if (!skip(rest, name))
        return false;
    const char *stop = memchr(rest->data, ' ', rest->size);
    uint32_t size = stop ? (uint32_t)(stop - rest->data) : rest->size;
    if (size == 0 || size > size_max)
        return false;
    memcpy(out, rest->data, size);
    out[size] = 0;
    rest->data += size + (stop != NULL);
    rest->size -= size + (stop != NULL);
    return true;
}

static bool take_partitions(struct history_reader *reader, const char *digits)
{
    uint32_t count = 0;
    for (; (unsigned)(*digits - '0') < 10; digits++)
        count = count * 10 + (unsigned)(*digits - '0');
    reader->head.partitions = count;
    return !*digits && count >= 1 && count <= HISTORY_PARTITIONS_MAX;
}

static bool take_head(struct history_reader *reader)
{
    struct str text = {0};
    char count[8];
    struct history_head *head = &reader->head;
    if (take_text(reader, &text) == HISTORY_BAD)
        return false;
    struct str rest = text;
    if (!skip(&rest, STR("# skiff-history 1 ")) ||
        !take_named(&rest, STR("run="), HISTORY_RUN_MAX, head->run) ||
        !take_named(&rest, STR("topic="), HISTORY_TOPIC_MAX, head->topic) ||
        !take_named(&rest, STR("partitions="), sizeof count - 1, count) || rest.size)
        return refuse(reader, "no history begins so; the first line is "
                              "`# skiff-history 1 run=HEX topic=NAME partitions=N`");
    if (strspn(head->run, "0123456789abcdef") != strlen(head->run))
        return refuse(reader, "run=%s: no hexadecimal digits", head->run);
    if (!take_partitions(reader, count))
        return refuse(reader, "partitions=%s: a number from 1 to %d is allowed", count,
                      HISTORY_PARTITIONS_MAX);
    return true;
}

bool history_reader_open(struct history_reader **out, const char *path)
{
    struct history_reader *reader = mem_zalloc(sizeof *reader);
    *out = reader;
    reader->path = mem_strdup(path);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    reader->window = mem_alloc(WINDOW_SIZE);
    reader->at = reader->end = reader->window;
    if (reader->fd < 0) {
        snprintf(reader->problem, PROBLEM_MAX, "%s: %s", path, strerror(errno));
        reader->result = HISTORY_BAD;
        return false;
    }
    posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return take_head(reader);
}

bool history_reader_open_bytes(struct history_reader **out, const char *name, struct bytes text)
{
    struct history_reader *reader = mem_zalloc(sizeof *reader);
    *out = reader;
    reader->path = mem_strdup(name);
    reader->fd = -1;
    reader->is_read = true;
    reader->at = (const char *)text.data;
    reader->end = reader->at + text.size;
    return take_head(reader);
}

void history_reader_close(struct history_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    mem_free(reader->window);
    mem_free(reader->path);
    mem_free(reader);
}

const char *history_path(const struct history_reader *reader)
{
    return reader->path;
}

const struct history_head *history_head(const struct history_reader *reader)
{
    return &reader->head;
}

const char *history_problem(const struct history_reader *reader)
{
    return reader->problem;
}

char *history_copy(struct str text)
{
    char *out = mem_alloc((size_t)text.size + 1);
    for (uint32_t i = 0; i < text.size; i++)
        out[i] = text.data[i] >= ' ' && text.data[i] < 127 ? text.data[i] : '?';
    out[text.size] = 0;
    return out;
}
