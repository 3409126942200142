/* node_env.c -- struct env over the simulated disk, network and clocks. */
#include <stdio.h>

#include "node.h"
#include "world.h"

struct sim_shard *sim_shard_of(struct env *env)
{
    return (struct sim_shard *)(void *)env;
}

void sim_shard_push(struct sim_shard *shard, const struct env_event *event)
{
    mem_grow(shard->events, shard->event_count, &shard->event_capacity);
    shard->events[shard->event_count++] = *event;
    sim_shard_poke(shard);
}

void sim_shard_push_readable(struct sim_shard *shard, conn_id id)
{
    struct sim_conn *conn = &shard->conns[id];
    if (conn->queued || conn->muted || conn->dialing)
        return;
    conn->queued = true;
    sim_shard_push(shard, &(struct env_event){.kind = ENV_READABLE, .conn = id});
}

/* ---- Clock and randomness. */

static mono_ms sim_mono(struct env *env)
{
    return node_mono(sim_shard_of(env)->node);
}

static wall_ms sim_wall(struct env *env)
{
    return node_wall(sim_shard_of(env)->node);
}

static uint64_t sim_random(struct env *env)
{
    return rand_u64(&sim_shard_of(env)->rand);
}

/* It measures only, so the milliseconds of the node's clock are fine enough. */
static int64_t sim_mono_us(struct env *env)
{
    return sim_mono(env) * 1000;
}

static void sim_usage(struct env *env, struct env_usage *out)
{
    (void)env;
    *out = (struct env_usage){.volume_size = -1, .volume_free = -1};
}

/* ---- Disk. */

static enum err sim_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out)
{
    struct sim_shard *shard = sim_shard_of(env);
    struct disk_file *file;
    enum err result = disk_open(&shard->node->disk, path, mode, &file);
    if (result != ERR_NONE)
        return result;
    struct sim_node *node = shard->node;
    mem_grow(node->files, node->file_count, &node->file_capacity);
    node->files[node->file_count] = file;
    mem_grow(node->file_holds, node->file_count, &node->file_hold_capacity);
    node->file_holds[node->file_count] = 1;
    *out = (file_id)node->file_count++;
    if (mode == ENV_OPEN_CREATE)
        node_burn(node);
    return ERR_NONE;
}

/* Handles are the process's: one shard sends from a file that another has opened. */
static struct disk_file *file_of(const struct sim_shard *shard, file_id file)
{
    const struct sim_node *node = shard->node;
    check(file >= 0);
    check((uint32_t)file < node->file_count);
    check(node->files[file]);
    return node->files[file];
}

static void sim_close(struct env *env, file_id file)
{
    struct sim_shard *shard = sim_shard_of(env);
    file_of(shard, file);
    check(shard->node->file_holds[file] > 0);
    if (--shard->node->file_holds[file] == 0)
        shard->node->files[file] = NULL;
}

static void sim_hold(struct env *env, file_id file)
{
    struct sim_shard *shard = sim_shard_of(env);
    file_of(shard, file);
    shard->node->file_holds[file]++;
}

static int64_t sim_size(struct env *env, file_id file)
{
    return (int64_t)file_of(sim_shard_of(env), file)->cache.size;
}

static uint64_t sim_load(struct env *env, file_id file, uint64_t position, uint32_t size);

static int64_t sim_read(struct env *env, file_id file, uint64_t position, void *into, uint32_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    if (env->is_hasty && (env->missed = sim_load(env, file, position, size)) != 0)
        return ERR_COLD;
    return disk_read(&shard->node->disk, file_of(shard, file), position, into, size);
}

/* ---- What is not in memory: once in a while, anything. */

enum { COLD_ONCE_IN = 12 };

struct sim_load {
    struct sim_shard *shard;
    struct env_event event;
};

static void finish_load(struct event *event)
{
    struct sim_load *load = event->object;
    if (load->shard->incarnation == load->shard->node->incarnation)
        sim_shard_push(load->shard, &load->event);
    mem_free(load);
}

static bool is_cold(struct sim_node *node)
{
    return !node->world->swarm.calm && rand_chance(&node->cold, 1, COLD_ONCE_IN);
}

/* The event follows when the disk has read it. */
static void start_load(struct sim_shard *shard, struct env_event event)
{
    struct disk *disk = &shard->node->disk;
    struct sim_load *load = mem_alloc(sizeof *load);
    *load = (struct sim_load){.shard = shard, .event = event};
    sim_us delay = 20 + kernel_delay(&shard->node->cold, disk->faults.sync_mean);
    if (disk->hang_until > disk->kernel->now)
        delay += disk->hang_until - disk->kernel->now;
    kernel_add(disk->kernel, delay,
               (struct event){.run = finish_load,
                              .object = load,
                              .a = shard->node->index << 8 | shard->index,
                              .b = shard->node->loads,
                              .label = 12});
}

static uint64_t sim_load(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    (void)file_of(shard, file);
    (void)position;
    if (size == 0 || !is_cold(shard->node))
        return 0;
    uint64_t ticket = ++shard->node->loads;
    env_mark(env, "cold_read");
    start_load(shard, (struct env_event){.kind = ENV_LOADED, .ticket = ticket, .conn = -1});
    return ticket;
}

static int64_t sim_write(struct env *env, file_id file, uint64_t position,
                         const struct bytes *parts, uint32_t count)
{
    struct sim_shard *shard = sim_shard_of(env);
    node_burn(shard->node);
    return disk_write(&shard->node->disk, file_of(shard, file), position, parts, count);
}

static enum err sim_truncate(struct env *env, file_id file, uint64_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    node_burn(shard->node);
    return disk_truncate(&shard->node->disk, file_of(shard, file), size);
}

static enum err sim_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    return disk_reserve(&shard->node->disk, file_of(shard, file), position + size);
}

static enum err sim_mkdir(struct env *env, const char *path)
{
    node_burn(sim_shard_of(env)->node);
    return disk_mkdir(&sim_shard_of(env)->node->disk, path);
}

static enum err sim_rename(struct env *env, const char *from, const char *to)
{
    struct sim_node *node = sim_shard_of(env)->node;
    node_burn(node);
    if (strstr(to, ".log.swap"))
        node_light_fuse(node);
    return disk_rename(&node->disk, from, to);
}

static enum err sim_unlink(struct env *env, const char *path)
{
    node_burn(sim_shard_of(env)->node);
    return disk_unlink(&sim_shard_of(env)->node->disk, path);
}

static enum err sim_list(struct env *env, const char *path, struct arena *arena,
                         const char ***names, uint32_t *count)
{
    struct disk_file *directory;
    enum err result =
        disk_open(&sim_shard_of(env)->node->disk, path, ENV_OPEN_DIRECTORY, &directory);
    if (result != ERR_NONE)
        return result;
    const struct disk_entries *entries = &directory->entries;
    const char **out = arena_array(arena, const char *, entries->count + 1);
    for (uint32_t i = 0; i < entries->count; i++)
        out[i] = arena_copy(arena, entries->all[i].name, strlen(entries->all[i].name) + 1);
    *names = out;
    *count = entries->count;
    return ERR_NONE;
}

static void sim_sync(struct env *env, const struct env_sync *request)
{
    struct sim_shard *shard = sim_shard_of(env);
    struct sim_node *node = shard->node;
    struct arena arena = {0};
    struct disk_file **files = arena_array(&arena, struct disk_file *, request->count + 1);
    for (uint32_t i = 0; i < request->count; i++)
        files[i] = file_of(shard, request->files[i]);
    disk_sync(&node->disk, files, request->count, sim_shard_tag(shard), request->ticket);
    arena_free(&arena);
    node_burn(node);
}

/* ---- Sockets. */

static conn_id new_conn(struct sim_shard *shard, struct net_end *end)
{
    mem_grow(shard->conns, shard->conn_count, &shard->conn_capacity);
    shard->conns[shard->conn_count] = (struct sim_conn){.end = end};
    end->user = shard;
    end->id = (int32_t)shard->conn_count;
    return (conn_id)shard->conn_count++;
}

static struct sim_conn *conn_of(struct sim_shard *shard, conn_id id)
{
    check(id >= 0);
    check((uint32_t)id < shard->conn_count);
    check(shard->conns[id].end);
    return &shard->conns[id];
}

static conn_id sim_dial(struct env *env, const struct env_address *address)
{
    struct sim_shard *shard = sim_shard_of(env);
    struct world *world = shard->node->world;
    unsigned int host = 0;
    int matched = sscanf(address->host, "sim%u", &host);
    check(matched == 1);
    check(host < world->swarm.nodes);
    uint32_t listener = address->port >= 10092;
    struct net_end *end = net_dial(&world->net, shard->node->index, host, listener);
    conn_id id = new_conn(shard, end);
    shard->conns[id].dialing = true;
    return id;
}

static int64_t sim_recv(struct env *env, conn_id conn, void *into, uint32_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    return net_recv(&shard->node->world->net, conn_of(shard, conn)->end, into, size);
}

static int64_t sim_send(struct env *env, conn_id conn, const struct bytes *parts, uint32_t count,
                        bool more)
{
    struct sim_shard *shard = sim_shard_of(env);
    (void)more;
    node_burn(shard->node);
    return net_send(&shard->node->world->net, conn_of(shard, conn)->end, parts, count);
}

static int64_t sim_send_file(struct env *env, conn_id conn, file_id file, uint64_t position,
                             uint32_t size)
{
    struct sim_shard *shard = sim_shard_of(env);
    node_burn(shard->node);
    if (is_cold(shard->node)) {
        start_load(shard, (struct env_event){.kind = ENV_WRITABLE, .conn = conn});
        return ERR_AGAIN;
    }
    return net_send_file(&shard->node->world->net, conn_of(shard, conn)->end, file_of(shard, file),
                         position, size);
}

static void sim_want_read(struct env *env, conn_id conn, bool want)
{
    struct sim_shard *shard = sim_shard_of(env);
    struct sim_conn *entry = conn_of(shard, conn);
    entry->muted = !want;
    if (want && net_is_readable(entry->end))
        sim_shard_push_readable(shard, conn);
}

static void sim_hang_up(struct env *env, conn_id conn)
{
    struct sim_shard *shard = sim_shard_of(env);
    check(conn >= 0);
    check((uint32_t)conn < shard->conn_count);
    struct sim_conn *entry = &shard->conns[conn];
    check(!entry->hung_up);
    struct net_end *end = entry->end; /* NULL: the dial failed, and that event is on its way. */
    entry->end = NULL;
    entry->hung_up = true;
    if (end)
        net_hang_up(&shard->node->world->net, end);
}

static void sim_peer(struct env *env, conn_id conn, char *host)
{
    (void)env;
    (void)conn;
    strcpy(host, "sim"); /* Nothing depends on where a client is. */
}

static void on_accepted(void *context, struct net_end *end, uint32_t listener)
{
    struct sim_node *node = context;
    uint64_t index = rand_below(&node->ticks, node->config.shards);
    struct sim_shard *shard = node->shards[index];
    conn_id id = new_conn(shard, end);
    sim_shard_push(shard,
                   &(struct env_event){.kind = ENV_ACCEPTED, .conn = id, .listener = listener});
}

static void on_dialed(void *context, struct net_end *end, enum err result)
{
    struct sim_shard *shard = end->user;
    conn_id id = end->id;
    (void)context;
    shard->conns[id].dialing = false;
    if (result != ERR_NONE)
        shard->conns[id].end = NULL;
    sim_shard_push(shard, &(struct env_event){.kind = ENV_DIALED, .conn = id, .result = result});
}

static void on_readable(void *context, struct net_end *end)
{
    (void)context;
    if (end->user)
        sim_shard_push_readable(end->user, end->id);
}

static void on_writable(void *context, struct net_end *end)
{
    (void)context;
    if (end->user)
        sim_shard_push(end->user, &(struct env_event){.kind = ENV_WRITABLE, .conn = end->id});
}

void node_listen(struct sim_node *node)
{
    struct net_host *host = &node->world->net.hosts[node->index];
    host->owner = (struct net_owner){.accepted = on_accepted,
                                     .dialed = on_dialed,
                                     .readable = on_readable,
                                     .writable = on_writable,
                                     .context = node};
    host->listening = true;
}

/* ---- Other shards. */

struct mail {
    struct sim_shard *to;
    struct letter *letter;
};

static void deliver_letter(struct event *event)
{
    struct mail *mail = event->object;
    struct sim_shard *to = mail->to;
    if (to->incarnation == to->node->incarnation)
        sim_shard_push(to,
                       &(struct env_event){.kind = ENV_LETTER, .letter = mail->letter, .conn = -1});
    mem_free(mail);
}

static void sim_post(struct env *env, uint32_t shard_index, struct letter *letter)
{
    struct sim_shard *shard = sim_shard_of(env);
    struct sim_node *node = shard->node;
    check(shard_index < node->config.shards);
    struct sim_shard *to = node->shards[shard_index];
    struct mail *mail = mem_alloc(sizeof *mail);
    *mail = (struct mail){.to = to, .letter = letter};
    struct kernel *kernel = &node->world->kernel;
    sim_us *last = &to->letters_until[shard->index];
    sim_us due = kernel->now + (sim_us)rand_below(&node->ticks, 30);
    if (due <= *last) /* Letters of one pair keep their order. */
        due = *last + 1;
    *last = due;
    kernel_add(kernel, due - kernel->now,
               (struct event){.run = deliver_letter,
                              .object = mail,
                              .a = node->index << 8 | shard_index,
                              .b = shard->index,
                              .label = 6});
}

static void sim_fatal(struct env *env, const char *reason)
{
    struct sim_node *node = sim_shard_of(env)->node;
    check(node->in_core);
    node_escape(node, reason);
}

const struct env_ops sim_env_ops = {
    .mono = sim_mono,
    .wall = sim_wall,
    .random = sim_random,
    .mono_us = sim_mono_us,
    .usage = sim_usage,
    .open = sim_open,
    .close = sim_close,
    .hold = sim_hold,
    .size = sim_size,
    .read = sim_read,
    .load = sim_load,
    .write = sim_write,
    .truncate = sim_truncate,
    .reserve = sim_reserve,
    .mkdir = sim_mkdir,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .list = sim_list,
    .sync = sim_sync,
    .dial = sim_dial,
    .recv = sim_recv,
    .send = sim_send,
    .send_file = sim_send_file,
    .want_read = sim_want_read,
    .hang_up = sim_hang_up,
    .peer = sim_peer,
    .post = sim_post,
    .fatal = sim_fatal,
};
