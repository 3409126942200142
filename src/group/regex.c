/* regex.c -- regular expressions of subscriptions (KIP-848), as far as RE2 and PCRE2 agree.
 *
 * Kafka reads RE2's syntax, which has nothing that looks back, around or into itself. PCRE2
 * reads more, so what is not RE2's is refused before it is compiled.
 *
 * No expression may burn the processor. A name is tried with few steps first. Where these do not
 * do, it is matched as RE2 does it, all ways at once, which is done after one look at the name,
 * if there are not too many ways. Only an expression that has more gets more steps, and the sum of
 * these is bounded for all names together. */
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    STEPS_FIRST = 500,      /* Of each name. */
    WAYS_SIZE = 300,        /* Numbers; 48 ways at once. */
    STEPS_MORE = 20000,     /* Of a name that was not done with either. */
    STEPS_SUM = 40 * 20000, /* Of all of these. */
    DEPTH_MAX = 500,
    HEAP_KIB_MAX = 512,
    NESTING_MAX = 50,
};

struct scan {
    const char *at;
    const char *end;
    bool is_repeated; /* What stands before is a quantifier. */
};

static bool is_among(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind a backslash: RE2's letters; any other sign stands for itself. */
static bool scan_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    char c = *scan->at++;
    if (c == 'Q') {
        while (scan->at < scan->end &&
               !(scan->at[0] == '\\' && scan->at + 1 < scan->end && scan->at[1] == 'E'))
            scan->at++;
        scan->at = scan->end - scan->at >= 2 ? scan->at + 2 : scan->end;
        return true;
    }
    return !is_letter_or_digit(c) || is_among(c, "AbBzdDsSwWpPaftnrvx0");
}

static void skip_name(struct scan *scan)
{
    while (scan->at < scan->end && (is_letter_or_digit(*scan->at) || *scan->at == '_'))
        scan->at++;
}

/* Behind "(?": a group without a number, with a name, or flags. */
static bool scan_group(struct scan *scan)
{
    const char *start = scan->at;
    if (scan->at < scan->end && *scan->at == 'P')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '<') {
        const char *name = ++scan->at;
        skip_name(scan);
        return scan->at > name && scan->at < scan->end && *scan->at++ == '>';
    }
    if (scan->at != start)
        return false;
    while (scan->at < scan->end && is_among(*scan->at, "imsU-"))
        scan->at++;
    return scan->at < scan->end && is_among(*scan->at++, ":)");
}

/* Behind "[". */
static bool scan_class(struct scan *scan)
{
    if (scan->at < scan->end && *scan->at == '^')
        scan->at++;
    if (scan->at < scan->end && *scan->at == ']')
        scan->at++;
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == ']')
            return true;
        if (c == '\\' && !scan_escape(scan))
            return false;
        if (c == '[' && scan->at < scan->end && *scan->at == ':') {
            while (scan->at < scan->end && *scan->at != ']')
                scan->at++;
            if (scan->at < scan->end)
                scan->at++;
        }
    }
    return false;
}

/* "{2}", "{2,}" or "{2,3}" at an opening brace; anything else is not a quantifier. */
static bool skip_counts(struct scan *scan)
{
    const char *at = scan->at;
    while (at < scan->end && *at >= '0' && *at <= '9')
        at++;
    if (at == scan->at)
        return false;
    if (at < scan->end && *at == ',')
        at++;
    while (at < scan->end && *at >= '0' && *at <= '9')
        at++;
    if (at == scan->end || *at != '}')
        return false;
    scan->at = at + 1;
    return true;
}

/* One item of the expression. */
static bool scan_item(struct scan *scan)
{
    char c = *scan->at++;
    bool was_repeated = scan->is_repeated;
    scan->is_repeated = is_among(c, "*+?") || (c == '{' && skip_counts(scan));
    if (c == '+' && was_repeated)
        return false; /* Possessive. */
    if (c == '?' && was_repeated)
        scan->is_repeated = true; /* Lazy; a third one is wrong for both. */
    if (c == '\\')
        return scan_escape(scan);
    if (c == '[')
        return scan_class(scan);
    if (c != '(' || scan->at == scan->end)
        return true;
    if (*scan->at == '*')
        return false; /* A verb. */
    if (*scan->at != '?')
        return true;
    scan->at++;
    return scan_group(scan);
}

static bool is_of_re2(struct str pattern)
{
    struct scan scan = {.at = pattern.data, .end = pattern.data + pattern.size};
    while (scan.at < scan.end)
        if (!scan_item(&scan))
            return false;
    return true;
}

static void *take_memory(size_t size, void *context)
{
    (void)context;
    return mem_alloc(size);
}

static void give_memory(void *memory, void *context)
{
    (void)context;
    mem_free(memory);
}

/* One expression while it is tried on names. */
struct matcher {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_match_data *found;
    pcre2_code *code;
    uint32_t steps_left; /* For names that need more than the first steps. */
};

static pcre2_code *compile(pcre2_general_context *memory, struct str pattern)
{
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    int error;
    PCRE2_SIZE place;
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size,
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_UTF |
                                         PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY,
                                     &error, &place, context);
    pcre2_compile_context_free(context);
    return code;
}

static void matcher_close(struct matcher *matcher)
{
    pcre2_match_data_free(matcher->found);
    pcre2_match_context_free(matcher->limits);
    pcre2_code_free(matcher->code);
    pcre2_general_context_free(matcher->memory);
}

static enum err matcher_open(struct matcher *matcher, struct str pattern)
{
    *matcher = (struct matcher){.steps_left = STEPS_SUM};
    if (pattern.size > GROUP_REGEX_MAX || !is_of_re2(pattern))
        return ERR_INVALID_REGULAR_EXPRESSION;
    matcher->memory = pcre2_general_context_create(take_memory, give_memory, NULL);
    matcher->code = compile(matcher->memory, pattern);
    if (matcher->code == NULL) {
        matcher_close(matcher);
        return ERR_INVALID_REGULAR_EXPRESSION;
    }
    matcher->limits = pcre2_match_context_create(matcher->memory);
    matcher->found = pcre2_match_data_create(1, matcher->memory);
    pcre2_set_depth_limit(matcher->limits, DEPTH_MAX);
    pcre2_set_heap_limit(matcher->limits, HEAP_KIB_MAX);
    return ERR_NONE;
}

static int match(struct matcher *matcher, struct str name, uint32_t steps)
{
    pcre2_set_match_limit(matcher->limits, steps);
    return pcre2_match(matcher->code, (PCRE2_SPTR)name.data, name.size, 0, 0, matcher->found,
                       matcher->limits);
}

/* All ways at once, without going back. The longest match comes first, and it ends where the name
 * does or nowhere: PCRE2 10.42 forgets PCRE2_ENDANCHORED here where nothing may match as well. */
static int match_at_once(struct matcher *matcher, struct str name)
{
    int ways[WAYS_SIZE];
    int result = pcre2_dfa_match(matcher->code, (PCRE2_SPTR)name.data, name.size, 0, 0,
                                 matcher->found, matcher->limits, ways, WAYS_SIZE);
    bool ends_early = result >= 0 && pcre2_get_ovector_pointer(matcher->found)[1] != name.size;
    return ends_early ? PCRE2_ERROR_NOMATCH : result;
}

static bool is_answer(int result)
{
    return result >= 0 || result == PCRE2_ERROR_NOMATCH;
}

/* Errors  ERR_INVALID_REGULAR_EXPRESSION: it takes too many steps. */
static enum err try_name(struct matcher *matcher, struct str name, bool *matches)
{
    int result = match(matcher, name, STEPS_FIRST);
    if (!is_answer(result))
        result = match_at_once(matcher, name);
    if (!is_answer(result) && matcher->steps_left >= STEPS_MORE) {
        matcher->steps_left -= STEPS_MORE;
        result = match(matcher, name, STEPS_MORE);
    }
    *matches = result >= 0;
    return is_answer(result) ? ERR_NONE : ERR_INVALID_REGULAR_EXPRESSION;
}

static struct str *add_name(struct arena *arena, struct str *names, uint32_t count, struct str name)
{
    if (count == 0 || (count >= 8 && (count & (count - 1)) == 0)) { /* Full: 8, 16, 32... */
        struct str *larger = arena_array(arena, struct str, count == 0 ? 8 : 2 * (size_t)count);
        if (count > 0)
            memcpy(larger, names, count * sizeof *names);
        names = larger;
    }
    names[count] = name;
    return names;
}

enum err regex_resolve(struct str pattern, const struct group_topics *topics, struct arena *arena,
                       uint32_t *count, struct str **names)
{
    struct matcher matcher;
    struct group_topic topic = {.name = {.data = NULL}};
    struct str *found = NULL;
    uint32_t found_count = 0;
    bool matches;
    enum err err = matcher_open(&matcher, pattern);
    if (err != ERR_NONE)
        return err;
    while (err == ERR_NONE && topics->next != NULL &&
           topics->next(topics->context, topic.name, &topic)) {
        err = try_name(&matcher, topic.name, &matches);
        if (err == ERR_NONE && matches) {
            found = add_name(arena, found, found_count, topic.name);
            found_count++;
        }
    }
    matcher_close(&matcher);
    if (err != ERR_NONE)
        return err;
    *count = found_count;
    *names = found;
    return ERR_NONE;
}
