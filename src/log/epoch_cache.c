/* epoch_cache.c -- leader epochs of one log, and Kafka's text file of them. */
#include "epoch_cache.h"

#include <stdio.h>

enum {
    EPOCH_LINE_MAX = 40,
    EPOCHS_MAX = 1 << 20, /* More in a file is corrupt. */
};

void epoch_cache_free(struct epoch_cache *cache)
{
    mem_free(cache->entries);
    *cache = (struct epoch_cache){0};
}

log_epoch epoch_cache_last(const struct epoch_cache *cache)
{
    return cache->count == 0 ? -1 : cache->entries[cache->count - 1].epoch;
}

bool epoch_cache_truncate(struct epoch_cache *cache, log_offset end)
{
    uint32_t before = cache->count;

    while (cache->count > 0 && cache->entries[cache->count - 1].start >= end)
        cache->count--;
    return cache->count != before;
}

bool epoch_cache_retire(struct epoch_cache *cache, log_offset start)
{
    uint32_t gone = 0;

    while (gone + 1 < cache->count && cache->entries[gone + 1].start < start)
        gone++;
    if (gone == 0)
        return false;
    cache->count -= gone;
    memmove(cache->entries, cache->entries + gone, cache->count * sizeof *cache->entries);
    return true;
}

bool epoch_cache_assign(struct epoch_cache *cache, log_epoch epoch, log_offset start)
{
    if (epoch <= epoch_cache_last(cache))
        return false;
    epoch_cache_truncate(cache, start);
    mem_grow(cache->entries, cache->count, &cache->capacity);
    cache->entries[cache->count++] = (struct log_epoch_start){.epoch = epoch, .start = start};
    return true;
}

log_epoch epoch_cache_find(const struct epoch_cache *cache, log_offset offset)
{
    for (uint32_t i = cache->count; i-- > 0;)
        if (cache->entries[i].start <= offset)
            return cache->entries[i].epoch;
    return -1;
}

struct log_epoch_end epoch_cache_end(const struct epoch_cache *cache, log_epoch epoch,
                                     log_offset log_end)
{
    uint32_t above = cache->count; /* The first entry above `epoch`. */

    while (above > 0 && cache->entries[above - 1].epoch > epoch)
        above--;
    if (cache->count == 0 || epoch < 0)
        return (struct log_epoch_end){.epoch = -1, .end = -1};
    if (above == 0)
        return (struct log_epoch_end){.epoch = epoch, .end = cache->entries[0].start};
    if (above < cache->count)
        return (struct log_epoch_end){.epoch = cache->entries[above - 1].epoch,
                                      .end = cache->entries[above].start};
    if (cache->entries[above - 1].epoch == epoch)
        return (struct log_epoch_end){.epoch = epoch, .end = log_end};
    return (struct log_epoch_end){.epoch = -1, .end = -1}; /* Newer than all we know. */
}

struct buf *epoch_cache_write(const struct epoch_cache *cache)
{
    uint32_t capacity = (cache->count + 2) * EPOCH_LINE_MAX;
    struct buf *text = buf_new(capacity);
    char *at = (char *)text->data;
    int size = snprintf(at, capacity, "0\n%u\n", cache->count);

    for (uint32_t i = 0; i < cache->count; i++)
        size += snprintf(at + size, capacity - (uint32_t)size, "%d %lld\n", cache->entries[i].epoch,
                         (long long)cache->entries[i].start);
    text->size = (uint32_t)size;
    return text;
}

/* A decimal number and the one character `stop` after it. */
static bool take_number(struct bytes *rest, char stop, int64_t max, int64_t *out)
{
    int64_t value = 0;
    uint32_t digits = 0;

    for (; digits < rest->size && rest->data[digits] >= '0' && rest->data[digits] <= '9';
         digits++) {
        if (value > (max - 9) / 10)
            return false;
        value = value * 10 + (rest->data[digits] - '0');
    }
    if (digits == 0 || digits == rest->size || rest->data[digits] != (uint8_t)stop)
        return false;
    *rest = (struct bytes){.data = rest->data + digits + 1, .size = rest->size - digits - 1};
    *out = value;
    return true;
}

enum err epoch_cache_read(struct epoch_cache *cache, struct bytes text)
{
    int64_t version, count, epoch, start;

    cache->count = 0;
    if (!take_number(&text, '\n', INT32_MAX, &version) || version != 0)
        return ERR_CORRUPT;
    if (!take_number(&text, '\n', INT32_MAX, &count) || count > EPOCHS_MAX)
        return ERR_CORRUPT;
    for (int64_t i = 0; i < count; i++) {
        bool rises = take_number(&text, ' ', INT32_MAX, &epoch) &&
                     take_number(&text, '\n', INT64_MAX, &start) &&
                     epoch > epoch_cache_last(cache) &&
                     (i == 0 || start > cache->entries[i - 1].start);
        if (!rises) {
            cache->count = 0;
            return ERR_CORRUPT;
        }
        epoch_cache_assign(cache, (log_epoch)epoch, start);
    }
    return ERR_NONE;
}
