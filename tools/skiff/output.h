/* output.h -- tables for people, JSON for machines. */
#ifndef SKIFF_OUTPUT_H
#define SKIFF_OUTPUT_H

#include <jansson.h>
#include <stdint.h>

#include "base/bytes.h"

enum { TABLE_COLUMNS_MAX = 12 };

struct table;

/* `heads` are column names; the table copies them. */
struct table *table_open(uint32_t columns, const char *const *heads);
/* The next cell, from left to right, row after row; all of it, with control characters shown. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A string that may be null or empty: a dash then. */
void table_text(struct table *table, struct str text);
/* A number that may be unknown, -1: a dash then. */
void table_number(struct table *table, int64_t number);
/* Nodes, comma by comma; a dash for none. */
void table_nodes(struct table *table, const int32_t *nodes, uint32_t count);
void table_print_close(struct table *table);

/* For a program: a name as it is, which may hold an end of line, and a null byte. */
void print_null_ended(struct str text);

/* Bytes as text where they are UTF-8, else in base64 under "<name>_base64"; NULL is null. */
void json_set_bytes(json_t *object, const char *name, const void *data, size_t size);

/* A string of the wire, or null. */
json_t *json_text(struct str text);
/* A number, or null where it is -1. */
json_t *json_number(int64_t number);

json_t *json_nodes(const int32_t *nodes, uint32_t count);

/* Print and release. */
void print_json(json_t *root);

#endif
