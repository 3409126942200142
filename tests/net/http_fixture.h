/* http_fixture.h -- a node with an HTTP port, and a client that reads what it says. */
#ifndef TESTS_NET_HTTP_FIXTURE_H
#define TESTS_NET_HTTP_FIXTURE_H

#include "node_fixture.h"

enum { LISTENER_HTTP = 2 };

/* For node_start(). */
void http_add_listener(struct config *config);
conn_id http_connect(struct node *node);
void http_send(struct node *node, conn_id conn, const char *text);
/* All that has come and was not taken yet, terminated, in the node's arena. */
const char *http_take(struct node *node, conn_id conn);
/* Send on a connection of its own and let everything happen; what came. */
const char *http_ask(struct node *node, const char *text);
/* Send a GET for `path` with HTTP/1.1; the body, chunks joined. */
const char *http_get(struct node *node, const char *path);
/* The body of an answer in chunks; aborts unless it is whole. */
const char *http_join_chunks(struct node *node, const char *answer);
/* The number behind `sample`, which is a name with its labels; -1: it is not there. */
int64_t http_sample(const char *metrics, const char *sample);

#endif
