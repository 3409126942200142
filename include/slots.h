/* slots.h -- a small value that survives power loss: two checksummed copies, written in turn.
 *
 * The copies are the files `<path>.0` and `<path>.1`, so that a value may grow.
 * The copy that was synced last is never overwritten (rule 21), and a value found
 * at the start is written again, byte for byte, before it counts as synced (rule 8).
 * Used for marks and for the vote.
 *
 * Layout of a copy: magic "SKIF" u32, version u16 = 1, zero u16, kind u32, sequence u64,
 * payload size u32, CRC-32C u32 of all before and of the payload, payload.
 *
 * The caller's loop: slots_write(), env_sync() over slots_sync_files(), and upon
 * ENV_SYNCED slots_on_synced(). After slots_open() the same, without the write,
 * when slots_needs_sync(). */
#ifndef SLOTS_H
#define SLOTS_H

#include "base/base.h"
#include "env.h"

enum {
    SLOTS_HEADER_SIZE = 28,
    SLOTS_SYNC_FILES_MAX = 2,     /* The copy, and the directory of a new one. */
    SLOTS_PAYLOAD_MAX = 64 << 20, /* Bytes; more in a file is corrupt. */
};

struct slots;

struct slots_config {
    const char *path; /* Without ".0"; relative to the data directory. */
    uint32_t kind;    /* What the payload is; another kind in the file is corrupt. */
    uint32_t reserve; /* Bytes reserved for each copy (rule 22). */
};

/* Open both copies, creating what is missing, and find the newest value.
 * Owns    *out until slots_close().
 * Errors  ERR_CORRUPT: there was a synced value and neither copy is whole;
 *         ERR_IO, ERR_SPACE, ERR_FILES, ERR_DENIED. */
enum err slots_open(struct slots **out, struct env *env, const struct slots_config *config);
void slots_close(struct slots *slots);

/* The newest value: read at the start or last written; data == NULL: none yet.
 * Owns    borrowed until the next write or slots_on_synced(). */
struct bytes slots_payload(const struct slots *slots);

/* Write `payload` over the copy that is not the last synced one. Not durable before
 * slots_needs_sync() is false again. While a sync is in flight, or the value found at the
 * start is not synced yet, it is kept and written by slots_on_synced().
 * Errors  ERR_IO, ERR_SPACE: not written; the last synced value stands. */
enum err slots_write(struct slots *slots, struct bytes payload);

/* The newest value is not known to be durable: sync, again after each slots_on_synced(). */
bool slots_needs_sync(const struct slots *slots);

/* What one env_sync() must cover; marks the sync as in flight. Returns the count. */
uint32_t slots_sync_files(struct slots *slots, file_id files[SLOTS_SYNC_FILES_MAX]);

/* The sync ended. After a failure the copy is written again and needs another sync.
 * Errors  `result`, or what writing a value that was kept met. */
enum err slots_on_synced(struct slots *slots, enum err result);

#endif
