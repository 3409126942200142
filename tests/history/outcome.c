/* outcome.c -- which errors prove that nothing was written. */
#include "outcome.h"

#include <criterion/criterion.h>

Test(outcome, takes_whatever_is_not_in_the_table_for_unknown)
{
    cr_expect_not(outcome_is_failure(STR(""), true));
    cr_expect_not(outcome_is_failure(STR("SOMETHING_NEW"), true));
    cr_expect_not(outcome_is_failure(STR("_MSG_TIMED_OUT"), true));
    cr_expect_not(outcome_is_failure(STR("_QUEUE_FULL_"), true));
    cr_expect_not(outcome_is_failure(STR("_QUEUE"), true));
}

Test(outcome, takes_what_never_left_the_client_for_a_failure)
{
    cr_expect(outcome_is_failure(STR("_QUEUE_FULL"), false));
    cr_expect(outcome_is_failure(STR("BufferExhaustedException"), false));
    cr_expect(outcome_is_failure(STR("ErrMaxBuffered"), false));
    cr_expect(outcome_is_failure(STR("_NOT_SENT"), true));
}

Test(outcome, takes_a_refusal_for_a_failure_only_of_the_only_attempt)
{
    cr_expect(outcome_is_failure(STR("NOT_ENOUGH_REPLICAS"), true));
    cr_expect_not(outcome_is_failure(STR("NOT_ENOUGH_REPLICAS"), false));
    cr_expect(outcome_is_failure(STR("NotEnoughReplicasException"), true));
    cr_expect_not(outcome_is_failure(STR("NotEnoughReplicasException"), false));
}

Test(outcome, does_not_believe_refusals_that_may_come_after_the_append)
{
    cr_expect_not(outcome_is_failure(STR("NOT_LEADER_OR_FOLLOWER"), true));
    cr_expect_not(outcome_is_failure(STR("NOT_ENOUGH_REPLICAS_AFTER_APPEND"), true));
    cr_expect_not(outcome_is_failure(STR("REQUEST_TIMED_OUT"), true));
    cr_expect_not(outcome_is_failure(STR("KAFKA_STORAGE_ERROR"), true));
    cr_expect_not(outcome_is_failure(STR("UNKNOWN_TOPIC_OR_PARTITION"), true));
}

Test(outcome, believes_a_client_that_knows_of_all_its_attempts)
{
    cr_expect(outcome_is_failure(STR("_MSG_TIMED_OUT:not-persisted"), false));
    cr_expect_not(outcome_is_failure(STR("_MSG_TIMED_OUT:persisted"), false));
    cr_expect_not(outcome_is_failure(STR(":not-persisted"), false));
}

Test(outcome, takes_what_fences_a_member_for_a_refusal)
{
    cr_expect(outcome_is_refusal(STR("ILLEGAL_GENERATION")));
    cr_expect(outcome_is_refusal(STR("UNKNOWN_MEMBER_ID")));
    cr_expect(outcome_is_refusal(STR("FENCED_INSTANCE_ID")));
    cr_expect(outcome_is_refusal(STR("REBALANCE_IN_PROGRESS")));
    cr_expect_not(outcome_is_refusal(STR("REQUEST_TIMED_OUT")));
    cr_expect_not(outcome_is_refusal(STR("NOT_COORDINATOR")));
    cr_expect_not(outcome_is_refusal(STR("NO_ERROR")));
}
