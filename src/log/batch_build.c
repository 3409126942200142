/* batch_build.c -- builds the batches that a broker writes itself: metadata and control records. */
#include "batch.h"

#include "batch_layout.h"
#include "records.h"

static uint8_t *write_bytes(uint8_t *at, struct bytes bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

/* Bytes of one record: delta 0, no headers. */
static uint32_t record_size(const struct batch_record *record, uint32_t index)
{
    uint8_t head[RECORD_HEAD_SIZE_MAX];
    return record_write_head(head, record, 0, index) + record->key.size +
           varlong_size(field_length(record->value)) + record->value.size + varlong_size(0);
}

uint32_t batch_build_size(const struct batch_record *records, uint32_t count)
{
    uint32_t size = BATCH_HEADER_SIZE;

    for (uint32_t i = 0; i < count; i++)
        size += record_size(&records[i], i);
    return size;
}

static uint8_t *write_record(uint8_t *at, const struct batch_record *record, uint32_t index)
{
    at += record_write_head(at, record, 0, index);
    at = write_bytes(at, record->key);
    at += varlong_write(at, field_length(record->value));
    at = write_bytes(at, record->value);
    return at + varlong_write(at, 0);
}

struct buf *batch_build(const struct batch_spec *spec, const struct batch_record *records,
                        uint32_t count)
{
    check(count > 0);
    check((spec->attributes & BATCH_CODEC_MASK) == CODEC_NONE);

    uint32_t size = batch_build_size(records, count);
    struct buf *buf = buf_new(size);
    uint8_t *at = buf->data + BATCH_HEADER_SIZE;
    for (uint32_t i = 0; i < count; i++)
        at = write_record(at, &records[i], i);
    check(at == buf->data + size);
    buf->size = size;
    batch_write_header(buf->data, &(struct batch_info){.base = spec->base,
                                                       .size = size,
                                                       .epoch = spec->epoch,
                                                       .attributes = spec->attributes,
                                                       .last_offset_delta = (int32_t)count - 1,
                                                       .base_timestamp = spec->timestamp,
                                                       .max_timestamp = spec->timestamp,
                                                       .producer_id = spec->producer_id,
                                                       .producer_epoch = spec->producer_epoch,
                                                       .base_sequence = spec->base_sequence,
                                                       .record_count = (int32_t)count});
    batch_seal(buf->data, size);
    return buf;
}

struct buf *batch_build_control(const struct batch_spec *spec, enum batch_control type,
                                struct bytes value)
{
    uint8_t key[4];
    struct batch_spec control = *spec;

    store_be16(key, 0);
    store_be16(key + 2, (uint16_t)type);
    control.attributes |= BATCH_CONTROL;
    return batch_build(
        &control, &(struct batch_record){.key = {.data = key, .size = sizeof key}, .value = value},
        1);
}
