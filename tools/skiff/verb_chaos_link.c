/* verb_chaos_link.c -- skiff chaos cut, link, heal: the network of a chaos cluster.
 *
 * The proxy answers once a rule is in force; its counters then show that a cut link
 * carries nothing. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "chaos_target.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { RULE_SIZE = 128, PARTY_SIZE = 24, NODE_MAX = 9, BETWEEN_LOOKS_US = 100000 };

const struct flag chaos_cut_flags[] = {
    {0, "one-way", NULL, "only from A to B; what B sends still arrives"},
    {0, NULL, NULL, NULL},
};

/* A party as the proxy calls it: a node's number, `client`, or `*` for all. */
static int read_party(const struct chaos_target *target, const char *word, char out[PARTY_SIZE])
{
    int64_t node;
    if (!strcmp(word, "client") || !strcmp(word, "all") || !strcmp(word, "*")) {
        snprintf(out, PARTY_SIZE, "%s", *word == 'c' ? "client" : "*");
        return EXIT_DONE;
    }
    if (!parse_int(word, 0, INT32_MAX, &node))
        return say_error(EXIT_USAGE, "`%s`: write a node's number, `client`, or `all`", word);
    if (node > NODE_MAX || !(target->nodes >> node & 1))
        return say_error(EXIT_NOT_FOUND, "there is no node %s in %s", word, target->dir);
    snprintf(out, PARTY_SIZE, "%lld", (long long)node);
    return EXIT_DONE;
}

/* ---- What the proxy's counters show. */

static json_t *read_stats(const char *dir, char answer[CHAOS_ANSWER_MAX])
{
    return chaos_ask(dir, "stats", answer) ? NULL : json_loads(answer, 0, NULL);
}

static bool is_party(const json_t *party, const char *word)
{
    char number[24];
    if (!strcmp(word, "*"))
        return true;
    if (json_is_string(party))
        return !strcmp(json_string_value(party), word);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(party));
    return !strcmp(number, word);
}

/* The links from one party to another. Owns: the caller's. */
static json_t *links_between(json_t *stats, const char *from, const char *to)
{
    json_t *found = json_array();
    size_t index;
    json_t *link;
    json_array_foreach(json_object_get(stats, "links"), index, link)
    {
        if (is_party(json_object_get(link, "from"), from) &&
            is_party(json_object_get(link, "to"), to))
            json_array_append(found, link);
    }
    return found;
}

/* Each has the rule, and where it is a cut carried nothing from one look to the other. */
static bool is_confirmed(json_t *first, json_t *second, const char *rule)
{
    size_t index;
    json_t *link;
    bool is_cut = !strcmp(rule, "cut");
    json_array_foreach(second, index, link)
    {
        json_t *before = json_object_get(json_array_get(first, index), "bytes");
        const char *now = json_string_value(json_object_get(link, "rule"));
        if (!now || strncmp(now, rule, strlen(rule)) != 0 ||
            (is_cut && !json_equal(before, json_object_get(link, "bytes"))))
            return false;
    }
    return json_array_size(second) > 0 && json_array_size(first) == json_array_size(second);
}

/* ---- Verbs. */

struct change {
    struct chaos_target target;
    char parties[2][PARTY_SIZE];
    char rule[RULE_SIZE];
    bool both_ways;
    char answer[CHAOS_ANSWER_MAX];
};

static int send_rule(struct change *change, int from)
{
    char line[RULE_SIZE + 2 * PARTY_SIZE + 8];
    snprintf(line, sizeof line, "rule %s %s %s", change->parties[from], change->parties[!from],
             change->rule);
    return chaos_ask(change->target.dir, line, change->answer);
}

static json_t *changed_links(struct change *change)
{
    json_t *stats = read_stats(change->target.dir, change->answer);
    json_t *links = links_between(stats, change->parties[0], change->parties[1]);
    json_t *back = links_between(stats, change->parties[1], change->parties[0]);
    if (change->both_ways)
        json_array_extend(links, back);
    json_decref(back);
    json_decref(stats);
    return links;
}

static void tell_change(const struct call *call, struct change *change, int64_t at_ns)
{
    json_t *first = changed_links(change);
    sleep_us(BETWEEN_LOOKS_US); /* Nodes that are linked say something meanwhile. */
    json_t *links = changed_links(change);
    bool confirmed = is_confirmed(first, links, change->rule);
    json_decref(first);
    if (call->json) {
        print_json(json_pack("{sI sb ss so}", "at_ns", (json_int_t)at_ns, "confirmed", confirmed,
                             "rule", change->rule, "links", links));
        return;
    }
    printf("%s %s %s: %s%s\n", call->arguments[0], change->both_ways ? "<->" : "->",
           call->arguments[1], change->rule, confirmed ? "" : " (not confirmed)");
    json_decref(links);
}

static int run_change(const struct call *call, struct change *change)
{
    int code = chaos_target(call, &change->target);
    for (int i = 0; !code && i < 2; i++)
        code = read_party(&change->target, call->arguments[i], change->parties[i]);
    if (!code && !strcmp(change->parties[0], change->parties[1]) && *change->parties[0] != '*')
        code = say_error(EXIT_USAGE, "from %s to itself there is no link", call->arguments[0]);
    if (!code)
        code = send_rule(change, 0);
    int64_t at_ns = chaos_now_ns();
    if (!code && change->both_ways)
        code = send_rule(change, 1);
    if (!code)
        tell_change(call, change, at_ns);
    return code;
}

int run_chaos_cut(struct call *call)
{
    struct change *change = mem_zalloc(sizeof *change);
    snprintf(change->rule, sizeof change->rule, "cut");
    change->both_ways = call_flag(call, "one-way") == NULL;
    int code = run_change(call, change);
    mem_free(change);
    return code;
}

int run_chaos_link(struct call *call)
{
    struct change *change = mem_zalloc(sizeof *change);
    size_t size = 0;
    for (uint32_t i = 2; i < call->argument_count && size < RULE_SIZE; i++)
        size += (size_t)snprintf(change->rule + size, RULE_SIZE - size, "%s%s", i > 2 ? " " : "",
                                 call->arguments[i]);
    int code =
        size < RULE_SIZE ? run_change(call, change) : say_error(EXIT_USAGE, "no rule is that long");
    mem_free(change);
    return code;
}

/* No link has a rule, and no node's page a fault: somebody may have put one there meanwhile. */
static bool is_whole(const struct chaos_target *target, char answer[CHAOS_ANSWER_MAX])
{
    json_t *stats = read_stats(target->dir, answer);
    json_t *links = links_between(stats, "*", "*");
    bool whole = is_confirmed(links, links, "pass");
    json_decref(links);
    json_decref(stats);
    for (node_id node = 1; whole && node <= NODE_MAX; node++) {
        struct fault_rules *rules = target->nodes >> node & 1 ? chaos_rules(target, node) : NULL;
        if (target->nodes >> node & 1)
            whole = rules && fault_rules_are_whole(rules);
        fault_rules_close(rules);
    }
    return whole;
}

/* Disks and clocks first: they can be healed though the proxy is gone. */
int run_chaos_heal(struct call *call)
{
    struct chaos_target target;
    int code = chaos_target(call, &target);
    if (code)
        return code;
    for (node_id node = 1; node <= NODE_MAX; node++) {
        struct fault_rules *rules = target.nodes >> node & 1 ? chaos_rules(&target, node) : NULL;
        if (rules)
            fault_rules_heal(rules);
        else if (target.nodes >> node & 1)
            code = EXIT_FAILED;
        fault_rules_close(rules);
    }
    char *answer = mem_alloc(CHAOS_ANSWER_MAX);
    int proxy_code = chaos_ask(target.dir, "heal", answer);
    int64_t at_ns = chaos_now_ns();
    bool confirmed = !code && !proxy_code && is_whole(&target, answer);
    mem_free(answer);
    if (code || proxy_code)
        return code ? code : proxy_code;
    if (call->json)
        print_json(json_pack("{sI sb}", "at_ns", (json_int_t)at_ns, "confirmed", confirmed));
    else
        printf("network, disks, clocks and descriptors are whole%s\n",
               confirmed ? "" : " (not confirmed)");
    return EXIT_DONE;
}
