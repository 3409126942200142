/* dump_small.c -- files that are read whole: producers, leader epochs, properties.
 *
 * Producer snapshot: version i16, CRC-32C u32 of all that follows, count i32, entries of 46
 * bytes, then our own: a count u32 and 40 bytes for each older batch (src/log/producers.c). */
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "say.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_HEADER_SIZE = 10,
    SNAPSHOT_CRC_AT = 2,
    SNAPSHOT_CRC_FROM = 6,
    PRODUCER_SIZE = 46,
    OLDER_SIZE = 40,
    LINE_SIZE_MAX = 1024,
};

/* All of the file. NULL: told why not. */
static const uint8_t *whole_file(struct dump *dump)
{
    if (dump->size > DUMP_SMALL_MAX) {
        dump_problem(dump, 0, NULL, NULL, "such a file has no more than %d bytes", DUMP_SMALL_MAX);
        return NULL;
    }
    return dump_bytes(dump, 0, (uint32_t)dump->size);
}

/* ---- Producers. */

static void show_producer(struct dump *dump, const uint8_t *at)
{
    dump_item(dump, "producer",
              json_pack("{sI si si sI si sI}", "producer_id", (json_int_t)load_be64(at),
                        "producer_epoch", (int)(int16_t)load_be16(at + 8), "last_sequence",
                        (int)load_be32(at + 10), "last_offset", (json_int_t)load_be64(at + 14),
                        "offset_delta", (int)load_be32(at + 22), "timestamp",
                        (json_int_t)load_be64(at + 26)));
}

static void show_older(struct dump *dump, const uint8_t *at)
{
    dump_item(dump, "older_batch",
              json_pack("{sI si si sI sI sI}", "producer_id", (json_int_t)load_be64(at),
                        "first_sequence", (int)load_be32(at + 8), "last_sequence",
                        (int)load_be32(at + 12), "base_offset", (json_int_t)load_be64(at + 16),
                        "last_offset", (json_int_t)load_be64(at + 24), "timestamp",
                        (json_int_t)load_be64(at + 32)));
}

static void tell_count(struct dump *dump, uint32_t position, uint32_t count, const char *what)
{
    dump_problem(dump, position, NULL, NULL, "%u %s do not fit: it was cut", count, what);
}

void dump_snapshot(struct dump *dump)
{
    const uint8_t *bytes = whole_file(dump);
    uint32_t size = (uint32_t)dump->size;
    if (!bytes)
        return;
    if (size < SNAPSHOT_HEADER_SIZE) {
        dump_problem(dump, 0, NULL, NULL, "%u bytes are no snapshot", size);
        return;
    }
    if (load_be16(bytes) != SNAPSHOT_VERSION) {
        dump_problem(dump, 0, NULL, NULL, "version %u is not known", load_be16(bytes));
        return;
    }
    dump_check_crc(dump, SNAPSHOT_CRC_AT, load_be32(bytes + SNAPSHOT_CRC_AT),
                   crc32c(0, bytes + SNAPSHOT_CRC_FROM, size - SNAPSHOT_CRC_FROM));
    uint32_t count = load_be32(bytes + SNAPSHOT_CRC_FROM);
    uint32_t at = SNAPSHOT_HEADER_SIZE;
    if (count > (size - at) / PRODUCER_SIZE)
        tell_count(dump, SNAPSHOT_CRC_FROM, count, "producers");
    for (; count > 0 && size - at >= PRODUCER_SIZE; count--, at += PRODUCER_SIZE)
        show_producer(dump, bytes + at);
    if (size - at < 4) /* Kafka's own file ends here. */
        return;
    uint32_t older = load_be32(bytes + at);
    at += 4;
    if (older != (size - at) / OLDER_SIZE || (size - at) % OLDER_SIZE != 0)
        tell_count(dump, at - 4, older, "older batches");
    for (; older > 0 && size - at >= OLDER_SIZE; older--, at += OLDER_SIZE)
        show_older(dump, bytes + at);
}

/* ---- Lines. */

/* The next line, without its end. False: there is none. *is_ended: it has an end. */
static bool next_line(struct dump *dump, uint32_t *at, char line[LINE_SIZE_MAX], bool *is_ended)
{
    const uint8_t *bytes = whole_file(dump);
    if (!bytes || *at >= dump->size)
        return false;
    const uint8_t *end = memchr(bytes + *at, '\n', dump->size - *at);
    uint32_t size = end ? (uint32_t)(end - bytes) - *at : (uint32_t)dump->size - *at;
    snprintf(line, LINE_SIZE_MAX, "%.*s", (int)size, (const char *)bytes + *at);
    *is_ended = end != NULL;
    *at += size + 1;
    return true;
}

void dump_epochs(struct dump *dump)
{
    char line[LINE_SIZE_MAX];
    uint32_t at = 0;
    uint32_t from = 0;
    bool is_ended = true;
    int64_t count = -1;
    int64_t shown = 0;
    long long epoch, start, last_epoch = -1, last_start = -1;
    for (uint32_t number = 0; next_line(dump, &at, line, &is_ended); number++, from = at) {
        int end = 0;
        if (number == 0 && strcmp(line, "0") != 0)
            dump_problem(dump, from, "0", line, "the first line is the version");
        else if (number == 1 && !parse_int(line, 0, INT32_MAX, &count))
            dump_problem(dump, from, "a number", line, "the second line counts the epochs");
        if (number < 2)
            continue;
        if (sscanf(line, "%lld %lld%n", &epoch, &start, &end) != 2 || line[end] != 0) {
            dump_problem(dump, from, "EPOCH OFFSET", line, "not a leader epoch and its start");
            continue;
        }
        dump_item(
            dump, "epoch",
            json_pack("{sI sI}", "epoch", (json_int_t)epoch, "start_offset", (json_int_t)start));
        if (epoch <= last_epoch || start <= last_start)
            dump_problem(dump, from, NULL, NULL, "epochs and their starts must rise");
        last_epoch = epoch;
        last_start = start;
        shown++;
    }
    if (count != shown)
        dump_problem(dump, dump->size, NULL, NULL, "%lld epochs are promised, %lld are there",
                     (long long)count, (long long)shown);
    if (!is_ended)
        dump_problem(dump, dump->size, NULL, NULL, "the last line has no end: it was cut");
}

/* "key=value" of meta.properties, "key: value" of partition.metadata. */
void dump_properties(struct dump *dump)
{
    char line[LINE_SIZE_MAX];
    uint32_t at = 0;
    uint32_t from = 0;
    bool is_ended = true;
    bool is_ours = false;
    bool is_meta = !strcmp(dump->name, "meta.properties");
    for (; next_line(dump, &at, line, &is_ended); from = at) {
        size_t size = strcspn(line, "=:");
        struct uuid id;
        if (*line == '#' || *line == 0)
            continue;
        if (!line[size] || size == 0) {
            dump_problem(dump, from, "KEY=VALUE", line, "not a setting");
            continue;
        }
        const char *value = line + size + 1;
        value += strspn(value, " ");
        line[size] = 0;
        dump_item(dump, "setting", json_pack("{ss ss}", "key", line, "value", value));
        is_ours = is_ours || !strcmp(line, "skiff.version");
        bool is_id = !strcmp(line, "topic_id") || !strcmp(line, "directory.id");
        if (is_id && !uuid_parse(str_from(value), &id))
            dump_problem(dump, from, "22 characters of base64", value, "%s is no uuid", line);
    }
    if (dump->size == 0 || !is_ended)
        dump_problem(dump, dump->size, NULL, NULL, "the last line has no end: it was cut");
    if (is_meta && !is_ours)
        dump_problem(dump, 0, "skiff.version", NULL,
                     "a directory of Apache Kafka, or of somebody else");
}
