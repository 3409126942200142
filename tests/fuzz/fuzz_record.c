/* fuzz_record.c -- any bytes, as a run of metadata records.
 *
 * Each record is two bytes of size and its value. What reads must write and read again
 * as the same bytes, be describable, and fold into the image whatever it says. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void expect_fixed_point(const struct record *record, struct arena *arena)
{
    struct record again;
    struct bytes first = record_encode(record, arena);
    expect(record_decode(first, arena, &again) == ERR_NONE);
    expect(bytes_equal(record_encode(&again, arena), first));
}

static struct image *fold(struct image *image, const struct record *record,
                          struct image_delta *delta)
{
    char line[RECORD_DESCRIPTION_MAX];
    uint32_t used = record_describe(record, image, line, sizeof line);
    expect(used < sizeof line && strlen(line) == used);

    struct image *next = image_apply(image, record, image->offset + 1, delta);
    expect(next->partition_count == 0 || image_partition_after(next, NULL) != NULL);
    image_unref(image);
    return next;
}

/* Memory must stay in proportion to the bytes that justify it. */
static void expect_modest(const struct arena *arena, uint32_t value_size)
{
    expect(arena->total <= (size_t)256 * 1024 + (size_t)64 * value_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image *image = image_new();
    struct image_delta delta;
    image_delta_init(&delta);
    while (size >= 2) {
        uint32_t value_size = load_be16(data);
        data += 2;
        size -= 2;
        value_size = value_size < size ? value_size : (uint32_t)size;

        struct arena arena = {0};
        struct record record;
        struct bytes value = {.data = data, .size = value_size};
        bool is_record = record_decode(value, &arena, &record) == ERR_NONE;
        expect_modest(&arena, value_size);
        if (is_record) {
            expect_fixed_point(&record, &arena);
            image = fold(image, &record, &delta);
        }
        arena_free(&arena);
        data += value_size;
        size -= value_size;
    }
    image_hash(image);
    image_delta_free(&delta);
    image_unref(image);
    return 0;
}
