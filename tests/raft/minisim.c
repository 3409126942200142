/* minisim.c -- random runs of three to five raft cores, with crashes and a bad network.
 *
 * Each seed first does harm for a while, then heals everything and demands a leader, a
 * new commit and equal logs. `--seed S` shows one run, `--seeds N --first F` runs many,
 * `--expect R4` wants a violation that starts with this name (for mutants).
 *
 * Source  Rules 6, 12, 13, 26; invariants R1, R2, R4, R5, R7, R8, R9, R11, R13. */
#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"

enum { HARM_MS = 8000, HEAL_MS = 15000 };

struct totals {
    uint64_t steps;
    uint64_t elections;
    uint64_t commits;
    uint64_t truncations;
    uint64_t divergences;
};

static struct cluster_config draw_config(struct rand *rand, uint64_t seed)
{
    struct cluster_config config = {.seed = seed};

    config.voter_count = rand_chance(rand, 2, 3) ? 3 : rand_chance(rand, 1, 2) ? 4 : 5;
    config.node_count = config.voter_count;
    if (config.node_count < CLUSTER_NODES_MAX && rand_chance(rand, 1, 4))
        config.node_count++;
    config.delay_min_ms = 0;
    config.delay_max_ms = rand_chance(rand, 1, 2) ? 2 : 60;
    config.sync_min_ms = 0;
    config.sync_max_ms = rand_chance(rand, 1, 2) ? 3 : 120;
    config.loss_percent = rand_chance(rand, 1, 2) ? 0 : (uint32_t)rand_below(rand, 15);
    config.duplicate_percent = rand_chance(rand, 1, 2) ? 0 : (uint32_t)rand_below(rand, 20);
    return config;
}

static bool has_founding(const struct cluster *cluster)
{
    return cluster->committed.count > 0;
}

/* One wiped voter at most: without readmission, a second would cost the majority. */
static void harm_disk(struct cluster *cluster, uint32_t index, struct rand *rand, bool *wiped)
{
    struct node *node = &cluster->nodes[index];

    if (node->up || *wiped || !has_founding(cluster) || !rand_chance(rand, 1, 12))
        return;
    *wiped = true;
    cluster_trace(cluster, "n%d is wiped", node->id);
    cluster_wipe(cluster, index);
}

static void harm_node(struct cluster *cluster, struct rand *rand, bool *wiped)
{
    uint32_t index = (uint32_t)rand_below(rand, cluster->config.node_count);
    struct node *node = &cluster->nodes[index];

    if (!node->up) {
        harm_disk(cluster, index, rand, wiped);
        cluster_start(cluster, index);
    } else if (rand_chance(rand, 1, 3)) {
        cluster_kill(cluster, index, rand_chance(rand, 1, 2));
    } else if (rand_chance(rand, 1, 4)) {
        node->paused_until = cluster->now + (mono_ms)rand_below(rand, 3000);
        cluster_trace(cluster, "n%d is paused until %ld", node->id, (long)node->paused_until);
    } else if (rand_chance(rand, 1, 10)) {
        for (uint32_t i = 0; i < cluster->config.node_count; i++) {
            if (cluster->nodes[i].up)
                cluster_kill(cluster, i, true);
        }
    }
}

static void harm_network(struct cluster *cluster, struct rand *rand)
{
    uint32_t from = (uint32_t)rand_below(rand, cluster->config.node_count);
    uint32_t to = (uint32_t)rand_below(rand, cluster->config.node_count);
    bool cut = rand_chance(rand, 1, 3);

    cluster->cut[from][to] = cut;
    if (rand_chance(rand, 2, 3))
        cluster->cut[to][from] = cut;
}

static void harm(struct cluster *cluster, struct rand *rand)
{
    bool wiped = false;

    while (cluster->now < HARM_MS && cluster->violation[0] == '\0') {
        cluster_run(cluster, cluster->now + (mono_ms)rand_below(rand, 120));
        for (uint32_t i = 0; i < cluster->config.node_count; i++) {
            if (rand_chance(rand, 1, 2))
                cluster_append(cluster, i);
        }
        if (rand_chance(rand, 1, 6))
            harm_node(cluster, rand, &wiped);
        if (rand_chance(rand, 1, 8))
            harm_network(cluster, rand);
    }
}

/* Everything works again: a leader, a commit, equal logs within bounded time. */
static void heal(struct cluster *cluster)
{
    memset(cluster->cut, 0, sizeof cluster->cut);
    cluster->config.loss_percent = 0;
    cluster->config.duplicate_percent = 0;
    cluster->config.delay_max_ms = 2;
    cluster->config.sync_max_ms = 3;
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        cluster->nodes[i].paused_until = 0;
        if (!cluster->nodes[i].up)
            cluster_start(cluster, i);
    }
    cluster_run(cluster, cluster->now + HEAL_MS);
    int32_t leader = cluster_leader(cluster);
    if (leader == -1 || !cluster_append(cluster, (uint32_t)leader)) {
        violate(cluster, "L no leader after healing");
        return;
    }
    cluster_run(cluster, cluster->now + 1000);
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        const struct node *node = &cluster->nodes[i];
        if (node->high_watermark != cluster->nodes[leader].log.count)
            violate(cluster, "L %d has committed %ld of %u after healing", node->id,
                    (long)node->high_watermark, cluster->nodes[leader].log.count);
    }
}

static void print_line(void *context, const char *text)
{
    (void)context;
    puts(text);
}

/* True: nothing was violated. */
static bool run_seed(uint64_t seed, bool verbose, struct totals *totals, char violation[200])
{
    struct rand rand;

    rand_init(&rand, rand_derive(seed, 1));
    struct cluster_config config = draw_config(&rand, seed);
    struct cluster *cluster = cluster_open(&config);
    if (verbose)
        cluster->line = print_line;
    for (uint32_t i = 0; i < config.node_count; i++)
        cluster_start(cluster, i);
    harm(cluster, &rand);
    if (cluster->violation[0] == '\0')
        heal(cluster);
    totals->steps += cluster->step_count;
    totals->elections += cluster->elections;
    totals->commits += cluster->committed.count;
    totals->truncations += cluster->truncations;
    totals->divergences += cluster->divergences;
    snprintf(violation, 200, "%s", cluster->violation);
    cluster_close(cluster);
    return violation[0] == '\0';
}

struct options {
    uint64_t first;
    uint64_t count;
    bool verbose;
    const char *expect;
};

static int run_seeds(const struct options *options)
{
    struct totals totals = {0};
    char violation[200];

    for (uint64_t seed = options->first; seed < options->first + options->count; seed++) {
        if (run_seed(seed, options->verbose, &totals, violation))
            continue;
        printf("seed %lu: %s\n", (unsigned long)seed, violation);
        if (options->expect == NULL)
            return 11;
        size_t size = strlen(options->expect);
        return strncmp(violation, options->expect, size) == 0 ? 0 : 12;
    }
    printf("%lu seeds: %lu steps, %lu elections, %lu commits, %lu truncations, %lu divergences\n",
           (unsigned long)options->count, (unsigned long)totals.steps,
           (unsigned long)totals.elections, (unsigned long)totals.commits,
           (unsigned long)totals.truncations, (unsigned long)totals.divergences);
    if (options->expect != NULL)
        return 13;
    /* A set of runs in which nothing ever happens proves nothing. */
    bool was_busy = totals.commits > 0 && totals.truncations > 0 && totals.divergences > 0;
    return options->count < 100 || was_busy ? 0 : 14;
}

int main(int argc, char **argv)
{
    struct options options = {.first = 1, .count = 100};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--seed") == 0) {
            options.first = strtoull(value, NULL, 10);
            options.count = 1;
            options.verbose = true;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            options.count = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--first") == 0) {
            options.first = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--expect") == 0) {
            options.expect = value;
        }
    }
    return run_seeds(&options);
}
