/* call.c -- flags and arguments of one call, and the help that its verb's row gives. */
#include "call.h"

#include <errno.h> /* program_invocation_short_name: skiff-workload has verbs, too. */
#include <stdio.h>
#include <string.h>

#include "say.h"

static const struct flag common_flags[] = {
    {0, "json", NULL, "for machines"},
    {0, "dir", "DIR", "the cluster in this directory"},
    {0, "timeout", "TIME", "give up after that long: 500ms, 10s (the default), 2m"},
    {'h', "help", NULL, "this text"},
    {0, NULL, NULL, NULL},
};

static const struct flag remote_flags[] = {
    {'b', "brokers", "LIST", "default: $SKIFF_BROKERS, else the local cluster last started"},
    {'X', "property", "K=V", "a client property"},
    {'F', "properties", "FILE", "a file of client properties"},
    {0, NULL, NULL, NULL},
};

static const struct flag watch_flags[] = {
    {'w', "watch", NULL, "again and again, until Ctrl-C"},
    {0, NULL, NULL, NULL},
};

/* Whether this flag of a common table is one that the verb has itself. */
static bool is_replaced(const struct verb *verb, const struct flag *table, const char *name)
{
    if (table != verb->flags)
        for (const struct flag *own = verb->flags; own && own->name; own++)
            if (strcmp(own->name, name) == 0)
                return true;
    return false;
}

const struct flag *verb_flag(const struct verb *verb, uint32_t index)
{
    const struct flag *const tables[] = {
        verb->flags, verb->kind == VERB_REMOTE ? remote_flags : NULL,
        verb->watchable ? watch_flags : NULL, verb->kind != VERB_ELSEWHERE ? common_flags : NULL};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct flag *flag = tables[i]; flag && flag->name; flag++)
            if (!is_replaced(verb, tables[i], flag->name) && index-- == 0)
                return flag;
    return NULL;
}

static const struct flag *find_flag(const struct verb *verb, char letter, const char *name,
                                    size_t size)
{
    const struct flag *flag;
    for (uint32_t i = 0; (flag = verb_flag(verb, i)); i++)
        if (letter ? flag->letter == letter
                   : strlen(flag->name) == size && !strncmp(flag->name, name, size))
            return flag;
    return NULL;
}

static int refuse_flag(const struct verb *verb, const char *word)
{
    if (verb->kind != VERB_REMOTE && (!strncmp(word, "-b", 2) || !strncmp(word, "--brokers", 9)))
        return say_error(
            EXIT_USAGE,
            "`%s` asks no broker, so it takes no -b; a cluster of this machine is named "
            "with --dir",
            verb->name);
    return say_error(EXIT_USAGE, "`%s` has no flag %s (see: %s %s --help)", verb->name, word,
                     program_invocation_short_name, verb->name);
}

static int take_flag(struct call *call, const struct flag *flag, const char *value)
{
    if (call->flag_count == CALL_FLAGS_MAX)
        return say_error(EXIT_USAGE, "more than %d flags", CALL_FLAGS_MAX);
    call->flags[call->flag_count].name = flag->name;
    call->flags[call->flag_count].value = value;
    call->flag_count++;
    return EXIT_DONE;
}

/* One word that begins with a dash; *at moves when its value is the next word. */
static int parse_flag(struct call *call, int count, char **words, int *at)
{
    const char *word = words[*at];
    const char *value = NULL;
    const struct flag *flag;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        size_t size = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
        flag = find_flag(call->verb, 0, word + 2, size);
        value = equals ? equals + 1 : NULL;
    } else {
        flag = find_flag(call->verb, word[1], NULL, 0);
        value = word[2] ? word + 2 : NULL;
    }
    if (!flag)
        return refuse_flag(call->verb, word);
    if (!flag->value)
        return value ? say_error(EXIT_USAGE, "--%s takes no value", flag->name)
                     : take_flag(call, flag, "");
    if (!value) {
        if (*at + 1 >= count)
            return say_error(EXIT_USAGE, "%s needs a value: %s", word, flag->value);
        value = words[++*at];
    }
    return take_flag(call, flag, value);
}

static int check_arguments(const struct call *call)
{
    const struct verb *verb = call->verb;
    uint32_t count = call->command ? 1 : call->argument_count;
    if (count < verb->arguments_min)
        return say_error(EXIT_USAGE, "usage: %s %s %s (see --help)", program_invocation_short_name,
                         verb->name, verb->arguments);
    if (count > verb->arguments_max)
        return say_error(EXIT_USAGE, "what is `%s`? usage: %s %s%s%s (see --help)",
                         call->arguments[verb->arguments_max], program_invocation_short_name,
                         verb->name, *verb->arguments ? " " : "", verb->arguments);
    return EXIT_DONE;
}

int call_parse(struct call *call, const struct verb *verb, int count, char **words)
{
    call->verb = verb;
    bool only_arguments = false;
    if (verb->kind == VERB_ELSEWHERE) {
        call->command = words;
        return EXIT_DONE;
    }
    for (int at = 0; at < count; at++) {
        const char *word = words[at];
        if (!only_arguments && !strcmp(word, "--")) {
            only_arguments = true;
            continue;
        }
        bool is_number = word[0] == '-' && word[1] >= '0' && word[1] <= '9';
        if (!only_arguments && word[0] == '-' && word[1] && !is_number) {
            int code = parse_flag(call, count, words, &at);
            if (code)
                return code;
            continue;
        }
        if (verb->kind == VERB_COMMAND) {
            call->command = words + at;
            break;
        }
        if (call->argument_count == CALL_ARGUMENTS_MAX)
            return say_error(EXIT_USAGE, "more than %d arguments", CALL_ARGUMENTS_MAX);
        call->arguments[call->argument_count++] = word;
    }
    call->json = call_flag(call, "json") != NULL;
    call->timeout_us = 10000000;
    const char *timeout = call_flag(call, "timeout");
    if (timeout && (call->timeout_us = parse_duration_us(timeout)) < 0)
        return say_error(EXIT_USAGE, "--timeout %s: not a time such as 500ms, 10s, 2m", timeout);
    if (call->timeout_us == 0 && verb->kind == VERB_REMOTE)
        return say_error(EXIT_USAGE, "--timeout %s: brokers need some time to answer", timeout);
    return call_wants_help(call) ? EXIT_DONE : check_arguments(call);
}

const char *call_flag_at(const struct call *call, const char *name, uint32_t index)
{
    for (uint32_t i = 0; i < call->flag_count; i++)
        if (!strcmp(call->flags[i].name, name) && index-- == 0)
            return call->flags[i].value;
    return NULL;
}

const char *call_flag(const struct call *call, const char *name)
{
    for (uint32_t i = call->flag_count; i-- > 0;)
        if (!strcmp(call->flags[i].name, name))
            return call->flags[i].value;
    return NULL;
}

int call_number(const struct call *call, const char *name, int64_t min, int64_t max,
                int64_t fallback, int64_t *out)
{
    const char *text = call_flag(call, name);
    *out = fallback;
    if (!text || parse_int(text, min, max, out))
        return EXIT_DONE;
    return say_error(EXIT_USAGE, "--%s %s: a number from %lld to %lld is allowed", name, text,
                     (long long)min, (long long)max);
}

bool call_wants_help(const struct call *call)
{
    return call_flag(call, "help") != NULL;
}

static void print_flag(const struct flag *flag)
{
    char left[64];
    char letter[8] = "    ";
    if (flag->letter)
        snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
    printf("  %-32s %s\n", left, flag->help);
}

void call_help(const struct verb *verb)
{
    printf("%s %s%s%s\n\n%s\n\n", program_invocation_short_name, verb->name,
           *verb->arguments ? " " : "", verb->arguments, verb->summary);
    const struct flag *flag;
    for (uint32_t i = 0; (flag = verb_flag(verb, i)); i++)
        print_flag(flag);
    if (!verb->examples)
        return;
    printf("\nExamples:\n");
    for (const char *line = verb->examples; *line;) {
        size_t size = strcspn(line, "\n");
        printf("  %.*s\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
}
