/* test_platform.c -- the process: the directory, clocks, the tick, signals, its lines. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fake_shard.h"

static uint32_t stops, letters, deadlines;

static void stop(void)
{
    fake.stopped = true;
}

static void on_event(const struct env_event *event)
{
    stops += event->kind == ENV_STOP;
    letters += event->kind == ENV_LETTER;
}

static void run(void (*on_open)(void))
{
    fake_init("127.0.0.1");
    fake.on_open = on_open;
    fake.on_event = on_event;
    fake_run();
}

Test(platform, refuses_a_directory_that_another_node_has)
{
    struct platform *second = NULL;
    struct config config;
    fake_init("127.0.0.1");
    cr_assert_eq(fake_open(), ERR_NONE);
    config = fake.config;
    config.listeners[0].bind.port = 0;
    cr_assert_eq(platform_open(&second, &config, &fake.trace), ERR_BUSY);
    cr_assert_null(second);
    cr_assert_not_null(strstr(fake.lines, "/data is in use by another node\n"));
    platform_close(fake.platform);
    cr_assert_eq(platform_open(&second, &config, &fake.trace), ERR_NONE,
                 "the lock outlived its node");
    platform_close(second);
    fake_remove_dir();
}

Test(platform, makes_a_directory_with_what_is_missing_above_it)
{
    fake_init("127.0.0.1");
    snprintf(fake.config.log_dir, sizeof fake.config.log_dir, "%s/a/b/c/", fake.dir);
    cr_assert_eq(fake_open(), ERR_NONE, "%s", fake.lines);
    cr_assert_eq(access(fake.config.log_dir, F_OK), 0);
    platform_close(fake.platform);
    fake_remove_dir();
}

Test(platform, says_why_a_directory_cannot_be_made)
{
    fake_init("127.0.0.1");
    snprintf(fake.config.log_dir, sizeof fake.config.log_dir, "%s/file/data", fake.dir);
    char path[128];
    snprintf(path, sizeof path, "%s/file", fake.dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_assert_neq(fake_open(), ERR_NONE);
    cr_assert_not_null(strstr(fake.lines, "/file/data cannot be created: Not a directory\n"));
    fake_remove_dir();
}

Test(platform, says_that_a_directory_is_not_writable)
{
    if (geteuid() == 0)
        cr_skip_test("everything is writable for root");
    fake_init("127.0.0.1");
    mkdir(fake.config.log_dir, 0500);
    cr_assert_eq(fake_open(), ERR_DENIED);
    cr_assert_not_null(strstr(fake.lines, "/data is not writable: Permission denied\n"));
    fake_remove_dir();
}

Test(platform, hands_on_what_the_shard_said_at_its_opening)
{
    fake_init("127.0.0.1");
    fake.open_result = ERR_CORRUPT;
    cr_assert_eq(fake_open(), ERR_NONE);
    cr_assert_eq(platform_run(fake.platform), ERR_CORRUPT);
    platform_close(fake.platform);
    fake_remove_dir();
}

/* As a JVM does: fcntl(), on a descriptor of its own. */
static int open_jvm_lock(int flags)
{
    char path[CONFIG_DIR_MAX + 8];
    snprintf(path, sizeof path, "%s/.lock", fake.config.log_dir);
    return open(path, O_RDWR | flags, 0600);
}

Test(platform, refuses_a_directory_that_apache_kafka_has)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fake_init("127.0.0.1");
    mkdir(fake.config.log_dir, 0700);
    int fd = open_jvm_lock(O_CREAT);
    cr_assert_eq(fcntl(fd, F_OFD_SETLK, &whole), 0);
    cr_assert_eq(fake_open(), ERR_BUSY);
    close(fd);
    fake_remove_dir();
}

static void try_jvm_lock(void)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_jvm_lock(0);
    cr_assert_geq(fd, 0);
    cr_assert_neq(fcntl(fd, F_OFD_SETLK, &whole), 0);
    close(fd);
    fake.stopped = true;
}

static void try_jvm_lock_later(void)
{
    cr_assert_eq(open_jvm_lock(0), -1, "the directory was marked before the shard had seen it");
    fake.on_deadline = try_jvm_lock;
    fake.deadline = env_mono(fake.env);
}

Test(platform, keeps_apache_kafka_out_once_the_shard_has_opened)
{
    run(try_jvm_lock_later);
}

Test(platform, leaves_no_mark_in_a_directory_that_the_shard_refused)
{
    fake_init("127.0.0.1");
    fake.open_result = ERR_INVALID_CONFIG;
    cr_assert_eq(fake_open(), ERR_NONE);
    cr_assert_eq(platform_run(fake.platform), ERR_INVALID_CONFIG);
    cr_assert_eq(open_jvm_lock(0), -1);
    platform_close(fake.platform);
    fake_remove_dir();
}

static void next_deadline(void)
{
    deadlines++;
    fake.stopped = deadlines == 5;
    fake.deadline = env_mono(fake.env) + 10;
}

static void start_deadlines(void)
{
    fake.deadline = env_mono(fake.env) + 10;
    fake.on_deadline = next_deadline;
}

Test(platform, ticks_for_deadlines_and_for_nothing_else)
{
    mono_ms start = (mono_ms)time(NULL);
    run(start_deadlines);
    cr_assert_eq(deadlines, 5);
    cr_assert_leq(fake.ticks, 7, "%u ticks", (unsigned)fake.ticks);
    cr_assert_leq(time(NULL) - start, 5);
}

static void read_clocks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    wall_ms wall = env_wall(fake.env);
    mono_ms mono = env_mono(fake.env);
    cr_assert_lt(wall - (wall_ms)now.tv_sec * 1000, 5000);
    cr_assert_geq(wall, (wall_ms)now.tv_sec * 1000);
    cr_assert_geq(env_mono(fake.env), mono);
    cr_assert_neq(env_random(fake.env), env_random(fake.env));
    fake.stopped = true;
}

Test(platform, has_clocks_and_randomness)
{
    run(read_clocks);
}

Test(platform, draws_a_secret_for_the_hashes)
{
    struct bytes key = bytes_of_str(STR("name"));
    uint64_t fixed = hash_key(key);

    platform_draw_secret();
    uint64_t first = hash_key(key);
    platform_draw_secret();

    cr_assert_neq(first, fixed);
    cr_assert_neq(hash_key(key), first);
}

static void post_one(void)
{
    env_post(fake.env, 0, NULL);
    fake.on_deadline = stop;
    fake.deadline = env_mono(fake.env) + 5;
}

static void start_posting(void)
{
    fake.deadline = env_mono(fake.env);
    fake.on_deadline = post_one;
}

Test(platform, brings_a_letter_to_the_shard_that_wrote_it)
{
    run(start_posting);
    cr_assert_eq(letters, 1);
}

static void on_stop(const struct env_event *event)
{
    on_event(event);
    platform_stop(fake.platform); /* Asking again is no second event. */
    fake.deadline = env_mono(fake.env) + 5;
    fake.on_deadline = stop;
}

static void raise_signal(void)
{
    raise(SIGTERM);
}

static void start_signal(void)
{
    fake.deadline = env_mono(fake.env);
    fake.on_deadline = raise_signal;
    fake.on_event = on_stop;
}

Test(platform, turns_a_signal_into_one_controlled_shutdown)
{
    run(start_signal);
    cr_assert_eq(stops, 1);
}

static void on_stop_signal_again(const struct env_event *event)
{
    (void)event;
    raise(SIGINT);
}

static void start_two_signals(void)
{
    start_signal();
    fake.on_event = on_stop_signal_again;
}

Test(platform, ends_at_once_at_the_second_signal, .exit_code = 1, .timeout = 10)
{
    fake_init("127.0.0.1");
    fake.on_open = start_two_signals;
    cr_assert_eq(fake_open(), ERR_NONE);
    fake_remove_dir();
    platform_run(fake.platform);
}

static void die(void)
{
    env_fatal(fake.env, "the disk is gone");
}

Test(platform, ends_the_process_when_the_shard_cannot_go_on, .exit_code = 1)
{
    fake_init("127.0.0.1");
    fake.on_open = die;
    cr_assert_eq(fake_open(), ERR_NONE);
    fake_remove_dir();
    platform_run(fake.platform);
}

/* What `level` and `text` print, in `out`. */
static void print(bool json, enum trace_level level, const char *text, char *out, size_t size)
{
    struct trace trace;
    int ends[2];
    int kept = dup(STDOUT_FILENO);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    platform_trace(&trace, TRACE_INFO, json);
    trace_line(&trace, TRACE_DEBUG, "not printed");
    trace_line(&trace, level, "%s", text);
    dup2(kept, STDOUT_FILENO);
    close(ends[1]);
    ssize_t got = read(ends[0], out, size - 1);
    cr_assert_geq(got, 0);
    out[got] = '\0';
    close(ends[0]);
    close(kept);
}

Test(platform, prints_lines_with_time_and_level)
{
    char line[256];
    int year, month, day, hour, minute, second, ms;
    char rest[64] = "";
    print(false, TRACE_WARN, "t-0 leader 1 -> 2", line, sizeof line);
    cr_assert_eq(sscanf(line, "%4d-%2d-%2d %2d:%2d:%2d.%3d %63[^\n]", &year, &month, &day, &hour,
                        &minute, &second, &ms, rest),
                 8);
    cr_assert_str_eq(rest, "WARN t-0 leader 1 -> 2");
    cr_assert_eq(line[strlen(line) - 1], '\n');
}

Test(platform, prints_json_on_request)
{
    char line[256];
    print(true, TRACE_ERROR, "a \"quoted\" line", line, sizeof line);
    cr_assert_eq(strncmp(line, "{\"time\":\"20", 11), 0);
    cr_assert_not_null(
        strstr(line, "Z\",\"level\":\"ERROR\",\"text\":\"a \\\"quoted\\\" line\"}\n"));
}
