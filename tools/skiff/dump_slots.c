/* dump_slots.c -- one of the two copies of a small durable value: marks, or the vote.
 *
 * A copy is laid out as include/slots.h says; marks as src/log/sync.c does: version u16, zero
 * u16, count u32, then 56 bytes each, 48 of version 2, 40 of version 1. A vote: epoch i32, node
 * i32, directory of 16 bytes. */
#include <stdio.h>
#include <string.h>

#include "dump.h"
#include "slots.h"

enum {
    MAGIC = 0x534b4946,
    KIND_MARKS = 0x4d41524b,
    KIND_VOTE = 0x564f5445,
    PAYLOAD_SIZE_AT = 20,
    CRC_AT = 24,
    MARKS_HEADER_SIZE = 8,
    MARKS_VERSION = 3,
    MARK_SIZE = 56,
    VOTE_SIZE = 24,
};

/* Bytes of a mark, by version. */
static const uint32_t mark_sizes[MARKS_VERSION + 1] = {0, 40, 48, MARK_SIZE};

static void show_vote(struct dump *dump, struct bytes payload)
{
    char uuid[UUID_TEXT_SIZE];
    struct uuid directory;
    if (payload.size != VOTE_SIZE) {
        dump_problem(dump, SLOTS_HEADER_SIZE, NULL, NULL, "a vote has %d bytes, not %u", VOTE_SIZE,
                     payload.size);
        return;
    }
    memcpy(directory.bytes, payload.data + 8, sizeof directory.bytes);
    uuid_format(directory, uuid);
    dump_item(dump, "vote",
              json_pack("{si si ss}", "epoch", (int)load_be32(payload.data), "voted_for",
                        (int)load_be32(payload.data + 4), "voted_directory", uuid));
}

static void show_mark(struct dump *dump, const uint8_t *at, uint16_t version)
{
    char uuid[UUID_TEXT_SIZE];
    struct uuid topic;
    memcpy(topic.bytes, at, sizeof topic.bytes);
    uuid_format(topic, uuid);
    dump_item(dump, "mark",
              json_pack("{ss si si sI sI sI sI}", "topic_id", uuid, "partition",
                        (int)load_be32(at + 16), "epoch", (int)load_be32(at + 20), "start_offset",
                        (json_int_t)load_be64(at + 24), "durable_offset",
                        (json_int_t)load_be64(at + 32), "committed_offset",
                        (json_int_t)(version >= 2 ? load_be64(at + 40) : 0), "clean_offset",
                        (json_int_t)(version >= 3 ? load_be64(at + 48) : 0)));
}

static void show_marks(struct dump *dump, struct bytes payload)
{
    uint16_t version = payload.size < MARKS_HEADER_SIZE ? 0 : load_be16(payload.data);
    if (version < 1 || version > MARKS_VERSION) {
        dump_problem(dump, SLOTS_HEADER_SIZE, NULL, NULL, "no marks of version 1 to 3");
        return;
    }
    uint32_t size = mark_sizes[version], count = load_be32(payload.data + 4);
    uint32_t fitting = (payload.size - MARKS_HEADER_SIZE) / size;
    if (count != fitting || (payload.size - MARKS_HEADER_SIZE) % size != 0)
        dump_problem(dump, SLOTS_HEADER_SIZE + 4, NULL, NULL, "%u marks are promised, %u fit",
                     count, fitting);
    for (uint32_t i = 0; i < count && i < fitting; i++)
        show_mark(dump, payload.data + MARKS_HEADER_SIZE + (size_t)i * size, version);
}

/* The header, and as much of the payload as is there. False: no such copy. */
static bool read_copy(struct dump *dump, uint32_t *kind, struct bytes *payload)
{
    const uint8_t *header = dump_bytes(dump, 0, SLOTS_HEADER_SIZE);
    char found[32];
    if (dump->size == 0) { /* The second copy is first written once the first is synced. */
        dump_item(dump, "unused", json_pack("{sI}", "bytes", (json_int_t)0));
        return false;
    }
    if (!header) {
        dump_problem(dump, 0, NULL, NULL, "%llu bytes are no copy of a value: it was cut",
                     (unsigned long long)dump->size);
        return false;
    }
    if (load_be32(header) != MAGIC || load_be16(header + 4) != 1) {
        snprintf(found, sizeof found, "0x%08x version %u", load_be32(header),
                 load_be16(header + 4));
        dump_problem(dump, 0, "0x534b4946 version 1", found, "not a value that Skiff keeps");
        return false;
    }
    *kind = load_be32(header + 8);
    uint32_t stored = load_be32(header + CRC_AT);
    uint32_t size = load_be32(header + PAYLOAD_SIZE_AT);
    uint32_t rest = (uint32_t)(dump->size - SLOTS_HEADER_SIZE < SLOTS_PAYLOAD_MAX
                                   ? dump->size - SLOTS_HEADER_SIZE
                                   : SLOTS_PAYLOAD_MAX);
    dump_item(dump, "copy",
              json_pack("{ss sI sI}", "of",
                        *kind == KIND_MARKS  ? "marks"
                        : *kind == KIND_VOTE ? "vote"
                                             : "?",
                        "sequence", (json_int_t)load_be64(header + 12), "payload_bytes",
                        (json_int_t)size));
    if (size > rest)
        dump_problem(dump, PAYLOAD_SIZE_AT, NULL, NULL, "%u bytes of payload, %u are there: cut",
                     size, rest);
    const uint8_t *all = dump_bytes(dump, 0, SLOTS_HEADER_SIZE + (size < rest ? size : rest));
    if (!all)
        return false;
    *payload = (struct bytes){.data = all + SLOTS_HEADER_SIZE, .size = size < rest ? size : rest};
    dump_check_crc(dump, CRC_AT, stored,
                   crc32c(crc32c(0, all, CRC_AT), payload->data, payload->size));
    return true;
}

void dump_slots(struct dump *dump)
{
    uint32_t kind;
    struct bytes payload;
    if (!read_copy(dump, &kind, &payload))
        return;
    if (kind == KIND_MARKS)
        show_marks(dump, payload);
    else if (kind == KIND_VOTE)
        show_vote(dump, payload);
    else
        dump_problem(dump, 8, NULL, NULL, "kind 0x%08x is not known", kind);
}
