/* partition_configure.c -- what a topic's settings ask of its batches and segments: limits, codec,
 * clock, age. What it does not say itself, the broker's settings do. Both may change at any
 * time. */
#include "coordinators.h"
#include "partition.h"

#include <string.h>

enum { DELETE_DELAY_MAX_MS = INT32_MAX }; /* Three weeks; more would overflow somewhere. */

static struct str text_of(const struct image_topic *topic, struct str name, const char *fallback)
{
    struct str own = image_topic_config(topic, name);
    return own.data ? own : str_from(fallback);
}

static bool has_word(struct str text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static void take_limits(struct partition *partition, const struct image_topic *topic)
{
    const struct config *config = partition->shard->config;
    partition->limits = (struct batch_limits){
        .size_max =
            (uint32_t)image_topic_number(topic, STR("max.message.bytes"), config->message_size_max),
        .timestamp_before_max_ms = image_topic_number(topic, STR("message.timestamp.before.max.ms"),
                                                      config->timestamp_before_max_ms),
        .timestamp_after_max_ms = image_topic_number(topic, STR("message.timestamp.after.max.ms"),
                                                     config->timestamp_after_max_ms),
        .reader = partition->shard->codec_reader};
    struct str type = text_of(topic, STR("message.timestamp.type"), config->timestamp_type);
    partition->is_append_time = str_equal(type, STR("LogAppendTime"));
}

static void take_form(struct partition *partition, const struct image_topic *topic)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    const struct config *config = partition->shard->config;
    struct str type = text_of(topic, STR("compression.type"), config->compression_type);
    struct batch_form *form = &partition->form;
    *form = (struct batch_form){.keeps_codec = true, .writer = partition->shard->codec_writer};
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        if (str_equal(type, str_from(names[codec]))) {
            form->codec = (enum codec_type)codec;
            form->keeps_codec = false;
        }
    form->levels[CODEC_GZIP] =
        (int32_t)image_topic_number(topic, STR("compression.gzip.level"), config->gzip_level);
    form->levels[CODEC_LZ4] =
        (int32_t)image_topic_number(topic, STR("compression.lz4.level"), config->lz4_level);
    form->levels[CODEC_ZSTD] =
        (int32_t)image_topic_number(topic, STR("compression.zstd.level"), config->zstd_level);
}

static void take_age(struct partition *partition, const struct image_topic *topic)
{
    const struct config *config = partition->shard->config;
    struct str policy = text_of(topic, STR("cleanup.policy"), config->cleanup_policy);
    int64_t delay_ms =
        image_topic_number(topic, STR("file.delete.delay.ms"), config->delete_delay_ms);
    partition->limits.keys_required = has_word(policy, "compact");
    partition->retention = (struct partition_retention){
        .is_on = has_word(policy, "delete"),
        .ms = image_topic_number(topic, STR("retention.ms"), config->retention_ms),
        .bytes = image_topic_number(topic, STR("retention.bytes"), config->retention_bytes),
        .delete_delay_ms = delay_ms < DELETE_DELAY_MAX_MS ? delay_ms : DELETE_DELAY_MAX_MS,
        .check_interval_ms = config->retention_check_interval_ms};
    partition->segment_size =
        (uint32_t)image_topic_number(topic, STR("segment.bytes"), config->segment_size);
    partition->index_interval_size = (uint32_t)image_topic_number(
        topic, STR("index.interval.bytes"), config->index_interval_size);
    partition->segment_ms = image_topic_number(topic, STR("segment.ms"), config->segment_ms);
    partition->segment_jitter_ms =
        image_topic_number(topic, STR("segment.jitter.ms"), config->segment_jitter_ms);
}

/* Every node judges by settings that passed the controller; what is no ratio all the same is the
 * broker's own. */
static void take_compaction(struct partition *partition, const struct image_topic *topic)
{
    const struct config *config = partition->shard->config;
    struct str ratio = image_topic_config(topic, STR("min.cleanable.dirty.ratio"));
    int32_t ratio_min = config->dirty_ratio_min;
    if (ratio.data)
        (void)config_parse_ratio(ratio, &ratio_min);
    partition->compaction = (struct log_compaction){
        .is_on = partition->limits.keys_required && config->is_cleaner_on,
        .dirty_ratio_min = (uint32_t)ratio_min,
        .lag_min_ms =
            image_topic_number(topic, STR("min.compaction.lag.ms"), config->compaction_lag_min_ms),
        .lag_max_ms =
            image_topic_number(topic, STR("max.compaction.lag.ms"), config->compaction_lag_max_ms),
        .delete_retention_ms =
            image_topic_number(topic, STR("delete.retention.ms"), config->delete_retention_ms)};
    memcpy(partition->compaction.levels, partition->form.levels,
           sizeof partition->compaction.levels);
    /* A segment is not compacted while it takes records: not for longer than they may wait. */
    if (partition->limits.keys_required && partition->segment_ms > partition->compaction.lag_max_ms)
        partition->segment_ms = partition->compaction.lag_max_ms;
}

void partition_configure(struct partition *partition, const struct image_topic *topic)
{
    take_limits(partition, topic);
    take_form(partition, topic);
    take_age(partition, topic);
    take_compaction(partition, topic);
    partition->holds_groups = topic_holds_groups(topic);
}

struct log_config partition_log_config(const struct partition *partition)
{
    return (struct log_config){.segment_size = partition->segment_size,
                               .segment_ms = partition->segment_ms,
                               .segment_jitter_ms = partition->segment_jitter_ms,
                               .index_interval_size = partition->index_interval_size,
                               .compaction = partition->compaction};
}

static bool is_same_retention(const struct partition_retention *a,
                              const struct partition_retention *b)
{
    return a->is_on == b->is_on && a->ms == b->ms && a->bytes == b->bytes &&
           a->delete_delay_ms == b->delete_delay_ms && a->check_interval_ms == b->check_interval_ms;
}

void partition_reconfigure(struct partition *partition)
{
    const struct image_topic *topic =
        image_topic_by_id(partition->shard->image, partition->key.topic_id);
    struct partition_retention retention = partition->retention;
    bool was_compacted = partition->compaction.is_on;
    if (!topic || partition->removing)
        return;
    partition_configure(partition, topic);
    struct log_config config = partition_log_config(partition);
    log_configure(partition->log, &config);
    if (was_compacted && !partition->compaction.is_on)
        partition_clean_stop(partition);
    else if (!was_compacted)
        partition_clean_start(partition);
    if (!is_same_retention(&retention, &partition->retention))
        partition_retain_soon(partition);
    coordinator_reconfigure(partition);
}
