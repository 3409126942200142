/* dump_record.c -- a metadata record as JSON, by the names of its schema. */
#include <string.h>

#include "dump.h"
#include "output.h"
#include "record.h"

enum { DEPTH_MAX = 8 }; /* The schema's is four. */

struct building {
    json_t *open[DEPTH_MAX]; /* Borrowed from what holds them, but the first. */
    uint32_t depth;
};

/* Set into the innermost object or list, which takes it. */
static void add(struct building *building, const char *name, json_t *value)
{
    json_t *into = building->open[building->depth];
    if (name)
        json_object_set_new(into, name, value);
    else
        json_array_append_new(into, value);
}

static void enter(struct building *building, const char *name, json_t *value)
{
    check(building->depth + 1 < DEPTH_MAX);
    add(building, name, value);
    building->open[++building->depth] = value;
}

static void take_field(void *context, const struct record_field *field)
{
    struct building *building = context;
    char uuid[UUID_TEXT_SIZE];
    switch (field->kind) {
    case RECORD_FIELD_OPEN:
        enter(building, field->name, json_object());
        return;
    case RECORD_FIELD_LIST_OPEN:
        enter(building, field->name, json_array());
        return;
    case RECORD_FIELD_CLOSE:
    case RECORD_FIELD_LIST_CLOSE:
        building->depth--;
        return;
    case RECORD_FIELD_NUMBER:
        add(building, field->name, json_integer(field->number));
        return;
    case RECORD_FIELD_BOOL:
        add(building, field->name, json_boolean(field->number));
        return;
    case RECORD_FIELD_UUID:
        uuid_format(field->uuid, uuid);
        add(building, field->name, json_string(uuid));
        return;
    case RECORD_FIELD_TEXT:
    case RECORD_FIELD_BYTES:
        if (field->bytes.size == 0)
            add(building, field->name, json_string(""));
        else
            json_set_bytes(building->open[building->depth], field->name, field->bytes.data,
                           field->bytes.size);
        return;
    }
}

json_t *dump_metadata_record(struct dump *dump, uint64_t position, struct bytes value)
{
    struct arena arena = {0};
    struct record record;
    struct building building = {.open = {json_object()}};
    enum err err = record_visit(value, &arena, take_field, &building);
    if (err) {
        dump_problem(dump, position, NULL, NULL, "a record is no metadata record (%s)",
                     err_name(err));
        json_decref(building.open[0]);
        arena_free(&arena);
        return NULL;
    }
    err = record_decode(value, &arena, &record);
    if (err)
        dump_problem(dump, position, NULL, NULL, "a node of this version stops at this record (%s)",
                     err_name(err));
    arena_free(&arena);
    return building.open[0];
}
