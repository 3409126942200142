/* bytes.h -- borrowed runs of bytes, strings, and big-endian numbers. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed run of bytes. data == NULL is Kafka's null; size is then 0. */
struct bytes {
    const uint8_t *data;
    uint32_t size;
};

/* A borrowed UTF-8 string, not terminated. data == NULL is Kafka's null. */
struct str {
    const char *data;
    uint32_t size;
};

#define STR(literal) ((struct str){.data = (literal), .size = sizeof(literal) - 1})

struct str str_from(const char *terminated); /* NULL gives the null string. */
bool str_equal(struct str a, struct str b);  /* Null equals only null. */
int str_compare(struct str a, struct str b); /* memcmp order, then the shorter first. */
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b);

static inline struct bytes bytes_of_str(struct str str)
{
    return (struct bytes){.data = (const uint8_t *)str.data, .size = str.size};
}

static inline uint16_t load_be16(const void *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t load_be32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t load_be64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap64(value);
}

static inline void store_be16(void *to, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(to, &value, sizeof value);
}

static inline void store_be32(void *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

static inline void store_be64(void *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, sizeof value);
}

/* CRC32C (Castagnoli), as in batches; `crc` is 0 or the result over what stands before. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif
