/* trace.c -- lines that stay lines. */
#include "base/trace.h"

#include <criterion/criterion.h>
#include <string.h>

static char last[4096];
static uint32_t lines;

static void keep(void *context, enum trace_level level, const char *text)
{
    (void)context;
    (void)level;
    lines++;
    strcpy(last, text);
}

Test(trace, formats_a_line)
{
    struct trace trace = {.level = TRACE_DEBUG, .line = keep};

    trace_info(&trace, "%s-%d leader %d -> %d", "orders", 3, 1, 2);

    cr_assert_str_eq(last, "orders-3 leader 1 -> 2");
}

Test(trace, leaves_out_what_is_below_its_level)
{
    struct trace trace = {.level = TRACE_WARN, .line = keep};

    trace_info(&trace, "quiet");
    trace_error(&trace, "loud");
    trace_error(NULL, "nobody listens");

    cr_assert_eq(lines, 1);
    cr_assert_str_eq(last, "loud");
}

Test(trace, cuts_a_long_line_and_says_so)
{
    struct trace trace = {.level = TRACE_DEBUG, .line = keep};

    trace_info(&trace, "%5000d", 1);

    cr_assert_eq(strlen(last), 1023);
    cr_assert_str_eq(last + 1020, "...");
}

Test(trace, lets_no_name_break_the_line)
{
    struct trace trace = {.level = TRACE_DEBUG, .line = keep};

    trace_info(&trace, "topic %s", "a\nb\x1b[2J");

    cr_assert_str_eq(last, "topic a?b?[2J");
}
