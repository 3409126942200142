/* dump_segment.c -- batches of a segment, in order, and what lies between sound ones.
 *
 * Past a batch that cannot be read, or whose length leads nowhere, the next one is looked for
 * byte by byte: one whose header is plausible and whose checksum is right. */
#include <stdio.h>
#include <string.h>

#include "batch.h"
#include "dump.h"
#include "output.h"

enum { TRIED_FACTOR = 16, CRC_AT = 17, CRC_FROM = 21, MAGIC_AT = 16, LEADER_CHANGE_SIZE = 6 };

/* How far one segment has been shown. */
struct segment_dump {
    struct dump *dump;
    bool is_metadata;
    uint64_t position;
    int64_t end_offset; /* One past the last offset seen; -1: none yet. */
    int32_t epoch;      /* Of the last batch; -1: none yet. */
    uint64_t tried;     /* Bytes of what only looked like a batch, when one was looked for. */
};

static const char *codec_name(const struct batch_info *info)
{
    static const char *const names[8] = {"none", "gzip", "snappy", "lz4", "zstd", "?", "?", "?"};
    return names[batch_codec(info)];
}

static void show_batch(const struct segment_dump *segment, const struct batch_info *info)
{
    char crc[16];
    snprintf(crc, sizeof crc, "0x%08x", info->crc);
    json_t *values = json_pack(
        "{sI sI sI si si sI ss ss sI sI}", "position", (json_int_t)segment->position, "base_offset",
        (json_int_t)info->base, "last_offset", (json_int_t)batch_last(info), "records",
        info->record_count, "leader_epoch", info->epoch, "bytes", (json_int_t)info->size, "crc",
        crc, "codec", codec_name(info), "base_timestamp", (json_int_t)info->base_timestamp,
        "max_timestamp", (json_int_t)info->max_timestamp);
    if (info->producer_id >= 0) {
        json_object_set_new(values, "producer_id", json_integer(info->producer_id));
        json_object_set_new(values, "producer_epoch", json_integer(info->producer_epoch));
        json_object_set_new(values, "base_sequence", json_integer(info->base_sequence));
    }
    if (info->attributes & BATCH_LOG_APPEND_TIME)
        json_object_set_new(values, "timestamp_type", json_string("LogAppendTime"));
    if (info->attributes & BATCH_TRANSACTIONAL)
        json_object_set_new(values, "transactional", json_true());
    if (batch_is_control(info))
        json_object_set_new(values, "control", json_true());
    dump_item(segment->dump, "batch", values);
}

/* ---- Records. */

static void set_control(json_t *values, const struct batch_record *record)
{
    static const char *const names[] = {"ABORT",           "COMMIT",          "LEADER_CHANGE",
                                        "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION",
                                        "KRAFT_VOTERS"};
    uint32_t type = record->key.size == 4 ? load_be16(record->key.data + 2) : UINT32_MAX;
    if (type < sizeof names / sizeof names[0])
        json_object_set_new(values, "control", json_string(names[type]));
    else
        json_set_bytes(values, "control_key", record->key.data, record->key.size);
    if (type == BATCH_CONTROL_LEADER_CHANGE && record->value.size >= LEADER_CHANGE_SIZE)
        json_object_set_new(values, "leader",
                            json_integer((int32_t)load_be32(record->value.data + 2)));
}

static void show_record(const struct segment_dump *segment, const struct batch_info *info,
                        const struct batch_record *record)
{
    json_t *values = json_pack("{sI sI}", "offset", (json_int_t)record->offset, "timestamp",
                               (json_int_t)record->timestamp);
    if (batch_is_control(info)) {
        set_control(values, record);
    } else if (segment->is_metadata) {
        json_t *fields = dump_metadata_record(segment->dump, segment->position, record->value);
        if (fields)
            json_object_update(values, fields);
        json_decref(fields);
    } else {
        json_set_bytes(values, "key", record->key.data, record->key.size);
        json_set_bytes(values, "value", record->value.data, record->value.size);
        if (record->headers.size > 1)
            json_object_set_new(values, "headers_bytes", json_integer(record->headers.size));
    }
    dump_item(segment->dump, "record", values);
}

/* Records are looked at even when they are not shown: a header may lie about them. */
static void walk_records(struct segment_dump *segment, struct bytes batch)
{
    struct batch_walk walk;
    struct batch_record record;
    struct codec_reader *reader = codec_reader_open();
    enum err err;
    batch_walk_open(&walk, batch, reader);
    bool shows =
        segment->dump->shows_records || segment->is_metadata || batch_is_control(&walk.info);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE)
        if (shows)
            show_record(segment, &walk.info, &record);
    if (err != ERR_NOT_FOUND)
        dump_problem(segment->dump, segment->position, NULL, NULL,
                     "record %d of the batch is malformed, although its checksum is right",
                     walk.index);
    else if (walk.rest.size > 0)
        dump_problem(segment->dump, segment->position, NULL, NULL,
                     "%u bytes stand after the batch's last record", walk.rest.size);
    batch_walk_close(&walk);
    codec_reader_close(reader);
}

/* ---- Between batches. */

/* A sound batch at `position`, whose offsets go on from what was seen. */
static bool is_sound_batch(struct segment_dump *segment, uint64_t position)
{
    struct batch_info info;
    const uint8_t *header = dump_bytes(segment->dump, position, BATCH_HEADER_SIZE);
    if (!header || header[MAGIC_AT] != BATCH_MAGIC ||
        batch_read((struct bytes){header, BATCH_HEADER_SIZE}, &info) != ERR_NONE)
        return false;
    if (info.size > segment->dump->size - position || info.base < segment->end_offset)
        return false;
    segment->tried += info.size;
    if (segment->tried / TRIED_FACTOR > segment->dump->size)
        return false; /* A file made to keep us busy. */
    const uint8_t *batch = dump_bytes(segment->dump, position, info.size);
    return batch && crc32c(0, batch + CRC_FROM, info.size - CRC_FROM) == info.crc;
}

static bool is_zero(struct dump *dump, uint64_t from, uint64_t to)
{
    for (; from < to; from++) {
        const uint8_t *byte = dump_bytes(dump, from, 1);
        if (!byte || *byte)
            return false;
    }
    return true;
}

/* Go on at the next sound batch, or at the end. */
static void skip_to_next(struct segment_dump *segment)
{
    struct dump *dump = segment->dump;
    uint64_t from = segment->position;
    uint64_t to = from + 1;
    while (to + BATCH_HEADER_SIZE <= dump->size && !is_sound_batch(segment, to))
        to++;
    if (to + BATCH_HEADER_SIZE > dump->size)
        to = dump->size;
    dump_item(dump, "skipped",
              json_pack("{sI sI sb}", "position", (json_int_t)from, "bytes",
                        (json_int_t)(to - from), "zeroes", is_zero(dump, from, to)));
    segment->position = to;
}

/* Why there is no batch at the position: `size` is what a header claims, 0: there is none. */
static void tell_no_batch(struct segment_dump *segment, const uint8_t *header, uint64_t size)
{
    struct dump *dump = segment->dump;
    uint64_t rest = dump->size - segment->position;
    char expected[32];
    char found[32];
    if (size > 0 || !header) {
        snprintf(expected, sizeof expected, "%llu bytes",
                 (unsigned long long)(header ? size : BATCH_HEADER_SIZE));
        snprintf(found, sizeof found, "%llu bytes", (unsigned long long)rest);
        dump_problem(dump, segment->position, expected, found,
                     "the file ends inside a batch: it was cut, or is being written");
    } else if (header[MAGIC_AT] != BATCH_MAGIC) {
        snprintf(found, sizeof found, "magic %u", header[MAGIC_AT]);
        dump_problem(dump, segment->position, "magic 2", found, "no batch of format 2");
    } else {
        dump_problem(dump, segment->position, NULL, NULL,
                     "the header of the batch makes no sense (length %d)",
                     (int32_t)load_be32(header + 8));
    }
}

static void check_order(struct segment_dump *segment, const struct batch_info *info)
{
    struct dump *dump = segment->dump;
    int64_t first = segment->end_offset < 0 ? file_base_offset(dump->name) : segment->end_offset;
    if (info->base < first)
        dump_problem(
            dump, segment->position, NULL, NULL, "base offset %lld: %s %lld", (long long)info->base,
            segment->end_offset < 0 ? "the segment begins at" : "the batch before reached to",
            (long long)first);
    if (info->epoch < segment->epoch)
        dump_problem(dump, segment->position, NULL, NULL, "leader epoch %d comes after epoch %d",
                     info->epoch, segment->epoch);
    segment->end_offset = batch_end(info);
    segment->epoch = info->epoch;
}

/* False: the next batch is to be looked for. */
static bool take_batch(struct segment_dump *segment)
{
    struct dump *dump = segment->dump;
    struct batch_info info;
    const uint8_t *header = dump_bytes(dump, segment->position, BATCH_HEADER_SIZE);
    if (!header || batch_read((struct bytes){header, BATCH_HEADER_SIZE}, &info) != ERR_NONE) {
        tell_no_batch(segment, header, 0);
        return false;
    }
    const uint8_t *batch = dump_bytes(dump, segment->position, info.size);
    if (!batch) {
        tell_no_batch(segment, header, info.size);
        return false;
    }
    show_batch(segment, &info);
    bool is_sound = dump_check_crc(dump, segment->position + CRC_AT, info.crc,
                                   crc32c(0, batch + CRC_FROM, info.size - CRC_FROM));
    uint64_t next = segment->position + info.size;
    if (!is_sound && next < dump->size && !is_sound_batch(segment, next))
        return false; /* Its length may be what is rotten. */
    if (is_sound) {
        check_order(segment, &info);
        batch = dump_bytes(dump, segment->position, info.size);
        walk_records(segment, (struct bytes){.data = batch, .size = info.size});
    }
    segment->position = next;
    return true;
}

static void show_segment(struct dump *dump, bool is_metadata)
{
    struct segment_dump segment = {
        .dump = dump, .is_metadata = is_metadata, .end_offset = -1, .epoch = -1};
    while (segment.position < dump->size)
        if (!take_batch(&segment))
            skip_to_next(&segment);
    dump_item(dump, "segment",
              json_pack("{sI}", "end_offset",
                        (json_int_t)(segment.end_offset < 0 ? file_base_offset(dump->name)
                                                            : segment.end_offset)));
}

void dump_segment(struct dump *dump)
{
    show_segment(dump, false);
}

void dump_metadata(struct dump *dump)
{
    show_segment(dump, true);
}
