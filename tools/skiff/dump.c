/* dump.c -- skiff dump: which kind of file it is, its bytes, and how an item is printed. */
#include "dump.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "verbs.h"

const struct flag dump_flags[] = {
    {'r', "records", NULL, "the records of batches too; always shown for the metadata log"},
    {0, "as", "KIND", "segment, metadata, index, timeindex, snapshot, epochs, properties or slots"},
    {0, NULL, NULL, NULL},
};

struct dump_kind {
    const char *name;
    void (*run)(struct dump *dump);
};

static const struct dump_kind kinds[] = {
    {"segment", dump_segment},       {"metadata", dump_metadata}, {"index", dump_index},
    {"timeindex", dump_time_index},  {"snapshot", dump_snapshot}, {"epochs", dump_epochs},
    {"properties", dump_properties}, {"slots", dump_slots},
};

/* ---- Bytes. */

const uint8_t *dump_bytes(struct dump *dump, uint64_t position, uint32_t size)
{
    const uint8_t *bytes = file_window_bytes(&dump->window, position, size);
    if (dump->window.error) {
        dump_problem(dump, position, NULL, NULL, "cannot be read: %s",
                     strerror(dump->window.error));
        dump->window.error = 0;
    }
    return bytes;
}

/* ---- Items. */

static void print_value(const json_t *value)
{
    const char *text = json_string_value(value);
    bool is_plain =
        text && *text &&
        strspn(text, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/+") == json_string_length(value);
    if (is_plain)
        fputs(text, stdout);
    else
        json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
}

void dump_item(struct dump *dump, const char *kind, json_t *values)
{
    const char *name;
    json_t *value;
    dump->items++;
    if (dump->json) {
        json_t *line = json_pack("{ss}", "item", kind);
        json_object_update(line, values);
        json_dumpf(line, stdout, JSON_COMPACT);
        json_decref(line);
    } else {
        printf("%s%s", strcmp(kind, "record") == 0 ? "  " : "", kind);
        json_object_foreach(values, name, value)
        {
            printf(" %s=", name);
            print_value(value);
        }
    }
    putchar('\n');
    json_decref(values);
}

void dump_problem(struct dump *dump, uint64_t position, const char *expected, const char *found,
                  const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_t *values = json_pack("{sI ss}", "position", (json_int_t)position, "problem", text);
    if (expected)
        json_object_set_new(values, "expected", json_string(expected));
    if (found)
        json_object_set_new(values, "found", json_string(found));
    if (dump->problems++ == 0)
        dump->first_problem = position;
    dump_item(dump, "PROBLEM", values);
}

bool dump_check_crc(struct dump *dump, uint64_t position, uint32_t stored, uint32_t actual)
{
    char expected[16];
    char found[16];
    if (stored == actual)
        return true;
    snprintf(expected, sizeof expected, "0x%08x", stored);
    snprintf(found, sizeof found, "0x%08x", actual);
    dump_problem(dump, position, expected, found,
                 "the bytes do not have the checksum that stands beside them");
    return false;
}

/* ---- Which kind. */

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static bool is_in_metadata_log(const char *path)
{
    char whole[PATH_MAX];
    return realpath(path, whole) && strstr(whole, "/__cluster_metadata-") != NULL;
}

static const char *kind_by_name(const struct dump *dump)
{
    const char *name = dump->name;
    if (file_base_offset(name) >= 0 && ends_with(name, ".log"))
        return is_in_metadata_log(dump->path) ? "metadata" : "segment";
    if (file_base_offset(name) >= 0 && ends_with(name, ".index"))
        return "index";
    if (file_base_offset(name) >= 0 && ends_with(name, ".timeindex"))
        return "timeindex";
    if (file_base_offset(name) >= 0 && ends_with(name, ".snapshot"))
        return "snapshot";
    if (!strncmp(name, "leader-epoch-checkpoint", 23))
        return "epochs";
    if (!strcmp(name, "partition.metadata") || ends_with(name, ".properties"))
        return "properties";
    if (!strncmp(name, "marks-", 6) || !strncmp(name, "quorum-state", 12))
        return "slots";
    return NULL;
}

static const struct dump_kind *find_kind(const struct dump *dump, const char *as)
{
    const char *name = as ? as : kind_by_name(dump);
    for (size_t i = 0; name && i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    if (as)
        say_error(0, "--as %s: not a kind of file (see: skiff dump --help)", as);
    else
        say_error(0, "%s: its name is none of those that a node's files have; --as says what it is",
                  dump->path);
    return NULL;
}

static int open_file(struct dump *dump)
{
    int error = file_window_open(&dump->window, dump->path);
    dump->size = dump->window.size;
    if (!error)
        return EXIT_DONE;
    if (error == EINVAL)
        return say_error(EXIT_USAGE, "%s: not a file", dump->path);
    return say_error(error == ENOENT   ? EXIT_NOT_FOUND
                     : error == EACCES ? EXIT_DENIED
                                       : EXIT_FAILED,
                     "%s: %s", dump->path, strerror(error));
}

static int dump_one(const struct call *call, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct dump dump = {.path = path,
                        .name = slash ? slash + 1 : path,
                        .json = call->json,
                        .shows_records = call_flag(call, "records") != NULL};
    const struct dump_kind *kind = find_kind(&dump, call_flag(call, "as"));
    int code = kind ? open_file(&dump) : EXIT_USAGE;
    if (code)
        return code;
    dump_item(
        &dump, "file",
        json_pack("{ss ss sI}", "path", path, "kind", kind->name, "bytes", (json_int_t)dump.size));
    kind->run(&dump);
    if (dump.json)
        dump_item(&dump, "end", json_pack("{sI}", "problems", (json_int_t)dump.problems));
    fflush(stdout);
    if (dump.problems)
        code = say_error(EXIT_FAILED, "%s: %llu problem%s, the first at byte %llu", path,
                         (unsigned long long)dump.problems, dump.problems == 1 ? "" : "s",
                         (unsigned long long)dump.first_problem);
    file_window_close(&dump.window);
    return code;
}

int run_dump(struct call *call)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        int one = dump_one(call, call->arguments[i]);
        code = code ? code : one;
    }
    return code;
}
