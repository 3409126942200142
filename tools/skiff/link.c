/* link.c -- one blocking connection to a broker, with deadlines, on client.h.
 *
 * One request is in flight at a time, so a reply is always the one waited for. */
#include "link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "say.h"

struct link {
    int fd;
    struct client *client;
    bool shook_hands;
    uint32_t api_count;
    struct {
        int16_t key, min, max;
    } apis[256];
    char peer[280];
};

/* Wait for `events` until the deadline. */
static bool wait_for(int fd, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left = deadline_us - now_us();
        if (left <= 0)
            left = 0;
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int ready = poll(&poll_fd, 1, (int)((left + 999) / 1000));
        if (ready > 0)
            return true;
        if (ready == 0 && now_us() >= deadline_us)
            return false;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

static enum err dial(const struct addrinfo *to, int64_t deadline_us, int *out)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_UNREACHABLE;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int failure = 0;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        failure = errno;
        if (failure == EINPROGRESS) {
            socklen_t size = sizeof failure;
            if (!wait_for(fd, POLLOUT, deadline_us) ||
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
                failure = ETIMEDOUT;
        }
    }
    if (failure == 0) {
        *out = fd;
        return ERR_NONE;
    }
    close(fd);
    return failure == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
}

enum err link_open(struct link **out, const char *host, uint16_t port, int64_t deadline_us)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int fd = -1;
    enum err err = ERR_UNREACHABLE;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return ERR_UNREACHABLE;
    for (const struct addrinfo *to = found; to && fd < 0; to = to->ai_next)
        err = dial(to, deadline_us, &fd);
    freeaddrinfo(found);
    if (err)
        return err;
    struct link *link = mem_zalloc(sizeof *link);
    link->fd = fd;
    snprintf(link->peer, sizeof link->peer, "%s:%u", host, port);
    client_open(&link->client, STR("skiff"), CLIENT_REPLY_SIZE_MAX);
    *out = link;
    return ERR_NONE;
}

void link_close(struct link *link)
{
    if (!link)
        return;
    client_close(link->client);
    close(link->fd);
    mem_free(link);
}

const char *link_peer(const struct link *link)
{
    return link->peer;
}

static enum err send_all(struct link *link, int64_t deadline_us)
{
    struct bytes part;
    while (client_output(link->client, &part, 1) == 1) {
        ssize_t sent = send(link->fd, part.data, part.size, MSG_NOSIGNAL);
        if (sent > 0)
            client_sent(link->client, (uint32_t)sent);
        else if (sent < 0 && errno == EAGAIN && !wait_for(link->fd, POLLOUT, deadline_us))
            return ERR_REQUEST_TIMED_OUT;
        else if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return ERR_CLOSED;
    }
    return ERR_NONE;
}

static enum err receive(struct link *link, int64_t deadline_us, struct client_reply *reply)
{
    while (!client_take(link->client, reply)) {
        uint8_t *into;
        uint32_t size;
        client_input(link->client, &into, &size);
        ssize_t got = recv(link->fd, into, size, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return ERR_CLOSED;
        if (got < 0) {
            if (!wait_for(link->fd, POLLIN, deadline_us))
                return ERR_REQUEST_TIMED_OUT;
            continue;
        }
        enum err err = client_received(link->client, (uint32_t)got);
        if (err)
            return err;
    }
    return ERR_NONE;
}

enum err link_call_version(struct link *link, int16_t api_key, int16_t version, const void *request,
                           int64_t deadline_us, struct client_reply *reply)
{
    client_send(link->client, api_key, version, request);
    enum err err = send_all(link, deadline_us);
    return err ? err : receive(link, deadline_us, reply);
}

enum err link_call(struct link *link, int16_t api_key, const void *request, int64_t deadline_us,
                   struct client_reply *reply)
{
    int16_t version = link_version(link, api_key);
    if (version < 0)
        return ERR_UNSUPPORTED_VERSION;
    return link_call_version(link, api_key, version, request, deadline_us, reply);
}

int16_t link_version(const struct link *link, int16_t api_key)
{
    const struct wire_api *api = wire_api_find(api_key);
    check(api != NULL);
    if (!link->shook_hands)
        return api->max;
    for (uint32_t i = 0; i < link->api_count; i++) {
        if (link->apis[i].key != api_key)
            continue;
        int16_t max = link->apis[i].max < api->max ? link->apis[i].max : api->max;
        return max >= link->apis[i].min && max >= api->min ? max : -1;
    }
    return -1;
}

enum err link_handshake(struct link *link, int64_t deadline_us)
{
    struct api_versions_request request;
    api_versions_request_init(&request);
    request.client_software_name = STR("skiff");
    request.client_software_version = STR("0.1.0");
    struct client_reply reply;
    enum err err = link_call_version(link, WIRE_API_VERSIONS, 3, &request, deadline_us, &reply);
    if (err)
        return err;
    struct arena arena = {0};
    struct api_versions_response response;
    err = api_versions_response_read(&response, 3, &reply.reader, &arena);
    for (uint32_t i = 0; !err && i < response.api_keys_count && link->api_count < 256; i++) {
        link->apis[link->api_count].key = response.api_keys[i].api_key;
        link->apis[link->api_count].min = response.api_keys[i].min_version;
        link->apis[link->api_count].max = response.api_keys[i].max_version;
        link->api_count++;
    }
    link->shook_hands = !err;
    arena_free(&arena);
    client_reply_free(&reply);
    return err;
}
