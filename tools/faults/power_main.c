/* power_main.c -- skiff-power: cuts the power of one node, and says what that took.
 *
 *     skiff-power CHAOS_DIR DATA_DIR --seed S [--keep PERCENT]
 *
 * Prints one line of JSON. Exit code 0, also where the journal had been given up ("confirmed" is
 * false then, and nothing was changed); 1: it cannot be done, 2: usage. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "power.h"

static int usage(void)
{
    fputs("Usage: skiff-power CHAOS_DIR DATA_DIR --seed S [--keep PERCENT]\n", stderr);
    return 2;
}

static bool number_of(const char *text, uint64_t limit, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return !errno && end != text && *end == 0 && text[0] != '-' && *out <= limit;
}

static void print(const struct power_result *result)
{
    json_t *line = json_pack(
        "{sI sI sI sI sI sI sb}", "operations", (json_int_t)result->operations, "dropped",
        (json_int_t)result->dropped, "kept", (json_int_t)result->kept, "torn",
        (json_int_t)result->torn, "bytes_dropped", (json_int_t)result->bytes_dropped,
        "names_dropped", (json_int_t)result->names_dropped, "confirmed", (int)result->confirmed);
    if (!result->confirmed)
        json_object_set_new(line, "why", json_string(result->why));
    char *text = json_dumps(line, JSON_COMPACT);
    puts(text);
    free(text);
    json_decref(line);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"keep", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    struct power_options cut = {.keep_percent = POWER_KEEP_BY_SEED};
    struct power_result result;
    bool has_seed = false;
    uint64_t percent;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's' && number_of(optarg, UINT64_MAX, &cut.seed)) {
            has_seed = true;
        } else if (option == 'k' && number_of(optarg, 100, &percent)) {
            cut.keep_percent = (int32_t)percent;
        } else {
            return usage();
        }
    }
    if (!has_seed || argc - optind != 2)
        return usage();
    cut.chaos_dir = argv[optind];
    cut.data_dir = argv[optind + 1];
    if (!power_cut(&cut, &result)) {
        fprintf(stderr, "skiff-power: %s\n", result.why);
        return 1;
    }
    print(&result);
    return 0;
}
