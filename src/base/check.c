/* check.c -- the end of a process that found itself wrong.
 *
 * Going on with a broken invariant risks acknowledged records; a crash does not. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
    abort();
}
