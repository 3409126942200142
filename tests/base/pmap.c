/* pmap.c -- the map that never changes. */
#include "base/base.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { KEYS = 300 };

struct value {
    int refs;
    uint32_t number;
};

static void value_ref(void *value)
{
    ((struct value *)value)->refs++;
}

static void value_unref(void *value)
{
    ((struct value *)value)->refs--;
}

static const struct pmap_kind kind = {.value_ref = value_ref, .value_unref = value_unref};
static struct value values[KEYS];

/* Big-endian, so that bytewise order is the numbers' order. */
static struct bytes key_in(uint32_t number, uint8_t room[4])
{
    store_be32(room, number);
    return (struct bytes){.data = room, .size = 4};
}

static void put(struct pmap **root, uint32_t number)
{
    uint8_t room[4];
    struct pmap *next = pmap_put(&kind, *root, key_in(number, room), &values[number]);
    pmap_unref(&kind, *root);
    *root = next;
}

static void take(struct pmap **root, uint32_t number)
{
    uint8_t room[4];
    struct pmap *next = pmap_remove(&kind, *root, key_in(number, room));
    pmap_unref(&kind, *root);
    *root = next;
}

static void *get(const struct pmap *root, uint32_t number)
{
    uint8_t room[4];
    return pmap_get(root, key_in(number, room));
}

static int refs_held(void)
{
    int sum = 0;
    for (uint32_t i = 0; i < KEYS; i++)
        sum += values[i].refs;
    return sum;
}

Test(pmap, an_old_root_keeps_its_content)
{
    struct pmap *root = NULL;
    put(&root, 1);
    put(&root, 2);
    struct pmap *old = pmap_ref(root);

    take(&root, 1);
    put(&root, 3);

    cr_assert_eq(get(old, 1), &values[1]);
    cr_assert_null(get(old, 3));
    cr_assert_null(get(root, 1));
    cr_assert_eq(get(root, 3), &values[3]);
    cr_assert_eq(pmap_count(old), 2);
    cr_assert_eq(pmap_count(root), 2);
    pmap_unref(&kind, old);
    pmap_unref(&kind, root);
    cr_assert_eq(refs_held(), 0);
}

Test(pmap, a_put_over_a_key_replaces_its_value)
{
    uint8_t room[4];
    struct pmap *root = NULL;
    put(&root, 5);

    struct pmap *next = pmap_put(&kind, root, key_in(5, room), &values[6]);

    cr_assert_eq(get(next, 5), &values[6]);
    cr_assert_eq(get(root, 5), &values[5]);
    cr_assert_eq(pmap_count(next), 1);
    pmap_unref(&kind, root);
    pmap_unref(&kind, next);
    cr_assert_eq(refs_held(), 0);
}

Test(pmap, agrees_with_an_array_through_random_changes)
{
    bool model[KEYS] = {false};
    struct pmap *root = NULL;
    struct rand rand;
    rand_init(&rand, 2);
    uint32_t wrong = 0, count = 0;

    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t number = (uint32_t)rand_below(&rand, KEYS);
        model[number] = rand_chance(&rand, 1, 2);
        if (model[number])
            put(&root, number);
        else
            take(&root, number);
    }
    for (uint32_t number = 0; number < KEYS; number++) {
        wrong += (get(root, number) != NULL) != model[number];
        count += model[number];
    }

    cr_assert_eq(wrong, 0);
    cr_assert_eq(pmap_count(root), count);
    pmap_unref(&kind, root);
    cr_assert_eq(refs_held(), 0);
}

Test(pmap, is_walked_in_the_order_of_its_keys)
{
    struct pmap *root = NULL;
    for (uint32_t i = 0; i < KEYS; i++) {
        values[i].number = i;
        put(&root, i * 7 % KEYS);
    }
    struct bytes found = {.data = (const uint8_t *)"", .size = 0};
    uint32_t expected = 0, wrong = 0;

    for (struct value *value = pmap_seek(root, found, false, &found); value != NULL;
         value = pmap_seek(root, found, true, &found))
        wrong += value->number != expected++;

    cr_assert_eq(wrong, 0);
    cr_assert_eq(expected, KEYS);
    pmap_unref(&kind, root);
}

Test(pmap, seeks_at_or_strictly_after_a_key)
{
    uint8_t room[4];
    struct bytes found;
    struct pmap *root = NULL;
    put(&root, 10);
    put(&root, 20);

    cr_assert_eq(pmap_seek(root, key_in(10, room), false, &found), &values[10]);
    cr_assert_eq(pmap_seek(root, key_in(10, room), true, &found), &values[20]);
    cr_assert_eq(load_be32(found.data), 20);
    cr_assert_eq(pmap_seek(root, key_in(11, room), false, NULL), &values[20]);
    cr_assert_null(pmap_seek(root, key_in(20, room), true, &found));
    pmap_unref(&kind, root);
}

/* Two trees of one shape end in one count of nodes on every path; the number of new
 * nodes that a put makes is the depth of its key, so compare depths through refs. */
static uint32_t refs_after_touching(struct pmap *root, uint32_t number)
{
    uint8_t room[4];
    int before = refs_held();
    struct pmap *touched = pmap_put(&kind, root, key_in(number, room), &values[number]);
    uint32_t copied = (uint32_t)(refs_held() - before);
    pmap_unref(&kind, touched);
    return copied;
}

Test(pmap, has_a_shape_that_depends_only_on_its_keys)
{
    struct pmap *rising = NULL, *falling = NULL;
    for (uint32_t i = 0; i < KEYS; i++)
        put(&rising, i);
    for (uint32_t i = KEYS; i > 0; i--)
        put(&falling, i - 1);
    for (uint32_t i = 0; i < KEYS; i += 2) { /* A detour that ends where it began. */
        take(&falling, i);
        put(&falling, i);
    }

    uint32_t differ = 0, deepest = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t depth = refs_after_touching(rising, i);
        differ += depth != refs_after_touching(falling, i);
        deepest = depth > deepest ? depth : deepest;
    }

    cr_assert_eq(differ, 0);
    cr_assert_lt(deepest, 40); /* Balanced: log2(300) is 8.2, and a treap has some twice that. */
    pmap_unref(&kind, rising);
    pmap_unref(&kind, falling);
    cr_assert_eq(refs_held(), 0);
}

/* A rank that everybody knows: so were keys ranked once. */
static uint64_t known_rank(const char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)key[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return hash ^ (hash >> 32);
}

/* Keys that rise, and rise by that rank, too: a treap of them would be a list. */
static size_t chosen_name(uint32_t serial, char name[24])
{
    uint64_t width = UINT64_MAX / KEYS;
    for (uint32_t suffix = 0;; suffix++) {
        int size = snprintf(name, 24, "%06u-%u", serial, suffix);
        if (known_rank(name, (size_t)size) / width == serial)
            return (size_t)size;
    }
}

static void put_chosen(struct pmap **root, uint32_t serial)
{
    char name[24];
    size_t size = chosen_name(serial, name);
    struct bytes key = {.data = (const uint8_t *)name, .size = (uint32_t)size};
    struct pmap *next = pmap_put(&kind, *root, key, &values[serial]);
    pmap_unref(&kind, *root);
    *root = next;
}

/* The nodes that are copied in all are what the work is, and the depth of the stack. */
Test(pmap, chosen_keys_make_no_deep_tree)
{
    struct pmap *root = NULL;
    char low[] = "!";
    for (uint32_t i = KEYS; i > 0; i--)
        put_chosen(&root, i - 1);
    int before = refs_held();

    struct pmap *next =
        pmap_put(&kind, root, (struct bytes){.data = (const uint8_t *)low, .size = 1}, &values[0]);

    cr_assert_eq(pmap_count(next), KEYS + 1);
    cr_assert_lt(refs_held() - before, 40);
    pmap_unref(&kind, root);
    pmap_unref(&kind, next);
    cr_assert_eq(refs_held(), 0);
}

Test(pmap, removing_an_absent_key_gives_the_same_root)
{
    struct pmap *root = NULL;
    uint8_t room[4];
    put(&root, 1);

    struct pmap *same = pmap_remove(&kind, root, key_in(2, room));

    cr_assert_eq(same, root);
    pmap_unref(&kind, same);
    pmap_unref(&kind, root);
}
