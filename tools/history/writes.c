/* writes.c -- records of writes in chunks, by client and value number. */
#include "writes.h"

struct write_chunk {
    uint32_t client;
    int64_t first; /* Number of its first record. */
    struct write all[WRITES_CHUNK];
};

void writes_free(struct writes *writes)
{
    for (uint32_t i = 0; i < writes->count; i++)
        mem_free(writes->chunks[i]);
    mem_free(writes->chunks);
    *writes = (struct writes){0};
}

void write_list_free(struct write_list *list)
{
    mem_free(list->chunks);
    *list = (struct write_list){.last = -1};
}

static uint32_t add_chunk(struct writes *writes, struct write_name name)
{
    struct write_chunk *chunk = mem_zalloc(sizeof *chunk);
    chunk->client = name.client;
    chunk->first = name.number - name.number % WRITES_CHUNK;
    mem_grow(writes->chunks, writes->count, &writes->capacity);
    writes->chunks[writes->count] = chunk;
    return writes->count++;
}

struct write *writes_add(struct writes *writes, struct write_list *list, struct write_name name,
                         uint32_t *id)
{
    if (name.number <= list->last || name.number > list->last + WRITES_SKIP_MAX + 1 ||
        writes->count >= WRITES_MAX / WRITES_CHUNK)
        return NULL;
    uint32_t slot = (uint32_t)(name.number / WRITES_CHUNK);
    while (list->count <= slot) {
        mem_grow(list->chunks, list->count, &list->capacity);
        list->chunks[list->count++] = UINT32_MAX;
    }
    if (list->chunks[slot] == UINT32_MAX)
        list->chunks[slot] = add_chunk(writes, name);
    list->last = name.number;
    return writes_find(writes, list, name.number, id);
}

struct write *writes_find(const struct writes *writes, const struct write_list *list,
                          int64_t number, uint32_t *id)
{
    if (number < 0 || number > list->last)
        return NULL;
    uint32_t chunk = list->chunks[number / WRITES_CHUNK];
    if (chunk == UINT32_MAX)
        return NULL;
    *id = chunk * WRITES_CHUNK + (uint32_t)(number % WRITES_CHUNK);
    return writes_at(writes, *id);
}

struct write *writes_at(const struct writes *writes, uint32_t id)
{
    return &writes->chunks[id / WRITES_CHUNK]->all[id % WRITES_CHUNK];
}

struct write_name writes_name(const struct writes *writes, uint32_t id)
{
    const struct write_chunk *chunk = writes->chunks[id / WRITES_CHUNK];
    return (struct write_name){.client = chunk->client, .number = chunk->first + id % WRITES_CHUNK};
}
