/* records.h -- the records inside an uncompressed batch. */
#ifndef LOG_RECORDS_H
#define LOG_RECORDS_H

#include "batch.h"

/* Check the records of a client's batch against its header and the limits; compressed ones
 * only by the header's timestamps.
 * Errors  INVALID_RECORD, INVALID_TIMESTAMP; *reason is a static sentence. */
enum err records_check(struct bytes batch, const struct batch_info *info,
                       const struct batch_limits *limits, const char **reason);

#endif
