/* fuzz_message_set.c -- any bytes, as what an old producer sends.
 *
 * The first byte chooses the topic's codec and timestamps. What is admitted is one sound batch
 * within the limits; what a consumer of the format that it came in gets of it is admitted again,
 * with as many records; what is refused is refused with a code that Produce may answer. */
#include <zlib.h>

#include "batch.h"
#include "message_set.h"

enum { SET_SIZE_MAX = 1 << 20, AT_SIZE = 8, AT_CRC = 12, AT_MAGIC = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fuzzer cannot guess checksums: make those of the messages right. */
static void repair(uint8_t *at, size_t size)
{
    while (size > AT_MAGIC) {
        uint64_t whole = (uint64_t)load_be32(at + AT_SIZE) + AT_CRC;
        if (whole <= AT_MAGIC || whole > size)
            return;
        if (at[AT_MAGIC] < 2)
            store_be32(at + AT_CRC, (uint32_t)crc32(0, at + AT_MAGIC, (uInt)whole - AT_MAGIC));
        at += whole;
        size -= whole;
    }
}

static enum err admit(struct slice *slice, const struct batch_limits *limits,
                      const struct batch_form *form, struct batch_info *info)
{
    struct batch_refusal refusal;
    enum err err = batch_admit(slice, limits, form, info, &refusal);
    if (err == ERR_NONE)
        return err;
    check(refusal.reason[0] != '\0');
    check(refusal.fault_count <= BATCH_FAULTS_MAX);
    check(err == ERR_CORRUPT_MESSAGE || err == ERR_INVALID_RECORD || err == ERR_MESSAGE_TOO_LARGE ||
          err == ERR_INVALID_TIMESTAMP || err == ERR_UNSUPPORTED_COMPRESSION_TYPE ||
          err == ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    return err;
}

/* A client's base offset means nothing: the log stamps its own before anybody reads the batch. */
static void check_admitted(struct slice slice, const struct batch_limits *limits)
{
    struct bytes bytes = slice.bytes;
    struct batch_info info;
    struct bytes rest = bytes, batch;
    batch_patch(slice.buf->data + (bytes.data - slice.buf->data), 0, 0);
    check(bytes.size <= limits->size_max);
    check(batch_next(&rest, &info, &batch) == ERR_NONE);
    check(rest.size == 0);
    check(info.record_count == info.last_offset_delta + 1);
}

static void check_fetched(struct bytes batch, uint8_t magic, const struct batch_limits *limits,
                          const struct batch_form *form, int32_t count)
{
    struct message_set_form old = {
        .magic = magic, .size_max = UINT32_MAX, .reader = limits->reader, .writer = form->writer};
    struct batch_limits any = *limits;
    struct batch_form plain = *form;
    struct slice set = {.buf = buf_new(64)};
    struct batch_info info;
    bool is_full;
    enum err err = message_set_add(&set.buf, batch, &old, &is_full);
    if (err == ERR_UNSUPPORTED_COMPRESSION_TYPE) {
        buf_unref(set.buf);
        return;
    }
    check(err == ERR_NONE);
    check(!is_full);
    set.bytes = (struct bytes){.data = set.buf->data, .size = set.buf->size};
    any.size_max = UINT32_MAX / 64;
    any.now = -1;
    plain.keeps_codec = true;
    if (form->append_time < 0) { /* Else the messages say LogAppendTime, as no client may. */
        check(admit(&set, &any, &plain, &info) == ERR_NONE);
        check(info.record_count == count);
    }
    buf_unref(set.buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct batch_limits limits = {.size_max = SET_SIZE_MAX,
                                  .zstd_allowed = true,
                                  .now = data[0] & 32 ? 1000000 : -1,
                                  .timestamp_before_max_ms = INT64_MAX,
                                  .timestamp_after_max_ms = 3600000,
                                  .keys_required = (data[0] & 64) != 0,
                                  .reader = codec_reader_open()};
    struct batch_form form = {.append_time = data[0] & 16 ? 777 : -1,
                              .is_old_allowed = true,
                              .keeps_codec = data[0] % 8 > CODEC_ZSTD,
                              .codec = (enum codec_type)(data[0] % 8),
                              .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
                              .writer = codec_writer_open()};
    struct slice slice = {.buf = buf_copy(data + 1, (uint32_t)size - 1)};
    struct batch_info info;
    if (form.keeps_codec)
        form.codec = CODEC_NONE;
    repair(slice.buf->data, slice.buf->size);
    slice.bytes = (struct bytes){.data = slice.buf->data, .size = slice.buf->size};
    if (admit(&slice, &limits, &form, &info) == ERR_NONE) {
        check_admitted(slice, &limits);
        check_fetched(slice.bytes, 0, &limits, &form, info.record_count);
        check_fetched(slice.bytes, 1, &limits, &form, info.record_count);
    }
    buf_unref(slice.buf);
    codec_reader_close(limits.reader);
    codec_writer_close(form.writer);
    return 0;
}
