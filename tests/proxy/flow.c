/* flow.c -- what a flow lets through, at which time, in which order. */
#include "flow.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/base.h"

static struct network network;
static struct flow flow;

static void set_up(void)
{
    network_init(&network, 1);
    flow_init(&flow, &network, 1, 2);
}

static void tear_down(void)
{
    flow_free(&flow);
    network_free(&network);
}

TestSuite(flow, .init = set_up, .fini = tear_down);

static void rule(struct rule rule)
{
    network.links[1][2].rule = rule;
}

/* Take all that may go at a time. */
static uint32_t take(char *out, int64_t now_us)
{
    const uint8_t *data;
    uint32_t size;
    uint32_t total = 0;
    while ((size = flow_peek(&flow, now_us, &data))) {
        memcpy(out + total, data, size);
        flow_take(&flow, size);
        total += size;
    }
    out[total] = 0;
    return total;
}

Test(flow, holds_nothing_under_a_cut_but_the_bytes)
{
    char got[16];
    rule((struct rule){.kind = RULE_CUT});
    cr_assert_not(flow_is_clear(&flow));
    flow_add(&flow, "held", 4, 10);
    flow_finish(&flow, FLOW_SHUT, 11);

    cr_assert_eq(take(got, 1000000), 0);
    cr_assert_eq(flow_end_now(&flow, 1000000), FLOW_OPEN);
    cr_assert_eq(flow_due_us(&flow, 1000000), INT64_MAX);
    cr_assert_eq(network.links[1][2].held, 4);

    rule((struct rule){.kind = RULE_PASS});
    cr_assert_eq(flow_end_now(&flow, 1000000), FLOW_OPEN, "the end goes behind the bytes");
    cr_assert_eq(take(got, 1000000), 4);
    cr_assert_str_eq(got, "held");
    cr_assert_eq(flow_end_now(&flow, 1000000), FLOW_SHUT);
    cr_assert_eq(network.links[1][2].bytes, 4);
    cr_assert_eq(network.links[1][2].held, 0);
}

Test(flow, a_reset_replaces_a_half_close_and_not_the_other_way_round)
{
    flow_finish(&flow, FLOW_SHUT, 1);
    flow_finish(&flow, FLOW_RESET, 2);
    flow_finish(&flow, FLOW_SHUT, 3);
    cr_assert_eq(flow_end_now(&flow, 4), FLOW_RESET);
}

Test(flow, a_delay_tells_when_each_piece_is_due)
{
    char got[16];
    rule((struct rule){.kind = RULE_DELAY, .wait_us = 6400});
    flow_add(&flow, "a", 1, 1000);
    flow_add(&flow, "b", 1, 1050); /* Within a grain of the first. */
    flow_add(&flow, "c", 1, 5000);
    flow_finish(&flow, FLOW_SHUT, 9000);

    cr_assert_eq(flow_due_us(&flow, 5000), 7400);
    cr_assert_eq(take(got, 7399), 0);
    cr_assert_eq(take(got, 7400), 2);
    cr_assert_str_eq(got, "ab");
    cr_assert_eq(flow_due_us(&flow, 7400), 11400);
    cr_assert_eq(take(got, 11400), 1);
    cr_assert_eq(flow_due_us(&flow, 11400), 15400);
    cr_assert_eq(flow_end_now(&flow, 15399), FLOW_OPEN);
    cr_assert_eq(flow_end_now(&flow, 15400), FLOW_SHUT);
}

Test(flow, jitter_never_overtakes)
{
    char got[256];
    rule((struct rule){.kind = RULE_DELAY, .wait_us = 1000, .jitter_us = 1000});
    for (uint8_t i = 0; i < 100; i++)
        flow_add(&flow, &i, 1, 10 * i);
    uint8_t next = 0;
    for (int64_t now = 0; now < 4000; now += 10) {
        uint32_t size = take(got, now);
        for (uint32_t i = 0; i < size; i++)
            cr_assert_eq((uint8_t)got[i], next++);
    }
    cr_assert_eq(next, 100);
}

Test(flow, a_long_delay_of_old_does_not_hold_what_comes_after_it)
{
    char got[16];
    rule((struct rule){.kind = RULE_DELAY, .wait_us = 60000000});
    flow_add(&flow, "a", 1, 0);
    rule((struct rule){.kind = RULE_PASS});
    cr_assert_eq(take(got, 10), 1);
    rule((struct rule){.kind = RULE_DELAY, .wait_us = 100});
    flow_add(&flow, "b", 1, 20);
    cr_assert_eq(flow_due_us(&flow, 20), 120);
}

Test(flow, takes_no_more_than_its_room_and_wraps_around)
{
    static uint8_t data[FLOW_BYTES_MAX];
    static char got[FLOW_BYTES_MAX + 1];
    for (uint32_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    rule((struct rule){.kind = RULE_CUT});
    flow_add(&flow, data, FLOW_BYTES_MAX - 100, 0);
    cr_assert_eq(flow_room(&flow), 100);
    rule((struct rule){.kind = RULE_PASS});
    const uint8_t *at;
    cr_assert_eq(flow_peek(&flow, 0, &at), FLOW_BYTES_MAX - 100);
    flow_take(&flow, 1000);
    flow_add(&flow, data, 1100, 0);
    cr_assert_eq(flow_room(&flow), 0);
    cr_assert_eq(take(got, 0), FLOW_BYTES_MAX);
    cr_assert_arr_eq(got, data + 1000, FLOW_BYTES_MAX - 1100);
    cr_assert_arr_eq(got + FLOW_BYTES_MAX - 1100, data, 1100);
    cr_assert(flow_is_clear(&flow));
}

Test(flow, keeps_its_pieces_bounded)
{
    char got[1024];
    rule((struct rule){.kind = RULE_DELAY, .wait_us = 64});
    for (int i = 0; i < 1000; i++)
        flow_add(&flow, "x", 1, i * 1000);
    cr_assert_eq(take(got, 1000000), 1000);
}

Test(flow, a_throttle_gives_its_rate_and_shares_it)
{
    static uint8_t data[100000];
    struct flow other;
    const uint8_t *at;
    uint64_t taken[2] = {0, 0};
    flow_init(&other, &network, 1, 2);
    rule((struct rule){.kind = RULE_THROTTLE, .bytes_a_second = 50000, .since_us = 0});
    flow_add(&flow, data, sizeof data, 0);
    flow_add(&other, data, sizeof data, 0);
    struct flow *both[2] = {&flow, &other};
    int64_t now = 0;
    for (int turn = 0; now < 2000000 && turn < 10000; turn++) {
        int64_t due = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            uint32_t size = flow_peek(both[i], now, &at);
            flow_take(both[i], size);
            taken[i] += size;
        }
        for (int i = 0; i < 2; i++) {
            int64_t then = flow_due_us(both[i], now);
            due = then < due ? then : due;
        }
        now = due > now ? due : now + 1;
    }
    cr_assert(taken[0] + taken[1] > 97000 && taken[0] + taken[1] < 103000, "%llu",
              (unsigned long long)(taken[0] + taken[1]));
    cr_assert(taken[0] > 25000 && taken[1] > 25000);
    flow_free(&other);
}

Test(flow, a_stall_of_all_holds_also_what_comes_later)
{
    char got[16];
    rule((struct rule){.kind = RULE_STALL, .percent = 100, .wait_us = 500});
    flow_add(&flow, "a", 1, 0);
    rule((struct rule){.kind = RULE_STALL, .percent = 0, .wait_us = 500});
    flow_add(&flow, "b", 1, 100);
    cr_assert_eq(take(got, 499), 0);
    cr_assert_eq(take(got, 500), 2);
    flow_add(&flow, "c", 1, 600);
    cr_assert_eq(take(got, 600), 1);
}

Test(flow, counts_the_bytes_that_a_rule_made_wait)
{
    char got[16];
    uint64_t *delayed = &network.links[1][2].delayed;
    flow_add(&flow, "free", 4, 0); /* The receiver was full: no rule made it wait. */
    cr_assert_eq(*delayed, 0);
    cr_assert_eq(take(got, 0), 4);
    rule((struct rule){.kind = RULE_CUT});
    flow_add(&flow, "cut", 3, 1);
    cr_assert_eq(*delayed, 3);
    rule((struct rule){.kind = RULE_PASS});
    cr_assert_eq(take(got, 2), 3);
    cr_assert_eq(*delayed, 3);
    rule((struct rule){.kind = RULE_STALL, .percent = 100, .wait_us = 1000});
    flow_add(&flow, "stalled", 7, 10);
    cr_assert_eq(*delayed, 10);
    cr_assert_eq(take(got, 1010), 7);
    rule((struct rule){.kind = RULE_STALL, .percent = 0, .wait_us = 1000});
    flow_add(&flow, "lucky", 5, 2000);
    cr_assert_eq(*delayed, 10);
}

Test(flow, counts_what_a_throttle_and_a_flap_make_wait)
{
    char got[16];
    uint64_t *delayed = &network.links[1][2].delayed;
    rule((struct rule){.kind = RULE_THROTTLE, .bytes_a_second = 20, .since_us = 0});
    flow_add(&flow, "ab", 2, 50000); /* One of them has a token. */
    cr_assert_eq(*delayed, 1);
    rule((struct rule){.kind = RULE_PASS});
    take(got, 50000);
    rule((struct rule){.kind = RULE_FLAP, .period_us = 2000, .since_us = 100000});
    flow_add(&flow, "cut", 3, 100500);
    cr_assert_eq(*delayed, 4);
    cr_assert_eq(take(got, 101500), 3);
    flow_add(&flow, "whole", 5, 101600);
    cr_assert_eq(*delayed, 4);
}
