/* topic_defaults.c -- which setting of the broker stands for which of a topic. */
#include "topic_defaults.h"

uint32_t topic_defaults(const struct config *config, struct arena *arena,
                        const struct record_config **out)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"retention.ms", config->retention_ms},
        {"retention.bytes", config->retention_bytes},
        {"segment.ms", config->segment_ms},
        {"segment.jitter.ms", config->segment_jitter_ms},
        {"file.delete.delay.ms", config->delete_delay_ms},
        {"delete.retention.ms", config->delete_retention_ms},
        {"min.compaction.lag.ms", config->compaction_lag_min_ms},
        {"max.compaction.lag.ms", config->compaction_lag_max_ms},
        {"message.timestamp.before.max.ms", config->timestamp_before_max_ms},
        {"message.timestamp.after.max.ms", config->timestamp_after_max_ms},
        {"compression.gzip.level", config->gzip_level},
        {"compression.lz4.level", config->lz4_level},
        {"compression.zstd.level", config->zstd_level},
    };
    const struct {
        const char *name, *value;
    } words[] = {
        {"cleanup.policy", config->cleanup_policy},
        {"compression.type", config->compression_type},
        {"message.timestamp.type", config->timestamp_type},
        {"min.cleanable.dirty.ratio", config_ratio_text(arena, config->dirty_ratio_min)},
    };
    uint32_t count = 0;
    struct record_config *defaults =
        arena_array(arena, struct record_config,
                    sizeof numbers / sizeof *numbers + sizeof words / sizeof *words);
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        defaults[count].name = str_from(numbers[i].name);
        defaults[count++].value =
            str_from(arena_format(arena, "%lld", (long long)numbers[i].value));
    }
    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++) {
        defaults[count].name = str_from(words[i].name);
        defaults[count++].value = str_from(words[i].value);
    }
    *out = defaults;
    return count;
}
