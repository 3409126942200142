/* ids.c -- uuids as text, and partitions by identity. */
#include "base/ids.h"

#include "base/check.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_equal(struct uuid a, struct uuid b)
{
    return uuid_compare(a, b) == 0;
}

int uuid_compare(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

bool uuid_is_zero(struct uuid uuid)
{
    return uuid_equal(uuid, (struct uuid){.bytes = {0}});
}

void uuid_format(struct uuid uuid, char out[UUID_TEXT_SIZE])
{
    uint32_t pending = 0, bits = 0, used = 0;
    for (uint32_t i = 0; i < sizeof uuid.bytes; i++) {
        pending = (pending << 8 | uuid.bytes[i]) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6)
            out[used++] = alphabet[pending >> (bits - 6) & 63];
    }
    out[used++] = alphabet[pending << (6 - bits) & 63];
    out[used++] = '\0';
    check(used == UUID_TEXT_SIZE);
}

/* The number that `character` stands for, or 64. */
static uint32_t digit_of(char character)
{
    for (uint32_t digit = 0; digit < 64; digit++) {
        if (alphabet[digit] == character)
            return digit;
    }
    return 64;
}

bool uuid_parse(struct str text, struct uuid *out)
{
    if (text.size != UUID_TEXT_SIZE - 1)
        return false;
    struct uuid uuid;
    uint32_t pending = 0, bits = 0, used = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        uint32_t digit = digit_of(text.data[i]);
        if (digit == 64)
            return false;
        pending = (pending << 6 | digit) & 0x3fff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            uuid.bytes[used++] = (uint8_t)(pending >> bits & 0xff);
        }
    }
    check(used == sizeof uuid.bytes);
    if ((pending & ((1U << bits) - 1)) != 0)
        return false; /* One uuid has one text. */
    *out = uuid;
    return true;
}

bool partition_key_equal(struct partition_key a, struct partition_key b)
{
    return partition_key_compare(a, b) == 0;
}

int partition_key_compare(struct partition_key a, struct partition_key b)
{
    int order = uuid_compare(a.topic_id, b.topic_id);
    if (order != 0)
        return order;
    return (a.index > b.index) - (a.index < b.index);
}

uint32_t partition_shard(struct partition_key key, uint32_t shard_count)
{
    check(shard_count > 0);
    uint64_t hash = load_be64(key.topic_id.bytes) ^ load_be64(key.topic_id.bytes + 8);
    hash ^= (uint64_t)(uint32_t)key.index * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)((hash ^ (hash >> 32)) % shard_count);
}
