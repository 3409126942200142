/* power.c -- cuts the power of a node whose process has gone.
 *
 * The seed chooses how the disk behaved: it lost everything, it got some random changes and not
 * others, or it got all changes up to a moment and none after it. Some change of bytes is always
 * lost where one was waiting: a power loss that spares everything is none. */
#include "power.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "power_image.h"
#include "rules.h"

enum { PATH_SIZE_MAX = 4096, DESCRIPTORS_WALKING_MAX = 16 };

/* How likely a change is to have reached the disk. */
struct weather {
    uint32_t percent;
    uint64_t whole_before; /* Changes that all did, counted from the first. */
    bool is_ordered;
};

static struct weather weather_of(struct rand *rand, int32_t keep_percent, uint64_t waiting)
{
    if (keep_percent != POWER_KEEP_BY_SEED)
        return (struct weather){.percent = (uint32_t)keep_percent};
    uint64_t kind = rand_below(rand, 8);
    if (kind < 2)
        return (struct weather){.percent = 0};
    if (kind < 5)
        return (struct weather){.percent = 1 + (uint32_t)rand_below(rand, 99)};
    return (struct weather){.is_ordered = true, .whole_before = rand_below(rand, waiting + 1)};
}

static enum verdict verdict_of(struct rand *rand, const struct weather *weather, uint64_t number)
{
    if (weather->is_ordered)
        return number < weather->whole_before    ? VERDICT_KEEP
               : number == weather->whole_before ? VERDICT_TEAR
                                                 : VERDICT_DROP;
    if (rand_chance(rand, weather->percent, 100))
        return VERDICT_KEEP;
    return weather->percent > 0 && rand_chance(rand, 1, 3) ? VERDICT_TEAR : VERDICT_DROP;
}

/* The newest waiting change of bytes is lost, if none is. */
static void lose_one(struct image *image)
{
    struct change *newest = NULL;
    for (uint32_t i = 0; i < image->change_count; i++) {
        struct change *change = &image->changes[i];
        if (change->verdict == VERDICT_SURE || !is_of_bytes(change->record))
            continue;
        if (change->verdict == VERDICT_DROP)
            return;
        newest = change;
    }
    if (newest)
        newest->verdict = VERDICT_DROP;
}

static void judge(struct image *image)
{
    struct rand rand;
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < image->change_count; i++)
        waiting += image->changes[i].verdict != VERDICT_SURE;
    rand_init(&rand, image->options->seed);
    struct weather weather = weather_of(&rand, image->options->keep_percent, waiting);
    uint64_t number = 0;
    for (uint32_t i = 0; i < image->change_count; i++)
        if (image->changes[i].verdict != VERDICT_SURE)
            image->changes[i].verdict = verdict_of(&rand, &weather, number++);
    if (image->options->keep_percent == POWER_KEEP_BY_SEED)
        lose_one(image);
}

static bool settle(struct image *image)
{
    struct pmap *before = pmap_ref(image->names);
    uint32_t cursor = 0;
    void *file;
    bool ok = true;
    while (ok && map_next(&image->files, &cursor, &file))
        ok = image_settle_bytes(image, file);
    ok = ok && image_settle_names(image) && image_place(image, before);
    pmap_unref(NULL, before);
    return ok;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    return where->level == 0 ? 0 : remove(path);
}

/* The next process begins with an empty journal: what is there now counts as synced. */
static bool empty_journal(struct image *image)
{
    char path[PATH_SIZE_MAX];
    snprintf(path, sizeof path, "%s/journal", image->options->chaos_dir);
    if (nftw(path, remove_one, DESCRIPTORS_WALKING_MAX, FTW_DEPTH | FTW_PHYS) != 0)
        return image_fails(image, "%s cannot be emptied: %s", path, strerror(errno));
    struct fault_rules *rules = fault_rules_open(image->options->chaos_dir, false);
    if (rules) { /* Who reads counters sees it at once, not at the next start. */
        rules->unsynced_bytes = 0;
        rules->unsynced_operations = 0;
        rules->journal_bytes = 0;
        rules->journal_lost = 0;
    }
    fault_rules_close(rules);
    return true;
}

/* A journal that was given up says why. */
static bool is_lost(struct image *image)
{
    int fd = openat(image->journal_fd, "lost", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *why = image->result->why;
    ssize_t size = read(fd, why, POWER_WHY_SIZE - 1);
    why[size > 0 ? size : 0] = 0;
    close(fd);
    return true;
}

static bool is_in_use(struct image *image)
{
    int fd = openat(image->journal_fd, "lock", O_RDONLY | O_CLOEXEC);
    bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return is_held;
}

static bool cut(struct image *image)
{
    if (is_in_use(image))
        return image_fails(image, "the node's process still runs");
    if (is_lost(image))
        return empty_journal(image);
    if (!image_read_journal(image) || !image_read_tree(image))
        return false;
    judge(image);
    if (!settle(image) || !empty_journal(image))
        return false;
    image->result->confirmed = true;
    return true;
}

static void image_close(struct image *image)
{
    uint32_t cursor = 0;
    void *file;
    while (map_next(&image->files, &cursor, &file))
        mem_free(((struct file *)file)->changes);
    map_free(&image->files);
    map_free(&image->paths);
    map_free(&image->kept);
    pmap_unref(NULL, image->names);
    mem_free(image->changes);
    arena_free(&image->arena);
}

bool power_cut(const struct power_options *options, struct power_result *out)
{
    char path[PATH_SIZE_MAX];
    struct image image = {.options = options, .result = out};
    *out = (struct power_result){.confirmed = false};
    snprintf(path, sizeof path, "%s/journal", options->chaos_dir);
    image.data_fd = open(options->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (image.data_fd < 0)
        return image_fails(&image, "%s: %s", options->data_dir, strerror(errno));
    image.journal_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (image.journal_fd < 0) {
        close(image.data_fd);
        return image_fails(&image, "%s: %s", path, strerror(errno));
    }
    map_init(&image.files, sizeof(uint64_t));
    map_init(&image.paths, sizeof(uint64_t));
    map_init(&image.kept, sizeof(uint64_t));
    bool ok = cut(&image);
    image_close(&image);
    close(image.data_fd);
    close(image.journal_fd);
    return ok;
}
