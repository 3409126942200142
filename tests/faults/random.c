/* random.c -- random changes by four threads, a kill at any moment, a power loss, and a model.
 *
 * The model knows nothing of the journal. From what the threads said before and after each call it
 * computes, for each file, the contents that it had since its last completed sync, and for each
 * name what it led to since its directory's; a call that had not returned counts as done and as
 * not done. After the power loss each sector must be as it was in one of these contents, and each
 * name must lead to one of these files, or nowhere if it did. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "node.h"
#include "random_log.h"

enum { ROUNDS = 200, SECTOR = 512, STATES_MAX = 512 };

/* One content, or one target of a name. */
struct content {
    uint64_t end; /* When it was so; UINT64_MAX: its call never returned. */
    uint32_t size;
    uint8_t *bytes; /* RANDOM_SIZE_MAX; behind `size` they are zero. */
};

struct target {
    uint64_t end;
    uint32_t file;
};

struct file_model {
    struct content *contents;
    uint32_t count;
    uint32_t capacity;
    uint32_t floor; /* The first that may still be there. */
};

struct name_model {
    struct target *targets;
    uint32_t count;
    uint32_t capacity;
    uint32_t floor;
};

struct thread_model {
    struct file_model files[RANDOM_ENTRIES_MAX + 1]; /* By number. */
    struct name_model names[RANDOM_NAMES];
};

static struct node node;
static struct random_log *book;

static void add_content(struct file_model *file, uint64_t end, const struct content *before)
{
    mem_grow(file->contents, file->count, &file->capacity);
    struct content *content = &file->contents[file->count++];
    content->end = end;
    content->size = before ? before->size : 0;
    content->bytes = mem_zalloc(RANDOM_SIZE_MAX);
    if (before)
        memcpy(content->bytes, before->bytes, RANDOM_SIZE_MAX);
}

static struct content *change_content(struct file_model *file, uint64_t end)
{
    struct content before = file->contents[file->count - 1];
    add_content(file, end, &before);
    return &file->contents[file->count - 1];
}

static void add_target(struct name_model *name, uint64_t end, uint32_t file)
{
    mem_grow(name->targets, name->count, &name->capacity);
    name->targets[name->count++] = (struct target){.end = end, .file = file};
}

static uint32_t last_target(const struct name_model *name)
{
    return name->targets[name->count - 1].file;
}

/* A sync that began at `begin` covers what had returned by then. */
static void cover_file(struct file_model *file, uint64_t begin)
{
    for (uint32_t i = file->floor; i < file->count && file->contents[i].end < begin; i++)
        file->floor = i;
}

static void cover_names(struct thread_model *model, uint64_t begin)
{
    for (uint32_t n = 0; n < RANDOM_NAMES; n++) {
        struct name_model *name = &model->names[n];
        for (uint32_t i = name->floor; i < name->count && name->targets[i].end < begin; i++)
            name->floor = i;
    }
}

static void change_name(struct thread_model *model, const struct random_entry *entry, uint64_t end)
{
    struct name_model *name = &model->names[entry->name];
    if (entry->call == CALL_CREATE) {
        add_target(name, end, entry->file);
        add_content(&model->files[entry->file], 0, NULL);
    } else if (entry->call == CALL_RENAME) {
        add_target(&model->names[entry->to], end, last_target(name));
        add_target(name, end, 0);
    } else if (entry->call == CALL_UNLINK) {
        add_target(name, end, 0);
    }
}

static void apply(struct thread_model *model, uint32_t thread, uint32_t number)
{
    const struct random_entry *entry = &book->threads[thread].entries[number];
    uint64_t end = entry->end ? entry->end : UINT64_MAX;
    struct file_model *file = &model->files[entry->file];
    struct content *content;
    switch (entry->call) {
    case CALL_WRITE:
        content = change_content(file, end);
        for (uint32_t i = 0; i < entry->size; i++)
            content->bytes[entry->offset + i] = random_byte(thread, number, entry->offset + i);
        if (entry->offset + entry->size > content->size)
            content->size = entry->offset + entry->size;
        break;
    case CALL_TRUNCATE:
        content = change_content(file, end);
        content->size = entry->size;
        memset(content->bytes + entry->size, 0, RANDOM_SIZE_MAX - entry->size);
        break;
    case CALL_SYNC:
        if (entry->end)
            cover_file(file, entry->begin);
        break;
    case CALL_SYNC_DIR:
        if (entry->end)
            cover_names(model, entry->begin);
        break;
    default:
        change_name(model, entry, end);
    }
}

/* A sync of everything counts for the folders of all threads, also those of an earlier life. */
static void cover_all(struct thread_model *model)
{
    for (uint32_t t = 0; t < RANDOM_THREADS * RANDOM_LIVES; t++)
        for (uint32_t i = 0; i < book->threads[t].count; i++) {
            const struct random_entry *entry = &book->threads[t].entries[i];
            if (entry->call != CALL_SYNC_ALL || !entry->end)
                continue;
            cover_names(model, entry->begin);
            for (uint32_t f = 1; f <= RANDOM_ENTRIES_MAX; f++)
                cover_file(&model->files[f], entry->begin);
        }
}

/* The sector as it was in one content, or that up to where the file once ended, and zeros. */
static bool is_sector(const struct file_model *file, const uint8_t *found, uint32_t sector,
                      uint32_t size)
{
    uint32_t from = sector * SECTOR;
    for (uint32_t i = file->floor; i < file->count; i++) {
        const uint8_t *bytes = file->contents[i].bytes + from;
        uint32_t same = 0;
        while (same < size && found[same] == bytes[same])
            same++;
        if (same == size)
            return true;
        uint32_t zeros = size;
        while (zeros > 0 && found[zeros - 1] == 0)
            zeros--;
        for (uint32_t j = file->floor; j < file->count; j++) {
            uint32_t cut = file->contents[j].size < from ? 0 : file->contents[j].size - from;
            if (cut <= same && zeros <= cut)
                return true;
        }
    }
    return false;
}

static bool is_content(const struct file_model *file, const uint8_t *found, uint32_t size)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t i = file->floor; i < file->count; i++) {
        least = file->contents[i].size < least ? file->contents[i].size : least;
        most = file->contents[i].size > most ? file->contents[i].size : most;
    }
    if (size < least || size > most)
        return false;
    for (uint32_t at = 0; at < size; at += SECTOR)
        if (!is_sector(file, found + at, at / SECTOR, size - at < SECTOR ? size - at : SECTOR))
            return false;
    return true;
}

static void check_name(const struct thread_model *model, uint32_t thread, uint32_t n, uint64_t seed)
{
    const struct name_model *name = &model->names[n];
    char path[2 * NODE_PATH_MAX];
    uint8_t found[RANDOM_SIZE_MAX + 1] = {0};
    snprintf(path, sizeof path, "%s/t%u/n%u", node.data, thread, n);
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, found, sizeof found);
    struct stat about = {.st_nlink = 1};
    if (fd >= 0)
        fstat(fd, &about);
    close(fd);
    bool is_legal = false;
    for (uint32_t i = name->floor; i < name->count && !is_legal; i++) {
        uint32_t file = name->targets[i].file;
        is_legal = file == 0 ? size < 0
                             : size >= 0 && is_content(&model->files[file], found, (uint32_t)size);
    }
    cr_assert(is_legal, "seed %lu: t%u/n%u (%zd bytes) is nothing that it may be", seed, thread, n,
              size);
    cr_assert_eq(about.st_nlink, 1, "seed %lu: t%u/n%u has two names", seed, thread, n);
}

static void check_thread(uint32_t thread, uint64_t seed)
{
    struct thread_model *model = mem_zalloc(sizeof *model);
    for (uint32_t n = 0; n < RANDOM_NAMES; n++)
        add_target(&model->names[n], 0, 0);
    for (uint32_t i = 0; i < book->threads[thread].count; i++)
        apply(model, thread, i);
    cover_all(model);
    for (uint32_t n = 0; n < RANDOM_NAMES; n++) {
        check_name(model, thread, n, seed);
        mem_free(model->names[n].targets);
    }
    for (uint32_t f = 0; f <= RANDOM_ENTRIES_MAX; f++) {
        for (uint32_t i = 0; i < model->files[f].count; i++)
            mem_free(model->files[f].contents[i].bytes);
        mem_free(model->files[f].contents);
    }
    mem_free(model);
}

static void open_book(char path[2 * NODE_PATH_MAX])
{
    snprintf(path, 2 * NODE_PATH_MAX, "%s/book", node.dir);
    int fd = open(path, O_CREAT | O_RDWR, 0644);
    cr_assert_eq(ftruncate(fd, sizeof *book), 0);
    book = mmap(NULL, sizeof *book, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(book, MAP_FAILED);
    close(fd);
    for (uint32_t t = 0; t < RANDOM_THREADS * RANDOM_LIVES; t++) {
        char dir[2 * NODE_PATH_MAX];
        snprintf(dir, sizeof dir, "%s/t%u", node.data, t);
        cr_assert_eq(mkdir(dir, 0755), 0);
    }
}

/* One process from its start to its kill. */
static void live(const char *path, uint32_t life, uint64_t seed, uint64_t ticks)
{
    char life_text[16];
    char seed_text[32];
    snprintf(life_text, sizeof life_text, "%u", life);
    snprintf(seed_text, sizeof seed_text, "%lu", seed);
    const char *arguments[] = {FAULTS_RANDOM, path, life_text, seed_text, NULL};
    uint64_t until = book->clock + ticks;
    node_start(&node, arguments);
    bool is_there = node_reaches(&book->clock, until);
    kill(node.pid, SIGKILL);
    node_wait(&node);
    cr_assert(is_there, "seed %lu: the threads stopped", seed);
}

static void round_of(uint64_t seed)
{
    char path[2 * NODE_PATH_MAX];
    struct rand rand;
    rand_init(&rand, seed);
    node_open(&node);
    open_book(path);
    uint32_t lives = 1 + (uint32_t)rand_below(&rand, RANDOM_LIVES);
    for (uint32_t life = 0; life < lives; life++)
        live(path, life, seed, 20 + rand_below(&rand, 1500));
    cr_assert_eq(node.rules->journal_lost, 0);

    node_power(&node, seed, POWER_KEEP_BY_SEED);

    for (uint32_t t = 0; t < lives * RANDOM_THREADS; t++)
        check_thread(t, seed);
    munmap(book, sizeof *book);
    node_close(&node);
}

Test(faults_random, what_is_left_is_always_what_a_disk_may_show, .timeout = 300)
{
    const char *given = getenv("SKIFF_FAULTS_SEED"); /* One round, or where to begin. */
    uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + ROUNDS; seed++)
        round_of(seed);
}
