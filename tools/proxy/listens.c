/* listens.c -- whether somebody listens on an address, without dialling it.
 *
 * A dial would tell as well, but the process behind the address would have to accept it;
 * a stopped one would run out of backlog.
 *
 * Source  sock_diag(7), proc(5). */
#include "listens.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { STATE_LISTEN = 10, REPLY_SIZE = 8192, ANSWER_LIMIT_US = 200000 };

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_NONE };

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

void listens_open(struct listens *listens)
{
    struct timeval limit = {.tv_usec = ANSWER_LIMIT_US};
    listens->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (listens->netlink >= 0)
        setsockopt(listens->netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void listens_close(struct listens *listens)
{
    if (listens->netlink >= 0)
        close(listens->netlink);
    listens->netlink = -1;
}

static enum answer read_answer(int netlink)
{
    _Alignas(struct nlmsghdr) char reply[REPLY_SIZE];
    ssize_t got;
    do
        got = recv(netlink, reply, sizeof reply, 0);
    while (got < 0 && errno == EINTR);
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)reply;
    if (got < 0 || !NLMSG_OK(header, (size_t)got))
        return ANSWER_NONE;
    if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        return error->error == -ENOENT ? ANSWER_NO : ANSWER_NONE;
    }
    const struct inet_diag_msg *found = NLMSG_DATA(header);
    return found->idiag_state == STATE_LISTEN ? ANSWER_YES : ANSWER_NO;
}

/* The socket that would get a handshake to this address. */
static enum answer ask(int netlink, const struct sockaddr_in *address)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_INET,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1u << STATE_LISTEN,
                    .id = {.idiag_sport = address->sin_port,
                           .idiag_src = {address->sin_addr.s_addr},
                           .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    if (send(netlink, &question, sizeof question, 0) != sizeof question)
        return ANSWER_NONE;
    return read_answer(netlink);
}

static bool find_in(const char *path, const char *addresses[], uint32_t count, unsigned port)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (!found && fgets(line, sizeof line, file)) {
        char local[64];
        unsigned local_port;
        unsigned state;
        if (sscanf(line, " %*u: %40[0-9A-F]:%x %*[0-9A-F]:%*x %x", local, &local_port, &state) != 3)
            continue;
        for (uint32_t i = 0; i < count && !found; i++)
            found = state == STATE_LISTEN && local_port == port && !strcmp(local, addresses[i]);
    }
    fclose(file);
    return found;
}

/* Addresses stand there as 32-bit words in the machine's order of bytes. */
bool listens_in_proc(const struct sockaddr_in *address)
{
    char own[16];
    char mapped[64];
    unsigned port = ntohs(address->sin_port);
    snprintf(own, sizeof own, "%08X", address->sin_addr.s_addr);
    snprintf(mapped, sizeof mapped, "0000000000000000%08X%08X", htonl(0xffff),
             address->sin_addr.s_addr);
    const char *v4[] = {own, "00000000"};
    const char *v6[] = {mapped, "00000000000000000000000000000000"};
    return find_in("/proc/net/tcp", v4, 2, port) || find_in("/proc/net/tcp6", v6, 2, port);
}

bool listens_on(struct listens *listens, const struct sockaddr_in *address)
{
    enum answer answer = listens->netlink >= 0 ? ask(listens->netlink, address) : ANSWER_NONE;
    if (answer == ANSWER_NONE) {
        listens_close(listens); /* Not to be asked again, nor to answer late. */
        return listens_in_proc(address);
    }
    return answer == ANSWER_YES;
}
