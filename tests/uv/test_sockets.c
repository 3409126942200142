/* test_sockets.c -- bytes through connections: echo, short sends, pauses, files, ends. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_shard.h"

enum { BULK_SIZE = 24 << 20, SLAB_SIZE = 256 << 10 }; /* More than any socket buffer takes. */

static conn_id client;
static conn_id server;
static uint64_t sent, received, echoed;
static uint32_t writable_count, readable_count;
static uint8_t slab[SLAB_SIZE];

static void start(void (*on_open)(void), void (*on_event)(const struct env_event *event))
{
    fake_init("127.0.0.1");
    client = -1;
    server = -1;
    sent = received = echoed = 0;
    writable_count = readable_count = 0;
    fake.on_open = on_open;
    fake.on_event = on_event;
    fake_run();
}

static void dial_self(void)
{
    struct env_address address = fake_address("127.0.0.1");
    client = env_dial(fake.env, &address);
}

static void on_echo(const struct env_event *event)
{
    struct bytes hello[3] = {
        {(const uint8_t *)"he", 2}, {(const uint8_t *)"ll", 2}, {(const uint8_t *)"o", 1}};
    uint8_t got[16];
    if (event->kind == ENV_ACCEPTED) {
        server = event->conn;
        cr_assert_eq(event->listener, 0);
    } else if (event->kind == ENV_DIALED) {
        cr_assert_eq(event->result, ERR_NONE);
        cr_assert_eq(event->conn, client);
        cr_assert_eq(env_send(fake.env, client, hello, 3, false), 5);
    } else if (event->kind == ENV_READABLE) {
        int64_t size = env_recv(fake.env, event->conn, got, sizeof got);
        cr_assert_eq(size, 5);
        cr_assert_arr_eq(got, "hello", 5);
        cr_assert_eq(env_recv(fake.env, event->conn, got, sizeof got), ERR_AGAIN);
        struct bytes back = {got, 5};
        if (event->conn == server)
            env_send(fake.env, server, &back, 1, false);
        else
            fake.stopped = true;
    }
}

Test(sockets, echo_what_they_get)
{
    start(dial_self, on_echo);
    cr_assert_geq(server, 0);
    cr_assert_neq(server, client);
}

static void send_bulk(void)
{
    while (sent < BULK_SIZE) {
        uint64_t left = BULK_SIZE - sent;
        struct bytes part = {slab, left < SLAB_SIZE ? (uint32_t)left : SLAB_SIZE};
        int64_t moved = env_send(fake.env, client, &part, 1, false);
        if (moved == ERR_AGAIN)
            return;
        cr_assert_gt(moved, 0);
        sent += (uint64_t)moved;
        if (moved < part.size)
            return;
    }
}

static void on_bulk(const struct env_event *event)
{
    if (event->kind == ENV_DIALED) {
        send_bulk();
    } else if (event->kind == ENV_WRITABLE) {
        writable_count++;
        send_bulk();
    } else if (event->kind == ENV_READABLE) {
        int64_t moved = env_recv(fake.env, event->conn, slab, SLAB_SIZE);
        cr_assert_gt(moved, 0);
        received += (uint64_t)moved;
        fake.stopped = received == BULK_SIZE;
    }
}

Test(sockets, tell_when_there_is_room_again_after_a_short_send)
{
    start(dial_self, on_bulk);
    cr_assert_eq(sent, BULK_SIZE);
    cr_assert_gt(writable_count, 0);
}

static void stop(void)
{
    fake.stopped = true;
}

static void on_paused(const struct env_event *event)
{
    struct bytes part = {slab, 100};
    if (event->kind == ENV_ACCEPTED) {
        server = event->conn;
        env_want_read(fake.env, server, false);
    } else if (event->kind == ENV_DIALED) {
        env_send(fake.env, client, &part, 1, false);
        fake.deadline = env_mono(fake.env) + 50;
        fake.on_deadline = stop;
    } else {
        readable_count += event->kind == ENV_READABLE;
    }
}

Test(sockets, neither_tell_nor_spin_while_paused)
{
    start(dial_self, on_paused);
    cr_assert_eq(readable_count, 0);
    cr_assert_lt(fake.ticks, 10);
}

static void resume(void)
{
    env_want_read(fake.env, server, true);
}

static void on_resumed(const struct env_event *event)
{
    on_paused(event);
    fake.on_deadline = resume;
    fake.stopped = event->kind == ENV_READABLE;
}

Test(sockets, tell_of_waiting_bytes_when_reading_is_on_again)
{
    start(dial_self, on_resumed);
    cr_assert_eq(readable_count, 1);
}

static void on_half_read(const struct env_event *event)
{
    struct bytes part = {slab, 100};
    if (event->kind == ENV_DIALED)
        env_send(fake.env, client, &part, 1, false);
    if (event->kind != ENV_READABLE)
        return;
    received += (uint64_t)env_recv(fake.env, event->conn, slab, 40);
    readable_count++;
    fake.stopped = received == 100;
}

Test(sockets, tell_again_while_bytes_are_left)
{
    start(dial_self, on_half_read);
    cr_assert_eq(readable_count, 3);
}

static void on_end(const struct env_event *event)
{
    struct bytes part = {slab, 100};
    if (event->kind == ENV_ACCEPTED) {
        env_hang_up(fake.env, event->conn);
        cr_assert_eq(env_send(fake.env, event->conn, &part, 1, false), ERR_CLOSED);
        cr_assert_eq(env_recv(fake.env, event->conn, slab, 1), ERR_CLOSED);
    } else if (event->kind == ENV_READABLE) {
        cr_assert_eq(event->conn, client);
        cr_assert_eq(env_recv(fake.env, client, slab, 1), ERR_CLOSED);
        env_hang_up(fake.env, client);
        fake.stopped = true;
    }
}

Test(sockets, tell_the_end_of_a_connection_that_the_peer_hung_up)
{
    start(dial_self, on_end);
}

static void on_reset(const struct env_event *event)
{
    struct bytes part = {slab, 100};
    if (event->kind == ENV_ACCEPTED) {
        server = event->conn;
        env_want_read(fake.env, server, false);
        env_send(fake.env, server, &part, 1, false);
    } else if (event->kind == ENV_READABLE && event->conn == client) {
        env_hang_up(fake.env, client); /* Unread bytes make it a reset. */
        env_want_read(fake.env, server, true);
    } else if (event->kind == ENV_READABLE) {
        cr_assert_eq(env_recv(fake.env, server, slab, 1), ERR_CLOSED);
        cr_assert_eq(env_send(fake.env, server, &part, 1, false), ERR_CLOSED);
        fake.stopped = true;
    }
}

Test(sockets, call_a_reset_closed_and_survive_it)
{
    start(dial_self, on_reset);
}

static file_id file;

static void write_file_and_dial(void)
{
    struct bytes part = {slab, SLAB_SIZE};
    for (uint32_t i = 0; i < SLAB_SIZE; i++)
        slab[i] = (uint8_t)(i * 7);
    cr_assert_eq(env_open(fake.env, "f", ENV_OPEN_CREATE, &file), ERR_NONE);
    cr_assert_eq(env_write(fake.env, file, 0, &part, 1), SLAB_SIZE);
    dial_self();
}

static void on_file(const struct env_event *event)
{
    static uint8_t got[SLAB_SIZE];
    struct bytes head = {(const uint8_t *)"head", 4};
    if (event->kind == ENV_DIALED) {
        cr_assert_eq(env_send(fake.env, client, &head, 1, true), 4);
        cr_assert_eq(env_send_file(fake.env, client, file, 1000, 5000), 5000);
        cr_assert_eq(env_send_file(fake.env, client, file, SLAB_SIZE, 1), ERR_IO);
    } else if (event->kind == ENV_READABLE) {
        int64_t moved = env_recv(fake.env, event->conn, got + received, SLAB_SIZE);
        received += (uint64_t)moved;
        if (received < 5004)
            return;
        cr_assert_eq(received, 5004);
        cr_assert_arr_eq(got, "head", 4);
        cr_assert_arr_eq(got + 4, slab + 1000, 5000);
        fake.stopped = true;
    }
}

Test(sockets, send_a_part_of_a_file_after_its_header)
{
    start(write_file_and_dial, on_file);
}
