/* compact_speed.c -- how fast the cleaner is, and how much memory it takes, on real files.
 *
 *   log_compact_speed [-d DIRECTORY] [-s MIB] [-k KEYS] [-m MAP_BYTES] [-c CODEC] [-b RECORDS]
 *                     [-x TIMES]
 *
 *   -d  for the files (/tmp)              -s  of records (256)
 *   -k  that records have, at random (half as many as records: half of them are superseded)
 *   -m  log.cleaner.dedupe.buffer.size (134217728)
 *   -c  none, gzip, snappy, lz4 or zstd (each in turn)
 *   -b  records in a batch (64)           -x  by which a good codec shrinks them, about (2)
 *
 * A log of records of 1 KiB is compacted until nothing of it is dirty: bytes of log that a CPU
 * second compacts, the system's part included; the CPU time of the longest tick; by how much
 * resident memory grew at most, beside the buffers that were asked for. Syncs are done, and what
 * they cost on a given disk is not what this is about. A line of JSON each. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "log_cleaner.h"
#include "log_internal.h"

enum {
    RECORD_SIZE = 1024,
    BATCH_SIZE_MOST = 1 << 20,
    SEGMENT_SIZE = 4 << 20,
    TICKETS_MAX = 16,
    IO_SIZE = 32 << 10, /* A sixteenth of log.cleaner.io.buffer.size, as a node has it. */
};

static const char *const codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};

struct plan {
    const char *root;
    uint64_t size; /* Bytes of records. */
    uint32_t keys; /* 0: half as many as records. */
    uint64_t map_size;
    enum codec_type codec;
    uint32_t batch_records;
    uint32_t shrinks; /* Times. */
};

struct disk {
    struct env env;
    struct trace trace;
    int root;
    uint64_t tickets[TICKETS_MAX];
    uint32_t ticket_count;
};

static struct disk *of(struct env *env)
{
    return (struct disk *)(void *)((char *)env - offsetof(struct disk, env));
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static mono_ms disk_mono(struct env *env)
{
    (void)env;
    return (mono_ms)(seconds(CLOCK_MONOTONIC) * 1000);
}

static int64_t disk_mono_us(struct env *env)
{
    (void)env;
    return (int64_t)(seconds(CLOCK_MONOTONIC) * 1e6);
}

static uint64_t disk_random(struct env *env)
{
    (void)env;
    return 42;
}

static enum err result_of(int result)
{
    if (result >= 0)
        return ERR_NONE;
    return errno == ENOENT ? ERR_NOT_FOUND : errno == EEXIST ? ERR_EXISTS : ERR_IO;
}

static enum err disk_open(struct env *env, const char *path, enum env_open_mode mode, file_id *out)
{
    static const int flags[] = {[ENV_OPEN_READ] = O_RDONLY,
                                [ENV_OPEN_WRITE] = O_RDWR,
                                [ENV_OPEN_CREATE] = O_RDWR | O_CREAT,
                                [ENV_OPEN_DIRECTORY] = O_RDONLY | O_DIRECTORY};
    int file = openat(of(env)->root, path, flags[mode], 0644);
    if (file < 0)
        return result_of(file);
    *out = file;
    return ERR_NONE;
}

static void disk_close(struct env *env, file_id file)
{
    (void)env;
    close(file);
}

static int64_t disk_size(struct env *env, file_id file)
{
    struct stat stat;
    (void)env;
    return fstat(file, &stat) == 0 ? stat.st_size : ERR_IO;
}

static int64_t disk_read(struct env *env, file_id file, uint64_t position, void *into,
                         uint32_t size)
{
    (void)env;
    ssize_t got = pread(file, into, size, (off_t)position);
    return got < 0 ? ERR_IO : got;
}

static int64_t disk_write(struct env *env, file_id file, uint64_t position,
                          const struct bytes *parts, uint32_t count)
{
    struct iovec vectors[LOG_WRITE_PARTS_MAX];
    (void)env;
    for (uint32_t i = 0; i < count; i++)
        vectors[i] =
            (struct iovec){.iov_base = (void *)(uintptr_t)parts[i].data, .iov_len = parts[i].size};
    ssize_t moved = pwritev(file, vectors, (int)count, (off_t)position);
    return moved < 0 ? ERR_IO : moved;
}

static enum err disk_truncate(struct env *env, file_id file, uint64_t size)
{
    (void)env;
    return result_of(ftruncate(file, (off_t)size));
}

static enum err disk_reserve(struct env *env, file_id file, uint64_t position, uint64_t size)
{
    (void)env, (void)file, (void)position, (void)size;
    return ERR_NONE;
}

static enum err disk_mkdir(struct env *env, const char *path)
{
    return result_of(mkdirat(of(env)->root, path, 0755));
}

static enum err disk_rename(struct env *env, const char *from, const char *to)
{
    return result_of(renameat(of(env)->root, from, of(env)->root, to));
}

static enum err disk_unlink(struct env *env, const char *path)
{
    return result_of(unlinkat(of(env)->root, path, 0));
}

static enum err disk_list(struct env *env, const char *path, struct arena *arena,
                          const char ***names, uint32_t *count)
{
    (void)env, (void)path, (void)arena, (void)names, (void)count;
    return ERR_NOT_FOUND; /* The log is new. */
}

static void disk_sync(struct env *env, const struct env_sync *request)
{
    struct disk *disk = of(env);
    for (uint32_t i = 0; i < request->count; i++)
        fdatasync(request->files[i]);
    disk->tickets[disk->ticket_count++ % TICKETS_MAX] = request->ticket;
}

static uint64_t disk_load(struct env *env, file_id file, uint64_t position, uint32_t size)
{
    (void)env, (void)file, (void)position, (void)size;
    return 0;
}

static const struct env_ops disk_ops = {
    .mono = disk_mono,
    .mono_us = disk_mono_us,
    .wall = disk_mono,
    .random = disk_random,
    .open = disk_open,
    .close = disk_close,
    .size = disk_size,
    .read = disk_read,
    .load = disk_load,
    .write = disk_write,
    .truncate = disk_truncate,
    .reserve = disk_reserve,
    .mkdir = disk_mkdir,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .list = disk_list,
    .sync = disk_sync,
};

struct bench {
    struct disk disk;
    struct sync *sync;
    struct log *log;
    struct cleaner *cleaner;
    struct codec_reader *reader;
    struct codec_writer *writer;
    uint32_t batch_size; /* Of the last one. */
};

static void end_syncs(struct bench *bench)
{
    mono_ms now = env_mono(&bench->disk.env);
    sync_hurry(bench->sync);
    sync_flush(bench->sync, now);
    while (bench->disk.ticket_count > 0) {
        uint64_t ticket = bench->disk.tickets[--bench->disk.ticket_count % TICKETS_MAX];
        if (!sync_on_synced(bench->sync, ticket, ERR_NONE, now))
            (void)cleaner_on_synced(bench->cleaner, ticket, ERR_NONE);
        sync_flush(bench->sync, now);
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return *state;
}

/* Numbers that no codec can shrink well, up to a place; behind it the same in all records. */
static uint32_t write_value(char *value, uint64_t *state, uint32_t shrinks)
{
    uint32_t size = 0, fresh = 2 * RECORD_SIZE / shrinks;

    while (size < RECORD_SIZE - 80) {
        uint64_t number = size < fresh ? next_random(state) : 7;
        size += (uint32_t)snprintf(value + size, RECORD_SIZE - size,
                                   "{\"order\":%llu,\"state\":\"%s\"},", (unsigned long long)number,
                                   number >> 63 ? "shipped" : "paid");
    }
    return size;
}

/* Keys in pseudo-random order. */
static struct buf *make_batch(const struct plan *plan, uint64_t *state, uint32_t keys)
{
    uint32_t count = plan->batch_records;
    struct batch_record *records = mem_zalloc(count * sizeof *records);
    char *values = mem_alloc((size_t)count * RECORD_SIZE);
    char(*names)[24] = mem_alloc(count * sizeof *names);
    struct batch_spec spec = batch_spec(0, -1, 1000);

    for (uint32_t i = 0; i < count; i++) {
        char *value = values + (size_t)i * RECORD_SIZE;
        int name = snprintf(names[i], sizeof names[i], "key-%u",
                            (uint32_t)(next_random(state) >> 33) % keys);
        uint32_t size = write_value(value, state, plan->shrinks);
        records[i] = (struct batch_record){
            .key = {.data = (const uint8_t *)names[i], .size = (uint32_t)name},
            .value = {.data = (const uint8_t *)value, .size = size}};
    }
    struct buf *buf = batch_build(&spec, records, count);
    mem_free(records);
    mem_free(values);
    mem_free(names);
    return buf;
}

static void append_batch(struct bench *bench, const struct plan *plan, struct buf *buf)
{
    struct batch_limits limits = {
        .size_max = BATCH_SIZE_MAX, .zstd_allowed = true, .now = -1, .reader = bench->reader};
    struct batch_form form = {.append_time = -1, .codec = plan->codec, .writer = bench->writer};
    struct slice slice = {.buf = buf, .bytes = {.data = buf->data, .size = buf->size}};
    struct log_appended appended;
    struct batch_refusal refusal;
    struct batch_info info;

    for (int i = CODEC_NONE; i <= CODEC_ZSTD; i++)
        form.levels[i] = codec_level_default((enum codec_type)i);
    enum err err = batch_admit(&slice, &limits, &form, &info, &refusal);
    check(err == ERR_NONE);
    check(info.size <= BATCH_SIZE_MOST);
    bench->batch_size = info.size;
    err = log_append(bench->log, &slice, &info, 1, &appended);
    check(err == ERR_NONE);
    buf_unref(slice.buf);
}

static void fill(struct bench *bench, const struct plan *plan)
{
    uint64_t state = 1, plain = 0, unsynced = 0;
    uint32_t keys = plan->keys ? plan->keys : (uint32_t)(plan->size / RECORD_SIZE / 2);

    while (plain < plan->size) {
        append_batch(bench, plan, make_batch(plan, &state, keys));
        plain += (uint64_t)plan->batch_records * RECORD_SIZE;
        unsynced += plan->batch_records * RECORD_SIZE;
        if (unsynced >= 4 << 20) {
            end_syncs(bench);
            unsynced = 0;
        }
    }
    end_syncs(bench);
    (void)log_commit(bench->log, log_ends(bench->log)->durable);
}

static void open_bench(struct bench *bench, const char *root, uint64_t map_size)
{
    static const struct sync_config sync = {.path = "marks", .tag = 1};
    struct log_config log = {.segment_size = SEGMENT_SIZE,
                             .compaction = {.is_on = true, .lag_max_ms = INT64_MAX}};

    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        log.compaction.levels[codec] = codec_level_default((enum codec_type)codec);
    *bench = (struct bench){.reader = codec_reader_open(), .writer = codec_writer_open()};
    bench->disk.root = open(root, O_RDONLY | O_DIRECTORY);
    bench->disk.trace = (struct trace){.level = TRACE_ERROR};
    bench->disk.env = (struct env){.ops = &disk_ops, .trace = &bench->disk.trace};
    struct cleaner_config cleaner = {.tag = 2,
                                     .map_size = map_size,
                                     .map_load_percent = 90,
                                     .io_size = IO_SIZE,
                                     .rate_max = INT64_MAX,
                                     .backoff_ms = 1000};
    enum err err = sync_open(&bench->sync, &bench->disk.env, &sync);
    check(err == ERR_NONE);
    bench->log = log_open("t-0", &log, &bench->disk.env, bench->sync);
    bench->cleaner = cleaner_open(&bench->disk.env, &cleaner);
    cleaner_add(bench->cleaner, bench->log);
}

static void close_bench(struct bench *bench)
{
    cleaner_remove(bench->cleaner, bench->log);
    cleaner_close(bench->cleaner);
    log_close(bench->log);
    sync_close(bench->sync);
    codec_reader_close(bench->reader);
    codec_writer_close(bench->writer);
    close(bench->disk.root);
}

/* Bytes, of a line of /proc/self/status. */
static uint64_t memory(const char *name)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    check(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
    fclose(status);
    return kib * 1024;
}

/* What is resident now is the most that ever was. */
static uint64_t reset_memory(void)
{
    malloc_trim(0);
    int file = open("/proc/self/clear_refs", O_WRONLY);
    check(file >= 0);
    ssize_t moved = write(file, "5", 1);
    check(moved == 1);
    close(file);
    return memory("VmHWM");
}

/* Nothing is dirty any more, and the cleaner waits before it looks again. */
static bool is_clean(const struct bench *bench, const struct cleaner_stats *stats, mono_ms now)
{
    mono_ms due = cleaner_deadline(bench->cleaner);
    return stats->runs > 0 && !stats->is_running && due != MONO_NEVER && due > now;
}

static void measure(const struct plan *plan, const char *root)
{
    struct bench bench;
    struct cleaner_stats stats;
    double longest = 0;
    uint64_t map_size = 0;
    mono_ms now;

    open_bench(&bench, root, plan->map_size);
    fill(&bench, plan);
    check(bench.log->segment_count > 1); /* Or there is nothing to compact. */
    uint64_t before = log_size(bench.log), resident = reset_memory();
    double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    do {
        double tick = seconds(CLOCK_PROCESS_CPUTIME_ID);
        now = env_mono(&bench.disk.env);
        cleaner_tick(bench.cleaner, now, 1000);
        tick = seconds(CLOCK_PROCESS_CPUTIME_ID) - tick;
        longest = tick > longest ? tick : longest;
        end_syncs(&bench);
        cleaner_read_stats(bench.cleaner, 0, &stats);
        map_size = stats.map_size > map_size ? stats.map_size : map_size;
    } while (!is_clean(&bench, &stats, now));
    double took = seconds(CLOCK_PROCESS_CPUTIME_ID) - began;
    check(stats.uncleanable == 0);
    printf("{\"codec\": \"%s\", \"batch_bytes\": %u, \"log_bytes\": %llu, \"left_bytes\": %llu, "
           "\"compactions\": %llu, "
           "\"cpu_s\": %.3f, \"mb_per_cpu_s\": %.1f, \"longest_tick_ms\": %.2f, "
           "\"map_bytes\": %llu, \"buffer_bytes\": %llu, \"resident_growth_bytes\": %llu}\n",
           codec_names[plan->codec], bench.batch_size, (unsigned long long)before,
           (unsigned long long)log_size(bench.log), (unsigned long long)stats.runs, took,
           (double)before / 1e6 / took, longest * 1000, (unsigned long long)map_size,
           (unsigned long long)(plan->map_size + 8 * IO_SIZE),
           (unsigned long long)(memory("VmHWM") - resident));
    fflush(stdout);
    close_bench(&bench);
}

/* In a directory of its own, which goes with it. */
static int measure_in(const struct plan *plan)
{
    char root[256], command[300];
    snprintf(root, sizeof root, "%s/compact-speed-XXXXXX", plan->root);
    if (!mkdtemp(root)) {
        perror(root);
        return 1;
    }
    measure(plan, root);
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command) == 0 ? 0 : 1;
}

static int codec_of(const char *name)
{
    for (int i = CODEC_NONE; i <= CODEC_ZSTD; i++)
        if (strcmp(codec_names[i], name) == 0)
            return i;
    return -1;
}

static bool take_flag(struct plan *plan, int *codec, int letter)
{
    uint64_t number = letter == 'd' || letter == 'c' ? 1 : strtoull(optarg, NULL, 10);
    if (letter == 'd')
        plan->root = optarg;
    else if (letter == 's')
        plan->size = number << 20;
    else if (letter == 'k')
        plan->keys = (uint32_t)number;
    else if (letter == 'm')
        plan->map_size = number;
    else if (letter == 'c')
        *codec = codec_of(optarg);
    else if (letter == 'b')
        plan->batch_records = (uint32_t)number;
    else if (letter == 'x')
        plan->shrinks = (uint32_t)number;
    return number > 0 && (letter != 'c' || *codec >= 0);
}

int main(int count, char **words)
{
    struct plan plan = {.root = "/tmp",
                        .size = 256 << 20,
                        .map_size = 128 << 20,
                        .batch_records = 64,
                        .shrinks = 2};
    int letter, wanted = -1;

    while ((letter = getopt(count, words, "d:s:k:m:c:b:x:")) != -1) {
        if (letter == '?' || !take_flag(&plan, &wanted, letter)) {
            fprintf(stderr, "compact_speed [-d DIRECTORY] [-s MIB] [-k KEYS] [-m MAP_BYTES] "
                            "[-c CODEC] [-b RECORDS] [-x TIMES]\n");
            return 2;
        }
    }
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        plan.codec = (enum codec_type)codec;
        if ((wanted < 0 || wanted == codec) && measure_in(&plan) != 0)
            return 1;
    }
    return 0;
}
