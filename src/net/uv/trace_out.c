/* trace_out.c -- the process's lines on standard output: whole lines, one write each. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "uv_shard.h"

enum { LINE_SIZE_MAX = 4096 }; /* Longer lines are cut. */

static const char *level_name(enum trace_level level)
{
    static const char *const names[] = {
        [TRACE_DEBUG] = "DEBUG",
        [TRACE_INFO] = "INFO",
        [TRACE_WARN] = "WARN",
        [TRACE_ERROR] = "ERROR",
    };
    return names[level];
}

/* "2026-01-02 03:04:05.678", in UTC. */
static void format_time(char *out, size_t size, char between)
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    snprintf(out, size, "%04d-%02d-%02d%c%02d:%02d:%02d.%03d", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, between, parts.tm_hour, parts.tm_min, parts.tm_sec,
             (int)(now.tv_nsec / 1000000));
}

static void put(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t moved = write(STDOUT_FILENO, line, size);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return; /* Nobody reads: the node goes on without its voice. */
        line += moved;
        size -= (size_t)moved;
    }
}

static void line_text(void *context, enum trace_level level, const char *text)
{
    char time_text[64];
    char line[LINE_SIZE_MAX];
    (void)context;
    format_time(time_text, sizeof time_text, ' ');
    int size = snprintf(line, sizeof line - 1, "%s %s %s", time_text, level_name(level), text);
    if (size > (int)sizeof line - 2)
        size = (int)sizeof line - 2;
    line[size] = '\n';
    put(line, (size_t)size + 1);
}

static void line_json(void *context, enum trace_level level, const char *text)
{
    char time_text[64];
    (void)context;
    format_time(time_text, sizeof time_text - 1, 'T');
    size_t time_size = strlen(time_text);
    time_text[time_size] = 'Z';
    time_text[time_size + 1] = '\0';
    json_t *object = json_pack("{s:s, s:s, s:s%}", "time", time_text, "level", level_name(level),
                               "text", text, strlen(text));
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (line == NULL) { /* Not UTF-8. */
        line_text(NULL, level, text);
        return;
    }
    size_t size = strlen(line);
    line[size] = '\n'; /* In place of the terminator: the size goes along. */
    put(line, size + 1);
    free(line);
}

void platform_trace(struct trace *trace, enum trace_level level, bool json)
{
    *trace = (struct trace){.level = level, .line = json ? line_json : line_text};
}
