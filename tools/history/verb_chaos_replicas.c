/* verb_chaos_replicas.c -- skiff chaos replicas: do all copies on stopped nodes hold the same? */
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
    {0, "ends", "FILE", "lines `PARTITION OFFSET`: what lies below is compared"},
    {0, NULL, NULL, NULL},
};

static void print_result(const struct replicas_result *result)
{
    int code = replicas_exit_code(result);
    for (uint32_t i = 0; i < result->witness_count; i++)
        for (uint32_t j = 0; j < result->witnesses[i].line_count; j++)
            printf("%s%s\n", j ? "  " : "", result->witnesses[i].lines[j]);
    printf("%s: %u partitions, %llu batches compared, %llu differ; %u copies missing, %u behind, "
           "%u partitions without a second copy\n",
           code == EXIT_VIOLATION      ? "VIOLATION"
           : code == EXIT_INCONCLUSIVE ? "INCONCLUSIVE"
                                       : "THE SAME",
           result->partitions, (unsigned long long)result->compared,
           (unsigned long long)result->differ, result->missing, result->behind, result->alone);
}

static void print_result_json(const struct replicas_result *result)
{
    json_t *witness = json_array();
    for (uint32_t i = 0; i < result->witness_count; i++)
        for (uint32_t j = 0; j < result->witnesses[i].line_count; j++)
            json_array_append_new(witness, json_string(result->witnesses[i].lines[j]));
    print_json(json_pack("{sI sI sI sI sI sI so}", "partitions", (json_int_t)result->partitions,
                         "compared", (json_int_t)result->compared, "differ",
                         (json_int_t)result->differ, "missing", (json_int_t)result->missing,
                         "behind", (json_int_t)result->behind, "alone", (json_int_t)result->alone,
                         "witness", witness));
}

/* One line of --ends. */
static int compare_line(const struct replicas_request *request, char *line, const char *place,
                        struct replicas_result *result)
{
    int64_t partition, end;
    char *blank = strchr(line, ' ');
    line[strcspn(line, "\n")] = 0;
    if (blank)
        *blank = 0;
    if (!blank || !parse_int(line, 0, HISTORY_PARTITIONS_MAX, &partition) ||
        !parse_int(blank + 1, 0, INT64_MAX, &end))
        return say_error(EXIT_FAILED, "%s: a partition and an offset are wanted", place);
    replicas_compare(request, (uint32_t)partition, end, result);
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

int run_chaos_replicas(struct call *call)
{
    struct replicas_request request = {.topic = call_flag(call, "topic"),
                                       .dir_count = call->argument_count,
                                       .dirs = call->arguments};
    const char *ends = call_flag(call, "ends");
    struct replicas_result *result;
    if (!request.topic || !ends)
        return say_error(EXIT_USAGE, "--topic and --ends are needed (see: skiff %s --help)",
                         call->verb->name);
    result = mem_zalloc(sizeof *result);
    int code = compare_all(&request, ends, result);
    if (!code) {
        code = replicas_exit_code(result);
        if (call->json)
            print_result_json(result);
        else
            print_result(result);
    }
    mem_free(result);
    return code;
}
