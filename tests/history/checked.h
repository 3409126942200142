/* checked.h -- histories as texts, and what the checker says of them. */
#ifndef TESTS_HISTORY_CHECKED_H
#define TESTS_HISTORY_CHECKED_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "checker.h"
#include "say.h"

#define HEAD "# skiff-history 1 run=c0ffee topic=orders partitions=2\n"
/* A writer 1, a live reader 8 and a final reader 9. */
#define CLIENTS "c 1 writer tuned w\nc 8 reader live l\nc 9 reader final f\n"

static inline struct verdict *checked(const char *text)
{
    struct verdict *verdict;
    struct history_source source = {
        .path = "h", .text = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)}};
    cr_assert(check_history(&verdict, &source, 1, (struct checker_options){0}), "%s",
              verdict->problem);
    return verdict;
}

static inline void expect_valid(const char *text)
{
    struct verdict *verdict = checked(text);
    for (uint32_t i = 0; i < verdict->findings.count; i++)
        cr_expect_fail("%s: %s", finding_class_name(verdict->findings.shown[i].class),
                       verdict->findings.shown[i].text);
    cr_expect_eq(verdict_exit_code(verdict), EXIT_DONE, "%s", verdict->reasons[0]);
    verdict_free(verdict);
}

/* Exactly one anomaly, of this class, shown by these lines ("3: w 1 0 0 5\n..."). */
static inline void expect_found(const char *text, enum finding_class class, const char *witness)
{
    char found[4096] = "";
    struct verdict *verdict = checked(text);
    cr_expect_eq(verdict_exit_code(verdict), EXIT_VIOLATION);
    cr_assert_eq(verdict->findings.count, 1, "%u are shown, the last: %s", verdict->findings.count,
                 verdict->findings.shown[1].text);
    const struct finding *finding = &verdict->findings.shown[0];
    cr_expect_str_eq(finding_class_name(finding->class), finding_class_name(class));
    for (uint32_t i = 0; i < finding->line_count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s\n",
                 finding->lines[i].text + strlen("h:"));
    cr_expect_str_eq(found, witness, "%s\n%s", finding->text, found);
    verdict_free(verdict);
}

static inline void expect_doubt(const char *text, int code, const char *reason)
{
    struct verdict *verdict = checked(text);
    cr_expect_eq(verdict_exit_code(verdict), code);
    cr_expect_str_eq(verdict->reasons[0], reason);
    verdict_free(verdict);
}

static inline void expect_inconclusive(const char *text, const char *reason)
{
    expect_doubt(text, EXIT_INCONCLUSIVE, reason);
}

static inline void expect_cut(const char *text)
{
    expect_doubt(text, EXIT_FAILED, "h was cut short: it has no last line");
}

static inline void expect_refused(const char *text, const char *problem)
{
    struct verdict *verdict;
    struct history_source source = {
        .path = "h", .text = {.data = (const uint8_t *)text, .size = (uint32_t)strlen(text)}};
    cr_expect_not(check_history(&verdict, &source, 1, (struct checker_options){0}), "%s", text);
    cr_expect_str_eq(verdict->problem, problem);
    verdict_free(verdict);
}

#endif
