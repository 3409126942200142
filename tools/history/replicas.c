/* replicas.c -- the copies of one partition, batch by batch, in the order of offsets.
 *
 * A follower copies whole batches, so the same offset begins the same bytes everywhere, whatever
 * the segments. A batch that one copy has and another, whose segments begin at or below it and
 * which goes on above it, has not is a difference, too; a copy that merely begins later, or
 * ends earlier, than what was read is short. */
#include "replicas.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "replica.h"
#include "say.h"

/* A copy under comparison. */
struct copy {
    uint32_t dir; /* Of the request. */
    struct replica *replica;
    enum replica_result result;
    const struct replica_place *at;
};

struct comparison {
    const struct replicas_request *request;
    uint32_t partition;
    struct replicas_range range;
    uint32_t count;
    struct copy copies[REPLICAS_MAX];
    struct replicas_result *result;
};

static void move(struct copy *copy)
{
    copy->result = replica_next(copy->replica);
    copy->at = replica_at(copy->replica);
}

/* It has a batch here that is to be compared. */
static bool is_within(const struct comparison *comparison, const struct copy *copy)
{
    return copy->result == REPLICA_BATCH && copy->at->info.base < comparison->range.end;
}

/* Its segments begin at or below an offset. */
static bool has_begun(const struct copy *copy, int64_t offset)
{
    return replica_start(copy->replica) <= offset;
}

/* ---- Differences. */

static struct replicas_witness *add_witness(struct comparison *comparison)
{
    struct replicas_result *result = comparison->result;
    result->differ++;
    if (result->witness_count == REPLICAS_WITNESSES_MAX)
        return NULL;
    return &result->witnesses[result->witness_count++];
}

static void add_line(struct replicas_witness *witness, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_line(struct replicas_witness *witness, const char *format, ...)
{
    va_list arguments;
    if (!witness || witness->line_count == REPLICAS_WITNESS_LINES)
        return;
    va_start(arguments, format);
    vsnprintf(witness->lines[witness->line_count++], REPLICAS_LINE_SIZE, format, arguments);
    va_end(arguments);
}

static void add_copy(struct replicas_witness *witness, const struct copy *copy)
{
    enum { CRC_FROM = 21 }; /* What stands before is not in the checksum. */
    const struct replica_place *at = copy->at;
    if (copy->result != REPLICA_BATCH) {
        add_line(witness, "%s:%llu: %s", at->path, (unsigned long long)at->position,
                 copy->result == REPLICA_END ? "the copy ends" : "no batch begins here");
        return;
    }
    bool is_whole = crc32c(0, at->bytes.data + CRC_FROM, at->bytes.size - CRC_FROM) == at->info.crc;
    add_line(witness,
             "%s:%llu: base_offset=%lld last_offset=%lld leader_epoch=%d records=%d bytes=%u "
             "producer_id=%lld base_sequence=%d crc=0x%08x%s",
             at->path, (unsigned long long)at->position, (long long)at->info.base,
             (long long)batch_last(&at->info), at->info.epoch, at->info.record_count, at->info.size,
             (long long)at->info.producer_id, at->info.base_sequence, at->info.crc,
             is_whole ? "" : " (its bytes do not have this checksum)");
}

static uint32_t first_difference(struct bytes a, struct bytes b)
{
    uint32_t at = 0;
    while (at < a.size && at < b.size && a.data[at] == b.data[at])
        at++;
    return at;
}

static void tell_bytes(struct comparison *comparison, const struct copy *a, const struct copy *b)
{
    struct replicas_witness *witness = add_witness(comparison);
    add_line(witness, "partition %u: offset %lld: two copies differ from byte %u of the batch on",
             comparison->partition, (long long)a->at->info.base,
             first_difference(a->at->bytes, b->at->bytes));
    add_copy(witness, a);
    add_copy(witness, b);
}

static void tell_missing(struct comparison *comparison, const struct copy *has,
                         const struct copy *lacks)
{
    struct replicas_witness *witness = add_witness(comparison);
    add_line(witness, "partition %u: offset %lld: a batch that one copy has and another has not",
             comparison->partition, (long long)has->at->info.base);
    add_copy(witness, has);
    add_copy(witness, lacks);
}

static void tell_broken(struct comparison *comparison, const struct copy *copy)
{
    struct replicas_witness *witness = add_witness(comparison);
    add_line(witness, "partition %u: offset %lld: a copy is unreadable from here on",
             comparison->partition, (long long)copy->at->next_offset);
    add_copy(witness, copy);
}

/* ---- One step. */

static bool is_same(const struct copy *a, const struct copy *b)
{
    return a->at->bytes.size == b->at->bytes.size &&
           !memcmp(a->at->bytes.data, b->at->bytes.data, a->at->bytes.size);
}

/* The copy whose next batch has the lowest offset; NULL: none is within. */
static struct copy *find_lowest(struct comparison *comparison)
{
    struct copy *lowest = NULL;
    for (uint32_t i = 0; i < comparison->count; i++) {
        struct copy *copy = &comparison->copies[i];
        if (is_within(comparison, copy) && (!lowest || copy->at->info.base < lowest->at->info.base))
            lowest = copy;
    }
    return lowest;
}

/* Compare the batches at the lowest offset, and move their copies on. */
static bool compare_next(struct comparison *comparison)
{
    struct copy *lowest = find_lowest(comparison);
    if (!lowest)
        return false;
    int64_t base = lowest->at->info.base;
    uint32_t same = 0;
    const struct copy *other = NULL;
    const struct copy *lacking = NULL;
    for (uint32_t i = 0; i < comparison->count; i++) {
        const struct copy *copy = &comparison->copies[i];
        if (copy->result != REPLICA_BATCH)
            continue;
        if (copy->at->info.base > base)
            lacking = has_begun(copy, base) ? copy : lacking;
        else if (is_same(lowest, copy))
            same++;
        else
            other = copy;
    }
    comparison->result->compared += same > 1 || other;
    if (other)
        tell_bytes(comparison, lowest, other);
    else if (lacking)
        tell_missing(comparison, lowest, lacking);
    for (uint32_t i = 0; i < comparison->count; i++) {
        struct copy *copy = &comparison->copies[i];
        if (copy->result == REPLICA_BATCH && copy->at->info.base == base)
            move(copy);
    }
    return true;
}

/* ---- One partition. */

/* A copy that is missing, or where there is one, short at its beginning or its end. */
static void add_short(struct comparison *comparison, uint32_t dir, const struct copy *copy)
{
    struct replicas_result *result = comparison->result;
    mem_grow(result->shorts, result->short_count, &result->short_capacity);
    result->shorts[result->short_count++] = (struct replicas_short){
        .partition = comparison->partition,
        .dir = dir,
        .is_there = copy != NULL,
        .may_miss = comparison->request->may_miss[dir],
        .start = copy ? replica_start(copy->replica) : 0,
        .end = copy && copy->at->next_offset > 0 ? copy->at->next_offset : 0,
        .wanted = comparison->range};
}

static bool open_copy(struct comparison *comparison, uint32_t dir)
{
    char path[PATH_MAX];
    struct copy *copy = &comparison->copies[comparison->count];
    snprintf(path, sizeof path, "%s/%s-%u", comparison->request->dirs[dir],
             comparison->request->topic, comparison->partition);
    if (!replica_open(&copy->replica, path))
        return false;
    copy->dir = dir;
    move(copy);
    comparison->count++;
    return true;
}

/* A partition need not be in every directory, but in as many as it has copies. */
static void open_copies(struct comparison *comparison)
{
    const struct replicas_request *request = comparison->request;
    uint32_t copies = request->copies ? request->copies : request->dir_count;
    uint32_t missing[REPLICAS_MAX];
    uint32_t missing_count = 0;
    for (uint32_t dir = 0; dir < request->dir_count; dir++)
        if (!open_copy(comparison, dir))
            missing[missing_count++] = dir;
    for (uint32_t i = 0; comparison->count < copies && i < missing_count; i++)
        add_short(comparison, missing[i], NULL);
}

/* What lies below may be gone from one copy and not yet from another. */
static void skip_to_range(struct comparison *comparison)
{
    for (uint32_t i = 0; i < comparison->count; i++) {
        struct copy *copy = &comparison->copies[i];
        while (copy->result == REPLICA_BATCH &&
               batch_last(&copy->at->info) < comparison->range.from)
            move(copy);
    }
}

static void finish(struct comparison *comparison, bool has_compared)
{
    uint32_t complete = 0;
    for (uint32_t i = 0; i < comparison->count; i++) {
        struct copy *copy = &comparison->copies[i];
        bool reaches_end =
            copy->result == REPLICA_BATCH || copy->at->next_offset >= comparison->range.end;
        bool is_complete = reaches_end && has_begun(copy, comparison->range.from);
        complete += is_complete;
        if (!reaches_end && copy->result == REPLICA_BROKEN)
            tell_broken(comparison, copy);
        else if (!is_complete)
            add_short(comparison, copy->dir, copy);
        replica_close(copy->replica);
    }
    if (complete < 2 || !has_compared)
        comparison->result->alone++;
}

void replicas_compare(const struct replicas_request *request, uint32_t partition,
                      struct replicas_range range, struct replicas_result *result)
{
    struct comparison comparison = {
        .request = request, .partition = partition, .range = range, .result = result};
    result->partitions++;
    if (range.from >= range.end)
        return; /* Nothing was there to be read, so nothing can be missing. */
    open_copies(&comparison);
    skip_to_range(&comparison);
    uint64_t compared = result->compared;
    while (compare_next(&comparison))
        ;
    finish(&comparison, result->compared > compared);
}

void replicas_free(struct replicas_result *result)
{
    mem_free(result->shorts);
}

uint32_t replicas_unexcused(const struct replicas_result *result)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < result->short_count; i++)
        count += !result->shorts[i].may_miss;
    return count;
}

int replicas_exit_code(const struct replicas_result *result)
{
    if (result->differ)
        return EXIT_VIOLATION;
    bool is_proven = result->compared && !result->alone && !replicas_unexcused(result);
    return is_proven ? EXIT_DONE : EXIT_INCONCLUSIVE;
}
