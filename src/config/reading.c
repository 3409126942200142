/* reading.c -- remarks in the order found, and the small parsers of values. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config_parts.h"

enum {
    REMARK_SIZE_MAX = 4096, /* Longer remarks are cut, as a trace line is. */
    EXPONENT_MAX = 1000,    /* Of a decimal. */
};

void reading_start(struct reading *reading, struct config *config, struct arena *arena,
                   struct config_remark **remarks)
{
    *reading = (struct reading){.config = config, .arena = arena, .tail = remarks};
    while (*reading->tail != NULL)
        reading->tail = &(*reading->tail)->next;
    if (config->given != NULL)
        return;
    config->given = arena_alloc(arena, sizeof *config->given);
    config->given->sources = arena_alloc(arena, key_count());
    config->given->values = arena_array(arena, struct str, key_count());
}

static struct config_remark *add(struct reading *reading, const char *format, va_list arguments)
{
    char text[REMARK_SIZE_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    struct config_remark *remark = arena_alloc(reading->arena, sizeof *remark);
    remark->text = arena_format(reading->arena, "%s", text);
    *reading->tail = remark;
    reading->tail = &remark->next;
    return remark;
}

void refuse(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(reading, format, arguments)->fatal = true;
    va_end(arguments);
    reading->failed = true;
}

void warn(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(reading, format, arguments);
    va_end(arguments);
}

void note(struct reading *reading, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(reading, format, arguments)->note = true;
    va_end(arguments);
}

bool parse_number(struct str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint32_t i = text.size > 0 && (negative || text.data[0] == '+') ? 1 : 0;
    int64_t value = 0;
    if (i == text.size)
        return false;
    for (; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.data[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

/* The exponent behind a decimal; far ones all mean nothing or everything. */
static bool parse_exponent(struct str text, int64_t *exponent)
{
    int64_t value;
    if (!parse_number(text, &value))
        return false;
    *exponent += value > EXPONENT_MAX    ? EXPONENT_MAX
                 : value < -EXPONENT_MAX ? -EXPONENT_MAX
                                         : value;
    return true;
}

bool parse_decimal(struct str text, int64_t scale, int64_t *out)
{
    int64_t value = 0, exponent = 0;
    bool has_digit = false, is_fraction = false;
    for (uint32_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '.' && !is_fraction) {
            is_fraction = true;
        } else if (c >= '0' && c <= '9') {
            bool fits = value < INT64_MAX / 100;
            value = fits ? value * 10 + (c - '0') : value;
            exponent += (fits ? 0 : 1) - (is_fraction ? 1 : 0);
            has_digit = true;
        } else if ((c == 'e' || c == 'E') && has_digit) {
            struct str rest = {.data = text.data + i + 1, .size = text.size - i - 1};
            if (!parse_exponent(rest, &exponent))
                return false;
            break;
        } else {
            return false;
        }
    }
    for (; exponent < 0 && value > INT64_MAX / scale; exponent++)
        value /= 10;
    value = value > INT64_MAX / scale ? INT64_MAX : value * scale;
    for (; exponent < 0; exponent++)
        value /= 10;
    for (; exponent > 0 && value > 0 && value < INT64_MAX; exponent--)
        value = value > INT64_MAX / 10 ? INT64_MAX : value * 10;
    *out = value;
    return has_digit;
}

bool config_parse_ratio(struct str text, int32_t *millionths)
{
    int64_t value;
    if (!parse_decimal(text, CONFIG_RATIO_ONE, &value) || value > CONFIG_RATIO_ONE)
        return false;
    *millionths = (int32_t)value;
    return true;
}

const char *config_ratio_text(struct arena *arena, int32_t millionths)
{
    char *text = arena_format(arena, "%d.%06d", (int)(millionths / CONFIG_RATIO_ONE),
                              (int)(millionths % CONFIG_RATIO_ONE));
    size_t size = strlen(text);
    while (text[size - 1] == '0' && text[size - 2] != '.')
        text[--size] = '\0';
    return text;
}

bool equals_ignoring_case(struct str text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

bool parse_bool(struct str text, bool *out)
{
    *out = equals_ignoring_case(text, "true");
    return *out || equals_ignoring_case(text, "false");
}

struct str trim(struct str text)
{
    while (text.size > 0 && isspace((unsigned char)text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && isspace((unsigned char)text.data[text.size - 1]))
        text.size--;
    return text;
}

bool next_part(struct str *rest, char separator, struct str *part)
{
    if (rest->size == 0)
        return false;
    const char *end = memchr(rest->data, separator, rest->size);
    uint32_t size = end == NULL ? rest->size : (uint32_t)(end - rest->data);
    uint32_t skip = end == NULL ? size : size + 1;
    *part = trim((struct str){.data = rest->data, .size = size});
    rest->data += skip;
    rest->size -= skip;
    return true;
}
