/* check_member.c -- members of a group: where they begin, what they got, whose a partition is. */
#include "checked.h"

/* A writer 1, members 2 and 3 of one group, and a final reader 9; partition 0. */
#define GROUP                                                                                      \
    HEAD "c 1 writer tuned w\nc 2 member group a\nc 3 member group b\nc 9 reader final f\n"
/* Four values, which nobody has read yet. */
#define FOUR                                                                                       \
    "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\nw 1 2 0 14\na 1 2 2 15\nw 1 3 0 16\n"         \
    "a 1 3 3 17\n"
/* Member 2 is given the partition, begins at its start, and gets the first two. */
#define BEGUN "o 2 0 20\nq 2 0 -1 20 21\ns 2 0 -1 22\nr 2 0 0 1 0 23\nr 2 0 1 1 1 24\n"
/* Member 3 has it, gets the others, and commits them. */
#define REST "r 3 0 2 1 2 43\nr 3 0 3 1 3 44\nm 3 0 4 45\nf 3 0 NO_ERROR 46\nd 3 0 47\n"
#define LAST "q 3 0 4 60 61\n"
#define FINAL                                                                                      \
    "s 9 0 0 70\nr 9 0 0 1 0 71\nr 9 0 1 1 1 72\nr 9 0 2 1 2 73\nr 9 0 3 1 3 74\nz 9 0 4 75\n. "   \
    "76\n"

Test(check_member, finds_nothing_wrong_with_a_group_that_hands_over)
{
    expect_valid(GROUP FOUR BEGUN "m 2 0 2 25\nf 2 0 NO_ERROR 26\nd 2 0 27\n"
                                  "o 3 0 40\nq 3 0 2 40 41\ns 3 0 2 42\n" REST LAST FINAL);
    /* The first one's commit had no answer: both are right. */
    expect_valid(GROUP FOUR BEGUN
                 "m 2 0 2 25\no 3 0 40\nq 3 0 2 40 41\ns 3 0 2 42\n" REST LAST FINAL);
    expect_valid(GROUP FOUR BEGUN "m 2 0 2 25\nf 2 0 _TIMED_OUT 26\no 3 0 40\nq 3 0 -1 40 41\n"
                                  "s 3 0 -1 42\nr 3 0 0 1 0 42\nr 3 0 1 1 1 42\n" REST LAST FINAL);
}

Test(check_member, finds_a_member_that_is_told_less_than_was_committed)
{
    expect_found(GROUP FOUR BEGUN
                 "m 2 0 1 25\nf 2 0 NO_ERROR 26\nm 2 0 2 27\nf 2 0 NO_ERROR 28\n"
                 "o 3 0 40\nq 3 0 1 40 41\ns 3 0 1 42\nr 3 0 1 1 1 42\n" REST LAST FINAL,
                 FINDING_LOST_COMMIT,
                 "4: c 3 member group b\n19: m 2 0 1 25\n21: m 2 0 2 27\n24: q 3 0 1 40 41\n");
    expect_found(GROUP FOUR BEGUN "m 2 0 2 25\nf 2 0 NO_ERROR 26\no 3 0 40\nq 3 0 -1 40 41\n"
                                  "s 3 0 -1 42\nr 3 0 0 1 0 42\nr 3 0 1 1 1 42\n" REST LAST FINAL,
                 FINDING_LOST_COMMIT,
                 "4: c 3 member group b\n19: m 2 0 2 25\n22: q 3 0 -1 40 41\n");
}

Test(check_member, finds_an_offset_that_was_told_and_went_back)
{
    expect_found(GROUP FOUR BEGUN "m 2 0 1 25\nf 2 0 NO_ERROR 26\nm 2 0 2 27\nf 2 0 _TIMED_OUT 28\n"
                                  "q 3 0 2 29 30\no 3 0 40\nq 3 0 1 40 41\ns 3 0 1 42\n"
                                  "r 3 0 1 1 1 42\n" REST LAST FINAL,
                 FINDING_LOST_COMMIT,
                 "4: c 3 member group b\n19: m 2 0 1 25\n23: q 3 0 2 29 30\n25: q 3 0 1 40 41\n");
}

Test(check_member, finds_an_offset_that_nobody_committed)
{
    expect_found(GROUP FOUR BEGUN "m 2 0 1 25\nf 2 0 NO_ERROR 26\no 3 0 40\nq 3 0 2 40 41\n"
                                  "s 3 0 2 42\n" REST LAST FINAL,
                 FINDING_NEVER_WRITTEN, "4: c 3 member group b\n22: q 3 0 2 40 41\n");
}

Test(check_member, finds_what_no_member_got)
{
    expect_found(GROUP FOUR BEGUN
                 "m 2 0 3 25\nf 2 0 NO_ERROR 26\no 3 0 40\nq 3 0 3 40 41\n"
                 "s 3 0 3 42\nr 3 0 3 1 3 43\nm 3 0 4 44\nf 3 0 NO_ERROR 45\n" LAST FINAL,
                 FINDING_UNDELIVERED, "10: w 1 2 0 14\n11: a 1 2 2 15\n27: q 3 0 4 60 61\n");
}

Test(check_member, finds_a_member_that_goes_over_a_record)
{
    expect_found(GROUP FOUR BEGUN
                 "r 2 0 3 1 3 25\no 3 0 40\nq 3 0 -1 40 41\ns 3 0 2 42\n" REST LAST FINAL,
                 FINDING_POLL_SKIP, "18: r 2 0 1 1 1 24\n19: r 2 0 3 1 3 25\n23: r 3 0 2 1 2 43\n");
}

/* Both go on to commit, each having been given the partition once. */
#define TURNS                                                                                      \
    "o 3 0 25\nq 3 0 -1 25 25\nm 2 0 1 26\nf 2 0 NO_ERROR 27\nm 3 0 1 28\nf 3 0 NO_ERROR 29\n"     \
    "m 2 0 2 30\nf 2 0 NO_ERROR 31\n"

Test(check_member, finds_two_owners_of_one_partition)
{
    expect_found(GROUP FOUR BEGUN TURNS "m 3 0 4 32\nf 3 0 NO_ERROR 33\ns 3 0 2 42\n"
                                        "r 3 0 2 1 2 43\nr 3 0 3 1 3 44\n" LAST FINAL,
                 FINDING_TWO_OWNERS,
                 "14: o 2 0 20\n19: o 3 0 25\n21: m 2 0 1 26\n23: m 3 0 1 28\n25: m 2 0 2 30\n"
                 "27: m 3 0 4 32\n");
    /* Given it anew in between, refused, or at the same time: that may be. */
    expect_valid(GROUP FOUR BEGUN TURNS "o 3 0 40\nq 3 0 2 40 41\ns 3 0 2 42\n" REST LAST FINAL);
    expect_valid(GROUP FOUR BEGUN TURNS "m 3 0 4 32\nf 3 0 ILLEGAL_GENERATION 33\no 3 0 40\n"
                                        "q 3 0 2 40 41\ns 3 0 2 42\n" REST LAST FINAL);
}

/* Refused at once, and what it would have committed is told after the next one's commit. */
#define REFUSED(code)                                                                              \
    "m 2 0 1 25\nf 2 0 " code " 26\nd 2 0 27\no 3 0 40\nq 3 0 -1 40 41\ns 3 0 -1 42\n"             \
    "r 3 0 0 1 0 42\nr 3 0 1 1 1 42\n" REST "q 3 0 1 50 51\n"                                      \
    "m 3 0 4 52\nf 3 0 NO_ERROR 53\n" LAST FINAL

Test(check_member, finds_a_refused_commit_that_took_effect)
{
    static const char *const witness = "4: c 3 member group b\n19: m 2 0 1 25\n32: q 3 0 1 50 51\n";
    expect_found(GROUP FOUR BEGUN REFUSED("ILLEGAL_GENERATION"), FINDING_NEVER_WRITTEN, witness);
    expect_found(GROUP FOUR BEGUN REFUSED("UNKNOWN_MEMBER_ID"), FINDING_NEVER_WRITTEN, witness);
    expect_found(GROUP FOUR BEGUN REFUSED("FENCED_INSTANCE_ID"), FINDING_NEVER_WRITTEN, witness);
    expect_found(GROUP FOUR BEGUN REFUSED("REBALANCE_IN_PROGRESS"), FINDING_NEVER_WRITTEN, witness);
    /* Of other errors nobody knows. */
    expect_valid(GROUP FOUR BEGUN REFUSED("REQUEST_TIMED_OUT"));
}

Test(check_member, knows_nothing_of_attempts_before_the_one_that_was_refused)
{
    expect_valid(GROUP FOUR BEGUN
                 "m 2 0 1 25\nf 2 0 ILLEGAL_GENERATION 100000025\nd 2 0 100000027\n"
                 "o 3 0 100000040\nq 3 0 1 100000040 100000041\ns 3 0 1 100000042\n"
                 "r 3 0 1 1 1 100000043\nr 3 0 2 1 2 100000043\nr 3 0 3 1 3 100000044\n"
                 "m 3 0 4 100000045\nf 3 0 NO_ERROR 100000046\nd 3 0 100000047\n"
                 "q 3 0 4 100000060 100000061\ns 9 0 0 100000070\nr 9 0 0 1 0 100000071\n"
                 "r 9 0 1 1 1 100000072\nr 9 0 2 1 2 100000073\nr 9 0 3 1 3 100000074\n"
                 "z 9 0 4 100000075\n. 100000076\n");
}

/* Member 2 gives it up, member 3 is given it, and member 2 commits as if it still had it. */
#define LATE                                                                                       \
    "m 2 0 2 25\nf 2 0 NO_ERROR 26\nd 2 0 27\no 3 0 40\nq 3 0 2 40 41\ns 3 0 2 42\nm 2 0 1 42\n"

Test(check_member, finds_a_late_commit_that_was_taken)
{
    expect_found(GROUP FOUR BEGUN LATE "f 2 0 NO_ERROR 42\n" REST LAST FINAL, FINDING_TWO_OWNERS,
                 "21: d 2 0 27\n22: o 3 0 40\n25: m 2 0 1 42\n");
    expect_valid(GROUP FOUR BEGUN LATE "f 2 0 ILLEGAL_GENERATION 42\n" REST LAST FINAL);
}

Test(check_member, finds_a_late_commit_that_took_effect_whatever_was_said)
{
    expect_found(GROUP FOUR BEGUN LATE "f 2 0 _TIMED_OUT 42\nq 3 0 1 42 43\n" REST LAST FINAL,
                 FINDING_NEVER_WRITTEN,
                 "4: c 3 member group b\n25: m 2 0 1 42\n27: q 3 0 1 42 43\n");
}

Test(check_member, says_nothing_of_a_group_that_stood_still)
{
    expect_inconclusive(
        GROUP "w 1 0 0 10\na 1 0 0 11\no 2 0 20\nq 2 0 -1 20 21\ns 2 0 -1 22\nr 2 0 0 1 0 23\n"
              "d 2 0 24\no 3 0 60000000025\nq 3 0 -1 60000000026 60000000027\n"
              "s 3 0 -1 60000000028\nr 3 0 0 1 0 60000000029\nm 3 0 1 60000000030\n"
              "f 3 0 NO_ERROR 60000000031\nd 3 0 60000000032\nq 3 0 1 60000000033 60000000034\n"
              "s 9 0 0 60000000040\nr 9 0 0 1 0 60000000041\nz 9 0 1 60000000042\n"
              ". 60000000043\n",
        "for 60 s no member of a group had some partition");
}

Test(check_member, says_nothing_of_a_group_that_did_not_get_to_the_end)
{
    expect_inconclusive(GROUP FOUR BEGUN "m 2 0 2 25\nf 2 0 NO_ERROR 26\nq 3 0 2 60 61\n" FINAL,
                        "partition 0: group group has 2 committed, and offset 3 was acknowledged: "
                        "it did not get to the end");
    expect_inconclusive(GROUP FOUR BEGUN "o 3 0 40\nq 3 0 -1 40 41\ns 3 0 2 42\n" REST FINAL,
                        "partition 0: nobody asked what group group has committed after its last "
                        "commit");
}

Test(check_member, keeps_groups_apart)
{
    expect_valid(
        HEAD
        "c 1 writer tuned w\nc 2 member one a\nc 3 member two b\nc 9 reader final f\n"
        "w 1 0 0 10\na 1 0 0 11\n"
        "o 2 0 20\nq 2 0 -1 20 20\ns 2 0 -1 20\nr 2 0 0 1 0 20\nm 2 0 1 21\nf 2 0 NO_ERROR 22\n"
        "o 3 0 30\nq 3 0 -1 30 30\ns 3 0 -1 30\nr 3 0 0 1 0 30\nm 3 0 1 31\nf 3 0 NO_ERROR 32\n"
        "q 2 0 1 40 41\nq 3 0 1 40 41\ns 9 0 0 50\nr 9 0 0 1 0 51\nz 9 0 1 52\n. 53\n");
}

Test(check_member, refuses_what_makes_no_sense)
{
    expect_refused(GROUP "o 9 0 5\n. 6\n", "h:6: field 2 (client): 9 is a reader");
    expect_refused(GROUP "m 2 0 -1 5\n. 6\n", "h:6: field 4 (offset): -1 is none");
    expect_refused(GROUP "m 2 0 1 5\nm 2 0 2 6\n. 7\n",
                   "h:7: client 2 has a commit for partition 0 open already");
    expect_refused(GROUP "f 2 0 NO_ERROR 5\n. 6\n",
                   "h:6: client 2 has no commit for partition 0 open");
}
