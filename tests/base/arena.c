/* arena.c -- the memory of one request. */
#include "base/base.h"

#include <criterion/criterion.h>

Test(arena, hands_out_cleared_and_aligned_memory)
{
    struct arena arena = {0};
    static const uint8_t zeros[3000];

    uint8_t *odd = arena_alloc(&arena, 3);
    uint8_t *large = arena_alloc(&arena, sizeof zeros);

    cr_assert_eq((uintptr_t)odd % 16, 0);
    cr_assert_eq((uintptr_t)large % 16, 0);
    cr_assert_eq(memcmp(large, zeros, sizeof zeros), 0);
    arena_free(&arena);
}

Test(arena, never_hands_out_the_same_bytes_twice)
{
    struct arena arena = {0};
    uint8_t *pieces[400];

    for (uint32_t i = 0; i < 400; i++) {
        pieces[i] = arena_alloc(&arena, 1 + i * 7);
        memset(pieces[i], (int)(i & 255), 1 + i * 7);
    }
    uint32_t spoilt = 0;
    for (uint32_t i = 0; i < 400; i++)
        spoilt += pieces[i][0] != (i & 255) || pieces[i][i * 7] != (i & 255);

    cr_assert_eq(spoilt, 0);
    arena_free(&arena);
}

Test(arena, goes_on_with_its_block_after_a_request_that_did_not_fit)
{
    struct arena arena = {0};
    uint8_t *before = arena_alloc(&arena, 16);

    arena_alloc(&arena, 100000);
    uint8_t *after = arena_alloc(&arena, 16);

    cr_assert_eq(after, before + 16);
    arena_free(&arena);
}

Test(arena, counts_what_its_blocks_take_for_the_memory_budget)
{
    struct arena arena = {0};

    arena_alloc(&arena, 5000);
    cr_assert_geq(arena.total, 5000);
    arena_free(&arena);

    cr_assert_eq(arena.total, 0);
}

Test(arena, is_usable_again_after_it_was_freed)
{
    struct arena arena = {0};
    arena_alloc(&arena, 10);
    arena_free(&arena);

    cr_assert_str_eq(arena_format(&arena, "%s-%d", "orders", 3), "orders-3");
    arena_free(&arena);
}

Test(arena, copies_strings_and_keeps_null_null)
{
    struct arena arena = {0};
    char name[] = "orders";

    struct str copy = arena_str(&arena, str_from(name));
    struct str null = arena_str(&arena, str_from(NULL));
    name[0] = 'X';

    cr_assert(str_equal(copy, STR("orders")));
    cr_assert_null(null.data);
    arena_free(&arena);
}

Test(arena, formats_lines_longer_than_its_first_block)
{
    struct arena arena = {0};

    const char *text = arena_format(&arena, "%5000d", 7);

    cr_assert_eq(strlen(text), 5000);
    cr_assert_eq(text[4999], '7');
    arena_free(&arena);
}
