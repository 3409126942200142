/* plain_text.h -- text that others chose, for a terminal: its control characters are shown. */
#ifndef SKIFF_PLAIN_TEXT_H
#define SKIFF_PLAIN_TEXT_H

#include <stdarg.h>

#include "base/arena.h"

/* What printf would print, with control characters written as in JSON: \n, \u001b. A group's name
 * would otherwise colour the terminal, move its cursor or end a row.
 * Owns    what is returned lives in the arena. */
char *plain_text(struct arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

#endif
