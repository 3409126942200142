/* refused.c -- src/net/refused.c. */
#include "refused.h"

#include <criterion/criterion.h>

static struct batch_info batch(int64_t producer_id, int16_t epoch, int32_t sequence)
{
    return (struct batch_info){
        .producer_id = producer_id, .producer_epoch = epoch, .base_sequence = sequence};
}

#define NOTE(list, err, ...)                                                                       \
    refused_note(&(list), &(struct batch_info[]){batch(__VA_ARGS__)}[0], err)
#define BEFORE(list, ...) refused_before(&(list), &(struct batch_info[]){batch(__VA_ARGS__)}[0])
#define FORGET(list, ...) refused_forget(&(list), &(struct batch_info[]){batch(__VA_ARGS__)}[0])

Test(refused, what_comes_after_a_refused_batch_hears_the_same)
{
    struct refused refused = {0};
    NOTE(refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 40);

    cr_assert_eq(BEFORE(refused, 7, 0, 45), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(BEFORE(refused, 7, 0, 40), ERR_NONE); /* It is sent again. */
    cr_assert_eq(BEFORE(refused, 7, 0, 30), ERR_NONE); /* An older one, as a duplicate. */
    cr_assert_eq(BEFORE(refused, 7, 1, 0), ERR_NONE);  /* It has begun anew. */
    cr_assert_eq(BEFORE(refused, 8, 0, 45), ERR_NONE);
    cr_assert_eq(BEFORE(refused, -1, -1, -1), ERR_NONE);
}

Test(refused, the_first_that_was_refused_is_the_one_to_come)
{
    struct refused refused = {0};
    NOTE(refused, ERR_NOT_LEADER_OR_FOLLOWER, 7, 0, 40);
    NOTE(refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, 45);
    FORGET(refused, 7, 0, 45);
    cr_assert_eq(BEFORE(refused, 7, 0, 45), ERR_NOT_LEADER_OR_FOLLOWER);

    FORGET(refused, 7, 0, 40);

    cr_assert_eq(BEFORE(refused, 7, 0, 45), ERR_NONE);
    cr_assert_eq(refused.count, 0);
}

Test(refused, sequences_begin_again_at_zero)
{
    struct refused refused = {0};
    NOTE(refused, ERR_NOT_ENOUGH_REPLICAS, 7, 0, INT32_MAX - 1);

    cr_assert_eq(BEFORE(refused, 7, 0, 2), ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(BEFORE(refused, 7, 0, INT32_MAX - 5), ERR_NONE);
}

Test(refused, what_a_client_does_not_send_again_is_not_waited_for)
{
    struct refused refused = {0};
    NOTE(refused, ERR_MESSAGE_TOO_LARGE, 7, 0, 40);
    NOTE(refused, ERR_NOT_ENOUGH_REPLICAS, -1, -1, -1);

    cr_assert_eq(refused.count, 0);
}

Test(refused, no_more_producers_than_there_is_room_for)
{
    struct refused refused = {0};
    for (int64_t id = 0; id <= REFUSED_MAX; id++)
        NOTE(refused, ERR_NOT_ENOUGH_REPLICAS, id, 0, 1);

    cr_assert_eq(refused.count, REFUSED_MAX);
    cr_assert_eq(BEFORE(refused, 0, 0, 2), ERR_NONE);
    cr_assert_eq(BEFORE(refused, REFUSED_MAX, 0, 2), ERR_NOT_ENOUGH_REPLICAS);
}
