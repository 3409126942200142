/* main.c -- skiff-sim: one seed, or many, each in a process of its own.
 *
 *   skiff-sim --seed S [--verbose] [--shards N] [--nodes N] [--calm] [--secret N]
 *   skiff-sim --seeds N [--first F] [--jobs J] [--repeat K] [--show] [--file tests/sim/seeds.txt]
 *
 * Exit codes: 0 all well, 11 a checker found a violation, 2 usage, 1 anything else: a
 * core that aborted or hung, a seed with two hashes, a mark that many seeds never saw. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

enum {
    JOBS_MAX = 64,
    SECONDS_MAX = 300, /* Of one seed, on the wall. */
    MARKS_SEEDS = 300, /* From so many seeds on every needed mark must be seen. */
    CORPUS_MAX = 4096,
    SECRET_AGAIN = 1, /* What maps are hashed with in the second run of a seed. */
};

/* Without these, and worlds of one shard and of four, a set of seeds proves little. */
static const enum world_mark needed[] = {
    MARK_truncation,
    MARK_torn_tail_cut,
    MARK_rot_found,
    MARK_elr_election,
    MARK_preferred_election,
    MARK_topic_grown,
    MARK_isr_below_min,
    MARK_cold_read,
    MARK_alter_partition_lost,
    MARK_stale_epoch_fetch_refused,
    MARK_kill_during_recovery,
    MARK_wiped_disk_back,
    MARK_segment_unlinked,
    MARK_begun_anew,
    MARK_coordinator_failover,
    MARK_coordinator_loads,
    MARK_commit_fenced,
    MARK_member_expired,
    MARK_offset_expired,
    MARK_group_deleted,
    MARK_group_upgraded,
    MARK_group_downgraded,
    MARK_partition_given_up,
    MARK_consumer_fenced,
    MARK_instance_came_back,
    MARK_late_commit_taken,
    MARK_segments_compacted,
    MARK_swap_resumed,
    MARK_tombstone_gone,
};

struct job {
    pid_t pid;
    uint64_t seed;
    int results;
    FILE *output;
    bool repeat;       /* The second run of this seed, with another secret. */
    uint64_t expected; /* Hash of the first. */
};

struct runner {
    struct world_options options;
    uint64_t first, count, next;
    uint64_t *corpus; /* Seeds that failed once; run first. */
    uint64_t corpus_count;
    uint32_t jobs_max, repeat_every;
    bool show; /* Print all that failing seeds say. */
    struct job jobs[JOBS_MAX];
    uint32_t job_count;
    uint64_t done, failed, events, acks, reads, commits, violations;
    uint64_t marks[WORLD_MARKS];
    uint64_t shards[SIM_SHARDS_MAX + 1]; /* Seeds with so many. */
    uint64_t repeated;                   /* Seeds whose second run gave the same hash. */
    struct job again[JOBS_MAX];          /* To be run a second time. */
    uint32_t again_count;
};

static uint64_t seed_at(const struct runner *runner, uint64_t index)
{
    if (index < runner->corpus_count)
        return runner->corpus[index];
    return runner->first + index - runner->corpus_count;
}

/* Nothing that anybody sees may depend on it. */
static void set_secret(uint64_t number)
{
    hash_set_secret((uint64_t[2]){number, ~number});
}

static void start_job(struct runner *runner, struct job job)
{
    int ends[2];
    if (pipe(ends) != 0) {
        perror("pipe");
        exit(1);
    }
    job.output = tmpfile();
    fflush(NULL);
    job.pid = fork();
    if (job.pid == 0) {
        struct world_result result;
        struct world_options options = runner->options;
        options.seed = job.seed;
        close(ends[0]);
        dup2(fileno(job.output), STDOUT_FILENO);
        dup2(fileno(job.output), STDERR_FILENO);
        alarm(SECONDS_MAX);
        if (job.repeat)
            set_secret(SECRET_AGAIN);
        world_run(&options, &result);
        fflush(stdout);
        ssize_t written = write(ends[1], &result, sizeof result);
        _Exit(written == (ssize_t)sizeof result ? 0 : 1);
    }
    close(ends[1]);
    job.results = ends[0];
    runner->jobs[runner->job_count++] = job;
}

/* The whole of it, or the one line that says why. */
static void show_output(FILE *output, bool whole)
{
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof line, output))
        if (whole || strncmp(line, "VIOLATION", 9) == 0 || strstr(line, "check failed"))
            fputs(line, stdout);
}

static void take_failure(struct runner *runner, struct job *job, int status)
{
    runner->failed++;
    bool violation = WIFEXITED(status) && WEXITSTATUS(status) == WORLD_EXIT_VIOLATION;
    runner->violations += violation;
    if (WIFSIGNALED(status))
        printf("FAILED seed %llu: %s: ", (unsigned long long)job->seed,
               WTERMSIG(status) == SIGALRM ? "hangs" : "aborted");
    else
        printf("FAILED seed %llu: exit %d: ", (unsigned long long)job->seed, WEXITSTATUS(status));
    show_output(job->output, runner->show);
}

static void take_success(struct runner *runner, struct job *job)
{
    struct world_result result;
    if (read(job->results, &result, sizeof result) != (ssize_t)sizeof result) {
        take_failure(runner, job, 1 << 8);
        return;
    }
    if (job->repeat) {
        if (result.hash != job->expected) {
            printf("FAILED seed %llu: hash %016llx, and %016llx the second time\n",
                   (unsigned long long)job->seed, (unsigned long long)job->expected,
                   (unsigned long long)result.hash);
            runner->failed++;
        } else {
            runner->repeated++;
        }
        return;
    }
    runner->events += result.events;
    runner->acks += result.acks;
    runner->reads += result.reads;
    runner->commits += result.commits;
    runner->shards[result.shards]++;
    for (int mark = 0; mark < WORLD_MARKS; mark++)
        runner->marks[mark] += result.marks[mark];
    if (runner->repeat_every > 0 && runner->done % runner->repeat_every == 0)
        runner->again[runner->again_count++] =
            (struct job){.seed = job->seed, .repeat = true, .expected = result.hash};
}

static void reap(struct runner *runner)
{
    int status;
    pid_t pid = wait(&status);
    for (uint32_t i = 0; i < runner->job_count; i++) {
        struct job job = runner->jobs[i];
        if (job.pid != pid)
            continue;
        runner->jobs[i] = runner->jobs[--runner->job_count];
        if (!job.repeat)
            runner->done++;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            take_success(runner, &job);
        else
            take_failure(runner, &job, status);
        close(job.results);
        fclose(job.output);
        return;
    }
}

static bool all_is_seen(const struct runner *runner)
{
    bool all = true;
    printf("marks:");
    for (int mark = 0; mark < WORLD_MARKS; mark++)
        printf(" %s=%llu", world_mark_name((enum world_mark)mark),
               (unsigned long long)runner->marks[mark]);
    printf("\n");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (runner->count >= MARKS_SEEDS && runner->marks[needed[i]] == 0) {
            printf("FAILED: %llu seeds never saw %s\n", (unsigned long long)runner->count,
                   world_mark_name(needed[i]));
            all = false;
        }
    printf("seeds with one shard: %llu, with four: %llu; run twice with the same hash: %llu\n",
           (unsigned long long)runner->shards[1], (unsigned long long)runner->shards[4],
           (unsigned long long)runner->repeated);
    if (runner->count >= MARKS_SEEDS && runner->options.shards == 0 &&
        (runner->shards[1] == 0 || runner->shards[4] == 0)) {
        printf("FAILED: one shard or four were never drawn\n");
        all = false;
    }
    return all;
}

static int run_many(struct runner *runner)
{
    uint64_t total = runner->count + runner->corpus_count, told = 0;
    while (runner->done < total || runner->job_count > 0 || runner->again_count > 0) {
        while (runner->job_count < runner->jobs_max && runner->again_count > 0)
            start_job(runner, runner->again[--runner->again_count]);
        while (runner->job_count < runner->jobs_max && runner->next < total)
            start_job(runner, (struct job){.seed = seed_at(runner, runner->next++)});
        if (runner->job_count > 0)
            reap(runner);
        if (runner->done * 10 / total != told) {
            told = runner->done * 10 / total;
            printf("%llu of %llu seeds, %llu failed, %llu events\n",
                   (unsigned long long)runner->done, (unsigned long long)total,
                   (unsigned long long)runner->failed, (unsigned long long)runner->events);
            fflush(stdout);
        }
    }
    bool seen = all_is_seen(runner);
    printf("%llu seeds, %llu failed, %llu events, %llu acknowledgements, %llu records read, "
           "%llu offsets committed\n",
           (unsigned long long)total, (unsigned long long)runner->failed,
           (unsigned long long)runner->events, (unsigned long long)runner->acks,
           (unsigned long long)runner->reads, (unsigned long long)runner->commits);
    if (runner->failed > 0)
        return runner->violations > 0 ? WORLD_EXIT_VIOLATION : 1;
    return seen ? 0 : 1;
}

static int run_one(const struct world_options *options)
{
    struct world_result result;
    world_run(options, &result);
    printf("seed %llu: %llu events, %.3f virtual s, %llu acknowledgements, %llu records read, "
           "%llu offsets committed\n",
           (unsigned long long)options->seed, (unsigned long long)result.events,
           (double)result.virtual_time / SIM_SECOND, (unsigned long long)result.acks,
           (unsigned long long)result.reads, (unsigned long long)result.commits);
    printf("hash: %016llx\n", (unsigned long long)result.hash);
    return 0;
}

/* Lines of "seed  # cause"; others are skipped. */
static void read_corpus(struct runner *runner, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "skiff-sim: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    runner->corpus = mem_zalloc(CORPUS_MAX * sizeof *runner->corpus);
    while (runner->corpus_count < CORPUS_MAX && fgets(line, sizeof line, file)) {
        char *end;
        unsigned long long seed = strtoull(line, &end, 0);
        if (end != line)
            runner->corpus[runner->corpus_count++] = seed;
    }
    fclose(file);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: skiff-sim --seed S [--verbose] [--shards 1|4] [--nodes N] [--calm]\n"
            "                 [--secret N]\n"
            "       skiff-sim --seeds N [--first F] [--jobs J] [--repeat K] [--show] [--file F]\n");
    return 2;
}

/* Digits to the last character, as C writes them: a seed that was mistyped is not seed 0. */
static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

/* One flag with a value. False: no such flag, or not within its limits. */
static bool take_value(struct runner *runner, const char *key, const char *value, bool *one)
{
    uint64_t number;
    if (strcmp(key, "--file") == 0) {
        read_corpus(runner, value);
        return true;
    }
    if (!parse_number(value, &number))
        return false;
    if (strcmp(key, "--seed") == 0) {
        *one = true;
        runner->options.seed = number;
    } else if (strcmp(key, "--seeds") == 0) {
        runner->count = number;
    } else if (strcmp(key, "--first") == 0) {
        runner->first = number;
    } else if (strcmp(key, "--jobs") == 0 && number > 0 && number <= JOBS_MAX) {
        runner->jobs_max = (uint32_t)number;
    } else if (strcmp(key, "--repeat") == 0) {
        runner->repeat_every = (uint32_t)number;
    } else if (strcmp(key, "--secret") == 0) {
        set_secret(number);
    } else if (strcmp(key, "--shards") == 0 && number >= 1 && number <= SIM_SHARDS_MAX) {
        runner->options.shards = (uint32_t)number;
    } else if (strcmp(key, "--nodes") == 0 && number >= 1 && number <= SIM_NODES_MAX) {
        runner->options.nodes = (uint32_t)number;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct runner runner = {.jobs_max = 2, .repeat_every = 20, .first = 1};
    bool one = false;
    for (int i = 1; i < argc; i++) {
        const char *key = argv[i];
        if (strcmp(key, "--verbose") == 0)
            runner.options.verbose = true;
        else if (strcmp(key, "--calm") == 0)
            runner.options.calm = true;
        else if (strcmp(key, "--show") == 0)
            runner.show = true;
        else if (i + 1 == argc || !take_value(&runner, key, argv[++i], &one))
            return usage();
    }
    bool many = runner.count > 0 || runner.corpus_count > 0;
    if (one == many)
        return usage();
    return one ? run_one(&runner.options) : run_many(&runner);
}
