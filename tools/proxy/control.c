/* control.c -- the control socket: a line asks, a line answers, "ok ..." or "error why".
 *
 *   rule SRC DST WHAT...   SRC, DST: a node's number, `client`, or `*`; WHAT: see rules.h
 *   heal                   every rule is `pass`
 *   stats                  bytes, those that a rule made wait, connections and rules, as JSON
 *   stop
 *
 * An answer comes when what was asked is in force: no byte crosses a cut after its "ok". */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

enum { LINE_MAX_SIZE = 256, WORDS_MAX = 8, CONTROLS_MAX = 64, BACKLOG = 64 };

#define SOCKET_NAME "proxy.sock"

struct control {
    uv_pipe_t pipe;
    struct proxy *proxy;
    struct list talks;
    uint32_t talk_count;
};

struct talk {
    struct list node;
    uv_pipe_t pipe;
    struct control *control;
    uint32_t size;
    char line[LINE_MAX_SIZE];
    bool is_closed;
};

struct answer {
    uv_write_t request;
    char *text;
};

/* ---- Commands. */

/* The parties that a word names, as bits; 0: none. */
static uint32_t read_parties(const struct proxy *proxy, const char *word)
{
    uint32_t all = 1u << PARTY_CLIENT;
    for (uint32_t i = 1; i < PARTY_COUNT; i++)
        all |= proxy->nodes[i] ? 1u << i : 0;
    if (!strcmp(word, "*"))
        return all;
    if (!strcmp(word, "client"))
        return 1u << PARTY_CLIENT;
    if (word[0] < '1' || word[0] > '9' || word[1])
        return 0;
    return all & 1u << (word[0] - '0');
}

static void set_rule(struct proxy *proxy, uint32_t from, uint32_t to, const struct rule *rule)
{
    proxy->network.links[from][to].rule = *rule;
    conns_rule_changed(proxy, from, to);
}

static char *text_of(const char *format, const char *what)
{
    size_t size = strlen(format) + strlen(what) + 1;
    char *text = mem_alloc(size);
    snprintf(text, size, format, what);
    return text;
}

static char *run_rule(struct proxy *proxy, uint32_t count, char **words)
{
    struct rule rule;
    const char *why;
    char text[RULE_TEXT_MAX];
    if (count < 4)
        return text_of("error write `rule SRC DST WHAT`%s\n", "");
    uint32_t from = read_parties(proxy, words[1]);
    uint32_t to = read_parties(proxy, words[2]);
    if (!from || !to)
        return text_of("error there is no `%s`; a party is a node's number, `client` or `*`\n",
                       from ? words[2] : words[1]);
    if (!strcmp(words[1], words[2]) && strcmp(words[1], "*") != 0)
        return text_of("error from %s to itself there is no link\n", words[1]);
    if (!rule_parse(&rule, count - 3, words + 3, clock_us(), &why))
        return text_of("error %s\n", why);
    for (uint32_t a = 0; a < PARTY_COUNT; a++)
        for (uint32_t b = 0; b < PARTY_COUNT; b++)
            if (a != b && from >> a & 1 && to >> b & 1)
                set_rule(proxy, a, b, &rule);
    rule_format(&rule, text);
    say("rule %s -> %s: %s", words[1], words[2], text);
    return text_of("ok%s\n", "");
}

static char *run_heal(struct proxy *proxy)
{
    struct rule pass = {.kind = RULE_PASS, .since_us = clock_us()};
    for (uint32_t a = 0; a < PARTY_COUNT; a++)
        for (uint32_t b = 0; b < PARTY_COUNT; b++)
            if (proxy->network.links[a][b].rule.kind != RULE_PASS)
                set_rule(proxy, a, b, &pass);
    say("healed");
    return text_of("ok%s\n", "");
}

static json_t *party_json(uint32_t party)
{
    return party == PARTY_CLIENT ? json_string("client") : json_integer((json_int_t)party);
}

static json_t *link_json(const struct link *link, uint32_t from, uint32_t to)
{
    char rule[RULE_TEXT_MAX];
    rule_format(&link->rule, rule);
    return json_pack("{so so sI sI sI sI ss}", "from", party_json(from), "to", party_json(to),
                     "bytes", (json_int_t)link->bytes, "held", (json_int_t)link->held, "delayed",
                     (json_int_t)link->delayed, "connections", (json_int_t)link->connections,
                     "rule", rule);
}

static char *run_stats(struct proxy *proxy)
{
    json_t *links = json_array();
    json_t *listening = json_array();
    for (uint32_t a = 0; a < PARTY_COUNT; a++) {
        for (uint32_t b = 0; b < PARTY_COUNT; b++) {
            bool has_a = a == PARTY_CLIENT || proxy->nodes[a];
            bool has_b = b == PARTY_CLIENT || proxy->nodes[b];
            if (a != b && has_a && has_b)
                json_array_append_new(links, link_json(&proxy->network.links[a][b], a, b));
        }
        if (ports_listen(proxy, a))
            json_array_append_new(listening, party_json(a));
    }
    json_t *root = json_pack("{so so sI}", "links", links, "listening", listening, "connections",
                             (json_int_t)proxy->conn_count);
    char *json = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    char *text = text_of("ok %s\n", json);
    mem_free(json);
    return text;
}

/* Owns  the answer is the caller's. */
static char *run_line(struct proxy *proxy, char *line)
{
    char *words[WORDS_MAX + 1];
    uint32_t count = 0;
    char *rest;
    for (char *word = strtok_r(line, " \r", &rest); word; word = strtok_r(NULL, " \r", &rest)) {
        if (count == WORDS_MAX)
            return text_of("error more than %s words\n", "8");
        words[count++] = word;
    }
    if (count == 0)
        return text_of("error write rule, heal, stats or stop%s\n", "");
    if (!strcmp(words[0], "rule"))
        return run_rule(proxy, count, words);
    if (!strcmp(words[0], "heal") && count == 1)
        return run_heal(proxy);
    if (!strcmp(words[0], "stats") && count == 1)
        return run_stats(proxy);
    if (!strcmp(words[0], "stop") && count == 1) {
        uv_stop(&proxy->loop);
        return text_of("ok%s\n", "");
    }
    return text_of("error there is no `%s`; write rule, heal, stats or stop\n", words[0]);
}

/* ---- The socket. */

static void on_talk_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void close_talk(struct talk *talk)
{
    if (talk->is_closed)
        return;
    talk->is_closed = true;
    list_remove(&talk->node);
    talk->control->talk_count--;
    uv_close((uv_handle_t *)&talk->pipe, on_talk_closed);
}

static void on_written(uv_write_t *request, int status)
{
    struct answer *answer = (struct answer *)request;
    (void)status;
    mem_free(answer->text);
    mem_free(answer);
}

static void reply(struct talk *talk, char *text)
{
    struct answer *answer = mem_zalloc(sizeof *answer);
    uv_buf_t bytes = uv_buf_init(text, (unsigned)strlen(text));
    answer->text = text;
    if (uv_write(&answer->request, (uv_stream_t *)&talk->pipe, &bytes, 1, on_written) != 0)
        on_written(&answer->request, 0);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct talk *talk = handle->data;
    (void)suggested;
    *out = uv_buf_init(talk->line + talk->size, LINE_MAX_SIZE - talk->size);
}

static void on_bytes(uv_stream_t *stream, ssize_t got, const uv_buf_t *into)
{
    struct talk *talk = stream->data;
    char *end;
    (void)into;
    if (got < 0) {
        close_talk(talk);
        return;
    }
    talk->size += (uint32_t)got;
    while ((end = memchr(talk->line, '\n', talk->size))) {
        uint32_t used = (uint32_t)(end - talk->line) + 1;
        *end = 0;
        reply(talk, run_line(talk->control->proxy, talk->line));
        memmove(talk->line, talk->line + used, talk->size - used);
        talk->size -= used;
    }
    if (talk->size == LINE_MAX_SIZE)
        close_talk(talk); /* No command is that long. */
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct control *control = stream->data;
    if (status < 0)
        return;
    struct talk *talk = mem_zalloc(sizeof *talk);
    talk->control = control;
    talk->pipe.data = talk;
    list_append(&control->talks, &talk->node);
    control->talk_count++;
    uv_pipe_init(&control->proxy->loop, &talk->pipe, 0);
    if (uv_accept(stream, (uv_stream_t *)&talk->pipe) != 0 || control->talk_count > CONTROLS_MAX ||
        uv_read_start((uv_stream_t *)&talk->pipe, on_room, on_bytes) != 0)
        close_talk(talk);
}

bool control_start(struct proxy *proxy)
{
    struct control *control = mem_zalloc(sizeof *control);
    proxy->control = control;
    control->proxy = proxy;
    control->pipe.data = control;
    list_init(&control->talks);
    uv_pipe_init(&proxy->loop, &control->pipe, 0);
    unlink(SOCKET_NAME); /* Of a proxy that was killed: we hold the lock. */
    int failed = uv_pipe_bind(&control->pipe, SOCKET_NAME);
    if (!failed)
        failed = uv_listen((uv_stream_t *)&control->pipe, BACKLOG, on_connection);
    if (failed)
        fprintf(stderr, "skiff-proxy: %s: %s\n", SOCKET_NAME, uv_strerror(failed));
    return failed == 0;
}

static void on_control_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void control_stop(struct proxy *proxy)
{
    while (!list_is_empty(&proxy->control->talks))
        close_talk(list_entry(proxy->control->talks.next, struct talk, node));
    uv_close((uv_handle_t *)&proxy->control->pipe, on_control_closed);
}
