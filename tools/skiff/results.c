/* results.c -- what became of each of several things that a verb was told to do. */
#include "results.h"

#include <string.h>

#include "output.h"
#include "say.h"

void results_begin(struct results *results, const struct call *call, const char *kind)
{
    results->kind = kind;
    results->list = call->json ? json_array() : NULL;
    results->code = EXIT_DONE;
}

static void add_row(struct results *results, const char *name, const char *result, enum err err,
                    struct str message)
{
    if (results->list)
        json_array_append_new(results->list,
                              json_pack("{ss ss so so}", results->kind, name, "result", result,
                                        "error", err ? json_string(err_name(err)) : json_null(),
                                        "message", json_text(message)));
}

void results_done(struct results *results, const char *name, const char *result)
{
    add_row(results, name, result, ERR_NONE, (struct str){0});
}

void results_failed(struct results *results, const char *name, int code, enum err err,
                    struct str message)
{
    add_row(results, name, results_is_unknown(err, message) ? "unknown" : "failed", err, message);
    results->code = code;
}

void results_untried(struct results *results, const char *name)
{
    add_row(results, name, "untried", ERR_OPERATION_NOT_ATTEMPTED, (struct str){0});
    say_error(0, "%s %s: not tried", results->kind, name);
}

int results_end(struct results *results)
{
    if (results->list)
        print_json(results->list);
    return results->code;
}

/* The broker's own words; where it cannot say them (older versions of a request) it is unknown. */
static bool denies(struct str message)
{
    struct str words = STR("Nothing is changed.");
    return message.size >= words.size &&
           memcmp(message.data + message.size - words.size, words.data, words.size) == 0;
}

bool results_is_unknown(enum err err, struct str message)
{
    bool may_be = err < -100 || err == ERR_REQUEST_TIMED_OUT || err == ERR_NOT_CONTROLLER;
    return may_be && !denies(message);
}
