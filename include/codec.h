/* codec.h -- compresses and decompresses the records of a batch, piece by piece.
 *
 * What is decompressed is asked for in pieces and held against a limit, so that nobody holds
 * more of a bomb than one piece, and no size that the bytes claim is believed. The formats are
 * those of Kafka's clients: gzip of one or more members, snappy raw or in xerial's blocks, one
 * LZ4 frame of independent blocks, zstd frames. Contexts are dear, so a reader and a writer are
 * kept and used again and again. Memory in and out: no file, no clock.
 *
 * Source  KIP-110 (zstd), KIP-390 (levels), KIP-57 (LZ4's header of format 0). */
#ifndef CODEC_H
#define CODEC_H

#include "base/base.h"

/* As in a batch's attributes; the last one never stands there. */
enum codec_type {
    CODEC_NONE,
    CODEC_GZIP,
    CODEC_SNAPPY,
    CODEC_LZ4,
    CODEC_ZSTD,
    CODEC_LZ4_FORMAT_0, /* LZ4 with the header checksum that messages of format 0 have. */
};

enum { CODEC_PIECE_SIZE = 128 * 1024 }; /* A good size of piece: no codec's blocks are larger. */

/* The level that compression.<type>.level has by default; 0 where there is none. */
int32_t codec_level_default(enum codec_type type);

struct codec_reader;
struct codec_reader *codec_reader_open(void);
void codec_reader_close(struct codec_reader *reader); /* NULL is fine. */

/* Begin to decompress `compressed`, which is borrowed until the last piece; what was begun
 * before is forgotten. More than `size_max` bytes are refused. */
void codec_reader_start(struct codec_reader *reader, enum codec_type type, struct bytes compressed,
                        uint64_t size_max);

/* The next bytes, as many as `room` holds unless it is the last piece; *got 0: the well-formed end.
 * Errors  ERR_CORRUPT: malformed or cut off; ERR_TOO_LARGE: over size_max. Both are final. */
enum err codec_reader_next(struct codec_reader *reader, uint8_t *out, uint32_t room, uint32_t *got);

/* CODEC_PIECE_SIZE bytes that belong to the reader, for whoever reads what was started: a piece of
 * warm memory costs less than a new one for each batch. */
uint8_t *codec_reader_piece(struct codec_reader *reader);

struct codec_writer;
struct codec_writer *codec_writer_open(void);
void codec_writer_close(struct codec_writer *writer); /* NULL is fine. */

/* Begin to compress at the end of **out, which grows and moves as it must until the finish.
 * Owns    *out stays the caller's, who holds the only reference. */
void codec_writer_start(struct codec_writer *writer, enum codec_type type, int32_t level,
                        struct buf **out);
void codec_writer_add(struct codec_writer *writer, struct bytes bytes);
void codec_writer_finish(struct codec_writer *writer);

#endif
