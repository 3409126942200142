/* batch.c -- reads, checks and stamps the header of a record batch of format 2.
 *
 * Layout, big-endian: base offset i64 @0, length i32 @8, leader epoch i32 @12, magic i8 @16,
 * CRC-32C u32 @17 over everything from @21, attributes i16 @21, last offset delta i32 @23,
 * base timestamp i64 @27, greatest timestamp i64 @35, producer id i64 @43, producer epoch
 * i16 @51, base sequence i32 @53, record count i32 @57, records @61. */
#include "batch.h"

#include "batch_layout.h"
#include "records.h"

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

static bool has_right_crc(const uint8_t *batch, const struct batch_info *info)
{
    return crc32c(0, batch + BATCH_ATTRIBUTES_AT, info->size - BATCH_ATTRIBUTES_AT) == info->crc;
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
    if (!has_right_crc(rest->data, info))
        return ERR_CORRUPT;
    *batch = (struct bytes){.data = rest->data, .size = info->size};
    *rest = (struct bytes){.data = rest->data + info->size, .size = rest->size - info->size};
    return ERR_NONE;
}

static enum err refuse(enum err err, const char *why, const char **reason)
{
    *reason = why;
    return err;
}

/* What a client's header may say; its size and checksum are right already. */
static enum err check_header(const struct batch_info *info, const struct batch_limits *limits,
                             const char **reason)
{
    int known = BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL;

    if (batch_is_control(info))
        return refuse(ERR_INVALID_RECORD, "Clients may not write control batches.", reason);
    if ((info->attributes & ~known) != 0)
        return refuse(ERR_INVALID_RECORD, "The batch has unknown attributes.", reason);
    if (batch_codec(info) > BATCH_ZSTD)
        return refuse(ERR_INVALID_RECORD, "The batch names an unknown codec.", reason);
    if (batch_codec(info) == BATCH_ZSTD && !limits->zstd_allowed)
        return refuse(ERR_UNSUPPORTED_COMPRESSION_TYPE,
                      "This version of Produce does not carry zstd.", reason);
    if (info->attributes & BATCH_LOG_APPEND_TIME)
        return refuse(ERR_INVALID_TIMESTAMP, "Clients may not set LogAppendTime.", reason);
    if (info->record_count <= 0)
        return refuse(ERR_INVALID_RECORD, "The batch has no records.", reason);
    if (info->last_offset_delta != info->record_count - 1)
        return refuse(ERR_INVALID_RECORD, "The record count does not match the last offset delta.",
                      reason);
    if (info->producer_id >= 0 && (info->base_sequence < 0 || info->producer_epoch < 0))
        return refuse(ERR_INVALID_RECORD, "The batch has a producer id without a sequence.",
                      reason);
    if (info->attributes & BATCH_TRANSACTIONAL) /* Requests with one are refused before. */
        return refuse(ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                      "The batch is transactional, the request names no transactional id.", reason);
    return ERR_NONE;
}

/* With a right checksum: a client that is told of corruption would send the same again. */
static bool has_negative_counts(struct bytes bytes)
{
    if (bytes.size < BATCH_HEADER_SIZE)
        return false;
    struct batch_info sealed = {.size = bytes.size, .crc = load_be32(bytes.data + BATCH_CRC_AT)};
    return ((int32_t)load_be32(bytes.data + BATCH_COUNT_AT) < 0 ||
            (int32_t)load_be32(bytes.data + BATCH_LAST_DELTA_AT) < 0) &&
           has_right_crc(bytes.data, &sealed);
}

enum err batch_check(struct bytes bytes, const struct batch_limits *limits, struct batch_info *out,
                     const char **reason)
{
    struct batch_info info;

    *reason = "";
    if (bytes.size == 0)
        return refuse(ERR_INVALID_RECORD, "There is no record batch.", reason);
    if (bytes.size > BATCH_MAGIC_AT && bytes.data[BATCH_MAGIC_AT] != BATCH_MAGIC)
        return refuse(ERR_INVALID_RECORD, "The batch is not of format 2.", reason);
    if (batch_read(bytes, &info) != ERR_NONE && has_negative_counts(bytes))
        return refuse(ERR_INVALID_RECORD, "The batch has no records.", reason);
    if (batch_read(bytes, &info) != ERR_NONE)
        return refuse(ERR_CORRUPT_MESSAGE, "The batch header is malformed.", reason);
    if (info.size > bytes.size)
        return refuse(ERR_CORRUPT_MESSAGE, "The batch is cut off.", reason);
    if (info.size < bytes.size)
        return refuse(ERR_INVALID_RECORD, "There is more than one record batch.", reason);
    if (info.size > limits->size_max)
        return refuse(ERR_MESSAGE_TOO_LARGE, "The batch is over max.message.bytes.", reason);
    if (!has_right_crc(bytes.data, &info))
        return refuse(ERR_CORRUPT_MESSAGE, "The checksum of the batch is wrong.", reason);

    enum err err = check_header(&info, limits, reason);
    if (err == ERR_NONE)
        err = records_check(bytes, &info, limits, reason);
    if (err == ERR_NONE)
        *out = info;
    return err;
}

void batch_patch(uint8_t *batch, log_offset base, log_epoch epoch)
{
    check(base >= 0);
    store_be64(batch + BATCH_BASE_AT, (uint64_t)base);
    store_be32(batch + BATCH_EPOCH_AT, (uint32_t)epoch);
}

void batch_stamp_append_time(uint8_t *batch, uint32_t size, wall_ms now)
{
    check(size >= BATCH_HEADER_SIZE);
    uint16_t attributes = load_be16(batch + BATCH_ATTRIBUTES_AT);
    store_be16(batch + BATCH_ATTRIBUTES_AT, attributes | BATCH_LOG_APPEND_TIME);
    store_be64(batch + BATCH_MAX_TIMESTAMP_AT, (uint64_t)now);
    store_be32(batch + BATCH_CRC_AT,
               crc32c(0, batch + BATCH_ATTRIBUTES_AT, size - BATCH_ATTRIBUTES_AT));
}
