/* descriptors.c -- who may have the last ones.
 *
 * A topic of very many segments, or a crowd of clients, can use up what the process may open. The
 * quorum must outlive that: without its log a node ends, and the next start finds the same. So
 * the last few are left to the metadata log, to what lies beside it in the data directory, and
 * to other nodes; files of partitions and clients' connections are refused before.
 *
 * Source  getrlimit(2): a new descriptor is the lowest that is free. */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "uv_shard.h"

enum { KEPT_MAX = 64, KEPT_SHARE = 8 };

/* As many as the system allows without asking: sockets and segments. */
void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

uint64_t descriptors_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : UINT64_MAX;
}

bool descriptor_is_kept(int fd)
{
    uint64_t limit = descriptors_limit(), kept = limit / KEPT_SHARE;
    return (uint64_t)fd >= limit - (kept < KEPT_MAX ? kept : KEPT_MAX);
}

bool descriptor_is_for_partition(const char *path)
{
    static const char quorum[] = "__cluster_metadata-0/";
    return strchr(path, '/') != NULL && strncmp(path, quorum, sizeof quorum - 1) != 0;
}
