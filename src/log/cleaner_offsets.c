/* cleaner_offsets.c -- Kafka's cleaner-offset-checkpoint.
 *
 * Text, a line each: version 0; the number of entries; then "topic partition offset". */
#include "cleaner_offsets.h"

#include <stdio.h>

enum { LINE_SIZE_MAX = 400 }; /* Bytes: a topic's name has 249 at most. */

void cleaner_offsets_free(struct cleaner_offsets *offsets)
{
    for (uint32_t i = 0; i < offsets->count; i++)
        mem_free(offsets->entries[i].dir);
    mem_free(offsets->entries);
    *offsets = (struct cleaner_offsets){0};
}

/* Where it stands, or would. */
static uint32_t place(const struct cleaner_offsets *offsets, const char *dir)
{
    uint32_t low = 0, high = offsets->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(offsets->entries[middle].dir, dir) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct cleaner_offset *cleaner_offsets_find(const struct cleaner_offsets *offsets, const char *dir)
{
    uint32_t at = place(offsets, dir);
    bool found = at < offsets->count && strcmp(offsets->entries[at].dir, dir) == 0;
    return found ? &offsets->entries[at] : NULL;
}

struct cleaner_offset *cleaner_offsets_put(struct cleaner_offsets *offsets, const char *dir,
                                           log_offset offset)
{
    struct cleaner_offset *entry = cleaner_offsets_find(offsets, dir);

    if (!entry) {
        uint32_t at = place(offsets, dir);
        mem_grow(offsets->entries, offsets->count, &offsets->capacity);
        entry = &offsets->entries[at];
        memmove(entry + 1, entry, (offsets->count - at) * sizeof *entry);
        *entry = (struct cleaner_offset){.dir = mem_strdup(dir)};
        offsets->count++;
    }
    entry->offset = offset;
    return entry;
}

void cleaner_offsets_remove(struct cleaner_offsets *offsets, const char *dir)
{
    struct cleaner_offset *entry = cleaner_offsets_find(offsets, dir);

    if (!entry)
        return;
    mem_free(entry->dir);
    offsets->count--;
    memmove(entry, entry + 1, (size_t)(offsets->entries + offsets->count - entry) * sizeof *entry);
}

/* A number without sign, after what was read before it. False: there is none. */
static bool take_number(struct str *rest, char end, int64_t *out)
{
    int64_t value = 0;
    uint32_t at = 0;

    for (; at < rest->size && rest->data[at] >= '0' && rest->data[at] <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, rest->data[at] - '0', &value))
            return false;
    if (at == 0 || at == rest->size || rest->data[at] != end)
        return false;
    *rest = (struct str){.data = rest->data + at + 1, .size = rest->size - at - 1};
    *out = value;
    return true;
}

static bool take_entry(struct str *rest, struct cleaner_offsets *offsets)
{
    char dir[LINE_SIZE_MAX];
    int64_t partition, offset;
    uint32_t size = 0;

    while (size < rest->size && rest->data[size] != ' ')
        size++;
    if (size == 0 || size == rest->size || size > LINE_SIZE_MAX - 24)
        return false;
    struct str after = {.data = rest->data + size + 1, .size = rest->size - size - 1};
    if (!take_number(&after, ' ', &partition) || !take_number(&after, '\n', &offset))
        return false;
    snprintf(dir, sizeof dir, "%.*s-%lld", (int)size, rest->data, (long long)partition);
    (void)cleaner_offsets_put(offsets, dir, offset);
    *rest = after;
    return true;
}

void cleaner_offsets_read(struct cleaner_offsets *offsets, struct bytes text)
{
    struct str rest = {.data = (const char *)text.data, .size = text.size};
    int64_t version, count;

    bool is_right =
        take_number(&rest, '\n', &version) && version == 0 && take_number(&rest, '\n', &count);
    for (int64_t i = 0; is_right && i < count; i++)
        is_right = take_entry(&rest, offsets);
    if (!is_right || rest.size > 0)
        cleaner_offsets_free(offsets);
}

static void add_line(struct buf **text, const char *line, int size)
{
    check(size > 0);
    buf_make_room(text, (uint32_t)size);
    memcpy((*text)->data + (*text)->size, line, (size_t)size);
    (*text)->size += (uint32_t)size;
}

struct buf *cleaner_offsets_write(const struct cleaner_offsets *offsets)
{
    struct buf *text = buf_new(64 + offsets->count * 48);
    char line[LINE_SIZE_MAX];

    add_line(&text, line, snprintf(line, sizeof line, "0\n%u\n", offsets->count));
    for (uint32_t i = 0; i < offsets->count; i++) {
        const struct cleaner_offset *entry = &offsets->entries[i];
        const char *dash = strrchr(entry->dir, '-');
        check(dash);
        int size = snprintf(line, sizeof line, "%.*s %s %lld\n", (int)(dash - entry->dir),
                            entry->dir, dash + 1, (long long)entry->offset);
        check(size < (int)sizeof line);
        add_line(&text, line, size);
    }
    return text;
}
