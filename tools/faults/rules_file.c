/* rules_file.c -- the page of faults as a file that everybody maps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules.h"

enum { PATH_SIZE_MAX = 4096 };

/* A new file is all zero, and two who make it at once make the same. */
static bool has_room(int fd, bool create)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return false;
    if (about.st_size >= FAULT_RULES_SIZE)
        return true;
    if (create)
        return ftruncate(fd, FAULT_RULES_SIZE) == 0;
    errno = EPROTO;
    return false;
}

struct fault_rules *fault_rules_open(const char *dir, bool create)
{
    char path[PATH_SIZE_MAX];
    int size = snprintf(path, sizeof path, "%s/rules", dir);
    if (size < 0 || size >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int fd = open(path, (create ? O_CREAT : 0) | O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0)
        return NULL;
    void *page = MAP_FAILED;
    if (has_room(fd, create))
        page = mmap(NULL, FAULT_RULES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int failed = errno;
    close(fd);
    errno = failed;
    if (page == MAP_FAILED)
        return NULL;
    struct fault_rules *rules = page;
    uint32_t version = 0;
    if (!atomic_compare_exchange_strong(&rules->version, &version, FAULT_RULES_VERSION) &&
        version != FAULT_RULES_VERSION) {
        fault_rules_close(rules);
        errno = EPROTO;
        return NULL;
    }
    return rules;
}

void fault_rules_close(struct fault_rules *rules)
{
    if (rules)
        munmap(rules, FAULT_RULES_SIZE);
}

void fault_rules_heal(struct fault_rules *rules)
{
    rules->sync_mode = FAULT_SYNC_WORKS;
    rules->sync_delay_us = 0;
    rules->sync_hang = 0;
    rules->write_delay_us = 0;
    rules->write_hang = 0;
    rules->write_short = 0;
    rules->disk_full = 0;
    rules->disk_free_bytes = 0;
    rules->disk_used_bytes = 0;
    rules->read_fail = 0;
    rules->clock_step_ms = 0;
    rules->clock_drift_ppm = 0;
    rules->clock_drift_from_ns = 0;
    rules->fd_limit = 0;
    rules->read_delay_us = 0;
}

bool fault_rules_are_whole(const struct fault_rules *rules)
{
    return !rules->sync_mode && !rules->sync_delay_us && !rules->sync_hang &&
           !rules->write_delay_us && !rules->write_hang && !rules->write_short &&
           !rules->disk_full && !rules->read_fail && !rules->clock_step_ms &&
           !rules->clock_drift_ppm && !rules->fd_limit && !rules->read_delay_us;
}
