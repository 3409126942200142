/* batch.c -- reads and stamps the header of a record batch of format 2.
 *
 * Layout, big-endian: base offset i64 @0, length i32 @8, leader epoch i32 @12, magic i8 @16,
 * CRC-32C u32 @17 over everything from @21, attributes i16 @21, last offset delta i32 @23,
 * base timestamp i64 @27, greatest timestamp i64 @35, producer id i64 @43, producer epoch
 * i16 @51, base sequence i32 @53, record count i32 @57, records @61. */
#include "batch.h"

#include "batch_layout.h"

int32_t batch_last_sequence(const struct batch_info *info)
{
    return (int32_t)(((int64_t)info->base_sequence + info->last_offset_delta) & INT32_MAX);
}

enum err batch_read(struct bytes bytes, struct batch_info *out)
{
    const uint8_t *at = bytes.data;

    if (bytes.size < BATCH_HEADER_SIZE)
        return ERR_AGAIN;
    int32_t length = (int32_t)load_be32(at + BATCH_LENGTH_AT);
    if (length < BATCH_HEADER_SIZE - BATCH_PREFIX_SIZE || length > BATCH_SIZE_MAX)
        return ERR_CORRUPT;
    struct batch_info info = {
        .base = (log_offset)load_be64(at + BATCH_BASE_AT),
        .size = (uint32_t)length + BATCH_PREFIX_SIZE,
        .epoch = (log_epoch)load_be32(at + BATCH_EPOCH_AT),
        .crc = load_be32(at + BATCH_CRC_AT),
        .attributes = (int16_t)load_be16(at + BATCH_ATTRIBUTES_AT),
        .last_offset_delta = (int32_t)load_be32(at + BATCH_LAST_DELTA_AT),
        .base_timestamp = (int64_t)load_be64(at + BATCH_BASE_TIMESTAMP_AT),
        .max_timestamp = (int64_t)load_be64(at + BATCH_MAX_TIMESTAMP_AT),
        .producer_id = (int64_t)load_be64(at + BATCH_PRODUCER_ID_AT),
        .producer_epoch = (int16_t)load_be16(at + BATCH_PRODUCER_EPOCH_AT),
        .base_sequence = (int32_t)load_be32(at + BATCH_SEQUENCE_AT),
        .record_count = (int32_t)load_be32(at + BATCH_COUNT_AT),
    };
    if (at[BATCH_MAGIC_AT] != BATCH_MAGIC || info.base < 0 || info.last_offset_delta < 0)
        return ERR_CORRUPT;
    if (info.base > INT64_MAX - INT32_MAX - 1 || info.record_count < 0)
        return ERR_CORRUPT;
    *out = info;
    return ERR_NONE;
}

static uint32_t crc_of(const uint8_t *batch, uint32_t size)
{
    return crc32c(0, batch + BATCH_ATTRIBUTES_AT, size - BATCH_ATTRIBUTES_AT);
}

bool batch_has_right_crc(const uint8_t *batch, const struct batch_info *info)
{
    return crc_of(batch, info->size) == info->crc;
}

enum err batch_next(struct bytes *rest, struct batch_info *info, struct bytes *batch)
{
    if (rest->size == 0)
        return ERR_NOT_FOUND;
    enum err err = batch_read(*rest, info);
    if (err != ERR_NONE)
        return err;
    if (info->size > rest->size)
        return ERR_AGAIN;
    if (!batch_has_right_crc(rest->data, info))
        return ERR_CORRUPT;
    *batch = (struct bytes){.data = rest->data, .size = info->size};
    *rest = (struct bytes){.data = rest->data + info->size, .size = rest->size - info->size};
    return ERR_NONE;
}

void batch_write_header(uint8_t *at, const struct batch_info *info)
{
    batch_patch(at, info->base, info->epoch);
    store_be32(at + BATCH_LENGTH_AT, info->size - BATCH_PREFIX_SIZE);
    at[BATCH_MAGIC_AT] = BATCH_MAGIC;
    store_be16(at + BATCH_ATTRIBUTES_AT, (uint16_t)info->attributes);
    store_be32(at + BATCH_LAST_DELTA_AT, (uint32_t)info->last_offset_delta);
    store_be64(at + BATCH_BASE_TIMESTAMP_AT, (uint64_t)info->base_timestamp);
    store_be64(at + BATCH_MAX_TIMESTAMP_AT, (uint64_t)info->max_timestamp);
    store_be64(at + BATCH_PRODUCER_ID_AT, (uint64_t)info->producer_id);
    store_be16(at + BATCH_PRODUCER_EPOCH_AT, (uint16_t)info->producer_epoch);
    store_be32(at + BATCH_SEQUENCE_AT, (uint32_t)info->base_sequence);
    store_be32(at + BATCH_COUNT_AT, (uint32_t)info->record_count);
}

void batch_patch(uint8_t *batch, log_offset base, log_epoch epoch)
{
    check(base >= 0);
    store_be64(batch + BATCH_BASE_AT, (uint64_t)base);
    store_be32(batch + BATCH_EPOCH_AT, (uint32_t)epoch);
}

void batch_seal(uint8_t *batch, uint32_t size)
{
    check(size >= BATCH_HEADER_SIZE);
    store_be32(batch + BATCH_CRC_AT, crc_of(batch, size));
}
