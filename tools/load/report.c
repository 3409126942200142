/* report.c -- what came of a plan, as JSON with the whole histogram. */
#include <stdio.h>
#include <sys/resource.h>

#include "load.h"
#include "output.h"

static json_t *micros(uint64_t ns)
{
    return json_real((double)ns / 1000.0);
}

static json_t *summary(const struct histogram *histogram)
{
    json_t *out = json_object();
    uint64_t mean = histogram->total ? histogram->sum / histogram->total : 0;
    json_object_set_new(out, "count", json_integer((json_int_t)histogram->total));
    json_object_set_new(out, "mean", micros(mean));
    json_object_set_new(out, "p50", micros(histogram_percentile(histogram, 500000)));
    json_object_set_new(out, "p90", micros(histogram_percentile(histogram, 900000)));
    json_object_set_new(out, "p99", micros(histogram_percentile(histogram, 990000)));
    json_object_set_new(out, "p99.9", micros(histogram_percentile(histogram, 999000)));
    json_object_set_new(out, "max", micros(histogram->max));
    return out;
}

/* [[end of the bucket in microseconds, count], ...], empty buckets left out. */
static json_t *buckets(const struct histogram *histogram)
{
    json_t *out = json_array();
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (histogram->counts[i] == 0)
            continue;
        json_t *pair = json_array();
        json_array_append_new(pair, micros(histogram_bucket_last(i)));
        json_array_append_new(pair, json_integer((json_int_t)histogram->counts[i]));
        json_array_append_new(out, pair);
    }
    return out;
}

static double own_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void set_count(json_t *out, const char *name, uint64_t value)
{
    json_object_set_new(out, name, json_integer((json_int_t)value));
}

void load_report(const struct load_plan *plan, const struct load_result *result)
{
    double seconds = (double)result->measured_ns / 1e9;
    json_t *out = json_object();
    json_object_set_new(out, "mode",
                        json_string(plan->mode == LOAD_CONSUME ? "consume" : "produce"));
    set_count(out, "connections", result->connections);
    set_count(out, "partitions", result->partitions);
    set_count(out, "depth", plan->depth);
    set_count(out, "rate", plan->rate);
    set_count(out, "batch_bytes", result->batch_size);
    set_count(out, "batch_records", result->batch_records);
    set_count(out, "requests", result->requests);
    set_count(out, "records", result->records);
    set_count(out, "bytes", result->bytes);
    set_count(out, "total_requests", result->total_requests);
    set_count(out, "total_records", result->total_records);
    set_count(out, "total_bytes", result->total_bytes);
    json_object_set_new(out, "seconds", json_real(seconds));
    json_object_set_new(out, "requests_per_s", json_real((double)result->requests / seconds));
    json_object_set_new(out, "bytes_per_s", json_real((double)result->bytes / seconds));
    json_object_set_new(out, "client_cpu_s", json_real(own_cpu_seconds()));
    json_object_set_new(out, "latency_us", summary(&result->latency));
    json_object_set_new(out, "send_lag_us", summary(&result->lag));
    json_object_set_new(out, "latency_histogram_us", buckets(&result->latency));
    print_json(out);
}
