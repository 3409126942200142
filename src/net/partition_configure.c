/* partition_configure.c -- what a topic's settings ask of its batches: limits, codec, clock. */
#include "coordinators.h"
#include "partition.h"

#include <string.h>

static void take_limits(struct partition *partition, const struct image_topic *topic)
{
    const struct config *config = partition->shard->config;
    partition->limits = (struct batch_limits){
        .size_max =
            (uint32_t)image_topic_number(topic, STR("max.message.bytes"), config->message_size_max),
        .timestamp_before_max_ms =
            image_topic_number(topic, STR("message.timestamp.before.max.ms"), INT64_MAX),
        .timestamp_after_max_ms =
            image_topic_number(topic, STR("message.timestamp.after.max.ms"), 3600 * 1000),
        .reader = partition->shard->codec_reader};
    struct str policy = image_topic_config(topic, STR("cleanup.policy"));
    partition->limits.keys_required =
        policy.data && memmem(policy.data, policy.size, "compact", strlen("compact"));
    struct str type = image_topic_config(topic, STR("message.timestamp.type"));
    partition->is_append_time = str_equal(type, STR("LogAppendTime"));
}

static int32_t codec_level(const struct image_topic *topic, struct str name, enum codec_type codec)
{
    return (int32_t)image_topic_number(topic, name, codec_level_default(codec));
}

static void take_form(struct partition *partition, const struct image_topic *topic)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    struct str type = image_topic_config(topic, STR("compression.type"));
    struct batch_form *form = &partition->form;
    *form = (struct batch_form){.keeps_codec = true, .writer = partition->shard->codec_writer};
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        if (str_equal(type, str_from(names[codec]))) {
            form->codec = (enum codec_type)codec;
            form->keeps_codec = false;
        }
    form->levels[CODEC_GZIP] = codec_level(topic, STR("compression.gzip.level"), CODEC_GZIP);
    form->levels[CODEC_LZ4] = codec_level(topic, STR("compression.lz4.level"), CODEC_LZ4);
    form->levels[CODEC_ZSTD] = codec_level(topic, STR("compression.zstd.level"), CODEC_ZSTD);
}

void partition_configure(struct partition *partition, const struct image_topic *topic)
{
    take_limits(partition, topic);
    take_form(partition, topic);
    partition->holds_groups = topic_holds_groups(topic);
}
