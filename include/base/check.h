/* check.h -- our own mistakes end the process; they stay checked in release.
 *
 * Never check() what a client, a peer or a disk can cause. One condition each. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define check(expression)                                                                          \
    do {                                                                                           \
        if (__builtin_expect(!(expression), 0))                                                    \
            check_failed(#expression, __FILE__, __LINE__);                                         \
    } while (0)

/* Prints the condition and where it stands, then aborts. */
_Noreturn void check_failed(const char *expression, const char *file, int line);

#endif
