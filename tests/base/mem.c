/* mem.c -- memory that is there. */
#include "base/mem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

Test(mem, aborts_when_there_is_none, .signal = SIGABRT)
{
    mem_free(mem_alloc(SIZE_MAX / 2));
}

Test(mem, clears_what_is_asked_for_cleared)
{
    static const uint8_t zeros[512];

    uint8_t *memory = mem_zalloc(sizeof zeros);

    cr_assert_eq(memcmp(memory, zeros, sizeof zeros), 0);
    mem_free(memory);
}

Test(mem, gives_a_pointer_for_nothing_at_all)
{
    void *memory = mem_alloc(0);

    cr_assert_not_null(memory);
    mem_free(memory);
    mem_free(NULL);
}

Test(mem, grows_an_array_and_keeps_what_is_in_it)
{
    uint32_t *numbers = NULL, count = 0, capacity = 0;

    for (uint32_t i = 0; i < 100; i++) {
        mem_grow(numbers, count, &capacity);
        numbers[count++] = i;
    }

    cr_assert_eq(numbers[0], 0);
    cr_assert_eq(numbers[99], 99);
    cr_assert_eq(capacity, 128);
    mem_free(numbers);
}

Test(mem, copies_a_string)
{
    char *copy = mem_strdup("skiff");

    cr_assert_str_eq(copy, "skiff");
    mem_free(copy);
}
