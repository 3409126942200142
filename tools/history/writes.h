/* writes.h -- what is known of every write: 24 bytes each, and 4 for the offset where it stands.
 *
 * A write is named by a number (an id) that leads to its record, and back to its client and
 * value number. The numbers of a client rise by small steps, so its records lie in chunks. */
#ifndef CHAOS_WRITES_H
#define CHAOS_WRITES_H

#include "base/base.h"

enum {
    WRITES_CHUNK = 256,     /* Records. */
    WRITES_SKIP_MAX = 1023, /* Value numbers that a client may leave out at once. */
    WRITES_MAX = 1 << 28,   /* Records in all. */
    PLACES_PAGE = 4096,     /* Offsets. */
    PLACES_PAGES_MAX = 1 << 17,
};

enum write_state {
    WRITE_NONE, /* The number was left out. */
    WRITE_OPEN,
    WRITE_ACKED,
    WRITE_FAILED, /* Surely. */
    WRITE_UNKNOWN,
};

enum write_flag {
    WRITE_PLACED = 1,     /* `offset` is where it stands, or was acknowledged to. */
    WRITE_READ = 2,       /* It was read there. */
    WRITE_STRAY = 4,      /* It was read elsewhere. */
    WRITE_TOLD = 8,       /* A stray one that was counted. */
    WRITE_ACK_PLACE = 16, /* The acknowledgement told the offset. */
    WRITE_SEND_TOLD = 32, /* Counted as below what was acknowledged before it began. */
    WRITE_SHARES = 64,    /* Counted as one of two values at one offset. */
};

struct write {
    int64_t offset; /* Unless it is placed: it must come to stand above this; -1: anywhere. */
    int64_t time;   /* ns, when it began; once it is acknowledged, when that was. */
    uint32_t seen;  /* Positions of the partition's readers when it was read last; 0: never. */
    uint16_t partition;
    uint8_t state;
    uint8_t flags;
};

/* The records of one client, by value number. */
struct write_list {
    uint32_t *chunks; /* Of numbers from 0 on; UINT32_MAX: none there. */
    uint32_t count, capacity;
    int64_t last; /* -1: none yet. */
};

struct writes {
    struct write_chunk **chunks;
    uint32_t count, capacity;
};

struct write_name {
    uint32_t client;
    int64_t number;
};

void writes_free(struct writes *writes);
void write_list_free(struct write_list *list);

/* Begin the record of `number`, with zeroes; *id names it.
 * Errors  NULL: the number does not follow the last, or there are too many. */
struct write *writes_add(struct writes *writes, struct write_list *list, struct write_name name,
                         uint32_t *id);
/* NULL: it has not begun. */
struct write *writes_find(const struct writes *writes, const struct write_list *list,
                          int64_t number, uint32_t *id);
struct write *writes_at(const struct writes *writes, uint32_t id);
struct write_name writes_name(const struct writes *writes, uint32_t id);

/* ---- What stands at an offset (places.c). */

#define PLACE_NONE UINT32_MAX

struct places {
    struct map pages; /* By partition and offset. */
    struct place_page **all;
    uint32_t count, capacity;
    struct place_page *last; /* Used last. */
};

void places_init(struct places *places);
void places_free(struct places *places);

/* Put `id` at an offset where nothing is; *there is what is there afterwards.
 * Errors  false: the offsets lie too far apart. */
bool places_put(struct places *places, uint32_t partition, int64_t offset, uint32_t id,
                uint32_t *there);
/* The write at an offset, or PLACE_NONE. */
uint32_t places_get(struct places *places, uint32_t partition, int64_t offset);

/* Once nothing is put any more: order the pages, for places_next() and places_before(). */
void places_sort(struct places *places);
/* The first offset from `offset` on that holds a write; -1: none. */
int64_t places_next(const struct places *places, uint32_t partition, int64_t offset, uint32_t *id);
/* The last one before `offset`; -1: none. */
int64_t places_before(const struct places *places, uint32_t partition, int64_t offset,
                      uint32_t *id);

#endif
