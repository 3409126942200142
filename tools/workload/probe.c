/* probe.c -- probe: which of the three kinds of probe a call asks for, and its addresses. */
#include <stdio.h>
#include <sys/resource.h>

#include "admin.h"
#include "client_settings.h"
#include "probing.h"
#include "say.h"
#include "verbs.h"

const struct flag probe_flags[] = {
    {'t', "topic", "TOPIC", "its name begins with " WORKLOAD_TOPICS},
    {0, "run", "HEX", "the run's name, in every value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "fresh", NULL, "each probe by connections of its own, as a client that knows nothing"},
    {0, "profile", "stock|tuned", "settings of librdkafka; not with --fresh or --metadata (tuned)"},
    {0, "metadata", NULL, "as --fresh; each creates a topic and deletes it"},
    {0, "every-ms", "N",
     "milliseconds from one probe to the next (1; --fresh: 3; --metadata: 100)"},
    {0, "first-client", "C", "the probe's number in the history (0)"},
    {0, NULL, NULL, NULL},
};

/* Many probes wait at once for a broker that hangs, each with a descriptor a broker. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int resolve_bootstrap(struct probing *probing, const char *brokers)
{
    for (const char *at = brokers; *at && probing->bootstrap_count < PROBE_BOOTSTRAP_MAX;) {
        char host[256];
        uint16_t port;
        size_t size = strcspn(at, ",");
        if (!admin_split_address(at, size, host, &port))
            return say_error(EXIT_USAGE, "`%.*s` is not HOST:PORT", (int)size, at);
        if (address_resolve(&probing->bootstrap[probing->bootstrap_count], host, port) == ERR_NONE)
            probing->bootstrap_count++;
        at += size + (at[size] == ',');
    }
    return probing->bootstrap_count ? EXIT_DONE
                                    : say_error(EXIT_FAILED, "%s: no such host", brokers);
}

static void tell_totals(const struct probing *probing)
{
    char note[128];
    snprintf(note, sizeof note, "%lld probes, %llu acknowledged, %llu failed, %llu passed over",
             (long long)probing->next_value, (unsigned long long)probing->acked,
             (unsigned long long)probing->failed, (unsigned long long)probing->passed_over);
    history_note(probing->workload.history, note);
    printf("%s\n", note);
}

static int run_fresh(struct probing *probing, const struct call *call)
{
    char brokers[CLIENT_BROKERS_MAX];
    raise_descriptor_limit();
    int code = client_brokers(call, brokers);
    if (!code)
        code = resolve_bootstrap(probing, brokers);
    if (code)
        return code;
    code = workload_open(&probing->workload, call);
    if (!code) {
        probing->number = probing->workload.next_client++;
        history_client(probing->workload.history, probing->number, "probe", probing->kind->profile,
                       "skiff-workload");
        code = probing_run(probing);
        tell_totals(probing);
    }
    code = workload_close(&probing->workload, code);
    if (probing->kind == &probe_topics) {
        int deleted = probe_topics_delete(probing, brokers);
        code = code ? code : deleted;
    }
    return code;
}

int run_probe(struct call *call)
{
    int64_t every_ms;
    bool of_topics = call_flag(call, "metadata") != NULL;
    bool is_fresh = call_flag(call, "fresh") != NULL;
    int code = call_number(call, "every-ms", 1, 60000,
                           of_topics  ? 100
                           : is_fresh ? 3
                                      : 1,
                           &every_ms);
    if (!code && call_flag(call, "topic"))
        code = workload_own_topic(call_flag(call, "topic"));
    if (code)
        return code;
    if (!is_fresh && !of_topics)
        return run_probe_plain(call, every_ms);
    if (call_flag(call, "profile"))
        return say_error(EXIT_USAGE, "--profile is librdkafka's: not with --fresh or --metadata");
    struct probing *probing = mem_zalloc(sizeof *probing);
    probing->kind = of_topics ? &probe_topics : &probe_produce;
    probing->every_ns = every_ms * 1000000;
    code = run_fresh(probing, call);
    mem_free(probing->known);
    mem_free(probing->left);
    mem_free(probing);
    return code;
}
