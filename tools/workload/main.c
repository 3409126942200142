/* main.c -- skiff-workload: the clients of the chaos bench, one verb each.
 *
 * Every verb works on any cluster that speaks Kafka's protocol, and writes what it did and
 * was told to a history (docs/chaos-history.md). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "say.h"
#include "verbs.h"

const struct flag no_flags[] = {{0, NULL, NULL, NULL}};

static const struct verb verbs[] = {
    {"write", "", 0, 0, VERB_REMOTE, false, write_flags,
     "Records at a constant rate, until SIGTERM; then the answers that are still to come.",
     "skiff-workload write -t skiff-chaos-a --run 1f --history w.history --rate 1000", run_write},
    {"read", "", 0, 0, VERB_REMOTE, false, read_flags,
     "Read all partitions from their starts and follow them, until SIGTERM.",
     "skiff-workload read -t skiff-chaos-a --run 1f --history r.history", run_read},
    {"final", "", 0, 0, VERB_REMOTE, false, read_flags,
     "Read all partitions from their starts to the ends that they have now. Exit 12 where an end\n"
     "is not reached in time.",
     "skiff-workload final -t skiff-chaos-a --run 1f --history f.history", run_final},
    {"probe", "", 0, 0, VERB_REMOTE, false, probe_flags,
     "One tiny record after the other, round the partitions, until SIGTERM.",
     "skiff-workload probe -t skiff-chaos-a --run 1f --history p.history --fresh\n"
     "skiff-workload probe -t skiff-chaos-a --run 1f --history m.history --metadata",
     run_probe},
    {"commit", "", 0, 0, VERB_REMOTE, false, commit_flags,
     "Groups that commit one offset after the other, and are asked for them, until SIGTERM; then\n"
     "they are asked once more, and deleted.",
     "skiff-workload commit -t skiff-chaos-a --run 1f --history c.history", run_commit},
    {"churn", "", 0, 0, VERB_REMOTE, false, churn_flags,
     "Members of a group that read a topic and commit what they have read, and that leave, die "
     "and\n"
     "are replaced, until SIGTERM; then they read and commit all that is there. The group is\n"
     "deleted.",
     "skiff-workload churn -t skiff-chaos-a --run 1f --history g.history", run_churn},
    {"topic create", "TOPIC", 1, 1, VERB_REMOTE, false, topic_create_flags, "Create a topic.",
     "skiff-workload topic create skiff-chaos-a -p 30 -r 3 -c min.insync.replicas=2",
     run_topic_create},
    {"topic delete", "TOPIC...", 1, CALL_ARGUMENTS_MAX, VERB_REMOTE, false, no_flags,
     "Delete topics; one that ends with * stands for all that begin so.",
     "skiff-workload topic delete 'skiff-chaos-a*'", run_topic_delete},
    {"view", "", 0, 0, VERB_REMOTE, false, view_flags,
     "Brokers, controller and a topic's leaders and in-sync replicas, as one line of JSON.",
     "skiff-workload view -t skiff-chaos-a", run_view},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static void print_help(void)
{
    printf("skiff-workload: the clients of the chaos bench\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  skiff-workload %-14s %-10s %.*s\n", verbs[i].name, verbs[i].arguments,
               (int)strcspn(verbs[i].summary, "\n"), verbs[i].summary);
    printf("\nskiff-workload VERB --help shows flags and examples.\n"
           "Exit codes: 0 ok, 1 failed, 2 usage, 3 no such topic, 4 denied, 5 timed out, 11 a\n"
           "promise was broken, 12 an end was not reached.\n");
}

/* The verb that the words begin with, and how many they are. */
static const struct verb *find_verb(int count, char **words, int *used)
{
    char two[64];
    snprintf(two, sizeof two, "%.30s %.30s", words[0], count > 1 ? words[1] : "");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        *used = strchr(verbs[i].name, ' ') ? 2 : 1;
        if (strcmp(verbs[i].name, *used == 2 ? two : words[0]) == 0)
            return &verbs[i];
    }
    return NULL;
}

int main(int count, char **words)
{
    struct call call = {.program = words[0], .started_us = now_us()};
    int used;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* A limit on a file's size is an error of its write. */
    if (count < 2 || strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
        print_help();
        return count < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    const struct verb *verb = find_verb(count - 1, words + 1, &used);
    if (!verb)
        return say_error(EXIT_USAGE, "there is no `%s` (see: skiff-workload --help)", words[1]);
    int code = call_parse(&call, verb, count - 1 - used, words + 1 + used);
    if (code)
        return code;
    if (call_wants_help(&call)) {
        call_help(verb);
        return EXIT_DONE;
    }
    return verb->run(&call);
}
