/* checker.c -- goes through a history once, in the order of time, and then looks at what is left.
 *
 * Each kind of line has its function; check_end.c does what needs the whole. */
#include "checker.h"

#include <stdarg.h>
#include <stdio.h>

#include "checker_state.h"
#include "say.h"

/* ---- What is wrong. */

bool refuse_line(struct checker *checker, const struct history_line *line, const char *path,
                 const char *format, ...)
{
    char why[CHECKER_REASON_SIZE / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    snprintf(checker->verdict->problem, CHECKER_REASON_SIZE, "%s:%llu: %s", path,
             (unsigned long long)line->number, why);
    return false;
}

void add_reason(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;
    if (verdict->reason_count++ >= CHECKER_REASONS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(verdict->reasons[verdict->reason_count - 1], CHECKER_REASON_SIZE, format, arguments);
    va_end(arguments);
}

/* ---- Clients. */

struct client *find_client(const struct checker *checker, uint32_t number)
{
    return number < checker->client_count ? checker->clients[number] : NULL;
}

static bool take_client(struct checker *checker, const struct history_line *line, const char *path,
                        uint32_t file)
{
    const struct client_kind *kind = client_kind_find(line->words[0]);
    if (!kind)
        return refuse_line(checker, line, path, "field 3 (kind of client): `%.*s` is none",
                           (int)(line->words[0].size < 40 ? line->words[0].size : 40),
                           line->words[0].data);
    if (find_client(checker, line->client))
        return refuse_line(checker, line, path, "field 2 (client): %u is another client's number",
                           line->client);
    while (checker->client_count <= line->client) {
        mem_grow(checker->clients, checker->client_count, &checker->client_capacity);
        checker->clients[checker->client_count++] = NULL;
    }
    struct client *client = mem_zalloc(sizeof *client);
    checker->clients[line->client] = client;
    *client =
        (struct client){.kind = kind, .number = line->client, .file = file, .writes = {.last = -1}};
    checker->has_reader |= kind->is_reader;
    client->profile = availability_profile(&checker->verdict->availability, line->words[1]);
    if (client->profile == AVAILABILITY_PROFILES_MAX)
        return refuse_line(checker, line, path, "field 4 (profile): more than %d are there",
                           AVAILABILITY_PROFILES_MAX);
    if (kind->is_member)
        join_group(checker, client);
    return true;
}

/* ---- Lines. */

static const struct {
    char kind;
    bool of_reader;
    bool (*take)(struct checker *checker, const struct history_line *line, const char *path);
} takers[] = {
    {'w', false, take_begin},     {'a', false, take_acked},       {'r', true, take_read},
    {'e', false, take_failed},    {'h', true, take_watermark},    {'s', true, take_position},
    {'z', true, take_final},      {'x', true, take_foreign},      {'b', true, take_corrupt},
    {'q', true, take_committed},  {'o', true, take_given},        {'d', true, take_taken},
    {'m', true, take_committing}, {'f', true, take_commit_ended},
};

static bool take_operation(struct checker *checker, const struct history_line *line,
                           const char *path, uint32_t file)
{
    const struct client *client = find_client(checker, line->client);
    if (!client)
        return refuse_line(checker, line, path, "field 2 (client): no `c` line before declares %u",
                           line->client);
    if (client->file != file)
        return refuse_line(checker, line, path, "field 2 (client): %u is declared in another file",
                           line->client);
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (takers[i].kind != line->kind)
            continue;
        if (takers[i].of_reader != client->kind->is_reader)
            return refuse_line(checker, line, path, "field 2 (client): %u is a %s", line->client,
                               client->kind->name);
        return takers[i].take(checker, line, path);
    }
    return true;
}

static bool take_line(struct checker *checker, const struct history_line *line, const char *path,
                      uint32_t file)
{
    switch (line->kind) {
    case 'c':
        return take_client(checker, line, path, file);
    case 'g':
        availability_stall(&checker->verdict->availability, line->time, line->to);
        return true;
    case '!':
    case 'n':
        return true;
    default:
        return take_operation(checker, line, path, file);
    }
}

static bool take_all(struct checker *checker, const struct history_source *sources,
                     uint64_t lines_max)
{
    struct history_line line;
    uint32_t file;
    enum history_result result;
    while ((result = merge_next(checker->merge, &line, &file)) == HISTORY_LINE) {
        if (checker->verdict->counts.lines++ == lines_max)
            return refuse_line(checker, &line, sources[file].path, "more than %llu lines",
                               (unsigned long long)lines_max);
        if (!take_line(checker, &line, sources[file].path, file))
            return false;
    }
    if (result == HISTORY_BAD)
        snprintf(checker->verdict->problem, CHECKER_REASON_SIZE, "%s",
                 merge_problem(checker->merge));
    return result == HISTORY_END;
}

/* ---- The whole. */

static void open_checker(struct checker *checker, struct verdict *verdict, struct merge *merge)
{
    *checker = (struct checker){.verdict = verdict, .merge = merge};
    verdict->head = *merge_head(merge);
    checker->partitions = mem_zalloc(verdict->head.partitions * sizeof *checker->partitions);
    verdict->finals = mem_zalloc(verdict->head.partitions * sizeof *verdict->finals);
    for (uint32_t i = 0; i < verdict->head.partitions; i++)
        checker->partitions[i].acked_max = -1;
    checker->commits = mem_zalloc(verdict->head.partitions * sizeof *checker->commits);
    for (uint32_t i = 0; i < verdict->head.partitions; i++)
        checker->commits[i] = (struct commits){.begun = -1, .acked = -1, .asked = -1};
    places_init(&checker->places);
}

static void close_checker(struct checker *checker)
{
    for (uint32_t i = 0; i < checker->client_count; i++) {
        struct client *client = checker->clients[i];
        if (!client)
            continue;
        write_list_free(&client->writes);
        mem_free(client->positions);
        mem_free(client->given);
        mem_free(client->had);
        keys_free(client->keys);
        mem_free(client);
    }
    for (uint32_t i = 0; i < checker->verdict->head.partitions; i++)
        mem_free(checker->commits[i].bounds);
    mem_free(checker->commits);
    groups_free(checker);
    mem_free(checker->clients);
    mem_free(checker->partitions);
    mem_free(checker->jumps);
    mem_free(checker->strays);
    mem_free(checker->unborn);
    writes_free(&checker->writes);
    places_free(&checker->places);
}

static bool check_merged(struct verdict *verdict, struct merge *merge,
                         const struct history_source *sources, uint32_t count, uint64_t lines_max)
{
    struct checker checker;
    open_checker(&checker, verdict, merge);
    bool ok = take_all(&checker, sources, lines_max);
    for (uint32_t i = 0; ok && i < count; i++)
        if (merge_is_cut(merge, i)) {
            verdict->cut_count++;
            add_reason(verdict, "%s was cut short: it has no last line", sources[i].path);
        }
    if (ok) {
        check_end(&checker);
        availability_finish(&verdict->availability);
    }
    close_checker(&checker);
    return ok;
}

bool check_history(struct verdict **out, const struct history_source *sources, uint32_t count,
                   struct checker_options options)
{
    struct merge *merge;
    struct verdict *verdict = mem_zalloc(sizeof *verdict);
    *out = verdict;
    bool ok = merge_open(&merge, sources, count);
    if (!ok)
        snprintf(verdict->problem, CHECKER_REASON_SIZE, "%s", merge_problem(merge));
    ok = ok && marks_read(&verdict->marks, sources, count, verdict->problem, CHECKER_REASON_SIZE);
    if (ok) {
        availability_init(&verdict->availability, &verdict->marks, merge_head(merge)->partitions,
                          options.from, options.to);
        ok = check_merged(verdict, merge, sources, count,
                          options.lines_max ? options.lines_max : CHECKER_LINES_MAX);
    }
    if (ok && !findings_collect(&verdict->findings, sources, count)) {
        snprintf(verdict->problem, CHECKER_REASON_SIZE, "the history changed while it was read");
        ok = false;
    }
    merge_close(merge);
    return ok;
}

void verdict_free(struct verdict *verdict)
{
    findings_free(&verdict->findings);
    if (verdict->availability.marks)
        availability_free(&verdict->availability);
    marks_free(&verdict->marks);
    mem_free(verdict->finals);
    mem_free(verdict);
}

int verdict_exit_code(const struct verdict *verdict)
{
    if (findings_total(&verdict->findings))
        return EXIT_VIOLATION;
    if (verdict->cut_count)
        return EXIT_FAILED;
    return verdict->reason_count ? EXIT_INCONCLUSIVE : EXIT_DONE;
}
