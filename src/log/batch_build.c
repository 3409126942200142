/* batch_build.c -- builds the batches that a broker writes itself: metadata and control records. */
#include "batch.h"

#include "batch_layout.h"
#include "varint.h"

static uint32_t field_size(struct bytes field)
{
    return varlong_size(field.data == NULL ? -1 : (int64_t)field.size) + field.size;
}

/* Bytes of one record after its length; delta 0, no headers. */
static uint32_t record_size(const struct batch_record *record, uint32_t index)
{
    return 1 + varlong_size(0) + varlong_size(index) + field_size(record->key) +
           field_size(record->value) + varlong_size(0);
}

uint32_t batch_build_size(const struct batch_record *records, uint32_t count)
{
    uint32_t size = BATCH_HEADER_SIZE;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = record_size(&records[i], i);
        size += varlong_size(length) + length;
    }
    return size;
}

static uint8_t *write_field(uint8_t *at, struct bytes field)
{
    at += varlong_write(at, field.data == NULL ? -1 : (int64_t)field.size);
    if (field.size > 0)
        memcpy(at, field.data, field.size);
    return at + field.size;
}

static uint8_t *write_record(uint8_t *at, const struct batch_record *record, uint32_t index)
{
    at += varlong_write(at, record_size(record, index));
    *at++ = 0;
    at += varlong_write(at, 0);
    at += varlong_write(at, index);
    at = write_field(at, record->key);
    at = write_field(at, record->value);
    return at + varlong_write(at, 0);
}

static void write_header(uint8_t *at, const struct batch_spec *spec, uint32_t size, uint32_t count)
{
    batch_patch(at, spec->base, spec->epoch);
    store_be32(at + BATCH_LENGTH_AT, size - BATCH_PREFIX_SIZE);
    at[BATCH_MAGIC_AT] = BATCH_MAGIC;
    store_be16(at + BATCH_ATTRIBUTES_AT, (uint16_t)spec->attributes);
    store_be32(at + BATCH_LAST_DELTA_AT, count - 1);
    store_be64(at + BATCH_BASE_TIMESTAMP_AT, (uint64_t)spec->timestamp);
    store_be64(at + BATCH_MAX_TIMESTAMP_AT, (uint64_t)spec->timestamp);
    store_be64(at + BATCH_PRODUCER_ID_AT, (uint64_t)spec->producer_id);
    store_be16(at + BATCH_PRODUCER_EPOCH_AT, (uint16_t)spec->producer_epoch);
    store_be32(at + BATCH_SEQUENCE_AT, (uint32_t)spec->base_sequence);
    store_be32(at + BATCH_COUNT_AT, count);
}

struct buf *batch_build(const struct batch_spec *spec, const struct batch_record *records,
                        uint32_t count)
{
    check(count > 0);
    check((spec->attributes & BATCH_CODEC_MASK) == BATCH_NONE);

    uint32_t size = batch_build_size(records, count);
    struct buf *buf = buf_new(size);
    uint8_t *at = buf->data + BATCH_HEADER_SIZE;
    for (uint32_t i = 0; i < count; i++)
        at = write_record(at, &records[i], i);
    check(at == buf->data + size);
    buf->size = size;
    write_header(buf->data, spec, size, count);
    store_be32(buf->data + BATCH_CRC_AT,
               crc32c(0, buf->data + BATCH_ATTRIBUTES_AT, size - BATCH_ATTRIBUTES_AT));
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
