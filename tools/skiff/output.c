/* output.c -- tables for people, JSON for machines. */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "plain_text.h"

struct table {
    uint32_t columns;
    uint32_t count; /* Cells, the head's included. */
    uint32_t capacity;
    const char **cells;
    struct arena arena; /* What is in them. */
};

struct table *table_open(uint32_t columns, const char *const *heads)
{
    check(columns <= TABLE_COLUMNS_MAX);
    struct table *table = mem_zalloc(sizeof *table);
    table->columns = columns;
    for (uint32_t i = 0; i < columns; i++)
        table_cell(table, "%s", heads[i]);
    return table;
}

void table_cell(struct table *table, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    mem_grow(table->cells, table->count, &table->capacity);
    table->cells[table->count++] = plain_text(&table->arena, format, arguments);
    va_end(arguments);
}

void table_text(struct table *table, struct str text)
{
    table_cell(table, "%.*s", text.size ? (int)text.size : 1, text.size ? text.data : "-");
}

void table_number(struct table *table, int64_t number)
{
    if (number < 0)
        table_cell(table, "-");
    else
        table_cell(table, "%lld", (long long)number);
}

void table_nodes(struct table *table, const int32_t *nodes, uint32_t count)
{
    enum { DIGITS_MAX = 12 }; /* A comma and an int32. */
    char *text = arena_alloc(&table->arena, (size_t)count * DIGITS_MAX + 2);
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, DIGITS_MAX + 1, "%s%d", i ? "," : "", nodes[i]);
    table_cell(table, "%s", count ? text : "-");
}

json_t *json_nodes(const int32_t *nodes, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(nodes[i]));
    return list;
}

void table_print_close(struct table *table)
{
    int widths[TABLE_COLUMNS_MAX] = {0};
    for (uint32_t i = 0; i < table->count; i++) {
        int width = (int)strlen(table->cells[i]);
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t column = i % table->columns;
        if (column + 1 == table->columns)
            printf("%s\n", table->cells[i]);
        else
            printf("%-*s  ", widths[column], table->cells[i]);
    }
    mem_free(table->cells);
    arena_free(&table->arena);
    mem_free(table);
}

void print_null_ended(struct str text)
{
    fwrite(text.data, 1, text.size, stdout);
    putchar(0);
}

json_t *json_text(struct str text)
{
    return text.data ? json_stringn(text.data, text.size) : json_null();
}

json_t *json_number(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

void print_json(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static json_t *base64(const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = mem_alloc((size + 2) / 3 * 4 + 1);
    char *to = text;
    for (size_t at = 0; at < size; at += 3) {
        uint32_t three = (uint32_t)data[at] << 16;
        if (at + 1 < size)
            three |= (uint32_t)data[at + 1] << 8;
        if (at + 2 < size)
            three |= data[at + 2];
        *to++ = digits[three >> 18];
        *to++ = digits[three >> 12 & 63];
        *to++ = at + 1 < size ? digits[three >> 6 & 63] : '=';
        *to++ = at + 2 < size ? digits[three & 63] : '=';
    }
    json_t *json = json_stringn(text, (size_t)(to - text));
    mem_free(text);
    return json;
}

void json_set_bytes(json_t *object, const char *name, const void *data, size_t size)
{
    char base64_name[64];
    json_t *text = data ? json_stringn(data, size) : json_null();
    if (text) {
        json_object_set_new(object, name, text);
        return;
    }
    snprintf(base64_name, sizeof base64_name, "%.50s_base64", name);
    json_object_set_new(object, base64_name, base64(data, size));
}
