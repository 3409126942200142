/* free.c -- gives the blocks of big files that have lost their names back to the disk.
 *
 * The last close of a file of 500 MB takes 150 to 400 ms, in which the disk serves nobody: syncs
 * of producers wait for it. So such a file is cut shorter, a step at a time on the thread pool,
 * with a pause for others between two steps. A step takes a thousandth of all that waits, and
 * FREE_STEP_SIZE at least: a disk gets its space back faster than anybody could fill it, however
 * much is deleted.
 *
 * Invariants
 * - A file is cut only when no name leads to it and nobody else has it open, which a lease shows:
 *   a hard link is a backup, and a reader that opened it before reads on. Else it is just closed.
 * - One thread of the pool at most is at work here.
 * - Nothing is owed at the end: what waits then is closed, and the kernel frees it.
 *
 * Source  fcntl(2) for F_SETLEASE, proc(5) for opening a descriptor anew. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uv_shard.h"

enum {
    FREE_STEP_SIZE = 1 << 20,
    FREE_STEP_SHARE = 1024, /* Of what waits, one such part a step. */
    FREE_STEP_FILES = 64,
    FREE_PAUSE_MS = 5,
    FREE_WAITING_MAX = 1024, /* Each holds a descriptor. */
};

struct free_file {
    struct list link; /* In frees->waiting. */
    int fd;           /* -1: closed. */
    uint64_t size;    /* What is left. */
};

struct free_job {
    uv_work_t work;
    struct uv_shard *owner;
    uint32_t count;
    struct free_file *files[FREE_STEP_FILES]; /* Nobody else touches them meanwhile. */
    uint64_t budget;
};

void frees_init(struct uv_shard *owner)
{
    list_init(&owner->frees.waiting);
    uv_timer_init(&owner->loop, &owner->frees.pause);
    owner->frees.pause.data = owner;
}

void frees_free(struct uv_shard *owner)
{
    for (struct list *node; (node = list_take_first(&owner->frees.waiting));) {
        struct free_file *file = list_entry(node, struct free_file, link);
        close(file->fd);
        mem_free(file);
    }
}

/* Once it is so, it stays so: without a name there is no way to open it. */
static bool is_ours_alone(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && about.st_nlink == 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 &&
           fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

/* A reader's descriptor cuts nothing: have another one in its place. */
static bool make_writable(struct free_file *file)
{
    char path[32];

    if ((fcntl(file->fd, F_GETFL) & O_ACCMODE) == O_RDWR)
        return true;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(file->fd);
    file->fd = fd;
    return true;
}

/* How long the file is after a step. */
static uint64_t size_after(uint64_t size, uint64_t step)
{
    return size > step ? (size - step) / FREE_STEP_SIZE * FREE_STEP_SIZE : 0;
}

/* On a thread of the pool. */
static void free_now(uv_work_t *work)
{
    struct free_job *job = work->data;
    uint64_t budget = job->budget;

    for (uint32_t i = 0; i < job->count && budget > 0; i++) {
        struct free_file *file = job->files[i];
        uint64_t size = size_after(file->size, budget), done = file->size - size;
        if (size == 0 || !make_writable(file) || !is_ours_alone(file->fd) ||
            ftruncate(file->fd, (off_t)size) != 0) {
            close(file->fd);
            file->fd = -1;
            size = 0;
        }
        file->size = size;
        budget -= done < budget ? done : budget;
    }
}

static void start_step(struct uv_shard *owner);

static void on_pause_over(uv_timer_t *timer)
{
    start_step(timer->data);
}

static void on_freed(uv_work_t *work, int status)
{
    struct free_job *job = work->data;
    struct uv_shard *owner = job->owner;
    struct uv_frees *frees = &owner->frees;
    (void)status;

    frees->is_running = false;
    for (uint32_t i = 0; i < job->count; i++) {
        struct free_file *file = job->files[i];
        if (file->fd >= 0)
            continue;
        list_remove(&file->link);
        mem_free(file);
        frees->count--;
    }
    mem_free(job);
    if (!list_is_empty(&frees->waiting) && owner->shard != NULL)
        uv_timer_start(&frees->pause, on_pause_over, FREE_PAUSE_MS, 0);
}

static void start_step(struct uv_shard *owner)
{
    struct uv_frees *frees = &owner->frees;
    struct free_job *job = mem_zalloc(sizeof *job);
    uint64_t waiting = 0;
    struct list *node, *after;

    job->work.data = job;
    job->owner = owner;
    list_each (node, after, &frees->waiting) {
        struct free_file *file = list_entry(node, struct free_file, link);
        waiting += file->size;
        if (job->count < FREE_STEP_FILES)
            job->files[job->count++] = file;
    }
    uint64_t share = waiting / FREE_STEP_SHARE;
    job->budget = share > FREE_STEP_SIZE ? share : FREE_STEP_SIZE;
    frees->is_running = true;
    int failed = uv_queue_work(&owner->loop, &job->work, free_now, on_freed);
    check(failed == 0); /* It fails only without a work function. */
}

void free_later(struct uv_shard *owner, int fd, uint64_t size)
{
    struct uv_frees *frees = &owner->frees;

    if (frees->count == FREE_WAITING_MAX) {
        close(fd);
        return;
    }
    struct free_file *file = mem_zalloc(sizeof *file);
    file->fd = fd;
    file->size = size;
    list_append(&frees->waiting, &file->link);
    frees->count++;
    if (!frees->is_running && !uv_is_active((uv_handle_t *)&frees->pause))
        start_step(owner);
}
