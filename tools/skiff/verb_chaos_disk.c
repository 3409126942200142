/* verb_chaos_disk.c -- skiff chaos slow-disk and its kin: faults that a node's own process meets.
 *
 * Each writes fields of the node's page (tools/faults/rules.h), which the library in the
 * process reads with every call, so a fault is in force when its verb returns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos_target.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum {
    NODE_MAX = 9,
    DESCRIPTORS_MAX = 1 << 20,
    DRIFT_PPM_MAX = 500000,
};

static const int64_t clock_ms_max = 200ll * 365 * 86400 * 1000;

const struct flag chaos_slow_flags[] = {
    {0, "writes", NULL, "each write, too; without it only what syncs"},
    {0, "reads", NULL, "each read that misses the page cache, in place of syncs"},
    {0, NULL, NULL, NULL},
};

const struct flag chaos_hang_flags[] = {
    {0, "writes", NULL, "writes hang as well as syncs"},
    {0, NULL, NULL, NULL},
};

const struct flag chaos_fill_flags[] = {
    {0, "free", "BYTES", "so many can still be used (0)"},
    {0, NULL, NULL, NULL},
};

const struct flag chaos_fail_flags[] = {
    {0, "always", NULL, "every sync from now on; without it the next one alone"},
    {0, NULL, NULL, NULL},
};

/* What a verb writes into each node's page. */
struct fault {
    char text[96]; /* What the node has now, for people. */
    void (*set)(struct fault_rules *rules, const struct fault *fault);
    uint64_t value;
    int64_t step_ms;
    int64_t drift_ppm;
    bool flag;
};

/* Errors: an exit code, told. */
static int put_fault(const struct call *call, const struct fault *fault)
{
    struct chaos_target target;
    uint32_t nodes;
    bool confirmed = true;
    json_t *list = json_array();
    int code = chaos_target(call, &target);
    if (!code)
        code = chaos_read_nodes(&target, call->arguments[0], &nodes);
    for (node_id node = 1; !code && node <= NODE_MAX; node++) {
        if (!(nodes >> node & 1))
            continue;
        struct fault_rules *rules = chaos_rules(&target, node);
        if (!rules) {
            code = EXIT_FAILED;
            break;
        }
        fault->set(rules, fault);
        fault_rules_close(rules);
        json_array_append_new(list, json_integer(node));
        bool is_in_force = chaos_is_in_force(&target, node);
        confirmed &= is_in_force;
        if (!call->json)
            printf("node %d %s%s\n", node, fault->text,
                   is_in_force ? "" : " once it runs: it is down");
    }
    if (!code && call->json)
        print_json(json_pack("{sI sb ss sO}", "at_ns", (json_int_t)chaos_now_ns(), "confirmed",
                             confirmed, "fault", fault->text, "nodes", list));
    json_decref(list);
    return code;
}

static void set_slow(struct fault_rules *rules, const struct fault *fault)
{
    rules->sync_delay_us = fault->value;
    rules->write_delay_us = fault->flag ? fault->value : 0;
}

static void set_slow_reads(struct fault_rules *rules, const struct fault *fault)
{
    rules->read_delay_us = fault->value;
}

int run_chaos_slow_disk(struct call *call)
{
    const char *text = call->arguments[1];
    struct fault fault = {.set = set_slow, .flag = call_flag(call, "writes") != NULL};
    int64_t us = parse_duration_us(text);
    if (us < 0 || text[strspn(text, "0123456789")] == 0)
        return say_error(EXIT_USAGE, "`%s`: not a time with its unit, such as 200ms, 2s, 1m", text);
    fault.value = (uint64_t)us;
    if (call_flag(call, "reads")) {
        if (fault.flag)
            return say_error(EXIT_USAGE, "--reads and --writes are two faults: one at a time");
        fault.set = set_slow_reads;
        snprintf(fault.text, sizeof fault.text, "waits %.20s before each read of its disk", text);
        return put_fault(call, &fault);
    }
    snprintf(fault.text, sizeof fault.text, "waits %.20s before each sync%s", text,
             fault.flag ? " and each write" : "");
    return put_fault(call, &fault);
}

static void set_hang(struct fault_rules *rules, const struct fault *fault)
{
    rules->write_hang = fault->flag;
    rules->sync_hang = 1;
}

int run_chaos_hang_disk(struct call *call)
{
    struct fault fault = {.set = set_hang, .flag = call_flag(call, "writes") != NULL};
    snprintf(fault.text, sizeof fault.text, "hangs in each sync%s, until `skiff chaos heal`",
             fault.flag ? " and each write" : "");
    return put_fault(call, &fault);
}

static void set_full(struct fault_rules *rules, const struct fault *fault)
{
    rules->disk_full = 0;
    rules->disk_free_bytes = fault->value;
    rules->disk_used_bytes = 0;
    rules->disk_full = 1;
}

int run_chaos_fill_disk(struct call *call)
{
    struct fault fault = {.set = set_full};
    int64_t free_bytes;
    int code = call_number(call, "free", 0, INT64_MAX, 0, &free_bytes);
    if (code)
        return code;
    fault.value = (uint64_t)free_bytes;
    snprintf(fault.text, sizeof fault.text, "has a disk with %lld bytes free",
             (long long)free_bytes);
    return put_fault(call, &fault);
}

static void set_sync_mode(struct fault_rules *rules, const struct fault *fault)
{
    rules->sync_mode = fault->value;
}

int run_chaos_fail_sync(struct call *call)
{
    bool always = call_flag(call, "always") != NULL;
    struct fault fault = {.set = set_sync_mode,
                          .value = always ? FAULT_SYNC_FAILS : FAULT_SYNC_FAILS_ONCE};
    snprintf(fault.text, sizeof fault.text,
             always ? "fails every sync" : "fails the next sync, and that one alone");
    return put_fault(call, &fault);
}

static void set_short(struct fault_rules *rules, const struct fault *fault)
{
    rules->write_short = fault->value;
}

int run_chaos_short_writes(struct call *call)
{
    struct fault fault = {.set = set_short, .value = 1};
    snprintf(fault.text, sizeof fault.text, "writes only half of every second write");
    return put_fault(call, &fault);
}

static void set_descriptors(struct fault_rules *rules, const struct fault *fault)
{
    rules->fd_limit = fault->value;
}

int run_chaos_descriptors(struct call *call)
{
    struct fault fault = {.set = set_descriptors};
    int64_t count;
    if (!parse_int(call->arguments[1], 1, DESCRIPTORS_MAX, &count))
        return say_error(EXIT_USAGE, "`%s`: a number of descriptors, from 1 to %d",
                         call->arguments[1], DESCRIPTORS_MAX);
    fault.value = (uint64_t)count;
    snprintf(fault.text, sizeof fault.text, "opens no descriptor beyond %lld", (long long)count);
    return put_fault(call, &fault);
}

static void set_clock(struct fault_rules *rules, const struct fault *fault)
{
    if (!fault->flag) {
        rules->clock_step_ms = fault->step_ms;
        return;
    }
    rules->clock_drift_ppm = 0;
    rules->clock_drift_from_ns = chaos_now_ns();
    rules->clock_drift_ppm = fault->drift_ppm;
}

/* "+1h", "-200ms", "+10y"; a sign has to be there. */
static bool read_step(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"y", 365ll * 86400000}};
    char digits[16];
    int64_t number;
    size_t size = strspn(text + (*text != 0), "0123456789");
    if ((*text != '+' && *text != '-') || size == 0 || size >= sizeof digits)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)size, text + 1);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + 1 + size, units[i].name) != 0 ||
            !parse_int(digits, 0, clock_ms_max / units[i].ms, &number))
            continue;
        *out_ms = (*text == '-' ? -number : number) * units[i].ms;
        return true;
    }
    return false;
}

/* "drift:500", "drift:-20000" */
static bool read_drift(const char *text, int64_t *out_ppm)
{
    const char *number = text + 6;
    bool is_back = *number == '-';
    int64_t ppm;
    if (!parse_int(number + (is_back || *number == '+'), 0, DRIFT_PPM_MAX, &ppm))
        return false;
    *out_ppm = is_back ? -ppm : ppm;
    return true;
}

int run_chaos_clock(struct call *call)
{
    const char *text = call->arguments[1];
    struct fault fault = {.set = set_clock, .flag = !strncmp(text, "drift:", 6)};
    bool good = fault.flag ? read_drift(text, &fault.drift_ppm) : read_step(text, &fault.step_ms);
    if (!good)
        return say_error(EXIT_USAGE,
                         "`%s`: write +1h, -1h, +10y (units ms, s, m, h, d, y; up to 200y), or "
                         "drift:PPM up to %d",
                         text, DRIFT_PPM_MAX);
    if (fault.flag)
        snprintf(fault.text, sizeof fault.text, "has a clock that drifts by %lld ppm",
                 (long long)fault.drift_ppm);
    else
        snprintf(fault.text, sizeof fault.text, "has a clock that is wrong by %.20s", text);
    return put_fault(call, &fault);
}
