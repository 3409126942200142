/* model.c -- what a compacted log owes to those who read it.
 *
 *   K1  the last committed value of each key is there; a deleted key has none
 *   K2  only what a later committed record supersedes is gone
 *   K3  a tombstone is there for delete.retention.ms after the first compaction that saw it
 *   K4  what is there is what was appended, at its offset
 *   K5  of what was compacted there is one record a key
 *   K6  the key map keeps to its buffer
 *   K7  producers go on in sequence
 *   K8  the log is sound after every crash
 *   K9  what may go goes */
#include <stdio.h>

#include "history.h"
#include "records.h"

void violate(struct history *history, const char *checker)
{
    if (!history->violated)
        history->violated = checker;
}

static void check_record(struct history *history, const struct batch_record *record)
{
    char key[32], value[32];
    struct written *written = &history->records[record->offset];

    if (record->offset >= history->end || written->is_present) {
        violate(history, "K4");
        return;
    }
    int key_size = snprintf(key, sizeof key, "key-%u", written->key);
    int value_size = snprintf(value, sizeof value, "value-%u ", written->serial);
    bool is_right = record->key.size == (uint32_t)key_size &&
                    memcmp(record->key.data, key, record->key.size) == 0 &&
                    record->timestamp == written->timestamp;
    if (written->serial == 0)
        is_right = is_right && !record->value.data;
    else
        is_right = is_right && record->value.size >= (uint32_t)value_size &&
                   memcmp(record->value.data, value, (size_t)value_size) == 0;
    if (!is_right)
        violate(history, "K4");
    written->is_present = true;
}

/* Returns where the next batch is to be looked for. */
static log_offset check_batch(struct history *history, struct bytes *rest)
{
    struct batch_walk walk;
    struct batch_record record;
    struct batch_info info;
    struct bytes batch;
    enum err err;

    if (batch_next(rest, &info, &batch) != ERR_NONE) {
        violate(history, "K4");
        return history->end;
    }
    batch_walk_open(&walk, batch, history->reader);
    while ((err = batch_walk_next(&walk, &record)) == ERR_NONE)
        check_record(history, &record);
    batch_walk_close(&walk);
    if (err != ERR_NOT_FOUND)
        violate(history, "K4");
    return batch_end(&info);
}

static void read_all(struct history *history)
{
    struct log *log = history->fixture.log;
    log_offset at = log_ends(log)->start;

    for (log_offset i = 0; i < history->end; i++)
        history->records[i].is_present = false;
    while (at < log_ends(log)->written && !history->violated) {
        struct buf *buf = NULL;
        if (log_read(log, at, 1, LOG_BOUND_WRITTEN, &buf) != ERR_NONE) {
            violate(history, "K8");
            return;
        }
        if (!buf) {
            violate(history, "K8"); /* Nothing between here and the end of what is written. */
            return;
        }
        struct bytes rest = {.data = buf->data, .size = buf->size};
        at = check_batch(history, &rest);
        buf_unref(buf);
    }
}

static void check_absent(struct history *history, const log_offset last[KEYS_MAX], log_offset at)
{
    const struct written *written = &history->records[at];

    if (last[written->key] > at)
        return; /* Superseded by what is committed. */
    bool is_tombstone = written->serial == 0;
    if (is_tombstone && written->seen >= 0 && history->fixture.wall >= written->seen + RETENTION_MS)
        return;
    for (log_offset i = at + 1; i < history->end && !is_tombstone; i++)
        if (history->records[i].key == written->key)
            violate(history, "K2"); /* By one that may still be truncated. */
    violate(history, is_tombstone ? "K3" : "K1");
}

/* In the clean part a key stands once; and no value comes back once its tombstone is gone. */
static void check_keys(struct history *history, const log_offset last[KEYS_MAX])
{
    log_offset seen[KEYS_MAX];

    for (uint32_t i = 0; i < KEYS_MAX; i++)
        seen[i] = -1;
    log_offset start = log_ends(history->fixture.log)->start;
    for (log_offset i = start; i < history->fixture.log->clean_end && i < history->end; i++) {
        const struct written *written = &history->records[i];
        if (!written->is_present)
            continue;
        if (seen[written->key] >= 0)
            violate(history, "K5");
        seen[written->key] = i;
    }
    for (log_offset i = start; i < history->committed; i++) {
        const struct written *written = &history->records[i];
        log_offset newest = last[written->key];
        if (written->is_present && newest > i && !history->records[newest].is_present)
            violate(history, "K1");
    }
}

void model_check(struct history *history)
{
    log_offset last[KEYS_MAX];

    for (uint32_t i = 0; i < KEYS_MAX; i++)
        last[i] = -1;
    for (log_offset i = 0; i < history->committed; i++)
        last[history->records[i].key] = i;
    read_all(history);
    const struct log_ends *ends = log_ends(history->fixture.log);
    for (log_offset i = ends->start; i < ends->written && !history->violated; i++)
        if (!history->records[i].is_present)
            check_absent(history, last, i);
    if (!history->violated)
        check_keys(history, last);
}

void model_check_clean(struct history *history, log_offset clean_end)
{
    model_check(history);
    for (log_offset i = log_ends(history->fixture.log)->start; i < clean_end; i++)
        if (history->records[i].is_present && history->records[i].serial == 0)
            violate(history, "K9");
    if (history->fixture.log->clean_end < clean_end)
        violate(history, "K9");
}
