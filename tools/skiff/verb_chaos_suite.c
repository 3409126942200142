/* verb_chaos_suite.c -- skiff chaos run, watch, ls, compare and clean: the bench itself is Python.
 *
 * It lies in tools/lib/chaos of the source tree, reads its own words, and uses the programs beside
 * this one. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "say.h"
#include "verbs.h"

enum { PATH_MAX_HERE = 512 };

/* The folder of this executable. */
static int own_folder(char out[PATH_MAX_HERE])
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX_HERE - 1);
    if (size <= 0 || size == PATH_MAX_HERE - 1)
        return say_error(EXIT_FAILED, "cannot tell where this program lies: %s", strerror(errno));
    out[size] = 0;
    *strrchr(out, '/') = 0;
    return EXIT_DONE;
}

/* Ctrl-C waits until the suite can take it: a Python that is just starting would show its lines. */
static void hold_interrupts(void)
{
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupts, NULL);
}

int run_chaos_suite(struct call *call)
{
    char build[PATH_MAX_HERE];
    const char *suite = getenv("SKIFF_CHAOS_DIR");
    size_t count = 0;
    int code = own_folder(build);
    if (code)
        return code;
    if (!suite || !*suite)
        suite = SKIFF_CHAOS_DIR;
    if (access(suite, R_OK) != 0)
        return say_error(EXIT_FAILED, "%s: %s; $SKIFF_CHAOS_DIR names another folder", suite,
                         strerror(errno));
    setenv("SKIFF_BUILD", build, 1);
    while (call->command[count])
        count++;
    const char **words = mem_alloc((count + 4) * sizeof *words);
    words[0] = "python3";
    words[1] = suite;
    words[2] = strrchr(call->verb->name, ' ') + 1;
    memcpy(words + 3, call->command, (count + 1) * sizeof *words);
    hold_interrupts();
    execvp(words[0], (char **)(uintptr_t)words);
    mem_free(words);
    return say_error(EXIT_FAILED, "python3: %s", strerror(errno));
}
