/* dump_index.c -- offset and time indexes, and whether they point at batches.
 *
 * Entries, big-endian: last offset of a batch - base i32, position of that batch i32; greatest
 * timestamp so far i64, last offset of its batch - base i32. The segment beside the file is
 * asked where it is there. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "dump.h"

enum { OFFSET_ENTRY_SIZE = 8, TIME_ENTRY_SIZE = 12, SEGMENT_PATH_MAX = 4096 };

/* The segment beside an index; -1: it is not there. */
static int open_segment(const struct dump *dump)
{
    char path[SEGMENT_PATH_MAX];
    const char *dot = strrchr(dump->path, '.');
    if (!dot || dot < dump->name)
        return -1;
    int size = snprintf(path, sizeof path, "%.*s.log", (int)(dot - dump->path), dump->path);
    return size < (int)sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* The batch that an entry points to has that last offset. */
static void check_batch(struct dump *dump, int segment, uint64_t at, int64_t offset,
                        uint32_t position)
{
    uint8_t header[BATCH_HEADER_SIZE];
    struct batch_info info;
    char expected[64];
    char found[64] = "no batch";
    bool is_batch =
        pread(segment, header, sizeof header, position) == sizeof header &&
        batch_read((struct bytes){.data = header, .size = sizeof header}, &info) == ERR_NONE;
    if (is_batch && batch_last(&info) == offset)
        return;
    snprintf(expected, sizeof expected, "a batch with last offset %lld", (long long)offset);
    if (is_batch)
        snprintf(found, sizeof found, "last offset %lld", (long long)batch_last(&info));
    dump_problem(dump, at, expected, found, "the segment has something else at byte %u", position);
}

/* Some whole entries and nothing else; Kafka sets zeroes aside at the end of its own. */
static uint64_t count_entries(struct dump *dump, uint32_t size)
{
    uint64_t count = dump->size / size;
    if (dump->size % size != 0)
        dump_problem(dump, count * size, NULL, NULL, "%llu bytes of an entry of %u: it was cut",
                     (unsigned long long)(dump->size % size), size);
    static const uint8_t zeroes[TIME_ENTRY_SIZE];
    uint64_t whole = count;
    while (count > 1) {
        const uint8_t *entry = dump_bytes(dump, (count - 1) * size, size);
        if (!entry || memcmp(entry, zeroes, size) != 0)
            break;
        count--;
    }
    if (count < whole)
        dump_item(dump, "unused",
                  json_pack("{sI sI}", "position", (json_int_t)(count * size), "bytes",
                            (json_int_t)((whole - count) * size)));
    return count;
}

void dump_index(struct dump *dump)
{
    int64_t base = file_base_offset(dump->name);
    int segment = open_segment(dump);
    uint64_t count = count_entries(dump, OFFSET_ENTRY_SIZE);
    int64_t last_delta = -1;
    int64_t last_position = -1;
    if (base < 0)
        base = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = i * OFFSET_ENTRY_SIZE;
        const uint8_t *entry = dump_bytes(dump, at, OFFSET_ENTRY_SIZE);
        if (!entry)
            break;
        int32_t delta = (int32_t)load_be32(entry);
        uint32_t position = load_be32(entry + 4);
        dump_item(dump, "entry",
                  json_pack("{sI sI}", "offset", (json_int_t)(base + delta), "position",
                            (json_int_t)position));
        if (delta <= last_delta || position <= last_position)
            dump_problem(dump, at, NULL, NULL, "entries must rise, in offset and position");
        else if (segment >= 0)
            check_batch(dump, segment, at, base + delta, position);
        last_delta = delta;
        last_position = position;
    }
    if (segment >= 0)
        close(segment);
}

void dump_time_index(struct dump *dump)
{
    int64_t base = file_base_offset(dump->name);
    uint64_t count = count_entries(dump, TIME_ENTRY_SIZE);
    int64_t last_time = -1;
    int64_t last_delta = -1;
    if (base < 0)
        base = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = i * TIME_ENTRY_SIZE;
        const uint8_t *entry = dump_bytes(dump, at, TIME_ENTRY_SIZE);
        if (!entry)
            break;
        int64_t timestamp = (int64_t)load_be64(entry);
        int32_t delta = (int32_t)load_be32(entry + 8);
        dump_item(dump, "entry",
                  json_pack("{sI sI}", "timestamp", (json_int_t)timestamp, "offset",
                            (json_int_t)(base + delta)));
        if (timestamp <= last_time || delta <= last_delta)
            dump_problem(dump, at, NULL, NULL, "entries must rise, in timestamp and offset");
        last_time = timestamp;
        last_delta = delta;
    }
}
