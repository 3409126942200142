/* record_format.h -- how one consumed record is printed: -f and -J. */
#ifndef SKIFF_RECORD_FORMAT_H
#define SKIFF_RECORD_FORMAT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>

/* %k key, %v or %s value, %t topic, %p partition, %o offset, %T or %d timestamp in ms, %h headers
 * as k=v,..., %K and %S sizes of key and value (-1: null), %% itself; \n \t \r \0 \\ \xHH. */
void record_print(FILE *out, const char *format, const rd_kafka_message_t *message);
/* NULL when it is fine, else the first part that means nothing. */
const char *record_format_error(const char *format);

/* One JSON object a line. Bytes that are not UTF-8 are given in base64, and told so. */
void record_print_json(FILE *out, const rd_kafka_message_t *message);

#endif
