/* rules.h -- what may happen to the bytes from one party to another, as text and as data. */
#ifndef PROXY_RULES_H
#define PROXY_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RULE_TEXT_MAX = 64,
    RULE_WAIT_US_MAX = 600 * 1000000,
    RULE_PERIOD_US_MIN = 2000,
};

enum rule_kind {
    RULE_PASS,
    RULE_CUT,      /* Bytes are held, and go on when the rule does. */
    RULE_DELAY,    /* Bytes wait for `wait_us`, give or take `jitter_us`, and stay in order. */
    RULE_THROTTLE, /* At most `bytes_a_second`, all connections of the link together. */
    RULE_STALL,    /* `percent` of what arrives, and all behind it, waits for `wait_us`. */
    RULE_RESET,    /* Connections are reset, also those that come. */
    RULE_FLAP,     /* Cut and whole in turn, each for half of `period_us`; cut first. */
};

struct rule {
    enum rule_kind kind;
    uint32_t wait_us;
    uint32_t jitter_us;
    uint32_t percent;
    uint64_t bytes_a_second;
    uint32_t period_us;
    int64_t since_us; /* When it was set. */
};

/* Read a rule from its words, such as {"delay", "20", "5"}: milliseconds, without a unit.
 * Errors  false, and *why says what is wrong; *out is untouched. */
bool rule_parse(struct rule *out, uint32_t count, char *const *words, int64_t now_us,
                const char **why);
void rule_format(const struct rule *rule, char out[RULE_TEXT_MAX]);

/* No byte goes on at `now_us`. */
bool rule_holds(const struct rule *rule, int64_t now_us);
/* When rule_holds() changes by itself; INT64_MAX: never. */
int64_t rule_turns_us(const struct rule *rule, int64_t now_us);

#endif
