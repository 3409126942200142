/* env.h -- the one seam: clock, randomness, disk, sockets and other shards.
 *
 * A platform (src/net/uv, tests/sim) fills a struct env for each shard and hands
 * events to shard_deliver(). Nothing here blocks for long, and nothing calls back:
 * what takes time (a sync, a dial) ends as an event in the shard's inbox.
 *
 * Writes and reads of files go through the page cache and are done when the call
 * returns; only env_sync() makes anything durable. After power loss whatever was
 * not covered by a sync may be there, be gone or be torn, file by file and
 * sector by sector; an entry of a directory likewise, until the directory itself
 * was synced. Kill -9 alone loses nothing that was written.
 *
 * Paths are relative to the node's data directory, '/' between parts; "." is that
 * directory itself. A file may be closed while a sync that covers it is in flight.
 *
 * Shard   every call on the shard that owns the env. */
#ifndef ENV_H
#define ENV_H

#include "base/base.h"

typedef int32_t file_id; /* Counted handle of an open file or directory; -1: none. */
typedef int32_t conn_id; /* A connection, never reused within a shard's life; -1: none. */

enum {
    ENV_SYNC_FILES_MAX = 4096, /* Files of one env_sync(). */
    ENV_PATH_MAX = 512,        /* Bytes of a path with its terminator. */
    ENV_HOST_MAX = 256,        /* Bytes of a host name with its terminator. */
};

struct env_address {
    char host[ENV_HOST_MAX]; /* Name or literal address. */
    uint16_t port;
};

enum env_open_mode {
    ENV_OPEN_READ,      /* Must exist. */
    ENV_OPEN_WRITE,     /* Must exist; read and write. */
    ENV_OPEN_CREATE,    /* Created if missing; read and write. Its entry is not durable yet. */
    ENV_OPEN_DIRECTORY, /* Only for env_sync(). */
};

/* Ask that files and directories be made durable as they are now.
 * One ENV_SYNCED event with `ticket` follows: success covers all of them, a
 * failure says that at least one may have lost what it held (never retry it). */
struct env_sync {
    uint64_t ticket;
    uint32_t count;
    const file_id *files; /* Borrowed for the call. */
};

/* What the process takes of its machine, every shard together, and what there is. */
struct env_usage {
    uint64_t resident_size; /* Bytes; 0: not known. */
    uint64_t cpu_us;        /* User and system time since the start. */
    int64_t volume_size;    /* Bytes of the file system that holds the data; -1: not known. */
    int64_t volume_free;    /* Of these, what the process may still take. */
};

struct env;
struct probe_sink;
struct letter; /* mailbox.h: what one shard tells another. */

struct env_ops {
    /* Clock and randomness. */
    mono_ms (*mono)(struct env *env);
    wall_ms (*wall)(struct env *env);
    uint64_t (*random)(struct env *env);
    /* To tell how long something took; nothing is decided by it. */
    int64_t (*mono_us)(struct env *env);
    void (*usage)(struct env *env, struct env_usage *out);

    /* Disk. Errors: ERR_NOT_FOUND, ERR_SPACE, ERR_IO, ERR_FILES, ERR_DENIED. */
    enum err (*open)(struct env *env, const char *path, enum env_open_mode mode, file_id *out);
    void (*close)(struct env *env, file_id file); /* Drops one hold; the last one closes. */
    /* One more hold, from any shard: a reply that is queued needs the file until it has left. */
    void (*hold)(struct env *env, file_id file);
    int64_t (*size)(struct env *env, file_id file); /* Bytes; negative: enum err. */
    /* Bytes moved, fewer at the end of the file (read) or when the disk gave up
     * half-way (write: go on with the rest); negative: enum err. In haste (below) a read of what
     * is not in memory sets env->missed as load() would, and is ERR_COLD. */
    int64_t (*read)(struct env *env, file_id file, uint64_t position, void *into, uint32_t size);
    /* Is the start of this in memory, so that a read does not wait for the disk? 0: yes; else the
     * ticket of the ENV_LOADED after which it is, for a while. */
    uint64_t (*load)(struct env *env, file_id file, uint64_t position, uint32_t size);
    int64_t (*write)(struct env *env, file_id file, uint64_t position, const struct bytes *parts,
                     uint32_t count);
    enum err (*truncate)(struct env *env, file_id file, uint64_t size);
    enum err (*reserve)(struct env *env, file_id file, uint64_t position,
                        uint64_t size);                   /* Size kept. */
    enum err (*mkdir)(struct env *env, const char *path); /* ERR_EXISTS if there. */
    enum err (*rename)(struct env *env, const char *from, const char *to);
    enum err (*unlink)(struct env *env, const char *path); /* A file or an empty directory. */
    /* Names in a directory, sorted bytewise, in `arena`. */
    enum err (*list)(struct env *env, const char *path, struct arena *arena, const char ***names,
                     uint32_t *count);
    void (*sync)(struct env *env, const struct env_sync *request);

    /* Sockets. A connection exists from ENV_ACCEPTED or dial() until hang_up(). */
    conn_id (*dial)(struct env *env, const struct env_address *address); /* ENV_DIALED follows. */
    /* Bytes moved; ERR_AGAIN; ERR_CLOSED at the end of the stream or after a reset. */
    int64_t (*recv)(struct env *env, conn_id conn, void *into, uint32_t size);
    /* `more`: further parts of the same reply follow at once (MSG_MORE). After fewer
     * bytes than asked, or ERR_AGAIN, one ENV_WRITABLE follows when there is room. */
    int64_t (*send)(struct env *env, conn_id conn, const struct bytes *parts, uint32_t count,
                    bool more);
    /* From a file; its bytes are read when they leave, not when this is called. ERR_AGAIN also
     * while they are not in memory. */
    int64_t (*send_file)(struct env *env, conn_id conn, file_id file, uint64_t position,
                         uint32_t size);
    /* Off: no ENV_READABLE until on again (back-pressure); on is the state at the start. */
    void (*want_read)(struct env *env, conn_id conn, bool want);
    void (*hang_up)(struct env *env, conn_id conn); /* No event for it any more. */
    /* The other end's address as text of at most ENV_HOST_MAX bytes; "" when it is gone. */
    void (*peer)(struct env *env, conn_id conn, char *host);

    /* Other shards of this node. Takes the letter; ENV_LETTER at the receiver. */
    void (*post)(struct env *env, uint32_t shard, struct letter *letter);

    /* The node can't go on: say why, end the process (the simulated node, there). */
    void (*fatal)(struct env *env, const char *reason);
};

struct env {
    const struct env_ops *ops;
    struct trace *trace;
    const struct probe_sink *probe; /* probe.h: an onlooker; NULL in the broker. */
    bool is_hasty;                  /* Between env_make_haste() and env_end_haste(). */
    uint64_t missed;                /* What was not in memory meanwhile: its ticket; or 0. */
};

enum env_event_kind {
    ENV_ACCEPTED, /* conn, listener */
    ENV_DIALED, /* conn, result: ERR_NONE, ERR_REFUSED, ERR_UNREACHABLE. On an error it is gone. */
    ENV_READABLE, /* conn: recv() once; told again while bytes or the end are waiting. */
    ENV_WRITABLE, /* conn: after a send that was cut short. */
    ENV_SYNCED,   /* ticket, result */
    ENV_LOADED,   /* ticket: ask again for what was not in memory. */
    ENV_LETTER,   /* letter, owned by the receiver */
    ENV_STOP,     /* The user asks for a controlled shutdown. */
};

struct env_event {
    enum env_event_kind kind;
    enum err result;
    conn_id conn;
    uint32_t listener; /* Index in config.listeners. */
    uint64_t ticket;
    struct letter *letter;
};

static inline mono_ms env_mono(struct env *env)
{
    return env->ops->mono(env);
}

static inline wall_ms env_wall(struct env *env)
{
    return env->ops->wall(env);
}

static inline uint64_t env_random(struct env *env)
{
    return env->ops->random(env);
}

static inline int64_t env_mono_us(struct env *env)
{
    return env->ops->mono_us(env);
}

static inline void env_usage(struct env *env, struct env_usage *out)
{
    env->ops->usage(env, out);
}

static inline enum err env_open(struct env *env, const char *path, enum env_open_mode mode,
                                file_id *out)
{
    return env->ops->open(env, path, mode, out);
}

static inline void env_close(struct env *env, file_id file)
{
    env->ops->close(env, file);
}

static inline void env_hold(struct env *env, file_id file)
{
    env->ops->hold(env, file);
}

static inline int64_t env_size(struct env *env, file_id file)
{
    return env->ops->size(env, file);
}

static inline uint64_t env_load(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    return env->ops->load(env, file, position, size);
}

/* From here on reads fail rather than wait for the disk, and after the first that did all do:
 * whoever made haste asks for the whole again when what was missed is there. */
static inline void env_make_haste(struct env *env)
{
    env->is_hasty = true;
}

static inline bool env_has_missed(const struct env *env)
{
    return env->missed != 0;
}

/* In haste: this, or something before it, is not in memory. */
static inline bool env_misses(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    if (env->is_hasty && env->missed == 0)
        env->missed = env_load(env, file, position, size);
    return env->missed != 0;
}

/* Errors  ERR_COLD: in haste, this or something before it is not in memory. */
static inline int64_t env_read(struct env *env, file_id file, uint64_t position, void *into,
                               uint32_t size)
{
    return env->missed != 0 ? ERR_COLD : env->ops->read(env, file, position, into, size);
}

/* 0: nothing was missed; else the ticket of the ENV_LOADED after which to ask again. */
static inline uint64_t env_end_haste(struct env *env)
{
    uint64_t missed = env->missed;
    env->is_hasty = false;
    env->missed = 0;
    return missed;
}

static inline int64_t env_write(struct env *env, file_id file, uint64_t position,
                                const struct bytes *parts, uint32_t count)
{
    return env->ops->write(env, file, position, parts, count);
}

static inline enum err env_truncate(struct env *env, file_id file, uint64_t size)
{
    return env->ops->truncate(env, file, size);
}

static inline enum err env_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    return env->ops->reserve(env, file, position, size);
}

static inline enum err env_mkdir(struct env *env, const char *path)
{
    return env->ops->mkdir(env, path);
}

static inline enum err env_rename(struct env *env, const char *from, const char *to)
{
    return env->ops->rename(env, from, to);
}

static inline enum err env_unlink(struct env *env, const char *path)
{
    return env->ops->unlink(env, path);
}

static inline enum err env_list(struct env *env, const char *path, struct arena *arena,
                                const char ***names, uint32_t *count)
{
    return env->ops->list(env, path, arena, names, count);
}

static inline void env_sync(struct env *env, const struct env_sync *request)
{
    env->ops->sync(env, request);
}

static inline conn_id env_dial(struct env *env, const struct env_address *address)
{
    return env->ops->dial(env, address);
}

static inline int64_t env_recv(struct env *env, conn_id conn, void *into, uint32_t size)
{
    return env->ops->recv(env, conn, into, size);
}

static inline int64_t env_send(struct env *env, conn_id conn, const struct bytes *parts,
                               uint32_t count, bool more)
{
    return env->ops->send(env, conn, parts, count, more);
}

static inline int64_t env_send_file(struct env *env, conn_id conn, file_id file, uint64_t position,
                                    uint32_t size)
{
    return env->ops->send_file(env, conn, file, position, size);
}

static inline void env_want_read(struct env *env, conn_id conn, bool want)
{
    env->ops->want_read(env, conn, want);
}

static inline void env_hang_up(struct env *env, conn_id conn)
{
    env->ops->hang_up(env, conn);
}

static inline void env_peer(struct env *env, conn_id conn, char *host)
{
    env->ops->peer(env, conn, host);
}

static inline void env_post(struct env *env, uint32_t shard, struct letter *letter)
{
    env->ops->post(env, shard, letter);
}

static inline void env_fatal(struct env *env, const char *reason)
{
    env->ops->fatal(env, reason);
}

#endif
