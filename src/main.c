/* main.c -- skiffd: read the config, say what was odd about it, run the node, stop.
 *
 * Exit codes: 0 after a controlled shutdown, 1 when the node cannot start or go on,
 * 2 for a wrong command line. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "config.h"
#include "platform.h"

enum {
    EXIT_USAGE = 2,
    CONFIG_FILE_SIZE_MAX = 1 << 20, /* A larger one is not a config. */
    /* Bursts of large replies reuse memory instead of mapping it anew: 20 us become 1 us. */
    MALLOC_MMAP_SIZE = 32 << 20,
    MALLOC_TRIM_SIZE = 4 << 20,
};

struct options {
    const char *file;
    const char **sets; /* "key=value", in order. */
    uint32_t set_count, set_capacity;
    bool check_only;
};

static const char usage_text[] =
    "Usage: skiffd -c FILE [--set key=value]...\n"
    "Run one Skiff node until SIGTERM or SIGINT.\n"
    "\n"
    "  -c, --config FILE     server.properties, with Kafka's own keys\n"
    "  -s, --set KEY=VALUE   wins over the file; may be repeated\n"
    "      --check-config    say what would be used and where each value is from, or all that\n"
    "                        is wrong with it, and end\n"
    "      --version         print the version\n"
    "  -h, --help            print this\n"
    "\n"
    "Keys of our own: skiff.defaults=skiff|kafka, skiff.log.level=debug|info|warn|error,\n"
    "skiff.log.format=text|json, skiff.shutdown.timeout.ms, skiff.groups.max.bytes,\n"
    "skiff.http.listener=host:port (metrics).\n"
    "\n"
    "Examples:\n"
    "  skiffd -c config/server.properties\n"
    "  skiffd -c node1.properties --set log.dirs=/srv/skiff/1 --set node.id=1\n"
    "\n"
    "Exit codes: 0 stopped in good order, 1 failed, 2 wrong usage.\n";

static void parse_options(struct options *options, int argc, char **argv)
{
    enum { OPTION_CHECK = 256, OPTION_VERSION };
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:s:h", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->file = optarg;
            break;
        case 's':
            mem_grow(options->sets, options->set_count, &options->set_capacity);
            options->sets[options->set_count++] = optarg;
            break;
        case OPTION_CHECK:
            options->check_only = true;
            break;
        case OPTION_VERSION:
            puts("skiffd " SKIFF_VERSION);
            exit(0);
        case 'h':
            fputs(usage_text, stdout);
            exit(0);
        default:
            fputs("Try 'skiffd --help'.\n", stderr);
            exit(EXIT_USAGE);
        }
    }
    if (options->file == NULL || optind != argc) {
        fputs(usage_text, stderr);
        exit(EXIT_USAGE);
    }
    for (uint32_t i = 0; i < options->set_count; i++)
        if (strchr(options->sets[i], '=') == NULL) {
            fprintf(stderr, "skiffd: --set %s: must be key=value\n", options->sets[i]);
            exit(EXIT_USAGE);
        }
}

/* All that `file` holds, up to one byte more than is allowed; mem_free() it. */
static char *read_all(FILE *file, size_t *size)
{
    size_t capacity = 16 << 10;
    char *text = mem_alloc(capacity);
    *size = 0;
    for (;;) {
        size_t count = fread(text + *size, 1, capacity - *size, file);
        *size += count;
        if (count == 0 || *size > CONFIG_FILE_SIZE_MAX)
            return text;
        if (*size == capacity)
            text = mem_realloc(text, capacity *= 2);
    }
}

/* The whole file in the arena. False: said on standard error. */
static bool read_file(const char *path, struct arena *arena, struct str *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "skiffd: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t size = 0;
    errno = 0;
    char *text = read_all(file, &size);
    int failed = ferror(file) ? errno : 0;
    bool too_large = size > CONFIG_FILE_SIZE_MAX;
    fclose(file);
    if (failed != 0)
        fprintf(stderr, "skiffd: %s: %s\n", path, strerror(failed));
    else if (too_large)
        fprintf(stderr, "skiffd: %s: larger than %d bytes\n", path, CONFIG_FILE_SIZE_MAX);
    else
        *out = (struct str){.data = arena_copy(arena, text, size), .size = (uint32_t)size};
    mem_free(text);
    return failed == 0 && !too_large;
}

static void trace_remarks(const struct trace *trace, const struct config_remark *remark)
{
    for (; remark != NULL; remark = remark->next) {
        enum trace_level level = remark->fatal  ? TRACE_ERROR
                                 : remark->note ? TRACE_INFO
                                                : TRACE_WARN;
        trace_line(trace, level, "config: %s", remark->text);
    }
}

/* --check-config: errors and the like on standard error, what would be used on standard output. */
static void print_check(const struct config *config, const struct config_remark *remark,
                        struct arena *arena, bool failed)
{
    static const char *const sources[] = {[CONFIG_FROM_DEFAULT] = "default",
                                          [CONFIG_FROM_FILE] = "file",
                                          [CONFIG_FROM_SET] = "--set"};
    struct config_setting *settings;
    for (; remark != NULL; remark = remark->next)
        fprintf(stderr, "%s: %s\n",
                remark->fatal  ? "error"
                : remark->note ? "note"
                               : "warning",
                remark->text);
    if (failed)
        return;
    uint32_t count = config_settings(config, arena, &settings);
    for (uint32_t i = 0; i < count; i++)
        printf("%-8s %s=%s\n", sources[settings[i].source], settings[i].key, settings[i].value);
}

/* File, then every --set, then what follows from all of them; the texts stay in `arena`. */
static bool read_config(struct config *config, const struct options *options, struct arena *arena,
                        struct trace *trace)
{
    struct config_remark *remarks = NULL;
    struct str text;
    bool failed = false;

    config_init(config);
    if (!read_file(options->file, arena, &text))
        return false;
    failed |= config_read(config, text, arena, &remarks) != ERR_NONE;
    for (uint32_t i = 0; i < options->set_count; i++)
        failed |= config_read(config, str_from(options->sets[i]), arena, &remarks) != ERR_NONE;
    failed |= config_finish(config, arena, &remarks) != ERR_NONE;
    if (options->check_only) {
        print_check(config, remarks, arena, failed);
    } else {
        platform_trace(trace, config->trace_level, config->trace_json);
        trace_remarks(trace, remarks);
    }
    return !failed;
}

static bool run(struct config *config, struct trace *trace)
{
    struct platform *platform = NULL;
    if (platform_open(&platform, config, trace) != ERR_NONE)
        return false;
    enum err err = platform_run(platform);
    platform_close(platform);
    return err == ERR_NONE;
}

int main(int argc, char **argv)
{
    struct options options = {.file = NULL};
    struct config config;
    struct arena arena = {.blocks = NULL}; /* Of what was read, which clients may ask for. */
    struct trace trace;

    platform_draw_secret();
    mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_SIZE);
    mallopt(M_TRIM_THRESHOLD, MALLOC_TRIM_SIZE);
    parse_options(&options, argc, argv);
    bool ready = read_config(&config, &options, &arena, &trace);
    mem_free(options.sets);
    if (ready && !options.check_only)
        ready = run(&config, &trace);
    arena_free(&arena);
    return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
