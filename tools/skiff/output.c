/* output.c -- tables for people, JSON for machines. */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

struct table {
    uint32_t columns;
    uint32_t count; /* Cells, the head's included. */
    uint32_t capacity;
    char (*cells)[TABLE_CELL_MAX];
};

static char *next_cell(struct table *table)
{
    mem_grow(table->cells, table->count, &table->capacity);
    return table->cells[table->count++];
}

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
    vsnprintf(next_cell(table), TABLE_CELL_MAX, format, arguments);
    va_end(arguments);
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
    mem_free(table);
}

void print_json(json_t *root)
{
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}
