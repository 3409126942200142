/* test_free.c -- big files without a name go in steps, and only when nobody needs them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_shard.h"

enum { BIG = 12 << 20, PATIENCE_MS = 20000 };

static struct {
    int64_t sizes_seen[4]; /* Of the nameless file, different ones in turn. */
    uint32_t size_count;
    mono_ms end;
    file_id reader;
    uint32_t looks;
} test;

static void on_event(const struct env_event *event)
{
    (void)event;
}

static void make_big(const char *path)
{
    static uint8_t piece[1 << 20];
    struct bytes part = {.data = piece, .size = sizeof piece};
    file_id file = -1;
    memset(piece, 'x', sizeof piece);
    cr_assert_eq(env_open(fake.env, path, ENV_OPEN_CREATE, &file), ERR_NONE);
    for (uint64_t at = 0; at < BIG; at += sizeof piece)
        cr_assert_eq(env_write(fake.env, file, at, &part, 1), (int64_t)sizeof piece);
    env_close(fake.env, file);
}

/* How long the first open file is that has lost its name; -1: there is none. */
static int64_t nameless_size(void)
{
    static const char end[] = "/big (deleted)";
    char link[300];
    struct stat about;
    int64_t size = -1;
    DIR *directory = opendir("/proc/self/fd");
    cr_assert_not_null(directory);
    for (struct dirent *entry; size < 0 && (entry = readdir(directory)) != NULL;) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link);
        if (length < (ssize_t)sizeof end - 1 ||
            memcmp(link + length - (sizeof end - 1), end, sizeof end - 1) != 0)
            continue;
        if (fstatat(dirfd(directory), entry->d_name, &about, 0) == 0)
            size = about.st_size;
    }
    closedir(directory);
    return size;
}

static void look(void)
{
    int64_t size = nameless_size();
    mono_ms now = env_mono(fake.env);

    cr_assert_lt(now, test.end, "a file of %lld bytes is still there", (long long)size);
    if (size < 0) {
        fake.stopped = true;
        return;
    }
    if (test.size_count < 4 &&
        (test.size_count == 0 || test.sizes_seen[test.size_count - 1] != size))
        test.sizes_seen[test.size_count++] = size;
    fake.deadline = now + 1;
}

static void run(void (*body)(void))
{
    fake_init("127.0.0.1");
    fake.on_open = body;
    fake.on_event = on_event;
    fake.on_deadline = look;
    cr_assert_eq(fake_open(), ERR_NONE, "%s", fake.lines);
    cr_assert_eq(platform_run(fake.platform), ERR_NONE, "%s", fake.lines);
}

static void end(void)
{
    platform_close(fake.platform);
    fake_remove_dir();
}

static void unlink_big(void)
{
    make_big("big");
    cr_assert_eq(env_unlink(fake.env, "big"), ERR_NONE);
    test.end = env_mono(fake.env) + PATIENCE_MS;
    fake.deadline = 0;
}

Test(free, cuts_what_lost_its_name_a_step_at_a_time)
{
    run(unlink_big);
    end();
    cr_assert_geq(test.size_count, 3, "it went at once");
    for (uint32_t i = 1; i < test.size_count; i++)
        cr_assert_lt(test.sizes_seen[i], test.sizes_seen[i - 1]);
}

static void take_over(void)
{
    file_id next = -1;
    make_big("big");
    cr_assert_eq(env_open(fake.env, "next", ENV_OPEN_CREATE, &next), ERR_NONE);
    env_close(fake.env, next);
    cr_assert_eq(env_rename(fake.env, "next", "big"), ERR_NONE);
    test.end = env_mono(fake.env) + PATIENCE_MS;
    fake.deadline = 0;
}

Test(free, cuts_what_a_rename_took_the_place_of)
{
    run(take_over);
    end();
    cr_assert_geq(test.size_count, 3, "it went at once");
}

static void path_of(const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", fake.config.log_dir, name);
}

static void unlink_one_of_two_names(void)
{
    char big[512], backup[512];
    make_big("big");
    path_of("big", big);
    path_of("backup", backup);
    cr_assert_eq(link(big, backup), 0);
    cr_assert_eq(env_unlink(fake.env, "big"), ERR_NONE);
    test.end = env_mono(fake.env) + PATIENCE_MS;
    fake.deadline = 0;
}

Test(free, leaves_a_file_whole_that_has_another_name)
{
    char backup[512];
    struct stat about;
    run(unlink_one_of_two_names);
    path_of("backup", backup);
    cr_assert_eq(stat(backup, &about), 0);
    cr_assert_eq(about.st_size, BIG);
    end();
}

static void unlink_what_is_read(void)
{
    make_big("big");
    cr_assert_eq(env_open(fake.env, "big", ENV_OPEN_READ, &test.reader), ERR_NONE);
    cr_assert_eq(env_unlink(fake.env, "big"), ERR_NONE);
    test.end = env_mono(fake.env) + PATIENCE_MS;
    fake.deadline = 0;
}

/* Long after the first step, which comes within a few looks. */
static void read_on(void)
{
    uint8_t last = 0;

    if (++test.looks == 100) {
        cr_assert_eq(env_read(fake.env, test.reader, BIG - 1, &last, 1), 1, "it was cut");
        cr_assert_eq(last, 'x');
        env_close(fake.env, test.reader);
        fake.on_deadline = look;
    }
    fake.deadline = env_mono(fake.env) + 1;
}

Test(free, leaves_a_file_whole_while_somebody_reads_it)
{
    fake_init("127.0.0.1");
    fake.on_open = unlink_what_is_read;
    fake.on_event = on_event;
    fake.on_deadline = read_on;
    fake_run();
    cr_assert_geq(test.size_count, 2, "it went at once when its reader had ended");
}

static void unlink_and_stop(void)
{
    unlink_big();
    fake.stopped = true;
}

Test(free, holds_up_no_end)
{
    run(unlink_and_stop);
    end();
    cr_assert_eq(nameless_size(), -1);
}

/* As one who copies /proc/<pid>/fd/<n>, to have a segment back, may do while its lease is asked
 * for: the kernel tells the lease's holder by a signal. */
static void open_what_is_leased(void)
{
    char path[512];
    path_of("leased", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
    cr_assert_lt(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(errno, EWOULDBLOCK);
    close(fd);
    fake.stopped = true;
}

Test(free, lets_nobody_end_the_process_by_opening_a_file)
{
    run(open_what_is_leased);
    end();
}
