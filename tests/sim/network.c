/* network.c -- dials, ends and hosts; network_pipe.c moves the bytes. */
#include "network.h"

void net_init(struct net *net, struct kernel *kernel)
{
    *net = (struct net){.kernel = kernel};
    net->config = (struct net_config){.delay_mean = 100, .capacity = 256 * 1024};
    kernel_stream(kernel, STREAM_NET, 0, &net->rand);
}

static void free_conn(struct net_conn *conn)
{
    for (uint32_t side = 0; side < 2; side++) {
        pipe_clear(&conn->pipes[side]);
        mem_free(conn->pipes[side].received.data);
    }
    mem_free(conn->recording.data);
    mem_free(conn);
}

void net_free(struct net *net)
{
    while (net->conns) {
        struct net_conn *conn = net->conns;
        net->conns = conn->next;
        free_conn(conn);
    }
}

void net_release(struct net *net, struct net_conn *conn)
{
    if (conn->events > 0 || conn->ends[0].open || conn->ends[1].open)
        return;
    if (conn->kept)
        return;
    if (conn->recording.size > 0 && net->kept_count < NET_RECORDINGS_MAX) {
        conn->kept = true;
        net->kept_count++;
        return;
    }
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        net->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    free_conn(conn);
}

static struct net_conn *new_conn(struct net *net, uint32_t from, uint32_t to, uint32_t listener)
{
    struct net_conn *conn = mem_zalloc(sizeof *conn);
    conn->net = net;
    conn->number = ++net->conn_count;
    conn->listener = listener;
    for (uint32_t side = 0; side < 2; side++)
        conn->ends[side] =
            (struct net_end){.conn = conn, .side = side, .host = side == 0 ? from : to};
    conn->next = net->conns;
    if (net->conns)
        net->conns->prev = conn;
    net->conns = conn;
    return conn;
}

static void answer_dial(struct net *net, struct net_conn *conn, enum err result)
{
    struct net_end *end = &conn->ends[0];
    if (!end->open)
        return;
    conn->established = result == ERR_NONE;
    if (result != ERR_NONE)
        end->open = false;
    struct net_owner *owner = &net->hosts[end->host].owner;
    if (!conn->ghost)
        owner->dialed(owner->context, end, result);
}

static void try_dial(struct event *event);

static void schedule_dial(struct net *net, struct net_conn *conn, sim_us delay)
{
    conn->events++;
    kernel_add(net->kernel, delay,
               (struct event){.run = try_dial,
                              .object = conn,
                              .a = conn->ends[0].host << 8 | conn->ends[1].host,
                              .b = conn->number,
                              .label = 2});
}

static bool may_answer(const struct net *net, uint32_t from, uint32_t to)
{
    return !net->cut[from][to] && !net->cut[to][from] && !net->hosts[to].silent;
}

static void accept_dial(struct net *net, struct net_conn *conn)
{
    struct net_end *accepted = &conn->ends[1];
    bool record = conn->listener == 1 && net->config.record > 0 && !conn->ghost;
    accepted->open = true;
    conn->recorded = record && rand_chance(&net->rand, 1, net->config.record);
    struct net_owner *owner = &net->hosts[accepted->host].owner;
    owner->accepted(owner->context, accepted, conn->listener);
    answer_dial(net, conn, ERR_NONE);
    pipe_pump(net, conn, 0);
}

static void decide_dial(struct net *net, struct net_conn *conn)
{
    uint32_t from = conn->ends[0].host, to = conn->ends[1].host;
    bool spurious = net->config.refuse > 0 && rand_chance(&net->rand, net->config.refuse, 1000000);
    if (!may_answer(net, from, to)) { /* The kernel asks again after 1, 2, 4 seconds. */
        if (conn->tries < 3) {
            schedule_dial(net, conn, SIM_SECOND << conn->tries++);
            return;
        }
        net->counts.unanswered++;
        answer_dial(net, conn, ERR_UNREACHABLE);
    } else if (!net->hosts[to].listening || spurious) {
        net->counts.refused++;
        answer_dial(net, conn, ERR_REFUSED);
    } else {
        accept_dial(net, conn);
    }
}

/* The event is counted until its end, so that nobody frees the connection under it. */
static void try_dial(struct event *event)
{
    struct net_conn *conn = event->object;
    struct net *net = conn->net;
    if (conn->ends[0].open)
        decide_dial(net, conn);
    conn->events--;
    net_release(net, conn);
}

struct net_end *net_dial(struct net *net, uint32_t from, uint32_t to, uint32_t listener)
{
    struct net_conn *conn = new_conn(net, from, to, listener);
    conn->ends[0].open = true;
    net->counts.dials++;
    schedule_dial(net, conn, kernel_delay(&net->rand, net->config.delay_mean));
    return &conn->ends[0];
}

bool net_is_readable(const struct net_end *end)
{
    const struct net_pipe *pipe = &end->conn->pipes[!end->side];
    return end->open && (pipe->received.size > pipe->read || pipe->ended);
}

int64_t net_recv(struct net *net, struct net_end *end, void *into, uint32_t size)
{
    struct net_pipe *pipe = &end->conn->pipes[!end->side];
    uint64_t waiting = pipe->received.size - pipe->read;
    if (waiting == 0)
        return pipe->ended ? ERR_CLOSED : ERR_AGAIN;
    if (size > waiting)
        size = (uint32_t)waiting;
    memcpy(into, pipe->received.data + pipe->read, size);
    pipe->read += size;
    if (pipe->read == pipe->received.size) {
        pipe->received.size = 0;
        pipe->read = 0;
    }
    pipe_pump(net, end->conn, !end->side);
    return size;
}

/* Room in the sender's buffer; negative: why none. */
static int64_t send_room(struct net *net, struct net_end *end)
{
    struct net_pipe *pipe = &end->conn->pipes[end->side];
    if (end->conn->pipes[!end->side].ended)
        return ERR_CLOSED;
    if (!end->conn->established && end->side == 0)
        return ERR_AGAIN;
    if (pipe->queued >= net->config.capacity) {
        pipe->starved = true;
        return ERR_AGAIN;
    }
    return (int64_t)(net->config.capacity - pipe->queued);
}

int64_t net_send(struct net *net, struct net_end *end, const struct bytes *parts, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += parts[i].size;
    int64_t room = send_room(net, end);
    if (room < 0 || size == 0)
        return room < 0 ? room : 0;
    if (size > (uint64_t)room) {
        size = (uint64_t)room;
        end->conn->pipes[end->side].starved = true;
    }
    struct net_chunk *chunk = mem_alloc(sizeof *chunk + size);
    *chunk = (struct net_chunk){.size = (uint32_t)size};
    uint64_t done = 0;
    for (; done < size; parts++) {
        uint64_t take = parts->size < size - done ? parts->size : size - done;
        if (take > 0)
            memcpy(chunk->data + done, parts->data, take);
        done += take;
    }
    pipe_push(net, end->conn, end->side, chunk);
    return (int64_t)size;
}

int64_t net_send_file(struct net *net, struct net_end *end, struct disk_file *file,
                      uint64_t position, uint32_t size)
{
    int64_t room = send_room(net, end);
    if (room < 0)
        return room;
    if (position >= file->cache.size)
        return 0;
    if (size > file->cache.size - position)
        size = (uint32_t)(file->cache.size - position);
    if (size > (uint64_t)room) {
        size = (uint32_t)room;
        end->conn->pipes[end->side].starved = true;
    }
    struct net_chunk *chunk = mem_alloc(sizeof *chunk);
    *chunk = (struct net_chunk){.size = size, .file = file, .position = position};
    pipe_push(net, end->conn, end->side, chunk);
    return size;
}

/* `end` will hear nothing more, and says so behind what it has sent. */
static void close_end(struct net *net, struct net_end *end)
{
    struct net_conn *conn = end->conn;
    end->open = false;
    end->user = NULL;
    conn->pipes[end->side].ending = true;
    pipe_clear(&conn->pipes[!end->side]);
    pipe_pump(net, conn, end->side);
}

void net_hang_up(struct net *net, struct net_end *end)
{
    close_end(net, end);
    net_release(net, end->conn);
}

static void drop_tail(struct net *net, struct net_pipe *pipe)
{
    if (!pipe->first || rand_chance(&net->rand, 1, 2))
        return;
    struct net_chunk *chunk = pipe->first;
    for (uint64_t keep = rand_below(&net->rand, 4); keep > 0 && chunk->next; keep--)
        chunk = chunk->next;
    while (chunk->next) {
        struct net_chunk *gone = chunk->next;
        chunk->next = gone->next;
        pipe->queued -= gone->size - gone->taken;
        mem_free(gone);
    }
    pipe->last = chunk;
}

static void lose_host(struct net *net, uint32_t host, bool silent)
{
    struct net_conn *next;
    for (struct net_conn *conn = net->conns; conn; conn = next) {
        next = conn->next;
        for (uint32_t side = 0; side < 2; side++) {
            struct net_end *end = &conn->ends[side];
            if (!end->open || end->host != host)
                continue;
            pipe_materialise(&conn->pipes[side]);
            drop_tail(net, &conn->pipes[side]);
            if (silent) {
                end->open = false;
                end->user = NULL;
                pipe_clear(&conn->pipes[!side]);
            } else {
                close_end(net, end);
            }
        }
        net_release(net, conn);
    }
}

void net_kill(struct net *net, uint32_t host)
{
    net->hosts[host].listening = false;
    lose_host(net, host, false);
}

void net_power_off(struct net *net, uint32_t host)
{
    net->hosts[host].listening = false;
    net->hosts[host].silent = true;
    lose_host(net, host, true);
}

void net_power_on(struct net *net, uint32_t host)
{
    net->hosts[host].silent = false;
    for (struct net_conn *conn = net->conns; conn; conn = conn->next)
        for (uint32_t side = 0; side < 2; side++)
            if (conn->ends[side].host == host && !conn->ends[side].open && conn->established &&
                conn->ends[!side].open && !conn->pipes[side].ending) {
                conn->pipes[side].ending = true;
                pipe_pump(net, conn, side);
            }
}

void net_reset_one(struct net *net, uint32_t host, sim_us stall)
{
    struct net_conn *chosen = NULL;
    uint64_t seen = 0;
    for (struct net_conn *conn = net->conns; conn; conn = conn->next)
        if (conn->ends[0].open && conn->ends[1].open &&
            (conn->ends[0].host == host || conn->ends[1].host == host) &&
            rand_below(&net->rand, ++seen) == 0)
            chosen = conn;
    if (!chosen)
        return;
    net->counts.resets++;
    for (uint32_t side = 0; side < 2; side++) {
        struct net_pipe *pipe = &chosen->pipes[side];
        drop_tail(net, pipe);
        pipe->stalled_until = net->kernel->now + stall;
        pipe->ending = true;
        pipe_pump(net, chosen, side);
    }
}

void net_replay(struct net *net, uint32_t host)
{
    struct net_conn *chosen = NULL;
    uint64_t seen = 0;
    for (struct net_conn *conn = net->conns; conn; conn = conn->next)
        if (conn->recording.size > 0 && conn->ends[1].host == host &&
            rand_below(&net->rand, ++seen) == 0)
            chosen = conn;
    if (!chosen || !net->hosts[host].listening)
        return;
    uint32_t size = (uint32_t)chosen->recording.size;
    struct net_conn *ghost = new_conn(net, chosen->ends[0].host, host, chosen->listener);
    ghost->ghost = true;
    ghost->established = true;
    ghost->ends[0].open = true;
    struct net_chunk *chunk = mem_alloc(sizeof *chunk + size);
    *chunk = (struct net_chunk){.size = size};
    memcpy(chunk->data, chosen->recording.data, size);
    pipe_push(net, ghost, 0, chunk);
    ghost->pipes[0].ending = true;
    net->counts.replays++;
    accept_dial(net, ghost);
    ghost->ends[0].open = false; /* Its bytes are on their way, and hold it. */
    chosen->recording.size = 0;
    if (chosen->kept) {
        chosen->kept = false;
        net->kept_count--;
    }
    chosen->recorded = false;
    net_release(net, chosen);
}
