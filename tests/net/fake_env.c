/* fake_env.c -- files as byte arrays with a name, connections as two byte queues. */
#include "fake_env.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONN_ROOM = 64 << 20 }; /* Bytes that a peer which reads takes at once. */

static struct fake_env *of(struct env *env)
{
    return (struct fake_env *)(void *)env;
}

/* ---- Clock and randomness. */

static mono_ms do_mono(struct env *env)
{
    return of(env)->now;
}

static wall_ms do_wall(struct env *env)
{
    return 1700000000000 + of(env)->now;
}

static uint64_t do_random(struct env *env)
{
    of(env)->random = of(env)->random * 6364136223846793005U + 1442695040888963407U;
    return of(env)->random;
}

static int64_t do_mono_us(struct env *env)
{
    return of(env)->now * 1000;
}

static void do_usage(struct env *env, struct env_usage *out)
{
    (void)env;
    *out = (struct env_usage){.resident_size = 11 << 20,
                              .cpu_us = 2500000,
                              .volume_size = (int64_t)100 << 30,
                              .volume_free = (int64_t)40 << 30};
}

/* ---- Disk. */

static struct fake_inode *inode_find(struct fake_env *fake, const char *path)
{
    for (uint32_t i = 0; i < fake->inode_count; i++)
        if (strcmp(fake->inodes[i]->path, path) == 0)
            return fake->inodes[i];
    return NULL;
}

static struct fake_inode *inode_new(struct fake_env *fake, const char *path, bool is_directory)
{
    struct fake_inode *inode = mem_zalloc(sizeof *inode);
    check(strlen(path) < sizeof inode->path);
    memcpy(inode->path, path, strlen(path) + 1);
    inode->is_directory = is_directory;
    mem_grow(fake->inodes, fake->inode_count, &fake->inode_capacity);
    fake->inodes[fake->inode_count++] = inode;
    return inode;
}

static enum err do_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out)
{
    struct fake_env *fake = of(env);
    struct fake_inode *inode = inode_find(fake, path);
    if (!inode && mode != ENV_OPEN_CREATE)
        return ERR_NOT_FOUND;
    if (!inode)
        inode = inode_new(fake, path, false);
    mem_grow(fake->files, fake->file_count, &fake->file_capacity);
    fake->files[fake->file_count] = (struct fake_file){.inode = inode, .holds = 1};
    *out = (file_id)fake->file_count++;
    return ERR_NONE;
}

static struct fake_file *file_of(struct env *env, file_id id)
{
    check(id >= 0);
    check((uint32_t)id < of(env)->file_count);
    check(of(env)->files[id].holds > 0);
    return &of(env)->files[id];
}

static void do_close(struct env *env, file_id file)
{
    file_of(env, file)->holds--;
}

static void do_hold(struct env *env, file_id file)
{
    file_of(env, file)->holds++;
}

static int64_t do_size(struct env *env, file_id file)
{
    return (int64_t)file_of(env, file)->inode->size;
}

static uint64_t do_load(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    (void)file_of(env, file);
    (void)position;
    (void)size;
    return of(env)->is_cold ? ++of(env)->loads : 0;
}

static int64_t do_read(struct env *env, file_id file, uint64_t position, void *into, uint32_t size)
{
    if (env->is_hasty && (env->missed = do_load(env, file, position, size)) != 0)
        return ERR_COLD;
    const struct fake_inode *inode = file_of(env, file)->inode;
    if (position >= inode->size)
        return 0;
    uint64_t left = inode->size - position;
    uint32_t count = left < size ? (uint32_t)left : size;
    memcpy(into, inode->data + position, count);
    return count;
}

static void inode_resize(struct fake_inode *inode, uint64_t size)
{
    inode->data = mem_realloc(inode->data, size + 1);
    if (size > inode->size)
        memset(inode->data + inode->size, 0, size - inode->size);
    inode->size = size;
}

static int64_t do_write(struct env *env, file_id file, uint64_t position, const struct bytes *parts,
                        uint32_t count)
{
    struct fake_inode *inode = file_of(env, file)->inode;
    int64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (position + parts[i].size > inode->size)
            inode_resize(inode, position + parts[i].size);
        if (parts[i].size > 0)
            memcpy(inode->data + position, parts[i].data, parts[i].size);
        position += parts[i].size;
        total += parts[i].size;
    }
    return total;
}

static enum err do_truncate(struct env *env, file_id file, uint64_t size)
{
    inode_resize(file_of(env, file)->inode, size);
    return ERR_NONE;
}

static enum err do_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    (void)file_of(env, file);
    (void)position;
    (void)size;
    return of(env)->is_full ? ERR_SPACE : ERR_NONE;
}

static enum err do_mkdir(struct env *env, const char *path)
{
    if (inode_find(of(env), path))
        return ERR_EXISTS;
    inode_new(of(env), path, true);
    return ERR_NONE;
}

static bool is_below(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(path, directory, size) == 0 && path[size] == '/';
}

static enum err do_rename(struct env *env, const char *from, const char *to)
{
    struct fake_env *fake = of(env);
    struct fake_inode *inode = inode_find(fake, from);
    struct fake_inode *there = inode_find(fake, to);
    if (!inode)
        return ERR_NOT_FOUND;
    if (there && there != inode)
        there->path[0] = '\0';
    for (uint32_t i = 0; i < fake->inode_count; i++) {
        struct fake_inode *each = fake->inodes[i];
        if (each != inode && !is_below(each->path, from))
            continue;
        char moved[2 * ENV_PATH_MAX];
        snprintf(moved, sizeof moved, "%s%s", to, each->path + strlen(from));
        check(strlen(moved) < sizeof each->path);
        memcpy(each->path, moved, strlen(moved) + 1);
    }
    return ERR_NONE;
}

static enum err do_unlink(struct env *env, const char *path)
{
    struct fake_inode *inode = inode_find(of(env), path);
    if (!inode)
        return ERR_NOT_FOUND;
    inode->path[0] = '\0';
    return ERR_NONE;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err do_list(struct env *env, const char *path, struct arena *arena, const char ***names,
                        uint32_t *count)
{
    struct fake_env *fake = of(env);
    bool is_root = strcmp(path, ".") == 0;
    if (!is_root && !inode_find(fake, path))
        return ERR_NOT_FOUND;
    *names = arena_array(arena, const char *, fake->inode_count + 1);
    *count = 0;
    for (uint32_t i = 0; i < fake->inode_count; i++) {
        const char *each = fake->inodes[i]->path;
        if (!is_root && !is_below(each, path))
            continue;
        const char *name = is_root ? each : each + strlen(path) + 1;
        if (name[0] != '\0' && strcmp(name, ".") != 0 && !strchr(name, '/'))
            (*names)[(*count)++] = arena_copy(arena, name, strlen(name) + 1);
    }
    qsort(*names, *count, sizeof **names, compare_names);
    return ERR_NONE;
}

static void do_sync(struct env *env, const struct env_sync *request)
{
    struct fake_env *fake = of(env);
    for (uint32_t i = 0; i < request->count; i++)
        (void)file_of(env, request->files[i]);
    mem_grow(fake->syncs, fake->sync_count, &fake->sync_capacity);
    fake->syncs[fake->sync_count++] = request->ticket;
}

/* ---- Sockets. */

static conn_id conn_new(struct fake_env *fake, conn_id other)
{
    mem_grow(fake->conns, fake->conn_count, &fake->conn_capacity);
    fake->conns[fake->conn_count] =
        (struct fake_conn){.is_there = true, .wants_read = true, .other = other, .room = CONN_ROOM};
    return (conn_id)fake->conn_count++;
}

static struct fake_conn *conn_of(struct env *env, conn_id id)
{
    check(id >= 0);
    check((uint32_t)id < of(env)->conn_count);
    check(of(env)->conns[id].is_there);
    return &of(env)->conns[id];
}

static void accept_at(struct fake_env *fake, conn_id conn, uint32_t listener)
{
    shard_deliver(fake->shard,
                  &(struct env_event){.kind = ENV_ACCEPTED, .conn = conn, .listener = listener});
}

static conn_id do_dial(struct env *env, const struct env_address *address)
{
    struct fake_env *fake = of(env);
    conn_id id = conn_new(fake, -1);
    fake->conns[id].is_dialing = fake->conns[id].is_dialed = true;
    for (uint32_t i = 0; i < fake->config->listener_count; i++) {
        if (fake->config->listeners[i].bind.port != address->port)
            continue;
        conn_id other = conn_new(fake, id);
        fake->conns[id].other = other;
        accept_at(fake, other, i);
    }
    return id;
}

static int64_t do_recv(struct env *env, conn_id id, void *into, uint32_t size)
{
    struct fake_conn *conn = conn_of(env, id);
    uint32_t count = conn->in_size < size ? conn->in_size : size;
    of(env)->recv_count++;
    if (count == 0)
        return conn->peer_has_gone ? ERR_CLOSED : ERR_AGAIN;
    memcpy(into, conn->in, count);
    conn->in_size -= count;
    memmove(conn->in, conn->in + count, conn->in_size);
    return count;
}

static void put(uint8_t **data, uint32_t *used, uint32_t *capacity, const void *from, uint32_t size)
{
    if (*used + size > *capacity) {
        *capacity = 2 * (*used + size);
        *data = mem_realloc(*data, *capacity);
    }
    if (size > 0)
        memcpy(*data + *used, from, size);
    *used += size;
}

static uint32_t conn_put(struct fake_env *fake, struct fake_conn *conn, const uint8_t *data,
                         uint32_t size)
{
    if (conn->other >= 0) {
        fake_env_send(fake, conn->other, data, size);
        return size;
    }
    uint32_t room = conn->room > conn->out_size ? conn->room - conn->out_size : 0;
    uint32_t count = size < room ? size : room;
    put(&conn->out, &conn->out_size, &conn->out_capacity, data, count);
    conn->was_blocked = count < size;
    return count;
}

static int64_t do_send(struct env *env, conn_id id, const struct bytes *parts, uint32_t count,
                       bool more)
{
    struct fake_conn *conn = conn_of(env, id);
    int64_t total = 0;
    (void)more;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t sent = conn_put(of(env), conn, parts[i].data, parts[i].size);
        total += sent;
        if (sent < parts[i].size)
            break;
    }
    return total > 0 ? total : ERR_AGAIN;
}

static int64_t do_send_file(struct env *env, conn_id id, file_id file, uint64_t position,
                            uint32_t size)
{
    const struct fake_inode *inode = file_of(env, file)->inode;
    check(position + size <= inode->size);
    uint32_t sent = conn_put(of(env), conn_of(env, id), inode->data + position, size);
    return sent > 0 ? (int64_t)sent : ERR_AGAIN;
}

static void do_want_read(struct env *env, conn_id id, bool want)
{
    conn_of(env, id)->wants_read = want;
}

static void do_hang_up(struct env *env, conn_id id)
{
    struct fake_conn *conn = conn_of(env, id);
    conn->is_there = false;
    if (conn->other >= 0)
        of(env)->conns[conn->other].peer_has_gone = true;
}

static void do_peer(struct env *env, conn_id id, char *host)
{
    strcpy(host, conn_of(env, id)->is_there ? "192.0.2.7" : "");
}

static void do_post(struct env *env, uint32_t shard, struct letter *letter)
{
    check(shard == 0);
    shard_deliver(of(env)->shard, &(struct env_event){.kind = ENV_LETTER, .letter = letter});
}

static void do_fatal(struct env *env, const char *reason)
{
    (void)reason;
    of(env)->has_failed = true;
}

static const struct env_ops fake_ops = {
    .mono = do_mono,
    .wall = do_wall,
    .random = do_random,
    .mono_us = do_mono_us,
    .usage = do_usage,
    .open = do_open,
    .close = do_close,
    .hold = do_hold,
    .size = do_size,
    .read = do_read,
    .load = do_load,
    .write = do_write,
    .truncate = do_truncate,
    .reserve = do_reserve,
    .mkdir = do_mkdir,
    .rename = do_rename,
    .unlink = do_unlink,
    .list = do_list,
    .sync = do_sync,
    .dial = do_dial,
    .recv = do_recv,
    .send = do_send,
    .send_file = do_send_file,
    .want_read = do_want_read,
    .hang_up = do_hang_up,
    .peer = do_peer,
    .post = do_post,
    .fatal = do_fatal,
};

/* ---- The test's side. */

static void no_line(void *context, enum trace_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

void fake_env_init(struct fake_env *fake, const struct config *config)
{
    *fake = (struct fake_env){.config = config, .now = 1000, .random = 7};
    fake->trace = (struct trace){.level = TRACE_DEBUG, .line = no_line};
    fake->env = (struct env){.ops = &fake_ops, .trace = &fake->trace};
    inode_new(fake, ".", true);
}

void fake_env_free(struct fake_env *fake)
{
    for (uint32_t i = 0; i < fake->inode_count; i++) {
        mem_free(fake->inodes[i]->data);
        mem_free(fake->inodes[i]);
    }
    for (uint32_t i = 0; i < fake->conn_count; i++) {
        mem_free(fake->conns[i].in);
        mem_free(fake->conns[i].out);
    }
    mem_free(fake->inodes);
    mem_free(fake->files);
    mem_free(fake->conns);
    mem_free(fake->syncs);
}

conn_id fake_env_connect(struct fake_env *fake, uint32_t listener)
{
    conn_id id = conn_new(fake, -1);
    accept_at(fake, id, listener);
    return id;
}

void fake_env_send(struct fake_env *fake, conn_id id, const void *data, uint32_t size)
{
    struct fake_conn *conn = &fake->conns[id];
    if (conn->is_there)
        put(&conn->in, &conn->in_size, &conn->in_capacity, data, size);
}

void fake_env_load(struct fake_env *fake)
{
    check(fake->is_cold);
    check(fake->loads > 0);
    fake->is_cold = false;
    shard_deliver(fake->shard, &(struct env_event){.kind = ENV_LOADED, .ticket = fake->loads});
}

static bool deliver_conn(struct fake_env *fake, conn_id id)
{
    struct fake_conn *conn = &fake->conns[id];
    struct env_event event = {.conn = id};
    if (!conn->is_there || (conn->is_dialed && fake->replies_wait))
        return false;
    if (conn->is_dialing) {
        conn->is_dialing = false;
        event.kind = ENV_DIALED;
        event.result = conn->other >= 0 ? ERR_NONE : ERR_REFUSED;
        conn->is_there = event.result == ERR_NONE;
    } else if (conn->was_blocked && conn->out_size < conn->room) {
        conn->was_blocked = false;
        event.kind = ENV_WRITABLE;
    } else if (conn->wants_read && (conn->in_size > 0 || conn->peer_has_gone)) {
        event.kind = ENV_READABLE;
    } else {
        return false;
    }
    shard_deliver(fake->shard, &event);
    return true;
}

bool fake_env_deliver(struct fake_env *fake)
{
    uint32_t conns = fake->conn_count, syncs = fake->syncs_wait ? 0 : fake->sync_count;
    bool any = syncs > 0;
    for (uint32_t i = 0; i < syncs; i++)
        shard_deliver(fake->shard,
                      &(struct env_event){.kind = ENV_SYNCED, .ticket = fake->syncs[i]});
    if (syncs > 0)
        fake->sync_count = 0;
    for (uint32_t i = 0; i < conns; i++)
        any = deliver_conn(fake, (conn_id)i) || any;
    return any;
}
