/* test_sync.c -- every sync ends in one event, whatever happens to its files meanwhile. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_shard.h"

enum { FILES_MAX = 40 };

static file_id files[FILES_MAX];
static uint32_t synced;
static uint32_t awaited;
static uint64_t tickets;

static void on_synced(const struct env_event *event)
{
    if (event->kind != ENV_SYNCED)
        return;
    cr_assert_eq(event->result, ERR_NONE);
    cr_assert_not(tickets & (1ULL << event->ticket), "told twice");
    tickets |= 1ULL << event->ticket;
    synced++;
    fake.stopped = synced == awaited;
}

static void open_files(uint32_t count)
{
    struct bytes part = bytes_of_str(STR("content"));
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%u", (unsigned)i);
        cr_assert_eq(env_open(fake.env, name, ENV_OPEN_CREATE, &files[i]), ERR_NONE);
        cr_assert_eq(env_write(fake.env, files[i], 0, &part, 1), 7);
    }
}

static void sync_files(uint64_t ticket, uint32_t count)
{
    struct env_sync request = {.ticket = ticket, .count = count, .files = files};
    env_sync(fake.env, &request);
}

static void run(void (*on_open)(void), uint32_t await)
{
    fake_init("127.0.0.1");
    fake.on_open = on_open;
    fake.on_event = on_synced;
    awaited = await;
    fake_run();
    cr_assert_eq(synced, await);
}

static void sync_one(void)
{
    open_files(1);
    sync_files(0, 1);
}

Test(sync, tells_when_one_file_is_durable)
{
    run(sync_one, 1);
}

static void sync_directory(void)
{
    open_files(1);
    cr_assert_eq(env_open(fake.env, ".", ENV_OPEN_DIRECTORY, &files[1]), ERR_NONE);
    sync_files(0, 2);
}

Test(sync, takes_directories_among_files)
{
    run(sync_directory, 1);
}

static void sync_many(void)
{
    open_files(FILES_MAX);
    sync_files(0, FILES_MAX);
    sync_files(1, FILES_MAX);
    sync_files(2, FILES_MAX);
    sync_files(3, 2);
}

Test(sync, carries_several_large_groups_at_once)
{
    run(sync_many, 4);
}

static void sync_and_close(void)
{
    file_id again = -1;
    open_files(5);
    sync_files(0, 5);
    sync_files(1, 2);
    for (uint32_t i = 0; i < 5; i++)
        env_close(fake.env, files[i]);
    cr_assert_eq(env_open(fake.env, "f0", ENV_OPEN_READ, &again), ERR_NONE);
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_neq(again, files[i], "the slot of a file that is still being synced");
}

Test(sync, holds_files_that_are_closed_meanwhile)
{
    run(sync_and_close, 2);
}

static void sync_nothing(void)
{
    sync_files(0, 0);
}

Test(sync, of_no_file_succeeds)
{
    run(sync_nothing, 1);
}
