/* properties.c -- Java's .properties text, one key at a time.
 *
 * A natural line ends at \n, \r or \r\n; one that ends in an odd number of backslashes goes
 * on in the next, whose leading blanks are dropped. '#' and '!' begin a comment where a
 * line begins. The key ends at an unescaped '=', ':' or blank.
 *
 * Source  java.util.Properties.load(). */
#include <string.h>

#include "config_parts.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void skip(struct str *rest, uint32_t count)
{
    rest->data += count;
    rest->size -= count;
}

static void skip_blanks(struct str *rest)
{
    while (rest->size > 0 && is_blank(rest->data[0]))
        skip(rest, 1);
}

static void skip_line_end(struct str *rest)
{
    bool pair = rest->size > 1 && rest->data[0] == '\r' && rest->data[1] == '\n';
    skip(rest, pair ? 2 : 1);
}

/* To the first character of a key; false: there is none. */
static bool find_key(struct str *rest)
{
    while (rest->size > 0) {
        skip_blanks(rest);
        if (rest->size == 0)
            return false;
        if (is_line_end(rest->data[0])) {
            skip(rest, 1);
            continue;
        }
        if (rest->data[0] != '#' && rest->data[0] != '!')
            return true;
        while (rest->size > 0 && !is_line_end(rest->data[0]))
            skip(rest, 1);
    }
    return false;
}

/* Bytes up to the end of the logical line, continuations included. */
static uint32_t line_size(struct str rest)
{
    uint32_t i = 0;
    while (i < rest.size && !is_line_end(rest.data[i])) {
        bool pair = i + 2 < rest.size && rest.data[i + 1] == '\r' && rest.data[i + 2] == '\n';
        i += rest.data[i] != '\\' ? 1 : pair ? 3 : 2;
    }
    return i < rest.size ? i : rest.size;
}

/* Copy the logical line, its backslashes kept, its continuations joined. */
static struct str take_line(struct str *rest, struct arena *arena)
{
    char *line = arena_alloc(arena, (size_t)line_size(*rest) + 1);
    uint32_t size = 0;
    while (rest->size > 0 && !is_line_end(rest->data[0])) {
        if (rest->data[0] != '\\') {
            line[size++] = rest->data[0];
            skip(rest, 1);
            continue;
        }
        skip(rest, 1);
        if (rest->size == 0)
            break;
        if (is_line_end(rest->data[0])) {
            skip_line_end(rest);
            skip_blanks(rest);
            continue;
        }
        line[size++] = '\\';
        line[size++] = rest->data[0];
        skip(rest, 1);
    }
    return (struct str){.data = line, .size = size};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX to UTF-8, at most as long as its escape. Bytes written; 0: malformed. */
static uint32_t unescape_unicode(struct str at, char *out)
{
    uint32_t code = 0;
    if (at.size < 6)
        return 0;
    for (uint32_t i = 2; i < 6; i++) {
        int digit = hex_digit(at.data[i]);
        if (digit < 0)
            return 0;
        code = code * 16 + (uint32_t)digit;
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | (code >> 12));
    out[1] = (char)(0x80 | ((code >> 6) & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

static char unescape(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

static struct str unescape_all(struct str text, struct arena *arena)
{
    char *out = arena_alloc(arena, (size_t)text.size + 1);
    uint32_t size = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        if (text.data[i] != '\\' || i + 1 == text.size) {
            out[size++] = text.data[i];
            continue;
        }
        struct str at = {.data = text.data + i, .size = text.size - i};
        uint32_t written = text.data[i + 1] == 'u' ? unescape_unicode(at, out + size) : 0;
        if (written > 0) {
            size += written;
            i += 5;
            continue;
        }
        out[size++] = unescape(text.data[++i]);
    }
    return (struct str){.data = out, .size = size};
}

/* Where the key ends: an unescaped separator, or the line's end. */
static uint32_t key_end(struct str line)
{
    uint32_t i = 0;
    while (i < line.size && line.data[i] != '=' && line.data[i] != ':' && !is_blank(line.data[i]))
        i += line.data[i] == '\\' ? 2 : 1;
    return i < line.size ? i : line.size;
}

bool next_property(struct str *rest, struct arena *arena, struct property *out)
{
    if (!find_key(rest))
        return false;
    struct str line = take_line(rest, arena);
    uint32_t end = key_end(line);
    struct str key = {.data = line.data, .size = end};
    skip(&line, end);
    skip_blanks(&line);
    if (line.size > 0 && (line.data[0] == '=' || line.data[0] == ':'))
        skip(&line, 1);
    skip_blanks(&line);
    out->key = unescape_all(key, arena);
    out->value = trim(unescape_all(line, arena));
    return true;
}
