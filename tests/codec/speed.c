/* speed.c -- what admitting a batch costs beside the codec's own work.
 *
 *   codec_speed [ROUNDS] [MILLISECONDS] [CODEC]
 *
 *   ROUNDS of each figure (5), CPU time of each side in a round (100), CODEC alone (each in turn)
 *
 * For each codec and size of batch: megabytes of records a CPU second when the batch is admitted as
 * it is ("check": checksum, decompression, a look at each record), and when it is brought into this
 * codec from another one ("recompress"); and of the codec's library alone, from memory to memory
 * with contexts that are kept. Both sides take turns every few hundred kilobytes, so that what
 * else the machine does meets them alike. A line of JSON a figure. */
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "batch.h"

enum {
    RECORD_SIZE = 1024,
    ROOM = 4 << 20,
    SNAPPY_BLOCK = 32 * 1024,
    TURN_SIZE = 256 * 1024, /* Bytes of records before the other side's turn. */
    ROUNDS_MAX = 100,
};

static struct codec_reader *reader;
static struct codec_writer *writer;
static uint8_t room[ROOM], packed_room[ROOM];

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Records of a service's log: words that come again, numbers that do not. */
static struct buf *plain_batch(uint32_t records)
{
    struct batch_record *all = mem_zalloc(records * sizeof *all);
    char *text = mem_zalloc((size_t)records * RECORD_SIZE);
    struct batch_spec spec = batch_spec(0, -1, 1000);
    uint32_t state = 1;
    for (uint32_t i = 0; i < records; i++) {
        char *at = text + (size_t)i * RECORD_SIZE;
        uint32_t size = 0;
        while (size < RECORD_SIZE - 80) {
            state = state * 1664525 + 1013904223;
            size += (uint32_t)snprintf(at + size, RECORD_SIZE - size,
                                       "{\"order\":%u,\"customer\":\"c%u\",\"state\":\"%s\"},",
                                       state, state >> 20, state >> 31 ? "shipped" : "paid");
        }
        all[i].value = (struct bytes){.data = (const uint8_t *)at, .size = size};
    }
    struct buf *buf = batch_build(&spec, all, records);
    mem_free(all);
    mem_free(text);
    return buf;
}

static struct buf *admitted(const struct buf *from, int codec)
{
    struct batch_limits limits = {
        .size_max = ROOM, .zstd_allowed = true, .now = -1, .reader = reader};
    struct batch_form form = {.append_time = -1,
                              .keeps_codec = codec < 0,
                              .codec = codec < 0 ? CODEC_NONE : (enum codec_type)codec,
                              .levels = {[CODEC_GZIP] = codec_level_default(CODEC_GZIP),
                                         [CODEC_LZ4] = codec_level_default(CODEC_LZ4),
                                         [CODEC_ZSTD] = codec_level_default(CODEC_ZSTD)},
                              .writer = writer};
    struct slice slice = {.buf = buf_ref((struct buf *)(uintptr_t)from),
                          .bytes = {from->data, from->size}};
    struct batch_refusal refusal;
    struct batch_info info;
    enum err err = batch_admit(&slice, &limits, &form, &info, &refusal);
    check(err == ERR_NONE);
    return slice.buf;
}

/* ---- The libraries alone. */

static size_t own_deflate(const uint8_t *from, size_t size)
{
    static z_stream stream;
    if (!stream.state) {
        int made = deflateInit2(&stream, -1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        check(made == Z_OK);
    }
    deflateReset(&stream);
    stream.next_in = (Bytef *)(uintptr_t)from;
    stream.avail_in = (uInt)size;
    stream.next_out = packed_room;
    stream.avail_out = ROOM;
    int result = deflate(&stream, Z_FINISH);
    check(result == Z_STREAM_END);
    return stream.total_out;
}

static size_t own_inflate(struct bytes packed)
{
    static z_stream stream;
    if (!stream.state) {
        int made = inflateInit2(&stream, 31);
        check(made == Z_OK);
    }
    inflateReset(&stream);
    stream.next_in = (Bytef *)(uintptr_t)packed.data;
    stream.avail_in = packed.size;
    stream.next_out = room;
    stream.avail_out = ROOM;
    int result = inflate(&stream, Z_FINISH);
    check(result == Z_STREAM_END);
    return stream.total_out;
}

static size_t own_snappy_compress(const uint8_t *from, size_t size)
{
    size_t total = 0;
    for (size_t at = 0; at < size; at += SNAPPY_BLOCK) {
        size_t made = ROOM - total;
        snappy_compress((const char *)from + at,
                        size - at < SNAPPY_BLOCK ? size - at : SNAPPY_BLOCK,
                        (char *)packed_room + total, &made);
        total += made;
    }
    return total;
}

static size_t own_snappy_uncompress(struct bytes packed)
{
    size_t total = 0;
    for (uint32_t at = 16; at < packed.size;) { /* Xerial's blocks. */
        uint32_t size = load_be32(packed.data + at);
        size_t made = ROOM - total;
        snappy_uncompress((const char *)packed.data + at + 4, size, (char *)room + total, &made);
        total += made;
        at += 4 + size;
    }
    return total;
}

static size_t own_lz4_decompress(struct bytes packed)
{
    static LZ4F_dctx *context;
    size_t made = ROOM, taken = packed.size;
    if (!context)
        LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
    size_t left = LZ4F_decompress(context, room, &made, packed.data, &taken, NULL);
    check(left == 0);
    return made;
}

static size_t own_compress(enum codec_type codec, const uint8_t *from, size_t size)
{
    static const LZ4F_preferences_t lz4 = {.frameInfo = {.blockMode = LZ4F_blockIndependent}};
    static ZSTD_CCtx *zstd;
    if (codec == CODEC_GZIP)
        return own_deflate(from, size);
    if (codec == CODEC_SNAPPY)
        return own_snappy_compress(from, size);
    if (codec == CODEC_LZ4)
        return LZ4F_compressFrame(packed_room, ROOM, from, size, &lz4);
    zstd = zstd ? zstd : ZSTD_createCCtx();
    return ZSTD_compressCCtx(zstd, packed_room, ROOM, from, size, 3);
}

static size_t own_decompress(enum codec_type codec, struct bytes packed)
{
    static ZSTD_DCtx *zstd;
    if (codec == CODEC_GZIP)
        return own_inflate(packed);
    if (codec == CODEC_SNAPPY)
        return own_snappy_uncompress(packed);
    if (codec == CODEC_LZ4)
        return own_lz4_decompress(packed);
    zstd = zstd ? zstd : ZSTD_createDCtx();
    return ZSTD_decompressDCtx(zstd, room, ROOM, packed.data, packed.size);
}

/* ---- Figures. */

struct work {
    enum codec_type codec, source; /* The same: it is only checked. */
    const struct buf *batch;       /* In the source codec. */
    const struct buf *plain;
};

static void once_ours(const struct work *work)
{
    buf_unref(admitted(work->batch, work->codec == work->source ? -1 : (int)work->codec));
}

static void once_library(const struct work *work)
{
    struct bytes packed = {work->batch->data + BATCH_HEADER_SIZE,
                           work->batch->size - BATCH_HEADER_SIZE};
    uint32_t size = work->plain->size - BATCH_HEADER_SIZE;
    size_t made = own_decompress(work->source, packed);
    check(made == size);
    if (work->codec == work->source)
        return;
    made = own_compress(work->codec, room, size);
    check(made > 0);
    check(made < size);
}

/* CPU seconds of so many runs. */
static double take_turn(const struct work *work, void (*once)(const struct work *), uint32_t count)
{
    double start = cpu_now();
    for (uint32_t i = 0; i < count; i++)
        once(work);
    return cpu_now() - start;
}

/* Megabytes of records a CPU second of both sides, in one round. */
static void measure(const struct work *work, double seconds, double *ours, double *library)
{
    uint32_t size = work->plain->size - BATCH_HEADER_SIZE;
    uint32_t count = 1 + TURN_SIZE / size;
    double spent[2] = {0};
    uint64_t turns = 0;
    while (spent[0] < seconds || spent[1] < seconds) { /* Who goes first changes. */
        if (turns % 2 == 0)
            spent[0] += take_turn(work, once_ours, count);
        spent[1] += take_turn(work, once_library, count);
        if (turns % 2 != 0)
            spent[0] += take_turn(work, once_ours, count);
        turns++;
    }
    *ours = (double)(turns * count) * size / spent[0] / 1e6;
    *library = (double)(turns * count) * size / spent[1] / 1e6;
}

static void print_samples(const char *name, const double *samples, uint32_t count)
{
    printf(", \"%s\": [", name);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%.1f", i == 0 ? "" : ", ", samples[i]);
    printf("]");
}

static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

static void show(const struct work *work, uint32_t rounds, double seconds)
{
    double ours[ROUNDS_MAX], library[ROUNDS_MAX];
    measure(work, seconds / 4, &ours[0], &library[0]); /* Warms up. */
    for (uint32_t i = 0; i < rounds; i++)
        measure(work, seconds, &ours[i], &library[i]);
    printf("{\"codec\": \"%s\", \"work\": \"%s\", \"source\": \"%s\", \"size\": %u",
           names[work->codec], work->codec == work->source ? "check" : "recompress",
           names[work->source], work->plain->size - BATCH_HEADER_SIZE);
    print_samples("ours_mb_per_cpu_s", ours, rounds);
    print_samples("library_mb_per_cpu_s", library, rounds);
    printf("}\n");
    fflush(stdout);
}

static void show_codec(enum codec_type codec, const struct buf *plain, uint32_t rounds,
                       double seconds)
{
    enum codec_type source = codec == CODEC_LZ4 ? CODEC_SNAPPY : CODEC_LZ4;
    struct buf *own = admitted(plain, (int)codec), *other = admitted(plain, (int)source);
    show(&(struct work){.codec = codec, .source = codec, .batch = own, .plain = plain}, rounds,
         seconds);
    show(&(struct work){.codec = codec, .source = source, .batch = other, .plain = plain}, rounds,
         seconds);
    buf_unref(own);
    buf_unref(other);
}

int main(int argc, char **argv)
{
    int64_t rounds = argc > 1 ? atoll(argv[1]) : 5, milliseconds = argc > 2 ? atoll(argv[2]) : 100;
    static const uint32_t records[] = {16, 1000};
    if (rounds < 1 || rounds > ROUNDS_MAX || milliseconds < 1) {
        fprintf(stderr, "codec_speed [ROUNDS] [MILLISECONDS] [CODEC]: 1 to %d rounds\n",
                ROUNDS_MAX);
        return 2;
    }
    reader = codec_reader_open();
    writer = codec_writer_open();
    for (uint32_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct buf *plain = plain_batch(records[i]);
        for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++)
            if (argc < 4 || strcmp(argv[3], names[codec]) == 0)
                show_codec(codec, plain, (uint32_t)rounds, (double)milliseconds / 1000);
        buf_unref(plain);
    }
    codec_reader_close(reader);
    codec_writer_close(writer);
    return 0;
}
