/* verb_chaos_check.c -- skiff chaos check: is this history one of a log that keeps its word?
 *
 * The verdict is told before any file is written: what was found does not depend on room for it. */
#include <errno.h>
#include <stdio.h>

#include "check_report.h"
#include "edn.h"
#include "say.h"
#include "verbs_chaos.h"

const struct flag chaos_check_flags[] = {
    {0, "edn", "FILE", "write it in the form of Jepsen's kafka workload, too"},
    {0, "junit", "FILE", "write the verdict as JUnit XML, too"},
    {0, "replica-ends", "FILE", "write what the final reads went through, for `chaos replicas`"},
    {0, "timeline", "FROM:TO", "limits of the timeline of --json, ns; default: all of it"},
    {0, NULL, NULL, NULL},
};

static int read_window(const struct call *call, struct checker_options *out)
{
    const char *text = call_flag(call, "timeline");
    char from[24];
    if (!text)
        return EXIT_DONE;
    size_t size = strcspn(text, ":");
    if (text[size] && size < sizeof from) {
        memcpy(from, text, size);
        from[size] = 0;
        if (parse_int(from, 0, INT64_MAX, &out->from) &&
            parse_int(text + size + 1, out->from + 1, INT64_MAX, &out->to))
            return EXIT_DONE;
    }
    return say_error(EXIT_USAGE, "--timeline %s: two times in ns are wanted, FROM:TO", text);
}

/* "partition from end" for each partition that was read to its end. */
static int write_ends(const struct verdict *verdict, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < verdict->head.partitions; i++)
        if (verdict->finals[i].is_there)
            fprintf(out, "%u %lld %lld\n", i, (long long)verdict->finals[i].from,
                    (long long)verdict->finals[i].end);
    bool has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    return EXIT_DONE;
}

/* The verdict, and on standard error which files have no end. Returns its exit code. */
static int tell_verdict(const struct call *call, const struct verdict *verdict)
{
    int code = verdict_exit_code(verdict);
    if (call->json)
        print_verdict_json(verdict);
    else
        print_verdict(verdict);
    fflush(stdout);
    for (uint32_t i = 0; i < verdict->cut_count && i < CHECKER_REASONS_MAX; i++)
        say_error(code, "%s", verdict->reasons[i]);
    return code;
}

/* Errors  EXIT_FAILED, told: one of the files that were asked for cannot be written. */
static int write_files(const struct call *call, const struct history_source *sources,
                       struct verdict *verdict)
{
    const char *ends = call_flag(call, "replica-ends");
    const char *edn = call_flag(call, "edn");
    const char *junit = call_flag(call, "junit");
    int code = ends ? write_ends(verdict, ends) : EXIT_DONE;
    if (junit && write_junit(verdict, junit))
        code = EXIT_FAILED;
    if (edn &&
        !edn_write(edn, sources, call->argument_count, verdict->problem, sizeof verdict->problem))
        code = say_error(EXIT_FAILED, "%s", verdict->problem);
    return code;
}

int run_chaos_check(struct call *call)
{
    struct history_source sources[CALL_ARGUMENTS_MAX];
    struct checker_options window = {0};
    struct verdict *verdict;
    const char *junit = call_flag(call, "junit");
    for (uint32_t i = 0; i < call->argument_count; i++)
        sources[i] = (struct history_source){.path = call->arguments[i]};
    int code = read_window(call, &window);
    if (code)
        return code;
    if (check_history(&verdict, sources, call->argument_count, window)) {
        code = tell_verdict(call, verdict);
        int written = write_files(call, sources, verdict);
        code = written && code != EXIT_VIOLATION ? written : code;
    } else {
        code = say_error(EXIT_FAILED, "%s", verdict->problem);
        if (junit)
            write_junit_refused(verdict->problem, junit);
    }
    verdict_free(verdict);
    return code;
}
