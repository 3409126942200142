/* head.c -- reads the head of a request, strictly: what two servers could read in two ways
 * is refused.
 *
 * Only the three fields that change our answer are looked at. A target must be a path. Lines end
 * in CR LF, a name stands directly before its colon, and no line continues the one before.
 *
 * Source  RFC 9112, 2.2 to 5.2 and 9.3. */
#include "head.h"

static bool is_token_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte));
}

static bool is_token(struct str text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (!is_token_byte(text.data[i]))
            return false;
    return text.size > 0;
}

static bool is_visible(struct str text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return text.size > 0;
}

/* No control characters but the tab; bytes above ASCII are obsolete, and allowed. */
static bool is_value(struct str text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] == 0x7f)
            return false;
    return true;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool equals_ignoring_case(struct str text, struct str lower_case)
{
    if (text.size != lower_case.size)
        return false;
    for (uint32_t i = 0; i < text.size; i++)
        if (lower(text.data[i]) != lower_case.data[i])
            return false;
    return true;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct str trim(struct str text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = (struct str){.data = text.data + 1, .size = text.size - 1};
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Cut *text at the first `mark`, which is dropped; all of it when there is none. */
static struct str cut(struct str *text, char mark)
{
    const char *found = text->size > 0 ? memchr(text->data, mark, text->size) : NULL;
    struct str part = *text;
    if (found == NULL) {
        *text = (struct str){.data = text->data + text->size, .size = 0};
        return part;
    }
    part.size = (uint32_t)(found - text->data);
    *text = (struct str){.data = found + 1, .size = text->size - part.size - 1};
    return part;
}

/* The next line without its CR LF; false: it does not end so. */
static bool next_line(struct str *text, struct str *out)
{
    *out = cut(text, '\n');
    if (out->size == 0 || out->data[out->size - 1] != '\r')
        return false;
    out->size--;
    return true;
}

static bool read_request_line(struct str line, struct head *out)
{
    out->method = cut(&line, ' ');
    struct str target = cut(&line, ' ');
    if (!is_token(out->method) || !is_visible(target) || target.data[0] != '/')
        return false;
    out->path = cut(&target, '?');
    out->is_1_0 = str_equal(line, STR("HTTP/1.0"));
    out->keeps = !out->is_1_0;
    return out->is_1_0 || str_equal(line, STR("HTTP/1.1"));
}

static void read_connection(struct str value, struct head *out)
{
    while (value.size > 0) {
        struct str option = trim(cut(&value, ','));
        if (equals_ignoring_case(option, STR("close")))
            out->keeps = false;
        else if (equals_ignoring_case(option, STR("keep-alive")) && out->is_1_0)
            out->keeps = true;
    }
}

static bool read_field(struct str line, struct head *out, uint32_t *hosts)
{
    struct str value = line;
    struct str name = cut(&value, ':');
    if (name.size == line.size || !is_token(name) || !is_value(value))
        return false;
    value = trim(value);
    if (equals_ignoring_case(name, STR("connection")))
        read_connection(value, out);
    else if (equals_ignoring_case(name, STR("transfer-encoding")))
        out->has_body = true;
    else if (equals_ignoring_case(name, STR("content-length")))
        out->has_body = out->has_body || !str_equal(value, STR("0"));
    else if (equals_ignoring_case(name, STR("host")))
        ++*hosts;
    return true;
}

enum head_state head_read(struct str text, struct head *out)
{
    const char *end = text.size > 0 ? memmem(text.data, text.size, "\r\n\r\n", 4) : NULL;
    uint32_t hosts = 0;
    struct str line;
    if (end == NULL)
        return HEAD_PARTIAL;
    *out = (struct head){.size = (uint32_t)(end - text.data) + 4};
    text.size = out->size - 2;
    if (!next_line(&text, &line) || !read_request_line(line, out))
        return HEAD_BAD;
    while (text.size > 0)
        if (!next_line(&text, &line) || !read_field(line, out, &hosts))
            return HEAD_BAD;
    return hosts == 1 || (out->is_1_0 && hosts == 0) ? HEAD_WHOLE : HEAD_BAD;
}
