/* message_set_convert.c -- a producer's messages of formats 0 and 1 become one batch.
 *
 * A message: offset i64 @0, size i32 @8, CRC-32 u32 @12 over all from @16, magic i8 @16, attributes
 * i8 @17 (bits 0 to 2 the codec, 3 LogAppendTime), in format 1 a timestamp i64, then key and
 * value, each behind its length i32, -1 for null. A wrapper's value holds messages, compressed;
 * the offsets that producers put into either mean nothing to a broker. */
#include <zlib.h>

#include "batch_layout.h"
#include "message_layout.h"
#include "message_set.h"
#include "records.h"

struct message {
    uint8_t magic;
    uint8_t attributes;
    wall_ms timestamp; /* -1: format 0. */
    struct bytes key;
    struct bytes value;
};

struct conversion {
    const struct batch_limits *limits;
    const struct batch_form *form;
    struct batch_refusal *refusal;
    struct buf *out;
    int32_t count;
    wall_ms base_timestamp;
    wall_ms max_timestamp;
};

static enum err refuse(struct conversion *conversion, enum err err, const char *reason)
{
    conversion->refusal->reason = reason;
    return err;
}

/* ---- Reading messages. */

static enum err refuse_window(struct conversion *conversion, enum err err)
{
    if (err == ERR_TOO_LARGE)
        return refuse(conversion, ERR_MESSAGE_TOO_LARGE,
                      "The messages are too large when decompressed.");
    return refuse(conversion, ERR_INVALID_RECORD, "The messages do not decompress.");
}

/* Errors  ERR_NOT_FOUND: there is not as much; nothing is refused for it. */
static enum err need(struct conversion *conversion, struct window *window, uint64_t size)
{
    while (window_left(window) < size) {
        enum err err = window_more(window);
        if (err != ERR_NONE)
            return err == ERR_NOT_FOUND ? err : refuse_window(conversion, err);
    }
    return ERR_NONE;
}

/* A length i32 and as many bytes; -1 is null. */
static bool read_field(struct bytes *rest, struct bytes *out)
{
    if (rest->size < 4)
        return false;
    int32_t size = (int32_t)load_be32(rest->data);
    rest->data += 4;
    rest->size -= 4;
    *out = (struct bytes){0};
    if (size < 0)
        return size == -1;
    if ((uint32_t)size > rest->size)
        return false;
    *out = (struct bytes){.data = rest->data, .size = (uint32_t)size};
    rest->data += size;
    rest->size -= (uint32_t)size;
    return true;
}

static bool has_right_crc(const uint8_t *at, uint32_t size)
{
    uLong crc = crc32(0, at + MESSAGE_MAGIC_AT, size - (MESSAGE_MAGIC_AT - MESSAGE_PREFIX_SIZE));
    return crc == load_be32(at + MESSAGE_CRC_AT);
}

/* A message of `size` bytes behind its prefix at `at`. */
static enum err read_message(struct conversion *conversion, const uint8_t *at, uint32_t size,
                             struct message *out)
{
    if (!has_right_crc(at, size))
        return refuse(conversion, ERR_CORRUPT_MESSAGE, "The checksum of a message is wrong.");
    uint8_t magic = at[MESSAGE_MAGIC_AT];
    uint32_t head = message_head_size(magic) - MESSAGE_PREFIX_SIZE;
    *out =
        (struct message){.magic = magic, .attributes = at[MESSAGE_ATTRIBUTES_AT], .timestamp = -1};
    if (magic > 1)
        return refuse(conversion, ERR_INVALID_RECORD, "A message is not of format 0 or 1.");
    if (head > size)
        return refuse(conversion, ERR_CORRUPT_MESSAGE, "A message is too short.");
    if (magic == 1)
        out->timestamp = (wall_ms)load_be64(at + MESSAGE_TIMESTAMP_AT);
    struct bytes rest = {.data = at + MESSAGE_PREFIX_SIZE + head, .size = size - head};
    if (!read_field(&rest, &out->key) || !read_field(&rest, &out->value) || rest.size > 0)
        return refuse(conversion, ERR_CORRUPT_MESSAGE, "A message is malformed.");
    return ERR_NONE;
}

/* The next message, good until the one after it. Errors  ERR_NOT_FOUND: there is no other whole
 * one; as for Kafka, one that is cut off at the end was never sent. */
static enum err next_message(struct conversion *conversion, struct window *window,
                             struct message *out)
{
    enum err err = need(conversion, window, MESSAGE_PREFIX_SIZE);
    if (err != ERR_NONE)
        return err;
    uint32_t size = load_be32(window->at + MESSAGE_SIZE_AT);
    if (size < MESSAGE_SIZE_MIN || size > INT32_MAX)
        return refuse(conversion, ERR_CORRUPT_MESSAGE, "A message has a wrong size.");
    err = need(conversion, window, (uint64_t)MESSAGE_PREFIX_SIZE + size);
    if (err != ERR_NONE)
        return err;
    const uint8_t *at = window->at;
    window->at += MESSAGE_PREFIX_SIZE + size;
    if (!window->reader && MESSAGE_PREFIX_SIZE + size > conversion->limits->size_max)
        return refuse(conversion, ERR_MESSAGE_TOO_LARGE, "A message is over max.message.bytes.");
    return read_message(conversion, at, size, out);
}

/* ---- Writing the batch. */

static void put_record(struct conversion *conversion, const struct message *message)
{
    struct codec_writer *writer = conversion->form->writer;
    struct batch_record record = {.key = message->key, .value = message->value};
    uint8_t head[RECORD_HEAD_SIZE_MAX], length[VARINT_SIZE_MAX];
    wall_ms timestamp = message->timestamp;

    record_judge(conversion->limits, conversion->count, message->key, timestamp,
                 conversion->refusal);
    if (conversion->form->append_time >= 0)
        timestamp = conversion->form->append_time;
    if (conversion->count == 0)
        conversion->base_timestamp = timestamp;
    if (timestamp > conversion->max_timestamp)
        conversion->max_timestamp = timestamp;
    int64_t delta = (int64_t)((uint64_t)timestamp - (uint64_t)conversion->base_timestamp);
    uint32_t size = record_write_head(head, &record, delta, (uint32_t)conversion->count++);
    codec_writer_add(writer, (struct bytes){.data = head, .size = size});
    codec_writer_add(writer, record.key);
    size = varlong_write(length, field_length(record.value));
    codec_writer_add(writer, (struct bytes){.data = length, .size = size});
    codec_writer_add(writer, record.value);
    size = varlong_write(length, 0);
    codec_writer_add(writer, (struct bytes){.data = length, .size = size});
}

static enum codec_type codec_of(const struct message *message)
{
    return (enum codec_type)(message->attributes & BATCH_CODEC_MASK);
}

static enum err check_attributes(struct conversion *conversion, const struct message *message)
{
    if (message->magic > 0 && (message->attributes & BATCH_LOG_APPEND_TIME))
        return refuse(conversion, ERR_INVALID_TIMESTAMP, "Clients may not set LogAppendTime.");
    if (codec_of(message) == CODEC_ZSTD)
        return refuse(conversion, ERR_UNSUPPORTED_COMPRESSION_TYPE,
                      "Messages of formats 0 and 1 do not carry zstd.");
    if (codec_of(message) > CODEC_ZSTD)
        return refuse(conversion, ERR_INVALID_RECORD, "A message names an unknown codec.");
    return ERR_NONE;
}

static enum err put_wrapped(struct conversion *conversion, const struct message *wrapper)
{
    enum codec_type codec = codec_of(wrapper);
    struct message message;
    enum err err;

    if (!wrapper->value.data)
        return refuse(conversion, ERR_INVALID_RECORD, "A wrapper holds nothing.");
    if (codec == CODEC_LZ4 && wrapper->magic == 0)
        codec = CODEC_LZ4_FORMAT_0;
    struct window window = window_open(conversion->limits->reader, codec, wrapper->value,
                                       batch_content_max(conversion->limits));
    while ((err = next_message(conversion, &window, &message)) == ERR_NONE) {
        if (message.magic != wrapper->magic || codec_of(&message) != CODEC_NONE)
            err = refuse(conversion, ERR_INVALID_RECORD,
                         "A wrapped message is compressed, or of another format.");
        if (err != ERR_NONE || conversion->refusal->fault_count == BATCH_FAULTS_MAX)
            break;
        put_record(conversion, &message);
    }
    window_close(&window);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err put_all(struct conversion *conversion, struct bytes set)
{
    struct window window = window_of(set);
    struct message message;
    bool is_wrapped = false;
    enum err err;

    while ((err = next_message(conversion, &window, &message)) == ERR_NONE) {
        if ((err = check_attributes(conversion, &message)) != ERR_NONE)
            return err;
        bool is_wrapper = codec_of(&message) != CODEC_NONE;
        if (is_wrapped || (is_wrapper && conversion->count > 0))
            return refuse(conversion, ERR_INVALID_RECORD, "A wrapper does not stand alone.");
        is_wrapped = is_wrapper;
        if (is_wrapper)
            err = put_wrapped(conversion, &message);
        else
            put_record(conversion, &message);
        if (err != ERR_NONE)
            return err;
        if (conversion->refusal->fault_count == BATCH_FAULTS_MAX)
            return ERR_NONE; /* The verdict follows. */
    }
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* The codec of the first message, and so of the set. */
static enum codec_type first_codec(struct bytes set)
{
    int codec = set.size > MESSAGE_ATTRIBUTES_AT ? set.data[MESSAGE_ATTRIBUTES_AT] : 0;
    return (enum codec_type)(codec & BATCH_CODEC_MASK);
}

static enum err finish(struct conversion *conversion, enum codec_type codec)
{
    struct buf *out = conversion->out;
    int attributes = (int)codec;
    if (conversion->count == 0)
        return refuse(conversion, ERR_INVALID_RECORD, "There is no message.");
    enum err err = records_verdict(conversion->refusal);
    if (err != ERR_NONE)
        return err;
    if (out->size > conversion->limits->size_max)
        return refuse(conversion, ERR_MESSAGE_TOO_LARGE,
                      "The messages are over max.message.bytes, as one batch.");
    if (conversion->form->append_time >= 0)
        attributes |= BATCH_LOG_APPEND_TIME;
    batch_write_header(out->data, &(struct batch_info){.size = out->size,
                                                       .epoch = -1,
                                                       .attributes = (int16_t)attributes,
                                                       .last_offset_delta = conversion->count - 1,
                                                       .base_timestamp = conversion->base_timestamp,
                                                       .max_timestamp = conversion->max_timestamp,
                                                       .producer_id = -1,
                                                       .producer_epoch = -1,
                                                       .base_sequence = -1,
                                                       .record_count = conversion->count});
    batch_seal(out->data, out->size);
    return ERR_NONE;
}

enum err message_set_convert(struct bytes set, const struct batch_limits *limits,
                             const struct batch_form *form, struct buf **out,
                             struct batch_refusal *refusal)
{
    struct conversion conversion = {.limits = limits,
                                    .form = form,
                                    .refusal = refusal,
                                    .out = buf_new(BATCH_HEADER_SIZE + set.size),
                                    .max_timestamp = -1};
    enum codec_type codec = form->keeps_codec ? first_codec(set) : form->codec;
    if (codec >= CODEC_ZSTD && form->keeps_codec)
        codec = CODEC_NONE; /* It will be refused. */
    conversion.out->size = BATCH_HEADER_SIZE;
    codec_writer_start(form->writer, codec, form->levels[codec], &conversion.out);
    enum err err = put_all(&conversion, set);
    codec_writer_finish(form->writer);
    if (err == ERR_NONE)
        err = finish(&conversion, codec);
    if (err == ERR_NONE)
        *out = conversion.out;
    else
        buf_unref(conversion.out);
    return err;
}
