/* fuzz_record.c -- any bytes, as a run of metadata records.
 *
 * Each record is two bytes of size and its value. What reads must write and read again
 * as the same bytes, be describable, and fold into the image whatever it says, without a
 * change to the image before it. The image must then agree with itself, and the records
 * as they were written out must fold into the same one. */
#include <string.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The record as bytes, which read as the same again. */
static void write_again(const struct record *record, struct arena *arena, struct record *again)
{
    struct bytes first = record_encode(record, arena);
    check(record_decode(first, arena, again) == ERR_NONE);
    check(again->type == record->type);
    check(str_equal(again->cause, record->cause));
    check(bytes_equal(record_encode(again, arena), first));
}

static void check_description(const struct record *record, const struct image *image)
{
    char line[RECORD_DESCRIPTION_MAX], narrow[16];
    uint32_t used = record_describe(record, image, line, sizeof line);
    check(used < sizeof line);
    check(strlen(line) == used);
    check(record_describe(record, image, narrow, sizeof narrow) < sizeof narrow);
}

/* Takes the reference to `image`, gives one to the next. */
static struct image *fold(struct image *image, const struct record *record,
                          struct image_delta *delta)
{
    uint64_t before = image_hash(image);
    struct image *next = image_apply(image, record, image->offset + 1, delta);
    check(image_hash(image) == before);
    check(next->offset == image->offset + 1);
    image_unref(image);
    return next;
}

static void check_topics(const struct image *image)
{
    const struct image_topic *topic = NULL;
    uint32_t count = 0;
    for (; (topic = image_topic_after(image, topic)); count++) {
        check(image_topic_by_id(image, topic->id) == topic);
        check(image_topic_by_name(image, topic->name) == topic);
    }
    check(count == image->topic_count);
}

static void check_partitions(const struct image *image)
{
    const struct image_partition *partition = NULL;
    uint32_t count = 0;
    for (; (partition = image_partition_after(image, partition)); count++) {
        const struct partition_key *key = &partition->key;
        const struct image_topic *topic = image_topic_by_id(image, key->topic_id);
        check(topic != NULL);
        check(key->index >= 0);
        check(key->index < topic->partition_count);
        check(image_partition(image, key->topic_id, key->index) == partition);
    }
    check(count == image->partition_count);
}

static void check_brokers(const struct image *image)
{
    const struct image_broker *broker = NULL;
    uint32_t count = 0;
    for (node_id id = -1; (broker = image_broker_after(image, id)); count++) {
        check(broker->id > id);
        check(image_broker(image, broker->id) == broker);
        check(broker->epoch <= broker->changed);
        check(broker->changed <= image->offset);
        id = broker->id;
    }
    check(count == image->broker_count);
}

/* What changed is there, or is gone. */
static void check_delta(const struct image *image, const struct image_delta *delta)
{
    check(delta->broker_count <= image->broker_count);
    for (uint32_t i = 0; i < delta->broker_count; i++)
        check(image_broker(image, delta->brokers[i]) != NULL);
    check(image->partition_count <= delta->partition_count);
}

/* Memory must stay in proportion to the bytes that justify it. */
static void check_memory(const struct arena *arena, uint32_t value_size)
{
    check(arena->total <= (size_t)256 * 1024 + (size_t)64 * value_size);
}

/* The next record's value; false: the input has ended. */
static bool next_value(const uint8_t **data, size_t *size, struct bytes *value)
{
    if (*size < 2)
        return false;
    uint32_t claimed = load_be16(*data);
    *data += 2;
    *size -= 2;
    *value = (struct bytes){.data = *data, .size = claimed < *size ? claimed : (uint32_t)*size};
    *data += value->size;
    *size -= value->size;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image *image = image_new();
    struct image *twin = image_new();
    struct image_delta delta;
    struct bytes value;

    image_delta_init(&delta);
    while (next_value(&data, &size, &value)) {
        struct arena arena = {0};
        struct record record, again;
        bool is_record = record_decode(value, &arena, &record) == ERR_NONE;
        check_memory(&arena, value.size);
        if (is_record) {
            write_again(&record, &arena, &again);
            check_description(&record, image);
            image = fold(image, &record, &delta);
            twin = fold(twin, &again, NULL);
        }
        arena_free(&arena);
    }
    check(image_hash(image) == image_hash(twin));
    check_topics(image);
    check_partitions(image);
    check_brokers(image);
    check_delta(image, &delta);
    image_delta_free(&delta);
    image_unref(image);
    image_unref(twin);
    return 0;
}
