/* record_format.c -- how one consumed record is printed: -f and -J. */
#include "record_format.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

static const char field_letters[] = "kvstpoTdhKS%";
static const char escape_letters[] = "ntr0\\x";

const char *record_format_error(const char *format)
{
    for (const char *at = format; *at; at++) {
        if (*at == '%' && (!at[1] || !strchr(field_letters, at[1])))
            return at;
        if (*at == '\\' && (!at[1] || !strchr(escape_letters, at[1])))
            return at;
        if (*at == '\\' && at[1] == 'x' &&
            (!isxdigit((unsigned char)at[2]) || !isxdigit((unsigned char)at[3])))
            return at;
        if (*at == '%' || *at == '\\')
            at++;
    }
    return NULL;
}

/* Returns the last character taken. */
static const char *print_escape(FILE *out, const char *at)
{
    char digits[3];
    switch (*at) {
    case 'n':
        fputc('\n', out);
        return at;
    case 't':
        fputc('\t', out);
        return at;
    case 'r':
        fputc('\r', out);
        return at;
    case '0':
        fputc(0, out);
        return at;
    case 'x':
        memcpy(digits, at + 1, 2);
        digits[2] = 0;
        fputc((int)strtol(digits, NULL, 16), out);
        return at + 2;
    default:
        fputc(*at, out);
        return at;
    }
}

/* Nothing for null, which fwrite() does not take. */
static void print_bytes(FILE *out, const void *data, size_t size)
{
    if (size > 0)
        fwrite(data, 1, size, out);
}

static void print_headers(FILE *out, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers))
        return;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
        fprintf(out, "%s%s=", i ? "," : "", name);
        print_bytes(out, value, size);
    }
}

static void print_field(FILE *out, char letter, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t kind;
    switch (letter) {
    case 'k':
        print_bytes(out, message->key, message->key_len);
        break;
    case 'v':
    case 's':
        print_bytes(out, message->payload, message->len);
        break;
    case 't':
        fputs(rd_kafka_topic_name(message->rkt), out);
        break;
    case 'p':
        fprintf(out, "%d", message->partition);
        break;
    case 'o':
        fprintf(out, "%lld", (long long)message->offset);
        break;
    case 'T':
    case 'd':
        fprintf(out, "%lld", (long long)rd_kafka_message_timestamp(message, &kind));
        break;
    case 'h':
        print_headers(out, message);
        break;
    case 'K':
        fprintf(out, "%lld", message->key ? (long long)message->key_len : -1);
        break;
    case 'S':
        fprintf(out, "%lld", message->payload ? (long long)message->len : -1);
        break;
    default:
        fputc('%', out);
        break;
    }
}

void record_print(FILE *out, const char *format, const rd_kafka_message_t *message)
{
    for (const char *at = format; *at; at++) {
        if (*at == '%')
            print_field(out, *++at, message);
        else if (*at == '\\')
            at = print_escape(out, at + 1);
        else
            fputc(*at, out);
    }
}

void record_print_json(FILE *out, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t kind;
    rd_kafka_headers_t *headers;
    json_t *object =
        json_pack("{ss si sI sI}", "topic", rd_kafka_topic_name(message->rkt), "partition",
                  message->partition, "offset", (json_int_t)message->offset, "timestamp",
                  (json_int_t)rd_kafka_message_timestamp(message, &kind));
    json_set_bytes(object, "key", message->key, message->key_len);
    json_set_bytes(object, "value", message->payload, message->len);
    if (!rd_kafka_message_headers(message, &headers)) {
        json_t *list = json_array();
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
            json_t *one = json_pack("{ss}", "name", name);
            json_set_bytes(one, "value", value, size);
            json_array_append_new(list, one);
        }
        json_object_set_new(object, "headers", list);
    }
    json_dumpf(object, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(object);
}
