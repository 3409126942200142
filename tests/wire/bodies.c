/* bodies.c -- random structs of any described message, and their comparison.
 *
 * Both follow the same tables as the walker but share no code with it. */
#include "bodies.h"

#include <string.h>

enum { ELEMENTS_MAX = 3, TEXT_MAX = 12 };

static const uint8_t sizes[] = {
    [WALK_BOOL] = 1,
    [WALK_INT8] = 1,
    [WALK_INT16] = 2,
    [WALK_UINT16] = 2,
    [WALK_INT32] = 4,
    [WALK_UINT32] = 4,
    [WALK_INT64] = 8,
    [WALK_FLOAT64] = 8,
    [WALK_UUID] = 16,
    [WALK_STRING] = sizeof(struct str),
    [WALK_BYTES] = sizeof(struct bytes),
    [WALK_RECORDS] = sizeof(struct wire_records),
};

static size_t size_of(const struct walk_field *field)
{
    return field->type == WALK_STRUCT ? field->of->size : sizes[field->type];
}

static bool is_carried(const struct walk_field *field, int16_t version)
{
    return version >= field->first && version <= field->last;
}

static struct bytes random_run(struct rand *rand, struct arena *arena, bool text)
{
    static const char *const words[] = {"", "topic-1", "\xc3\xa9t\xc3\xa9", "\xf0\x9f\x90\x9f",
                                        "x"};
    if (text) {
        const char *word = words[rand_below(rand, 5)];
        return (struct bytes){.data = arena_copy(arena, word, strlen(word) + 1),
                              .size = (uint32_t)strlen(word)};
    }
    /* Now and then long enough for a length of two or three bytes. */
    uint32_t size = (uint32_t)rand_below(rand, rand_chance(rand, 1, 20) ? 20000 : TEXT_MAX);
    uint8_t *data = arena_alloc(arena, size + 1);
    for (uint32_t i = 0; i < size; i++)
        data[i] = (uint8_t)rand_u64(rand);
    return (struct bytes){.data = data, .size = size};
}

static void random_value(const struct walk_field *field, int16_t version, bool may_be_null,
                         struct rand *rand, struct arena *arena, void *out)
{
    bool null = may_be_null && rand_chance(rand, 1, 3);
    struct bytes run = {0};
    uint64_t number = rand_chance(rand, 1, 3) ? 0 : rand_u64(rand);
    switch ((enum walk_type)field->type) {
    case WALK_STRING:
        if (!null)
            run = random_run(rand, arena, true);
        *(struct str *)out = (struct str){.data = (const char *)run.data, .size = run.size};
        return;
    case WALK_BYTES:
        if (!null)
            run = random_run(rand, arena, false);
        *(struct bytes *)out = run;
        return;
    case WALK_RECORDS:
        if (!null)
            run = random_run(rand, arena, false);
        *(struct wire_records *)out =
            (struct wire_records){.memory = run, .file = -1, .size = run.size};
        return;
    case WALK_STRUCT:
        body_random(field->of, version, rand, arena, out);
        return;
    case WALK_BOOL:
        *(bool *)out = number & 1;
        return;
    case WALK_UUID:
        memcpy((uint8_t *)out, &number, 8);
        memcpy((uint8_t *)out + 8, &number, 8);
        return;
    default:
        memcpy(out, &number, sizes[field->type]);
    }
}

static void random_array(const struct walk_field *field, int16_t version, struct rand *rand,
                         struct arena *arena, uint8_t *body)
{
    bool null = version >= field->null_first && rand_chance(rand, 1, 3);
    uint32_t count = null ? 0 : (uint32_t)rand_below(rand, ELEMENTS_MAX + 1);
    uint8_t *array = null ? NULL : arena_alloc(arena, size_of(field) * (count + 1));
    memcpy(body + field->offset, &array, sizeof array);
    memcpy(body + field->count_offset, &count, sizeof count);
    for (uint32_t i = 0; i < count; i++)
        random_value(field, version, false, rand, arena, array + i * size_of(field));
}

void body_random(const struct walk_struct *of, int16_t version, struct rand *rand,
                 struct arena *arena, void *out)
{
    memset(out, 0, of->size);
    for (uint32_t i = 0; i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        uint8_t *at = (uint8_t *)out + field->offset;
        bool may_be_null = version >= field->null_first;
        if (field->is_array) {
            random_array(field, version, rand, arena, out);
        } else if (field->type == WALK_STRUCT && field->null_first != WALK_VERSION_MAX) {
            void *inner = rand_chance(rand, 1, 2) ? arena_alloc(arena, field->of->size) : NULL;
            if (inner)
                body_random(field->of, version, rand, arena, inner);
            memcpy(at, &inner, sizeof inner);
        } else {
            random_value(field, version, may_be_null, rand, arena, at);
        }
    }
}

static bool value_equal(const struct walk_field *field, int16_t version, const void *a,
                        const void *b)
{
    const struct wire_records *left = a, *right = b;
    const struct bytes *run_a = a, *run_b = b;
    switch ((enum walk_type)field->type) {
    case WALK_STRING:
    case WALK_BYTES: /* The same layout. */
        return bytes_equal(*run_a, *run_b) && !run_a->data == !run_b->data;
    case WALK_RECORDS:
        return bytes_equal(left->memory, right->memory) &&
               !left->memory.data == !right->memory.data;
    case WALK_STRUCT:
        return body_equal(field->of, version, a, b);
    default:
        return memcmp(a, b, sizes[field->type]) == 0;
    }
}

static bool field_equal(const struct walk_field *field, int16_t version, const uint8_t *a,
                        const uint8_t *b)
{
    const uint8_t *left = a + field->offset, *right = b + field->offset;
    bool pointer = field->type == WALK_STRUCT && field->null_first != WALK_VERSION_MAX;
    if (!field->is_array && !pointer)
        return value_equal(field, version, left, right);

    const uint8_t *first, *second;
    uint32_t count = 1, other = 1;
    memcpy(&first, left, sizeof first);
    memcpy(&second, right, sizeof second);
    if (!first || !second)
        return first == second;
    if (field->is_array) {
        memcpy(&count, a + field->count_offset, sizeof count);
        memcpy(&other, b + field->count_offset, sizeof other);
    }
    for (uint32_t i = 0; count == other && i < count; i++) {
        if (!value_equal(field, version, first + i * size_of(field), second + i * size_of(field)))
            return false;
    }
    return count == other;
}

bool body_equal(const struct walk_struct *of, int16_t version, const void *a, const void *b)
{
    struct arena arena = {0};
    uint8_t *defaults = arena_alloc(&arena, of->size);
    walk_init(of, defaults);
    bool equal = true;
    for (uint32_t i = 0; equal && i < of->field_count; i++) {
        const struct walk_field *field = &of->fields[i];
        const void *wanted = is_carried(field, version) ? a : defaults;
        equal =
            field_equal(field, is_carried(field, version) ? version : WALK_VERSION_MAX, wanted, b);
    }
    arena_free(&arena);
    return equal;
}

struct bytes body_bytes(const struct walk_message *message, int16_t version, const void *body,
                        struct arena *arena)
{
    struct walk_size size = walk_measure(message, version, body);
    uint8_t *data = arena_alloc(arena, size.inlined + 1);
    struct wire_writer writer;
    wire_writer_init(&writer, data, (uint32_t)size.inlined, NULL, 0);
    walk_write(message, version, body, &writer);
    check(writer.size == size.inlined);
    check(size.total == size.inlined);
    return (struct bytes){.data = data, .size = writer.size};
}
