/* plain_text.c -- text that others chose, for a terminal: its control characters are shown.
 *
 * These are U+0000 to U+001F, U+007F, and U+0080 to U+009F, which are two bytes of UTF-8. */
#include "plain_text.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { ESCAPE_SIZE_MAX = 7 }; /* \u001b, and a null byte. */

/* The control character at `at`, or -1; its bytes. */
static int control_at(const uint8_t *at, uint32_t *size)
{
    *size = 1;
    if (*at < 0x20 || *at == 0x7f)
        return *at;
    if (at[0] != 0xc2 || at[1] < 0x80 || at[1] > 0x9f)
        return -1;
    *size = 2;
    return at[1];
}

static size_t put_escape(char *to, int control)
{
    static const char named[] = "\bb\ff\nn\rr\tt";
    const char *name = memchr(named, control, sizeof named - 1);
    if (name)
        return (size_t)snprintf(to, ESCAPE_SIZE_MAX, "\\%c", name[1]);
    return (size_t)snprintf(to, ESCAPE_SIZE_MAX, "\\u%04x", (unsigned)control);
}

static char *format_text(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    check(size >= 0);
    char *text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    return text;
}

char *plain_text(struct arena *arena, const char *format, va_list arguments)
{
    const char *text = format_text(arena, format, arguments);
    size_t size = 0;
    char *plain = arena_alloc(arena, strlen(text) * (ESCAPE_SIZE_MAX - 1) + 1);
    for (const uint8_t *at = (const uint8_t *)text; *at;) {
        uint32_t taken;
        int control = control_at(at, &taken);
        if (control < 0)
            plain[size++] = (char)*at;
        else
            size += put_escape(plain + size, control);
        at += taken;
    }
    plain[size] = 0;
    return plain;
}
