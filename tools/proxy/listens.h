/* listens.h -- whether somebody listens on an address, without dialling it. */
#ifndef PROXY_LISTENS_H
#define PROXY_LISTENS_H

#include <netinet/in.h>
#include <stdbool.h>

/* Asks the kernel by netlink (sock_diag), or reads /proc/net/tcp where that is not there. */
struct listens {
    int netlink; /* -1: /proc is read. */
};

void listens_open(struct listens *listens);
void listens_close(struct listens *listens);
/* By the quicker way that works. One that is bound to all addresses counts too. */
bool listens_on(struct listens *listens, const struct sockaddr_in *address);

/* By /proc alone. */
bool listens_in_proc(const struct sockaddr_in *address);

#endif
