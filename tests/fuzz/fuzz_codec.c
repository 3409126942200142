/* fuzz_codec.c -- any bytes, as what a codec has compressed.
 *
 * The first byte chooses the codec, the second the size of a piece and the limit. However
 * the pieces are cut, the same comes out, or the same error; never more than the limit; and
 * what came out can be compressed and comes back. */
#include "codec.h"

enum { CONTENT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum err err;
    uint32_t size;
    uint32_t crc;
};

/* Read all of it in pieces of `piece` bytes; what comes out goes to `out` too, if given. */
static struct outcome read_all(struct codec_reader *reader, enum codec_type type,
                               struct bytes packed, uint32_t limit, uint32_t piece,
                               struct buf **out)
{
    struct outcome outcome = {.err = ERR_NONE};
    uint8_t *memory = mem_alloc(piece);
    uint32_t got = 1;
    codec_reader_start(reader, type, packed, limit);
    while (got > 0) {
        got = 0;
        outcome.err = codec_reader_next(reader, memory, piece, &got);
        if (outcome.err != ERR_NONE)
            break;
        check(got <= piece);
        outcome.size += got;
        check(outcome.size <= limit);
        outcome.crc = crc32c(outcome.crc, memory, got);
        if (out && got > 0) {
            buf_make_room(out, got);
            memcpy((*out)->data + (*out)->size, memory, got);
            (*out)->size += got;
        }
    }
    check(outcome.err == ERR_NONE || outcome.err == ERR_CORRUPT || outcome.err == ERR_TOO_LARGE);
    mem_free(memory);
    return outcome;
}

static void check_again(struct codec_reader *reader, enum codec_type type, struct bytes content)
{
    struct codec_writer *writer = codec_writer_open();
    struct buf *packed = buf_new(16);
    codec_writer_start(writer, type, codec_level_default(type), &packed);
    codec_writer_add(writer, content);
    codec_writer_finish(writer);
    struct outcome again =
        read_all(reader, type, (struct bytes){.data = packed->data, .size = packed->size},
                 content.size, CODEC_PIECE_SIZE, NULL);
    check(again.err == ERR_NONE);
    check(again.size == content.size);
    check(again.crc == crc32c(0, content.data, content.size));
    codec_writer_close(writer);
    buf_unref(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum codec_type type = (enum codec_type)(data[0] % (CODEC_LZ4_FORMAT_0 + 1));
    uint32_t piece = 1 + data[1] * 37U, limit = data[1] % 4 == 3 ? 100 : CONTENT_MAX;
    struct bytes packed = {.data = data + 2, .size = (uint32_t)size - 2};
    struct codec_reader *reader = codec_reader_open();
    struct buf *out = buf_new(16);

    struct outcome whole = read_all(reader, type, packed, limit, CODEC_PIECE_SIZE, &out);
    struct outcome pieces = read_all(reader, type, packed, limit, piece, NULL);
    check((whole.err == ERR_NONE) == (pieces.err == ERR_NONE));
    if (whole.err == ERR_NONE) {
        check(whole.size == pieces.size);
        check(whole.crc == pieces.crc);
        check_again(reader, type, (struct bytes){.data = out->data, .size = out->size});
    }
    buf_unref(out);
    codec_reader_close(reader);
    return 0;
}
