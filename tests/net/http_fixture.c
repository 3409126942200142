/* http_fixture.c -- asks a node over HTTP, and reads the answers as a client would. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>

void http_add_listener(struct config *config)
{
    struct config_listener *listener = &config->listeners[LISTENER_HTTP];
    *listener = (struct config_listener){.name = "skiff.http.listener", .http = true};
    listener->bind.port = 3;
    config->listener_count = LISTENER_HTTP + 1;
}

conn_id http_connect(struct node *node)
{
    return fake_env_connect(&node->fake, LISTENER_HTTP);
}

void http_send(struct node *node, conn_id conn, const char *text)
{
    node_send(node, conn, text, (uint32_t)strlen(text));
}

const char *http_take(struct node *node, conn_id id)
{
    struct fake_conn *conn = &node->fake.conns[id];
    char *text = arena_alloc(&node->arena, conn->out_size + 1);
    if (conn->out_size > 0)
        memcpy(text, conn->out, conn->out_size);
    text[conn->out_size] = '\0';
    conn->out_size = 0;
    return text;
}

const char *http_ask(struct node *node, const char *text)
{
    conn_id conn = http_connect(node);
    http_send(node, conn, text);
    node_run(node, 1);
    return http_take(node, conn);
}

const char *http_join_chunks(struct node *node, const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");
    char *body = arena_alloc(&node->arena, strlen(answer) + 1);
    size_t size = 0;
    check(at);
    check(strstr(answer, "Transfer-Encoding: chunked"));
    at += 4;
    for (;;) {
        char *end;
        size_t chunk = strtoul(at, &end, 16);
        check(end == at + 4 || (chunk == 0 && end == at + 1));
        check(strncmp(end, "\r\n", 2) == 0);
        at = end + 2;
        check(strlen(at) >= chunk + 2);
        memcpy(body + size, at, chunk);
        size += chunk;
        check(strncmp(at + chunk, "\r\n", 2) == 0);
        at += chunk + 2;
        if (chunk == 0)
            break;
    }
    check(*at == '\0');
    body[size] = '\0';
    return body;
}

const char *http_get(struct node *node, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: node\r\n\r\n", path);
    const char *answer = http_ask(node, text);
    if (strstr(answer, "Transfer-Encoding"))
        return http_join_chunks(node, answer);
    const char *body = strstr(answer, "\r\n\r\n");
    check(body);
    return body + 4;
}

int64_t http_sample(const char *metrics, const char *sample)
{
    size_t size = strlen(sample);
    for (const char *line = metrics; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (strncmp(line, sample, size) == 0 && line[size] == ' ')
            return strtoll(line + size, NULL, 10);
    return -1;
}
