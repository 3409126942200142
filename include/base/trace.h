/* trace.h -- the lines a program prints about itself; `log` is the commit log.
 *
 * The server's lines are a contract: time, level, what (topic/partition or node),
 * old -> new, cause. A sink gets whole lines; the time is its own to add. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdint.h>

enum trace_level { TRACE_DEBUG, TRACE_INFO, TRACE_WARN, TRACE_ERROR };

struct trace {
    enum trace_level level; /* Lines below it are not formatted. */
    void (*line)(void *context, enum trace_level level, const char *text);
    void *context;
};

void trace_line(const struct trace *trace, enum trace_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define trace_debug(trace, ...) trace_line((trace), TRACE_DEBUG, __VA_ARGS__)
#define trace_info(trace, ...) trace_line((trace), TRACE_INFO, __VA_ARGS__)
#define trace_warn(trace, ...) trace_line((trace), TRACE_WARN, __VA_ARGS__)
#define trace_error(trace, ...) trace_line((trace), TRACE_ERROR, __VA_ARGS__)

#endif
