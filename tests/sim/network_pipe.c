/* network_pipe.c -- one direction of a connection: delay, pieces, stalls, the end. */
#include "network.h"

void pipe_clear(struct net_pipe *pipe)
{
    while (pipe->first) {
        struct net_chunk *chunk = pipe->first;
        pipe->first = chunk->next;
        mem_free(chunk);
    }
    pipe->last = NULL;
    pipe->queued = 0;
    pipe->received.size = 0;
    pipe->read = 0;
}

/* What a file shows now; past its end a truncation left zeros. */
static void read_extent(const struct net_chunk *chunk, uint32_t taken, uint8_t *into, uint32_t size)
{
    const struct blob *cache = &chunk->file->cache;
    uint64_t at = chunk->position + taken;
    uint64_t there = at < cache->size ? cache->size - at : 0;
    uint32_t copied = there < size ? (uint32_t)there : size;
    if (copied > 0)
        memcpy(into, cache->data + at, copied);
    memset(into + copied, 0, size - copied);
}

void pipe_materialise(struct net_pipe *pipe)
{
    struct net_chunk **link = &pipe->first;
    pipe->last = NULL;
    for (; *link; link = &(*link)->next) {
        struct net_chunk *chunk = *link;
        if (chunk->file) {
            struct net_chunk *copy = mem_alloc(sizeof *copy + chunk->size);
            *copy = *chunk;
            copy->file = NULL;
            read_extent(chunk, 0, copy->data, chunk->size);
            mem_free(chunk);
            *link = copy;
        }
        pipe->last = *link;
    }
}

void pipe_push(struct net *net, struct net_conn *conn, uint32_t side, struct net_chunk *chunk)
{
    struct net_pipe *pipe = &conn->pipes[side];
    if (pipe->ending) { /* Reset, and the sender does not know yet. */
        mem_free(chunk);
        return;
    }
    sim_us arrival = net->kernel->now + kernel_delay(&net->rand, net->config.delay_mean);
    if (arrival < pipe->last_arrival)
        arrival = pipe->last_arrival;
    pipe->last_arrival = arrival;
    chunk->arrival = arrival;
    if (pipe->last)
        pipe->last->next = chunk;
    else
        pipe->first = chunk;
    pipe->last = chunk;
    pipe->queued += chunk->size;
    pipe_pump(net, conn, side);
}

static void pump_event(struct event *event);

static void schedule(struct net *net, struct net_conn *conn, uint32_t side, sim_us delay)
{
    conn->pipes[side].pumping = true;
    conn->events++;
    kernel_add(net->kernel, delay,
               (struct event){
                   .run = pump_event, .object = conn, .a = side, .b = conn->number, .label = 3});
}

void pipe_pump(struct net *net, struct net_conn *conn, uint32_t side)
{
    struct net_pipe *pipe = &conn->pipes[side];
    if (pipe->pumping || pipe->ended || (!pipe->first && !pipe->ending))
        return;
    if (side == 0 && !conn->ends[1].open && !conn->established)
        return; /* Waits for the dial's answer. */
    if (pipe->first && pipe->received.size - pipe->read >= net->config.capacity)
        return; /* The reader's window is shut; net_recv() goes on. */
    sim_us due = pipe->first ? pipe->first->arrival : pipe->last_arrival;
    if (due < pipe->stalled_until)
        due = pipe->stalled_until;
    sim_us now = net->kernel->now;
    schedule(net, conn, side, due > now ? due - now : 0);
}

static uint32_t piece_size(struct net *net, const struct net_pipe *pipe, uint32_t size)
{
    uint64_t window = net->config.capacity - (pipe->received.size - pipe->read);
    if (size > window)
        size = (uint32_t)window;
    if (size <= 1 || net->config.split == 0 || !rand_chance(&net->rand, 1, net->config.split))
        return size;
    if (rand_chance(&net->rand, 1, 4))
        return 1;
    return 1 + (uint32_t)rand_below(&net->rand, size);
}

static void record(struct net_conn *conn, uint32_t side, const uint8_t *data, uint32_t size)
{
    struct blob *recording = &conn->recording;
    if (side == 0 && conn->recorded && recording->size + size <= NET_RECORDING_MAX)
        blob_write(recording, recording->size, data, size);
}

/* Move one piece of the first chunk into the reader's buffer. */
static void deliver(struct net *net, struct net_conn *conn, uint32_t side)
{
    struct net_pipe *pipe = &conn->pipes[side];
    struct net_chunk *chunk = pipe->first;
    uint32_t size = piece_size(net, pipe, chunk->size - chunk->taken);
    uint64_t at = pipe->received.size;
    blob_resize(&pipe->received, at + size);
    if (chunk->file)
        read_extent(chunk, chunk->taken, pipe->received.data + at, size);
    else
        memcpy(pipe->received.data + at, chunk->data + chunk->taken, size);
    record(conn, side, pipe->received.data + at, size);
    if (!conn->ends[!side].open) /* Nobody is there to read it. */
        pipe->received.size = at;
    net->counts.delivered += size;
    chunk->taken += size;
    pipe->queued -= size;
    if (chunk->taken == chunk->size) {
        pipe->first = chunk->next;
        if (!pipe->first)
            pipe->last = NULL;
        mem_free(chunk);
    }
}

static void tell_ends(struct net *net, struct net_conn *conn, uint32_t side)
{
    struct net_pipe *pipe = &conn->pipes[side];
    struct net_end *reader = &conn->ends[!side], *writer = &conn->ends[side];
    if (reader->open && (reader->side == 1 || conn->established)) {
        if (conn->ghost && reader->side == 0) {
            pipe->received.size = 0;
        } else {
            struct net_owner *owner = &net->hosts[reader->host].owner;
            owner->readable(owner->context, reader);
        }
    }
    if (writer->open && pipe->starved && pipe->queued < net->config.capacity && !conn->ghost) {
        struct net_owner *owner = &net->hosts[writer->host].owner;
        pipe->starved = false;
        owner->writable(owner->context, writer);
    }
}

static bool disturb(struct net *net, struct net_conn *conn, uint32_t side)
{
    struct net_pipe *pipe = &conn->pipes[side];
    struct net_config *config = &net->config;
    uint64_t draw = config->stall + config->drop > 0 ? rand_below(&net->rand, 1000000) : 1000000;
    if (draw >= config->stall + config->drop)
        return false;
    sim_us stall = (sim_us)rand_below(&net->rand, 5 * SIM_SECOND);
    net->counts.stalls++;
    pipe->stalled_until = net->kernel->now + stall;
    if (draw < config->drop) { /* Lost for good: the connection ends in its place. */
        net->counts.resets++;
        pipe_clear(pipe);
        pipe->ending = true;
        conn->pipes[!side].ending = true;
        conn->pipes[!side].stalled_until = pipe->stalled_until;
        pipe_pump(net, conn, !side);
    }
    return true;
}

static void pump(struct net *net, struct net_conn *conn, uint32_t side)
{
    struct net_pipe *pipe = &conn->pipes[side];
    sim_us now = net->kernel->now;
    if (pipe->first && pipe->first->arrival <= now && pipe->stalled_until <= now &&
        !disturb(net, conn, side)) {
        if (pipe->received.size - pipe->read < net->config.capacity) {
            deliver(net, conn, side);
            tell_ends(net, conn, side);
        }
    } else if (!pipe->first && pipe->ending && pipe->stalled_until <= now) {
        pipe->ended = true;
        tell_ends(net, conn, side);
    }
    pipe_pump(net, conn, side);
}

/* The event is counted until its end, so that nobody frees the connection under it. */
static void pump_event(struct event *event)
{
    struct net_conn *conn = event->object;
    struct net *net = conn->net;
    uint32_t side = (uint32_t)event->a;
    uint32_t from = conn->ends[side].host, to = conn->ends[!side].host;
    conn->pipes[side].pumping = false;
    if (!net->cut[from][to] && !net->hosts[to].silent)
        pump(net, conn, side);
    else if (conn->ends[0].open || conn->ends[1].open) /* Sent again until it gets through. */
        schedule(net, conn, side, 20 * SIM_MS + kernel_delay(&net->rand, 100 * SIM_MS));
    conn->events--;
    net_release(net, conn);
}
