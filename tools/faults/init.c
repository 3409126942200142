/* init.c -- what the environment says, once, before main().
 *
 * Other libraries' constructors may call us before: then every rule is zero and no file is ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define JOURNAL_SIZE_MAX (UINT64_C(4) << 30)

static struct fault_rules healthy;
struct faults faults = {.rules = &healthy};

/* The data directory as the kernel names it. It need not exist yet, its parent has to. */
static void resolve_data_dir(const char *given)
{
    char parent[PATH_MAX];
    char resolved[PATH_MAX];
    size_t size = strlen(given);
    while (size > 1 && given[size - 1] == '/')
        size--;
    if (size == 0 || size >= sizeof parent)
        return;
    memcpy(parent, given, size);
    parent[size] = 0;
    if (realpath(parent, resolved)) {
        faults.data_dir_size = strlen(resolved);
        memcpy(faults.data_dir, resolved, faults.data_dir_size + 1);
        return;
    }
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : given;
    char base[NAME_MAX + 1];
    snprintf(base, sizeof base, "%s", slash ? name : parent);
    if (slash)
        *slash = 0;
    if (!realpath(!slash ? "." : parent[0] ? parent : "/", resolved))
        return;
    int full = snprintf(faults.data_dir, sizeof faults.data_dir, "%s/%s", resolved, base);
    faults.data_dir_size = full > 0 && full < PATH_MAX ? (size_t)full : 0;
}

/* The first process of those that live; its children run under the same rules. */
static void tell_pid(struct fault_rules *rules)
{
    uint64_t told = rules->pid;
    if (told == 0 || (kill((pid_t)told, 0) != 0 && errno == ESRCH))
        rules->pid = (uint64_t)getpid();
}

__attribute__((constructor)) static void start(void)
{
    const char *chaos_dir = getenv("SKIFF_FAULTS_DIR");
    const char *data_dir = getenv("SKIFF_FAULTS_DATA");
    const char *source = getenv("SKIFF_FAULTS_SOURCE");
    const char *size_max = getenv("SKIFF_FAULTS_JOURNAL_MAX");
    if (!chaos_dir)
        return;
    struct fault_rules *rules = fault_rules_open(chaos_dir, true);
    if (!rules) {
        fprintf(stderr, "libskiff-faults: %s/rules: %m\n", chaos_dir);
        return;
    }
    if (source && inet_pton(AF_INET, source, &faults.source) != 1)
        fprintf(stderr, "libskiff-faults: SKIFF_FAULTS_SOURCE=%s is no IPv4 address\n", source);
    char resolved[PATH_MAX];
    if (realpath(chaos_dir, resolved))
        memcpy(faults.chaos_dir, resolved, strlen(resolved) + 1);
    if (data_dir)
        resolve_data_dir(data_dir);
    faults.journal_size_max = size_max ? strtoull(size_max, NULL, 10) : JOURNAL_SIZE_MAX;
    faults.rules = rules;
    tell_pid(rules);
}
