/* sync.c -- fdatasync and syncfs, on libuv's thread pool.
 *
 * Up to three files are synced one by one; more by one syncfs() where its result can be
 * trusted (ext4, xfs, btrfs; Linux 5.17 or newer). The kernel reports a write-back error
 * once for each open descriptor, so every syncfs() under way has a descriptor of its own,
 * held since the start, and after one failure no syncfs() of this process succeeds again:
 * nobody knows which file lost its pages.
 *
 * Source  ARCHITECTURE.md, "The log"; syncfs(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "uv_shard.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

struct sync_target {
    file_id file;
    int fd;
    bool directory;
};

struct sync_job {
    uv_work_t work;
    struct uv_shard *owner;
    uint64_t ticket;
    int whole; /* Index in whole_fds; -1: file by file. */
    int whole_fd;
    enum err result;
    uint32_t count;
    struct sync_target targets[];
};

static bool kernel_reports_syncfs_errors(void)
{
    struct utsname system;
    unsigned major = 0;
    unsigned minor = 0;
    if (uname(&system) != 0 || sscanf(system.release, "%u.%u", &major, &minor) != 2)
        return false;
    return major > 5 || (major == 5 && minor >= 17);
}

static bool file_system_is_known(int fd)
{
    struct statfs about;
    if (fstatfs(fd, &about) != 0)
        return false;
    unsigned long type = (unsigned long)about.f_type;
    return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == BTRFS_SUPER_MAGIC;
}

void sync_init(struct uv_shard *owner)
{
    struct uv_disk *disk = &owner->disk;
    disk->can_sync_whole = kernel_reports_syncfs_errors() && file_system_is_known(disk->root_fd);
    for (int i = 0; i < SYNC_WHOLE_FDS; i++) {
        disk->whole_fds[i] = openat(disk->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (disk->whole_fds[i] < 0)
            disk->can_sync_whole = false;
    }
}

void sync_free(struct uv_shard *owner)
{
    for (int i = 0; i < SYNC_WHOLE_FDS; i++)
        if (owner->disk.whole_fds[i] >= 0)
            close(owner->disk.whole_fds[i]);
}

/* A descriptor for one syncfs(); -1: all are busy. */
static int take_whole(struct uv_disk *disk)
{
    for (int i = 0; i < SYNC_WHOLE_FDS; i++) {
        if (disk->whole_busy[i])
            continue;
        disk->whole_busy[i] = true;
        return i;
    }
    return -1;
}

/* On a thread of the pool. */
static void sync_now(uv_work_t *work)
{
    struct sync_job *job = work->data;
    if (job->whole >= 0) {
        if (syncfs(job->whole_fd) != 0)
            job->result = err_of_errno(errno);
        return;
    }
    for (uint32_t i = 0; i < job->count; i++) {
        const struct sync_target *target = &job->targets[i];
        int failed = target->directory ? fsync(target->fd) : fdatasync(target->fd);
        if (failed != 0)
            job->result = err_of_errno(errno);
    }
}

static void on_synced(uv_work_t *work, int status)
{
    struct sync_job *job = work->data;
    struct uv_shard *owner = job->owner;
    struct uv_disk *disk = &owner->disk;
    (void)status;

    for (uint32_t i = 0; i < job->count; i++)
        disk_unpin(owner, job->targets[i].file);
    if (job->whole >= 0) {
        disk->whole_busy[job->whole] = false;
        if (job->result != ERR_NONE && disk->whole_failed == ERR_NONE)
            disk->whole_failed = job->result;
        job->result = disk->whole_failed;
    }
    struct env_event event = {
        .kind = ENV_SYNCED, .conn = -1, .ticket = job->ticket, .result = job->result};
    mem_free(job);
    if (owner->shard != NULL)
        uv_shard_deliver(owner, &event);
}

void sync_start(struct env *env, const struct env_sync *request)
{
    struct uv_shard *owner = uv_shard_of(env);
    struct sync_job *job = mem_zalloc(sizeof *job + request->count * sizeof job->targets[0]);

    check(request->count <= ENV_SYNC_FILES_MAX);
    job->work.data = job;
    job->owner = owner;
    job->ticket = request->ticket;
    job->count = request->count;
    job->whole = -1;
    for (uint32_t i = 0; i < request->count; i++) {
        struct uv_file *file = disk_file(owner, request->files[i]);
        check(!file->closed);
        file->pins++;
        job->targets[i] = (struct sync_target){
            .file = request->files[i], .fd = file->fd, .directory = file->directory};
    }
    if (request->count > SYNC_SINGLE_FILES_MAX && owner->disk.can_sync_whole)
        job->whole = take_whole(&owner->disk);
    if (job->whole >= 0)
        job->whole_fd = owner->disk.whole_fds[job->whole];
    int failed = uv_queue_work(&owner->loop, &job->work, sync_now, on_synced);
    check(failed == 0); /* It fails only without a work function. */
}
