/* consumers.c -- what is said in words of groups of consumers: group.consumer.assignors, by name or
 * by Kafka's own classes, and group.consumer.migration.policy. */
#include "config_parts.h"

static bool parse_assignor(struct str word, enum config_assignor *out)
{
    static const struct {
        const char *name;
        enum config_assignor assignor;
    } known[] = {
        {"uniform", CONFIG_ASSIGNOR_UNIFORM},
        {"range", CONFIG_ASSIGNOR_RANGE},
        {"org.apache.kafka.coordinator.group.assignor.UniformAssignor", CONFIG_ASSIGNOR_UNIFORM},
        {"org.apache.kafka.coordinator.group.assignor.RangeAssignor", CONFIG_ASSIGNOR_RANGE},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_equal(word, str_from(known[i].name))) {
            *out = known[i].assignor;
            return true;
        }
    return false;
}

static bool has_assignor(const struct config *config, enum config_assignor assignor)
{
    for (uint32_t i = 0; i < config->consumer_assignor_count; i++)
        if (config->consumer_assignors[i] == assignor)
            return true;
    return false;
}

static void finish_assignors(struct reading *reading)
{
    struct config *config = reading->config;
    struct str rest = config->given->consumer_assignors, word;
    enum config_assignor assignor;
    if (rest.size == 0)
        return;
    config->consumer_assignor_count = 0;
    while (next_part(&rest, ',', &word)) {
        if (!parse_assignor(trim(word), &assignor))
            refuse(reading, "group.consumer.assignors: %.*s is not there; uniform and range are",
                   STR_ARGS(word));
        else if (!has_assignor(config, assignor))
            config->consumer_assignors[config->consumer_assignor_count++] = assignor;
    }
}

static void finish_policy(struct reading *reading)
{
    struct config *config = reading->config;
    struct str policy = config->given->consumer_policy;
    bool is_both = policy.size == 0 || equals_ignoring_case(policy, "bidirectional");
    bool is_up = equals_ignoring_case(policy, "upgrade");
    bool is_down = equals_ignoring_case(policy, "downgrade");
    config->consumer_may_upgrade = is_both || is_up;
    config->consumer_may_downgrade = is_both || is_down;
    if (!is_both && !is_up && !is_down && !equals_ignoring_case(policy, "disabled"))
        refuse(reading,
               "group.consumer.migration.policy=%.*s: must be bidirectional, upgrade, downgrade or "
               "disabled",
               STR_ARGS(policy));
}

void finish_consumers(struct reading *reading)
{
    finish_assignors(reading);
    finish_policy(reading);
}
