/* test_embedded.c -- what consumers of the classic protocol say in their own bytes, well or
 * badly. */
#include "embedded.h"

#include <criterion/criterion.h>

#define BYTES(...)                                                                                 \
    ((struct bytes){.data = (const uint8_t[]){__VA_ARGS__},                                        \
                    .size = sizeof(const uint8_t[]){__VA_ARGS__}})

Test(embedded, reads_a_subscription_of_each_version)
{
    /* What is read points into the bytes, which live as long as this block. */
    struct bytes first = BYTES(0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff);
    struct bytes shortest = BYTES(0, 0, 0, 0, 0, 1, 0, 1, 't');
    struct bytes third = BYTES(0, 3, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 9,    /* */
                               0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 4, /* */
                               0, 0, 0, 5, 0, 2, 'r', '1');
    struct arena arena = {0};
    struct embedded_subscription said;
    cr_assert(embedded_read_subscription(first, &arena, &said));
    cr_assert_eq(said.topic_count, 1);
    cr_assert(str_equal(said.topics[0], STR("t")));
    cr_assert(embedded_read_subscription(shortest, &arena, &said));
    cr_assert(embedded_read_subscription(third, &arena, &said));
    cr_assert_eq(said.version, 3);
    cr_assert_eq(said.owned_count, 1);
    cr_assert_eq(said.owned[0].partitions[0], 4);
    cr_assert(str_equal(said.rack_id, STR("r1")));
    arena_free(&arena);
}

Test(embedded, refuses_counts_and_lengths_that_are_not_there)
{
    const struct bytes bad[] = {
        BYTES(0),
        BYTES(0xff, 0xff, 0, 0, 0, 0),
        BYTES(0, 0, 0, 0, 0),
        BYTES(0, 0, 0x7f, 0xff, 0xff, 0xff),
        BYTES(0, 0, 0xff, 0xff, 0xff, 0xfe),
        BYTES(0, 0, 0, 0, 0, 1, 0xff, 0xff),
        BYTES(0, 0, 0, 0, 0, 1, 0, 5, 't'),
        BYTES(0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff),
        BYTES(0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe),
        BYTES(0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff),
        BYTES(0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 1, 't', 0x7f, 0xff, 0xff,
              0xff),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena arena = {0};
        struct embedded_subscription said;
        cr_assert_not(embedded_read_subscription(bad[i], &arena, &said), "%zu", i);
        cr_assert_lt(arena.total, 100000);
        arena_free(&arena);
    }
}

Test(embedded, reads_the_assignment_that_it_wrote)
{
    static const int32_t partitions[] = {0, 7};
    struct group_topic_partitions topics[] = {
        {.topic = STR("t"), .partition_count = 2, .partitions = partitions},
        {.topic = STR("u"), .partition_count = 1, .partitions = partitions}};
    struct arena arena = {0};
    struct embedded_assignment read;
    struct bytes bytes = embedded_write_assignment(&arena, 9, 2, topics);
    cr_assert_eq(load_be16(bytes.data), 3);
    cr_assert(embedded_read_assignment(bytes, &arena, &read));
    cr_assert_eq(read.topic_count, 2);
    cr_assert_eq(read.topics[0].partitions[1], 7);
    cr_assert(str_equal(read.topics[1].topic, STR("u")));
    cr_assert_eq(read.user_data.size, 0);
    for (uint32_t size = 1; size < bytes.size - 4; size++)
        cr_assert_not(embedded_read_assignment((struct bytes){.data = bytes.data, .size = size},
                                               &arena, &read));
    cr_assert(embedded_read_assignment((struct bytes){.data = NULL}, &arena, &read));
    cr_assert_eq(read.topic_count, 0);
    arena_free(&arena);
}
