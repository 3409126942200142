/* fuzz_batch.c -- any bytes, as a client's batch, and as what a leader or a disk holds.
 *
 * A batch that passes the check walks to its end with as many records as it says; what
 * follows is found by the iterator, which always moves. */
#include <stdlib.h>

#include "batch.h"
#include "batch_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void walk(struct bytes bytes, bool is_checked)
{
    struct batch_walk walk;
    struct batch_record record;
    int32_t count = 0;
    enum err err;

    if (batch_walk_start(&walk, bytes) != ERR_NONE)
        return;
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE)
        count++;
    if (is_checked)
        expect(err == ERR_NOT_FOUND && count == walk.info.record_count);
}

/* The fuzzer cannot guess checksums: make the first batch's right. */
static void repair(uint8_t *copy, size_t size)
{
    if (size < BATCH_HEADER_SIZE)
        return;
    uint32_t whole = load_be32(copy + BATCH_LENGTH_AT) + BATCH_PREFIX_SIZE;
    if (whole < BATCH_HEADER_SIZE || whole > size)
        return;
    store_be32(copy + BATCH_CRC_AT,
               crc32c(0, copy + BATCH_ATTRIBUTES_AT, whole - BATCH_ATTRIBUTES_AT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch_limits limits = {.size_max = 1 << 20,
                                  .zstd_allowed = size % 2 == 0,
                                  .now = 1000000,
                                  .timestamp_before_max_ms = INT64_MAX,
                                  .timestamp_after_max_ms = 3600000};
    struct batch_info info;
    struct bytes batch;
    const char *reason;
    uint8_t *copy = malloc(size + 1);

    memcpy(copy, data, size);
    repair(copy, size);
    struct bytes rest = {.data = copy, .size = (uint32_t)size};
    if (batch_check(rest, &limits, &info, &reason) == ERR_NONE) {
        expect(info.size == size);
        walk(rest, true);
    }
    while (batch_next(&rest, &info, &batch) == ERR_NONE) {
        expect(batch.size >= BATCH_HEADER_SIZE);
        walk(batch, false);
    }
    free(copy);
    return 0;
}
