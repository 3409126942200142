/* check_report.h -- a verdict on a history, for people and for machines. */
#ifndef CHAOS_CHECK_REPORT_H
#define CHAOS_CHECK_REPORT_H

#include "checker.h"

void print_verdict(const struct verdict *verdict);
/* The object that docs/chaos-history.md describes. */
void print_verdict_json(const struct verdict *verdict);
/* As JUnit XML.
 * Errors  EXIT_FAILED, told: the file cannot be written. */
int write_junit(const struct verdict *verdict, const char *path);
/* The same of a history that was refused: an error, so that no older verdict is read there. */
int write_junit_refused(const char *problem, const char *path);

#endif
