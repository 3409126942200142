/* replica.c -- batches of one copy of a partition, over all its segments.
 *
 * Skiff's segments and Apache Kafka's are the same: batches of format 2, one after the other, in
 * files that are named by their first offset. Where they begin and end is each copy's own. */
#include "replica.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct replica {
    char *dir;
    uint32_t count, capacity;
    int64_t *bases;   /* Of its segments, in order. */
    uint32_t segment; /* The one that is open; `count`: none. */
    struct file_window window;
    enum replica_result result;
    char path[PATH_MAX];
    struct replica_place at;
};

static int compare(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

static bool list_segments(struct replica *replica)
{
    DIR *dir = opendir(replica->dir);
    struct dirent *entry;
    if (!dir)
        return false;
    while ((entry = readdir(dir))) {
        int64_t base = file_base_offset(entry->d_name);
        if (base < 0 || strcmp(entry->d_name + 20, ".log") != 0)
            continue;
        mem_grow(replica->bases, replica->count, &replica->capacity);
        replica->bases[replica->count++] = base;
    }
    closedir(dir);
    if (replica->count)
        qsort(replica->bases, replica->count, sizeof *replica->bases, compare);
    return replica->count > 0;
}

static bool open_segment(struct replica *replica, uint32_t segment)
{
    file_window_close(&replica->window);
    replica->segment = segment;
    snprintf(replica->path, sizeof replica->path, "%s/%020lld.log", replica->dir,
             (long long)replica->bases[segment]);
    replica->at.path = replica->path;
    replica->at.position = 0;
    replica->at.bytes = (struct bytes){0};
    return file_window_open(&replica->window, replica->path) == 0;
}

bool replica_open(struct replica **out, const char *dir)
{
    struct replica *replica = mem_zalloc(sizeof *replica);
    replica->dir = mem_strdup(dir);
    replica->window.fd = -1;
    replica->at.next_offset = -1;
    if (list_segments(replica) && open_segment(replica, 0)) {
        *out = replica;
        return true;
    }
    replica_close(replica);
    return false;
}

void replica_close(struct replica *replica)
{
    file_window_close(&replica->window);
    mem_free(replica->bases);
    mem_free(replica->dir);
    mem_free(replica);
}

static bool has_only_zeroes(struct replica *replica)
{
    for (uint64_t at = replica->at.position; at < replica->window.size; at++) {
        const uint8_t *byte = file_window_bytes(&replica->window, at, 1);
        if (!byte || *byte)
            return false;
    }
    return true;
}

/* The batch at the position, whole. */
static bool read_batch(struct replica *replica)
{
    struct replica_place *at = &replica->at;
    const uint8_t *header = file_window_bytes(&replica->window, at->position, BATCH_HEADER_SIZE);
    if (!header || batch_read((struct bytes){.data = header, .size = BATCH_HEADER_SIZE},
                              &at->info) != ERR_NONE)
        return false;
    const uint8_t *batch = file_window_bytes(&replica->window, at->position, at->info.size);
    at->bytes = (struct bytes){.data = batch, .size = batch ? at->info.size : 0};
    return batch != NULL;
}

enum replica_result replica_next(struct replica *replica)
{
    struct replica_place *at = &replica->at;
    if (replica->result != REPLICA_BATCH)
        return replica->result;
    if (at->bytes.data)
        at->next_offset = batch_end(&at->info);
    at->position += at->bytes.size;
    at->bytes = (struct bytes){0};
    while (at->position >= replica->window.size || has_only_zeroes(replica)) {
        if (replica->segment + 1 >= replica->count)
            return replica->result = REPLICA_END;
        if (!open_segment(replica, replica->segment + 1))
            return replica->result = REPLICA_BROKEN;
    }
    return replica->result = read_batch(replica) ? REPLICA_BATCH : REPLICA_BROKEN;
}

int64_t replica_start(const struct replica *replica)
{
    return replica->bases[0];
}

const struct replica_place *replica_at(const struct replica *replica)
{
    return &replica->at;
}
