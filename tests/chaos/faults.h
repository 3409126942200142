/* faults.h -- a local cluster for one test, and a schedule of kills drawn from a seed. */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

#include "base/base.h"
#include "cluster.h"

/* Run `skiff` (beside this program) with these words, NULL at the end; its output is shown when
 * it fails. Returns its exit code. */
int run_skiff(const char *const *words);

/* Start a throw-away cluster of `nodes` nodes on free ports in `dir`; `chaos`: with a proxy
 * between them.
 * Errors  an exit code, told. */
int test_cluster_up(struct cluster *cluster, const char *dir, uint32_t nodes, bool chaos);
/* Stop it; with `keep` its directory stays, for whoever looks for the reason. */
void test_cluster_down(struct cluster *cluster, bool keep);

enum fault_kind { FAULT_KILL_ONE, FAULT_KILL_ALL };

struct faults {
    struct cluster *cluster;
    struct rand rand;
    uint32_t rounds;        /* Kills to come. */
    uint32_t all_every;     /* Every so many rounds all nodes are killed at once; 0: never. */
    int64_t restart_max_us; /* A node is started again within that. */
    int64_t next_max_us;    /* The next kill comes within that of the restart. */
    bool verbose;

    /* State. */
    uint32_t round;
    bool is_down;     /* Nodes of `victims` are down, and start again at `due_us`. */
    uint32_t victims; /* Bits of indexes. */
    int64_t due_us;
    char skiffd[CLUSTER_PATH_MAX];
};

int faults_start(struct faults *faults, uint64_t seed);
/* Do what is due. Errors: a node that ended by itself, told: EXIT_VIOLATION. */
int faults_step(struct faults *faults);
/* All rounds are over and every node was started again. */
bool faults_over(const struct faults *faults);

#endif
