/* metrics.c -- /metrics in Prometheus' text format: a line of the table for each family.
 *
 * Names are those that the usual exporter gives Kafka's own metrics, where Kafka has one for the
 * thing; what only Skiff has begins with skiff_. A family stands on shard 0 unless its samples
 * are of partitions: then each shard writes those of its own, one after the other.
 *
 * Source  Prometheus' text format 0.0.4; jmx_exporter's rules for Kafka with KRaft. */
#include <stdio.h>

#include "answer.h"
#include "partitions.h"
#include "quorum.h"

enum { MILLISECONDS = 3, SECONDS = 6 }; /* Digits after the point when counting microseconds. */

struct family {
    const char *name; /* NULL: nothing is written, things are only added up. */
    const char *type;
    const char *help;
    /* Write what is at answer->line and move on; lines written, at least 1; 0: there is no more. */
    uint32_t (*write)(struct shard *shard, struct answer *answer, const struct family *family);
    size_t offset; /* Of the number, where it is one of struct totals. */
    bool in_partitions;
    int64_t (*of_partition)(const struct image_partition *known,
                            const struct partition_status *status);
};

/* ---- Lines. */

struct label {
    struct str name, value;
};

static void put_labels(struct text *text, const struct label *labels, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        text_put(text, i == 0 ? STR("{") : STR(","));
        text_put(text, labels[i].name);
        text_put(text, STR("=\""));
        text_put(text, labels[i].value); /* Names of topics and our own words: no quotes in them. */
        text_put(text, STR("\""));
    }
    if (count > 0)
        text_put(text, STR("}"));
    text_put(text, STR(" "));
}

static void put_sample(struct text *text, const char *name, const struct label *label,
                       int64_t number)
{
    text_put(text, str_from(name));
    put_labels(text, label, label ? 1 : 0);
    text_put_number(text, number);
    text_put(text, STR("\n"));
}

static void put_title(struct text *text, const struct family *family)
{
    const char *const parts[] = {"# HELP ",    family->name, " ",
                                 family->help, "\n# TYPE ",  family->name,
                                 " ",          family->type, "\n"};
    for (uint32_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        text_put(text, str_from(parts[i]));
}

static void put_bucket(struct text *text, const char *name, const struct label *label,
                       struct str bound, uint64_t count)
{
    struct label labels[2];
    uint32_t label_count = 0;
    if (label)
        labels[label_count++] = *label;
    labels[label_count++] = (struct label){.name = STR("le"), .value = bound};
    text_put(text, str_from(name));
    text_put(text, STR("_bucket"));
    put_labels(text, labels, label_count);
    text_put_number(text, (int64_t)count);
    text_put(text, STR("\n"));
}

/* A histogram of durations in units of ten to the `digits` microseconds; lines written. */
static uint32_t put_durations(struct text *text, const char *name, const struct label *label,
                              const struct durations *durations, uint32_t digits)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < DURATIONS_BOUNDS; i++) {
        char digits_of_bound[32];
        struct text bound = TEXT_OVER(digits_of_bound);
        count += durations->counts[i];
        text_put_decimal(&bound, (uint64_t)durations_bounds_us[i], digits);
        put_bucket(text, name, label, text_str(&bound), count);
    }
    count += durations->counts[DURATIONS_BOUNDS];
    put_bucket(text, name, label, STR("+Inf"), count);
    text_put(text, str_from(name));
    text_put(text, STR("_sum"));
    put_labels(text, label, label ? 1 : 0);
    text_put_decimal(text, durations->sum_us, digits);
    text_put(text, STR("\n"));
    text_put(text, str_from(name));
    text_put(text, STR("_count"));
    put_labels(text, label, label ? 1 : 0);
    text_put_number(text, (int64_t)count);
    text_put(text, STR("\n"));
    return DURATIONS_BOUNDS + 3;
}

/* ---- Families that are one number. */

static uint32_t write_number(struct shard *shard, struct answer *answer,
                             const struct family *family)
{
    uint64_t number;
    (void)shard;
    if (answer->line++ > 0)
        return 0;
    memcpy(&number, (const char *)&answer->totals + family->offset, sizeof number);
    put_sample(&answer->text, family->name, NULL, (int64_t)number);
    return 1;
}

static uint32_t write_request_size_max(struct shard *shard, struct answer *answer,
                                       const struct family *family)
{
    if (answer->line++ > 0)
        return 0;
    put_sample(&answer->text, family->name, NULL, shard->config->inflight_size_max);
    return 1;
}

static uint32_t write_groups_size_max(struct shard *shard, struct answer *answer,
                                      const struct family *family)
{
    if (answer->line++ > 0)
        return 0;
    put_sample(&answer->text, family->name, NULL, shard->config->groups_size_max);
    return 1;
}

static uint32_t write_cpu(struct shard *shard, struct answer *answer, const struct family *family)
{
    (void)shard;
    if (answer->line++ > 0)
        return 0;
    text_put(&answer->text, str_from(family->name));
    put_labels(&answer->text, NULL, 0);
    text_put_decimal(&answer->text, answer->totals.usage.cpu_us, SECONDS);
    text_put(&answer->text, STR("\n"));
    return 1;
}

static uint32_t write_build(struct shard *shard, struct answer *answer, const struct family *family)
{
    struct label version = {.name = STR("version"), .value = STR(SKIFF_VERSION)};
    (void)shard;
    if (answer->line++ > 0)
        return 0;
    put_sample(&answer->text, family->name, &version, 1);
    return 1;
}

/* ---- The quorum, as Kafka's raft-metrics tell of it. */

static uint32_t write_raft(struct shard *shard, struct answer *answer, const struct family *family)
{
    log_epoch epoch = -1;
    node_id leader = quorum_leader(shard->quorum, &epoch);
    const int64_t numbers[] = {leader, epoch, quorum_committed(shard->quorum),
                               quorum_end(shard->quorum)};
    if (answer->line++ > 0)
        return 0;
    check(family->offset < sizeof numbers / sizeof numbers[0]);
    put_sample(&answer->text, family->name, NULL, numbers[family->offset]);
    return 1;
}

/* ---- Durations. */

static uint32_t write_ticks(struct shard *shard, struct answer *answer, const struct family *family)
{
    (void)shard;
    if (answer->line++ > 0)
        return 0;
    return put_durations(&answer->text, family->name, NULL, &answer->totals.counters.ticks,
                         SECONDS);
}

/* Of each kind of request that has come. */
static uint32_t write_requests(struct shard *shard, struct answer *answer,
                               const struct family *family)
{
    (void)shard;
    while (answer->line < request_kind_count()) {
        uint32_t kind = answer->line++;
        const struct durations *durations = &answer->totals.counters.requests[kind];
        const char *api, *suffix;
        char name[64];
        if (durations_count(durations) == 0)
            continue;
        request_kind_name(kind, &api, &suffix);
        snprintf(name, sizeof name, "%s%s", api, suffix);
        struct label label = {.name = STR("request"), .value = str_from(name)};
        return put_durations(&answer->text, family->name, &label, durations, MILLISECONDS);
    }
    return 0;
}

/* Data and metadata have a group commit of their own each. */
static const struct sync_stats *next_sync(struct answer *answer, struct label *label)
{
    if (answer->line > 1)
        return NULL;
    bool is_data = answer->line++ == 0;
    *label = (struct label){.name = STR("log"), .value = is_data ? STR("data") : STR("metadata")};
    return is_data ? &answer->totals.data : &answer->totals.metadata;
}

static uint32_t write_syncs(struct shard *shard, struct answer *answer, const struct family *family)
{
    struct label label;
    const struct sync_stats *stats = next_sync(answer, &label);
    (void)shard;
    if (!stats)
        return 0;
    return put_durations(&answer->text, family->name, &label, &stats->time, SECONDS);
}

static uint32_t write_sync_number(struct shard *shard, struct answer *answer,
                                  const struct family *family)
{
    struct label label;
    uint64_t number;
    const struct sync_stats *stats = next_sync(answer, &label);
    (void)shard;
    if (!stats)
        return 0;
    memcpy(&number, (const char *)stats + family->offset, sizeof number);
    put_sample(&answer->text, family->name, &label, (int64_t)number);
    return 1;
}

/* ---- Partitions. */

/* The next partition that is this shard's to tell of; NULL with *end: there is none. One that is
 * not costs a line of the piece too, so that many of them cannot hold up a tick. */
static const struct image_partition *next_partition(struct shard *shard, struct answer *answer,
                                                    bool *end)
{
    const struct image_partition *known = image_partition_after(answer->image, answer->partition);
    *end = known == NULL;
    answer->partition = known;
    if (!known || partition_shard(known->key, shard->config->shards) != shard->index)
        return NULL;
    return known;
}

static bool is_local(const struct shard *shard, const struct image_partition *known)
{
    return node_list_has(&known->replicas, shard->config->node_id);
}

static void tally(struct shard *shard, struct totals *totals, const struct image_partition *known)
{
    struct partition_status status;
    totals->offline_partitions += known->leader < 0;
    if (!is_local(shard, known))
        return;
    totals->replicas++;
    bool is_there = partitions_describe(shard, known->key, &status);
    totals->offline_replicas += !is_there || status.error != ERR_NONE;
    totals->groups += is_there ? status.groups : 0;
    if (known->leader != shard->config->node_id)
        return;
    totals->leaders++;
    totals->under_replicated += known->isr.count < known->replicas.count;
    totals->under_min_isr += (int64_t)known->isr.count < known->min_insync;
}

static uint32_t write_tally(struct shard *shard, struct answer *answer, const struct family *family)
{
    bool end;
    const struct image_partition *known = next_partition(shard, answer, &end);
    (void)family;
    if (known)
        tally(shard, &answer->totals, known);
    return end ? 0 : 1;
}

static uint32_t write_partition(struct shard *shard, struct answer *answer,
                                const struct family *family)
{
    bool end;
    struct partition_status status;
    char digits[32];
    struct text index = TEXT_OVER(digits);
    const struct image_partition *known = next_partition(shard, answer, &end);
    if (!known || !is_local(shard, known) || !partitions_describe(shard, known->key, &status))
        return end ? 0 : 1;
    text_put_number(&index, known->key.index);
    const struct label labels[] = {{.name = STR("topic"), .value = status.topic},
                                   {.name = STR("partition"), .value = text_str(&index)}};
    text_put(&answer->text, str_from(family->name));
    put_labels(&answer->text, labels, 2);
    text_put_number(&answer->text, family->of_partition(known, &status));
    text_put(&answer->text, STR("\n"));
    return 1;
}

static int64_t start_offset(const struct image_partition *known,
                            const struct partition_status *status)
{
    (void)known;
    return status->ends.start;
}

static int64_t end_offset(const struct image_partition *known,
                          const struct partition_status *status)
{
    (void)known;
    return status->ends.end;
}

static int64_t high_watermark(const struct image_partition *known,
                              const struct partition_status *status)
{
    (void)known;
    return status->ends.committed;
}

static int64_t size(const struct image_partition *known, const struct partition_status *status)
{
    (void)known;
    return (int64_t)status->size;
}

static int64_t under_replicated(const struct image_partition *known,
                                const struct partition_status *status)
{
    return status->leads && known->isr.count < known->replicas.count;
}

/* ---- The table. */

#define TOTAL(field) .write = write_number, .offset = offsetof(struct totals, field)
#define COUNTER(field) TOTAL(counters.field)
#define SYNC(field) .write = write_sync_number, .offset = offsetof(struct sync_stats, field)
#define PARTITION(value) .write = write_partition, .in_partitions = true, .of_partition = (value)
#define RAFT(place) .write = write_raft, .offset = (place)

static const struct family families[] = {
    {.name = NULL, .write = write_tally, .in_partitions = true},
    {"skiff_build_info", "gauge", "Always 1; the version is a label.", .write = write_build},
    {"kafka_server_brokertopicmetrics_messagesin_total", "counter",
     "Records that producers have appended.", COUNTER(messages_in)},
    {"kafka_server_brokertopicmetrics_bytesin_total", "counter",
     "Bytes of batches that producers have appended.", COUNTER(bytes_in)},
    {"kafka_server_brokertopicmetrics_bytesout_total", "counter",
     "Bytes of batches handed to consumers.", COUNTER(bytes_out)},
    {"kafka_server_brokertopicmetrics_replicationbytesin_total", "counter",
     "Bytes of batches copied from leaders.", COUNTER(replication_bytes_in)},
    {"kafka_server_brokertopicmetrics_replicationbytesout_total", "counter",
     "Bytes of batches handed to followers.", COUNTER(replication_bytes_out)},
    {"kafka_server_brokertopicmetrics_failedproducerequests_total", "counter",
     "Partitions of Produce requests that were answered with an error.", COUNTER(failed_produces)},
    {"kafka_server_brokertopicmetrics_failedfetchrequests_total", "counter",
     "Partitions of Fetch requests that were answered with an error.", COUNTER(failed_fetches)},
    {"kafka_server_replicamanager_partitioncount", "gauge", "Replicas on this node.",
     TOTAL(replicas)},
    {"kafka_server_replicamanager_leadercount", "gauge", "Partitions that this node leads.",
     TOTAL(leaders)},
    {"kafka_server_replicamanager_underreplicatedpartitions", "gauge",
     "Partitions that this node leads with a replica out of sync.", TOTAL(under_replicated)},
    {"kafka_server_replicamanager_underminisrpartitioncount", "gauge",
     "Partitions that this node leads with fewer replicas in sync than min.insync.replicas.",
     TOTAL(under_min_isr)},
    {"kafka_server_replicamanager_offlinereplicacount", "gauge",
     "Replicas on this node whose log cannot be served.", TOTAL(offline_replicas)},
    {"kafka_server_replicamanager_isrshrinks_total", "counter",
     "In-sync sets that this node led as they became smaller.", COUNTER(isr_shrinks)},
    {"kafka_server_replicamanager_isrexpands_total", "counter",
     "In-sync sets that this node led as they became larger.", COUNTER(isr_expands)},
    {"kafka_coordinator_group_groupmetadatamanager_numgroups", "gauge",
     "Groups that this node coordinates.", TOTAL(groups)},
    {"skiff_groups_bytes", "gauge", "Bytes that these groups keep in memory, about.",
     TOTAL(groups_size)},
    {"skiff_groups_bytes_limit", "gauge", "skiff.groups.max.bytes.",
     .write = write_groups_size_max},
    {"kafka_server_group_coordinator_metrics_group_completed_rebalance_total", "counter",
     "Generations of groups that this node coordinated.", COUNTER(group_rebalances)},
    {"kafka_controller_kafkacontroller_activecontrollercount", "gauge",
     "1 where the active controller is.", TOTAL(leads_quorum)},
    {"kafka_controller_kafkacontroller_activebrokercount", "gauge",
     "Registered brokers that are not fenced.", TOTAL(active_brokers)},
    {"kafka_controller_kafkacontroller_fencedbrokercount", "gauge",
     "Registered brokers that are fenced.", TOTAL(fenced_brokers)},
    {"kafka_controller_kafkacontroller_globaltopiccount", "gauge", "Topics of the cluster.",
     TOTAL(topics)},
    {"kafka_controller_kafkacontroller_globalpartitioncount", "gauge", "Partitions of the cluster.",
     TOTAL(partitions)},
    {"kafka_controller_kafkacontroller_offlinepartitionscount", "gauge",
     "Partitions of the cluster without a leader.", TOTAL(offline_partitions)},
    {"kafka_server_raft_metrics_current_leader", "gauge",
     "Node id of the quorum's leader; -1: none is known.", RAFT(0)},
    {"kafka_server_raft_metrics_current_epoch", "gauge", "Epoch of the quorum.", RAFT(1)},
    {"kafka_server_raft_metrics_high_watermark", "gauge",
     "The metadata log is committed below this offset.", RAFT(2)},
    {"kafka_server_raft_metrics_log_end_offset", "gauge", "End of the metadata log on this node.",
     RAFT(3)},
    {"kafka_network_requestmetrics_totaltimems", "histogram",
     "Milliseconds from a request's arrival to the reply's departure.", .write = write_requests},
    {"kafka_log_logcleanermanager_uncleanable_partitions_count", "gauge",
     "Partitions that compaction has given up on for now; the log says why.",
     TOTAL(cleaner.uncleanable)},
    {"kafka_log_logcleanermanager_uncleanable_bytes", "gauge", "Bytes of those partitions.",
     TOTAL(cleaner.uncleanable_size)},
    {"kafka_log_logcleanermanager_max_dirty_percent", "gauge",
     "Of the log with the most to compact, how much of it.", TOTAL(cleaner.dirty_percent)},
    {"kafka_log_logcleanermanager_time_since_last_run_ms", "gauge",
     "Since a compaction came to its end, or no log was dirty enough.", TOTAL(cleaner.idle_ms)},
    {"kafka_log_logcleaner_max_clean_time_secs", "gauge", "How long the last compaction took.",
     TOTAL(cleaner.last_s)},
    {"kafka_log_logcleaner_max_buffer_utilization_percent", "gauge",
     "How full the last compaction's map of keys was.", TOTAL(cleaner.map_percent)},
    {"kafka_log_logcleaner_cleaner_recopy_percent", "gauge",
     "What the last compaction left of its bytes.", TOTAL(cleaner.recopy_percent)},
    {"kafka_log_logcleaner_max_compaction_delay_secs", "gauge",
     "By how much the oldest dirty record is over max.compaction.lag.ms.", TOTAL(cleaner.delay_s)},
    {"skiff_compactions_total", "counter", "Compactions of a log that came to their end.",
     TOTAL(cleaner.runs)},
    {"skiff_compaction_read_bytes_total", "counter", "Bytes that compactions have read.",
     TOTAL(cleaner.read)},
    {"skiff_compaction_written_bytes_total", "counter", "Bytes that they have written.",
     TOTAL(cleaner.written)},
    {"skiff_compaction_dropped_records_total", "counter", "Superseded records that they left out.",
     TOTAL(cleaner.dropped)},
    {"skiff_connections", "gauge", "Open connections of Kafka's protocol.", TOTAL(connections)},
    {"skiff_connections_accepted_total", "counter", "Connections of Kafka's protocol ever taken.",
     COUNTER(connections_accepted)},
    {"skiff_http_connections", "gauge", "Open connections of the HTTP port.",
     TOTAL(http_connections)},
    {"skiff_request_bytes", "gauge", "Bytes of requests and of replies that are held in memory.",
     TOTAL(request_size)},
    {"skiff_request_bytes_limit", "gauge", "queued.max.request.bytes of each shard.",
     .write = write_request_size_max},
    {"process_resident_memory_bytes", "gauge", "Resident memory of the process.",
     TOTAL(usage.resident_size)},
    {"process_cpu_seconds_total", "counter", "User and system time of the process.",
     .write = write_cpu},
    {"skiff_sync_seconds", "histogram", "How long syncs of the disk have taken.",
     .write = write_syncs},
    {"skiff_sync_batches_total", "counter",
     "Batches written for syncs to cover; over the count of syncs: batches a sync.", SYNC(batches)},
    {"skiff_sync_bytes_total", "counter", "Bytes of those batches.", SYNC(bytes)},
    {"skiff_sync_logs_total", "counter", "Logs that syncs covered, once for each sync.",
     SYNC(logs)},
    {"skiff_tick_seconds", "histogram", "How long ticks have taken.", .write = write_ticks},
    {"kafka_log_log_logstartoffset", "gauge", "First offset of the replica.",
     PARTITION(start_offset)},
    {"kafka_log_log_logendoffset", "gauge", "Next offset of the replica.", PARTITION(end_offset)},
    {"kafka_log_log_size", "gauge", "Bytes of the replica's segments.", PARTITION(size)},
    {"kafka_cluster_partition_underreplicated", "gauge",
     "1 where this node leads with a replica out of sync.", PARTITION(under_replicated)},
    {"skiff_partition_high_watermark", "gauge",
     "The replica is committed below this offset, as far as it knows.", PARTITION(high_watermark)},
};

enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

static void enter_next(struct shard *shard, struct answer *answer, const struct family *family)
{
    answer->line = 0;
    answer->partition = NULL;
    if (family->in_partitions && answer->shard + 1 < shard->config->shards) {
        answer->shard++;
        return;
    }
    answer->shard = 0;
    answer->family++;
    answer->titled = false;
}

void metrics_write(struct shard *shard, struct answer *answer)
{
    uint32_t lines = 0;
    while (answer->family < FAMILY_COUNT && answer->shard == shard->index &&
           lines < ANSWER_PIECE_LINES &&
           text_room(&answer->text) >= ANSWER_ITEM_SIZE + ANSWER_CHUNK_SUFFIX) {
        const struct family *family = &families[answer->family];
        if (!answer->titled && family->name) {
            put_title(&answer->text, family);
            lines += 2;
        }
        answer->titled = true;
        uint32_t written = family->write(shard, answer, family);
        if (written == 0)
            enter_next(shard, answer, family);
        lines += written;
    }
    answer->done = answer->family == FAMILY_COUNT;
}
