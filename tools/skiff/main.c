/* main.c -- skiff, the command line: a verb is found by its first one or two words. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "say.h"
#include "verbs.h"

enum { WATCH_US = 1000000 };

/* Is this a verb of two words, the first of which is `group`? */
static bool verb_is_in(const struct verb *verb, const char *group)
{
    return !strncmp(verb->name, group, strlen(group)) && verb->name[strlen(group)] == ' ';
}

/* `group` NULL: all of them. False: there is none. */
static bool print_verbs(const char *group)
{
    bool any = false;
    for (uint32_t i = 0; i < verb_count; i++) {
        char left[64];
        if (group && !verb_is_in(&verbs[i], group))
            continue;
        any = true;
        snprintf(left, sizeof left, "%s %s", verbs[i].name, verbs[i].arguments);
        printf("  skiff %-32s %.*s\n", left, (int)strcspn(verbs[i].summary, "\n"),
               verbs[i].summary);
    }
    return any;
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

static void print_help(void)
{
    printf("skiff: a Kafka-compatible broker with its own quorum\n\n");
    print_verbs(NULL);
    printf(
        "\nskiff VERB --help shows flags and examples.\n"
        "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 timed out, 10 unhealthy.\n");
}

/* The word after which a verb's own words begin; 0: not this verb. */
static int match(const struct verb *verb, int count, char **words)
{
    char given[64];
    if (count >= 1 && !strcmp(verb->name, words[0]))
        return 1;
    if (count < 2)
        return 0;
    const char *second = words[1];
    for (uint32_t i = 0; i < verb_alias_count; i++)
        if (!strcmp(second, verb_aliases[i].word))
            second = verb_aliases[i].stands_for;
    snprintf(given, sizeof given, "%.30s %.30s", words[0], second);
    return strcmp(verb->name, given) == 0 ? 2 : 0;
}

static int unknown_verb(int count, char **words)
{
    if (count >= 2 && is_help(words[1]) && print_verbs(words[0]))
        return EXIT_DONE;
    bool is_group = false;
    for (uint32_t i = 0; i < verb_count; i++)
        is_group |= verb_is_in(&verbs[i], words[0]);
    if (!is_group || count < 2)
        return is_group
                   ? say_error(EXIT_USAGE, "`%s` needs one more word (see: skiff --help)", words[0])
                   : say_error(EXIT_USAGE, "there is no `%s` (see: skiff --help)", words[0]);
    return say_error(EXIT_USAGE, "there is no `%s %s` (see: skiff --help)", words[0], words[1]);
}

static int run(struct call *call)
{
    if (!call_flag(call, "watch"))
        return call->verb->run(call);
    for (;;) {
        if (!call->json)
            printf("\033[H\033[2J"); /* Home, and clear. */
        int code = call->verb->run(call);
        if (fflush(stdout) != 0)
            return code;
        sleep_us(WATCH_US);
    }
}

int main(int count, char **words)
{
    struct call call = {.program = words[0], .started_us = now_us()};
    signal(SIGPIPE, SIG_IGN);
    if (count < 2 || is_help(words[1])) {
        print_help();
        return count < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    if (!strcmp(words[1], "--version")) {
        puts("skiff 0.1.0");
        return EXIT_DONE;
    }
    for (uint32_t i = 0; i < verb_count; i++) {
        int used = match(&verbs[i], count - 1, words + 1);
        if (!used)
            continue;
        int code = call_parse(&call, &verbs[i], count - 1 - used, words + 1 + used);
        if (code)
            return code;
        if (call_wants_help(&call)) {
            call_help(&verbs[i]);
            return EXIT_DONE;
        }
        return run(&call);
    }
    return unknown_verb(count - 1, words + 1);
}
