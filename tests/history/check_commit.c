/* check_commit.c -- committed offsets: the last that was acknowledged is told, or a later one. */
#include "checked.h"

/* A committer 1 and a reader 9, who asks; partition 0. */
#define GROUP HEAD "c 1 committer commit g\nc 9 reader commit r\n"
#define TWO "w 1 0 0 10\na 1 0 -1 11\nw 1 1 0 12\na 1 1 -1 13\n"

Test(check_commit, finds_nothing_wrong_with_a_register_that_keeps_its_word)
{
    expect_valid(GROUP "q 9 0 -1 5 6\n" TWO "q 9 0 1 14 15\n. 16\n");
    /* While a commit is open both are right, also for who asked before it began. */
    expect_valid(GROUP "w 1 0 0 10\na 1 0 -1 11\nw 1 1 0 12\nq 9 0 0 12 12\nq 9 0 1 11 13\n"
                       "a 1 1 -1 14\nq 9 0 1 15 16\n. 17\n");
}

Test(check_commit, finds_an_acknowledged_offset_that_is_gone)
{
    expect_found(GROUP TWO "q 9 0 -1 14 15\n. 16\n", FINDING_LOST_COMMIT,
                 "6: w 1 1 0 12\n7: a 1 1 -1 13\n8: q 9 0 -1 14 15\n");
}

Test(check_commit, finds_an_acknowledged_offset_that_went_back)
{
    expect_found(GROUP TWO "q 9 0 0 14 15\nq 9 0 1 16 17\n. 18\n", FINDING_LOST_COMMIT,
                 "4: w 1 0 0 10\n5: a 1 0 -1 11\n6: w 1 1 0 12\n7: a 1 1 -1 13\n"
                 "8: q 9 0 0 14 15\n");
    /* It was asked before the acknowledgement came. */
    expect_valid(GROUP TWO "q 9 0 0 13 15\nq 9 0 1 16 17\n. 18\n");
}

Test(check_commit, finds_an_offset_that_was_told_and_went_back)
{
    expect_found(GROUP "w 1 0 0 10\na 1 0 -1 11\nw 1 1 0 12\ne 1 1 NOT_COORDINATOR 13\n"
                       "q 9 0 1 14 15\nq 9 0 0 16 17\n. 18\n",
                 FINDING_LOST_COMMIT,
                 "4: w 1 0 0 10\n5: a 1 0 -1 11\n6: w 1 1 0 12\n7: e 1 1 NOT_COORDINATOR 13\n"
                 "8: q 9 0 1 14 15\n9: q 9 0 0 16 17\n");
}

Test(check_commit, lets_what_had_no_answer_take_effect_late)
{
    expect_valid(GROUP "w 1 0 0 10\ne 1 0 REQUEST_TIMED_OUT 11\nw 1 1 0 12\na 1 1 -1 13\n"
                       "q 9 0 0 14 15\n. 16\n");
}

Test(check_commit, finds_an_offset_that_nobody_committed)
{
    expect_found(GROUP TWO "q 9 0 7 14 15\n. 16\n", FINDING_NEVER_WRITTEN,
                 "3: c 9 reader commit r\n8: q 9 0 7 14 15\n");
}

Test(check_commit, says_nothing_of_what_nobody_asked_for)
{
    expect_inconclusive(GROUP TWO "q 9 0 0 12 14\n. 16\n",
                        "partition 0: nobody asked for the committed offset after the last "
                        "acknowledgement");
}

Test(check_commit, refuses_two_committers_and_two_open_commits)
{
    expect_refused(GROUP "c 2 committer commit g\nw 1 0 0 10\nw 2 0 0 11\n. 12\n",
                   "h:6: field 4 (partition): 0 is committed by client 1");
    expect_refused(GROUP "w 1 0 0 10\nw 1 1 0 11\n. 12\n",
                   "h:5: field 3 (value number): 0 has not ended, and a committer has one commit "
                   "open at a time");
    expect_refused(GROUP "q 9 0 -1 8 7\n. 12\n",
                   "h:4: it was asked after it was answered, or -1 is no offset");
}
