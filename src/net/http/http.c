/* http.c -- connections of the HTTP port: a head in, an answer out, and again.
 *
 * Invariants
 * - A connection has one answer at most: at hand, or away as a letter. Meanwhile it is not read.
 * - `conns` is in the order of activity, so the first is the one to close, for silence or for
 *   room. A flood of connections thus costs HTTP_CONNS_MAX of them and locks nobody out.
 * - A tick does one thing for one connection that is `due`, in turn: its answer goes for the next
 *   piece, or a request that has come behind another is begun. */
#include "http.h"

#include "answer.h"
#include "head.h"

struct http_conn {
    conn_id id;
    struct list link; /* In http->conns. */
    struct list due;  /* In http->due. */
    mono_ms last_active;
    bool away;    /* Its answer is a letter. */
    bool keeps;   /* Another request may follow the answer. */
    bool is_head; /* The method: the answer ends with its header. */
    struct answer *answer;
    uint32_t input_size, input_taken; /* Bytes of `input`; of them, the request's under way. */
    char input[HTTP_HEAD_MAX];
};

struct http {
    struct shard *shard;
    uint32_t count;
    struct list conns, due;
    struct timer idle;
    struct timer next; /* Another tick at once: somebody is due. */
};

/* ---- Life. */

static void http_drop(struct http *http, struct http_conn *conn)
{
    struct shard *shard = http->shard;
    env_hang_up(shard->env, conn->id);
    list_remove(&conn->link);
    list_remove(&conn->due);
    answer_free(conn->answer);
    mem_free(map_remove(&shard->endpoints, &conn->id));
    http->count--;
    mem_free(conn);
}

static struct http_conn *longest_silent(const struct http *http)
{
    return list_entry(http->conns.next, struct http_conn, link);
}

static void watch_idle(struct http *http)
{
    if (list_is_empty(&http->conns))
        timer_stop(&http->shard->timers, &http->idle);
    else
        timer_start(&http->shard->timers, &http->idle,
                    longest_silent(http)->last_active + HTTP_IDLE_MAX_MS);
}

static void idle_fire(struct timer *timer, mono_ms now)
{
    struct http *http = list_entry(timer, struct http, idle);
    while (!list_is_empty(&http->conns) &&
           now - longest_silent(http)->last_active >= HTTP_IDLE_MAX_MS)
        http_drop(http, longest_silent(http));
    watch_idle(http);
}

static void next_fire(struct timer *timer, mono_ms now)
{
    (void)timer; /* It was there to make a tick. */
    (void)now;
}

struct http *http_open(struct shard *shard)
{
    struct http *http = mem_zalloc(sizeof *http);
    http->shard = shard;
    http->idle.fire = idle_fire;
    http->next.fire = next_fire;
    list_init(&http->conns);
    list_init(&http->due);
    return http;
}

void http_close_conns(struct http *http)
{
    while (!list_is_empty(&http->conns))
        http_drop(http, longest_silent(http));
}

void http_close(struct http *http)
{
    if (!http)
        return;
    timer_stop(&http->shard->timers, &http->idle);
    timer_stop(&http->shard->timers, &http->next);
    mem_free(http);
}

uint32_t http_conn_count(const struct http *http)
{
    return http->count;
}

static void touch(struct http *http, struct http_conn *conn)
{
    conn->last_active = http->shard->now;
    list_remove(&conn->link);
    list_append(&http->conns, &conn->link);
}

void http_accept(struct shard *shard, conn_id id)
{
    struct http *http = shard->http;
    if (http->count == HTTP_CONNS_MAX)
        http_drop(http, longest_silent(http));
    struct http_conn *conn = mem_zalloc(sizeof *conn);
    struct endpoint *endpoint = mem_zalloc(sizeof *endpoint);
    conn->id = id;
    list_init(&conn->link);
    list_init(&conn->due);
    endpoint->http = conn;
    map_put(&shard->endpoints, &id, endpoint);
    http->count++;
    touch(http, conn);
    if (!timer_is_running(&http->idle))
        watch_idle(http);
}

/* ---- Answers. */

static void wait_turn(struct http *http, struct http_conn *conn)
{
    list_append(&http->due, &conn->due);
    timer_start(&http->shard->timers, &http->next, http->shard->now);
}

/* All of the answer has left: the next request may have come already. */
static void answer_left(struct http *http, struct http_conn *conn)
{
    answer_free(conn->answer);
    conn->answer = NULL;
    if (!conn->keeps) {
        http_drop(http, conn);
        return;
    }
    conn->input_size -= conn->input_taken;
    memmove(conn->input, conn->input + conn->input_taken, conn->input_size);
    conn->input_taken = 0;
    if (conn->input_size > 0)
        wait_turn(http, conn);
    else
        env_want_read(http->shard->env, conn->id, true);
}

static void answer_send(struct http *http, struct http_conn *conn)
{
    struct answer *answer = conn->answer;
    while (answer->sent < answer->text.size) {
        struct bytes left = {.data = (const uint8_t *)answer->text.data + answer->sent,
                             .size = answer->text.size - answer->sent};
        int64_t sent = env_send(http->shard->env, conn->id, &left, 1, false);
        if (sent < 0 && sent != ERR_AGAIN) {
            http_drop(http, conn);
            return;
        }
        if (sent > 0) {
            answer->sent += (uint32_t)sent;
            touch(http, conn);
        }
        if (sent < (int64_t)left.size)
            return; /* ENV_WRITABLE follows. */
    }
    if (answer->done)
        answer_left(http, conn);
    else
        wait_turn(http, conn);
}

static void put_status(struct text *text, const struct http_conn *conn, const char *status)
{
    text_put(text, STR("HTTP/1.1 "));
    text_put(text, str_from(status));
    text_put(text, STR("\r\nCache-Control: no-store\r\n"));
    text_put(text, conn->keeps ? STR("Connection: keep-alive\r\n") : STR("Connection: close\r\n"));
}

static void put_sentence(struct answer *answer, const struct http_conn *conn, const char *status,
                         struct str body)
{
    put_status(&answer->text, conn, status);
    text_put(&answer->text, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Length: "));
    text_put_number(&answer->text, body.size);
    text_put(&answer->text, STR("\r\n\r\n"));
    if (!conn->is_head)
        text_put(&answer->text, body);
    answer->done = true;
}

static void put_metrics_head(struct answer *answer, struct http_conn *conn)
{
    put_status(&answer->text, conn, "200 OK");
    text_put(&answer->text, STR("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    if (answer->in_chunks)
        text_put(&answer->text, STR("Transfer-Encoding: chunked\r\n"));
    text_put(&answer->text, STR("\r\n"));
    answer->done = conn->is_head;
    answer->shard = 0;
}

/* The connection that waits for `letter`; NULL: it has gone, and the answer with it. */
static struct http_conn *conn_at_home(struct shard *shard, struct letter *letter)
{
    struct answer *answer = (struct answer *)letter;
    struct endpoint *endpoint = map_get(&shard->endpoints, &answer->conn);
    if (!endpoint || shard->closing) {
        answer_free(answer);
        return NULL;
    }
    endpoint->http->away = false;
    endpoint->http->answer = answer;
    return endpoint->http;
}

static void collected(struct shard *shard, struct letter *letter)
{
    struct http_conn *conn = conn_at_home(shard, letter);
    char sentence[128];
    struct text body = TEXT_OVER(sentence);
    bool is_well;
    if (!conn)
        return;
    switch (conn->answer->page) {
    case ANSWER_METRICS:
        put_metrics_head(conn->answer, conn);
        break;
    case ANSWER_HEALTH:
    case ANSWER_READY:
        is_well = conn->answer->page == ANSWER_HEALTH ? answer_health(shard, conn->answer, &body)
                                                      : answer_ready(conn->answer, &body);
        put_sentence(conn->answer, conn, is_well ? "200 OK" : "503 Service Unavailable",
                     text_str(&body));
        break;
    }
    answer_send(shard->http, conn);
}

/* Put the size before the chunk, and the end behind the last one. */
static void close_chunk(struct answer *answer)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t size = answer->text.size - ANSWER_CHUNK_PREFIX;
    if (size == 0) { /* It would say that there is no more. */
        answer->text.size = 0;
    } else {
        for (uint32_t i = 0; i < 4; i++)
            answer->text.data[i] = digits[size >> (12 - 4 * i) & 15];
        memcpy(answer->text.data + 4, "\r\n", 2);
        text_put(&answer->text, STR("\r\n"));
    }
    if (answer->done)
        text_put(&answer->text, STR("0\r\n\r\n"));
}

static void written(struct shard *shard, struct letter *letter)
{
    struct http_conn *conn = conn_at_home(shard, letter);
    if (!conn)
        return;
    if (conn->answer->in_chunks)
        close_chunk(conn->answer);
    answer_send(shard->http, conn);
}

/* ---- Requests. */

static void refuse(struct shard *shard, struct http_conn *conn, const char *status)
{
    conn->keeps = false; /* What follows cannot be told from a body. */
    put_sentence(conn->answer, conn, status, STR(""));
    answer_send(shard->http, conn);
}

static void refuse_method(struct shard *shard, struct http_conn *conn)
{
    conn->keeps = false;
    put_status(&conn->answer->text, conn, "405 Method Not Allowed");
    text_put(&conn->answer->text, STR("Allow: GET, HEAD\r\nContent-Length: 0\r\n\r\n"));
    conn->answer->done = true;
    answer_send(shard->http, conn);
}

static bool find_page(struct str path, enum answer_page *out)
{
    static const char *const paths[] = {
        [ANSWER_METRICS] = "/metrics", [ANSWER_HEALTH] = "/health", [ANSWER_READY] = "/ready"};
    for (uint32_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (str_equal(path, str_from(paths[i]))) {
            *out = (enum answer_page)i;
            return true;
        }
    return false;
}

static void begin(struct shard *shard, struct http_conn *conn, const struct head *head)
{
    struct answer *answer = conn->answer;
    conn->keeps = head->keeps;
    conn->is_head = str_equal(head->method, STR("HEAD"));
    if (!conn->is_head && !str_equal(head->method, STR("GET"))) {
        refuse_method(shard, conn);
    } else if (head->has_body) {
        refuse(shard, conn, "400 Bad Request");
    } else if (!find_page(head->path, &answer->page)) {
        put_sentence(answer, conn, "404 Not Found", STR("try /metrics, /health or /ready\n"));
        answer_send(shard->http, conn);
    } else {
        answer->in_chunks = !head->is_1_0;
        if (answer->page == ANSWER_METRICS && head->is_1_0)
            conn->keeps = false; /* Its end is the answer's. */
        conn->answer = NULL;
        conn->away = true;
        answer_collect(shard, answer, collected);
    }
}

static void take_input(struct shard *shard, struct http_conn *conn)
{
    struct head head;
    enum head_state state =
        head_read((struct str){.data = conn->input, .size = conn->input_size}, &head);
    bool is_partial = state == HEAD_PARTIAL && conn->input_size < HTTP_HEAD_MAX;
    env_want_read(shard->env, conn->id, is_partial);
    if (is_partial)
        return;
    conn->answer = answer_new(shard, conn->id);
    conn->is_head = false;
    conn->input_taken = conn->input_size;
    if (state == HEAD_PARTIAL) {
        refuse(shard, conn, "431 Request Header Fields Too Large");
    } else if (state == HEAD_BAD) {
        refuse(shard, conn, "400 Bad Request");
    } else {
        conn->input_taken = head.size;
        begin(shard, conn, &head);
    }
}

void http_readable(struct shard *shard, struct http_conn *conn)
{
    if (conn->answer || conn->away)
        return; /* Told before it was asked not to. */
    int64_t got = env_recv(shard->env, conn->id, conn->input + conn->input_size,
                           HTTP_HEAD_MAX - conn->input_size);
    if (got == ERR_AGAIN)
        return;
    if (got <= 0) {
        http_drop(shard->http, conn);
        return;
    }
    conn->input_size += (uint32_t)got;
    touch(shard->http, conn);
    take_input(shard, conn);
}

void http_writable(struct shard *shard, struct http_conn *conn)
{
    if (conn->answer && list_is_empty(&conn->due))
        answer_send(shard->http, conn);
}

static void go_for_piece(struct shard *shard, struct http_conn *conn)
{
    struct answer *answer = conn->answer;
    conn->answer = NULL;
    conn->away = true;
    answer->sent = 0;
    answer->text.size = answer->in_chunks ? ANSWER_CHUNK_PREFIX : 0;
    answer_write(shard, answer, written);
}

void http_step(struct shard *shard)
{
    struct http *http = shard->http;
    struct list *first = list_take_first(&http->due);
    if (!first)
        return;
    struct http_conn *conn = list_entry(first, struct http_conn, due);
    if (!list_is_empty(&http->due))
        timer_start(&shard->timers, &http->next, shard->now);
    if (conn->answer)
        go_for_piece(shard, conn);
    else
        take_input(shard, conn);
}
