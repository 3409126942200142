/* faults.c -- a local cluster for one test, and a schedule of kills drawn from a seed. */
#include "faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

enum { WORDS_MAX = 24 };

/* The path of a program beside this one. */
static void beside(const char *name, char out[CLUSTER_PATH_MAX])
{
    char self[CLUSTER_PATH_MAX - 64];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    check(size > 0);
    self[size] = 0;
    *strrchr(self, '/') = 0;
    snprintf(out, CLUSTER_PATH_MAX, "%s/%s", self, name);
}

int run_skiff(const char *const *words)
{
    char program[CLUSTER_PATH_MAX];
    char *copy[WORDS_MAX + 2] = {program};
    beside("skiff", program);
    for (int i = 0; words[i] && i < WORDS_MAX; i++)
        copy[i + 1] = (char *)(uintptr_t)words[i];
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return EXIT_FAILED;
    if (pid == 0) {
        execv(program, copy);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

int test_cluster_up(struct cluster *cluster, const char *dir, uint32_t nodes, bool chaos)
{
    char count[16];
    char state[CLUSTER_PATH_MAX];
    snprintf(count, sizeof count, "%u", nodes);
    snprintf(state, sizeof state, "%s/state", dir);
    setenv("XDG_STATE_HOME", state, 1); /* The user's last cluster stays the user's. */
    const char *const words[] = {
        "up", "-n", count, "-p", "0", "--dir", dir, chaos ? "--chaos" : NULL, NULL};
    int code = run_skiff(words);
    return code ? code : cluster_load(cluster, dir);
}

void test_cluster_down(struct cluster *cluster, bool keep)
{
    const char *const down[] = {"down", "--dir", cluster->dir, NULL};
    const char *const delete[] = {"down", "--rm", "--dir", cluster->dir, NULL};
    run_skiff(keep ? down : delete);
}

int faults_start(struct faults *faults, uint64_t seed)
{
    rand_init(&faults->rand, seed);
    faults->due_us = now_us() + 500000;
    return cluster_find_skiffd(faults->skiffd);
}

static uint32_t draw(struct faults *faults, uint32_t below)
{
    return (uint32_t)rand_below(&faults->rand, below);
}

static void kill_some(struct faults *faults)
{
    const struct cluster *cluster = faults->cluster;
    bool all = faults->all_every && (faults->round + 1) % faults->all_every == 0;
    faults->victims = all ? (1u << cluster->count) - 1 : 1u << draw(faults, cluster->count);
    for (uint32_t i = 0; i < cluster->count; i++)
        if (faults->victims >> i & 1)
            node_signal(cluster, cluster->nodes[i].id, SIGKILL);
    for (uint32_t i = 0; i < cluster->count; i++)
        if (faults->victims >> i & 1)
            node_wait_gone(cluster, cluster->nodes[i].id, now_us() + 5000000);
    faults->is_down = true;
    faults->round++;
    faults->due_us = now_us() + draw(faults, (uint32_t)faults->restart_max_us);
    if (faults->verbose)
        printf("  kill %2u: nodes %#x, back in %lld ms\n", faults->round, faults->victims,
               (long long)(faults->due_us - now_us()) / 1000);
}

static int restart_victims(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->cluster->count; i++) {
        int code = faults->victims >> i & 1
                       ? node_start(faults->cluster, faults->cluster->nodes[i].id, faults->skiffd)
                       : EXIT_DONE;
        if (code)
            return code;
    }
    faults->is_down = false;
    faults->victims = 0;
    faults->due_us = now_us() + draw(faults, (uint32_t)faults->next_max_us);
    return EXIT_DONE;
}

/* A node that was not killed must be there: an end of its own is a failed check. */
static int find_dead(const struct faults *faults)
{
    for (uint32_t i = 0; i < faults->cluster->count; i++) {
        node_id id = faults->cluster->nodes[i].id;
        if (!(faults->victims >> i & 1) && node_process(faults->cluster, id).state == NODE_DOWN)
            return say_error(EXIT_VIOLATION, "node %d ended by itself; see %s/node-%d/log", id,
                             faults->cluster->dir, id);
    }
    return EXIT_DONE;
}

int faults_step(struct faults *faults)
{
    if (now_us() < faults->due_us || faults_over(faults))
        return EXIT_DONE;
    int code = find_dead(faults);
    if (code)
        return code;
    if (faults->is_down)
        return restart_victims(faults);
    kill_some(faults);
    return EXIT_DONE;
}

bool faults_over(const struct faults *faults)
{
    return faults->round >= faults->rounds && !faults->is_down;
}
