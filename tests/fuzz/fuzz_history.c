/* fuzz_history.c -- any bytes, as one or two files of a history.
 *
 * A byte of zero ends the first and begins the second; the first line is given. Whatever it is: it
 * is refused with a reason, or there is a verdict, and the same bytes give the same one; each
 * anomaly is shown by lines that stand in the files; and a history without its last line is not
 * valid. */
#include <stdio.h>
#include <string.h>

#include "checker.h"
#include "edn.h"
#include "say.h"

enum { SIZE_MAX_HERE = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char head[] = "# skiff-history 1 run=c0ffee topic=orders partitions=3\n";

/* The bytes after the first line. */
static struct history_source source_of(const char *path, const uint8_t *data, size_t size)
{
    uint8_t *text = mem_alloc(sizeof head - 1 + size);
    memcpy(text, head, sizeof head - 1);
    if (size)
        memcpy(text + sizeof head - 1, data, size);
    return (struct history_source){
        .path = path, .text = {.data = text, .size = (uint32_t)(sizeof head - 1 + size)}};
}

static void check_verdict(const struct verdict *verdict)
{
    const struct findings *findings = &verdict->findings;
    uint64_t shown = 0;
    for (uint32_t i = 0; i < FINDING_CLASSES; i++)
        shown += findings->counts[i] < FINDINGS_SHOWN ? findings->counts[i] : FINDINGS_SHOWN;
    check(shown == findings->count);
    for (uint32_t i = 0; i < findings->count; i++) {
        check(findings->shown[i].line_count > 0);
        for (uint32_t j = 1; j < findings->shown[i].line_count; j++)
            check(findings->shown[i].lines[j - 1].time <= findings->shown[i].lines[j].time);
    }
    const struct checker_counts *counts = &verdict->counts;
    check(counts->unknown_found <= counts->unknown);
    check(counts->acked + counts->failed + counts->unknown == counts->writes);
    check(verdict->availability.bucket_count <= AVAILABILITY_BUCKETS);
}

static bool ends(const struct history_source *source)
{
    struct history_reader *reader;
    struct history_line line;
    enum history_result result = HISTORY_BAD;
    if (history_source_open(&reader, source))
        while ((result = history_next(reader, &line)) == HISTORY_LINE)
            check(line.text.size < HISTORY_LINE_MAX);
    history_reader_close(reader);
    return result == HISTORY_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - data) : size;
    uint32_t count = zero ? 2 : 1;
    struct history_source sources[2];
    struct verdict *verdict, *again;
    char problem[1024];
    if (size > SIZE_MAX_HERE)
        return 0;
    sources[0] = source_of("one", data, first);
    sources[1] = source_of("two", zero ? zero + 1 : data, zero ? size - first - 1 : 0);

    bool ok = check_history(&verdict, sources, count, (struct checker_options){0});
    check(check_history(&again, sources, count, (struct checker_options){0}) == ok);
    check(strcmp(verdict->problem, again->problem) == 0);
    check(ok == !*verdict->problem);
    if (ok) {
        check_verdict(verdict);
        check(verdict_exit_code(verdict) == verdict_exit_code(again));
        check(edn_write("/dev/null", sources, count, problem, sizeof problem));
        if (!ends(&sources[0]) || (zero && !ends(&sources[1])))
            check(verdict_exit_code(verdict) != EXIT_DONE);
    }
    verdict_free(verdict);
    verdict_free(again);
    mem_free((void *)sources[0].text.data);
    mem_free((void *)sources[1].text.data);
    return 0;
}
