/* golden.c -- every version of every API against the message classes of kafka-clients.
 *
 * golden/ holds, for each version and direction, the names of the fields in wire order and two
 * bodies, as Kafka's own classes read and wrote them (golden/Golden.java). What our schema reads of
 * them and writes again must be the same bytes, and each field must be the one that Kafka has in
 * its place. A version that is served and has no golden body fails. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

enum { LINE_MAX_SIZE = 32 * 1024, VERSIONS_MAX = 32, TAGS_OWN = 10000 };
enum kind { KIND_NAMES, KIND_FULL, KIND_BARE, KINDS };

static const char *const kinds[] = {"names", "full", "bare"};

struct golden {
    const struct wire_api *api;
    const struct walk_message *message;
    int16_t version;
    bool is_request;
    enum kind kind;
    const char *rest; /* Names, or a body in hex. */
};

static char line[LINE_MAX_SIZE];

static bool parse(const struct wire_api *api, struct golden *out)
{
    int version, start;
    char direction[16], kind[8];
    if (sscanf(line, "%d %15s %7s %n", &version, direction, kind, &start) != 3)
        return false;
    *out = (struct golden){.api = api,
                           .version = (int16_t)version,
                           .is_request = strcmp(direction, "request") == 0,
                           .kind = KINDS,
                           .rest = line + start};
    out->message = out->is_request ? api->request : api->response;
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kind, kinds[i]) == 0)
            out->kind = (enum kind)i;
    return out->kind != KINDS && version >= 0 && version < VERSIONS_MAX;
}

static void for_each(void (*take)(const struct golden *golden))
{
    char path[512];
    DIR *folder = opendir(GOLDEN_DIR);
    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        const struct wire_api *api = wire_api_find((int16_t)atoi(entry->d_name));
        cr_assert_not_null(api, "%s", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, entry->d_name);
        FILE *file = fopen(path, "r");
        cr_assert_not_null(file, "%s", path);
        while (fgets(line, sizeof line, file)) {
            struct golden golden;
            cr_assert(parse(api, &golden), "%s: %.40s", entry->d_name, line);
            take(&golden);
        }
        fclose(file);
    }
    closedir(folder);
}

/* ---- Bodies. */

static void check_body(const struct golden *golden)
{
    static uint8_t body[LINE_MAX_SIZE / 2], again[LINE_MAX_SIZE / 2];
    const struct walk_message *message = golden->message;
    struct arena arena = {0};
    struct wire_reader reader;
    struct wire_writer writer;
    uint32_t size = 0;
    unsigned byte;
    if (golden->kind == KIND_NAMES)
        return;
    for (const char *at = golden->rest; sscanf(at, "%2x", &byte) == 1; at += 2)
        body[size++] = (uint8_t)byte;
    wire_reader_init(&reader, (struct bytes){body, size});
    void *read = arena_alloc(&arena, message->body->size);

    enum err err = walk_read(message, golden->version, &reader, &arena, read);
    cr_assert_eq(err, ERR_NONE, "%s v%d: %s", message->body->name, golden->version, err_name(err));
    cr_assert_eq(wire_reader_left(&reader), 0, "%s v%d", message->body->name, golden->version);
    cr_assert_eq(walk_measure(message, golden->version, read).total, size, "%s v%d",
                 message->body->name, golden->version);
    wire_writer_init(&writer, again, sizeof again, NULL, 0);
    walk_write(message, golden->version, read, &writer);
    cr_assert(bytes_equal((struct bytes){body, size}, (struct bytes){again, writer.size}),
              "%s v%d comes out changed", message->body->name, golden->version);
    arena_free(&arena);
}

Test(golden, bodies_come_out_byte_for_byte)
{
    for_each(check_body);
}

/* ---- Names. */

/* Where ours are evened out, or say more. */
static const struct {
    const char *kafkas, *ours;
} renamed[] = {
    {"batch_index_error_message", "message"},
    {"config_resources", "resources"},
    {"forgotten_topics_data", "forgotten_topics"},
    {"generation_id_or_member_epoch", "generation_id"},
    {"group_instance_id", "instance_id"},
    {"groups_names", "groups"},
    {"is_future_key", "is_future"},
    {"new_isr_with_epochs", "new_isr"},
    {"partition", "index"},
    {"partition_data", "partitions"},
    {"partition_id", "index"},
    {"partition_index", "index"},
    {"partition_indexes", "partitions"},
    {"partition_responses", "partitions"},
    {"partition_result", "partitions"},
    {"partition_size", "size"},
    {"producer_id_len", "producer_id_count"},
    {"replica_election_results", "topics"},
    {"resource_name", "name"},
    {"resource_type", "type"},
    {"responses", "topics"},
    {"topic", "name"},
    {"topic_data", "topics"},
    {"topic_name", "name"},
    {"topic_partitions", "topics"},
};

static bool is_same_name(const char *kafkas, const char *ours)
{
    bool same = strcmp(kafkas, ours) == 0;
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        same =
            same || (strcmp(kafkas, renamed[i].kafkas) == 0 && strcmp(ours, renamed[i].ours) == 0);
    return same;
}

static bool next_word(const char **at, char *word)
{
    int size;
    if (sscanf(*at, "%127s%n", word, &size) != 1)
        return false;
    *at += size;
    return true;
}

static void check_fields(const struct golden *golden, const struct walk_struct *of, const char **at)
{
    char word[128];
    cr_assert(next_word(at, word) && strcmp(word, "[") == 0, "%s v%d", of->name, golden->version);
    for (uint16_t i = 0; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (golden->version < field->first || golden->version > field->last ||
            field->tag >= TAGS_OWN)
            continue;
        cr_assert(next_word(at, word));
        const char *colon = strchr(word, ':');
        cr_assert_eq(field->tag, colon ? atoi(word) : -1, "%s v%d: %s is tag %d here", of->name,
                     golden->version, word, field->tag);
        cr_expect(is_same_name(colon ? colon + 1 : word, field->name),
                  "%s v%d: Kafka's %s is %s here", of->name, golden->version, word, field->name);
        if (field->of)
            check_fields(golden, field->of, at);
    }
    cr_assert(next_word(at, word) && strcmp(word, "]") == 0, "%s v%d: %s is not here", of->name,
              golden->version, word);
}

static void check_names(const struct golden *golden)
{
    const char *at = golden->rest;
    if (golden->kind == KIND_NAMES)
        check_fields(golden, golden->message->body, &at);
}

Test(golden, each_field_is_the_one_that_kafka_has_in_its_place)
{
    for_each(check_names);
}

/* ---- Is all there? */

static bool seen[WIRE_API_COUNT][VERSIONS_MAX][2][KINDS];

static void note(const struct golden *golden)
{
    seen[golden->api - wire_apis][golden->version][golden->is_request][golden->kind] = true;
}

Test(golden, every_version_of_every_api_is_there_in_both_directions)
{
    for_each(note);
    for (uint32_t i = 0; i < WIRE_API_COUNT; i++)
        for (int16_t version = wire_apis[i].min; version <= wire_apis[i].max; version++)
            for (int direction = 0; direction < 2; direction++)
                for (int kind = 0; kind < KINDS; kind++)
                    cr_expect(seen[i][version][direction][kind], "%s v%d has no golden %s of a %s",
                              wire_apis[i].name, version, kinds[kind],
                              direction ? "request" : "reply");
}
