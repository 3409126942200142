/* test_load.c -- what the kernel has forgotten is read by the thread pool, and the loop goes on. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fake_shard.h"

enum {
    PAGE_SIZE = 4096,
    FILE_PAGES = 768,
    FILE_SIZE = FILE_PAGES * PAGE_SIZE,
    LOADS = 600,
    PATH_SIZE = 4200
};

static file_id file;
static conn_id client;
static uint64_t asked[LOADS];
static uint64_t received;
static uint32_t loaded, cold_sends;

/* The kernel reads ahead at a mere question, and a fast disk has answered by the next one. So what
 * is in memory is told here, and only a thread that reads brings it there: the linker sends the
 * platform's calls through these two. */
static bool forgets;
static atomic_bool is_there[FILE_PAGES];

ssize_t __real_preadv2(int fd, const struct iovec *parts, int count, off_t position, int flags);
ssize_t __real_pread(int fd, void *into, size_t size, off_t position);
ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int count, off_t position, int flags);
ssize_t __wrap_pread(int fd, void *into, size_t size, off_t position);

ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int count, off_t position, int flags)
{
    if (!forgets)
        return __real_preadv2(fd, parts, count, position, flags);
    if ((flags & RWF_NOWAIT) == 0 || position >= FILE_SIZE || is_there[position / PAGE_SIZE])
        return __real_preadv2(fd, parts, count, position, flags & ~RWF_NOWAIT);
    errno = EAGAIN;
    return -1;
}

ssize_t __wrap_pread(int fd, void *into, size_t size, off_t position)
{
    ssize_t moved = __real_pread(fd, into, size, position);
    for (off_t at = position; at < position + moved; at += PAGE_SIZE)
        is_there[at / PAGE_SIZE] = true;
    return moved;
}

static uint32_t pages_there(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FILE_PAGES; i++)
        count += is_there[i];
    return count;
}

static void path_of(char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/cold", fake.config.log_dir);
}

/* A file that another program has written, and of which the kernel keeps nothing. */
static void write_cold(void)
{
    char path[PATH_SIZE];
    uint8_t *content = mem_alloc(FILE_SIZE);
    path_of(path);
    for (uint32_t i = 0; i < FILE_SIZE; i++)
        content[i] = (uint8_t)(i * 31 >> 3);
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, content, FILE_SIZE), FILE_SIZE);
    cr_assert_eq(fsync(fd), 0);
    cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close(fd);
    mem_free(content);
    cr_assert_eq(env_open(fake.env, "cold", ENV_OPEN_READ, &file), ERR_NONE);
}

static void run(void (*on_open)(void), void (*on_event)(const struct env_event *event))
{
    fake_init("127.0.0.1");
    fake.on_open = on_open;
    fake.on_event = on_event;
    forgets = true;
    fake_run();
}

static void ask_once(void)
{
    write_cold();
    asked[0] = env_load(fake.env, file, PAGE_SIZE, 1 << 20);
    cr_assert_neq(asked[0], 0);
    uint64_t again = env_load(fake.env, file, PAGE_SIZE, 1 << 20);
    cr_assert_eq(again, asked[0], "asked for twice, read once");
}

static void on_loaded_once(const struct env_event *event)
{
    cr_assert_eq(event->kind, ENV_LOADED);
    cr_assert_eq(event->ticket, asked[0]);
    cr_assert_eq(pages_there(), (1U << 20) / PAGE_SIZE);
    cr_assert_eq(env_load(fake.env, file, PAGE_SIZE, 1 << 20), 0);
    loaded++;
    fake.stopped = true;
}

Test(load, tells_when_what_was_forgotten_is_in_memory)
{
    run(ask_once, on_loaded_once);
    cr_assert_eq(loaded, 1);
}

static void ask_for_all(void)
{
    write_cold();
    for (uint32_t i = 0; i < LOADS; i++)
        asked[i] = env_load(fake.env, file, (uint64_t)i * PAGE_SIZE, PAGE_SIZE);
    env_close(fake.env, file);
}

static void on_loaded_many(const struct env_event *event)
{
    cr_assert_eq(event->kind, ENV_LOADED);
    loaded++;
    fake.stopped |=
        event->ticket == asked[LOADS - 1]; /* Two are read at once: one may come behind it. */
}

/* Who asks for more than can wait waits for the last of these. */
Test(load, lets_so_many_wait_and_holds_a_file_that_is_closed_meanwhile)
{
    run(ask_for_all, on_loaded_many);
    cr_assert_leq(loaded, 256);
    cr_assert_gt(loaded, 0);
    cr_assert_geq(pages_there(), loaded);
}

static void ask_and_stop(void)
{
    ask_for_all();
    fake.stopped = true;
}

Test(load, is_forgotten_when_the_platform_ends)
{
    run(ask_and_stop, on_loaded_many);
    cr_assert_leq(loaded, 256);
}

static void open_and_dial(void)
{
    struct env_address address = fake_address("127.0.0.1");
    write_cold();
    client = env_dial(fake.env, &address);
}

static void send_rest(void)
{
    static uint64_t sent;
    int64_t moved = env_send_file(fake.env, client, file, sent, FILE_SIZE - (uint32_t)sent);
    if (moved == ERR_AGAIN) {
        cold_sends += sent == 0; /* Not for a full socket. */
        return;
    }
    cr_assert_gt(moved, 0);
    sent += (uint64_t)moved;
}

static void on_send(const struct env_event *event)
{
    static uint8_t got[1 << 20];
    if (event->kind == ENV_DIALED || (event->kind == ENV_WRITABLE && event->conn == client)) {
        send_rest();
    } else if (event->kind == ENV_READABLE) {
        int64_t moved = env_recv(fake.env, event->conn, got, sizeof got);
        for (int64_t i = 0; i < moved; i++, received++)
            cr_assert_eq(got[i], (uint8_t)(received * 31 >> 3));
        fake.stopped = received == FILE_SIZE;
    }
}

Test(load, lets_a_connection_send_what_was_forgotten_when_it_is_there)
{
    run(open_and_dial, on_send);
    cr_assert_eq(received, FILE_SIZE);
    cr_assert_gt(cold_sends, 0);
}

static void on_send_and_hang_up(const struct env_event *event)
{
    if (event->kind == ENV_DIALED) {
        cr_assert_eq(env_send_file(fake.env, client, file, 0, FILE_SIZE), ERR_AGAIN);
        env_hang_up(fake.env, client);
        asked[0] = env_load(fake.env, file, 2 << 20, PAGE_SIZE);
    } else if (event->kind == ENV_LOADED) {
        loaded++;
        fake.stopped = true;
    } else {
        cr_assert_neq(event->conn, client);
    }
}

Test(load, for_a_connection_that_has_gone_tells_nobody)
{
    run(open_and_dial, on_send_and_hang_up);
    cr_assert_eq(loaded, 1);
}

static void write_and_ask(void)
{
    uint8_t byte = 7;
    struct bytes part = {&byte, 1};
    cr_assert_eq(env_open(fake.env, "new", ENV_OPEN_CREATE, &file), ERR_NONE);
    cr_assert_eq(env_write(fake.env, file, 0, &part, 1), 1);
    cr_assert_eq(env_load(fake.env, file, 0, 1), 0);
    cr_assert_eq(env_load(fake.env, file, 1, PAGE_SIZE), 0, "past the end nothing is waited for");
    fake.stopped = true;
}

Test(load, of_what_was_written_just_now_is_not_needed)
{
    run(write_and_ask, on_loaded_many);
}

/* Of the first MiB, as the kernel itself tells. */
static bool ends_are_in_memory(void)
{
    unsigned char there[256];
    char path[PATH_SIZE];
    path_of(path);
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0);
    void *memory = mmap(NULL, sizeof there * PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(mincore(memory, sizeof there * PAGE_SIZE, there), 0);
    munmap(memory, sizeof there * PAGE_SIZE);
    close(fd);
    return (there[0] & 1) != 0 && (there[255] & 1) != 0;
}

static void ask_kernel(void)
{
    forgets = false;
    write_cold();
    asked[0] = env_load(fake.env, file, 0, 1 << 20);
    fake.stopped = asked[0] == 0;
    cr_assert(asked[0] != 0 || ends_are_in_memory());
}

static void on_loaded_by_kernel(const struct env_event *event)
{
    cr_assert_eq(event->kind, ENV_LOADED);
    cr_assert(ends_are_in_memory());
    fake.stopped = true;
}

/* However fast the disk is, and on a file system that forgets nothing. */
Test(load, believes_the_kernel)
{
    run(ask_kernel, on_loaded_by_kernel);
}
