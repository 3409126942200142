/* batch_layout.h -- where the fields of a batch header lie, and what files on batches share. */
#ifndef LOG_BATCH_LAYOUT_H
#define LOG_BATCH_LAYOUT_H

#include "batch.h"

enum {
    BATCH_BASE_AT = 0,
    BATCH_LENGTH_AT = 8,
    BATCH_EPOCH_AT = 12,
    BATCH_MAGIC_AT = 16,
    BATCH_CRC_AT = 17,
    BATCH_ATTRIBUTES_AT = 21, /* The checksum covers all from here. */
    BATCH_LAST_DELTA_AT = 23,
    BATCH_BASE_TIMESTAMP_AT = 27,
    BATCH_MAX_TIMESTAMP_AT = 35,
    BATCH_PRODUCER_ID_AT = 43,
    BATCH_PRODUCER_EPOCH_AT = 51,
    BATCH_SEQUENCE_AT = 53,
    BATCH_COUNT_AT = 57,
};

/* Write a header; the checksum is batch_seal()'s. */
void batch_write_header(uint8_t *at, const struct batch_info *info);
bool batch_has_right_crc(const uint8_t *batch, const struct batch_info *info);
/* Bytes that the records of a client's batch may take when they are decompressed. */
uint64_t batch_content_max(const struct batch_limits *limits);

#endif
