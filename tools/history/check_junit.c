/* check_junit.c -- a verdict as JUnit XML, which build servers read: a test case a class.
 *
 * What has no violation and says too little is skipped, with the reasons; a history that was cut
 * short, or refused, is an error. */
#include <errno.h>
#include <stdio.h>

#include "check_report.h"
#include "say.h"

/* Whatever bytes a history holds: for those that XML has no place for there is a question mark. */
static void put_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '&' || byte == '<' || byte == '>' || byte == '"')
            fprintf(out, "&#%d;", byte);
        else
            putc(byte >= 0x20 && byte < 0x7f ? byte : '?', out);
    }
}

static void put_class(FILE *out, const struct findings *findings, enum finding_class class)
{
    fprintf(out, "  <testcase classname=\"history\" name=\"%s\">", finding_class_name(class));
    if (findings->counts[class])
        fprintf(out, "\n    <failure type=\"violation\" message=\"%llu found\">\n",
                (unsigned long long)findings->counts[class]);
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->shown[i];
        if (finding->class != class)
            continue;
        put_text(out, finding->text);
        for (uint32_t j = 0; j < finding->line_count; j++) {
            fputs("\n  ", out);
            put_text(out, finding->lines[j].text);
        }
        putc('\n', out);
    }
    fputs(findings->counts[class] ? "</failure>\n  </testcase>\n" : "</testcase>\n", out);
}

/* Whether the history is whole, and says enough for a verdict. */
static void put_whole(FILE *out, const struct verdict *verdict)
{
    const char *tag = verdict->cut_count ? "error" : "skipped";
    fputs("  <testcase classname=\"history\" name=\"whole\">", out);
    if (verdict->reason_count) {
        fprintf(out, "\n    <%s message=\"", tag);
        put_text(out, verdict->reasons[0]);
        fputs("\">\n", out);
        for (uint32_t i = 0; i < verdict->reason_count && i < CHECKER_REASONS_MAX; i++) {
            put_text(out, verdict->reasons[i]);
            putc('\n', out);
        }
        fprintf(out, "</%s>\n  ", tag);
    }
    fputs("</testcase>\n", out);
}

static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

static int close_junit(FILE *out, const char *path)
{
    bool has_failed = ferror(out) != 0;
    if (fclose(out) != 0 || has_failed)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    return EXIT_DONE;
}

int write_junit_refused(const char *problem, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    fputs(declaration, out);
    fputs("<testsuite name=\"skiff chaos check\" tests=\"1\" failures=\"0\" errors=\"1\" "
          "skipped=\"0\">\n  <testcase classname=\"history\" name=\"whole\">\n"
          "    <error message=\"",
          out);
    put_text(out, problem);
    fputs("\"/>\n  </testcase>\n</testsuite>\n", out);
    return close_junit(out, path);
}

int write_junit(const struct verdict *verdict, const char *path)
{
    uint32_t failures = 0;
    FILE *out = fopen(path, "we");
    if (!out)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < FINDING_CLASSES; i++)
        failures += verdict->findings.counts[i] > 0;
    fputs(declaration, out);
    fputs("<testsuite name=\"skiff chaos check ", out);
    put_text(out, verdict->head.topic);
    fprintf(out, "\" tests=\"%d\" failures=\"%u\" errors=\"%d\" skipped=\"%d\">\n",
            FINDING_CLASSES + 1, failures, verdict->cut_count > 0,
            verdict->reason_count && !verdict->cut_count);
    for (uint32_t i = 0; i < FINDING_CLASSES; i++)
        put_class(out, &verdict->findings, (enum finding_class)i);
    put_whole(out, verdict);
    fputs("</testsuite>\n", out);
    return close_junit(out, path);
}
