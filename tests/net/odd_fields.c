/* odd_fields.c -- for each API that clients may use, in each version: one request for each field
 * and each value that nobody means, all other fields being ordinary.
 *
 * What each API says to it has tests of its own. Here a node answers or waits, and does not hang
 * up, goes on serving others, and gives back what the requests held. Only a Produce without
 * acknowledgement has no answer to put an error into. */
#include <criterion/criterion.h>

#include "api/api.h"
#include "base/walk.h"
#include "node.h"
#include "node_fixture.h"

static struct node node;

enum { ODD_VALUES = 6, LONGEST = 32767, ENOUGH_MS = 100, LEAST_ASKED = 5000 };

static void start(void)
{
    node_start(&node, NULL);
    node_keep_record(&node);
}

static void stop(void)
{
    node_check_record(&node);
    node_stop(&node);
}

TestSuite(odd_fields, .init = start, .fini = stop);

/* ---- Bodies. */

struct odd {
    int16_t version;
    uint32_t field, value; /* The one that is odd, counted over all of the body, and how. */
    uint32_t seen;         /* Fields so far. */
    bool was_possible;     /* It was there, and can be so. */
};

static void put_number(const struct walk_field *field, void *at, int64_t value)
{
    switch (field->type) {
    case WALK_BOOL:
        *(bool *)at = value != 0;
        return;
    case WALK_INT8:
        *(int8_t *)at = (int8_t)value;
        return;
    case WALK_INT16:
    case WALK_UINT16:
        *(int16_t *)at = (int16_t)value;
        return;
    case WALK_INT32:
    case WALK_UINT32:
        *(int32_t *)at = (int32_t)value;
        return;
    case WALK_INT64:
    case WALK_FLOAT64:
        *(int64_t *)at = value;
        return;
    default:
        memset(at, (int)value, sizeof(struct uuid));
    }
}

static int64_t least(const struct walk_field *field)
{
    switch (field->type) {
    case WALK_INT8:
        return INT8_MIN;
    case WALK_INT16:
        return INT16_MIN;
    case WALK_INT32:
        return INT32_MIN;
    case WALK_INT64:
        return INT64_MIN;
    default:
        return 0;
    }
}

static int64_t odd_number(const struct walk_field *field, uint32_t value)
{
    const int64_t odd[ODD_VALUES] = {least(field), ~least(field), -1, 0, 1, -2};
    return odd[value];
}

static struct str odd_text(struct odd *odd, bool may_be_null)
{
    static char longest[LONGEST];
    const struct str texts[] = {STR(""), STR("."), STR("no name"), STR("__consumer_offsets")};
    memset(longest, 'x', sizeof longest);
    if (odd->value < 4)
        return texts[odd->value];
    if (odd->value == 4)
        return (struct str){.data = longest, .size = LONGEST};
    odd->was_possible = may_be_null;
    return (struct str){0};
}

static void fill(const struct walk_struct *of, struct odd *odd, uint8_t *out);

static void fill_value(const struct walk_field *field, struct odd *odd, bool is_odd, uint8_t *at)
{
    bool may_be_null = odd->version >= field->null_first;
    if (field->type == WALK_STRING)
        *(struct str *)(void *)at = is_odd ? odd_text(odd, may_be_null) : STR("odd");
    else if (field->type == WALK_BYTES)
        *(struct bytes *)(void *)at =
            bytes_of_str(is_odd ? odd_text(odd, may_be_null) : STR("odd"));
    else if (field->type == WALK_STRUCT)
        fill(field->of, odd, at);
    else if (is_odd)
        put_number(field, at, odd_number(field, odd->value));
}

static size_t element_size(const struct walk_field *field)
{
    static const size_t sizes[] = {
        [WALK_BOOL] = sizeof(bool),
        [WALK_INT8] = 1,
        [WALK_INT16] = 2,
        [WALK_UINT16] = 2,
        [WALK_INT32] = 4,
        [WALK_UINT32] = 4,
        [WALK_INT64] = 8,
        [WALK_FLOAT64] = 8,
        [WALK_UUID] = sizeof(struct uuid),
        [WALK_STRING] = sizeof(struct str),
        [WALK_BYTES] = sizeof(struct bytes),
        [WALK_STRUCT] = 0,
    };
    return field->of ? field->of->size : sizes[field->type];
}

/* One element; or, where it is odd, none, null, or the same one three times. */
static void fill_array(const struct walk_field *field, struct odd *odd, bool is_odd, uint8_t *out)
{
    size_t size = element_size(field);
    uint32_t count = is_odd && odd->value < 2 ? 0 : is_odd ? 3 : 1;
    uint8_t *elements = arena_alloc(&node.arena, 3 * size);
    if (field->of)
        memcpy(elements, field->of->defaults, size);
    fill_value(field, odd, false, elements);
    memcpy(elements + size, elements, size);
    memcpy(elements + 2 * size, elements, size);
    if (is_odd && odd->value == 1) {
        odd->was_possible = odd->version >= field->null_first;
        elements = NULL;
    }
    if (is_odd && odd->value > 2)
        odd->was_possible = false;
    memcpy(out + field->offset, &elements, sizeof elements);
    memcpy(out + field->count_offset, &count, sizeof count);
}

static void fill_pointer(const struct walk_field *field, struct odd *odd, uint8_t *at)
{
    uint8_t *out = arena_alloc(&node.arena, field->of->size);
    memcpy(out, field->of->defaults, field->of->size);
    fill(field->of, odd, out);
    memcpy(at, &out, sizeof out);
}

static void fill(const struct walk_struct *of, struct odd *odd, uint8_t *out)
{
    for (uint16_t i = 0; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        if (odd->version < field->first || odd->version > field->last)
            continue;
        bool is_odd = odd->seen++ == odd->field;
        odd->was_possible = odd->was_possible || is_odd;
        if (field->is_array)
            fill_array(field, odd, is_odd, out);
        else if (field->type == WALK_STRUCT && field->null_first != WALK_VERSION_MAX)
            fill_pointer(field, odd, out + field->offset);
        else
            fill_value(field, odd, is_odd, out + field->offset);
    }
}

/* ---- Sending them. */

static uint32_t asked;

/* False: the version has no such field. */
static bool ask(const struct wire_api *api, conn_id *conn, struct odd odd)
{
    void *body = arena_alloc(&node.arena, api->request->body->size);
    memcpy(body, api->request->body->defaults, api->request->body->size);
    fill(api->request->body, &odd, body);
    if (!odd.was_possible)
        return odd.field < odd.seen;
    asked++;
    node_ask(&node, *conn, api->key, odd.version, body);
    node_run(&node, 1);
    cr_assert_not(node.fake.has_failed, "%s v%d field %u value %u", api->name, odd.version,
                  odd.field, odd.value);
    if (node_has_closed(&node, *conn)) {
        cr_assert_eq(api->key, WIRE_PRODUCE, "%s v%d field %u value %u", api->name, odd.version,
                     odd.field, odd.value);
        *conn = node_connect(&node);
    }
    return true;
}

static void ask_all(const struct wire_api *api, int16_t version)
{
    conn_id conn = node_connect(&node);
    node_create_topic(&node, "odd"); /* It may have been deleted. */
    for (uint32_t value = 0; value < ODD_VALUES; value++) {
        struct odd odd = {.version = version, .value = value};
        while (ask(api, &conn, odd))
            odd.field++;
    }
    arena_free(&node.arena);
}

Test(odd_fields, of_every_request_in_every_version_harm_nobody)
{
    for (uint32_t i = 0; i < api_count(); i++) {
        const struct wire_api *api = wire_api_find(api_at(i)->key);
        for (int16_t version = api->min; api_at(i)->client && version <= api->max; version++)
            ask_all(api, version);
    }
    cr_assert_gt(asked, LEAST_ASKED);
    node_run(&node, ENOUGH_MS);
    conn_id conn = node_connect(&node);
    cr_assert_eq(node_fetch(&node, conn, "kept", 0).error_code, ERR_NONE);
}
