/* message_set.h -- messages of formats 0 and 1, as clients before 0.11 send and read them.
 *
 * They are never stored. What such a producer sends becomes one batch of format 2; what such a
 * consumer fetches is written anew for it: a compressed batch as a wrapper message with the
 * same codec, any other as plain messages. Headers are lost on the way, control batches are
 * left out.
 *
 * Source  KIP-31 (offsets in wrappers), KIP-32 (timestamps), KIP-98 (conversion). */
#ifndef MESSAGE_SET_H
#define MESSAGE_SET_H

#include "batch.h"

/* Convert a producer's messages, plain ones or one wrapper, into one batch in the topic's form.
 * Owns    one reference on *out is the caller's.
 * Errors  as batch_check(). */
enum err message_set_convert(struct bytes set, const struct batch_limits *limits,
                             const struct batch_form *form, struct buf **out,
                             struct batch_refusal *refusal);

/* What one consumer gets. */
struct message_set_form {
    uint8_t magic;     /* 0 or 1. */
    log_offset from;   /* Plain messages below it are left out. */
    uint32_t size_max; /* Bytes; the first message or wrapper is whole all the same. */
    struct codec_reader *reader;
    struct codec_writer *writer;
};

/* Append what becomes of one whole batch to **out, as codec_writer_start() does.
 * *is_full: the rest of it, or all of it, did not fit any more.
 * Errors  UNSUPPORTED_COMPRESSION_TYPE: zstd; CORRUPT: it can not be read. What was appended
 *         before stays. */
enum err message_set_add(struct buf **out, struct bytes batch, const struct message_set_form *form,
                         bool *is_full);

#endif
