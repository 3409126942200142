/* speed.c -- what admitting a batch costs beside the codec's own work.
 *
 *   codec_speed [SECONDS]   CPU seconds for each figure, 1 unless said
 *
 * For each codec and size of batch: bytes of records a CPU second when the batch is admitted as it
 * is (checksum, decompression, a look at each record), and when it is recompressed from LZ4; and
 * the same bytes through the codec's library alone, from memory to memory in one call. */
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>
#include <zstd.h>

#include "batch.h"

enum { RECORD_SIZE = 1024, ROOM = 4 << 20, SNAPPY_BLOCK = 32 * 1024 };

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
                              .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
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

static size_t own_compress(enum codec_type codec, const uint8_t *from, size_t size)
{
    size_t made = ROOM;
    if (codec == CODEC_GZIP) {
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)from,
                           .avail_in = (uInt)size,
                           .next_out = packed_room,
                           .avail_out = ROOM};
        deflateInit2(&stream, -1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
        deflate(&stream, Z_FINISH);
        made = stream.total_out;
        deflateEnd(&stream);
    } else if (codec == CODEC_SNAPPY) {
        size_t total = 0;
        for (size_t at = 0; at < size; at += SNAPPY_BLOCK, total += made) {
            made = ROOM - total;
            snappy_compress((const char *)from + at,
                            size - at < SNAPPY_BLOCK ? size - at : SNAPPY_BLOCK,
                            (char *)packed_room + total, &made);
        }
        made = total;
    } else if (codec == CODEC_LZ4) {
        LZ4F_preferences_t preferences = {.frameInfo = {.blockMode = LZ4F_blockIndependent}};
        made = LZ4F_compressFrame(packed_room, ROOM, from, size, &preferences);
    } else if (codec == CODEC_ZSTD) {
        static ZSTD_CCtx *context;
        context = context ? context : ZSTD_createCCtx();
        made = ZSTD_compressCCtx(context, packed_room, ROOM, from, size, 3);
    }
    return made;
}

static void own_decompress(enum codec_type codec, struct bytes packed)
{
    size_t made = ROOM, taken = packed.size;
    if (codec == CODEC_GZIP) {
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data,
                           .avail_in = packed.size,
                           .next_out = room,
                           .avail_out = ROOM};
        inflateInit2(&stream, 31);
        inflate(&stream, Z_FINISH);
        inflateEnd(&stream);
    } else if (codec == CODEC_SNAPPY) {
        uint8_t *to = room;
        for (uint32_t at = 16; at < packed.size;) { /* Xerial's blocks. */
            uint32_t size = load_be32(packed.data + at);
            made = (size_t)(room + ROOM - to);
            snappy_uncompress((const char *)packed.data + at + 4, size, (char *)to, &made);
            to += made;
            at += 4 + size;
        }
    } else if (codec == CODEC_LZ4) {
        static LZ4F_dctx *context;
        if (!context)
            LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
        LZ4F_decompress(context, room, &made, packed.data, &taken, NULL);
    } else if (codec == CODEC_ZSTD) {
        static ZSTD_DCtx *context;
        context = context ? context : ZSTD_createDCtx();
        ZSTD_decompressDCtx(context, room, ROOM, packed.data, packed.size);
    }
}

/* ---- Figures. */

struct work {
    enum codec_type codec;
    const struct buf *batch; /* In the codec, or in LZ4 where it is recompressed. */
    const struct buf *plain;
    enum { ADMIT, RECOMPRESS, OWN_DECOMPRESS, OWN_RECOMPRESS } kind;
};

static void once(const struct work *work)
{
    struct bytes packed = {work->batch->data + BATCH_HEADER_SIZE,
                           work->batch->size - BATCH_HEADER_SIZE};
    if (work->kind == ADMIT)
        buf_unref(admitted(work->batch, -1));
    else if (work->kind == RECOMPRESS)
        buf_unref(admitted(work->batch, (int)work->codec));
    else if (work->kind == OWN_DECOMPRESS)
        own_decompress(work->codec, packed);
    else {
        own_decompress(CODEC_LZ4, packed);
        own_compress(work->codec, work->plain->data + BATCH_HEADER_SIZE,
                     work->plain->size - BATCH_HEADER_SIZE);
    }
}

/* Megabytes of records a CPU second. */
static double speed(struct work work, double seconds)
{
    double start = cpu_now(), spent;
    uint64_t count = 0;
    do {
        once(&work);
        count++;
    } while ((spent = cpu_now() - start) < seconds);
    return (double)count * (work.plain->size - BATCH_HEADER_SIZE) / spent / 1e6;
}

static void show(enum codec_type codec, const struct buf *plain, double seconds)
{
    static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    struct buf *own = admitted(plain, (int)codec), *lz4 = admitted(plain, CODEC_LZ4);
    struct work work = {.codec = codec, .batch = own, .plain = plain, .kind = ADMIT};
    double admit = speed(work, seconds);
    work.kind = OWN_DECOMPRESS;
    double decompress = speed(work, seconds);
    printf("%-7s %8u bytes  check %6.0f MB/s, library %6.0f, %5.1f %%", names[codec], plain->size,
           admit, decompress, 100 * admit / decompress);
    if (codec != CODEC_LZ4) {
        work.batch = lz4;
        work.kind = RECOMPRESS;
        double recompress = speed(work, seconds);
        work.kind = OWN_RECOMPRESS;
        double library = speed(work, seconds);
        printf("   from lz4 %6.0f MB/s, library %6.0f, %5.1f %%", recompress, library,
               100 * recompress / library);
    }
    printf("\n");
    buf_unref(own);
    buf_unref(lz4);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    static const uint32_t records[] = {16, 1000};
    reader = codec_reader_open();
    writer = codec_writer_open();
    for (uint32_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct buf *plain = plain_batch(records[i]);
        for (enum codec_type codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++)
            show(codec, plain, seconds);
        buf_unref(plain);
    }
    codec_reader_close(reader);
    codec_writer_close(writer);
    return 0;
}
