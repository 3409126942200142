/* convert.c -- the broker's conversions of records, from file to file.
 *
 *   convert admit IN OUT CODEC        what becomes of a client's records; CODEC -1: as it comes
 *   convert fetch IN OUT MAGIC FROM   what a consumer of format MAGIC gets from FROM on
 *
 * CODEC is the number in a batch's attributes. A refusal is printed, with exit code 1. */
#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "message_set.h"

enum { FILE_SIZE_MAX = 64 << 20 };

static struct buf *read_file(const char *path)
{
    struct buf *buf = buf_new(FILE_SIZE_MAX);
    FILE *file = fopen(path, "rb");
    check(file);
    buf->size = (uint32_t)fread(buf->data, 1, FILE_SIZE_MAX, file);
    fclose(file);
    return buf;
}

static void write_file(const char *path, struct bytes bytes)
{
    FILE *file = fopen(path, "wb");
    check(file);
    size_t written = fwrite(bytes.data, 1, bytes.size, file);
    check(written == bytes.size);
    fclose(file);
}

static enum err admit(char **words, struct codec_reader *reader, struct codec_writer *writer)
{
    int codec = atoi(words[2]);
    struct batch_limits limits = {
        .size_max = FILE_SIZE_MAX, .zstd_allowed = true, .now = -1, .reader = reader};
    struct batch_form form = {.append_time = -1,
                              .is_old_allowed = true,
                              .keeps_codec = codec < 0,
                              .codec = codec < 0 ? CODEC_NONE : (enum codec_type)codec,
                              .levels = {[CODEC_GZIP] = -1, [CODEC_LZ4] = 9, [CODEC_ZSTD] = 3},
                              .writer = writer};
    struct slice slice = {.buf = read_file(words[0])};
    struct batch_refusal refusal;
    struct batch_info info;
    slice.bytes = (struct bytes){slice.buf->data, slice.buf->size};
    enum err err = batch_admit(&slice, &limits, &form, &info, &refusal);
    if (err == ERR_NONE)
        write_file(words[1], slice.bytes);
    else
        printf("%s: %s\n", err_name(err), refusal.reason);
    buf_unref(slice.buf);
    return err;
}

static enum err fetch(char **words, struct codec_reader *reader, struct codec_writer *writer)
{
    struct buf *in = read_file(words[0]), *out = buf_new(64);
    struct bytes batch = {in->data, in->size};
    struct message_set_form form = {.magic = (uint8_t)atoi(words[2]),
                                    .from = atoll(words[3]),
                                    .size_max = FILE_SIZE_MAX,
                                    .reader = reader,
                                    .writer = writer};
    bool is_full;
    enum err err = message_set_add(&out, batch, &form, &is_full);
    if (err == ERR_NONE)
        write_file(words[1], (struct bytes){out->data, out->size});
    else
        printf("%s\n", err_name(err));
    buf_unref(in);
    buf_unref(out);
    return err;
}

int main(int argc, char **argv)
{
    struct codec_reader *reader = codec_reader_open();
    struct codec_writer *writer = codec_writer_open();
    enum err err = ERR_INVALID_REQUEST;
    if (argc == 5 && strcmp(argv[1], "admit") == 0)
        err = admit(argv + 2, reader, writer);
    else if (argc == 6 && strcmp(argv[1], "fetch") == 0)
        err = fetch(argv + 2, reader, writer);
    codec_reader_close(reader);
    codec_writer_close(writer);
    return err == ERR_NONE ? 0 : 1;
}
