/* listen.c -- the node's own ports: bind what the config names, accept what comes.
 *
 * Binding happens before the data directory is touched, so a taken port leaves nothing
 * behind. When descriptors run out, a spare one is given up for a moment: the connection
 * is taken and closed, so that its client hears at once instead of hanging in the backlog. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv_shard.h"

/* Bind attempts for a port 0 that must be free on several addresses at once. */
enum { FREE_PORT_TRIES = 16 };

struct binding {
    const struct config_listener *listener;
    bool any; /* Host "": the first address that works serves all. */
    uint32_t count;
    struct uv_endpoint endpoints[DIAL_ADDRESSES_MAX];
    int fds[DIAL_ADDRESSES_MAX];
    uint32_t bound;
    int failed;         /* errno of the last refusal, */
    uint32_t failed_at; /* and where. */
};

/* Host names are looked up on the spot: nothing runs yet that could be held up. */
static enum err find_addresses(struct binding *binding)
{
    const struct env_address *bind_to = &binding->listener->bind;
    binding->any = bind_to->host[0] == '\0';
    if (binding->any)
        binding->count = address_any(bind_to->port, binding->endpoints);
    else
        binding->count = address_literal(bind_to->host, bind_to->port, binding->endpoints);
    if (binding->count > 0)
        return ERR_NONE;

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (getaddrinfo(bind_to->host, NULL, &hints, &found) != 0)
        return ERR_NOT_FOUND;
    binding->count = address_resolved(found, binding->endpoints, DIAL_ADDRESSES_MAX);
    freeaddrinfo(found);
    for (uint32_t i = 0; i < binding->count; i++)
        address_set_port(&binding->endpoints[i], bind_to->port);
    return binding->count > 0 ? ERR_NONE : ERR_NOT_FOUND;
}

static int bind_one(const struct uv_endpoint *endpoint, bool any)
{
    int on = 1;
    int off = 0;
    int only_v6 = any ? off : on;
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (endpoint->address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
    if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static uint16_t bound_port(int fd)
{
    struct uv_endpoint here = {.size = sizeof here.address};
    int failed = getsockname(fd, (struct sockaddr *)&here.address, &here.size);
    check(failed == 0);
    return address_port(&here.address);
}

/* An address family that this machine lacks is no reason to refuse the others. */
static bool is_missing_family(int code)
{
    return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

static void close_bound(struct binding *binding)
{
    while (binding->bound > 0)
        close(binding->fds[--binding->bound]);
}

/* All addresses on one port. False: `failed` and `failed_at` say why and where. */
static bool bind_addresses(struct binding *binding)
{
    uint16_t port = binding->listener->bind.port;
    binding->failed = 0;
    for (uint32_t i = 0; i < binding->count; i++) {
        address_set_port(&binding->endpoints[i], port);
        int fd = bind_one(&binding->endpoints[i], binding->any);
        if (fd < 0) {
            binding->failed = errno;
            binding->failed_at = i;
            if (is_missing_family(errno))
                continue;
            close_bound(binding);
            return false;
        }
        binding->fds[binding->bound++] = fd;
        port = bound_port(fd);
        if (binding->any)
            break;
    }
    return binding->bound > 0;
}

static enum err refuse(const struct trace *trace, const struct binding *binding)
{
    char where[128];
    address_format(&binding->endpoints[binding->failed_at], where, sizeof where);
    if (binding->failed == EADDRINUSE) {
        trace_error(trace, "listener %s: %s is in use by another process", binding->listener->name,
                    where);
        return ERR_BUSY;
    }
    trace_error(trace, "listener %s: cannot listen on %s: %s", binding->listener->name, where,
                strerror(binding->failed));
    return err_of_errno(binding->failed);
}

static void keep(struct uv_shard *owner, uint32_t listener, const struct binding *binding)
{
    for (uint32_t i = 0; i < binding->bound; i++) {
        struct uv_listen *listen_on = mem_zalloc(sizeof *listen_on);
        listen_on->owner = owner;
        listen_on->listener = listener;
        listen_on->fd = binding->fds[i];
        check(owner->sockets.listen_count < LISTEN_SOCKETS_MAX);
        owner->sockets.listens[owner->sockets.listen_count++] = listen_on;
    }
}

static enum err bind_listener(struct platform *platform, uint32_t index)
{
    static_assert(LISTEN_SOCKETS_MAX >= CONFIG_LISTENERS_MAX * DIAL_ADDRESSES_MAX, "all fit");
    struct config_listener *listener = &platform->config->listeners[index];
    struct binding binding = {.listener = listener};

    if (find_addresses(&binding) != ERR_NONE) {
        trace_error(platform->trace, "listener %s: host %s has no address", listener->name,
                    listener->bind.host);
        return ERR_INVALID_CONFIG;
    }
    int tries = listener->bind.port == 0 ? FREE_PORT_TRIES : 1;
    while (!bind_addresses(&binding))
        if (--tries == 0 || binding.failed != EADDRINUSE)
            return refuse(platform->trace, &binding);
    listener->bind.port = bound_port(binding.fds[0]);
    if (listener->advertised.port == 0)
        listener->advertised.port = listener->bind.port;
    keep(&platform->shards[0], index, &binding);
    return ERR_NONE;
}

/* A voter of our own with port 0 is reached where the internal listener is. */
static void fill_own_voter(struct config *config)
{
    uint16_t port = 0;
    for (uint32_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].internal)
            port = config->listeners[i].bind.port;
    for (uint32_t i = 0; i < config->voter_count; i++)
        if (config->voters[i].id == config->node_id && config->voters[i].address.port == 0)
            config->voters[i].address.port = port;
}

enum err listen_bind_all(struct platform *platform)
{
    for (uint32_t i = 0; i < platform->config->listener_count; i++) {
        enum err err = bind_listener(platform, i);
        if (err != ERR_NONE)
            return err;
    }
    fill_own_voter(platform->config);
    return ERR_NONE;
}

static bool is_for_clients(const struct uv_listen *listen_on)
{
    return !listen_on->owner->platform->config->listeners[listen_on->listener].internal;
}

static void accepted(struct uv_listen *listen_on, int fd, const struct sockaddr_storage *peer)
{
    socket_tune(fd, peer);
    struct uv_conn *conn = conn_add(listen_on->owner, fd);
    struct env_event event = {
        .kind = ENV_ACCEPTED, .conn = conn->id, .listener = listen_on->listener};
    conn_watch(conn);
    uv_shard_deliver(listen_on->owner, &event);
    conn_arm(conn);
}

static void on_pending(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer)
{
    struct uv_listen *listen_on = timer->data;
    uv_poll_start(&listen_on->poll, UV_READABLE, on_pending);
}

static void say_starved(struct uv_listen *listen_on)
{
    if (!listen_on->starved)
        trace_warn(listen_on->owner->env.trace,
                   "out of file descriptors: new connections are refused (ulimit -n is %llu)",
                   (unsigned long long)descriptors_limit());
    listen_on->starved = true;
}

/* Take one connection on the spare descriptor and close it. */
static void refuse_one(struct uv_listen *listen_on)
{
    struct uv_sockets *sockets = &listen_on->owner->sockets;
    say_starved(listen_on);
    if (sockets->spare_fd >= 0) {
        close(sockets->spare_fd);
        int fd = accept4(listen_on->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
    }
    sockets->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (sockets->spare_fd >= 0)
        return;
    uv_poll_stop(&listen_on->poll); /* Else the waiting connection would keep the loop busy. */
    uv_timer_start(&listen_on->retry, on_retry, ACCEPT_RETRY_MS, 0);
}

static void on_pending(uv_poll_t *poll, int status, int events)
{
    struct uv_listen *listen_on = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_BURST_MAX; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_INET};
        socklen_t size = sizeof peer;
        int fd =
            accept4(listen_on->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && is_for_clients(listen_on) && descriptor_is_kept(fd)) {
            close(fd);
            say_starved(listen_on);
            continue;
        }
        if (fd >= 0) {
            listen_on->starved = false;
            accepted(listen_on, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            refuse_one(listen_on);
            return;
        }
        if (errno == EAGAIN)
            return;
        /* ECONNABORTED and its like concern that one connection. */
    }
}

enum err listen_start(struct uv_shard *owner)
{
    for (uint32_t i = 0; i < owner->sockets.listen_count; i++) {
        struct uv_listen *listen_on = owner->sockets.listens[i];
        int failed = uv_poll_init(&owner->loop, &listen_on->poll, listen_on->fd);
        check(failed == 0);
        uv_timer_init(&owner->loop, &listen_on->retry);
        listen_on->poll.data = listen_on;
        listen_on->retry.data = listen_on;
        uv_poll_start(&listen_on->poll, UV_READABLE, on_pending);
    }
    return ERR_NONE;
}
