/* checker.c -- a planted anomaly of each class is found, with the lines that show it; the same
 * history without it is valid. */
#include "checked.h"

/* Three values, acknowledged one after the other. */
#define THREE "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\nw 1 2 0 14\na 1 2 2 15\n"

Test(checker, finds_nothing_wrong_with_a_log_that_keeps_its_word)
{
    expect_valid(HEAD CLIENTS THREE "s 8 0 0 16\nh 8 0 3 17\nr 8 0 0 1 0 18\nr 8 0 1 1 1 19\n"
                                    "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\n"
                                    "z 9 0 3 24\n. 25\n");
}

Test(checker, finds_a_lost_write)
{
    expect_found(HEAD CLIENTS THREE
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_LOST_WRITE,
                 "7: w 1 1 0 12\n8: a 1 1 1 13\n12: r 9 0 0 1 0 21\n13: r 9 0 2 1 2 23\n"
                 "14: z 9 0 3 24\n");
}

Test(checker, finds_what_was_lost_below_where_a_log_begins_now)
{
    expect_found(HEAD CLIENTS THREE
                 "s 9 0 0 20\ns 9 0 -1 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_LOST_WRITE,
                 "5: w 1 0 0 10\n6: a 1 0 0 11\n13: r 9 0 1 1 1 22\n15: z 9 0 3 24\n");
}

Test(checker, finds_a_lost_write_that_was_read_before)
{
    expect_found(HEAD CLIENTS THREE
                 "s 8 0 0 16\nr 8 0 0 1 0 17\nr 8 0 1 1 1 18\n"
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_LOST_WRITE,
                 "7: w 1 1 0 12\n8: a 1 1 1 13\n13: r 8 0 1 1 1 18\n15: r 9 0 0 1 0 21\n"
                 "16: r 9 0 2 1 2 23\n17: z 9 0 3 24\n");
}

Test(checker, finds_an_acknowledged_write_that_nobody_saw)
{
    expect_found(
        HEAD CLIENTS THREE "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 3 24\n. 25\n",
        FINDING_UNSEEN, "9: w 1 2 0 14\n10: a 1 2 2 15\n13: r 9 0 1 1 1 22\n14: z 9 0 3 24\n");
}

Test(checker, finds_an_acknowledgement_without_offset_that_nobody_saw)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 -1 13\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 24\n. 25\n",
                 FINDING_UNSEEN,
                 "7: w 1 1 0 12\n8: a 1 1 -1 13\n10: r 9 0 0 1 0 21\n"
                 "11: z 9 0 1 24\n");
    expect_valid(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 -1 13\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 2 24\n. 25\n");
}

Test(checker, finds_a_duplicate)
{
    expect_found(HEAD CLIENTS THREE
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nr 9 0 3 1 1 24\n"
                 "z 9 0 4 25\n. 26\n",
                 FINDING_DUPLICATE,
                 "7: w 1 1 0 12\n8: a 1 1 1 13\n13: r 9 0 1 1 1 22\n15: r 9 0 3 1 1 24\n");
}

Test(checker, finds_a_duplicate_that_comes_before_its_own_place)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 1 11\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 0 22\nz 9 0 2 25\n. 26\n",
                 FINDING_DUPLICATE,
                 "5: w 1 0 0 10\n6: a 1 0 1 11\n8: r 9 0 0 1 0 21\n9: r 9 0 1 1 0 22\n");
}

Test(checker, finds_a_duplicate_of_an_unknown_write_that_was_sent_once)
{
#define TWICE(kind)                                                                                \
    HEAD "c 1 " kind " fresh p\nc 9 reader final f\n"                                              \
         "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ne 1 1 REQUEST_TIMED_OUT 13\n"                        \
         "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 1 23\nz 9 0 3 25\n. 26\n"
    expect_found(TWICE("probe"), FINDING_DUPLICATE,
                 "6: w 1 1 0 12\n7: e 1 1 REQUEST_TIMED_OUT 13\n10: r 9 0 1 1 1 22\n"
                 "11: r 9 0 2 1 1 23\n");
    expect_valid(
        TWICE("writer")); /* Its client may send it again as a new epoch of its producer. */
}

Test(checker, finds_an_acknowledged_offset_that_is_not_where_the_value_stands)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\n"
                              "s 9 0 0 20\nr 9 0 1 1 0 21\nz 9 0 2 25\n. 26\n",
                 FINDING_INCONSISTENT_OFFSETS, "5: w 1 0 0 10\n6: a 1 0 0 11\n8: r 9 0 1 1 0 21\n");
    expect_found(HEAD CLIENTS "w 1 0 0 10\ns 8 0 0 10\nr 8 0 0 1 0 10\na 1 0 1 11\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 25\n. 26\n",
                 FINDING_INCONSISTENT_OFFSETS, "5: w 1 0 0 10\n7: r 8 0 0 1 0 10\n8: a 1 0 1 11\n");
}

Test(checker, finds_two_values_at_one_offset)
{
#define SHARED(offset)                                                                             \
    HEAD CLIENTS "w 1 0 0 10\nw 1 1 0 11\nw 1 2 0 12\ne 1 0 X 13\na 1 1 1 14\ne 1 2 X 15\n"        \
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 2 23\n"                        \
                 "s 8 0 " offset " 24\nr 8 0 " offset " 1 2 25\n. 26\n"
    expect_found(SHARED("0"), FINDING_INCONSISTENT_OFFSETS,
                 "5: w 1 0 0 10\n7: w 1 2 0 12\n8: e 1 0 X 13\n10: e 1 2 X 15\n"
                 "12: r 9 0 0 1 0 21\n16: r 8 0 0 1 2 25\n");
    expect_valid(SHARED("2"));
}

Test(checker, finds_a_value_that_no_writer_of_the_run_wrote)
{
    expect_found(
        HEAD CLIENTS THREE
        "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nx 9 0 3 24 00ff\n"
        "z 9 0 4 25\n. 26\n",
        FINDING_NEVER_WRITTEN,
        "4: c 9 reader final f\n11: s 9 0 0 20\n14: r 9 0 2 1 2 23\n15: x 9 0 3 24 00ff\n");
}

Test(checker, finds_bytes_that_do_not_verify)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\n"
                              "s 8 0 0 14\nr 8 0 0 1 0 15\nb 8 0 1 16\ns 8 0 1 17\n"
                              "r 8 0 1 1 1 18\ns 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\n"
                              "z 9 0 2 23\n. 24\n",
                 FINDING_CORRUPT,
                 "3: c 8 reader live l\n9: s 8 0 0 14\n10: r 8 0 0 1 0 15\n11: b 8 0 1 16\n");
}

Test(checker, finds_a_value_that_was_never_begun)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 7 22\nz 9 0 2 25\n. 26\n",
                 FINDING_NEVER_WRITTEN,
                 "2: c 1 writer tuned w\n4: c 9 reader final f\n9: r 9 0 1 1 7 22\n");
}

Test(checker, finds_a_value_that_was_read_before_it_was_begun)
{
    expect_found(HEAD CLIENTS "s 8 0 0 9\nr 8 0 0 1 0 10\nw 1 0 0 11\na 1 0 0 12\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 25\n. 26\n",
                 FINDING_NEVER_WRITTEN,
                 "2: c 1 writer tuned w\n3: c 8 reader live l\n6: r 8 0 0 1 0 10\n"
                 "7: w 1 0 0 11\n8: a 1 0 0 12\n");
}

Test(checker, finds_a_value_in_another_partition_than_it_was_written_to)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 22\n"
                              "s 9 1 0 23\nr 9 1 0 1 0 24\nz 9 1 1 25\n. 26\n",
                 FINDING_NEVER_WRITTEN,
                 "4: c 9 reader final f\n5: w 1 0 0 10\n6: a 1 0 0 11\n11: r 9 1 0 1 0 24\n");
}

Test(checker, finds_a_write_that_surely_failed_and_was_read)
{
#define FAILED_AND_READ(code)                                                                      \
    HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ne 1 1 " code " 13\n"                         \
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 2 25\n. 26\n"
    expect_found(FAILED_AND_READ("_MSG_TIMED_OUT:not-persisted"), FINDING_ABORTED_READ,
                 "7: w 1 1 0 12\n8: e 1 1 _MSG_TIMED_OUT:not-persisted 13\n"
                 "11: r 9 0 1 1 1 22\n");
    expect_valid(FAILED_AND_READ("_MSG_TIMED_OUT"));
}

Test(checker, finds_a_skip)
{
    expect_found(HEAD CLIENTS THREE
                 "s 8 0 0 16\nr 8 0 0 1 0 17\nr 8 0 2 1 2 18\n"
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_POLL_SKIP, "12: r 8 0 0 1 0 17\n13: r 8 0 2 1 2 18\n16: r 9 0 1 1 1 22\n");
}

Test(checker, lets_a_reader_that_was_moved_go_on_elsewhere)
{
    expect_valid(HEAD CLIENTS THREE
                 "s 8 0 0 16\nr 8 0 0 1 0 17\ns 8 0 2 17\nr 8 0 2 1 2 18\ns 8 0 0 18\n"
                 "r 8 0 0 1 0 18\n"
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n");
}

Test(checker, lets_offsets_be_empty_where_nothing_is_known)
{
    expect_valid(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 5 13\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 5 1 1 22\nz 9 0 7 24\n. 25\n");
}

Test(checker, finds_a_reader_that_went_back)
{
    expect_found(HEAD CLIENTS THREE
                 "s 8 0 0 16\nr 8 0 0 1 0 17\nr 8 0 1 1 1 18\nr 8 0 1 1 1 19\n"
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_NONMONOTONIC_POLL,
                 "3: c 8 reader live l\n11: s 8 0 0 16\n13: r 8 0 1 1 1 18\n14: r 8 0 1 1 1 19\n");
    expect_found(HEAD CLIENTS THREE
                 "s 8 0 1 16\nr 8 0 0 1 0 17\nr 8 0 1 1 1 18\n"
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_NONMONOTONIC_POLL,
                 "3: c 8 reader live l\n11: s 8 0 1 16\n12: r 8 0 0 1 0 17\n13: r 8 0 1 1 1 18\n");
}

Test(checker, finds_a_later_send_at_a_lower_offset)
{
    /* Both were under way at once, so only the order of one writer forbids it. */
    expect_found(HEAD CLIENTS "w 1 0 0 10\nw 1 1 0 11\na 1 0 1 12\na 1 1 0 13\n. 14\n",
                 FINDING_NONMONOTONIC_SEND,
                 "5: w 1 0 0 10\n6: w 1 1 0 11\n7: a 1 0 1 12\n8: a 1 1 0 13\n");
}

Test(checker, finds_an_offset_below_what_was_acknowledged_before_the_write_began)
{
    expect_found(HEAD CLIENTS "c 2 writer tuned o\nw 2 0 0 9\na 2 0 7 10\nw 1 0 0 11\na 1 0 3 12\n"
                              ". 14\n",
                 FINDING_NONMONOTONIC_SEND,
                 "6: w 2 0 0 9\n7: a 2 0 7 10\n8: w 1 0 0 11\n9: a 1 0 3 12\n");
}

Test(checker, finds_values_of_one_writer_out_of_order)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\nw 1 1 0 11\na 1 0 -1 12\na 1 1 -1 13\n"
                              "s 9 0 0 20\nr 9 0 0 1 1 21\nr 9 0 1 1 0 22\nz 9 0 2 24\n. 25\n",
                 FINDING_REORDERED,
                 "5: w 1 0 0 10\n6: w 1 1 0 11\n7: a 1 0 -1 12\n8: a 1 1 -1 13\n"
                 "10: r 9 0 0 1 1 21\n11: r 9 0 1 1 0 22\n");
}

Test(checker, finds_an_end_below_what_was_read)
{
#define READ_ABOVE(end, read)                                                                      \
    HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ne 1 1 X 13\n"                                \
                 "s 8 0 0 16\nr 8 0 0 1 0 17\nr 8 0 1 1 1 18\n"                                    \
                 "s 9 0 0 20\nr 9 0 0 1 0 21\n" read "z 9 0 " end " 24\n. 25\n"
    expect_found(READ_ABOVE("1", ""), FINDING_BEYOND_WATERMARK,
                 "7: w 1 1 0 12\n8: e 1 1 X 13\n11: r 8 0 1 1 1 18\n12: s 9 0 0 20\n"
                 "14: z 9 0 1 24\n");
    expect_valid(READ_ABOVE("2", "r 9 0 1 1 1 22\n"));
}

Test(checker, finds_an_end_below_what_was_acknowledged)
{
    expect_found(HEAD CLIENTS THREE
                 "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 2 24\n. 25\n",
                 FINDING_LOST_WRITE,
                 "9: w 1 2 0 14\n10: a 1 2 2 15\n11: s 9 0 0 20\n13: r 9 0 1 1 1 22\n"
                 "14: z 9 0 2 24\n");
}

Test(checker, finds_a_watermark_that_went_back_for_good)
{
#define WENT_BACK(end)                                                                             \
    HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 8 0 0 16\nr 8 0 0 1 0 17\nh 8 0 0 18\n" end ". 25\n"
    expect_found(WENT_BACK(""), FINDING_BEYOND_WATERMARK,
                 "3: c 8 reader live l\n8: r 8 0 0 1 0 17\n9: h 8 0 0 18\n");
    expect_valid(WENT_BACK("h 8 0 1 19\ns 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 24\n"));
}

Test(checker, finds_a_read_of_what_later_reads_do_not_show)
{
    expect_found(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ne 1 1 X 13\nw 1 2 0 14\n"
                              "a 1 2 2 15\n"
                              "s 8 0 0 16\nr 8 0 0 1 0 17\nr 8 0 1 1 1 18\n"
                              "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                 FINDING_DIRTY_READ,
                 "7: w 1 1 0 12\n8: e 1 1 X 13\n13: r 8 0 1 1 1 18\n15: r 9 0 0 1 0 21\n"
                 "16: r 9 0 2 1 2 23\n17: z 9 0 3 24\n");
}

/* ---- What is no anomaly. */

Test(checker, counts_losses_of_acks_1_without_holding_them_against_the_log)
{
    struct verdict *verdict =
        checked(HEAD "c 1 writer/1 tuned w\nc 9 reader final f\nc 2 writer tuned o\n"
                     "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\nw 2 0 0 14\na 2 0 0 15\n"
                     "s 9 0 0 20\nr 9 0 0 2 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 1 22\nz 9 0 3 24\n"
                     ". 25\n");

    cr_expect_eq(verdict_exit_code(verdict), EXIT_DONE);
    cr_expect_eq(findings_total(&verdict->findings), 0, "%s", verdict->findings.shown[0].text);
    cr_expect_eq(verdict->counts.lost_acks1, 1);
    cr_expect_eq(verdict->counts.repeated, 1);
    verdict_free(verdict);
}

Test(checker, holds_neither_order_nor_numbers_against_probes)
{
    expect_valid(HEAD "c 1 probe fresh p\nc 9 reader final f\n"
                      "w 1 0 0 10\nw 1 1 0 11\na 1 0 1 12\na 1 1 0 13\n"
                      "s 9 0 0 20\nr 9 0 0 1 1 21\nr 9 0 1 1 0 22\nz 9 0 2 24\n. 25\n");
}

Test(checker, counts_what_is_unknown_and_what_of_it_was_found)
{
    struct verdict *verdict =
        checked(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ne 1 1 X 13\nw 1 2 0 14\n"
                             "w 1 3 0 14\ne 1 3 _QUEUE_FULL 15\n"
                             "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 2 23\nz 9 0 2 24\n. 25\n");

    cr_expect_eq(verdict_exit_code(verdict), EXIT_DONE);
    cr_expect_eq(verdict->counts.writes, 4);
    cr_expect_eq(verdict->counts.acked, 1);
    cr_expect_eq(verdict->counts.failed, 1);
    cr_expect_eq(verdict->counts.unknown, 2);
    cr_expect_eq(verdict->counts.unknown_found, 1);
    verdict_free(verdict);
}

Test(checker, leaves_writes_of_metadata_out)
{
    expect_valid(HEAD CLIENTS "c 5 admin metadata m\nw 5 0 2 5\na 5 0 -1 6\nw 1 0 0 10\n"
                              "a 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\nz 9 0 1 24\n. 25\n");
}

Test(checker, shows_three_of_a_class_and_counts_all)
{
    struct verdict *verdict =
        checked(HEAD CLIENTS "w 1 0 0 1\na 1 0 0 1\nw 1 1 0 1\na 1 1 1 1\nw 1 2 0 1\na 1 2 2 1\n"
                             "w 1 3 0 1\na 1 3 3 1\nw 1 4 0 1\na 1 4 4 1\n"
                             "s 9 0 0 20\nr 9 0 4 1 4 21\nz 9 0 5 24\n. 25\n");

    cr_expect_eq(verdict->findings.counts[FINDING_LOST_WRITE], 4);
    cr_expect_eq(verdict->findings.count, 3);
    verdict_free(verdict);
}

/* ---- What says too little. */

Test(checker, is_not_content_with_too_little)
{
    expect_inconclusive(HEAD CLIENTS THREE ". 25\n", "partition 0: nobody read it to its end at "
                                                     "last");
    expect_inconclusive(HEAD CLIENTS ". 25\n", "nothing was acknowledged");
    expect_inconclusive(HEAD "c 1 writer/1 tuned w\n" THREE ". 25\n",
                        "partition 0: nobody read it to its end at last");
    expect_inconclusive(HEAD CLIENTS THREE "w 1 3 1 16\nw 1 4 1 17\ns 9 0 0 20\nr 9 0 0 1 0 21\n"
                                           "r 9 0 1 1 1 22\nr 9 0 2 1 2 23\nz 9 0 3 24\n. 25\n",
                        "partition 1: nobody read it to its end at last");
    expect_cut(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\n"
                            "z 9 0 1 24\n");
    expect_cut(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\n"
                            "z 9 0 1 24\n. 2");
}

Test(checker, believes_a_violation_in_a_history_that_was_cut_short)
{
    struct verdict *verdict =
        checked(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\n"
                             "s 9 0 0 20\nr 9 0 1 1 1 21\nz 9 0 2 24\n");
    cr_expect_eq(verdict->cut_count, 1);
    cr_expect_eq(verdict_exit_code(verdict), EXIT_VIOLATION);
    verdict_free(verdict);
}

Test(checker, is_not_content_with_an_acknowledgement_that_the_final_read_says_nothing_of)
{
    expect_inconclusive(HEAD CLIENTS THREE
                        "s 9 0 1 20\nr 9 0 1 1 1 21\nr 9 0 2 1 2 22\nz 9 0 3 24\n. 25\n",
                        "partition 0: value 0 of client 1 was acknowledged at offset 0; the final "
                        "read, which began after, went from 1 to 3");
    expect_inconclusive(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ns 9 0 0 20\n"
                                     "r 9 0 0 1 0 21\na 1 1 1 22\nz 9 0 1 24\n. 25\n",
                        "partition 0: value 1 of client 1 was acknowledged at offset 1; the final "
                        "read, which began before, went from 0 to 1");
    expect_inconclusive(
        HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\ns 9 0 0 20\n"
                     "r 9 0 0 1 0 21\na 1 1 -1 22\nz 9 0 1 24\n. 25\n",
        "partition 0: value 1 of client 1 was acknowledged without an offset, after "
        "the final read began");
}

Test(checker, takes_unknown_values_of_a_writer_that_was_cut_short_for_unknown)
{
    expect_cut(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\n"
                            "r 9 0 1 1 7 22\nz 9 0 2 24\n");
    expect_inconclusive(HEAD CLIENTS "w 1 0 0 10\na 1 0 0 11\ns 9 0 0 20\nr 9 0 0 1 0 21\n"
                                     "r 9 0 1 3 7 22\nz 9 0 2 24\n. 25\n",
                        "partition 0: offset 1 holds a value of client 3, whose history is not "
                        "here");
}

Test(checker, wants_no_read_of_a_partition_to_which_nothing_can_have_been_written)
{
    expect_valid(HEAD CLIENTS THREE "w 1 3 1 16\ne 1 3 _QUEUE_FULL 17\n"
                                    "s 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nr 9 0 2 1 2 23\n"
                                    "z 9 0 3 24\n. 25\n");
}

/* ---- What makes no sense. */

Test(checker, refuses_lines_that_do_not_fit_together)
{
    expect_refused(HEAD "w 1 0 0 1\n. 2\n", "h:2: field 2 (client): no `c` line before declares 1");
    expect_refused(HEAD CLIENTS "w 8 0 0 1\n. 2\n", "h:5: field 2 (client): 8 is a reader");
    expect_refused(HEAD CLIENTS "r 1 0 0 1 0 1\n. 2\n", "h:5: field 2 (client): 1 is a writer");
    expect_refused(HEAD CLIENTS "a 1 0 0 1\n. 2\n",
                   "h:5: field 3 (value number): client 1 did not begin 0");
    expect_refused(HEAD CLIENTS "w 1 0 0 1\na 1 0 0 1\na 1 0 0 1\n. 2\n",
                   "h:7: field 3 (value number): 0 of client 1 has ended before");
    expect_refused(HEAD CLIENTS "w 1 0 0 1\nw 1 0 0 1\n. 2\n",
                   "h:6: field 3 (value number): 0 is not among the 1024 that may follow 0");
    expect_refused(HEAD CLIENTS "w 1 1024 0 1\n. 2\n",
                   "h:5: field 3 (value number): 1024 is not among the 1024 that may follow -1");
    expect_refused(HEAD CLIENTS "c 1 writer tuned w\n. 2\n",
                   "h:5: field 2 (client): 1 is another client's number");
    expect_refused(HEAD "c 1 producer tuned w\n. 2\n",
                   "h:2: field 3 (kind of client): `producer` is none");
    expect_refused(HEAD CLIENTS "r 8 0 -1 1 0 1\n. 2\n", "h:5: field 4 (offset): -1 is none");
    expect_refused(HEAD CLIENTS "w 1 0 2 1\nw 1 1 3 1\n. 2\n",
                   "h:6: field 4 (partition): `3` is not within its limits");
}

/* ---- Several files. */

static struct history_source source(const char *path, const char *text)
{
    return (struct history_source){
        .path = path, .text = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)}};
}

Test(checker, takes_several_files_as_one_in_the_order_of_time)
{
    struct verdict *verdict;
    struct history_source sources[] = {
        source("reader", HEAD "c 9 reader final f\ns 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 2 0 22\n"
                              "z 9 0 2 24\n. 25\n"),
        source("one", HEAD "c 1 writer tuned a\nw 1 0 0 10\na 1 0 0 11\n. 12\n"),
        source("two", HEAD "c 2 writer tuned b\nw 2 0 0 11\na 2 0 1 13\n. 14\n"),
        source("marks", HEAD "! 5 begin f kill node 1\n! 12 end f kill node 1\n. 30\n")};

    cr_assert(check_history(&verdict, sources, 4, (struct checker_options){0}), "%s",
              verdict->problem);

    cr_expect_eq(verdict_exit_code(verdict), EXIT_DONE, "%s", verdict->reasons[0]);
    cr_expect_eq(verdict->counts.acked, 2);
    cr_expect_eq(verdict->marks.count, 1);
    verdict_free(verdict);
}

Test(checker, refuses_files_that_do_not_belong_together)
{
    struct verdict *verdict;
    struct history_source sources[] = {
        source("one", HEAD ". 1\n"),
        source("two", "# skiff-history 1 run=beef topic=orders partitions=2\n. 1\n")};

    cr_expect_not(check_history(&verdict, sources, 2, (struct checker_options){0}));

    cr_expect_str_eq(verdict->problem, "two:1: another run than in one");
    verdict_free(verdict);
}

Test(checker, refuses_a_client_in_two_files)
{
    struct verdict *verdict;
    struct history_source sources[] = {source("one", HEAD "c 1 writer tuned a\n. 1\n"),
                                       source("two", HEAD "w 1 0 0 5\n. 6\n")};

    cr_expect_not(check_history(&verdict, sources, 2, (struct checker_options){0}));

    cr_expect_str_eq(verdict->problem, "two:2: field 2 (client): 1 is declared in another file");
    verdict_free(verdict);
}

Test(checker, refuses_more_lines_than_its_limit)
{
    static const char text[] = HEAD CLIENTS "n one\nn two\n. 9\n";
    struct verdict *verdict;
    struct history_source sources[] = {source("h", text)};

    cr_expect(check_history(&verdict, sources, 1, (struct checker_options){.lines_max = 5}));
    verdict_free(verdict);
    cr_expect_not(check_history(&verdict, sources, 1, (struct checker_options){.lines_max = 4}));
    cr_expect_str_eq(verdict->problem, "h:6: more than 4 lines");
    verdict_free(verdict);
}
