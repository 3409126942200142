/* test_disk.c -- files and names below the data directory. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "fake_shard.h"

static void on_event(const struct env_event *event)
{
    (void)event;
}

/* Run `body` within a shard that stops right after. */
static void within(void (*body)(void))
{
    fake_init("127.0.0.1");
    fake.on_open = body;
    fake.on_event = on_event;
    fake.stopped = true;
    fake_run();
}

static struct bytes text(const char *terminated)
{
    return bytes_of_str(str_from(terminated));
}

static file_id create(const char *path, const char *content)
{
    file_id file = -1;
    struct bytes part = text(content);
    cr_assert_eq(env_open(fake.env, path, ENV_OPEN_CREATE, &file), ERR_NONE);
    cr_assert_eq(env_write(fake.env, file, 0, &part, 1), (int64_t)part.size);
    return file;
}

static void reads_and_writes(void)
{
    char got[32] = "";
    struct bytes parts[2] = {text("cde"), text("fg")};
    file_id file = create("f", "abXX");
    cr_assert_eq(env_write(fake.env, file, 2, parts, 2), 5);
    cr_assert_eq(env_size(fake.env, file), 7);
    cr_assert_eq(env_read(fake.env, file, 1, got, sizeof got), 6);
    cr_assert_str_eq(got, "bcdefg");
    cr_assert_eq(env_read(fake.env, file, 7, got, sizeof got), 0);
    cr_assert_eq(env_truncate(fake.env, file, 3), ERR_NONE);
    cr_assert_eq(env_size(fake.env, file), 3);
    cr_assert_eq(env_reserve(fake.env, file, 3, 1 << 20), ERR_NONE);
    cr_assert_eq(env_size(fake.env, file), 3);
    env_close(fake.env, file);
}

Test(disk, reads_what_was_written)
{
    within(reads_and_writes);
}

static void writes_many_parts(void)
{
    static uint8_t got[1000];
    struct bytes parts[1000];
    for (uint32_t i = 0; i < 1000; i++)
        parts[i] = (struct bytes){(const uint8_t *)"0123456789" + i % 10, 1};
    file_id file = create("f", "");
    cr_assert_eq(env_write(fake.env, file, 0, parts, 1000), 1000);
    cr_assert_eq(env_read(fake.env, file, 0, got, sizeof got), 1000);
    cr_assert_eq(got[0], '0');
    cr_assert_eq(got[999], '9');
    env_close(fake.env, file);
}

Test(disk, writes_more_parts_than_one_system_call_takes)
{
    within(writes_many_parts);
}

static void names_what_is_wrong(void)
{
    file_id file = -1;
    cr_assert_eq(env_open(fake.env, "none", ENV_OPEN_READ, &file), ERR_NOT_FOUND);
    cr_assert_eq(env_open(fake.env, "none", ENV_OPEN_WRITE, &file), ERR_NOT_FOUND);
    cr_assert_eq(env_open(fake.env, "none/f", ENV_OPEN_CREATE, &file), ERR_NOT_FOUND);
    cr_assert_eq(env_unlink(fake.env, "none"), ERR_NOT_FOUND);
    cr_assert_eq(env_rename(fake.env, "none", "f"), ERR_NOT_FOUND);
    cr_assert_eq(env_mkdir(fake.env, "d"), ERR_NONE);
    cr_assert_eq(env_mkdir(fake.env, "d"), ERR_EXISTS);
    env_close(fake.env, create("d/f", "x"));
    cr_assert_eq(env_unlink(fake.env, "d"), ERR_EXISTS);
    cr_assert_eq(file, -1);
}

Test(disk, names_what_is_wrong_with_a_path)
{
    within(names_what_is_wrong);
}

static void runs_out_of_files(void)
{
    struct rlimit before;
    file_id file = -1;
    enum err err = ERR_NONE;
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit limit = {.rlim_cur = 32, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 64 && err == ERR_NONE; i++)
        err = env_open(fake.env, "f", ENV_OPEN_CREATE, &file);
    cr_assert_eq(err, ERR_FILES);
    setrlimit(RLIMIT_NOFILE, &before); /* The platform itself goes on. */
}

Test(disk, says_when_descriptors_ran_out)
{
    within(runs_out_of_files);
}

/* Of 64 the last 8 are not for partitions. */
static void leaves_the_last_to_the_quorum(void)
{
    struct rlimit before;
    file_id file = -1;
    enum err err = ERR_NONE;
    cr_assert_eq(env_mkdir(fake.env, "t-0"), ERR_NONE);
    cr_assert_eq(env_mkdir(fake.env, "__cluster_metadata-0"), ERR_NONE);
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < 64 && err == ERR_NONE; i++)
        err = env_open(fake.env, "t-0/f", ENV_OPEN_CREATE, &file);
    cr_assert_eq(err, ERR_FILES);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(env_open(fake.env, "__cluster_metadata-0/f", ENV_OPEN_CREATE, &file),
                     ERR_NONE);
        cr_assert_eq(env_open(fake.env, "marks-meta", ENV_OPEN_CREATE, &file), ERR_NONE);
    }
    cr_assert_eq(env_open(fake.env, "__cluster_metadata-0/f", ENV_OPEN_CREATE, &file), ERR_FILES);
    setrlimit(RLIMIT_NOFILE, &before);
    cr_assert_not_null(strstr(fake.lines, "t-0/f cannot be opened (ulimit -n is 64)"));
}

Test(disk, leaves_the_last_descriptors_to_the_quorum)
{
    within(leaves_the_last_to_the_quorum);
}

static void lists_sorted(void)
{
    struct arena arena = {.blocks = NULL};
    const char **names = NULL;
    uint32_t count = 0;
    env_close(fake.env, create("b", ""));
    env_close(fake.env, create("B", ""));
    env_close(fake.env, create("\xc3\xa9", ""));
    cr_assert_eq(env_mkdir(fake.env, "a-0"), ERR_NONE);
    cr_assert_eq(env_list(fake.env, ".", &arena, &names, &count), ERR_NONE);
    cr_assert_eq(count, 4, "the lock is not the shard's");
    cr_assert_str_eq(names[0], "B");
    cr_assert_str_eq(names[1], "a-0");
    cr_assert_str_eq(names[2], "b");
    cr_assert_str_eq(names[3], "\xc3\xa9");
    cr_assert_eq(env_list(fake.env, "a-0", &arena, &names, &count), ERR_NONE);
    cr_assert_eq(count, 0);
    cr_assert_eq(env_list(fake.env, "none", &arena, &names, &count), ERR_NOT_FOUND);
    arena_free(&arena);
}

Test(disk, lists_names_in_the_order_of_their_bytes)
{
    within(lists_sorted);
}

static void renames_and_unlinks(void)
{
    file_id file = -1;
    char got[4] = "";
    env_close(fake.env, create("old", "1"));
    env_close(fake.env, create("new", "2"));
    cr_assert_eq(env_rename(fake.env, "old", "new"), ERR_NONE);
    cr_assert_eq(env_open(fake.env, "new", ENV_OPEN_READ, &file), ERR_NONE);
    cr_assert_eq(env_read(fake.env, file, 0, got, 1), 1);
    cr_assert_str_eq(got, "1");
    cr_assert_eq(env_unlink(fake.env, "new"), ERR_NONE);
    cr_assert_eq(env_open(fake.env, "new", ENV_OPEN_READ, &file), ERR_NOT_FOUND);
    cr_assert_eq(env_read(fake.env, file, 0, got, 1), 1, "an open file outlives its name");
    env_close(fake.env, file);
}

Test(disk, renames_over_a_file_and_unlinks_it)
{
    within(renames_and_unlinks);
}

/* A file of four megabytes. */
static file_id create_big(const char *path)
{
    static uint8_t megabytes[4 << 20];
    struct bytes part = {megabytes, sizeof megabytes};
    file_id file = create(path, "");
    memset(megabytes, 1, sizeof megabytes);
    cr_assert_eq(env_write(fake.env, file, 0, &part, 1), sizeof megabytes);
    return file;
}

/* Descriptors of this process to a file that had this name and has none now. */
static int count_nameless(const char *name)
{
    char link[300], end[64];
    int count = 0;
    size_t end_size = (size_t)snprintf(end, sizeof end, "/%s (deleted)", name);
    DIR *directory = opendir("/proc/self/fd");
    cr_assert_not_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        ssize_t size = readlinkat(dirfd(directory), entry->d_name, link, sizeof link);
        if (size >= (ssize_t)end_size && memcmp(link + size - end_size, end, end_size) == 0)
            count++;
    }
    closedir(directory);
    return count;
}

/* The thread pool, which does nothing before free_pool(). */
enum { POOL_THREADS = 4 };

static struct {
    uv_loop_t loop;
    uv_work_t jobs[POOL_THREADS];
    uv_sem_t begun, may_end;
} pool;

static void stand_still(uv_work_t *job)
{
    (void)job;
    uv_sem_post(&pool.begun);
    uv_sem_wait(&pool.may_end);
}

static void occupy_pool(void)
{
    uv_loop_init(&pool.loop);
    uv_sem_init(&pool.begun, 0);
    uv_sem_init(&pool.may_end, 0);
    for (int i = 0; i < POOL_THREADS; i++)
        uv_queue_work(&pool.loop, &pool.jobs[i], stand_still, NULL);
    for (int i = 0; i < POOL_THREADS; i++)
        uv_sem_wait(&pool.begun);
}

static void free_pool(void)
{
    for (int i = 0; i < POOL_THREADS; i++)
        uv_sem_post(&pool.may_end);
    uv_run(&pool.loop, UV_RUN_DEFAULT);
    uv_loop_close(&pool.loop);
    uv_sem_destroy(&pool.begun);
    uv_sem_destroy(&pool.may_end);
}

static void unlinks_big_files(void)
{
    file_id open = create_big("open"), closed = create_big("closed");
    env_close(fake.env, closed);
    occupy_pool();
    enum err first = env_unlink(fake.env, "closed"), second = env_unlink(fake.env, "open");
    enum err again = env_unlink(fake.env, "closed");
    env_close(fake.env, open);
    int held_closed = count_nameless("closed"), held_open = count_nameless("open");
    free_pool();
    cr_assert_eq(first, ERR_NONE);
    cr_assert_eq(second, ERR_NONE);
    cr_assert_eq(again, ERR_NOT_FOUND);
    cr_assert_eq(held_closed, 1, "its blocks are not left to the pool");
    cr_assert_geq(held_open, 1);
}

Test(disk, unlinks_a_big_file_by_name_at_once)
{
    within(unlinks_big_files);
}

static void renames_over_big_files(void)
{
    char got[4] = "";
    file_id file = -1;
    env_close(fake.env, create_big("big"));
    env_close(fake.env, create("small", "1"));
    env_close(fake.env, create("next", "2"));
    occupy_pool();
    enum err first = env_rename(fake.env, "next", "small");
    enum err second = env_rename(fake.env, "small", "big");
    int held_small = count_nameless("small"), held_big = count_nameless("big");
    free_pool();
    cr_assert_eq(first, ERR_NONE);
    cr_assert_eq(second, ERR_NONE);
    cr_assert_eq(held_small, 0);
    cr_assert_eq(held_big, 1, "its blocks are not left to the pool");
    cr_assert_eq(env_open(fake.env, "big", ENV_OPEN_READ, &file), ERR_NONE);
    cr_assert_eq(env_read(fake.env, file, 0, got, 1), 1);
    cr_assert_str_eq(got, "2");
    env_close(fake.env, file);
}

Test(disk, does_not_wait_for_the_blocks_of_a_big_file_whose_name_it_takes_over)
{
    within(renames_over_big_files);
}
