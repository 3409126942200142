/* ledger.c -- what producers were told, what consumers read, and whether the two agree. */
#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

enum { MAGIC = 0x534b4946 }; /* "SKIF" */

enum fate { FATE_SENT, FATE_ACKED, FATE_FAILED };

struct entry {
    uint8_t fate;
    bool was_read;
    int32_t partition;
    int64_t offset;  /* Of its acknowledgement; -1: none. */
    int64_t read_at; /* Offset at which it was read; -1: nowhere. */
};

struct producer_entries {
    struct entry *entries;
    uint32_t count;
    uint32_t capacity;
};

/* Which record a live consumer saw at an offset. */
struct seen {
    uint32_t producer;
    uint32_t number;
    bool is_there;
};

struct partition_reads {
    struct seen *seen;
    uint32_t count;
    uint32_t capacity;
    int64_t last_offset;                       /* Of the final read; -1: none yet. */
    int64_t last_number[LEDGER_PRODUCERS_MAX]; /* -1: none yet. */
};

struct ledger {
    uint32_t producer_count;
    uint32_t partition_count;
    struct producer_entries producers[LEDGER_PRODUCERS_MAX];
    struct partition_reads *partitions;
    struct ledger_counts counts;
};

struct ledger *ledger_open(uint32_t producers, uint32_t partitions)
{
    check(producers <= LEDGER_PRODUCERS_MAX);
    struct ledger *ledger = mem_zalloc(sizeof *ledger);
    ledger->producer_count = producers;
    ledger->partition_count = partitions;
    ledger->partitions = mem_zalloc(partitions * sizeof *ledger->partitions);
    for (uint32_t i = 0; i < partitions; i++) {
        ledger->partitions[i].last_offset = -1;
        for (uint32_t j = 0; j < LEDGER_PRODUCERS_MAX; j++)
            ledger->partitions[i].last_number[j] = -1;
    }
    return ledger;
}

void ledger_close(struct ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->producer_count; i++)
        mem_free(ledger->producers[i].entries);
    for (uint32_t i = 0; i < ledger->partition_count; i++)
        mem_free(ledger->partitions[i].seen);
    mem_free(ledger->partitions);
    mem_free(ledger);
}

static void violation(struct ledger *ledger, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void violation(struct ledger *ledger, const char *format, ...)
{
    va_list arguments;
    if (ledger->counts.violations++ >= LEDGER_WITNESSES_MAX)
        return;
    fputs("VIOLATION: ", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void ledger_next(struct ledger *ledger, uint32_t producer, uint8_t value[LEDGER_VALUE_SIZE],
                 int32_t *partition)
{
    struct producer_entries *entries = &ledger->producers[producer];
    uint32_t number = entries->count;
    *partition = (int32_t)((number + producer) % ledger->partition_count);
    mem_grow(entries->entries, entries->count, &entries->capacity);
    entries->entries[entries->count++] =
        (struct entry){.partition = *partition, .offset = -1, .read_at = -1};
    ledger->counts.sent++;
    memset(value, '.', LEDGER_VALUE_SIZE);
    store_be32(value, MAGIC);
    store_be32(value + 4, producer);
    store_be32(value + 8, number);
    store_be32(value + 12, crc32c(0, value, 12));
}

void ledger_take_back(struct ledger *ledger, uint32_t producer)
{
    check(ledger->producers[producer].count > 0);
    ledger->producers[producer].count--;
    ledger->counts.sent--;
}

/* The entry that a value names; NULL: it is not one of ours. */
static struct entry *find(struct ledger *ledger, const void *value, size_t size, uint32_t *producer,
                          uint32_t *number)
{
    const uint8_t *bytes = value;
    if (size != LEDGER_VALUE_SIZE || load_be32(bytes) != MAGIC ||
        load_be32(bytes + 12) != crc32c(0, bytes, 12))
        return NULL;
    *producer = load_be32(bytes + 4);
    *number = load_be32(bytes + 8);
    if (*producer >= ledger->producer_count || *number >= ledger->producers[*producer].count)
        return NULL;
    return &ledger->producers[*producer].entries[*number];
}

void ledger_acked(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                  int64_t offset)
{
    uint32_t producer;
    uint32_t number;
    struct entry *entry = find(ledger, value, size, &producer, &number);
    if (!entry) {
        violation(ledger, "a delivery report for a record that was not sent");
        return;
    }
    ledger->counts.acked++;
    if (offset < 0) /* A duplicate whose offset the broker no longer knows. */
        violation(ledger, "record %u of producer %u was acknowledged without an offset", number,
                  producer);
    if (partition != entry->partition)
        violation(ledger, "record %u of producer %u was acknowledged in partition %d, not %d",
                  number, producer, partition, entry->partition);
    entry->fate = FATE_ACKED;
    entry->offset = offset;
}

void ledger_failed(struct ledger *ledger, const void *value, size_t size)
{
    uint32_t producer;
    uint32_t number;
    struct entry *entry = find(ledger, value, size, &producer, &number);
    if (entry)
        entry->fate = FATE_FAILED;
    ledger->counts.failed++;
}

static struct seen *seen_at(struct partition_reads *reads, int64_t offset)
{
    while (reads->count <= offset) {
        mem_grow(reads->seen, reads->count, &reads->capacity);
        reads->seen[reads->count++] = (struct seen){.is_there = false};
    }
    return &reads->seen[offset];
}

void ledger_read_live(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                      int64_t offset)
{
    uint32_t producer = 0;
    uint32_t number = 0;
    ledger->counts.read_live++;
    if (!find(ledger, value, size, &producer, &number)) {
        violation(ledger, "partition %d offset %lld: a record that nobody sent", partition,
                  (long long)offset);
        return;
    }
    struct seen *seen = seen_at(&ledger->partitions[partition], offset);
    if (seen->is_there && (seen->producer != producer || seen->number != number))
        violation(ledger,
                  "partition %d offset %lld held record %u of producer %u, and now %u of %u",
                  partition, (long long)offset, seen->number, seen->producer, number, producer);
    *seen = (struct seen){.producer = producer, .number = number, .is_there = true};
}

static void check_order(struct ledger *ledger, uint32_t producer, uint32_t number,
                        int32_t partition, int64_t offset)
{
    struct partition_reads *reads = &ledger->partitions[partition];
    if (offset <= reads->last_offset)
        violation(ledger, "partition %d offset %lld was read after %lld", partition,
                  (long long)offset, (long long)reads->last_offset);
    if ((int64_t)number <= reads->last_number[producer])
        violation(ledger,
                  "partition %d offset %lld: record %u of producer %u stands after its record %lld",
                  partition, (long long)offset, number, producer,
                  (long long)reads->last_number[producer]);
    reads->last_offset = offset;
    reads->last_number[producer] = number;
}

void ledger_read(struct ledger *ledger, const void *value, size_t size, int32_t partition,
                 int64_t offset)
{
    uint32_t producer = 0;
    uint32_t number = 0;
    struct entry *entry = find(ledger, value, size, &producer, &number);
    ledger->counts.read++;
    if (!entry) {
        violation(ledger, "partition %d offset %lld: a record that nobody sent", partition,
                  (long long)offset);
        return;
    }
    if (entry->was_read)
        violation(ledger,
                  "record %u of producer %u stands at offset %lld and at %lld of partition %d",
                  number, producer, (long long)entry->read_at, (long long)offset, partition);
    if (entry->partition != partition)
        violation(ledger, "record %u of producer %u was sent to partition %d and read in %d",
                  number, producer, entry->partition, partition);
    if (entry->fate == FATE_ACKED && entry->offset != offset)
        violation(
            ledger,
            "partition %d: record %u of producer %u was acknowledged at %lld and stands at %lld",
            partition, number, producer, (long long)entry->offset, (long long)offset);
    entry->was_read = true;
    entry->read_at = offset;
    check_order(ledger, producer, number, partition, offset);
    struct partition_reads *reads = &ledger->partitions[partition];
    if (offset < reads->count && reads->seen[offset].is_there &&
        (reads->seen[offset].producer != producer || reads->seen[offset].number != number))
        violation(ledger,
                  "partition %d offset %lld: a consumer read record %u of producer %u there, "
                  "and now it is %u of %u",
                  partition, (long long)offset, reads->seen[offset].number,
                  reads->seen[offset].producer, number, producer);
}

void ledger_finish(struct ledger *ledger)
{
    for (uint32_t i = 0; i < ledger->producer_count; i++) {
        for (uint32_t j = 0; j < ledger->producers[i].count; j++) {
            const struct entry *entry = &ledger->producers[i].entries[j];
            if (entry->fate == FATE_ACKED && !entry->was_read)
                violation(
                    ledger,
                    "record %u of producer %u was acknowledged in partition %d at offset %lld, "
                    "and is not there",
                    j, i, entry->partition, (long long)entry->offset);
        }
    }
    for (uint32_t i = 0; i < ledger->partition_count; i++) {
        const struct partition_reads *reads = &ledger->partitions[i];
        for (uint32_t j = 0; j < reads->count; j++)
            if (reads->seen[j].is_there && (int64_t)j > reads->last_offset)
                violation(ledger,
                          "partition %u offset %u was read by a consumer, and the end is %lld", i,
                          j, (long long)reads->last_offset + 1);
    }
}

struct ledger_counts ledger_counts(const struct ledger *ledger)
{
    return ledger->counts;
}
