/* random_child.c -- four threads that change files at random until they are killed.
 *
 *     faults-random LOG LIFE SEED
 *
 * Each thread works in its folder, t<number>, of the working directory. */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rand.h"
#include "random_log.h"

struct worker {
    uint32_t number;
    struct rand rand;
    int dir;
    uint32_t files[RANDOM_NAMES]; /* 0: there is no such name. */
    int fds[RANDOM_NAMES];
    uint32_t sizes[RANDOM_NAMES];
};

static struct random_log *book;

static uint32_t below(struct worker *worker, uint32_t limit)
{
    return (uint32_t)rand_below(&worker->rand, limit);
}

static void named(char text[8], uint32_t name)
{
    snprintf(text, 8, "n%u", name);
}

static void must(bool works, const char *what)
{
    if (!works) {
        perror(what);
        _exit(1);
    }
}

static void write_file(struct worker *worker, const struct random_entry *entry, uint32_t number)
{
    uint8_t bytes[RANDOM_SIZE_MAX];
    for (uint32_t i = 0; i < entry->size; i++)
        bytes[i] = random_byte(worker->number, number, entry->offset + i);
    ssize_t done = pwrite(worker->fds[entry->name], bytes, entry->size, (off_t)entry->offset);
    must(done == (ssize_t)entry->size, "pwrite");
    if (entry->offset + entry->size > worker->sizes[entry->name])
        worker->sizes[entry->name] = entry->offset + entry->size;
}

static void rename_file(struct worker *worker, const struct random_entry *entry)
{
    char from[8];
    char to[8];
    named(from, entry->name);
    named(to, entry->to);
    must(renameat(worker->dir, from, worker->dir, to) == 0, "renameat");
    if (worker->files[entry->to])
        close(worker->fds[entry->to]);
    worker->files[entry->to] = worker->files[entry->name];
    worker->fds[entry->to] = worker->fds[entry->name];
    worker->sizes[entry->to] = worker->sizes[entry->name];
    worker->files[entry->name] = 0;
}

static void perform(struct worker *worker, const struct random_entry *entry, uint32_t number)
{
    char name[8];
    int *fd = &worker->fds[entry->name];
    named(name, entry->name);
    switch (entry->call) {
    case CALL_CREATE:
        *fd = openat(worker->dir, name, O_CREAT | O_EXCL | O_RDWR, 0644);
        must(*fd >= 0, "openat");
        worker->files[entry->name] = entry->file;
        worker->sizes[entry->name] = 0;
        break;
    case CALL_WRITE:
        write_file(worker, entry, number);
        break;
    case CALL_TRUNCATE:
        must(ftruncate(*fd, (off_t)entry->size) == 0, "ftruncate");
        worker->sizes[entry->name] = entry->size;
        break;
    case CALL_SYNC:
        must(fdatasync(*fd) == 0, "fdatasync");
        break;
    case CALL_RENAME:
        rename_file(worker, entry);
        break;
    case CALL_UNLINK:
        must(unlinkat(worker->dir, name, 0) == 0, "unlinkat");
        close(*fd);
        worker->files[entry->name] = 0;
        break;
    case CALL_SYNC_DIR:
        must(fsync(worker->dir) == 0, "fsync");
        break;
    case CALL_SYNC_ALL:
        must(syncfs(worker->dir) == 0, "syncfs");
        break;
    }
}

static enum random_call choose(struct worker *worker, uint32_t name)
{
    uint32_t draw = below(worker, 100);
    if (draw < 4)
        return CALL_SYNC_ALL;
    if (draw < 12)
        return CALL_SYNC_DIR;
    if (!worker->files[name])
        return CALL_CREATE;
    if (draw < 22)
        return CALL_RENAME;
    if (draw < 27)
        return CALL_UNLINK;
    if (draw < 37)
        return CALL_TRUNCATE;
    return draw < 50 ? CALL_SYNC : CALL_WRITE;
}

static void step(struct worker *worker, uint32_t number)
{
    struct random_thread *thread = &book->threads[worker->number];
    struct random_entry *entry = &thread->entries[number];
    uint32_t name = below(worker, RANDOM_NAMES);
    uint32_t size = worker->sizes[name];
    entry->call = choose(worker, name);
    entry->name = name;
    entry->file = entry->call == CALL_CREATE ? number + 1 : worker->files[name];
    entry->to = (name + 1 + below(worker, RANDOM_NAMES - 1)) % RANDOM_NAMES;
    entry->offset = entry->call == CALL_WRITE ? below(worker, size < 6000 ? size + 500 : 6000) : 0;
    entry->size = entry->call == CALL_WRITE ? 1 + below(worker, 1600)
                                            : below(worker, size + 600 < 8000 ? size + 600 : 8000);
    entry->begin = ++book->clock;
    thread->count = number + 1;
    perform(worker, entry, number);
    entry->end = ++book->clock;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (uint32_t number = 0; number < RANDOM_ENTRIES_MAX; number++)
        step(worker, number);
    pause();
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[RANDOM_THREADS];
    pthread_t threads[RANDOM_THREADS];
    if (argc != 4)
        return 2;
    int fd = open(argv[1], O_RDWR);
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(book != MAP_FAILED, argv[1]);
    uint32_t life = (uint32_t)strtoul(argv[2], NULL, 10);
    uint64_t seed = strtoull(argv[3], NULL, 10);
    for (uint32_t i = 0; i < RANDOM_THREADS; i++) {
        char name[8];
        workers[i].number = life * RANDOM_THREADS + i;
        snprintf(name, sizeof name, "t%u", workers[i].number);
        workers[i].dir = open(name, O_RDONLY | O_DIRECTORY);
        must(workers[i].dir >= 0, name);
        rand_init(&workers[i].rand, rand_derive(seed, workers[i].number));
        must(pthread_create(&threads[i], NULL, work, &workers[i]) == 0, "thread");
    }
    pthread_join(threads[0], NULL);
    return 0;
}
