/* identity.c -- meta.properties, in Kafka's format with one line of our own.
 *
 * Written to a second name, synced, renamed, and the directory synced: a power
 * loss leaves the old file or the new one. `skiff.version` tells our directories
 * from Apache Kafka's, which hold logs that we must never touch. */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "node.h"

enum { TEXT_MAX = 1024, TICKET_CONTENT = 1, TICKET_ENTRY = 2 };

static const char path[] = "meta.properties";
static const char path_new[] = "meta.properties.new";

static enum err refuse(struct shard *shard, const char *format, const char *found,
                       const char *wanted)
{
    trace_error(shard->env->trace, format, shard->config->log_dir, found, wanted);
    return ERR_INVALID_CONFIG;
}

/* The value of `key` in properties text, copied to `out`; false: not there. */
static bool property(const char *text, const char *key, char *out, size_t out_size)
{
    size_t key_size = strlen(key);
    for (const char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, key_size) != 0 || line[key_size] != '=')
            continue;
        size_t size = strcspn(line + key_size + 1, "\r\n");
        if (size >= out_size)
            return false;
        memcpy(out, line + key_size + 1, size);
        out[size] = '\0';
        return true;
    }
    return false;
}

static bool property_uuid(const char *text, const char *key, struct uuid *out)
{
    char value[UUID_TEXT_SIZE + 1];
    return property(text, key, value, sizeof value) && uuid_parse(str_from(value), out);
}

static enum err identity_parse(struct shard *shard, const char *text)
{
    char value[64], own[16];
    if (!property(text, "skiff.version", value, sizeof value))
        return refuse(
            shard,
            "%s: meta.properties has no skiff.version: a directory of Apache Kafka is not ours to "
            "touch (found %s, wanted %s)",
            "none", "1");
    if (strcmp(value, "1") != 0)
        return refuse(shard, "%s: skiff.version=%s is newer than this program, which knows %s",
                      value, "1");
    snprintf(own, sizeof own, "%d", shard->config->node_id);
    if (!property(text, "node.id", value, sizeof value) || strcmp(value, own) != 0)
        return refuse(shard, "%s: belongs to node.id=%s, the configuration says node.id=%s", value,
                      own);
    if (!property_uuid(text, "directory.id", &shard->identity.directory_id))
        return refuse(shard, "%s: meta.properties has no valid directory.id (found %s, wanted %s)",
                      "none", "22 characters of base64");
    property_uuid(text, "cluster.id", &shard->identity.cluster_id);
    return ERR_NONE;
}

static enum err identity_write(struct shard *shard)
{
    char directory[UUID_TEXT_SIZE], cluster[UUID_TEXT_SIZE], text[TEXT_MAX];
    uuid_format(shard->identity.directory_id, directory);
    uuid_format(shard->identity.cluster_id, cluster);
    bool formed = !uuid_is_zero(shard->identity.cluster_id);
    int size = snprintf(text, sizeof text,
                        "version=1\nskiff.version=1\nnode.id=%d\ndirectory.id=%s\n%s%s%s",
                        shard->config->node_id, directory, formed ? "cluster.id=" : "",
                        formed ? cluster : "", formed ? "\n" : "");
    file_id file;
    enum err result = env_open(shard->env, path_new, ENV_OPEN_CREATE, &file);
    if (result != ERR_NONE)
        return result;
    struct bytes part = {.data = (const uint8_t *)text, .size = (uint32_t)size};
    env_truncate(shard->env, file, 0);
    int64_t written = env_write(shard->env, file, 0, &part, 1);
    if (written != size) {
        env_close(shard->env, file);
        return written < 0 ? (enum err)written : ERR_SPACE;
    }
    shard->identity_file = file;
    shard->identity_sync = ++shard->ticket_next;
    shard->identity_step = TICKET_CONTENT;
    env_sync(shard->env,
             &(struct env_sync){.ticket = shard->identity_sync, .count = 1, .files = &file});
    return ERR_NONE;
}

/* Make the entry of meta.properties durable. */
static enum err identity_sync_entry(struct shard *shard)
{
    enum err result = env_open(shard->env, ".", ENV_OPEN_DIRECTORY, &shard->identity_file);
    if (result != ERR_NONE)
        return result;
    shard->identity_step = TICKET_ENTRY;
    shard->identity_sync = ++shard->ticket_next;
    env_sync(shard->env, &(struct env_sync){.ticket = shard->identity_sync,
                                            .count = 1,
                                            .files = &shard->identity_file});
    return ERR_NONE;
}

static void mint(struct shard *shard, struct uuid *uuid)
{
    store_be64(uuid->bytes, env_random(shard->env));
    store_be64(uuid->bytes + 8, env_random(shard->env));
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | 0x40); /* Version 4, as Kafka's. */
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

/* What a power loss before the first sync of meta.properties may leave. */
static bool may_stand_alone(const char *name)
{
    return name[0] == '.' || strcmp(name, path_new) == 0 || strcmp(name, "lost+found") == 0 ||
           strncmp(name, "marks-", 6) == 0 || strncmp(name, "quorum-state.", 13) == 0;
}

/* An unmarked directory may only hold what we ourselves leave in an empty one. */
static enum err identity_check_empty(struct shard *shard)
{
    struct arena arena = {0};
    const char **names;
    uint32_t count;
    enum err result = env_list(shard->env, ".", &arena, &names, &count);
    for (uint32_t i = 0; i < count && result == ERR_NONE; i++)
        if (!may_stand_alone(names[i]))
            result =
                refuse(shard, "%s: not empty (%s) and without %s: not a directory of this program",
                       names[i], path);
    arena_free(&arena);
    return result;
}

enum err identity_open(struct shard *shard)
{
    mint(shard, &shard->identity.incarnation_id);
    file_id file;
    enum err result = env_open(shard->env, path, ENV_OPEN_READ, &file);
    if (result == ERR_NOT_FOUND) {
        result = identity_check_empty(shard);
        if (result != ERR_NONE)
            return result;
        mint(shard, &shard->identity.directory_id);
        return identity_write(shard);
    }
    if (result != ERR_NONE)
        return result;
    char text[TEXT_MAX];
    int64_t size = env_read(shard->env, file, 0, text, sizeof text - 1);
    env_close(shard->env, file);
    if (size < 0)
        return (enum err)size;
    text[size] = '\0';
    result = identity_parse(shard, text);
    /* Its content was synced before the rename, but a kill may have come before the entry was. */
    return result == ERR_NONE ? identity_sync_entry(shard) : result;
}

bool identity_synced(struct shard *shard, uint64_t ticket, enum err result)
{
    if (shard->identity_step == 0 || ticket != shard->identity_sync)
        return false;
    env_close(shard->env, shard->identity_file);
    if (result == ERR_NONE && shard->identity_step == TICKET_CONTENT)
        result = env_rename(shard->env, path_new, path);
    if (result == ERR_NONE && shard->identity_step == TICKET_CONTENT) {
        result = identity_sync_entry(shard);
    } else if (result == ERR_NONE) {
        shard->identity_step = 0;
        shard->identity_durable = true;
    }
    if (result != ERR_NONE)
        env_fatal(shard->env, "meta.properties could not be made durable");
    return true;
}

bool identity_is_durable(const struct shard *shard)
{
    return shard->identity_durable;
}

void identity_set_cluster(struct shard *shard, struct uuid cluster_id)
{
    if (uuid_equal(shard->identity.cluster_id, cluster_id))
        return;
    shard->identity.cluster_id = cluster_id;
    if (shard->identity_step != 0)
        return; /* Its first writing is still under way; the next start notes it. */
    if (identity_write(shard) != ERR_NONE)
        trace_warn(shard->env->trace, "meta.properties: cluster.id could not be noted");
}
