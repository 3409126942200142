/* slots.c -- two checksummed copies of a small value, of which the last synced is never touched.
 *
 * At any time `current` is the copy with the newest value. While it is not known to be
 * synced, only it may be written again: a value of ours anew, a value found at the start
 * only byte for byte, because it may be the synced one. Once synced, the other copy is next.
 *
 * A copy: magic u32, version u16, zero u16, kind u32, sequence u64, payload size u32,
 * CRC-32C u32 of the 24 bytes before it and of the payload, payload. */
#include "slots.h"

#include <stdio.h>

enum {
    SLOTS_MAGIC = 0x534b4946, /* "SKIF" */
    SLOTS_VERSION = 1,
    SLOTS_CRC_AT = 24,
};

struct slots {
    struct env *env;
    char path[ENV_PATH_MAX];
    uint32_t kind;
    file_id files[2];
    file_id directory;       /* Open while a sync needs it, else -1. */
    bool is_directory_dirty; /* The copies' entries are not known to be durable. */
    int current;             /* -1: no value yet. */
    uint64_t sequence;       /* Of the current copy. */
    bool is_synced;
    bool is_found; /* The current copy stems from an earlier run. */
    bool is_in_flight;
    struct buf *image; /* The current copy, header included. */
    struct buf *kept;  /* A payload that waits for its turn. */
};

static uint32_t image_crc(const uint8_t *image, uint32_t size)
{
    uint32_t crc = crc32c(0, image, SLOTS_CRC_AT);
    return crc32c(crc, image + SLOTS_HEADER_SIZE, size - SLOTS_HEADER_SIZE);
}

static struct buf *make_image(uint32_t kind, uint64_t sequence, struct bytes payload)
{
    struct buf *image = buf_new(SLOTS_HEADER_SIZE + payload.size);

    image->size = SLOTS_HEADER_SIZE + payload.size;
    store_be32(image->data, SLOTS_MAGIC);
    store_be16(image->data + 4, SLOTS_VERSION);
    store_be16(image->data + 6, 0);
    store_be32(image->data + 8, kind);
    store_be64(image->data + 12, sequence);
    store_be32(image->data + 20, payload.size);
    if (payload.size > 0)
        memcpy(image->data + SLOTS_HEADER_SIZE, payload.data, payload.size);
    store_be32(image->data + SLOTS_CRC_AT, image_crc(image->data, image->size));
    return image;
}

/* Read one copy whole; NULL when it is not valid. */
static struct buf *read_image(struct env *env, file_id file, uint32_t kind, int64_t size)
{
    uint8_t header[SLOTS_HEADER_SIZE];

    if (size < SLOTS_HEADER_SIZE || size > SLOTS_HEADER_SIZE + SLOTS_PAYLOAD_MAX)
        return NULL;
    if (env_read(env, file, 0, header, sizeof header) != SLOTS_HEADER_SIZE)
        return NULL;
    uint32_t payload = load_be32(header + 20);
    if (load_be32(header) != SLOTS_MAGIC || load_be16(header + 4) != SLOTS_VERSION ||
        load_be32(header + 8) != kind || payload > (uint64_t)size - SLOTS_HEADER_SIZE)
        return NULL;
    struct buf *image = buf_new(SLOTS_HEADER_SIZE + payload);
    image->size = SLOTS_HEADER_SIZE + payload;
    if (env_read(env, file, 0, image->data, image->size) != image->size ||
        image_crc(image->data, image->size) != load_be32(image->data + SLOTS_CRC_AT)) {
        buf_unref(image);
        return NULL;
    }
    return image;
}

static enum err write_image(struct slots *slots, file_id file, const struct buf *image)
{
    uint32_t done = 0;

    while (done < image->size) {
        struct bytes part = {.data = image->data + done, .size = image->size - done};
        int64_t moved = env_write(slots->env, file, done, &part, 1);
        if (moved < 0)
            return (enum err)moved;
        if (moved == 0)
            return ERR_IO;
        done += (uint32_t)moved;
    }
    return ERR_NONE;
}

/* Choose the newest valid copy, and write it again: it may only look durable (rule 8). */
static enum err find_value(struct slots *slots)
{
    int64_t sizes[2];
    struct buf *images[2] = {NULL, NULL};
    uint64_t sequences[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        sizes[i] = env_size(slots->env, slots->files[i]);
        if (sizes[i] < 0)
            return (enum err)sizes[i];
        images[i] = read_image(slots->env, slots->files[i], slots->kind, sizes[i]);
        sequences[i] = images[i] ? load_be64(images[i]->data + 12) : 0;
    }
    if (!images[0] && !images[1]) {
        /* The second copy is first written once the first is synced. */
        return sizes[0] > 0 && sizes[1] > 0 ? ERR_CORRUPT : ERR_NONE;
    }
    slots->current = sequences[1] > sequences[0] ? 1 : 0;
    slots->sequence = sequences[slots->current];
    slots->image = images[slots->current];
    slots->is_found = true;
    buf_unref(images[1 - slots->current]);
    return write_image(slots, slots->files[slots->current], slots->image);
}

static enum err open_copy(struct slots *slots, int index, uint32_t reserve)
{
    char path[ENV_PATH_MAX];

    int length = snprintf(path, sizeof path, "%s.%d", slots->path, index);
    check(length > 0 && length < ENV_PATH_MAX);
    enum err err = env_open(slots->env, path, ENV_OPEN_CREATE, &slots->files[index]);
    if (err == ERR_NONE && reserve > 0)
        err = env_reserve(slots->env, slots->files[index], 0, reserve);
    return err;
}

enum err slots_open(struct slots **out, struct env *env, const struct slots_config *config)
{
    struct slots *slots = mem_zalloc(sizeof *slots);

    slots->env = env;
    slots->kind = config->kind;
    slots->files[0] = slots->files[1] = slots->directory = -1;
    slots->current = -1;
    slots->is_directory_dirty = true;
    int length = snprintf(slots->path, sizeof slots->path, "%s", config->path);
    check(length > 0 && length < ENV_PATH_MAX - 2);

    enum err err = open_copy(slots, 0, config->reserve);
    if (err == ERR_NONE)
        err = open_copy(slots, 1, config->reserve);
    if (err == ERR_NONE)
        err = find_value(slots);
    if (err != ERR_NONE) {
        slots_close(slots);
        return err;
    }
    *out = slots;
    return ERR_NONE;
}

void slots_close(struct slots *slots)
{
    for (int i = 0; i < 2; i++)
        if (slots->files[i] >= 0)
            env_close(slots->env, slots->files[i]);
    if (slots->directory >= 0)
        env_close(slots->env, slots->directory);
    buf_unref(slots->image);
    buf_unref(slots->kept);
    mem_free(slots);
}

struct bytes slots_payload(const struct slots *slots)
{
    if (slots->kept)
        return (struct bytes){.data = slots->kept->data, .size = slots->kept->size};
    if (slots->image)
        return (struct bytes){.data = slots->image->data + SLOTS_HEADER_SIZE,
                              .size = slots->image->size - SLOTS_HEADER_SIZE};
    return (struct bytes){0};
}

static enum err write_now(struct slots *slots, struct bytes payload)
{
    int target = slots->current;

    if (target < 0)
        target = 0;
    else if (slots->is_synced)
        target = 1 - target;
    struct buf *image = make_image(slots->kind, slots->sequence + 1, payload);
    enum err err = write_image(slots, slots->files[target], image);
    if (err != ERR_NONE) {
        buf_unref(image);
        return err;
    }
    buf_unref(slots->image);
    slots->image = image;
    slots->current = target;
    slots->sequence++;
    slots->is_synced = false;
    slots->is_found = false;
    return ERR_NONE;
}

enum err slots_write(struct slots *slots, struct bytes payload)
{
    check(payload.size <= SLOTS_PAYLOAD_MAX);

    if (!slots->is_in_flight && !(slots->is_found && !slots->is_synced))
        return write_now(slots, payload);
    struct buf *kept = buf_copy(payload.data, payload.size);
    buf_unref(slots->kept);
    slots->kept = kept;
    return ERR_NONE;
}

bool slots_needs_sync(const struct slots *slots)
{
    return slots->kept != NULL || (slots->current >= 0 && !slots->is_synced);
}

/* The directory that holds the copies. */
static enum err open_directory(struct slots *slots)
{
    char path[ENV_PATH_MAX];

    memcpy(path, slots->path, sizeof path);
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return env_open(slots->env, slash ? path : ".", ENV_OPEN_DIRECTORY, &slots->directory);
}

uint32_t slots_sync_files(struct slots *slots, file_id files[SLOTS_SYNC_FILES_MAX])
{
    uint32_t count = 0;

    check(!slots->is_in_flight);
    check(slots->current >= 0);
    files[count++] = slots->files[slots->current];
    if (slots->is_directory_dirty && open_directory(slots) == ERR_NONE)
        files[count++] = slots->directory;
    slots->is_in_flight = true;
    return count;
}

enum err slots_on_synced(struct slots *slots, enum err result)
{
    check(slots->is_in_flight);
    slots->is_in_flight = false;
    bool covered = !slots->is_directory_dirty || slots->directory >= 0;
    if (slots->directory >= 0)
        env_close(slots->env, slots->directory);
    slots->directory = -1;
    if (result == ERR_NONE && !covered)
        result = ERR_FILES; /* The entries are not durable yet, so nothing is. */
    if (result != ERR_NONE) {
        (void)write_image(slots, slots->files[slots->current], slots->image);
        return result;
    }
    slots->is_directory_dirty = false;
    slots->is_synced = true;
    struct buf *kept = slots->kept;
    slots->kept = NULL;
    if (!kept)
        return ERR_NONE;
    enum err err = write_now(slots, (struct bytes){.data = kept->data, .size = kept->size});
    buf_unref(kept);
    return err;
}
