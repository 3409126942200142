/* conn.c -- one connection: requests out in order, replies in, counted as they complete.
 *
 * A request is the same bytes again and again, but for its correlation id. So it is sent
 * from two places, its head in the slot and the rest in a frame that all slots share, and
 * nothing is copied. Slots between `sent` and `queued` still have bytes to go:
 *
 *   answered <= sent <= queued <= answered + depth */
#include "conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "batch.h"
#include "say.h"
#include "wire.h"

enum {
    SEND_SLOTS_MAX = 64,           /* Requests in one writev(). */
    INPUT_SIZE = 256 * 1024,       /* Room for replies to Produce. */
    FETCH_SLACK = 4 * 1024 * 1024, /* A fetch may exceed its size by one batch (KIP-74). */
};

static int failed(const struct conn *conn, const char *what, const char *why)
{
    return say_error(EXIT_FAILED, "%s, partition %d: %s: %s (%u requests open, %u answered)",
                     conn->target->peer, conn->target->partition, what, why,
                     conn_open_requests(conn), (uint32_t)conn->answered);
}

static int connect_in_time(struct conn *conn)
{
    int failure = 0;
    if (connect(conn->fd, (const struct sockaddr *)&conn->target->address,
                conn->target->address_size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    struct pollfd poll_fd = {.fd = conn->fd, .events = POLLOUT};
    if (poll(&poll_fd, 1, (int)(conn->plan->timeout_ns / 1000000)) != 1)
        return ETIMEDOUT;
    socklen_t size = sizeof failure;
    getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    return failure;
}

int conn_open(struct conn *conn)
{
    int on = 1;
    conn->fd =
        socket(conn->target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        return failed(conn, "socket", strerror(errno));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int failure = connect_in_time(conn);
    if (failure)
        return failed(conn, "connecting", strerror(failure));
    conn->slots = mem_zalloc(conn->plan->depth * sizeof *conn->slots);
    conn->input_capacity =
        conn->plan->mode == LOAD_CONSUME ? conn->plan->fetch_size + FETCH_SLACK : INPUT_SIZE;
    conn->input = mem_alloc(conn->input_capacity);
    conn->frame = conn->plan->mode == LOAD_CONSUME
                      ? load_fetch_frame(conn->plan, conn->target->partition, 0)
                      : load_produce_frame(conn->plan, conn->target->partition, conn->result);
    return EXIT_DONE;
}

void conn_close(struct conn *conn)
{
    if (conn->fd >= 0)
        close(conn->fd);
    mem_free(conn->slots);
    mem_free(conn->input);
    buf_unref(conn->frame);
}

static struct conn_slot *slot_at(const struct conn *conn, uint64_t number)
{
    return &conn->slots[number % conn->plan->depth];
}

void conn_queue(struct conn *conn, int64_t intended_ns, int64_t now_ns)
{
    check(conn_open_requests(conn) < conn->plan->depth);
    if (conn_open_requests(conn) == 0)
        conn->progress_ns = now_ns;
    struct conn_slot *slot = slot_at(conn, conn->queued);
    slot->is_measured = *conn->phase != LOAD_WARMS_UP;
    if (slot->is_measured)
        histogram_add(&conn->result->lag, (uint64_t)(now_ns - intended_ns));
    memcpy(slot->head, conn->frame->data, CONN_HEAD_SIZE);
    store_be32(slot->head + 8, (uint32_t)conn->queued);
    slot->intended_ns = intended_ns;
    conn->queued++;
}

/* A request was handed to the socket or answered: `records` in `bytes`. */
static void count_done(struct conn *conn, const struct conn_slot *slot, uint64_t records,
                       uint64_t bytes, int64_t now_ns)
{
    struct load_result *result = conn->result;
    result->total_requests++;
    result->total_records += records;
    result->total_bytes += bytes;
    conn->answered++;
    /* Of an open loop what was due counts, however late it is; of a closed one what came. */
    if (conn->plan->rate > 0 ? !slot->is_measured : *conn->phase != LOAD_MEASURES)
        return;
    result->requests++;
    result->records += records;
    result->bytes += bytes;
    histogram_add(&result->latency, (uint64_t)(now_ns - slot->intended_ns));
}

static void count_produced(struct conn *conn, int64_t now_ns)
{
    count_done(conn, slot_at(conn, conn->answered), conn->result->batch_records,
               conn->result->batch_size, now_ns);
}

static uint32_t gather(const struct conn *conn, struct iovec parts[2 * SEND_SLOTS_MAX])
{
    uint32_t count = 0;
    uint32_t skip = conn->sent_bytes;
    for (uint64_t at = conn->sent; at != conn->queued && count < 2 * SEND_SLOTS_MAX; at++) {
        if (skip < CONN_HEAD_SIZE) {
            parts[count].iov_base = slot_at(conn, at)->head + skip;
            parts[count++].iov_len = CONN_HEAD_SIZE - skip;
            skip = CONN_HEAD_SIZE;
        }
        parts[count].iov_base = conn->frame->data + skip;
        parts[count++].iov_len = conn->frame->size - skip;
        skip = 0;
    }
    return count;
}

/* The socket took so many bytes more. */
static void advance(struct conn *conn, size_t size)
{
    size_t left = conn->sent_bytes + size;
    while (left >= conn->frame->size && conn->sent != conn->queued) {
        left -= conn->frame->size;
        conn->sent++;
        if (conn->plan->acks == 0 && conn->plan->mode == LOAD_PRODUCE)
            count_produced(conn, load_now_ns());
    }
    conn->sent_bytes = (uint32_t)left;
    if (conn->plan->acks == 0)
        conn->progress_ns = load_now_ns();
}

int conn_send(struct conn *conn)
{
    struct iovec parts[2 * SEND_SLOTS_MAX];
    conn->wants_write = false;
    while (conn->sent != conn->queued) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = gather(conn, parts)};
        ssize_t size = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno != EAGAIN)
            return failed(conn, "sending", strerror(errno));
        conn->wants_write = size < 0;
        if (size < 0)
            return EXIT_DONE;
        advance(conn, (size_t)size);
    }
    return EXIT_DONE;
}

static int refused(const struct conn *conn, const char *api, int16_t error)
{
    return failed(conn, api, err_name((enum err)error));
}

static int take_produced(struct conn *conn, struct wire_reader *reader, int64_t now_ns)
{
    struct arena arena = {0};
    struct produce_response response;
    int code = EXIT_DONE;
    enum err err = produce_response_read(&response, LOAD_PRODUCE_VERSION, reader, &arena);
    if (err || response.topics_count != 1 || response.topics[0].partitions_count != 1)
        code = failed(conn, "Produce", "a reply that makes no sense");
    else if (response.topics[0].partitions[0].error_code != ERR_NONE)
        code = refused(conn, "Produce", response.topics[0].partitions[0].error_code);
    else
        count_produced(conn, now_ns);
    arena_free(&arena);
    return code;
}

/* Walk the headers of whole batches; what is cut off at the end comes again (KIP-74). */
static void walk_batches(struct conn *conn, struct bytes rest, uint64_t *records, uint64_t *bytes)
{
    struct batch_info info;
    while (batch_read(rest, &info) == ERR_NONE && info.size <= rest.size) {
        conn->offset = batch_end(&info);
        *records += (uint64_t)info.record_count;
        *bytes += info.size;
        rest.data += info.size;
        rest.size -= info.size;
    }
}

static int take_fetched(struct conn *conn, struct wire_reader *reader, int64_t now_ns)
{
    struct arena arena = {0};
    struct fetch_response response;
    uint64_t records = 0;
    uint64_t bytes = 0;
    int code = EXIT_DONE;
    enum err err = fetch_response_read(&response, LOAD_FETCH_VERSION, reader, &arena);
    const struct fetch_response_partition *partition = NULL;
    if (!err && response.topics_count == 1 && response.topics[0].partitions_count == 1)
        partition = &response.topics[0].partitions[0];
    if (!err && response.error_code != ERR_NONE)
        code = refused(conn, "Fetch", response.error_code);
    else if (!partition)
        code = failed(conn, "Fetch", "a reply that makes no sense");
    else if (partition->error_code != ERR_NONE)
        code = refused(conn, "Fetch", partition->error_code);
    else if (partition->high_watermark == 0)
        code = failed(conn, "Fetch", "the partition holds no records");
    if (!code) {
        walk_batches(conn, partition->records.memory, &records, &bytes);
        if (conn->offset >= partition->high_watermark)
            conn->offset = 0; /* From the beginning again. */
        count_done(conn, slot_at(conn, conn->answered), records, bytes, now_ns);
        buf_unref(conn->frame);
        conn->frame = load_fetch_frame(conn->plan, conn->target->partition, conn->offset);
    }
    arena_free(&arena);
    return code;
}

/* One whole reply, without its size. */
static int take_reply(struct conn *conn, const uint8_t *reply, uint32_t size, int64_t now_ns)
{
    bool is_fetch = conn->plan->mode == LOAD_CONSUME;
    const struct wire_api *api = wire_api_find(is_fetch ? WIRE_FETCH : WIRE_PRODUCE);
    struct wire_reader reader;
    int32_t correlation_id;
    wire_reader_init(&reader, (struct bytes){reply, size});
    enum err err = wire_response_header_read(
        &correlation_id, api, is_fetch ? LOAD_FETCH_VERSION : LOAD_PRODUCE_VERSION, &reader);
    if (err || conn->answered == conn->sent || (uint32_t)correlation_id != (uint32_t)conn->answered)
        return failed(conn, api->name, "a reply that nobody asked for");
    return is_fetch ? take_fetched(conn, &reader, now_ns) : take_produced(conn, &reader, now_ns);
}

int conn_receive(struct conn *conn)
{
    ssize_t got =
        recv(conn->fd, conn->input + conn->input_size, conn->input_capacity - conn->input_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return EXIT_DONE;
    if (got < 0)
        return failed(conn, "receiving", strerror(errno));
    if (got == 0)
        return failed(conn, "receiving", "the server closed the connection");
    int64_t now_ns = load_now_ns();
    uint32_t at = 0;
    conn->progress_ns = now_ns;
    conn->input_size += (uint32_t)got;
    while (conn->input_size - at >= WIRE_SIZE_PREFIX) {
        uint32_t size = load_be32(conn->input + at);
        if (size > conn->input_capacity - WIRE_SIZE_PREFIX)
            return failed(conn, "receiving", "a reply larger than was asked for");
        if (conn->input_size - at - WIRE_SIZE_PREFIX < size)
            break;
        int code = take_reply(conn, conn->input + at + WIRE_SIZE_PREFIX, size, now_ns);
        if (code)
            return code;
        at += WIRE_SIZE_PREFIX + size;
    }
    conn->input_size -= at;
    memmove(conn->input, conn->input + at, conn->input_size);
    return EXIT_DONE;
}

int conn_check_stall(const struct conn *conn, int64_t now_ns)
{
    if (conn_open_requests(conn) == 0 || now_ns - conn->progress_ns < conn->plan->timeout_ns)
        return EXIT_DONE;
    return say_error(EXIT_TIMED_OUT,
                     "%s, partition %d: stalled: nothing came for %lld ms (%u requests open, %u "
                     "answered)",
                     conn->target->peer, conn->target->partition,
                     (long long)((now_ns - conn->progress_ns) / 1000000), conn_open_requests(conn),
                     (uint32_t)conn->answered);
}
