/* message_set_add.c -- what a consumer of formats 0 or 1 gets of a batch.
 *
 * Plain records become plain messages at their own offsets. A compressed batch becomes one
 * wrapper, compressed alike, that stands at the offset of its last message; inside, format 1
 * counts offsets from the first message, format 0 tells them whole (KIP-31). All records of a
 * wrapper are there, those below what was asked for too; consumers skip them. */
#include <zlib.h>

#include "message_layout.h"
#include "message_set.h"
#include "window.h"

enum { HEAD_SIZE_MAX = MESSAGE_TIMESTAMP_AT + MESSAGE_TIMESTAMP_SIZE + 4 };

struct head {
    log_offset offset;
    uint8_t magic;
    uint8_t attributes;
    wall_ms timestamp;
    struct bytes key;
};

static uint32_t put_length(uint8_t *at, struct bytes field)
{
    store_be32(at, field.data ? field.size : UINT32_MAX);
    return 4;
}

/* Bytes of a message, prefix included. */
static uint64_t message_size(uint8_t magic, const struct batch_record *record)
{
    return (uint64_t)message_head_size(magic) + 4 + record->key.size + 4 + record->value.size;
}

/* Everything before the key, its length included, without size and checksum. */
static uint32_t write_head(uint8_t *at, const struct head *head)
{
    store_be64(at + MESSAGE_OFFSET_AT, (uint64_t)head->offset);
    at[MESSAGE_MAGIC_AT] = head->magic;
    at[MESSAGE_ATTRIBUTES_AT] = head->attributes;
    if (head->magic > 0)
        store_be64(at + MESSAGE_TIMESTAMP_AT, (uint64_t)head->timestamp);
    uint32_t size = message_head_size(head->magic);
    return size + put_length(at + size, head->key);
}

/* One message through the writer. */
static void put_message(struct codec_writer *writer, const struct head *head, struct bytes value)
{
    uint8_t start[HEAD_SIZE_MAX], length[4];
    uint32_t size = write_head(start, head);
    put_length(length, value);
    uLong crc = crc32(0, start + MESSAGE_MAGIC_AT, size - MESSAGE_MAGIC_AT);
    if (head->key.size > 0)
        crc = crc32(crc, head->key.data, head->key.size);
    crc = crc32(crc, length, sizeof length);
    if (value.size > 0)
        crc = crc32(crc, value.data, value.size);
    store_be32(start + MESSAGE_CRC_AT, (uint32_t)crc);
    store_be32(start + MESSAGE_SIZE_AT,
               size - MESSAGE_PREFIX_SIZE + head->key.size + 4 + value.size);
    codec_writer_add(writer, (struct bytes){.data = start, .size = size});
    codec_writer_add(writer, head->key);
    codec_writer_add(writer, (struct bytes){.data = length, .size = sizeof length});
    codec_writer_add(writer, value);
}

static uint8_t attributes_of(const struct batch_info *info, uint8_t magic)
{
    return magic > 0 ? (uint8_t)(info->attributes & BATCH_LOG_APPEND_TIME) : 0;
}

static enum err add_plain(struct buf **out, struct batch_walk *walk,
                          const struct message_set_form *form, bool *is_full)
{
    struct batch_record record;
    enum err err;
    codec_writer_start(form->writer, CODEC_NONE, 0, out);
    while ((err = batch_walk_next(walk, &record)) == ERR_NONE) {
        if (record.offset < form->from)
            continue;
        uint64_t size = message_size(form->magic, &record);
        if ((*out)->size > 0 && (*out)->size + size > form->size_max) {
            *is_full = true;
            err = ERR_NOT_FOUND;
            break;
        }
        struct head head = {.offset = record.offset,
                            .magic = form->magic,
                            .attributes = attributes_of(&walk->info, form->magic),
                            .timestamp = record.timestamp,
                            .key = record.key};
        put_message(form->writer, &head, record.value);
    }
    codec_writer_finish(form->writer);
    return err == ERR_NOT_FOUND ? ERR_NONE : ERR_CORRUPT;
}

/* The wrapper's own fields, once its value lies at `start` + `head_size` in **out. */
static void seal_wrapper(uint8_t *wrapper, uint32_t size, const struct head *head)
{
    uint32_t head_size = write_head(wrapper, head) + 4;
    store_be32(wrapper + MESSAGE_SIZE_AT, size - MESSAGE_PREFIX_SIZE);
    store_be32(wrapper + head_size - 4, size - head_size);
    uLong crc = crc32(0, wrapper + MESSAGE_MAGIC_AT, size - MESSAGE_MAGIC_AT);
    store_be32(wrapper + MESSAGE_CRC_AT, (uint32_t)crc);
}

/* All records of a batch through the writer; *last: the last one's offset. */
static enum err put_all(struct batch_walk *walk, const struct message_set_form *form,
                        log_offset *last, wall_ms *max_timestamp)
{
    struct batch_record record;
    log_offset first = -1;
    enum err err;
    *max_timestamp = -1;
    while ((err = batch_walk_next(walk, &record)) == ERR_NONE) {
        if (first < 0)
            first = record.offset;
        *last = record.offset;
        if (record.timestamp > *max_timestamp)
            *max_timestamp = record.timestamp;
        struct head head = {.offset = form->magic > 0 ? record.offset - first : record.offset,
                            .magic = form->magic,
                            .attributes = attributes_of(&walk->info, form->magic),
                            .timestamp = record.timestamp,
                            .key = record.key};
        put_message(form->writer, &head, record.value);
    }
    return err == ERR_NOT_FOUND ? ERR_NONE : ERR_CORRUPT;
}

static enum err add_wrapper(struct buf **out, struct batch_walk *walk,
                            const struct message_set_form *form, bool *is_full)
{
    enum codec_type codec = batch_codec(&walk->info);
    uint32_t start = (*out)->size, head_size = message_head_size(form->magic) + 4 + 4;
    struct head head = {.magic = form->magic};
    if (codec == CODEC_LZ4 && form->magic == 0)
        codec = CODEC_LZ4_FORMAT_0;
    buf_make_room(out, head_size);
    (*out)->size += head_size;
    codec_writer_start(form->writer, codec, codec_level_default(codec), out);
    enum err err = put_all(walk, form, &head.offset, &head.timestamp);
    codec_writer_finish(form->writer);
    if (err == ERR_NONE && (start == 0 || (*out)->size <= form->size_max)) {
        uint8_t own = (uint8_t)batch_codec(&walk->info);
        head.attributes = own | attributes_of(&walk->info, form->magic);
        seal_wrapper((*out)->data + start, (*out)->size - start, &head);
        return ERR_NONE;
    }
    (*out)->size = start;
    *is_full = err == ERR_NONE;
    return err;
}

enum err message_set_add(struct buf **out, struct bytes batch, const struct message_set_form *form,
                         bool *is_full)
{
    struct batch_walk walk;
    struct batch_info info;
    enum err err = batch_read(batch, &info);
    check(form->magic <= 1);
    *is_full = false;
    if (err != ERR_NONE || info.size > batch.size)
        return ERR_CORRUPT;
    if (batch_is_control(&info) || info.record_count == 0)
        return ERR_NONE;
    if (batch_codec(&info) == CODEC_ZSTD)
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (batch_codec(&info) > CODEC_ZSTD)
        return ERR_CORRUPT;
    batch_walk_open(&walk, batch, form->reader);
    err = batch_codec(&info) == CODEC_NONE ? add_plain(out, &walk, form, is_full)
                                           : add_wrapper(out, &walk, form, is_full);
    batch_walk_close(&walk);
    return err;
}
