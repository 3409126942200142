/* check_key.c -- keys of a compacted topic: the value that was acknowledged last, or a later. */
#include "checked.h"

/* A writer 1 with keys, and a final reader 9; partition 0. */
#define KEYED HEAD "c 1 keyed keys w\nc 9 reader final f\n"
/* Values 0 and 1 of key 5, and 2 of key 6. */
#define THREE "k 1 0 0 5 10\na 1 0 0 11\nk 1 1 0 5 12\na 1 1 1 13\nk 1 2 0 6 14\na 1 2 2 15\n"
#define LAST "s 9 0 -1 30\n"
/* Value 1 has replaced value 0. */
#define COMPACTED THREE LAST "v 9 0 1 5 1 1 31\n"

Test(check_key, finds_nothing_wrong_with_a_topic_that_keeps_last_values)
{
    expect_valid(KEYED COMPACTED "v 9 0 2 6 1 2 32\nz 9 0 3 33\n. 34\n");
}

Test(check_key, finds_a_key_that_is_gone)
{
    expect_found(KEYED COMPACTED "z 9 0 3 33\n. 34\n", FINDING_LOST_KEY,
                 "8: k 1 2 0 6 14\n9: a 1 2 2 15\n12: z 9 0 3 33\n");
}

Test(check_key, finds_a_key_that_went_back)
{
    expect_found(KEYED THREE LAST "v 9 0 0 5 1 0 31\nv 9 0 2 6 1 2 32\nz 9 0 3 33\n. 34\n",
                 FINDING_LOST_KEY,
                 "4: k 1 0 0 5 10\n5: a 1 0 0 11\n6: k 1 1 0 5 12\n7: a 1 1 1 13\n"
                 "11: v 9 0 0 5 1 0 31\n13: z 9 0 3 33\n");
}

Test(check_key, lets_a_tombstone_go_with_what_it_deleted)
{
    expect_valid(KEYED THREE "t 1 3 0 6 16\na 1 3 3 17\n" LAST
                             "v 9 0 1 5 1 1 31\nv 9 0 3 6 1 3 32\nz 9 0 4 33\n. 34\n");
    expect_valid(KEYED THREE "t 1 3 0 6 16\na 1 3 3 17\n" LAST
                             "v 9 0 1 5 1 1 31\nz 9 0 4 33\n. 34\n");
}

Test(check_key, finds_a_tombstone_that_went_before_what_it_deleted)
{
    expect_found(KEYED THREE "t 1 3 0 6 16\na 1 3 3 17\n" LAST
                             "v 9 0 1 5 1 1 31\nv 9 0 2 6 1 2 32\nz 9 0 4 33\n. 34\n",
                 FINDING_LOST_KEY,
                 "8: k 1 2 0 6 14\n9: a 1 2 2 15\n10: t 1 3 0 6 16\n11: a 1 3 3 17\n"
                 "14: v 9 0 2 6 1 2 32\n15: z 9 0 4 33\n");
}

Test(check_key, takes_what_had_no_answer_for_either)
{
    /* A later value that may be there, and is. */
    expect_valid(KEYED THREE "k 1 3 0 6 16\n" LAST
                             "v 9 0 1 5 1 1 31\nv 9 0 3 6 1 3 32\nz 9 0 4 33\n. 34\n");
    /* A tombstone that may have been there, and took the key away. */
    expect_valid(KEYED THREE "t 1 3 0 6 16\ne 1 3 _MSG_TIMED_OUT 17\n" LAST
                             "v 9 0 1 5 1 1 31\nz 9 0 4 33\n. 34\n");
}

Test(check_key, finds_a_key_that_is_gone_after_a_tombstone_without_an_answer)
{
    expect_found(KEYED "t 1 0 0 5 10\ne 1 0 _MSG_TIMED_OUT 11\nk 1 1 0 5 12\na 1 1 0 13\n"
                       "k 1 2 0 6 14\na 1 2 1 15\nk 1 3 0 6 16\na 1 3 2 17\n" LAST
                       "v 9 0 2 6 1 3 31\nz 9 0 3 33\n. 34\n",
                 FINDING_LOST_KEY, "6: k 1 1 0 5 12\n7: a 1 1 0 13\n14: z 9 0 3 33\n");
}

Test(check_key, says_nothing_where_every_key_may_have_been_deleted)
{
    expect_inconclusive(KEYED
                        "k 1 0 0 5 10\na 1 0 0 11\nt 1 1 0 5 12\ne 1 1 _MSG_TIMED_OUT 13\n" LAST
                        "z 9 0 2 33\n. 34\n",
                        "no key is left to judge: tombstones without an answer may have deleted "
                        "all");
}

Test(check_key, lets_other_readers_have_read_what_is_compacted)
{
    expect_valid(HEAD "c 1 keyed keys w\nc 8 reader live l\nc 9 reader final f\n"
                      "s 8 0 0 5\n" THREE
                      "v 8 0 0 5 1 0 16\nv 8 0 1 5 1 1 17\nv 8 0 2 6 1 2 18\n" LAST
                      "v 9 0 1 5 1 1 31\nv 9 0 2 6 1 2 32\nz 9 0 3 33\n. 34\n");
}

Test(check_key, finds_a_value_under_another_key)
{
    expect_found(KEYED COMPACTED "v 9 0 2 7 1 2 32\nz 9 0 3 33\n. 34\n", FINDING_NEVER_WRITTEN,
                 "3: c 9 reader final f\n8: k 1 2 0 6 14\n9: a 1 2 2 15\n12: v 9 0 2 7 1 2 32\n");
}

Test(check_key, says_nothing_where_nothing_was_compacted)
{
    expect_inconclusive(KEYED THREE LAST "v 9 0 0 5 1 0 30\nv 9 0 1 5 1 1 31\n"
                                         "v 9 0 2 6 1 2 32\nz 9 0 3 33\n. 34\n",
                        "no acknowledged record of a key is missing: nothing was compacted, so "
                        "that keys stayed says nothing");
}

Test(check_key, says_nothing_of_what_came_after_the_final_read_began)
{
    expect_inconclusive(KEYED COMPACTED "v 9 0 2 6 1 2 32\nk 1 3 0 6 33\na 1 3 3 34\n"
                                        "z 9 0 3 35\n. 36\n",
                        "partition 0: the final read began at 0, or before value 3 of client 1 was "
                        "acknowledged");
}

Test(check_key, refuses_a_key_of_two_partitions_and_values_without_one)
{
    expect_refused(KEYED "k 1 0 0 5 10\nk 1 1 1 5 11\n. 12\n",
                   "h:5: field 4 (partition): key 5 of client 1 is of 0");
    expect_refused(KEYED "w 1 0 0 10\n. 12\n", "h:4: field 1 (kind): client 1 is a keyed");
    expect_refused(HEAD "c 1 writer tuned w\nk 1 0 0 5 10\n. 12\n",
                   "h:3: field 1 (kind): client 1 is a writer");
}
