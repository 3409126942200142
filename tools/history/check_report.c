/* check_report.c -- what a checked history comes to: counts, witnesses, gaps, a timeline. */
#include "check_report.h"

#include <jansson.h>
#include <stdio.h>

#include "say.h"

static json_int_t number(uint64_t count)
{
    return (json_int_t)count;
}

static uint64_t lost(const struct verdict *verdict)
{
    const uint64_t *counts = verdict->findings.counts;
    return counts[FINDING_LOST_WRITE] + counts[FINDING_UNSEEN];
}

static const char *name_of(const struct verdict *verdict)
{
    int code = verdict_exit_code(verdict);
    return code == EXIT_VIOLATION ? "VIOLATION" : code == EXIT_DONE ? "VALID" : "INCONCLUSIVE";
}

/* ---- For people. */

static void print_findings(const struct findings *findings)
{
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->shown[i];
        printf("\n%s: %s\n", finding_class_name(finding->class), finding->text);
        for (uint32_t j = 0; j < finding->line_count; j++)
            printf("  %s\n", finding->lines[j].text);
    }
    printf("\n");
    for (uint32_t i = 0; i < FINDING_CLASSES; i++)
        if (findings->counts[i])
            printf("%llu %s%s\n", (unsigned long long)findings->counts[i],
                   finding_class_name((enum finding_class)i),
                   findings->counts[i] > FINDINGS_SHOWN ? ", of which three are shown" : "");
}

void print_verdict(const struct verdict *verdict)
{
    const struct checker_counts *counts = &verdict->counts;
    const struct findings *findings = &verdict->findings;
    if (findings_total(findings))
        print_findings(findings);
    for (uint32_t i = 0; i < verdict->reason_count && i < CHECKER_REASONS_MAX; i++)
        printf("inconclusive: %s\n", verdict->reasons[i]);
    if (verdict->reason_count > CHECKER_REASONS_MAX)
        printf("inconclusive: %llu more of these\n",
               (unsigned long long)(verdict->reason_count - CHECKER_REASONS_MAX));
    printf("%s: %llu acked, %llu failed, %llu unknown (%llu found), %llu read; "
           "%llu lost, %llu duplicated, %llu reordered\n",
           name_of(verdict), (unsigned long long)counts->acked, (unsigned long long)counts->failed,
           (unsigned long long)counts->unknown, (unsigned long long)counts->unknown_found,
           (unsigned long long)counts->reads, (unsigned long long)lost(verdict),
           (unsigned long long)findings->counts[FINDING_DUPLICATE],
           (unsigned long long)findings->counts[FINDING_REORDERED]);
    if (counts->commits)
        printf("%llu commits acked, asked for %llu times, %llu lost; %llu came late\n",
               (unsigned long long)counts->commits, (unsigned long long)counts->commits_asked,
               (unsigned long long)findings->counts[FINDING_LOST_COMMIT],
               (unsigned long long)counts->commits_late);
    if (counts->keys)
        printf("%llu keys, %llu of them judged, %llu of their records compacted away; %llu keys "
               "lost\n",
               (unsigned long long)counts->keys, (unsigned long long)counts->keys_judged,
               (unsigned long long)counts->keys_compacted,
               (unsigned long long)findings->counts[FINDING_LOST_KEY]);
    if (counts->members)
        printf("%llu members of groups, %llu commits acked, %llu fenced, %llu times told where to "
               "begin; %llu undelivered\n",
               (unsigned long long)counts->members, (unsigned long long)counts->member_commits,
               (unsigned long long)counts->member_fenced, (unsigned long long)counts->member_asked,
               (unsigned long long)findings->counts[FINDING_UNDELIVERED]);
}

/* ---- For machines. */

/* "lost-write" as "lost_write". */
static void set_count(json_t *object, enum finding_class class, uint64_t count)
{
    char name[64];
    snprintf(name, sizeof name, "%s", finding_class_name(class));
    for (char *at = name; *at; at++)
        if (*at == '-')
            *at = '_';
    json_object_set_new(object, name, json_integer(number(count)));
}

static json_t *counts_of(const struct verdict *verdict)
{
    const struct checker_counts *counts = &verdict->counts;
    const uint64_t *found = verdict->findings.counts;
    json_t *other = json_object();
    json_t *root = json_pack(
        "{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI}", "lines", number(counts->lines),
        "ops", number(counts->ops), "writes", number(counts->writes), "reads",
        number(counts->reads), "acked", number(counts->acked), "failed", number(counts->failed),
        "unknown", number(counts->unknown), "unknown_found", number(counts->unknown_found), "lost",
        number(lost(verdict)), "duplicated", number(found[FINDING_DUPLICATE]), "lost_acks1",
        number(counts->lost_acks1), "repeated", number(counts->repeated), "disordered",
        number(counts->disordered), "watermark_dips", number(counts->watermark_dips), "commits",
        number(counts->commits), "commits_asked", number(counts->commits_asked), "commits_late",
        number(counts->commits_late));
    json_object_set_new(root, "keys", json_integer(number(counts->keys)));
    json_object_set_new(root, "keys_compacted", json_integer(number(counts->keys_compacted)));
    json_object_set_new(root, "keys_judged", json_integer(number(counts->keys_judged)));
    json_object_set_new(root, "members", json_integer(number(counts->members)));
    json_object_set_new(root, "member_commits", json_integer(number(counts->member_commits)));
    json_object_set_new(root, "member_asked", json_integer(number(counts->member_asked)));
    json_object_set_new(root, "member_fenced", json_integer(number(counts->member_fenced)));
    json_object_set_new(root, "member_unowned_ns", json_integer(number(counts->member_unowned_ns)));
    for (uint32_t i = 0; i < FINDING_CLASSES; i++) {
        set_count(root, (enum finding_class)i, found[i]);
        bool is_named = i == FINDING_LOST_WRITE || i == FINDING_UNSEEN || i == FINDING_DUPLICATE ||
                        i == FINDING_REORDERED;
        if (!is_named)
            set_count(other, (enum finding_class)i, found[i]);
    }
    json_object_set_new(root, "other", other);
    return root;
}

static json_t *violations_of(const struct findings *findings)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->shown[i];
        json_t *lines = json_array();
        for (uint32_t j = 0; j < finding->line_count; j++)
            json_array_append_new(lines, json_string(finding->lines[j].text));
        json_array_append_new(all,
                              json_pack("{ss ss so}", "class", finding_class_name(finding->class),
                                        "text", finding->text, "witness", lines));
    }
    return all;
}

static json_t *reasons_of(const struct verdict *verdict)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < verdict->reason_count && i < CHECKER_REASONS_MAX; i++)
        json_array_append_new(all, json_string(verdict->reasons[i]));
    if (verdict->reason_count > CHECKER_REASONS_MAX)
        json_array_append_new(
            all, json_sprintf("%llu more of these",
                              (unsigned long long)(verdict->reason_count - CHECKER_REASONS_MAX)));
    return all;
}

static json_t *gap_of(const struct availability *availability, uint32_t mark, uint32_t profile,
                      uint32_t partition)
{
    const struct gap *gap = &availability_series(availability, profile, partition)->gaps[mark];
    json_t *one = json_pack("{ss ss si sI sI}", "fault", availability->marks->all[mark].id,
                            "profile", availability->profiles[profile], "partition", partition,
                            "gap_ns", (json_int_t)gap->ns, "from_ns", (json_int_t)gap->from);
    if (availability_is_of_host(availability, gap))
        json_object_set_new(one, "host", json_true());
    return one;
}

/* Every partition's gap by fault and profile; and of each fault and profile the longest. */
static void set_gaps(json_t *root, const struct availability *availability)
{
    json_t *gaps = json_array();
    json_t *longest = json_array();
    for (uint32_t mark = 0; mark < availability->marks->count; mark++)
        for (uint32_t profile = 0; profile < availability->profile_count; profile++) {
            uint32_t worst = UINT32_MAX;
            int64_t worst_ns = 0;
            for (uint32_t p = 0; p <= availability->partitions; p++) {
                const struct gap_series *series = availability_series(availability, profile, p);
                if (!series->gaps || !series->gaps[mark].ns)
                    continue;
                json_array_append_new(gaps, gap_of(availability, mark, profile, p));
                if (series->gaps[mark].ns <= worst_ns)
                    continue;
                worst = p;
                worst_ns = series->gaps[mark].ns;
            }
            if (worst != UINT32_MAX)
                json_array_append_new(longest, gap_of(availability, mark, profile, worst));
        }
    json_object_set_new(root, "gaps", gaps);
    json_object_set_new(root, "longest", longest);
}

static json_t *timeline_of(const struct availability *availability)
{
    json_t *partitions = json_array();
    for (uint32_t p = 0; p < availability->partitions; p++) {
        const uint32_t *buckets = availability->buckets + (size_t)p * AVAILABILITY_BUCKETS;
        json_t *row = json_array();
        for (uint32_t i = 0; i < availability->bucket_count; i++)
            json_array_append_new(row, json_integer(buckets[i]));
        json_array_append_new(partitions, row);
    }
    return json_pack("{sI sI so}", "bucket_ns", (json_int_t)availability->bucket_ns, "from_ns",
                     (json_int_t)(availability->from < 0 ? 0 : availability->from), "partitions",
                     partitions);
}

static json_t *latency_of(const struct availability *availability)
{
    json_t *all = json_array();
    uint32_t marks = availability->marks->count;
    for (uint32_t mark = 0; mark <= marks; mark++)
        for (uint32_t profile = 0; profile < availability->profile_count; profile++) {
            const struct histogram *one = availability_latency(availability, profile, mark);
            if (!one)
                continue;
            json_array_append_new(all,
                                  json_pack("{ss? ss sI sI sI sI}", "fault",
                                            mark < marks ? availability->marks->all[mark].id : NULL,
                                            "profile", availability->profiles[profile], "p50_ns",
                                            number(histogram_percentile(one, 500000)), "p99_ns",
                                            number(histogram_percentile(one, 990000)), "max_ns",
                                            number(one->max), "n", number(one->total)));
        }
    return all;
}

static json_t *stalls_of(const struct availability *availability)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < availability->stall_count; i++)
        json_array_append_new(all, json_pack("[II]", (json_int_t)availability->stalls[i].from,
                                             (json_int_t)availability->stalls[i].to));
    return all;
}

void print_verdict_json(const struct verdict *verdict)
{
    const struct availability *availability = &verdict->availability;
    json_t *root = counts_of(verdict);
    json_object_set_new(root, "verdict", json_string(name_of(verdict)));
    json_object_set_new(root, "run", json_string(verdict->head.run));
    json_object_set_new(root, "topic", json_string(verdict->head.topic));
    json_object_set_new(root, "violations", violations_of(&verdict->findings));
    json_object_set_new(root, "inconclusive", reasons_of(verdict));
    set_gaps(root, availability);
    json_object_set_new(root, "timeline", timeline_of(availability));
    json_object_set_new(root, "latency", latency_of(availability));
    json_object_set_new(root, "stalls", stalls_of(availability));
    json_dumpf(root, stdout, JSON_COMPACT); /* A bucket of the timeline is no line. */
    putchar('\n');
    json_decref(root);
}
