/* probe.c -- probe: which of the three kinds of probe a call asks for. */
#include "say.h"
#include "verbs.h"

const struct flag probe_flags[] = {
    {'t', "topic", "TOPIC", "its name begins with " WORKLOAD_TOPICS},
    {0, "run", "HEX", "the run's name, in every value"},
    {0, "history", "FILE", "where the history goes"},
    {0, "every-ms", "N", "milliseconds from one probe to the next (20)"},
    {0, "first-client", "C", "the probe's number in the history (0)"},
    {0, NULL, NULL, NULL},
};

int run_probe(struct call *call)
{
    int64_t every_ms;
    int code = call_number(call, "every-ms", 1, 60000, 20, &every_ms);
    if (!code && call_flag(call, "topic"))
        code = workload_own_topic(call_flag(call, "topic"));
    return code ? code : run_probe_tuned(call, every_ms);
}
