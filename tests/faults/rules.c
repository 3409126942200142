/* rules.c -- each rule of the page, on a process that knows nothing of it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

static struct node node;

static void setup(void)
{
    node_open(&node);
}

static void teardown(void)
{
    node_close(&node);
}

TestSuite(faults_rules, .init = setup, .fini = teardown, .timeout = 60);

Test(faults_rules, one_sync_fails_and_the_next_works)
{
    node.rules->sync_mode = FAULT_SYNC_FAILS_ONCE;
    cr_assert_str_eq(node_run(&node, "open a f rwc;write a 0 9 x;fsync a;fdatasync a;syncfs a"),
                     "open 0\nwrite 9\nfsync EIO\nfdatasync 0\nsyncfs 0\n");
    cr_assert_eq(node.rules->sync_mode, FAULT_SYNC_WORKS);
    cr_assert_eq(node.rules->syncs, 3);
    cr_assert_eq(node.rules->syncs_failed, 1);
}

Test(faults_rules, every_sync_fails_until_it_is_healed)
{
    node.rules->sync_mode = FAULT_SYNC_FAILS;
    cr_assert_str_eq(node_run(&node, "open a f rwc;fsync a;fdatasync a;syncfs a"),
                     "open 0\nfsync EIO\nfdatasync EIO\nsyncfs EIO\n");
    fault_rules_heal(node.rules);
    cr_assert_str_eq(node_run(&node, "open a f rw;fsync a"), "open 0\nfsync 0\n");
}

Test(faults_rules, a_hung_sync_goes_on_when_it_is_healed)
{
    node.rules->sync_hang = 1;
    node_run_start(&node, "open a f rwc;fsync a");
    cr_assert(node_reaches(&node.rules->hung, 1));
    cr_assert_eq(waitpid(node.pid, NULL, WNOHANG), 0);
    fault_rules_heal(node.rules);
    node_wait(&node);
    cr_assert_str_eq(node.output, "open 0\nfsync 0\n");
}

Test(faults_rules, a_hung_write_does_not_stop_a_kill)
{
    int status;
    node.rules->write_hang = 1;
    node_run_start(&node, "open a f rwc;write a 0 9 x");
    cr_assert(node_reaches(&node.rules->hung, 1));
    kill(node.pid, SIGKILL);
    status = node_wait(&node);
    cr_assert(WIFSIGNALED(status));
    cr_assert_str_eq(node.output, "open 0\n");
    cr_assert_str_eq(node_file(&node, "f"), "empty");
}

Test(faults_rules, syncs_and_writes_take_as_long_as_is_said)
{
    struct timespec before;
    struct timespec after;
    node.rules->sync_delay_us = 100000;
    node.rules->write_delay_us = 100000;
    clock_gettime(CLOCK_MONOTONIC, &before);
    node_run(&node, "open a f rwc;write a 0 9 x;fsync a");
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t took_ms =
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    cr_assert_geq(took_ms, 199);
    cr_assert_eq(node.rules->syncs_delayed, 1);
}

Test(faults_rules, a_sync_that_nothing_delays_is_not_counted_as_delayed)
{
    node_run(&node, "open a f rwc;write a 0 9 x;fsync a");
    cr_assert_eq(node.rules->syncs, 1);
    cr_assert_eq(node.rules->syncs_delayed, 0);
}

Test(faults_rules, each_second_write_is_cut_in_half)
{
    node.rules->write_short = 1;
    cr_assert_str_eq(
        node_run(&node,
                 "open a f rwc;write a 0 90 x;write a 90 90 y;writev a 180 90 z;writev a 270 "
                 "90 u"),
        "open 0\nwrite 90\nwrite 45\nwritev 90\nwritev 45\n");
    cr_assert_str_eq(node_file(&node, "f"), "90x 45y 45. 90z 45u");
    cr_assert_eq(node.rules->writes_short, 2);
}

Test(faults_rules, a_full_disk_takes_what_fits_and_refuses_the_rest)
{
    node_run(&node, "open a f rwc;write a 0 10000 x");
    node.rules->disk_free_bytes = 5000;
    node.rules->disk_full = 1;
    cr_assert_str_eq(node_run(&node, "open a f rw;write a 0 9000 y;open b g rwc;write b 0 4000 z;"
                                     "write b 4000 4000 z;write b 5000 1 z;truncate b 90000;"
                                     "reserve b 0 90000;open c h rwc;mkdir d"),
                     "open 0\nwrite 9000\nopen 0\nwrite 4000\nwrite 1000\nwrite ENOSPC\n"
                     "truncate ENOSPC\nreserve ENOSPC\nopen ENOSPC\nmkdir ENOSPC\n");
    cr_assert_geq(node.rules->refused_full, 5);
}

Test(faults_rules, reserved_space_is_there_when_the_disk_is_full)
{
    node_run(&node, "open a f rwc;reserve a 0 100000");
    node.rules->disk_full = 1;
    cr_assert_str_eq(node_run(&node, "open a f rw;write a 0 100000 x;write a 200000 1 x"),
                     "open 0\nwrite 100000\nwrite ENOSPC\n");
}

Test(faults_rules, reads_fail)
{
    node_run(&node, "open a f rwc;write a 0 10 x");
    node.rules->read_fail = 1;
    cr_assert_str_eq(node_run(&node, "open a f r;read a 10;open b /proc/self/stat r;read b 5"),
                     "open 0\nread EIO\nopen 0\nread 5\n");
    cr_assert_eq(node.rules->reads_failed, 1);
}

/* Has the kernel nothing of the node's file any more? */
static bool forget(const char *name)
{
    char path[2 * NODE_PATH_MAX];
    unsigned char there = 1;
    snprintf(path, sizeof path, "%s/%s", node.data, name);
    int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    void *memory = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(memory, MAP_FAILED);
    cr_assert_eq(mincore(memory, 1, &there), 0);
    munmap(memory, 1);
    close(fd);
    return !(there & 1);
}

Test(faults_rules, reads_take_as_long_as_is_said_if_memory_does_not_have_it)
{
    node_run(&node, "open a f rwc;write a 0 10 x");
    node.rules->read_delay_us = 100000;
    cr_assert_str_eq(node_run(&node, "open a f r;read a 10"), "open 0\nread 10\n");
    cr_assert_eq(node.rules->reads_delayed, 0);
    if (!forget("f"))
        cr_skip_test("the file system forgets nothing");
    cr_assert_str_eq(node_run(&node, "open a f r;read a 10"), "open 0\nread 10\n");
    cr_assert_eq(node.rules->reads_delayed, 1);
}

Test(faults_rules, descriptors_run_out)
{
    node.rules->fd_limit = 5;
    cr_assert_str_eq(node_run(&node, "open a f rwc;open b f r;open c f r;open d g rwc;close b;"
                                     "open e f r"),
                     "open 0\nopen 0\nopen EMFILE\nopen EMFILE\nclose 0\nopen 0\n");
    cr_assert_str_eq(node_file(&node, "g"), "absent");
    cr_assert_eq(node.rules->refused_descriptors, 2);
}

Test(faults_rules, sockets_need_descriptors_too)
{
    node.rules->fd_limit = 3;
    cr_assert_str_eq(node_run(&node, "connect 1 4"), "connect EMFILE\n");
    cr_assert_eq(node.rules->dials_bound, 0);
}

Test(faults_rules, a_page_is_whole_when_no_fault_is_in_it)
{
    cr_assert(fault_rules_are_whole(node.rules));
    for (size_t at = offsetof(struct fault_rules, sync_mode);
         at < offsetof(struct fault_rules, unused); at += sizeof(uint64_t)) {
        bool is_amount = at == offsetof(struct fault_rules, disk_free_bytes) ||
                         at == offsetof(struct fault_rules, disk_used_bytes) ||
                         at == offsetof(struct fault_rules, clock_drift_from_ns);
        *(_Atomic uint64_t *)(void *)((char *)node.rules + at) = 1;
        cr_expect_eq(fault_rules_are_whole(node.rules), is_amount, "byte %zu", at);
        fault_rules_heal(node.rules);
        cr_expect(fault_rules_are_whole(node.rules));
    }
}

Test(faults_rules, files_elsewhere_are_let_alone)
{
    char commands[NODE_PATH_MAX + 128];
    node.rules->sync_mode = FAULT_SYNC_FAILS;
    node.rules->disk_full = 1;
    node.rules->read_fail = 1;
    snprintf(commands, sizeof commands, "open a ../elsewhere rwc;write a 0 9 x;fsync a;read a 9");
    cr_assert_str_eq(node_run(&node, commands), "open 0\nwrite 9\nfsync 0\nread 9\n");
    cr_assert_eq(node.rules->unsynced_operations, 0);
}

/* Seconds by which each way to ask for the time of day is off. */
static void assert_shift(const char *way, int64_t shift_s)
{
    char commands[64];
    snprintf(commands, sizeof commands, "day %s", way);
    int64_t before = time(NULL);
    const char *output = node_run(&node, commands);
    int64_t after = time(NULL);
    int64_t told = strtoll(output + strlen("day "), NULL, 10);
    cr_assert_geq(told, before + shift_s - 1, "%s: %s", way, output);
    cr_assert_leq(told, after + shift_s + 1, "%s: %s", way, output);
}

Test(faults_rules, the_clock_of_the_day_is_off_for_every_caller)
{
    node.rules->clock_step_ms = -3600000;
    assert_shift("time", -3600);
    assert_shift("gettimeofday", -3600);
    assert_shift("timespec_get", -3600);
    assert_shift("coarse", -3600);
    node.rules->clock_step_ms = INT64_C(315360000000);
    assert_shift("clock_gettime", 315360000);
}

Test(faults_rules, readings_of_a_shifted_clock_are_counted_and_no_others)
{
    node_run(&node, "day time;day gettimeofday;day coarse");
    cr_assert_eq(node.rules->clocks_shifted, 0);
    node.rules->clock_step_ms = 3600000;
    node_run(&node, "day time;day gettimeofday;day coarse");
    cr_assert_eq(node.rules->clocks_shifted, 3);
}

Test(faults_rules, the_clock_drifts)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    node.rules->clock_drift_from_ns = ((int64_t)now.tv_sec - 1000) * 1000000000;
    node.rules->clock_drift_ppm = -100000; /* A tenth of the 1000 s since then. */
    assert_shift("clock_gettime", -100);
}

Test(faults_rules, a_wait_until_a_time_of_day_is_as_long_under_a_step)
{
    node.rules->clock_step_ms = 3600000;
    long ahead = strtol(node_run(&node, "wait 50") + strlen("wait "), NULL, 10);
    node.rules->clock_step_ms = -3600000;
    long behind = strtol(node_run(&node, "wait 50") + strlen("wait "), NULL, 10);
    cr_assert_geq(ahead, 49);
    cr_assert_geq(behind, 49);
    cr_assert_leq(ahead, 10000);
}

static void assert_dials_from_source(const char *family)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof own;
    char commands[64];
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&own, size), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&own, &size), 0);
    snprintf(commands, sizeof commands, "connect %d %s", ntohs(own.sin_port), family);

    cr_assert_str_eq(node_run(&node, commands), "connect 0\n");

    int accepted = accept(listening, (struct sockaddr *)&peer, &size);
    cr_assert_eq(ntohl(peer.sin_addr.s_addr), 0x7f000307);
    close(accepted);
    close(listening);
}

Test(faults_rules, connections_come_from_the_source_address)
{
    assert_dials_from_source("4");
    assert_dials_from_source("6");
    cr_assert_eq(node.rules->dials_bound, 2);
}
