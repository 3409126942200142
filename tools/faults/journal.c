/* journal.c -- which changes wait for a sync, by inode.
 *
 * A change holds its inode's lock from before its record until it is done, and a sequence is given
 * under the journal's lock. So whoever takes an inode's lock afterwards knows that what stands in
 * its list is done, and that a change begun later has a greater sequence: that is what a sync
 * covers. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "chunk.h"

enum journal_phase { JOURNAL_NOT_STARTED, JOURNAL_ON, JOURNAL_LOST };

static _Atomic enum journal_phase phase;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t walking = PTHREAD_MUTEX_INITIALIZER; /* Over all inodes; before any other. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* What follows, and the chunks. */
static uint64_t sequence;
static struct inode *listed[INODES_MAX]; /* That may have something waiting; each once. */
static uint32_t listed_count;
static int journal_dir = -1;
static dev_t journal_device;
static _Atomic uint64_t kept_bytes; /* Of files that lost their names. */

void journal_lose(const char *why)
{
    enum journal_phase was = atomic_exchange(&phase, JOURNAL_LOST);
    if (was == JOURNAL_LOST)
        return;
    atomic_store(&faults.rules->journal_lost, 1);
    int fd = (int)syscall(SYS_openat, journal_dir, "lost", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd >= 0) {
        syscall(SYS_write, fd, why, strlen(why));
        syscall(SYS_close, fd);
    }
    chunks_remove_files();
}

static void forked(void)
{
    /* A child's changes would need the parent's locks; one that only runs a program has none. */
    if (atomic_load(&phase) == JOURNAL_ON)
        atomic_store(&phase, JOURNAL_NOT_STARTED);
}

static struct record *next_of(const struct record *record)
{
    return (struct record *)(uintptr_t)record->next;
}

static uint64_t weight(const struct record *record)
{
    if (record->kind == RECORD_WRITE)
        return record->bytes;
    if (record->kind != RECORD_TRUNCATE)
        return 0;
    return record->offset > record->old_size ? record->offset - record->old_size
                                             : record->old_size - record->offset;
}

static bool keeps_file(const struct record *record)
{
    return record->kind == RECORD_UNLINK || (record->kind == RECORD_RENAME && record->replaced);
}

/* syncfs() has to look at it. */
static void list_inode(struct inode *inode)
{
    if (!inode->is_listed)
        listed[listed_count++] = inode;
    inode->is_listed = true;
}

static void append(struct inode *inode, struct record *record)
{
    record->next = 0;
    if (inode->last)
        inode->last->next = (uintptr_t)record;
    else
        inode->first = record;
    inode->last = record;
}

/* Of an earlier process; nobody else is there yet. */
static void take_over(struct record *record)
{
    if (record->sequence > sequence)
        sequence = record->sequence;
    uint32_t state = record->state;
    if (record->made)
        journal_forget(inode_of(record->made));
    if (state == RECORD_WAITING || state == RECORD_MISSED) {
        count(&faults.rules->unsynced_bytes, weight(record));
        count(&faults.rules->unsynced_operations, 1);
        if (keeps_file(record))
            count(&kept_bytes, record->bytes);
    }
    if (state != RECORD_WAITING)
        return;
    bool is_data = record->kind == RECORD_WRITE || record->kind == RECORD_TRUNCATE;
    struct inode *inode = inode_of(is_data ? record->inode : record->dir);
    if (!inode)
        return;
    append(inode, record);
    list_inode(inode);
}

/* High, so that the process's own descriptors have the numbers that they would have. */
static int out_of_the_way(int fd)
{
    int high = fd < 0 ? -1 : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    if (high < 0)
        return fd;
    syscall(SYS_close, fd);
    return high;
}

static bool open_dir(void)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/journal", faults.chaos_dir);
    syscall(SYS_mkdirat, AT_FDCWD, path, 0755);
    journal_dir = out_of_the_way(
        (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    return journal_dir >= 0;
}

/* The lock's descriptor stays open as long as the process. */
static bool is_only_writer(void)
{
    int fd = out_of_the_way(
        (int)syscall(SYS_openat, journal_dir, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0644));
    return fd >= 0 && syscall(SYS_flock, fd, LOCK_EX | LOCK_NB) == 0;
}

static void start(dev_t device)
{
    struct stat about;
    journal_device = device;
    pthread_atfork(NULL, NULL, forked);
    if (!open_dir()) {
        journal_lose("its folder cannot be made");
    } else if (fstatat(journal_dir, "lost", &about, 0) == 0) {
        atomic_store(&faults.rules->journal_lost, 1);
        atomic_store(&phase, JOURNAL_LOST);
    } else if (!is_only_writer()) {
        journal_lose("two processes write to the data directory");
    } else {
        atomic_store(&faults.rules->journal_lost, 0);
        atomic_store(&faults.rules->unsynced_bytes, 0);
        atomic_store(&faults.rules->unsynced_operations, 0);
        if (chunks_open(journal_dir, take_over))
            atomic_store(&phase, JOURNAL_ON);
        else
            journal_lose("what an earlier process left of it is damaged");
    }
}

void journal_start(dev_t device)
{
    static _Atomic bool started;
    if (!atomic_load_explicit(&started, memory_order_acquire)) {
        pthread_mutex_lock(&starting);
        if (!atomic_load(&started)) {
            start(device);
            atomic_store(&started, true);
        }
        pthread_mutex_unlock(&starting);
    }
    if (device != journal_device)
        journal_lose("the data directory spans two file systems");
}

bool journal_is_on(dev_t device)
{
    return atomic_load_explicit(&phase, memory_order_acquire) == JOURNAL_ON &&
           device == journal_device;
}

struct record *journal_reserve(struct inode *inode, const struct record *head, size_t payload_size)
{
    if (atomic_load_explicit(&phase, memory_order_acquire) != JOURNAL_ON) {
        journal_lose("a child that was forked writes to the data directory");
        return NULL;
    }
    size_t length = sizeof *head + record_padded(payload_size);
    const char *why = "a single change is too large";
    pthread_mutex_lock(&lock);
    struct record *record = length < UINT32_MAX ? chunk_take(length, &why) : NULL;
    if (record) {
        uint32_t chunk = record->chunk;
        memcpy((uint8_t *)record + RECORD_CRC_FROM, (const uint8_t *)head + RECORD_CRC_FROM,
               sizeof *head - RECORD_CRC_FROM);
        record->chunk = chunk;
        record->sequence = ++sequence;
        list_inode(inode);
    }
    pthread_mutex_unlock(&lock);
    if (!record)
        journal_lose(why);
    return record;
}

void journal_publish(struct inode *inode, struct record *record)
{
    record->crc = record_crc(record);
    append(inode, record);
    count(&faults.rules->unsynced_bytes, weight(record));
    count(&faults.rules->unsynced_operations, 1);
    atomic_store_explicit(&record->state, RECORD_WAITING, memory_order_release);
}

static void drop_kept(const struct record *record)
{
    char name[40];
    atomic_fetch_sub(&kept_bytes, record->bytes);
    struct stat about;
    snprintf(name, sizeof name, JOURNAL_KEPT_NAME, (unsigned long long)record->sequence);
    bool is_last = fstatat(journal_dir, name, &about, 0) == 0 && about.st_nlink == 1;
    if (is_last) { /* The file is gone for good: what waits of it does not matter. */
        struct inode *gone = inode_of(about.st_ino);
        if (gone)
            journal_forget(gone);
    }
    syscall(SYS_unlinkat, journal_dir, name, 0);
}

static void settle(struct record *record, enum record_state state)
{
    atomic_store_explicit(&record->state, state, memory_order_release);
    if (state == RECORD_MISSED)
        return; /* It waits for ever. */
    count(&faults.rules->unsynced_bytes, 0 - weight(record));
    count(&faults.rules->unsynced_operations, UINT64_MAX);
    if (keeps_file(record))
        drop_kept(record);
    chunk_release(record);
}

static void prune(void)
{
    pthread_mutex_lock(&lock);
    chunks_prune();
    pthread_mutex_unlock(&lock);
}

/* The caller holds the inode's lock, and the record is its last. */
void journal_settle(struct inode *inode, struct record *record, enum record_state state)
{
    struct record *before = NULL;
    for (struct record *at = inode->first; at != record; at = next_of(at))
        before = at;
    if (before)
        before->next = 0;
    else
        inode->first = NULL;
    inode->last = before;
    settle(record, state);
}

static void cover_locked(struct inode *inode, uint64_t upto, enum record_state state)
{
    while (inode->first && inode->first->sequence <= upto) {
        struct record *record = inode->first;
        inode->first = next_of(record);
        settle(record, state);
    }
    if (!inode->first)
        inode->last = NULL;
}

void journal_cover(struct inode *inode, uint64_t upto, enum record_state state)
{
    pthread_mutex_lock(&inode->lock);
    cover_locked(inode, upto, state);
    pthread_mutex_unlock(&inode->lock);
    prune();
}

void journal_forget(struct inode *inode)
{
    if (!inode)
        return;
    pthread_mutex_lock(&inode->lock);
    cover_locked(inode, UINT64_MAX, RECORD_VOID);
    inode->is_sized = false;
    pthread_mutex_unlock(&inode->lock);
}

uint64_t journal_last(struct inode *inode)
{
    pthread_mutex_lock(&inode->lock);
    uint64_t last = inode->last ? inode->last->sequence : 0;
    pthread_mutex_unlock(&inode->lock);
    return last;
}

uint64_t journal_last_of_all(void)
{
    pthread_mutex_lock(&walking);
    pthread_mutex_lock(&lock);
    uint64_t last = sequence;
    uint32_t number = listed_count;
    pthread_mutex_unlock(&lock);
    for (uint32_t i = 0; i < number; i++) { /* Whatever has a sequence up to here is done then. */
        pthread_mutex_lock(&listed[i]->lock);
        pthread_mutex_unlock(&listed[i]->lock);
    }
    pthread_mutex_unlock(&walking);
    return last;
}

void journal_cover_all(uint64_t upto)
{
    pthread_mutex_lock(&walking);
    pthread_mutex_lock(&lock);
    uint32_t number = listed_count;
    pthread_mutex_unlock(&lock);
    for (uint32_t i = 0; i < number; i++) {
        pthread_mutex_lock(&listed[i]->lock);
        cover_locked(listed[i], upto, RECORD_COVERED);
        pthread_mutex_unlock(&listed[i]->lock);
    }
    pthread_mutex_lock(&lock);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < listed_count; i++) {
        struct inode *inode = listed[i];
        bool is_idle = pthread_mutex_trylock(&inode->lock) == 0; /* No change is under way. */
        inode->is_listed = !is_idle || inode->first;
        if (is_idle)
            pthread_mutex_unlock(&inode->lock);
        if (inode->is_listed)
            listed[kept++] = inode;
    }
    listed_count = kept;
    chunks_prune();
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&walking);
}

void journal_keep(const struct record *record, int parent_fd, const char *name)
{
    char kept[40];
    if (atomic_fetch_add(&kept_bytes, record->bytes) + record->bytes > faults.journal_size_max)
        journal_lose("too much was removed that no sync has covered");
    snprintf(kept, sizeof kept, JOURNAL_KEPT_NAME, (unsigned long long)record->sequence);
    if (syscall(SYS_linkat, parent_fd, name, journal_dir, kept, 0) != 0)
        journal_lose("a file that lost its name cannot be kept");
}
