/* image_names.c -- the tree's names: back to what was synced, then forward by verdicts.
 *
 * A change that is kept is done only where it can be: a name moves if it is still there. One that
 * was synced is done whatever became of the changes before it. */
#include <string.h>

#include "power_image.h"

static void put(struct image *image, uint64_t dir, const char *name, uint64_t inode, bool is_dir)
{
    struct target *target = NULL;
    if (inode) {
        target = arena_alloc(&image->arena, sizeof *target);
        *target = (struct target){.inode = inode, .is_dir = is_dir};
    }
    image->names = names_put(image->names, dir, name, target);
}

static bool leads_to(const struct image *image, uint64_t dir, const char *name, uint64_t inode)
{
    const struct target *target = names_get(image->names, dir, name);
    return target && target->inode == inode;
}

/* A process that was killed after a creation had no time to say what it made. A later change of
 * that name says it, or else the tree does. */
static uint64_t made_by(const struct image *image, uint32_t i)
{
    const struct record *record = image->changes[i].record;
    const char *name = record_first_name(record);
    for (uint32_t j = i + 1; j < image->change_count; j++) {
        const struct record *later = image->changes[j].record;
        bool removes = later->kind == RECORD_UNLINK || later->kind == RECORD_RMDIR;
        uint64_t dir = removes ? later->dir : later->kind == RECORD_RENAME ? later->from_dir : 0;
        if (dir == record->dir && !strcmp(name, record_first_name(later)))
            return later->inode;
    }
    const struct target *target = names_get(image->names, record->dir, name);
    return target ? target->inode : 0;
}

static bool is_creation(const struct record *record)
{
    return record->kind == RECORD_CREATE || record->kind == RECORD_MKDIR;
}

/* The name in the directory that a sync covers. */
static const char *last_name(const struct record *record)
{
    return record->kind == RECORD_RENAME ? record_second_name(record) : record_first_name(record);
}

/* Whether a rename moved a directory. */
static bool moves_dir(const struct image *image, const struct record *record)
{
    const struct target *target = names_get(image->names, record->dir, record_second_name(record));
    if (!target || target->inode != record->inode)
        target = names_get(image->names, record->from_dir, record_first_name(record));
    return target && target->is_dir;
}

static void take_back(struct image *image, const struct change *change)
{
    const struct record *record = change->record;
    const char *name = record_first_name(record);
    uint64_t inode = is_creation(record) ? change->made : record->inode;
    bool is_dir = false;
    switch (record->kind) {
    case RECORD_CREATE:
    case RECORD_MKDIR:
    case RECORD_LINK:
        if (leads_to(image, record->dir, name, inode))
            put(image, record->dir, name, 0, false);
        break;
    case RECORD_UNLINK:
    case RECORD_RMDIR:
        put(image, record->dir, name, inode, record->kind == RECORD_RMDIR);
        break;
    case RECORD_RENAME:
        is_dir = moves_dir(image, record);
        put(image, record->dir, record_second_name(record), record->replaced,
            record->replaced_is_dir);
        put(image, record->from_dir, name, inode, is_dir);
        break;
    }
}

/* A name that did not get one change gets no later one either, until one that was synced. */
static bool is_frozen(const struct pmap *frozen, const struct record *record)
{
    return names_get(frozen, record->dir, last_name(record)) ||
           (record->kind == RECORD_RENAME &&
            names_get(frozen, record->from_dir, record_first_name(record)));
}

static struct pmap *set_frozen(struct pmap *frozen, const struct record *record, bool is_on)
{
    static const struct target on;
    const struct target *value = is_on ? &on : NULL;
    if (record->kind == RECORD_RENAME)
        frozen = names_put(frozen, record->from_dir, record_first_name(record), value);
    return names_put(frozen, record->dir, last_name(record), value);
}

/* False: what it would change is not there. */
static bool do_again(struct image *image, const struct change *change)
{
    const struct record *record = change->record;
    const char *name = record_first_name(record);
    bool is_sure = change->verdict == VERDICT_SURE;
    uint64_t inode = is_creation(record) ? change->made : record->inode;
    bool is_there = false;
    bool is_dir = false;
    switch (record->kind) {
    case RECORD_CREATE:
    case RECORD_MKDIR:
    case RECORD_LINK:
        if (inode)
            put(image, record->dir, name, inode, record->kind == RECORD_MKDIR);
        return inode;
    case RECORD_UNLINK:
    case RECORD_RMDIR:
        is_there = leads_to(image, record->dir, name, inode);
        if (is_there)
            put(image, record->dir, name, 0, false);
        return is_there;
    case RECORD_RENAME:
        is_there = leads_to(image, record->from_dir, name, inode);
        is_dir = moves_dir(image, record);
        if (is_there)
            put(image, record->from_dir, name, 0, false);
        if (is_there || is_sure)
            put(image, record->dir, record_second_name(record), inode, is_dir);
        return is_there;
    default:
        return false;
    }
}

static void count_fate(struct power_result *result, bool is_kept)
{
    result->operations++;
    result->kept += is_kept;
    result->dropped += !is_kept;
    result->names_dropped += !is_kept;
}

bool image_settle_names(struct image *image)
{
    uint32_t first = 0;
    while (first < image->change_count && (is_of_bytes(image->changes[first].record) ||
                                           image->changes[first].verdict == VERDICT_SURE))
        first++;
    for (uint32_t i = image->change_count; i-- > first;) {
        struct change *change = &image->changes[i];
        if (is_of_bytes(change->record))
            continue;
        if (is_creation(change->record) && !change->made)
            change->made = made_by(image, i);
        take_back(image, change);
    }
    struct pmap *frozen = NULL;
    for (uint32_t i = first; i < image->change_count; i++) {
        const struct change *change = &image->changes[i];
        const struct record *record = change->record;
        if (is_of_bytes(record) || (is_creation(record) && !change->made))
            continue;
        bool is_sure = change->verdict == VERDICT_SURE;
        bool is_wanted = is_sure || (change->verdict == VERDICT_KEEP && !is_frozen(frozen, record));
        bool is_kept = is_wanted && do_again(image, change);
        frozen = set_frozen(frozen, record, !is_kept && !is_sure);
        if (!is_sure)
            count_fate(image->result, is_kept);
    }
    pmap_unref(NULL, frozen);
    return true;
}
