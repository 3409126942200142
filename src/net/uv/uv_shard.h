/* uv_shard.h -- what the files of this folder share: a shard's loop, sockets and files.
 *
 * Invariants  an event goes to the shard only through uv_shard_deliver(); the shard is
 *             ticked only by the loop's check handle; only jobs on the thread pool leave
 *             the loop's thread, and they touch nothing but their own struct. */
#ifndef NET_UV_SHARD_H
#define NET_UV_SHARD_H

#include <netinet/in.h>
#include <uv.h>

#include "base/base.h"
#include "config.h"
#include "env.h"
#include "platform.h"
#include "shard.h"

enum {
    DIAL_TIMEOUT_MS = 1000,  /* A dial of all its addresses together. */
    DIAL_ADDRESSES_MAX = 4,  /* Addresses of one name that are tried. */
    LISTEN_SOCKETS_MAX = 32, /* Of all listeners; a name may have several addresses. */
    LISTEN_BACKLOG = 1024,   /* The kernel caps it at net.core.somaxconn. */
    ACCEPT_BURST_MAX = 64, /* Connections taken in one readiness, so that others get their turn. */
    ACCEPT_RETRY_MS = 100, /* Pause of accepting when even the spare descriptor is gone. */
    SYNC_SINGLE_FILES_MAX = 3, /* More files than this are synced by one syncfs(). */
    SYNC_WHOLE_FDS = 2,        /* Concurrent syncfs() calls; each needs a descriptor of its own. */
    IO_VECTORS_MAX = 64,       /* Parts of one system call. */
    UNLINK_INLINE_SIZE = 1 << 20, /* Bytes; more blocks are freed in steps (free.c). */
    LOADS_MAX = 2,                /* At once; the thread pool has four threads. */
    LOADS_ASKED_MAX = 256,        /* That readers wait for. */
    LOAD_SIZE_MAX = 1 << 20,      /* Bytes of one. */
    LOAD_STRIDE = 256 << 10,      /* Bytes between two pages that are asked for. */
    STARVED_AGAIN_MS = 60000,     /* Before it is said again that there are no descriptors. */
    LOAD_RECENT_MS = 5000, /* What was written since is in memory, or memory is far too short. */
};

struct uv_shard;

/* A socket address with its length. */
struct uv_endpoint {
    struct sockaddr_storage address;
    socklen_t size;
};

/* One descriptor on the loop; outlives its connection until libuv lets go of it. */
struct uv_watch {
    uv_poll_t poll;
    struct uv_conn *conn; /* NULL: abandoned. */
};

struct uv_conn {
    struct uv_shard *owner;
    conn_id id;
    int fd;    /* -1: between two addresses of a dial. */
    int armed; /* Events that the watch asks for now. */
    bool want_read;
    bool want_write; /* A send was cut short. */
    bool is_loaded;  /* What it sends next is in memory. */
    struct uv_watch *watch;
    struct uv_dial *dial; /* NULL: connected. */
};

/* One bound socket of a listener. */
struct uv_listen {
    uv_poll_t poll;
    uv_timer_t retry;
    struct uv_shard *owner;
    uint32_t listener; /* Index in config.listeners. */
    int fd;
    bool starved; /* Descriptors ran out; said once. */
};

struct uv_sockets {
    struct map conns; /* conn_id to struct uv_conn. */
    conn_id next;
    int spare_fd; /* Given up for a moment to refuse a connection when descriptors ran out. */
    uint32_t listen_count;
    struct uv_listen *listens[LISTEN_SOCKETS_MAX];
};

/* An open file; the descriptor stays until no sync and no load needs it. */
struct uv_file {
    int fd; /* -1: free slot. */
    bool directory;
    bool closed;    /* Nobody holds it; a sync or load still needs it. */
    uint32_t holds; /* The opener's, and one for each queued extent. */
    uint32_t pins;  /* Syncs and loads under way. */
    bool cannot_load;
    uint64_t recent_from;            /* Written less than ten seconds ago, if marked_ms is new. */
    uint64_t marked_from, marked_ms; /* Where it was written to then. */
    uint64_t known_from, known_end, known_ms; /* In memory, as the kernel said then. */
    file_id next_free;
};

/* Reads into the page cache. */
struct uv_loads {
    struct list all; /* struct load, in the order in which they were asked for. */
    uint32_t running;
    uint64_t ticket; /* Of the last one. */
};

/* Big files without a name, whose blocks are being freed. */
struct uv_frees {
    struct list waiting; /* struct free_file. */
    uint32_t count;
    bool is_running;
    uv_timer_t pause;
};

struct uv_disk {
    int root_fd;
    bool can_sync_whole;
    enum err whole_failed; /* A syncfs() failed: which file lost what is unknown, for good. */
    int whole_fds[SYNC_WHOLE_FDS];
    bool whole_busy[SYNC_WHOLE_FDS];
    struct uv_file *files;
    uint32_t file_count, file_capacity;
    file_id first_free; /* -1: none. */
    mono_ms starved;    /* When it was said last that there are no descriptors; 0: never. */
};

/* One shard with its loop; `env` comes first, so that the shard's pointer is ours. */
struct uv_shard {
    struct env env;
    struct platform *platform;
    uint32_t index;
    struct shard *shard; /* NULL until shard_open() returned. */
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    mono_ms armed;  /* When the timer fires; MONO_NEVER: not running. */
    bool delivered; /* Events since the last tick. */
    struct rand rand;
    struct uv_sockets sockets;
    struct uv_disk disk;
    struct uv_loads loads;
    struct uv_frees frees;
};

struct platform {
    struct config *config;
    struct trace *trace;
    int dir_fd;
    int lock_fd; /* -1: `.lock` is not there yet. */
    uv_signal_t terminate, interrupt;
    bool stop_asked;
    bool loop_ready;
    struct uv_shard shards[1]; /* One until threads for more of them come. */
};

static inline struct uv_shard *uv_shard_of(struct env *env)
{
    return (struct uv_shard *)(void *)env;
}

static inline mono_ms uv_shard_now(void)
{
    return (mono_ms)(uv_hrtime() / 1000000U);
}

/* shard.c */
void uv_shard_deliver(struct uv_shard *owner, const struct env_event *event);
enum err uv_shard_run(struct uv_shard *owner);

/* usage.c */
void usage_read(struct env *env, struct env_usage *out);

/* descriptors.c */
void descriptors_raise(void);
uint64_t descriptors_limit(void);
/* Is this one of the last, which are left to the quorum? */
bool descriptor_is_kept(int fd);
/* Is this the path of a partition's file, which may not have one of these? */
bool descriptor_is_for_partition(const char *path);

/* errno.c */
enum err err_of_errno(int code);

/* sockets.c */
void sockets_init(struct uv_shard *owner);
void sockets_close(struct uv_shard *owner);
struct uv_conn *conn_add(struct uv_shard *owner, int fd);
void conn_watch(struct uv_conn *conn);
void conn_unwatch(struct uv_conn *conn);
void conn_arm(struct uv_conn *conn);
void conn_drop(struct uv_conn *conn);
void socket_tune(int fd, const struct sockaddr_storage *peer);
int64_t sockets_recv(struct env *env, conn_id id, void *into, uint32_t size);
int64_t sockets_send(struct env *env, conn_id id, const struct bytes *parts, uint32_t count,
                     bool more);
int64_t sockets_send_file(struct env *env, conn_id id, file_id file, uint64_t position,
                          uint32_t size);
void sockets_want_read(struct env *env, conn_id id, bool want);
void sockets_hang_up(struct env *env, conn_id id);
void sockets_peer(struct env *env, conn_id id, char *host);
void sockets_loaded(struct uv_shard *owner, conn_id id); /* What it sends next is in memory. */

/* listen.c */
enum err listen_bind_all(struct platform *platform);
enum err listen_start(struct uv_shard *owner);

/* dial.c */
conn_id dial_start(struct env *env, const struct env_address *address);
void dial_step(struct uv_conn *conn);
void dial_release(struct uv_conn *conn);

/* address.c */
uint32_t address_literal(const char *host, uint16_t port, struct uv_endpoint out[2]);
uint32_t address_any(uint16_t port, struct uv_endpoint out[2]);
uint32_t address_resolved(const struct addrinfo *found, struct uv_endpoint *out, uint32_t max);
void address_set_port(struct uv_endpoint *endpoint, uint16_t port);
uint16_t address_port(const struct sockaddr_storage *address);
void address_format(const struct uv_endpoint *endpoint, char *out, size_t size);

/* directory.c */
enum err directory_take(struct platform *platform);
enum err directory_mark(struct platform *platform); /* The shard has opened: it is ours. */
void directory_release(struct platform *platform);

/* disk.c */
void disk_init(struct uv_shard *owner);
void disk_close_all(struct uv_shard *owner);
struct uv_file *disk_file(struct uv_shard *owner, file_id file);
void disk_unpin(struct uv_shard *owner, file_id file);
enum err disk_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out);
void disk_close(struct env *env, file_id file);
void disk_hold(struct env *env, file_id file);
int64_t disk_size(struct env *env, file_id file);
int64_t disk_read(struct env *env, file_id file, uint64_t position, void *into, uint32_t size);
int64_t disk_write(struct env *env, file_id file, uint64_t position, const struct bytes *parts,
                   uint32_t count);
enum err disk_truncate(struct env *env, file_id file, uint64_t size);
enum err disk_reserve(struct env *env, file_id file, uint64_t position, uint64_t size);

/* names.c */
enum err names_mkdir(struct env *env, const char *path);
enum err names_rename(struct env *env, const char *from, const char *to);
enum err names_unlink(struct env *env, const char *path);
enum err names_list(struct env *env, const char *path, struct arena *arena, const char ***names,
                    uint32_t *count);

/* sync.c */
void sync_init(struct uv_shard *owner);
void sync_free(struct uv_shard *owner);
void sync_start(struct env *env, const struct env_sync *request);

/* free.c */
void frees_init(struct uv_shard *owner);
void frees_free(struct uv_shard *owner);
/* Close the descriptor of a big file; once nobody has it open any more, its `size` bytes go in
 * steps. Owns  the descriptor, from here on. */
void free_later(struct uv_shard *owner, int fd, uint64_t size);

/* load.c */
void loads_init(struct uv_shard *owner);
void loads_free(struct uv_shard *owner);
/* It is being written at `position`. */
void load_note_written(struct uv_shard *owner, struct uv_file *file, uint64_t position);
uint64_t load_ask(struct env *env, file_id file, uint64_t position, uint32_t size);
/* What the connection sends next: cut to what one load brings. True: it is on its way, and
 * sockets_loaded() follows. */
bool load_for(struct uv_conn *conn, file_id file, uint64_t position, uint32_t *size);

#endif
