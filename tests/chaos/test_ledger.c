/* test_ledger.c -- the ledger finds what it is for: lost, moved, doubled, reordered, changed. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "ledger.h"

struct sent {
    uint8_t value[LEDGER_VALUE_SIZE];
    int32_t partition;
};

static struct sent send_one(struct ledger *ledger)
{
    struct sent sent;
    ledger_next(ledger, 0, sent.value, &sent.partition);
    return sent;
}

static uint64_t violations(struct ledger *ledger)
{
    ledger_finish(ledger);
    uint64_t count = ledger_counts(ledger).violations;
    ledger_close(ledger);
    return count;
}

Test(ledger, accepts_what_was_acknowledged_where_it_stands)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent first = send_one(ledger);
    struct sent second = send_one(ledger);

    ledger_acked(ledger, first.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_failed(ledger, second.value, LEDGER_VALUE_SIZE);
    ledger_read_live(ledger, first.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, first.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, second.value, LEDGER_VALUE_SIZE, 0, 1);

    cr_assert_eq(violations(ledger), 0);
}

Test(ledger, finds_an_acknowledged_record_that_is_lost)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent sent = send_one(ledger);

    ledger_acked(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 0);

    cr_assert_eq(violations(ledger), 1);
}

Test(ledger, finds_an_acknowledged_record_at_another_offset)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent sent = send_one(ledger);

    ledger_acked(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 5);

    cr_assert_eq(violations(ledger), 1);
}

Test(ledger, finds_a_record_that_stands_twice)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent sent = send_one(ledger);

    ledger_failed(ledger, sent.value, LEDGER_VALUE_SIZE);
    ledger_read(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 1);

    cr_assert_gt(violations(ledger), 0);
}

Test(ledger, finds_records_out_of_order)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent first = send_one(ledger);
    struct sent second = send_one(ledger);

    ledger_read(ledger, second.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, first.value, LEDGER_VALUE_SIZE, 0, 1);

    cr_assert_eq(violations(ledger), 1);
}

Test(ledger, finds_a_record_that_changed_after_it_was_read)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent first = send_one(ledger);
    struct sent second = send_one(ledger);

    ledger_read_live(ledger, first.value, LEDGER_VALUE_SIZE, 0, 0);
    ledger_read(ledger, second.value, LEDGER_VALUE_SIZE, 0, 0);

    cr_assert_gt(violations(ledger), 0);
}

Test(ledger, finds_a_record_that_was_read_and_then_cut_off)
{
    struct ledger *ledger = ledger_open(1, 1);
    struct sent sent = send_one(ledger);

    ledger_read_live(ledger, sent.value, LEDGER_VALUE_SIZE, 0, 0);

    cr_assert_eq(violations(ledger), 1);
}

Test(ledger, finds_a_record_that_nobody_sent)
{
    struct ledger *ledger = ledger_open(1, 1);
    uint8_t value[LEDGER_VALUE_SIZE] = {1};

    ledger_read(ledger, value, LEDGER_VALUE_SIZE, 0, 0);

    cr_assert_eq(violations(ledger), 1);
}
