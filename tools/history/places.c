/* places.c -- which write stands at an offset of a partition: pages of 4 bytes an offset. */
#include <stdlib.h>

#include "writes.h"

/* Where a page begins; also its key, so without padding. */
struct place_key {
    uint64_t partition;
    int64_t number; /* offset / PLACES_PAGE */
};

struct place_page {
    struct place_key key;
    uint32_t ids[PLACES_PAGE];
};

void places_init(struct places *places)
{
    *places = (struct places){0};
    map_init(&places->pages, sizeof(struct place_key));
}

void places_free(struct places *places)
{
    for (uint32_t i = 0; i < places->count; i++)
        mem_free(places->all[i]);
    mem_free(places->all);
    map_free(&places->pages);
}

static int compare_keys(struct place_key a, struct place_key b)
{
    if (a.partition != b.partition)
        return a.partition < b.partition ? -1 : 1;
    return a.number < b.number ? -1 : a.number > b.number;
}

static struct place_page *find(struct places *places, struct place_key key)
{
    if (places->last && compare_keys(places->last->key, key) == 0)
        return places->last;
    struct place_page *page = map_get(&places->pages, &key);
    if (page)
        places->last = page;
    return page;
}

static struct place_page *add(struct places *places, struct place_key key)
{
    struct place_page *page = mem_alloc(sizeof *page);
    page->key = key;
    memset(page->ids, 0xff, sizeof page->ids);
    map_put(&places->pages, &key, page);
    mem_grow(places->all, places->count, &places->capacity);
    places->all[places->count++] = page;
    return places->last = page;
}

bool places_put(struct places *places, uint32_t partition, int64_t offset, uint32_t id,
                uint32_t *there)
{
    struct place_key key = {.partition = partition, .number = offset / PLACES_PAGE};
    struct place_page *page = find(places, key);
    if (!page && places->count == PLACES_PAGES_MAX)
        return false;
    if (!page)
        page = add(places, key);
    uint32_t *place = &page->ids[offset % PLACES_PAGE];
    if (*place == PLACE_NONE)
        *place = id;
    *there = *place;
    return true;
}

uint32_t places_get(struct places *places, uint32_t partition, int64_t offset)
{
    struct place_key key = {.partition = partition, .number = offset / PLACES_PAGE};
    const struct place_page *page = offset < 0 ? NULL : find(places, key);
    return page ? page->ids[offset % PLACES_PAGE] : PLACE_NONE;
}

/* ---- In order. */

static int compare_pages(const void *a, const void *b)
{
    const struct place_page *const *left = a;
    const struct place_page *const *right = b;
    return compare_keys((*left)->key, (*right)->key);
}

void places_sort(struct places *places)
{
    if (places->count)
        qsort(places->all, places->count, sizeof(struct place_page *), compare_pages);
}

/* The first page at `key` or after it. */
static uint32_t seek(const struct places *places, struct place_key key)
{
    uint32_t low = 0;
    uint32_t high = places->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_keys(places->all[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t places_next(const struct places *places, uint32_t partition, int64_t offset, uint32_t *id)
{
    struct place_key key = {.partition = partition, .number = offset / PLACES_PAGE};
    for (uint32_t i = seek(places, key); i < places->count; i++) {
        const struct place_page *page = places->all[i];
        if (page->key.partition != partition)
            return -1;
        int64_t first = page->key.number == key.number ? offset % PLACES_PAGE : 0;
        for (int64_t at = first; at < PLACES_PAGE; at++)
            if (page->ids[at] != PLACE_NONE) {
                *id = page->ids[at];
                return page->key.number * PLACES_PAGE + at;
            }
    }
    return -1;
}

int64_t places_before(const struct places *places, uint32_t partition, int64_t offset, uint32_t *id)
{
    if (offset <= 0)
        return -1;
    struct place_key key = {.partition = partition, .number = (offset - 1) / PLACES_PAGE};
    uint32_t i = seek(places, key);
    for (i = i < places->count ? i + 1 : i; i-- > 0;) {
        const struct place_page *page = places->all[i];
        if (compare_keys(page->key, key) > 0)
            continue;
        if (page->key.partition != partition)
            return -1;
        int64_t last =
            page->key.number == key.number ? (offset - 1) % PLACES_PAGE : PLACES_PAGE - 1;
        for (int64_t at = last; at >= 0; at--)
            if (page->ids[at] != PLACE_NONE) {
                *id = page->ids[at];
                return page->key.number * PLACES_PAGE + at;
            }
    }
    return -1;
}
