/* say.c -- exit codes, messages for people, and the clock of the command line. */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"
#include "plain_text.h"

static void put_line(FILE *file, const char *before, const char *format, va_list arguments)
{
    struct arena arena = {0};
    fprintf(file, "%s%s\n", before, plain_text(&arena, format, arguments));
    arena_free(&arena);
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_line(stdout, "", format, arguments);
    va_end(arguments);
}

int say_error(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_line(stderr, "skiff: ", format, arguments);
    va_end(arguments);
    return code;
}

int exit_code_of(int err)
{
    switch (err) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_UNKNOWN_TOPIC_ID:
    case ERR_NOT_FOUND:
    case ERR_GROUP_ID_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case ERR_TOPIC_AUTHORIZATION_FAILED:
    case ERR_GROUP_AUTHORIZATION_FAILED:
    case ERR_CLUSTER_AUTHORIZATION_FAILED:
    case ERR_DENIED:
        return EXIT_DENIED;
    case ERR_REQUEST_TIMED_OUT:
    case ERR_UNREACHABLE:
        return EXIT_TIMED_OUT;
    default:
        return EXIT_FAILED;
    }
}

const char *err_words(int err)
{
    switch (err) {
    case ERR_CLOSED:
        return "connection closed";
    case ERR_REFUSED:
        return "connection refused";
    case ERR_UNREACHABLE:
        return "unreachable";
    case ERR_NOT_FOUND:
        return "no such node serves";
    default:
        return err_name((enum err)err);
    }
}

int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void sleep_us(int64_t us)
{
    if (us <= 0)
        return;
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

int64_t parse_duration_us(const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || number < 0 || number > 1000000000)
        return -1;
    if (!*end || !strcmp(end, "s"))
        return number * 1000000;
    if (!strcmp(end, "ms"))
        return number * 1000;
    if (!strcmp(end, "m"))
        return number * 60000000;
    return -1;
}

bool parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < min || number > max)
        return false;
    *out = number;
    return true;
}
