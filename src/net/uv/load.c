/* load.c -- what is not in the page cache is read into it by the thread pool, not by the loop.
 *
 * Before the loop reads or sends a stretch of a file it asks here whether that is in memory. What
 * this process wrote just now is, and costs no question; else the kernel is asked at both ends
 * and every LOAD_STRIDE between them, as it reads ahead and forgets long stretches.
 *
 * Invariants
 * - At most LOADS_MAX threads of the pool wait for such reads: syncs find the others free.
 * - A load that has ended is followed by one read or send without a question, so that
 *   who asks gets on even if memory is so short that it forgets at once.
 * - A file that cannot be read is in memory, as far as this is concerned: who reads it finds out.
 *
 * Source  preadv2(2) for RWF_NOWAIT, posix_fadvise(2). */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uv_shard.h"

enum { LOAD_PIECE_SIZE = 64 << 10 };

struct load {
    struct list link; /* In loads->all, in the order in which they were asked for. */
    uv_work_t work;
    struct uv_shard *owner;
    uint64_t ticket;
    conn_id conn; /* It wants to send this; -1: a reader does. */
    file_id file;
    int fd;
    uint64_t position;
    uint32_t size;
    bool is_running;
    bool has_failed;
};

void loads_init(struct uv_shard *owner)
{
    list_init(&owner->loads.all);
}

void loads_free(struct uv_shard *owner)
{
    for (struct list *node; (node = list_take_first(&owner->loads.all));)
        mem_free(list_entry(node, struct load, link)); /* Those that never ran. */
}

static bool is_page_there(int fd, uint64_t position)
{
    uint8_t byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    return preadv2(fd, &part, 1, (off_t)position, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

void load_note_written(struct uv_shard *owner, struct uv_file *file, uint64_t position)
{
    uint64_t now = uv_now(&owner->loop), age = now - file->marked_ms;
    if (age <= LOAD_RECENT_MS)
        return;
    file->recent_from = age > 2 * LOAD_RECENT_MS ? position : file->marked_from;
    file->marked_from = position;
    file->marked_ms = now;
}

/* Was all from `position` on written less than twice LOAD_RECENT_MS ago? */
static bool is_recent(struct uv_shard *owner, const struct uv_file *file, uint64_t position)
{
    return position >= file->recent_from && file->marked_ms > 0 &&
           uv_now(&owner->loop) - file->marked_ms <= LOAD_RECENT_MS;
}

/* The kernel has said so in this round of the loop: what is found is sent at once. */
static bool is_known(struct uv_shard *owner, const struct uv_file *file, uint64_t position,
                     uint32_t size)
{
    return uv_now(&owner->loop) == file->known_ms && position >= file->known_from &&
           position + size <= file->known_end;
}

static bool is_there(struct uv_shard *owner, file_id id, uint64_t position, uint32_t size)
{
    struct uv_file *file = disk_file(owner, id);
    if (size == 0 || file->cannot_load || is_recent(owner, file, position) ||
        is_known(owner, file, position, size))
        return true;
    for (uint32_t at = 0; at < size; at += LOAD_STRIDE)
        if (!is_page_there(file->fd, position + at))
            return false;
    if (!is_page_there(file->fd, position + size - 1))
        return false;
    file->known_from = position;
    file->known_end = position + size;
    file->known_ms = uv_now(&owner->loop);
    return true;
}

/* On a thread of the pool. The stretch after it is on its way when this ends: who reads on asks
 * for that next. */
static void load_now(uv_work_t *work)
{
    struct load *load = work->data;
    uint8_t piece[LOAD_PIECE_SIZE];
    posix_fadvise(load->fd, (off_t)load->position, 2 * (off_t)load->size, POSIX_FADV_WILLNEED);
    for (uint32_t done = 0; done < load->size; done += LOAD_PIECE_SIZE) {
        uint32_t want = load->size - done < LOAD_PIECE_SIZE ? load->size - done : LOAD_PIECE_SIZE;
        if (pread(load->fd, piece, want, (off_t)(load->position + done)) < 0 && errno != EINTR)
            load->has_failed = true;
    }
}

static void on_loaded(uv_work_t *work, int status);

static void start_next(struct uv_shard *owner)
{
    struct list *node, *after;
    list_each (node, after, &owner->loads.all) {
        struct load *load = list_entry(node, struct load, link);
        if (owner->loads.running == LOADS_MAX)
            return;
        if (load->is_running)
            continue;
        load->is_running = true;
        owner->loads.running++;
        int failed = uv_queue_work(&owner->loop, &load->work, load_now, on_loaded);
        check(failed == 0); /* It fails only without a work function. */
    }
}

static void on_loaded(uv_work_t *work, int status)
{
    struct load *load = work->data;
    struct uv_shard *owner = load->owner;
    struct env_event event = {.kind = ENV_LOADED, .conn = -1, .ticket = load->ticket};
    (void)status;

    disk_file(owner, load->file)->cannot_load |= load->has_failed;
    disk_unpin(owner, load->file);
    list_remove(&load->link);
    owner->loads.running--;
    if (owner->shard != NULL) {
        if (load->conn >= 0)
            sockets_loaded(owner, load->conn);
        else
            uv_shard_deliver(owner, &event);
        start_next(owner);
    }
    mem_free(load);
}

static struct load *load_new(struct uv_shard *owner, file_id id, uint64_t position, uint32_t size)
{
    struct uv_file *file = disk_file(owner, id);
    struct load *load = mem_zalloc(sizeof *load);
    load->work.data = load;
    load->owner = owner;
    load->ticket = ++owner->loads.ticket;
    load->conn = -1;
    load->file = id;
    load->fd = file->fd;
    load->position = position;
    load->size = size;
    file->pins++;
    list_append(&owner->loads.all, &load->link);
    start_next(owner);
    return load;
}

/* One of the same stretch that a reader waits for; where LOADS_ASKED_MAX wait, the last of them. */
static struct load *find_asked(struct uv_shard *owner, file_id file, uint64_t position)
{
    struct list *node, *after;
    struct load *last = NULL;
    uint32_t count = 0;
    list_each (node, after, &owner->loads.all) {
        struct load *load = list_entry(node, struct load, link);
        if (load->conn >= 0)
            continue;
        if (load->file == file && load->position == position)
            return load;
        last = load;
        count++;
    }
    return count >= LOADS_ASKED_MAX ? last : NULL;
}

uint64_t load_ask(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    struct uv_shard *owner = uv_shard_of(env);
    uint32_t first = size < LOAD_SIZE_MAX ? size : LOAD_SIZE_MAX;
    if (is_there(owner, file, position, first))
        return 0;
    struct load *load = find_asked(owner, file, position);
    if (load == NULL)
        load = load_new(owner, file, position, first);
    return load->ticket;
}

bool load_for(struct uv_conn *conn, file_id file, uint64_t position, uint32_t *size)
{
    bool is_loaded = conn->is_loaded;
    conn->is_loaded = false;
    if (*size > LOAD_SIZE_MAX)
        *size = LOAD_SIZE_MAX;
    if (is_loaded || is_there(conn->owner, file, position, *size))
        return false;
    load_new(conn->owner, file, position, *size)->conn = conn->id;
    return true;
}
