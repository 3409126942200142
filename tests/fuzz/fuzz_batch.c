/* fuzz_batch.c -- any bytes, as a client's batch, and as what a leader or a disk holds.
 *
 * A batch that passes the check has as many records as it says, at offsets without a gap, all
 * of them inside it; a leader may stamp it, and whoever reads it then takes it; and it does not
 * pass with one bit of what its checksum covers changed. What is refused is refused with a
 * code that Produce may answer, and a sentence. What follows a batch is found by the
 * iterator, which always moves. */
#include "batch.h"
#include "batch_layout.h"

enum { STAMP_BASE = 7000, STAMP_EPOCH = 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct bytes part, struct bytes whole)
{
    return !part.data ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static void walk(struct bytes bytes, struct codec_reader *reader, bool is_checked)
{
    struct batch_walk walk;
    struct batch_record record;
    int32_t count = 0;
    enum err err;

    batch_walk_open(&walk, bytes, reader);
    for (; (err = batch_walk_next(&walk, &record)) == ERR_NONE; count++) {
        check(batch_codec(&walk.info) != CODEC_NONE || is_inside(record.key, bytes));
        check(batch_codec(&walk.info) != CODEC_NONE || is_inside(record.value, bytes));
        check(batch_codec(&walk.info) != CODEC_NONE || is_inside(record.headers, bytes));
        if (is_checked)
            check(record.offset == walk.info.base + count);
    }
    batch_walk_close(&walk);
    if (!is_checked)
        return;
    check(err == ERR_NOT_FOUND);
    check(count == walk.info.record_count);
}

/* As its leader sends it on. */
static void check_stamped(struct bytes batch, struct codec_reader *reader)
{
    struct batch_info info;
    struct bytes rest = batch, taken;
    batch_patch((uint8_t *)(uintptr_t)batch.data, STAMP_BASE, STAMP_EPOCH);
    check(batch_next(&rest, &info, &taken) == ERR_NONE);
    check(rest.size == 0);
    check(taken.size == batch.size);
    check(info.base == STAMP_BASE);
    check(info.epoch == STAMP_EPOCH);
    walk(taken, reader, true);
}

static void check_refusal(enum err err, const char *reason)
{
    check(reason[0] != '\0');
    check(err == ERR_CORRUPT_MESSAGE || err == ERR_INVALID_RECORD || err == ERR_MESSAGE_TOO_LARGE ||
          err == ERR_INVALID_TIMESTAMP || err == ERR_UNSUPPORTED_COMPRESSION_TYPE ||
          err == ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
}

/* Any bit behind the checksum, chosen by the bytes themselves. */
static void check_flipped(struct bytes batch, const struct batch_limits *limits)
{
    struct batch_info info;
    struct batch_refusal refusal;
    uint8_t *bytes = (uint8_t *)(uintptr_t)batch.data;
    uint32_t chance = crc32c(1, bytes, batch.size);
    uint32_t at = BATCH_ATTRIBUTES_AT + chance % (batch.size - BATCH_ATTRIBUTES_AT);
    uint8_t bit = (uint8_t)(1U << (chance >> 24) % 8);

    bytes[at] ^= bit;
    check(batch_check(batch, limits, &info, &refusal) == ERR_CORRUPT_MESSAGE);
    bytes[at] ^= bit;
}

/* The fuzzer cannot guess checksums: make the first batch's right. */
static void repair(uint8_t *copy, size_t size)
{
    if (size < BATCH_HEADER_SIZE)
        return;
    uint64_t whole = (uint64_t)load_be32(copy + BATCH_LENGTH_AT) + BATCH_PREFIX_SIZE;
    if (whole < BATCH_HEADER_SIZE || whole > size)
        return;
    store_be32(copy + BATCH_CRC_AT,
               crc32c(0, copy + BATCH_ATTRIBUTES_AT, whole - BATCH_ATTRIBUTES_AT));
}

static void check_as_clients(struct bytes bytes, const struct batch_limits *limits)
{
    struct batch_info info;
    struct batch_refusal refusal;
    enum err err = batch_check(bytes, limits, &info, &refusal);
    if (err != ERR_NONE) {
        check_refusal(err, refusal.reason);
        return;
    }
    check(info.size == bytes.size);
    check(info.size <= limits->size_max);
    check(info.record_count == info.last_offset_delta + 1);
    check_flipped(bytes, limits);
    check_stamped(bytes, limits->reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch_limits limits = {.size_max = 1 << 20,
                                  .zstd_allowed = size % 2 == 0,
                                  .now = 1000000,
                                  .timestamp_before_max_ms = INT64_MAX,
                                  .timestamp_after_max_ms = 3600000,
                                  .reader = codec_reader_open()};
    struct batch_info info;
    struct bytes batch;
    uint8_t *copy = mem_alloc(size + 1);

    memcpy(copy, data, size);
    repair(copy, size);
    struct bytes rest = {.data = copy, .size = (uint32_t)size};
    check_as_clients(rest, &limits);
    for (uint32_t before = rest.size; batch_next(&rest, &info, &batch) == ERR_NONE;
         before = rest.size) {
        check(batch.size >= BATCH_HEADER_SIZE);
        check(rest.size + batch.size == before);
        walk(batch, limits.reader, false);
    }
    mem_free(copy);
    codec_reader_close(limits.reader);
    return 0;
}
