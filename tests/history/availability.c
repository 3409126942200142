/* availability.c -- gaps by fault, profile and partition; latency; the timeline. */
#include "checked.h"

#define SECOND "000000000"

static const struct gap *gap_of(const struct verdict *verdict, uint32_t profile, uint32_t partition,
                                uint32_t mark)
{
    const struct gap_series *series =
        availability_series(&verdict->availability, profile, partition);
    cr_assert_not_null(series->gaps);
    return &series->gaps[mark];
}

/* Acknowledgements at 10, 20, 25 and 90 s; faults from 21 to 30 s and from 40 to 41 s. */
#define RUN                                                                                        \
    HEAD CLIENTS "c 2 writer stock s\n"                                                            \
                 "! 40" SECOND " begin f2 cut b\n! 41" SECOND " end f2 cut b\n"                    \
                 "! 21" SECOND " begin f1 kill a\n"                                                \
                 "w 1 0 0 9" SECOND "\na 1 0 0 10" SECOND "\nw 1 1 0 19" SECOND "\n"               \
                 "a 1 1 1 20" SECOND "\nw 1 2 0 22" SECOND "\na 1 2 2 25" SECOND "\n"              \
                 "! 30" SECOND " end f1 kill a\n"                                                  \
                 "w 1 3 0 43" SECOND "\nw 2 0 0 50" SECOND "\nw 2 1 0 80" SECOND "\n"              \
                 "a 1 3 3 90" SECOND "\ng 24" SECOND " 60" SECOND "\n. 99" SECOND "\n"

Test(availability, gives_a_gap_whole_to_the_fault_that_begins_in_it)
{
    struct verdict *verdict = checked(RUN);

    cr_assert_eq(verdict->marks.count, 2);
    cr_assert_str_eq(verdict->marks.all[0].id, "f1");
    cr_expect_eq(verdict->marks.all[0].stop, INT64_C(40000000000), "until the next begins");
    cr_expect_eq(verdict->marks.all[1].stop, INT64_C(101000000000), "a minute after the end");
    cr_expect_eq(gap_of(verdict, 0, 0, 0)->ns, INT64_C(15000000000), "up to the next fault");
    cr_expect_eq(gap_of(verdict, 0, 0, 0)->from, INT64_C(25000000000));
    cr_expect_eq(gap_of(verdict, 0, 0, 1)->ns, INT64_C(65000000000));
    cr_expect_eq(gap_of(verdict, 0, 0, 1)->from, INT64_C(25000000000));
    verdict_free(verdict);
}

#define FAULT(id, begin, end)                                                                      \
    "! " begin SECOND " begin " id " kill a\n! " end SECOND " end " id " kill a\n"
#define ROUNDS                                                                                     \
    HEAD CLIENTS FAULT("f1", "100", "101") FAULT("f2", "110", "111") FAULT("f3", "120", "121")     \
        FAULT("f4", "130", "131") "w 1 0 0 90" SECOND "\n"

/* The gaps of faults at 100, 110, 120 and 130 s, where these are the times of acknowledgements. */
static void expect_gaps(const int64_t *acked_s, int count, const int64_t *gaps_s)
{
    char text[4096] = ROUNDS;
    for (int i = 0; i < count; i++)
        sprintf(text + strlen(text), "a 1 %d %d %lld" SECOND "\nw 1 %d 0 %lld" SECOND "\n", i, i,
                (long long)acked_s[i], i + 1, (long long)acked_s[i]);
    sprintf(text + strlen(text), ". %lld" SECOND "\n", (long long)acked_s[count - 1]);
    struct verdict *verdict = checked(text);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_eq(gap_of(verdict, 0, 0, i)->ns / 1000000000, gaps_s[i], "fault %u: %lld s",
                     i + 1, (long long)gap_of(verdict, 0, 0, i)->ns / 1000000000);
    verdict_free(verdict);
}

Test(availability, counts_what_a_fault_cuts_off_for_that_fault_alone)
{
    static const int64_t acked[] = {91, 98, 101, 107, 116, 118, 123, 128, 135, 140};
    static const int64_t gaps[] = {6, 9, 5, 7};
    expect_gaps(acked, 10, gaps);
}

Test(availability, shows_no_small_gap_to_a_fault_that_lies_within_a_long_one)
{
    static const int64_t acked[] = {91, 99, 132, 134, 136};
    static const int64_t gaps[] = {33, 10, 10, 2};
    expect_gaps(acked, 5, gaps);
}

Test(availability, tells_the_whole_of_a_gap_that_began_late_under_the_fault_before)
{
    static const int64_t acked[] = {91, 99, 101, 104, 127, 129, 131};
    static const int64_t gaps[] = {6, 23, 7, 2};
    expect_gaps(acked, 7, gaps);
}

Test(availability, tells_the_whole_of_a_gap_that_outlasts_the_time_of_its_fault)
{
    static const int64_t acked[] = {91, 99, 101, 109, 111, 119, 121, 129, 132, 500};
    static const int64_t gaps[] = {8, 8, 8, 368};
    expect_gaps(acked, 10, gaps);
}

Test(availability, counts_from_the_first_write_to_the_end_where_nothing_is_acknowledged)
{
    struct verdict *verdict = checked(RUN);
    uint32_t stock = 3; /* After tuned, live and final. */

    cr_assert_str_eq(verdict->availability.profiles[stock], "stock");
    cr_expect_eq(gap_of(verdict, stock, 0, 1)->ns, INT64_C(49000000000));
    cr_expect_eq(gap_of(verdict, stock, 0, 0)->ns, 0, "it began to write after this one");
    verdict_free(verdict);
}

/* Acknowledged at 1 s; a fault begins at 2 s, and these lines follow. */
static int64_t gap_after(const char *lines)
{
    char text[1024];
    snprintf(text, sizeof text, "%s%s",
             HEAD CLIENTS FAULT("f1", "2", "3") "w 1 0 0 0\na 1 0 0 1" SECOND "\n", lines);
    struct verdict *verdict = checked(text);
    int64_t gap_ns = gap_of(verdict, 0, 0, 0)->ns;
    verdict_free(verdict);
    return gap_ns / 1000000000;
}

Test(availability, counts_the_last_gap_for_as_long_as_its_client_went_on_trying)
{
    cr_expect_eq(gap_after("w 1 1 0 4" SECOND "\n. 65" SECOND "\n"), 64,
                 "no answer came until the client's end, whatever it left out");
    cr_expect_eq(gap_after("w 1 1 0 4" SECOND "\nw 1 2 0 9" SECOND "\ne 1 1 X 14" SECOND "\n"
                           "e 1 2 X 16" SECOND "\n. 65" SECOND "\n"),
                 15, "it gave up");
    cr_expect_eq(gap_after("w 1 1 0 4" SECOND "\na 1 1 1 6" SECOND "\n. 65" SECOND "\n"), 5,
                 "it had nothing more to write");
}

Test(availability, counts_a_client_that_had_no_answer_at_all)
{
    struct verdict *verdict =
        checked(HEAD CLIENTS FAULT("f1", "2", "3") "w 1 0 0 1" SECOND "\n. 9" SECOND "\n");

    cr_expect_eq(gap_of(verdict, 0, 0, 0)->ns, INT64_C(8000000000));
    verdict_free(verdict);
}

Test(availability, takes_no_write_that_was_given_up_for_a_last_gap)
{
    cr_expect_eq(gap_after("w 1 1 0 4" SECOND "\nw 1 2 0 5" SECOND "\na 1 2 1 6" SECOND "\n"
                           ". 65" SECOND "\n"),
                 5, "what was written later has been acknowledged");
}

Test(availability, ends_the_last_gap_with_the_file_of_its_own_client)
{
    struct verdict *verdict;
    static const char writer[] =
        HEAD CLIENTS FAULT("f1", "2", "3") "w 1 0 0 0\na 1 0 0 1" SECOND "\nw 1 1 0 4" SECOND
                                           "\n. 20" SECOND "\n";
    static const char other[] = HEAD "c 5 writer stock w\nw 5 0 1 0\n. 65" SECOND "\n";
    struct history_source sources[] = {
        {.path = "w", .text = {.data = (const uint8_t *)writer, .size = sizeof writer - 1}},
        {.path = "o", .text = {.data = (const uint8_t *)other, .size = sizeof other - 1}}};

    cr_assert(check_history(&verdict, sources, 2, (struct checker_options){0}));

    cr_expect_eq(gap_of(verdict, 0, 0, 0)->ns, INT64_C(19000000000));
    verdict_free(verdict);
}

Test(availability, marks_gaps_that_the_host_made)
{
    struct verdict *verdict = checked(RUN);
    const struct gap of_host = {.from = INT64_C(25000000000), .ns = INT64_C(65000000000)};
    const struct gap of_the_cluster = {.from = INT64_C(55000000000), .ns = INT64_C(35000000000)};

    cr_expect(availability_is_of_host(&verdict->availability, &of_host));
    cr_expect_not(availability_is_of_host(&verdict->availability, &of_the_cluster));
    verdict_free(verdict);
}

Test(availability, tells_latency_under_a_fault_from_that_outside)
{
    struct verdict *verdict = checked(RUN);
    const struct histogram *outside = availability_latency(&verdict->availability, 0, 2);
    const struct histogram *under = availability_latency(&verdict->availability, 0, 0);

    cr_expect_eq(outside->total, 2);
    cr_expect_eq(outside->max, 1000000000);
    cr_expect_eq(under->total, 1);
    cr_expect_eq(under->max, UINT64_C(3000000000));
    verdict_free(verdict);
}

static uint64_t sum(const struct availability *availability, uint32_t partition)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < availability->bucket_count; i++)
        total += availability->buckets[(size_t)partition * AVAILABILITY_BUCKETS + i];
    return total;
}

Test(availability, widens_the_timeline_until_it_holds_the_run)
{
    struct verdict *verdict = checked(RUN);
    const struct availability *availability = &verdict->availability;

    cr_expect_eq(availability->from, INT64_C(10000000000));
    cr_expect_eq(availability->bucket_ns, 80000000);
    cr_expect_eq(availability->bucket_count, 1001);
    cr_expect_eq(sum(availability, 0), 4);
    cr_expect_eq(availability->buckets[0], 1);
    cr_expect_eq(availability->buckets[15000 / 80], 1);
    verdict_free(verdict);
}

Test(availability, shows_a_part_of_the_run_in_finer_buckets)
{
    struct verdict *verdict;
    struct history_source source = {
        .path = "h", .text = {.data = (const uint8_t *)RUN, .size = (uint32_t)strlen(RUN)}};
    struct checker_options window = {.from = INT64_C(20000000000), .to = INT64_C(30000000000)};

    cr_assert(check_history(&verdict, &source, 1, window));

    cr_expect_eq(verdict->availability.bucket_ns, 5000000);
    cr_expect_eq(verdict->availability.bucket_count, 2000);
    cr_expect_eq(sum(&verdict->availability, 0), 2);
    cr_expect_eq(verdict->availability.buckets[1000], 1);
    verdict_free(verdict);
}

Test(availability, refuses_too_many_profiles)
{
    char text[8192] = HEAD;
    for (int i = 0; i <= AVAILABILITY_PROFILES_MAX; i++)
        sprintf(text + strlen(text), "c %d writer p%d w\n", i, i);
    strcat(text, ". 1\n");

    expect_refused(text, "h:34: field 4 (profile): more than 32 are there");
}
