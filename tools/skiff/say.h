/* say.h -- exit codes, messages for people, and the clock of the command line. */
#ifndef SKIFF_SAY_H
#define SKIFF_SAY_H

#include <stdint.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_DENIED = 4,
    EXIT_TIMED_OUT = 5,
    EXIT_UNHEALTHY = 10,
    EXIT_VIOLATION = 11,
    EXIT_INCONCLUSIVE = 12,
};

/* Print a line. Here and below, control characters of names and reasons are shown, not obeyed. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print "skiff: ..." to standard error; returns `code`, so that a refusal is one line. */
int say_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What a Kafka error means to a script. */
int exit_code_of(int err);

/* An error in a sentence: in words where it is no Kafka error, else by Kafka's name. */
const char *err_words(int err);

int64_t now_us(void); /* Monotonic microseconds. */
void sleep_us(int64_t us);

/* "500ms", "10s", "2m", or seconds without a unit; -1: not a duration. */
int64_t parse_duration_us(const char *text);

/* Digits only, within [min, max]. Errors: false, and *out is untouched. */
_Bool parse_int(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
