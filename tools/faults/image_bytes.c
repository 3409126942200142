/* image_bytes.c -- one file's bytes: back to what was synced, then forward by verdicts.
 *
 * What a write put into a file is still there when its turn to be taken back comes, so it is read
 * then and set aside. A disk writes sectors, each as it is in memory: a sector that did not get an
 * older write cannot have a newer one that filled only a part of it. Such sectors are frozen until
 * they are written in full, or by a write that was synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "power_image.h"

enum { SECTOR_SIZE = 512, BUFFER_SIZE = 1 << 20 };

#define SPAN_MAX (UINT64_C(1) << 40) /* Of a file's uncovered bytes, from the first to the last. */

/* The new bytes of a write, while they are out of the file. */
struct aside {
    uint64_t at; /* In the scratch file. */
    uint64_t size;
};

struct work {
    struct image *image;
    struct file *file;
    int fd;
    int scratch_fd;
    uint64_t scratch_size;
    struct aside *asides; /* By place in the file's changes. */
    uint64_t first_sector;
    uint64_t sector_count;
    uint8_t *frozen; /* A bit a sector. */
    uint8_t *buffer;
};

static const struct change *change_at(const struct work *work, uint32_t i)
{
    return &work->image->changes[work->file->changes[i]];
}

static bool copy(struct work *work, int from, uint64_t from_offset, int to, uint64_t to_offset,
                 uint64_t size)
{
    while (size > 0) {
        size_t step = size < BUFFER_SIZE ? size : BUFFER_SIZE;
        ssize_t got = pread(from, work->buffer, step, (off_t)from_offset);
        if (got <= 0 || pwrite(to, work->buffer, (size_t)got, (off_t)to_offset) != got)
            return false;
        from_offset += (uint64_t)got;
        to_offset += (uint64_t)got;
        size -= (uint64_t)got;
    }
    return true;
}

/* Put the old bytes of [from, to) back; what no run tells was zero. */
static bool restore(struct work *work, const struct record *record, uint64_t from, uint64_t to)
{
    const uint8_t *payload = (const uint8_t *)(record + 1);
    uint64_t told = 0;
    struct record_run run;
    for (uint32_t at = 0; at < record->payload_size;
         at += (uint32_t)(sizeof run + record_padded(run.size))) {
        memcpy(&run, payload + at, sizeof run);
        told += run.size;
    }
    if (told < to - from && fallocate(work->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      (off_t)from, (off_t)(to - from)) != 0)
        return false;
    for (uint32_t at = 0; at < record->payload_size;
         at += (uint32_t)(sizeof run + record_padded(run.size))) {
        memcpy(&run, payload + at, sizeof run);
        if (pwrite(work->fd, payload + at + sizeof run, run.size, (off_t)run.offset) !=
            (ssize_t)run.size)
            return false;
    }
    return true;
}

static bool take_back(struct work *work, uint32_t i)
{
    const struct record *record = change_at(work, i)->record;
    struct stat about;
    if (fstat(work->fd, &about) != 0)
        return false;
    uint64_t size = (uint64_t)about.st_size;
    uint64_t from = record->offset;
    uint64_t end = record->kind == RECORD_WRITE ? from + record->bytes : UINT64_MAX;
    if (record->kind == RECORD_WRITE && from < size) {
        struct aside *aside = &work->asides[i];
        aside->at = work->scratch_size;
        aside->size = (end < size ? end : size) - from;
        if (!copy(work, work->fd, from, work->scratch_fd, aside->at, aside->size))
            return false;
        work->scratch_size += aside->size;
    }
    uint64_t old_end = end < record->old_size ? end : record->old_size;
    if (ftruncate(work->fd, (off_t)record->old_size) != 0)
        return false;
    return old_end <= from || restore(work, record, from, old_end);
}

static bool is_frozen(const struct work *work, uint64_t sector)
{
    uint64_t bit = sector - work->first_sector;
    return work->frozen[bit / 8] >> bit % 8 & 1;
}

static void set_frozen(struct work *work, uint64_t sector, bool frozen)
{
    uint64_t bit = sector - work->first_sector;
    uint8_t mask = (uint8_t)(1 << bit % 8);
    if (frozen)
        work->frozen[bit / 8] |= mask;
    else
        work->frozen[bit / 8] &= (uint8_t)~mask;
}

/* Whether the disk got this sector of the write. */
static bool takes_sector(struct work *work, const struct change *change, struct rand *rand,
                         uint64_t sector, bool is_whole)
{
    bool takes = change->verdict == VERDICT_SURE ||
                 ((change->verdict == VERDICT_KEEP ||
                   (change->verdict == VERDICT_TEAR && rand_chance(rand, 1, 2))) &&
                  (is_whole || !is_frozen(work, sector)));
    set_frozen(work, sector, !takes);
    return takes;
}

static void count_fate(struct power_result *result, uint64_t done, uint64_t size)
{
    result->operations++;
    result->kept += done == size;
    result->dropped += done == 0;
    result->torn += done > 0 && done < size;
}

static bool bring_back(struct work *work, const struct change *change, const struct aside *aside,
                       uint64_t from, uint64_t to)
{
    return copy(work, work->scratch_fd, aside->at + (from - change->record->offset), work->fd, from,
                to - from);
}

static bool write_again(struct work *work, uint32_t i)
{
    const struct change *change = change_at(work, i);
    const struct aside *aside = &work->asides[i];
    uint64_t end = change->record->offset + aside->size;
    uint64_t taken_from = change->record->offset; /* Up to where we are, all sectors are taken. */
    uint64_t done = 0;
    struct rand rand;
    rand_init(&rand, rand_derive(work->image->options->seed, change->record->sequence));
    for (uint64_t at = taken_from, stop; at < end; at = stop) {
        uint64_t sector = at / SECTOR_SIZE;
        stop = (sector + 1) * SECTOR_SIZE < end ? (sector + 1) * SECTOR_SIZE : end;
        if (takes_sector(work, change, &rand, sector, stop - at == SECTOR_SIZE))
            continue;
        if (!bring_back(work, change, aside, taken_from, at))
            return false;
        done += at - taken_from;
        taken_from = stop;
    }
    if (!bring_back(work, change, aside, taken_from, end))
        return false;
    done += end - taken_from;
    if (change->verdict != VERDICT_SURE && aside->size > 0) { /* Else it was never done. */
        count_fate(work->image->result, done, aside->size);
        work->image->result->bytes_dropped += aside->size - done;
    }
    return true;
}

/* A cut empties what memory has of the sectors behind it, so one that did not reach the disk keeps
 * writes of less than a sector from there, too; and one that did makes them whole. */
static bool resize_again(struct work *work, const struct change *change)
{
    const struct record *record = change->record;
    bool is_kept = change->verdict == VERDICT_SURE || change->verdict == VERDICT_KEEP;
    uint64_t cut = record->offset + (is_kept ? SECTOR_SIZE - 1 : 0);
    for (uint64_t i = 0; record->offset < record->old_size && i < work->sector_count; i++)
        if (work->first_sector + i >= cut / SECTOR_SIZE)
            set_frozen(work, work->first_sector + i, !is_kept);
    if (change->verdict != VERDICT_SURE)
        count_fate(work->image->result, is_kept, 1);
    return !is_kept || ftruncate(work->fd, (off_t)record->offset) == 0;
}

static bool do_again(struct work *work, uint32_t i)
{
    const struct change *change = change_at(work, i);
    return change->record->kind == RECORD_WRITE ? write_again(work, i) : resize_again(work, change);
}

/* The sectors that uncovered writes touch. */
static bool find_span(struct work *work, uint32_t first)
{
    uint64_t from = UINT64_MAX;
    uint64_t end = 0;
    for (uint32_t i = first; i < work->file->count; i++) {
        const struct record *record = change_at(work, i)->record;
        if (record->kind != RECORD_WRITE)
            continue;
        from = record->offset < from ? record->offset : from;
        end = record->offset + record->bytes > end ? record->offset + record->bytes : end;
    }
    if (end > from && end - from > SPAN_MAX)
        return false;
    work->first_sector = from / SECTOR_SIZE;
    work->sector_count = end > from ? end / SECTOR_SIZE + 1 - work->first_sector : 0;
    return true;
}

static int open_file(const struct image *image, const struct file *file)
{
    const char *path = map_get(&image->paths, &file->inode);
    const char *kept = map_get(&image->kept, &file->inode);
    if (path)
        return openat(image->data_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (kept)
        return openat(image->journal_fd, kept, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    errno = ENOENT;
    return -1;
}

static bool settle(struct work *work, uint32_t first)
{
    for (uint32_t i = work->file->count; i-- > first;)
        if (!take_back(work, i))
            return false;
    for (uint32_t i = first; i < work->file->count; i++)
        if (!do_again(work, i))
            return false;
    return true;
}

bool image_settle_bytes(struct image *image, struct file *file)
{
    struct work work = {.image = image, .file = file};
    uint32_t first = 0;
    while (first < file->count && change_at(&work, first)->verdict == VERDICT_SURE)
        first++;
    if (first == file->count)
        return true;
    work.fd = open_file(image, file);
    if (work.fd < 0 && errno == ENOENT)
        return true; /* It lost its last name, and the process held it: nobody can see it. */
    work.scratch_fd =
        openat(image->journal_fd, "scratch", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    bool ok = work.fd >= 0 && work.scratch_fd >= 0 && find_span(&work, first);
    if (ok) {
        work.asides = mem_zalloc(file->count * sizeof *work.asides);
        work.frozen = mem_zalloc(work.sector_count / 8 + 1);
        work.buffer = mem_alloc(BUFFER_SIZE);
        ok = settle(&work, first);
    }
    if (!ok)
        image_fails(image, "the file of inode %llu: %s", (unsigned long long)file->inode,
                    strerror(errno));
    mem_free(work.asides);
    mem_free(work.frozen);
    mem_free(work.buffer);
    close(work.fd);
    close(work.scratch_fd);
    unlinkat(image->journal_fd, "scratch", 0);
    return ok;
}
