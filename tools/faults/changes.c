/* changes.c -- the old bytes of a range, into the journal.
 *
 * An append has none, so its record is all that it costs. What is large (the tail of a file that
 * is cut) is read without its holes: Kafka cuts indexes of megabytes that are empty but for a
 * page. */
#include "changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

enum { WHOLE_SIZE_MAX = 64 << 10 }; /* Up to here nobody looks for holes. */

struct range {
    uint64_t from;
    uint64_t to;
};

static int open_again(int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
}

/* The next run of bytes at or after `range->from`; false: only zeros up to the end. */
static bool next_run(int fd, struct range *range, struct record_run *out)
{
    if (range->from >= range->to)
        return false;
    int64_t start = syscall(SYS_lseek, fd, (off_t)range->from, SEEK_DATA);
    if (start < 0 || (uint64_t)start >= range->to)
        return false;
    int64_t end = syscall(SYS_lseek, fd, (off_t)start, SEEK_HOLE);
    uint64_t stop = end < 0 || (uint64_t)end > range->to ? range->to : (uint64_t)end;
    *out = (struct record_run){.offset = (uint64_t)start, .size = stop - (uint64_t)start};
    range->from = stop;
    return true;
}

static size_t run_room(const struct record_run *run)
{
    return sizeof *run + record_padded(run->size);
}

/* False: it cannot be read through this descriptor. */
static bool copy_run(int fd, const struct record_run *run, struct record *record)
{
    uint8_t *at = (uint8_t *)(record + 1) + record->payload_size;
    memcpy(at, run, sizeof *run);
    for (uint64_t done = 0; done < run->size;) {
        int64_t got = syscall(SYS_pread64, fd, at + sizeof *run + done, run->size - done,
                              (off_t)(run->offset + done));
        if (got < 0)
            return false;
        if (got == 0)
            break; /* Fresh room in the journal is zero, as is what lies behind a file's end. */
        done += (uint64_t)got;
    }
    record->payload_size += (uint32_t)run_room(run);
    return true;
}

static struct record *record_small(struct inode *inode, int fd, const struct record *head,
                                   struct range range)
{
    struct record_run run = {.offset = range.from, .size = range.to - range.from};
    struct record *record = journal_reserve(inode, head, run.size ? run_room(&run) : 0);
    if (!record || run.size == 0 || copy_run(fd, &run, record))
        return record;
    int readable = open_again(fd); /* Open for writing alone. */
    if (readable < 0 || !copy_run(readable, &run, record))
        journal_lose("a file that is written cannot be read");
    syscall(SYS_close, readable);
    return record;
}

static struct record *record_large(struct inode *inode, int fd, const struct record *head,
                                   struct range range)
{
    int own = open_again(fd); /* Looking for holes moves a descriptor's position. */
    if (own < 0) {
        journal_lose("a file that is written cannot be read");
        return NULL;
    }
    size_t room = 0;
    struct record_run run;
    struct range rest = range;
    while (next_run(own, &rest, &run))
        room += run_room(&run);
    struct record *record = journal_reserve(inode, head, room);
    while (record && next_run(own, &range, &run)) {
        /* Mapped memory may have filled a hole meanwhile: such writes are not taken back. */
        if (record->payload_size + run_room(&run) > room)
            break;
        if (!copy_run(own, &run, record))
            journal_lose("a file that is written cannot be read");
    }
    syscall(SYS_close, own);
    return record;
}

static struct record *begin(struct inode *inode, int fd, struct record *head, uint64_t end)
{
    struct range old = {.from = head->offset, .to = end < inode->size ? end : inode->size};
    if (old.to < old.from)
        old.to = old.from;
    head->inode = inode->number;
    head->old_size = inode->size;
    struct record *record = old.to - old.from <= WHOLE_SIZE_MAX
                                ? record_small(inode, fd, head, old)
                                : record_large(inode, fd, head, old);
    if (record)
        journal_publish(inode, record);
    return record;
}

struct record *change_write(struct inode *inode, int fd, uint64_t offset, uint64_t bytes)
{
    struct record head = {.kind = RECORD_WRITE, .offset = offset, .bytes = bytes};
    return begin(inode, fd, &head, offset + bytes);
}

struct record *change_size(struct inode *inode, int fd, uint64_t size)
{
    struct record head = {.kind = RECORD_TRUNCATE, .offset = size};
    return begin(inode, fd, &head, UINT64_MAX);
}

void change_done(struct inode *inode, struct record *record, bool is_done, bool is_synced)
{
    int before = errno;
    if (record && !is_done)
        journal_settle(inode, record, RECORD_VOID);
    else if (record && is_synced)
        journal_settle(inode, record, RECORD_COVERED);
    errno = before;
}
