/* call.h -- one call of the command line: its verb, flags and arguments.
 *
 * Flags may stand anywhere after the verb, as -n 3, -n3, --nodes 3 or --nodes=3; `--`
 * ends them. A word such as -1h is no flag. Every verb is a row with its own flags, help and
 * examples. */
#ifndef SKIFF_CALL_H
#define SKIFF_CALL_H

#include <stdbool.h>
#include <stdint.h>

enum { CALL_FLAGS_MAX = 64, CALL_ARGUMENTS_MAX = 1024, CALL_DIRS_MAX = 64 };

struct flag {
    char letter;       /* 0: none. */
    const char *name;  /* NULL ends a table. */
    const char *value; /* What to call its value in the help; NULL: a switch. */
    const char *help;
};

enum verb_kind {
    VERB_LOCAL,     /* Works on processes of this machine: takes --dir, refuses -b. */
    VERB_COMMAND,   /* As VERB_LOCAL; its first plain word begins another program's command line. */
    VERB_ELSEWHERE, /* Another program reads all words: they are its command line. */
    VERB_REMOTE,    /* Speaks to brokers: takes -b, -X, -F, --dir, --timeout. */
};

struct call;

struct verb {
    const char *name;      /* "up", "topic create". */
    const char *arguments; /* "TOPIC..." */
    uint32_t arguments_min, arguments_max;
    enum verb_kind kind;
    bool watchable; /* Takes -w. */
    const struct flag *flags;
    const char *summary;
    const char *examples; /* Lines, each a whole command. */
    int (*run)(struct call *call);
};

struct call {
    const char *program; /* As it was typed. */
    const struct verb *verb;
    uint32_t flag_count;
    struct {
        const char *name;
        const char *value; /* "" for a switch. */
    } flags[CALL_FLAGS_MAX];
    uint32_t argument_count;
    const char *arguments[CALL_ARGUMENTS_MAX];
    char **command; /* VERB_COMMAND, VERB_ELSEWHERE: NULL-ended; NULL: none was given. */
    bool json;
    int64_t timeout_us;
    int64_t started_us; /* When the process started. */
};

/* Fill `call` from the words after the verb.
 * Errors  exit code of a usage error, told to standard error; EXIT_DONE otherwise. */
int call_parse(struct call *call, const struct verb *verb, int count, char **words);

/* The last value given, or NULL. */
const char *call_flag(const struct call *call, const char *name);
/* The `index`-th value given of a flag that may be repeated, or NULL. */
const char *call_flag_at(const struct call *call, const char *name, uint32_t index);
/* A number within limits; `fallback` when the flag is absent. Errors: EXIT_USAGE, told. */
int call_number(const struct call *call, const char *name, int64_t min, int64_t max,
                int64_t fallback, int64_t *out);
/* The flags that a verb takes, its own first; one of those replaces a common one of the same name.
 * NULL: there is no such `index`. */
const struct flag *verb_flag(const struct verb *verb, uint32_t index);

bool call_wants_help(const struct call *call);
void call_help(const struct verb *verb);

#endif
