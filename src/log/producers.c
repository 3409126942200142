/* producers.c -- sequence state of the producers of one log.
 *
 * The last five batches of each are kept, so that a retry of any batch in flight is
 * answered with its first offset. Producers stand in the order of their last batch; when
 * there are too many, the one that has been silent longest is forgotten, on every replica the same.
 *
 * Snapshot: version i16 = 1, CRC-32C u32 over all that follows, count i32; a producer's entry
 * of 46 bytes: id i64, epoch i16, last sequence i32, last offset i64, offset delta i32,
 * timestamp i64, coordinator epoch i32, first offset of its open transaction i64. Our tail:
 * count of older batches u32, each 40 bytes: id i64, first and last sequence i32, base and
 * last offset i64, timestamp i64; oldest first. */
#include "producers.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_HEADER_SIZE = 10,
    SNAPSHOT_CRC_FROM = 6,
    SNAPSHOT_ENTRY_SIZE = 46,
    SNAPSHOT_OLDER_SIZE = 40,
};

struct producer {
    struct list link; /* Longest silent first. */
    int64_t id;
    int16_t epoch;
    uint32_t count; /* Of batches; 0 when its epoch is all that is known. */
    struct producer_batch batches[PRODUCER_BATCHES_MAX]; /* Oldest first. */
};

struct producers {
    struct map by_id;
    struct list order;
    uint32_t count_max;
};

struct producers *producers_open(uint32_t count_max)
{
    struct producers *producers = mem_zalloc(sizeof *producers);

    map_init(&producers->by_id, sizeof(int64_t));
    list_init(&producers->order);
    producers->count_max = count_max ? count_max : PRODUCERS_MAX_DEFAULT;
    return producers;
}

static void forget(struct producers *producers, struct producer *producer)
{
    map_remove(&producers->by_id, &producer->id);
    list_remove(&producer->link);
    mem_free(producer);
}

void producers_clear(struct producers *producers)
{
    while (!list_is_empty(&producers->order))
        forget(producers, list_entry(producers->order.next, struct producer, link));
}

void producers_close(struct producers *producers)
{
    producers_clear(producers);
    map_free(&producers->by_id);
    mem_free(producers);
}

uint32_t producers_count(const struct producers *producers)
{
    return producers->by_id.count;
}

uint32_t producers_list(const struct producers *producers, struct log_producer **out)
{
    uint32_t count = 0;
    *out = mem_zalloc((producers->by_id.count + 1) * sizeof **out);
    for (struct list *node = producers->order.next; node != &producers->order; node = node->next) {
        const struct producer *producer = list_entry(node, struct producer, link);
        const struct producer_batch *last =
            producer->count > 0 ? &producer->batches[producer->count - 1] : NULL;
        (*out)[count++] = (struct log_producer){.id = producer->id,
                                                .epoch = producer->epoch,
                                                .last_sequence = last ? last->last_sequence : -1,
                                                .last_timestamp = last ? last->timestamp : -1};
    }
    return count;
}

static int32_t next_sequence(int32_t sequence)
{
    return sequence == INT32_MAX ? 0 : sequence + 1;
}

enum err producers_check(const struct producers *producers, const struct batch_info *batch,
                         struct producer_batch *original)
{
    if (batch->producer_id < 0 || batch_is_control(batch))
        return ERR_NONE;
    const struct producer *producer = map_get(&producers->by_id, &batch->producer_id);
    if (!producer)
        return ERR_NONE; /* Its state may have expired: any first sequence will do. */
    if (batch->producer_epoch < producer->epoch)
        return ERR_INVALID_PRODUCER_EPOCH;
    if (batch->producer_epoch > producer->epoch)
        return batch->base_sequence == 0 ? ERR_NONE : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    for (uint32_t i = 0; i < producer->count; i++) {
        const struct producer_batch *known = &producer->batches[i];
        if (known->first_sequence == batch->base_sequence &&
            known->last_sequence == batch_last_sequence(batch)) {
#ifdef SKIFF_MUTANT_TAKES_AGAIN
            return ERR_NONE; /* The mutant appends what is there once more. */
#endif
            *original = *known;
            return ERR_DUPLICATE_SEQUENCE_NUMBER;
        }
    }
    if (producer->count == 0)
        return ERR_NONE;
    int32_t last = producer->batches[producer->count - 1].last_sequence;
    return batch->base_sequence == next_sequence(last) ? ERR_NONE
                                                       : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

int32_t producers_last_sequence(const struct producers *producers, int64_t id, int16_t epoch)
{
    const struct producer *producer = map_get(&producers->by_id, &id);
    if (!producer || producer->epoch != epoch || producer->count == 0)
        return -1;
    return producer->batches[producer->count - 1].last_sequence;
}

bool producers_need(const struct producers *producers, const struct batch_info *batch)
{
    if (batch->producer_id < 0)
        return false;
    const struct producer *producer = map_get(&producers->by_id, &batch->producer_id);
    if (!producer)
        return false;
    if (producer->count == 0)
        return batch_is_control(batch) && batch->producer_epoch == producer->epoch;
    for (uint32_t i = 0; i < producer->count; i++)
        if (producer->batches[i].last == batch_last(batch))
            return true;
    return false;
}

static struct producer *find_or_add(struct producers *producers, int64_t id)
{
    struct producer *producer = map_get(&producers->by_id, &id);

    if (producer) {
        list_remove(&producer->link);
        list_append(&producers->order, &producer->link);
        return producer;
    }
    if (producers->by_id.count >= producers->count_max)
        forget(producers, list_entry(producers->order.next, struct producer, link));
    producer = mem_zalloc(sizeof *producer);
    producer->id = id;
    producer->epoch = -1;
    map_put(&producers->by_id, &id, producer);
    list_append(&producers->order, &producer->link);
    return producer;
}

static void add_batch(struct producer *producer, const struct producer_batch *batch)
{
    if (producer->count == PRODUCER_BATCHES_MAX) {
        memmove(producer->batches, producer->batches + 1,
                (PRODUCER_BATCHES_MAX - 1) * sizeof *batch);
        producer->count--;
    }
    producer->batches[producer->count++] = *batch;
}

void producers_add(struct producers *producers, const struct batch_info *batch)
{
    if (batch->producer_id < 0)
        return;
    struct producer *producer = find_or_add(producers, batch->producer_id);
    if (batch->producer_epoch != producer->epoch) {
        producer->epoch = batch->producer_epoch;
        producer->count = 0;
    }
    if (batch_is_control(batch))
        return;
    add_batch(producer, &(struct producer_batch){.first_sequence = batch->base_sequence,
                                                 .last_sequence = batch_last_sequence(batch),
                                                 .base = batch->base,
                                                 .last = batch_last(batch),
                                                 .timestamp = batch->max_timestamp});
}

/* Snapshots. */

/* How many of a producer's batches lie below `end`. */
static uint32_t count_below(const struct producer *producer, log_offset end)
{
    uint32_t count = producer->count;

    while (count > 0 && producer->batches[count - 1].last >= end)
        count--;
    return count;
}

/* Of a producer's first `count` batches the last; of none its epoch alone is told. */
static void write_entry(uint8_t *at, const struct producer *producer, uint32_t count)
{
    struct producer_batch last = {
        .first_sequence = -1, .last_sequence = -1, .base = -1, .last = -1, .timestamp = -1};

    if (count > 0)
        last = producer->batches[count - 1];
    store_be64(at, (uint64_t)producer->id);
    store_be16(at + 8, (uint16_t)producer->epoch);
    store_be32(at + 10, (uint32_t)last.last_sequence);
    store_be64(at + 14, (uint64_t)last.last);
    store_be32(at + 22, (uint32_t)(last.last - last.base));
    store_be64(at + 26, (uint64_t)last.timestamp);
    store_be32(at + 34, UINT32_MAX);
    store_be64(at + 38, UINT64_MAX);
}

static void write_older(uint8_t *at, int64_t id, const struct producer_batch *batch)
{
    store_be64(at, (uint64_t)id);
    store_be32(at + 8, (uint32_t)batch->first_sequence);
    store_be32(at + 12, (uint32_t)batch->last_sequence);
    store_be64(at + 16, (uint64_t)batch->base);
    store_be64(at + 24, (uint64_t)batch->last);
    store_be64(at + 32, (uint64_t)batch->timestamp);
}

struct buf *producers_write(const struct producers *producers, log_offset end)
{
    uint32_t count = producers->by_id.count;
    uint32_t older_max = count * (PRODUCER_BATCHES_MAX - 1);
    struct buf *snapshot = buf_new(SNAPSHOT_HEADER_SIZE + count * SNAPSHOT_ENTRY_SIZE + 4 +
                                   older_max * SNAPSHOT_OLDER_SIZE);
    uint8_t *entry = snapshot->data + SNAPSHOT_HEADER_SIZE;
    uint8_t *tail = entry + (size_t)count * SNAPSHOT_ENTRY_SIZE;
    uint8_t *older = tail + 4;
    uint32_t older_count = 0;
    const struct list *node;

    for (node = producers->order.next; node != &producers->order; node = node->next) {
        const struct producer *producer = list_entry(node, const struct producer, link);
        uint32_t below = count_below(producer, end);
        write_entry(entry, producer, below);
        entry += SNAPSHOT_ENTRY_SIZE;
        for (uint32_t i = 0; i + 1 < below; i++, older_count++)
            write_older(older + (size_t)older_count * SNAPSHOT_OLDER_SIZE, producer->id,
                        &producer->batches[i]);
    }
    store_be32(tail, older_count);
    snapshot->size = (uint32_t)(older - snapshot->data) + older_count * SNAPSHOT_OLDER_SIZE;
    store_be16(snapshot->data, SNAPSHOT_VERSION);
    store_be32(snapshot->data + 6, count);
    store_be32(snapshot->data + 2,
               crc32c(0, snapshot->data + SNAPSHOT_CRC_FROM, snapshot->size - SNAPSHOT_CRC_FROM));
    return snapshot;
}

static void read_entry(struct producers *producers, const uint8_t *at)
{
    struct producer *producer = find_or_add(producers, (int64_t)load_be64(at));
    int32_t delta = (int32_t)load_be32(at + 22);
    struct producer_batch last = {.last_sequence = (int32_t)load_be32(at + 10),
                                  .last = (log_offset)load_be64(at + 14),
                                  .timestamp = (wall_ms)load_be64(at + 26)};

    producer->epoch = (int16_t)load_be16(at + 8);
    if (last.last < 0)
        return;
    last.base = last.last - delta;
    last.first_sequence = (int32_t)(((int64_t)last.last_sequence - delta) & INT32_MAX);
    add_batch(producer, &last);
}

/* An older batch goes before the one that the entry gave, after those that came before it. */
static void read_older(struct producers *producers, const uint8_t *at)
{
    int64_t id = (int64_t)load_be64(at);
    struct producer *producer = map_get(&producers->by_id, &id);

    if (!producer || producer->count == 0 || producer->count == PRODUCER_BATCHES_MAX)
        return;
    producer->batches[producer->count] = producer->batches[producer->count - 1];
    producer->batches[producer->count - 1] =
        (struct producer_batch){.first_sequence = (int32_t)load_be32(at + 8),
                                .last_sequence = (int32_t)load_be32(at + 12),
                                .base = (log_offset)load_be64(at + 16),
                                .last = (log_offset)load_be64(at + 24),
                                .timestamp = (wall_ms)load_be64(at + 32)};
    producer->count++;
}

enum err producers_verify(struct bytes snapshot)
{
    if (snapshot.size < SNAPSHOT_HEADER_SIZE || load_be16(snapshot.data) != SNAPSHOT_VERSION)
        return ERR_CORRUPT;
    if (crc32c(0, snapshot.data + SNAPSHOT_CRC_FROM, snapshot.size - SNAPSHOT_CRC_FROM) !=
        load_be32(snapshot.data + 2))
        return ERR_CORRUPT;
    uint32_t count = load_be32(snapshot.data + 6);
    uint32_t size = snapshot.size - SNAPSHOT_HEADER_SIZE;
    return count > size / SNAPSHOT_ENTRY_SIZE ? ERR_CORRUPT : ERR_NONE;
}

enum err producers_read(struct producers *producers, struct bytes snapshot)
{
    producers_clear(producers);
    if (producers_verify(snapshot) != ERR_NONE)
        return ERR_CORRUPT;
    uint32_t count = load_be32(snapshot.data + 6);
    uint32_t size = snapshot.size - SNAPSHOT_HEADER_SIZE;
    const uint8_t *at = snapshot.data + SNAPSHOT_HEADER_SIZE;
    for (uint32_t i = 0; i < count; i++, at += SNAPSHOT_ENTRY_SIZE)
        read_entry(producers, at);
    size -= count * SNAPSHOT_ENTRY_SIZE;
    if (size < 4 || load_be32(at) != (size - 4) / SNAPSHOT_OLDER_SIZE)
        return ERR_NONE; /* Kafka's own file ends here. */
    uint32_t older = load_be32(at);
    at += 4;
    for (uint32_t i = 0; i < older; i++, at += SNAPSHOT_OLDER_SIZE)
        read_older(producers, at);
    return ERR_NONE;
}
