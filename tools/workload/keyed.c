/* keyed.c -- records of a compacted topic, made and read again. */
#include "keyed.h"

enum { TOMBSTONE_EACH = 8 };

#define HEADER "skiff-chaos-value"

/* Numbers without an order that are always the same. */
static uint32_t scatter(uint64_t number)
{
    number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    number ^= number >> 29;
    number *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(number >> 32);
}

struct keyed keyed_choose(uint32_t writer, int64_t value, uint32_t partition, uint32_t partitions,
                          uint32_t keys)
{
    uint32_t one = scatter(2 * (uint64_t)value) % keys;
    uint32_t two = scatter(2 * (uint64_t)value + 1) % keys;
    return (struct keyed){.key = partition + partitions * (one < two ? one : two),
                          .writer = writer,
                          .value = value,
                          .is_tombstone = scatter((uint64_t)value) % TOMBSTONE_EACH == 0};
}

rd_kafka_resp_err_t keyed_produce(rd_kafka_t *client, const char *topic, int32_t partition,
                                  const char *run, const struct keyed *keyed)
{
    char key[HISTORY_VALUE_MAX];
    char value[HISTORY_VALUE_MAX];
    uint32_t key_size = history_value_write(key, 0, run, keyed->writer, keyed->key);
    uint32_t value_size = history_value_write(value, 0, run, keyed->writer, keyed->value);
    bool has_value = !keyed->is_tombstone;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    if (!has_value)
        rd_kafka_header_add(headers, HEADER, -1, value, value_size);
    const rd_kafka_vu_t words[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {.ptr = key, .size = key_size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = has_value ? value : NULL, .size = has_value ? value_size : 0}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)keyed->value},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(client, words, sizeof words / sizeof words[0]);
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (err)
        rd_kafka_headers_destroy(headers); /* Else librdkafka has them. */
    return err;
}

/* What says which value it is: the record's own, or a tombstone's header. */
static bool find_value(const rd_kafka_message_t *message, struct bytes *out)
{
    rd_kafka_headers_t *headers;
    const void *data = message->payload;
    size_t size = message->len;
    if (!data && (rd_kafka_message_headers(message, &headers) ||
                  rd_kafka_header_get_last(headers, HEADER, &data, &size)))
        return false;
    *out = (struct bytes){data, (uint32_t)size};
    return true;
}

bool keyed_read(const rd_kafka_message_t *message, const char *run, struct keyed *out)
{
    struct bytes key = {message->key, (uint32_t)message->key_len};
    struct bytes value;
    uint32_t of_key;
    int64_t number;
    if (!history_value_read(key, run, &of_key, &number) || !find_value(message, &value) ||
        !history_value_read(value, run, &out->writer, &out->value))
        return false;
    out->key = (uint32_t)number;
    return of_key == out->writer && number < HISTORY_KEYS_MAX;
}
