/* sockets.c -- connections: own non-blocking descriptors on libuv's poll handles.
 *
 * A readiness becomes one event and the shard calls recv() once for it; polling is
 * level-triggered, so what is left is told again in the next round. A paused connection
 * is not polled for reading at all. Writability is asked for only after a short send.
 *
 * Source  performance.md 5.2. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "uv_shard.h"

static void on_ready(uv_poll_t *poll, int status, int events);

void sockets_init(struct uv_shard *owner)
{
    map_init(&owner->sockets.conns, sizeof(conn_id));
    owner->sockets.next = 0;
    owner->sockets.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void sockets_close(struct uv_shard *owner)
{
    uint32_t cursor = 0;
    void *value = NULL;
    while (map_next(&owner->sockets.conns, &cursor, &value)) {
        conn_drop(value);
        cursor = 0; /* The map has changed. */
    }
    map_free(&owner->sockets.conns);
    if (owner->sockets.spare_fd >= 0)
        close(owner->sockets.spare_fd);
}

struct uv_conn *conn_add(struct uv_shard *owner, int fd)
{
    struct uv_conn *conn = mem_zalloc(sizeof *conn);
    conn->owner = owner;
    conn->fd = fd;
    conn->want_read = true;
    check(owner->sockets.next < INT32_MAX);
    conn->id = owner->sockets.next++;
    map_put(&owner->sockets.conns, &conn->id, conn);
    return conn;
}

static struct uv_conn *conn_find(struct env *env, conn_id id)
{
    return map_get(&uv_shard_of(env)->sockets.conns, &id);
}

/* Put the connection's descriptor on the loop. */
void conn_watch(struct uv_conn *conn)
{
    struct uv_watch *watch = mem_zalloc(sizeof *watch);
    watch->conn = conn;
    int failed = uv_poll_init(&conn->owner->loop, &watch->poll, conn->fd);
    check(failed == 0); /* The descriptor is a fresh socket. */
    watch->poll.data = watch;
    conn->watch = watch;
    conn->armed = 0;
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Take the descriptor off the loop and close it. */
void conn_unwatch(struct uv_conn *conn)
{
    if (conn->watch != NULL) {
        conn->watch->conn = NULL;
        uv_close((uv_handle_t *)&conn->watch->poll, on_watch_closed);
        conn->watch = NULL;
    }
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    conn->armed = 0;
}

/* Ask the loop for what the connection waits for, and nothing more. */
void conn_arm(struct uv_conn *conn)
{
    int events = UV_WRITABLE; /* A dial ends by becoming writable. */
    if (conn->dial == NULL)
        events = (conn->want_read ? UV_READABLE : 0) | (conn->want_write ? UV_WRITABLE : 0);
    if (conn->watch == NULL || events == conn->armed)
        return;
    conn->armed = events;
    if (events == 0)
        uv_poll_stop(&conn->watch->poll);
    else
        uv_poll_start(&conn->watch->poll, events, on_ready);
}

void conn_drop(struct uv_conn *conn)
{
    map_remove(&conn->owner->sockets.conns, &conn->id);
    dial_release(conn);
    conn_unwatch(conn);
    mem_free(conn);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct uv_conn *conn = ((struct uv_watch *)poll->data)->conn;
    if (conn == NULL)
        return;
    if (status < 0) {    /* An error on the socket, which recv() or send() will name. */
        conn->armed = 0; /* libuv has stopped the watch by itself. */
        events = UV_READABLE | UV_WRITABLE;
    }
    if (conn->dial != NULL) {
        dial_step(conn);
        return;
    }
    struct env_event event = {.kind = ENV_WRITABLE, .conn = conn->id};
    if ((events & UV_WRITABLE) && conn->want_write) {
        conn->want_write = false;
        uv_shard_deliver(conn->owner, &event);
    }
    event.kind = ENV_READABLE;
    if ((events & UV_READABLE) && conn->want_read)
        uv_shard_deliver(conn->owner, &event);
    conn_arm(conn);
}

static bool is_loopback(const struct sockaddr_storage *peer)
{
    if (peer->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

/* Replies leave at once. On loopback a pacing congestion control costs a factor of four. */
void socket_tune(int fd, const struct sockaddr_storage *peer)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (is_loopback(peer))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* Best effort. */
}

int64_t sockets_recv(struct env *env, conn_id id, void *into, uint32_t size)
{
    struct uv_conn *conn = conn_find(env, id);
    if (conn == NULL)
        return ERR_CLOSED;
    if (conn->dial != NULL)
        return ERR_AGAIN;
    ssize_t moved;
    do
        moved = recv(conn->fd, into, size, MSG_DONTWAIT);
    while (moved < 0 && errno == EINTR);
    if (moved > 0)
        return moved;
    return moved < 0 && errno == EAGAIN ? ERR_AGAIN : ERR_CLOSED;
}

/* An IPv4 peer of a listener for both families is told by its IPv4 address. */
void sockets_peer(struct env *env, conn_id id, char *host)
{
    static const char mapped[] = "::ffff:";
    const struct uv_conn *conn = conn_find(env, id);
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    host[0] = '\0';
    if (conn == NULL || getpeername(conn->fd, (struct sockaddr *)&peer, &size) != 0 ||
        getnameinfo((struct sockaddr *)&peer, size, host, ENV_HOST_MAX, NULL, 0, NI_NUMERICHOST) !=
            0)
        return;
    if (strncmp(host, mapped, strlen(mapped)) == 0)
        memmove(host, host + strlen(mapped), strlen(host + strlen(mapped)) + 1);
}

/* Remember that the socket is full; one ENV_WRITABLE tells when it no longer is. */
static void await_room(struct uv_conn *conn)
{
    conn->want_write = true;
    conn_arm(conn);
}

static ssize_t send_parts(int fd, const struct bytes *parts, uint32_t count, bool more)
{
    struct iovec vectors[IO_VECTORS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        vectors[i].iov_base = (void *)(uintptr_t)parts[i].data;
        vectors[i].iov_len = parts[i].size;
    }
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t moved;
    do
        moved = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (moved < 0 && errno == EINTR);
    return moved;
}

int64_t sockets_send(struct env *env, conn_id id, const struct bytes *parts, uint32_t count,
                     bool more)
{
    struct uv_conn *conn = conn_find(env, id);
    if (conn == NULL || conn->dial != NULL)
        return ERR_CLOSED;
    int64_t total = 0;
    while (count > 0) {
        uint32_t batch = count < IO_VECTORS_MAX ? count : IO_VECTORS_MAX;
        int64_t asked = 0;
        for (uint32_t i = 0; i < batch; i++)
            asked += parts[i].size;
        ssize_t moved = send_parts(conn->fd, parts, batch, more || count > batch);
        if (moved < 0 && errno != EAGAIN)
            return ERR_CLOSED;
        total += moved < 0 ? 0 : moved;
        if (moved < asked) {
            await_room(conn);
            return total > 0 ? total : ERR_AGAIN;
        }
        parts += batch;
        count -= batch;
    }
    return total;
}

int64_t sockets_send_file(struct env *env, conn_id id, file_id file, uint64_t position,
                          uint32_t size)
{
    struct uv_conn *conn = conn_find(env, id);
    if (conn == NULL || conn->dial != NULL)
        return ERR_CLOSED;
    int from = disk_file(uv_shard_of(env), file)->fd;
    off_t offset = (off_t)position;
    uint32_t piece = size;
    ssize_t moved;
    if (load_for(conn, file, position, &piece))
        return ERR_AGAIN;
    do
        moved = sendfile(conn->fd, from, &offset, piece);
    while (moved < 0 && errno == EINTR);
    if (moved < 0 && errno != EAGAIN)
        return errno == EIO ? ERR_IO : ERR_CLOSED;
    if (moved == 0 && size > 0)
        return ERR_IO; /* The file ends before what the reply's header has promised. */
    if (moved < (ssize_t)size)
        await_room(conn);
    return moved < 0 ? ERR_AGAIN : moved;
}

void sockets_loaded(struct uv_shard *owner, conn_id id)
{
    struct uv_conn *conn = conn_find(&owner->env, id);
    struct env_event event = {.kind = ENV_WRITABLE, .conn = id};
    if (conn == NULL)
        return;
    conn->is_loaded = true;
    uv_shard_deliver(owner, &event);
}

void sockets_want_read(struct env *env, conn_id id, bool want)
{
    struct uv_conn *conn = conn_find(env, id);
    if (conn == NULL)
        return;
    conn->want_read = want;
    conn_arm(conn);
}

void sockets_hang_up(struct env *env, conn_id id)
{
    struct uv_conn *conn = conn_find(env, id);
    if (conn != NULL) /* Else a failed dial whose event is still in the inbox. */
        conn_drop(conn);
}
