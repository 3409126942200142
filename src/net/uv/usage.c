/* usage.c -- what the process takes of its machine, as the kernel counts it.
 *
 * Source  proc(5): the second number of statm is resident pages. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "uv_shard.h"

static uint64_t resident_size(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    char *rest = NULL;
    (void)strtoull(text, &rest, 10);
    return strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000U + (uint64_t)time.tv_usec;
}

void usage_read(struct env *env, struct env_usage *out)
{
    struct rusage usage;
    struct statvfs volume;
    *out =
        (struct env_usage){.resident_size = resident_size(), .volume_size = -1, .volume_free = -1};
    if (fstatvfs(uv_shard_of(env)->disk.root_fd, &volume) == 0) {
        out->volume_size = (int64_t)(volume.f_blocks * volume.f_frsize);
        out->volume_free = (int64_t)(volume.f_bavail * volume.f_frsize);
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}
