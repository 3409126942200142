/* trace.c -- one bounded line.
 *
 * Names come from outside: a control character in one must not end the line or
 * move a terminal's cursor, so each becomes a question mark. */
#include "base/trace.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_SIZE = 1024 }; /* Bytes with the terminator; the rest becomes "...". */

void trace_line(const struct trace *trace, enum trace_level level, const char *format, ...)
{
    if (trace == NULL || trace->line == NULL || level < trace->level)
        return;
    char text[LINE_MAX_SIZE];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (size < 0)
        return;
    if ((size_t)size >= sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    trace->line(trace->context, level, text);
}
