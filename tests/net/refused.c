/* refused.c -- src/net/refused.c. */
#include "refused.h"

#include <criterion/criterion.h>

static struct batch_info batch(int64_t producer_id, int16_t epoch, int32_t sequence)
{
    return (struct batch_info){
        .producer_id = producer_id, .producer_epoch = epoch, .base_sequence = sequence};
}

static mono_ms now = 5000;

static void note(struct refused *refused, enum err err, int64_t id, int16_t epoch, int32_t sequence)
{
    struct batch_info info = batch(id, epoch, sequence);
    refused_note(refused, &info, err, now);
}

/* For a log that ends at sequence `last` of the producer. */
static enum err before(struct refused *refused, int64_t id, int16_t epoch, int32_t sequence,
                       int32_t last)
{
    struct batch_info info = batch(id, epoch, sequence);
    return refused_before(refused, &info, last, now);
}

Test(refused, what_comes_after_a_refused_batch_hears_the_same)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 40);

    cr_assert_eq(before(&refused, 7, 0, 45, 39), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(before(&refused, 7, 0, 45, -1), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(before(&refused, 7, 0, 40, 39), ERR_NONE); /* It is sent again. */
    cr_assert_eq(before(&refused, 7, 0, 30, 39), ERR_NONE); /* A duplicate. */
    cr_assert_eq(before(&refused, 7, 1, 0, -1), ERR_NONE);  /* It has begun anew. */
    cr_assert_eq(before(&refused, 8, 0, 45, 39), ERR_NONE);
}

Test(refused, what_came_by_another_way_is_waited_for_no_more)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_LEADER_OR_FOLLOWER, 7, 0, 40);

    cr_assert_eq(before(&refused, 7, 0, 45, 44), ERR_NONE);

    cr_assert_eq(refused.count, 0);
}

Test(refused, what_was_given_up_is_a_gap_after_a_minute)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 40);
    now += REFUSED_LIFE_MS - 1;
    cr_assert_eq(before(&refused, 7, 0, 45, 39), ERR_NOT_ENOUGH_REPLICAS);
    now += 1;
    cr_assert_eq(before(&refused, 7, 0, 45, 39), ERR_NONE); /* The log says what it is. */

    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 50);
    now += REFUSED_LIFE_MS - 1;
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 50); /* Sent again, refused again. */
    now += 1;
    cr_assert_eq(before(&refused, 7, 0, 55, 49), ERR_NOT_ENOUGH_REPLICAS);
}

Test(refused, the_first_that_was_refused_is_the_one_to_come)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_LEADER_OR_FOLLOWER, 7, 0, 40);
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 45);

    cr_assert_eq(before(&refused, 7, 0, 45, 39), ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(refused.count, 1);
}

/* Its answer stands in line behind what was asked before, and the client goes on meanwhile. */
Test(refused, a_producer_that_goes_on_for_long_is_still_waited_for)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_LEADER_OR_FOLLOWER, 7, 0, 40);
    now += 5000; /* A disk that was slow is well again. */
    note(&refused, ERR_NOT_LEADER_OR_FOLLOWER, 7, 0, 60);
    now += 5000;

    cr_assert_eq(before(&refused, 7, 0, 50, 39), ERR_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(before(&refused, 7, 0, 40, 39), ERR_NONE);
}

Test(refused, sequences_begin_again_at_zero)
{
    struct refused refused = {0};
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, INT32_MAX - 1);

    cr_assert_eq(before(&refused, 7, 0, 2, INT32_MAX - 2), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(before(&refused, 7, 0, INT32_MAX - 5, INT32_MAX - 2), ERR_NONE);
}

Test(refused, what_a_client_does_not_send_again_is_not_waited_for)
{
    struct refused refused = {0};
    note(&refused, ERR_MESSAGE_TOO_LARGE, 7, 0, 40);
    note(&refused, ERR_NOT_ENOUGH_REPLICAS, -1, -1, -1);

    cr_assert_eq(refused.count, 0);
}

Test(refused, no_more_producers_than_there_is_room_for)
{
    struct refused refused = {0};
    for (int64_t id = 0; id <= REFUSED_MAX; id++)
        note(&refused, ERR_NOT_ENOUGH_REPLICAS, id, 0, 1);

    cr_assert_eq(refused.count, REFUSED_MAX);
    cr_assert_eq(before(&refused, 0, 0, 2, -1), ERR_NONE);
    cr_assert_eq(before(&refused, REFUSED_MAX, 0, 2, -1), ERR_NOT_ENOUGH_REPLICAS);
}
