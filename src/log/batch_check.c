/* batch_check.c -- a client's batch: checked, and brought into the form of its topic.
 *
 * Invariants
 * - A batch that needs no change is stored byte for byte as it came; its records are decompressed
 *   once, piece by piece, to be looked at.
 * - Another codec costs one pass: what comes out of the old one goes into the new one as it is,
 *   since a record's bytes say nothing about the codec.
 * - The header's greatest timestamp is that of the records, because searches by time trust it.
 *
 * Source  KIP-98, KIP-110, KIP-467; Kafka's LogValidator for what is refused and how. */
#include "batch_layout.h"
#include "message_set.h"
#include "records.h"

static enum err refuse(enum err err, const char *why, struct batch_refusal *refusal)
{
    refusal->reason = why;
    return err;
}

/* What a client's header may say; its size and checksum are right already. */
static enum err check_header(const struct batch_info *info, const struct batch_limits *limits,
                             struct batch_refusal *refusal)
{
    int known = BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL;

    if (batch_is_control(info))
        return refuse(ERR_INVALID_RECORD, "Clients may not write control batches.", refusal);
    if ((info->attributes & ~known) != 0)
        return refuse(ERR_INVALID_RECORD, "The batch has unknown attributes.", refusal);
    if (batch_codec(info) > CODEC_ZSTD)
        return refuse(ERR_INVALID_RECORD, "The batch names an unknown codec.", refusal);
    if (batch_codec(info) == CODEC_ZSTD && !limits->zstd_allowed)
        return refuse(ERR_UNSUPPORTED_COMPRESSION_TYPE,
                      "This version of Produce does not carry zstd.", refusal);
    if (info->attributes & BATCH_LOG_APPEND_TIME)
        return refuse(ERR_INVALID_TIMESTAMP, "Clients may not set LogAppendTime.", refusal);
    if (info->record_count <= 0)
        return refuse(ERR_INVALID_RECORD, "The batch has no records.", refusal);
    if (info->last_offset_delta != info->record_count - 1)
        return refuse(ERR_INVALID_RECORD, "The record count does not match the last offset delta.",
                      refusal);
    if (info->producer_id >= 0 && (info->base_sequence < 0 || info->producer_epoch < 0))
        return refuse(ERR_INVALID_RECORD, "The batch has a producer id without a sequence.",
                      refusal);
    if (info->attributes & BATCH_TRANSACTIONAL) /* Requests with one are refused before. */
        return refuse(ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                      "The batch is transactional, the request names no transactional id.",
                      refusal);
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
           batch_has_right_crc(bytes.data, &sealed);
}

/* A header as a client sends it: its base offset means nothing, since the log gives its own. */
static enum err read_header(struct bytes bytes, struct batch_info *info)
{
    uint8_t header[BATCH_HEADER_SIZE];
    if (bytes.size < sizeof header)
        return ERR_AGAIN;
    memcpy(header, bytes.data, sizeof header);
    store_be64(header + BATCH_BASE_AT, 0);
    return batch_read((struct bytes){.data = header, .size = sizeof header}, info);
}

/* Everything but the records. */
static enum err check_frame(struct bytes bytes, const struct batch_limits *limits,
                            struct batch_info *info, struct batch_refusal *refusal)
{
    if (bytes.size == 0)
        return refuse(ERR_INVALID_RECORD, "There is no record batch.", refusal);
    if (bytes.size > BATCH_MAGIC_AT && bytes.data[BATCH_MAGIC_AT] != BATCH_MAGIC)
        return refuse(ERR_INVALID_RECORD, "The batch is not of format 2.", refusal);
    if (read_header(bytes, info) != ERR_NONE)
        return has_negative_counts(bytes)
                   ? refuse(ERR_INVALID_RECORD, "The batch has no records.", refusal)
                   : refuse(ERR_CORRUPT_MESSAGE, "The batch header is malformed.", refusal);
    if (info->size > bytes.size)
        return refuse(ERR_CORRUPT_MESSAGE, "The batch is cut off.", refusal);
    if (info->size < bytes.size)
        return refuse(ERR_INVALID_RECORD, "There is more than one record batch.", refusal);
    if (info->size > limits->size_max)
        return refuse(ERR_MESSAGE_TOO_LARGE, "The batch is over max.message.bytes.", refusal);
    if (!batch_has_right_crc(bytes.data, info))
        return refuse(ERR_CORRUPT_MESSAGE, "The checksum of the batch is wrong.", refusal);
    return check_header(info, limits, refusal);
}

uint64_t batch_content_max(const struct batch_limits *limits)
{
    uint64_t content_max = (uint64_t)BATCH_CONTENT_FACTOR * limits->size_max;
    return content_max > BATCH_CONTENT_MAX_LEAST ? content_max : BATCH_CONTENT_MAX_LEAST;
}

/* The records; what is decompressed goes to `copy` too, if there is one. */
static enum err check_content(struct bytes bytes, const struct batch_limits *limits,
                              struct codec_writer *copy, struct batch_info *info,
                              struct batch_refusal *refusal)
{
    struct window window = records_window(bytes, info, limits->reader, batch_content_max(limits));
    if (window.reader)
        window.copy = copy;
    else if (copy)
        codec_writer_add(copy, (struct bytes){.data = window.at, .size = window_left(&window)});
    wall_ms greatest;
    enum err err = records_check(&window, info, limits, &greatest, refusal);
    window_close(&window);
    if (err == ERR_NONE)
        info->max_timestamp = greatest;
    return err;
}

static void refusal_init(struct batch_refusal *refusal)
{
    refusal->reason = "";
    refusal->has_wrong_timestamp = false;
    refusal->fault_count = 0;
}

enum err batch_check(struct bytes bytes, const struct batch_limits *limits, struct batch_info *out,
                     struct batch_refusal *refusal)
{
    struct batch_info info;
    refusal_init(refusal);
    enum err err = check_frame(bytes, limits, &info, refusal);
    if (err == ERR_NONE)
        err = check_content(bytes, limits, NULL, &info, refusal);
    if (err == ERR_NONE)
        *out = info;
    return err;
}

/* ---- The topic's form. */

/* Check the records and compress them anew; *out is the batch with a header to be sealed. */
static enum err recompress(struct bytes bytes, const struct batch_limits *limits,
                           const struct batch_form *form, struct batch_info *info,
                           struct batch_refusal *refusal, struct buf **out)
{
    struct buf *buf = buf_new(bytes.size + CODEC_PIECE_SIZE);
    memcpy(buf->data, bytes.data, BATCH_HEADER_SIZE);
    buf->size = BATCH_HEADER_SIZE;
    codec_writer_start(form->writer, form->codec, form->levels[form->codec], &buf);
    enum err err = check_content(bytes, limits, form->writer, info, refusal);
    codec_writer_finish(form->writer);
    if (err == ERR_NONE && buf->size > limits->size_max)
        err = refuse(ERR_MESSAGE_TOO_LARGE, "The batch is over max.message.bytes, recompressed.",
                     refusal);
    if (err != ERR_NONE) {
        buf_unref(buf);
        return err;
    }
    info->size = buf->size;
    info->attributes = (int16_t)((info->attributes & ~BATCH_CODEC_MASK) | (int)form->codec);
    store_be32(buf->data + BATCH_LENGTH_AT, buf->size - BATCH_PREFIX_SIZE);
    store_be16(buf->data + BATCH_ATTRIBUTES_AT, (uint16_t)info->attributes);
    *out = buf;
    return ERR_NONE;
}

/* True: the header changed. */
static bool stamp_timestamp(uint8_t *batch, const struct batch_form *form, struct batch_info *info)
{
    if (form->append_time >= 0) {
        info->attributes |= BATCH_LOG_APPEND_TIME;
        info->max_timestamp = form->append_time;
        store_be16(batch + BATCH_ATTRIBUTES_AT, (uint16_t)info->attributes);
    } else if ((wall_ms)load_be64(batch + BATCH_MAX_TIMESTAMP_AT) == info->max_timestamp) {
        return false;
    }
    store_be64(batch + BATCH_MAX_TIMESTAMP_AT, (uint64_t)info->max_timestamp);
    return true;
}

static enum err admit_batch(struct slice *records, const struct batch_limits *limits,
                            const struct batch_form *form, struct batch_info *info,
                            struct batch_refusal *refusal)
{
    struct buf *renewed = NULL;
    enum err err = check_frame(records->bytes, limits, info, refusal);
    if (err != ERR_NONE)
        return err;
    if (form->keeps_codec || form->codec == batch_codec(info))
        err = check_content(records->bytes, limits, NULL, info, refusal);
    else
        err = recompress(records->bytes, limits, form, info, refusal, &renewed);
    if (err != ERR_NONE)
        return err;
    if (renewed) {
        buf_unref(records->buf);
        *records = (struct slice){.buf = renewed, .bytes = {renewed->data, renewed->size}};
    }
    uint8_t *batch = records->buf->data + (records->bytes.data - records->buf->data);
    if (stamp_timestamp(batch, form, info) || renewed) {
        batch_seal(batch, info->size);
        info->crc = load_be32(batch + BATCH_CRC_AT);
    }
    return ERR_NONE;
}

static bool is_old(struct bytes bytes)
{
    return bytes.size > BATCH_MAGIC_AT && bytes.data[BATCH_MAGIC_AT] < BATCH_MAGIC;
}

enum err batch_admit(struct slice *records, const struct batch_limits *limits,
                     const struct batch_form *form, struct batch_info *out,
                     struct batch_refusal *refusal)
{
    struct batch_info info;
    struct buf *converted;
    refusal_init(refusal);
    if (!form->is_old_allowed || !is_old(records->bytes)) {
        enum err err = admit_batch(records, limits, form, &info, refusal);
        if (err == ERR_NONE)
            *out = info;
        return err;
    }
    enum err err = message_set_convert(records->bytes, limits, form, &converted, refusal);
    if (err != ERR_NONE)
        return err;
    buf_unref(records->buf);
    *records = (struct slice){.buf = converted, .bytes = {converted->data, converted->size}};
    err = batch_read(records->bytes, out);
    check(err == ERR_NONE);
    return ERR_NONE;
}
