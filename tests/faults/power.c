/* power.c -- what is left after a power loss, one kind of change at a time.
 *
 * Each child makes something durable, changes it, and is killed; with 0 percent kept, only
 * what was synced may be there. */
#include "power.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node.h"

/* A file `f` of 1000 x, synced with its name. */
#define SYNCED_FILE "open d . r;open a f rwc;write a 0 1000 x;fdatasync a;fsync d;"

static struct node node;

static void setup(void)
{
    node_open(&node);
}

static void teardown(void)
{
    node_close(&node);
}

TestSuite(faults_power, .init = setup, .fini = teardown, .timeout = 120);

static const char *after_loss(const char *commands, const char *name)
{
    node_run(&node, commands);
    node_power(&node, 1, 0);
    return node_file(&node, name);
}

Test(faults_power, a_synced_write_stays)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "die", "f"), "1000x");
    cr_assert_eq(node.rules->unsynced_operations, 0);
}

Test(faults_power, an_append_is_lost)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "write a 1000 500 y;die", "f"), "1000x");
}

Test(faults_power, an_overwrite_is_undone)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "write a 900 500 y;write a 10 10 z;die", "f"), "1000x");
}

Test(faults_power, a_write_behind_a_gap_is_undone)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "write a 5000 5 y;die", "f"), "1000x");
}

Test(faults_power, an_append_by_position_is_undone)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "open b f wa;append b 9 y;append b 9 z;die", "f"),
                     "1000x");
    cr_assert_str_eq(
        after_loss("open b f w;append b 9 y;append b 9 z;fsync b;append b 9 u;die", "f"),
        "9y 9z 982x");
}

Test(faults_power, a_shorter_file_gets_its_bytes_back)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "truncate a 10;write a 10 5 y;die", "f"), "1000x");
}

Test(faults_power, a_large_cut_with_holes_gets_its_bytes_back)
{
    cr_assert_str_eq(after_loss("open d . r;open a f rwc;write a 0 9000 x;write a 900000 9000 y;"
                                "fsync a;fsync d;truncate a 4000;die",
                                "f"),
                     "9000x 891000. 9000y");
}

Test(faults_power, a_longer_file_is_cut_again)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "truncate a 5000;die", "f"), "1000x");
}

Test(faults_power, zeroed_bytes_come_back)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "zero a 100 100;die", "f"), "1000x");
}

Test(faults_power, a_file_opened_with_truncation_comes_back)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "open b f rwct;write b 0 9 y;die", "f"), "1000x");
}

Test(faults_power, a_file_without_a_synced_name_is_gone)
{
    cr_assert_str_eq(after_loss("open a f rwc;write a 0 9 x;fsync a;die", "f"), "absent");
}

Test(faults_power, a_name_without_synced_bytes_is_empty)
{
    cr_assert_str_eq(after_loss("open d . r;open a f rwc;write a 0 9 x;fsync d;die", "f"), "empty");
}

Test(faults_power, a_rename_is_undone)
{
    node_run(&node, SYNCED_FILE "open b g rwc;write b 0 9 y;fsync b;fsync d;rename f g;die");
    node_power(&node, 1, 0);
    cr_assert_str_eq(node_file(&node, "f"), "1000x");
    cr_assert_str_eq(node_file(&node, "g"), "9y");
}

Test(faults_power, a_rename_stays_when_its_directory_was_synced)
{
    node_run(&node,
             SYNCED_FILE "open b g rwc;write b 0 9 y;fsync b;fsync d;rename f g;fsync d;die");
    node_power(&node, 1, 0);
    cr_assert_str_eq(node_file(&node, "f"), "absent");
    cr_assert_str_eq(node_file(&node, "g"), "1000x");
}

Test(faults_power, a_removed_file_comes_back)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "unlink f;die", "f"), "1000x");
}

Test(faults_power, a_removed_file_comes_back_without_what_was_written_to_it)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "write a 0 5 y;unlink f;write a 5 5 z;die", "f"),
                     "1000x");
}

Test(faults_power, a_removed_file_whose_name_is_used_again_comes_back)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "remove f;open b f rwc;write b 0 9 y;fsync b;die", "f"),
                     "1000x");
}

Test(faults_power, a_link_is_undone)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "link f g;die", "g"), "absent");
    cr_assert_str_eq(node_file(&node, "f"), "1000x");
}

Test(faults_power, a_directory_and_what_is_in_it_is_gone)
{
    cr_assert_str_eq(
        after_loss("mkdir s;open a s/f rwc;write a 0 9 x;fsync a;open b s r;fsync b;die", "s/f"),
        "absent");
}

Test(faults_power, a_removed_directory_comes_back_with_its_files)
{
    cr_assert_str_eq(
        after_loss("open d . r;mkdir s;open a s/f rwc;write a 0 9 x;syncfs d;unlink s/f;"
                   "rmdir s;die",
                   "s/f"),
        "9x");
}

Test(faults_power, a_directory_that_was_moved_is_where_it_was)
{
    cr_assert_str_eq(after_loss("open d . r;mkdir s;open a s/f rwc;write a 0 9 x;syncfs d;"
                                "rename s t;rename t/f t/g;die",
                                "s/f"),
                     "9x");
}

Test(faults_power, syncfs_covers_bytes_and_names)
{
    cr_assert_str_eq(
        after_loss("mkdir s;open a s/f rwc;write a 0 9 x;syncfs a;write a 9 9 y;die", "s/f"), "9x");
}

Test(faults_power, a_write_that_is_synced_by_itself_stays)
{
    cr_assert_str_eq(after_loss(SYNCED_FILE "open b f rws;write b 0 9 y;write a 9 9 z;die", "f"),
                     "9y 991x");
}

/* Opens a pipe that the child waits at; it is there when this returns. */
static void open_gate(const char *name)
{
    char path[2 * NODE_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", node.dir, name);
    close(open(path, O_WRONLY));
}

static void assert_not_covered(const char *sync)
{
    char commands[512];
    char path[2 * NODE_PATH_MAX];
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/gate%d", node.dir, i);
        unlink(path);
        cr_assert_eq(mkfifo(path, 0600), 0);
    }
    node.rules->hung = 0;
    node_run(&node, "open d . r;open a f rwct;write a 0 1000 x;syncfs a");
    node.rules->sync_hang = 1;
    snprintf(commands, sizeof commands,
             "open a f rw;write a 1000 100 y;start %s a;gate ../gate1;write a 1100 100 z;"
             "gate ../gate2;join;die",
             sync);

    node_run_start(&node, commands);
    cr_assert(node_reaches(&node.rules->hung, 1));
    open_gate("gate1");
    open_gate("gate2");
    fault_rules_heal(node.rules);
    node_wait(&node);
    node_power(&node, 1, 0);

    cr_assert_str_eq(node_file(&node, "f"), "1000x 100y");
}

Test(faults_power, a_sync_does_not_cover_what_is_written_while_it_runs)
{
    assert_not_covered("fdatasync");
    assert_not_covered("fsync");
    assert_not_covered("syncfs");
}

Test(faults_power, a_rename_that_is_lost_takes_no_file_with_it)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        node_run(&node, SYNCED_FILE "unlink g;syncfs d;rename f g;open b f rwc;die");
        node_power(&node, seed, 50);
        bool is_there = !strcmp(node_file(&node, "f"), "1000x");
        is_there = is_there || !strcmp(node_file(&node, "g"), "1000x");
        cr_assert(is_there, "seed %lu", seed);
    }
}

Test(faults_power, what_a_failed_sync_missed_no_later_one_covers)
{
    node.rules->sync_mode = FAULT_SYNC_FAILS_ONCE;
    cr_assert_str_eq(after_loss("open d . r;open a f rwc;syncfs d;syncfs d;"
                                "write a 0 1000 x;die",
                                "f"),
                     "empty");
    node.rules->sync_mode = FAULT_SYNC_FAILS_ONCE;
    cr_assert_str_eq(
        after_loss("open a f rw;write a 0 1000 y;fsync a;write a 1000 1000 z;fsync a;die", "f"),
        "1000. 1000z");
}

Test(faults_power, a_kill_alone_loses_nothing_and_is_remembered)
{
    node_run(&node, SYNCED_FILE "write a 0 9 y;rename f g;die");
    cr_assert_str_eq(node_file(&node, "g"), "9y 991x");
    node_run(&node, "open a g rw;write a 20 9 z;die");
    cr_assert_eq(node.rules->unsynced_operations, 3);
    node_power(&node, 1, 0);
    cr_assert_str_eq(node_file(&node, "f"), "1000x");
}

Test(faults_power, a_sync_covers_what_an_earlier_process_wrote)
{
    node_run(&node, SYNCED_FILE "write a 0 9 y;die");
    cr_assert_str_eq(after_loss("open a f rw;fdatasync a;write a 9 9 z;die", "f"), "9y 991x");
}

Test(faults_power, a_syncfs_before_anything_else_covers_an_earlier_process)
{
    node_run(&node, SYNCED_FILE "write a 0 9 y;die");
    cr_assert_str_eq(after_loss("open d . r;syncfs d;die", "f"), "9y 991x");
}

Test(faults_power, what_is_kept_is_all_there)
{
    node_run(&node,
             SYNCED_FILE "write a 500 1000 y;truncate a 1200;rename f g;mkdir s;link g s/h;die");
    struct power_result result = node_power(&node, 1, 100);
    cr_assert_str_eq(node_file(&node, "s/h"), "500x 700y");
    cr_assert_eq(result.kept, 5);
}

Test(faults_power, a_write_is_torn_at_sectors)
{
    uint32_t torn = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        node_run(&node, "open d . r;open a f rwct;open b g rwct;write a 0 5120 x;fsync a;fsync d;"
                        "write a 0 5120 y;write b 0 9 z;die");
        node_power(&node, seed, POWER_KEEP_BY_SEED);
        const char *found = node_file(&node, "f");
        bool is_whole = !strcmp(found, "5120x") || !strcmp(found, "5120y");
        torn += !is_whole;
        for (const char *at = found; !is_whole && at; at = strchr(at + 1, ' '))
            cr_assert_eq(strtol(at, NULL, 10) % 512, 0, "seed %lu: %s", seed, found);
    }
    cr_assert_gt(torn, 5);
    cr_assert_lt(torn, 95);
}

Test(faults_power, some_change_of_bytes_is_always_lost_whatever_the_seed)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        node_run(&node, "open d . r;open a f rwct;fsync d;write a 0 9 x;write a 9 9 y;open b g rwc;"
                        "die");
        struct power_result result = node_power(&node, seed, POWER_KEEP_BY_SEED);
        cr_assert_gt(result.dropped + result.torn, result.names_dropped, "seed %lu", seed);
    }
}

Test(faults_power, the_same_seed_gives_the_same_image)
{
    char first[NODE_OUTPUT_MAX];
    for (int i = 0; i < 2; i++) {
        node_run(&node,
                 "open d . r;open a f rwct;syncfs d;write a 0 9000 y;write a 9000 9000 z;die");
        struct power_result result = node_power(&node, 1, 50);
        if (i == 0)
            snprintf(first, sizeof first, "%s", node_file(&node, "f"));
        cr_assert_eq(result.operations, 2);
    }
    cr_assert_str_eq(node_file(&node, "f"), first);
}

Test(faults_power, a_journal_that_grows_too_large_is_given_up)
{
    setenv("SKIFF_FAULTS_JOURNAL_MAX", "10000000", 1);
    node_run(&node, "open a f rwc;write a 0 1000000 x;write a 0 1000000 y");
    cr_assert_eq(node.rules->journal_lost, 0);
    node_run(&node, "open a f rw;truncate a 0;write a 0 1000000 x;write a 0 1000000 y");
    node_run(&node, "open a f rw;write a 0 1000000 x;write a 0 1000000 y;write a 0 1000000 x;"
                    "write a 0 1000000 y;write a 0 1000000 x;write a 0 1000000 y");
    cr_assert_eq(node.rules->journal_lost, 1);
    cr_assert_str_eq(node_file(&node, "f"), "1000000y");
}

Test(faults_power, a_forked_child_that_writes_ends_the_journal)
{
    node_run(&node, SYNCED_FILE "fork day time;write a 0 9 y");
    cr_assert_eq(node.rules->journal_lost, 0);
    cr_assert_str_eq(node_run(&node, "open a f rw;write a 0 9 y;fork write a 0 9 z"),
                     "open 0\nwrite 9\nwrite 9\n");
    cr_assert_eq(node.rules->journal_lost, 1);
    cr_assert_str_eq(node_file(&node, "f"), "9z 991x");
}

Test(faults_power, what_synced_leaves_the_journal)
{
    node_run(&node,
             "open a f rwc;write a 0 1000000 x;syncfs a;write a 0 1000000 y;write a 0 1000000 x;"
             "write a 0 1000000 y;write a 0 1000000 x;write a 0 1000000 y;write a 0 1000000 x;"
             "write a 0 1000000 y;write a 0 1000000 x;write a 0 1000000 y;write a 0 1000000 x;"
             "write a 0 1000000 y;write a 0 1000000 x;write a 0 1000000 y;write a 0 1000000 x;"
             "write a 0 1000000 y;write a 0 1000000 x;write a 0 1000000 y;write a 0 1000000 x;"
             "fsync a;write a 0 9 z;die");
    cr_assert_leq(node.rules->journal_bytes, 8 << 20);
    node_power(&node, 1, 0);
    cr_assert_str_eq(node_file(&node, "f"), "1000000x");
}

Test(faults_power, a_journal_that_was_given_up_is_not_confirmed)
{
    struct power_options options = {.chaos_dir = node.chaos, .data_dir = node.data};
    struct power_result result;
    node_run(&node, "open a f rwc;write a 0 9 x;rename f ../f;die");
    cr_assert_eq(node.rules->journal_lost, 1);

    cr_assert(power_cut(&options, &result));

    cr_assert_not(result.confirmed);
    cr_assert_str_eq(result.why, "a name was moved over the border of the data directory");
    cr_assert_str_eq(after_loss("open d . r;open a f rwc;syncfs d;write a 0 9 x;die", "f"),
                     "empty");
}

Test(faults_power, a_damaged_journal_is_refused)
{
    char path[2 * NODE_PATH_MAX];
    struct power_options options = {.chaos_dir = node.chaos, .data_dir = node.data};
    struct power_result result;
    node_run(&node, SYNCED_FILE "write a 0 9 y;die");
    snprintf(path, sizeof path, "%s/journal/chunk-00000000", node.chaos);
    int fd = open(path, O_RDWR);
    cr_assert_eq(pwrite(fd, "!", 1, 64), 1);
    close(fd);

    cr_assert_not(power_cut(&options, &result));
    cr_assert_str_eq(node_file(&node, "f"), "9y 991x");
}
