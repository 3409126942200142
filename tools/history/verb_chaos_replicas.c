/* verb_chaos_replicas.c -- skiff chaos replicas: do all copies on stopped nodes hold the same?
 *
 * A copy that is missing, begins too late or ends too early is named with its directory:
 * whoever asks knows which node may have lost its own, and says so by --may-miss. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "history.h"
#include "output.h"
#include "replicas.h"
#include "say.h"
#include "verbs_chaos.h"

const struct flag chaos_replicas_flags[] = {
    {0, "topic", "TOPIC", "whose partitions are compared"},
    {0, "ends", "FILE", "lines `PARTITION FROM END`: the offsets that are compared"},
    {0, "copies", "N", "how many a partition has; default: one in every DIR"},
    {0, "may-miss", "DIR", "one of DIR..., whose copies may be missing or behind; repeatable"},
    {0, NULL, NULL, NULL},
};

_Static_assert((int)CALL_DIRS_MAX <= (int)REPLICAS_MAX, "every directory has its place");

static void print_shorts(const struct replicas_request *request,
                         const struct replicas_result *result)
{
    for (uint32_t i = 0; i < result->short_count; i++) {
        const struct replicas_short *one = &result->shorts[i];
        const char *dir = request->dirs[one->dir];
        const char *may_miss = one->may_miss ? " (it may)" : "";
        if (!one->is_there)
            printf("partition %u: no copy in %s%s\n", one->partition, dir, may_miss);
        if (one->is_there && one->start > one->wanted.from)
            printf("partition %u: the copy in %s begins at offset %lld, above %lld%s\n",
                   one->partition, dir, (long long)one->start, (long long)one->wanted.from,
                   may_miss);
        if (one->is_there && one->end < one->wanted.end)
            printf("partition %u: the copy in %s ends at offset %lld, below %lld%s\n",
                   one->partition, dir, (long long)one->end, (long long)one->wanted.end, may_miss);
    }
}

static uint32_t count_shorts(const struct replicas_result *result, bool is_there)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < result->short_count; i++)
        count += result->shorts[i].is_there == is_there;
    return count;
}

static void print_result(const struct replicas_request *request,
                         const struct replicas_result *result)
{
    int code = replicas_exit_code(result);
    print_shorts(request, result);
    for (uint32_t i = 0; i < result->witness_count; i++)
        for (uint32_t j = 0; j < result->witnesses[i].line_count; j++)
            printf("%s%s\n", j ? "  " : "", result->witnesses[i].lines[j]);
    printf("%s: %u partitions, %llu batches compared, %llu differ; %u copies missing, %u behind "
           "(%u of these may be), %u partitions without a second copy\n",
           code == EXIT_VIOLATION      ? "VIOLATION"
           : code == EXIT_INCONCLUSIVE ? "INCONCLUSIVE"
                                       : "THE SAME",
           result->partitions, (unsigned long long)result->compared,
           (unsigned long long)result->differ, count_shorts(result, false),
           count_shorts(result, true), result->short_count - replicas_unexcused(result),
           result->alone);
}

static json_t *shorts_of(const struct replicas_request *request,
                         const struct replicas_result *result, bool is_there)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < result->short_count; i++) {
        const struct replicas_short *one = &result->shorts[i];
        if (one->is_there != is_there)
            continue;
        json_array_append_new(
            all, json_pack("{sI ss sI sI sI sI sb}", "partition", (json_int_t)one->partition, "dir",
                           request->dirs[one->dir], "start", (json_int_t)one->start, "from",
                           (json_int_t)one->wanted.from, "end", (json_int_t)one->end, "wanted",
                           (json_int_t)one->wanted.end, "may_miss", (int)one->may_miss));
    }
    return all;
}

static void print_result_json(const struct replicas_request *request,
                              const struct replicas_result *result)
{
    json_t *witness = json_array();
    for (uint32_t i = 0; i < result->witness_count; i++)
        for (uint32_t j = 0; j < result->witnesses[i].line_count; j++)
            json_array_append_new(witness, json_string(result->witnesses[i].lines[j]));
    print_json(json_pack("{sI sI sI so so sI sI so}", "partitions", (json_int_t)result->partitions,
                         "compared", (json_int_t)result->compared, "differ",
                         (json_int_t)result->differ, "missing", shorts_of(request, result, false),
                         "behind", shorts_of(request, result, true), "excused",
                         (json_int_t)(result->short_count - replicas_unexcused(result)), "alone",
                         (json_int_t)result->alone, "witness", witness));
}

/* One line of --ends. */
static int compare_line(const struct replicas_request *request, char *line, const char *place,
                        struct replicas_result *result)
{
    int64_t partition;
    struct replicas_range range;
    char *rest = line;
    line[strcspn(line, "\n")] = 0;
    const char *number = strsep(&rest, " ");
    const char *from = strsep(&rest, " ");
    if (!from || !rest || !parse_int(number, 0, HISTORY_PARTITIONS_MAX, &partition) ||
        !parse_int(from, 0, INT64_MAX, &range.from) || !parse_int(rest, 0, INT64_MAX, &range.end))
        return say_error(EXIT_FAILED, "%s: a partition and two offsets are wanted", place);
    replicas_compare(request, (uint32_t)partition, range, result);
    return EXIT_DONE;
}

static int compare_all(const struct replicas_request *request, const char *ends,
                       struct replicas_result *result)
{
    char line[128];
    char place[600];
    int code = EXIT_DONE;
    FILE *in = fopen(ends, "re");
    if (!in)
        return say_error(EXIT_FAILED, "%s: %s", ends, strerror(errno));
    for (uint32_t number = 1; !code && fgets(line, sizeof line, in); number++) {
        snprintf(place, sizeof place, "%.500s:%u", ends, number);
        code = compare_line(request, line, place, result);
    }
    if (!code && ferror(in))
        code = say_error(EXIT_FAILED, "%s: cannot be read", ends);
    fclose(in);
    return code;
}

/* Find the directories that --may-miss names among those that are compared. */
static int read_may_miss(const struct call *call, struct replicas_request *request)
{
    const char *name;
    for (uint32_t i = 0; (name = call_flag_at(call, "may-miss", i)); i++) {
        uint32_t dir = 0;
        while (dir < request->dir_count && strcmp(request->dirs[dir], name) != 0)
            dir++;
        if (dir == request->dir_count)
            return say_error(EXIT_USAGE, "--may-miss %s: none of the directories", name);
        request->may_miss[dir] = true;
    }
    return EXIT_DONE;
}

int run_chaos_replicas(struct call *call)
{
    struct replicas_request request = {.topic = call_flag(call, "topic"),
                                       .dir_count = call->argument_count,
                                       .dirs = call->arguments};
    const char *ends = call_flag(call, "ends");
    int64_t copies;
    struct replicas_result *result;
    if (!request.topic || !ends)
        return say_error(EXIT_USAGE, "--topic and --ends are needed (see: skiff %s --help)",
                         call->verb->name);
    int code = call_number(call, "copies", 1, request.dir_count, request.dir_count, &copies);
    if (!code)
        code = read_may_miss(call, &request);
    if (code)
        return code;
    request.copies = (uint32_t)copies;
    result = mem_zalloc(sizeof *result);
    code = compare_all(&request, ends, result);
    if (!code) {
        code = replicas_exit_code(result);
        if (call->json)
            print_result_json(&request, result);
        else
            print_result(&request, result);
    }
    replicas_free(result);
    mem_free(result);
    return code;
}
