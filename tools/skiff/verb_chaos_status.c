/* verb_chaos_status.c -- skiff chaos status: which faults are in force, and what they have met. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "chaos_target.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { NODE_MAX = 9 };

struct field {
    const char *name;
    size_t at;
    bool is_counter;
};

#define FAULT(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct fault_rules, name), false                                           \
    }
#define COUNTER(name)                                                                              \
    {                                                                                              \
#name, offsetof(struct fault_rules, name), true                                            \
    }

static const struct field fields[] = {
    FAULT(sync_mode),
    FAULT(sync_delay_us),
    FAULT(sync_hang),
    FAULT(write_delay_us),
    FAULT(write_hang),
    FAULT(write_short),
    FAULT(disk_full),
    FAULT(disk_free_bytes),
    FAULT(disk_used_bytes),
    FAULT(read_fail),
    FAULT(clock_step_ms),
    FAULT(clock_drift_ppm),
    FAULT(clock_drift_from_ns),
    FAULT(fd_limit),
    FAULT(read_delay_us),
    COUNTER(syncs),
    COUNTER(syncs_failed),
    COUNTER(writes),
    COUNTER(writes_short),
    COUNTER(refused_full),
    COUNTER(refused_descriptors),
    COUNTER(reads_failed),
    COUNTER(hung),
    COUNTER(unsynced_bytes),
    COUNTER(unsynced_operations),
    COUNTER(journal_bytes),
    COUNTER(journal_lost),
    COUNTER(dials_bound),
    COUNTER(syncs_delayed),
    COUNTER(clocks_shifted),
    COUNTER(reads_delayed),
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

/* All fields have 64 bits; the few signed ones come out right as such. */
static int64_t value_of(const struct fault_rules *rules, const struct field *field)
{
    const char *at = (const char *)rules + field->at;
    return (int64_t)atomic_load_explicit((const _Atomic uint64_t *)(const void *)at,
                                         memory_order_relaxed);
}

static json_t *rules_json(const struct fault_rules *rules)
{
    json_t *object = json_object();
    for (size_t i = 0; i < FIELD_COUNT; i++)
        json_object_set_new(object, fields[i].name, json_integer(value_of(rules, &fields[i])));
    return object;
}

static json_t *nodes_json(const struct chaos_target *target)
{
    json_t *nodes = json_array();
    for (node_id node = 1; node <= NODE_MAX; node++) {
        struct fault_rules *rules = target->nodes >> node & 1 ? chaos_rules(target, node) : NULL;
        if (!rules)
            continue;
        json_array_append_new(nodes, json_pack("{si sb so}", "node", node, "in_force",
                                               chaos_is_in_force(target, node), "rules",
                                               rules_json(rules)));
        fault_rules_close(rules);
    }
    return nodes;
}

static json_t *proxy_json(const struct chaos_target *target)
{
    char *answer = mem_alloc(CHAOS_ANSWER_MAX);
    bool runs = chaos_proxy_pid(target->dir) && !chaos_ask(target->dir, "stats", answer);
    json_t *stats = runs ? json_loads(answer, 0, NULL) : json_object();
    mem_free(answer);
    json_object_set_new(stats, "running", json_boolean(runs));
    return stats;
}

static void party_cell(struct table *table, const json_t *party)
{
    if (json_is_string(party))
        table_cell(table, "%s", json_string_value(party));
    else
        table_cell(table, "node %lld", (long long)json_integer_value(party));
}

static void print_links(const json_t *proxy)
{
    static const char *const heads[] = {"FROM",    "TO",    "RULE",       "HELD",
                                        "DELAYED", "BYTES", "CONNECTIONS"};
    struct table *table = table_open(7, heads);
    size_t index;
    json_t *link;
    json_array_foreach(json_object_get(proxy, "links"), index, link)
    {
        party_cell(table, json_object_get(link, "from"));
        party_cell(table, json_object_get(link, "to"));
        table_cell(table, "%s", json_string_value(json_object_get(link, "rule")));
        table_cell(table, "%lld", (long long)json_integer_value(json_object_get(link, "held")));
        table_cell(table, "%lld", (long long)json_integer_value(json_object_get(link, "delayed")));
        table_cell(table, "%lld", (long long)json_integer_value(json_object_get(link, "bytes")));
        table_cell(table, "%lld",
                   (long long)json_integer_value(json_object_get(link, "connections")));
    }
    table_print_close(table);
}

static void print_node(const json_t *entry)
{
    const json_t *rules = json_object_get(entry, "rules");
    printf("node %lld%s:", (long long)json_integer_value(json_object_get(entry, "node")),
           json_is_true(json_object_get(entry, "in_force")) ? "" : " (down)");
    int faults = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        long long value = json_integer_value(json_object_get(rules, fields[i].name));
        if (value == 0 || fields[i].is_counter)
            continue;
        printf(" %s=%lld", fields[i].name, value);
        faults++;
    }
    printf("%s;", faults ? "" : " no fault");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        long long value = json_integer_value(json_object_get(rules, fields[i].name));
        if (value != 0 && fields[i].is_counter)
            printf(" %s=%lld", fields[i].name, value);
    }
    putchar('\n');
}

int run_chaos_status(struct call *call)
{
    struct chaos_target target;
    int code = chaos_target(call, &target);
    if (code)
        return code;
    json_t *proxy = proxy_json(&target);
    json_t *nodes = nodes_json(&target);
    if (call->json) {
        print_json(json_pack("{so so}", "proxy", proxy, "nodes", nodes));
        return EXIT_DONE;
    }
    if (json_is_true(json_object_get(proxy, "running")))
        print_links(proxy);
    else
        printf("the proxy is gone, and nobody reaches the nodes; `skiff up` starts it\n");
    size_t index;
    json_t *entry;
    json_array_foreach(nodes, index, entry) print_node(entry);
    json_decref(proxy);
    json_decref(nodes);
    return EXIT_DONE;
}
