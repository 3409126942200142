/* describe.c -- records as the lines that the server prints: what, old -> new, cause. */
#include <stdarg.h>
#include <stdio.h>

#include "image.h"

/* A bounded line; what does not fit is cut. */
struct line {
    char *out;
    uint32_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    if (line->used + 1 >= line->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    int wrote = vsnprintf(line->out + line->used, line->size - line->used, format, arguments);
    va_end(arguments);
    uint32_t room = line->size - line->used - 1;
    line->used += (uint32_t)wrote < room ? (uint32_t)wrote : room;
}

static void add_nodes(struct line *line, const struct node_list *list)
{
    add(line, "[");
    for (uint32_t i = 0; i < list->count; i++)
        add(line, "%s%d", i > 0 ? "," : "", (int)list->ids[i]);
    add(line, "]");
}

static void add_nodes_change(struct line *line, const char *what, const struct node_list *old,
                             const struct node_list *new)
{
    if (node_list_equal(old, new))
        return;
    add(line, " %s ", what);
    add_nodes(line, old);
    add(line, " -> ");
    add_nodes(line, new);
}

static void describe_partition(struct line *line, const struct record_partition *record,
                               const struct image *old)
{
    const struct image_topic *topic = image_topic_by_id(old, record->key.topic_id);
    const struct image_partition *partition =
        image_partition(old, record->key.topic_id, record->key.index);
    if (topic == NULL || partition == NULL)
        return;
    add(line, "%.*s/%d", (int)topic->name.size, topic->name.data, (int)record->key.index);
    if (partition->leader != record->leader || partition->leader_epoch != record->leader_epoch)
        add(line, " leader %d -> %d epoch %d -> %d", (int)partition->leader, (int)record->leader,
            (int)partition->leader_epoch, (int)record->leader_epoch);
    add_nodes_change(line, "isr", &partition->isr, &record->isr);
    add_nodes_change(line, "elr", &partition->elr, &record->elr);
    if (partition->min_insync != record->min_insync)
        add(line, " min.insync %d -> %d", (int)partition->min_insync, (int)record->min_insync);
    add(line, " partition epoch %d -> %d", (int)partition->partition_epoch,
        (int)record->partition_epoch);
    if (record->data_loss)
        add(line, " DATA LOSS");
}

static const char *state_name(bool fenced, bool shutting_down)
{
    if (fenced)
        return "fenced";
    return shutting_down ? "shutting down" : "active";
}

static void describe_broker_change(struct line *line, const struct record_broker_change *record,
                                   const struct image *old)
{
    const struct image_broker *broker = image_broker(old, record->id);
    if (broker == NULL || broker->epoch != record->epoch)
        return;
    add(line, "node %d %s -> %s broker epoch %lld", (int)record->id,
        state_name(broker->fenced, broker->shutting_down),
        state_name(record->fenced, record->shutting_down), (long long)record->epoch);
}

static void describe_registration(struct line *line, const struct record_broker *record,
                                  const struct image *old)
{
    const struct image_broker *broker = image_broker(old, record->id);
    char directory[UUID_TEXT_SIZE];
    uuid_format(record->directory, directory);
    if (broker == NULL)
        add(line, "node %d unknown -> fenced", (int)record->id);
    else
        add(line, "node %d %s -> fenced, was broker epoch %lld", (int)record->id,
            state_name(broker->fenced, broker->shutting_down), (long long)broker->epoch);
    add(line, ", directory %s", directory);
}

static void describe_removal(struct line *line, struct uuid id, const struct image *old)
{
    const struct image_topic *topic = image_topic_by_id(old, id);
    if (topic != NULL)
        add(line, "topic %.*s removed", (int)topic->name.size, topic->name.data);
}

static const struct record_config *find_config(const struct record_config *configs, uint32_t count,
                                               struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(configs[i].name, name))
            return &configs[i];
    return NULL;
}

/* "retention.ms 7 -> 9": a dash where there was, or is, none. */
static void add_config(struct line *line, struct str name, const struct record_config *old,
                       const struct record_config *new)
{
    struct str before = old != NULL ? old->value : STR("-");
    struct str after = new != NULL ? new->value : STR("-");
    if (!str_equal(before, after))
        add(line, " %.*s %.*s -> %.*s", (int)name.size, name.data, (int)before.size, before.data,
            (int)after.size, after.data);
}

static void add_configs_change(struct line *line, const struct record_config *old,
                               uint32_t old_count, const struct record_config *new,
                               uint32_t new_count)
{
    for (uint32_t i = 0; i < new_count; i++)
        add_config(line, new[i].name, find_config(old, old_count, new[i].name), &new[i]);
    for (uint32_t i = 0; i < old_count; i++)
        if (find_config(new, new_count, old[i].name) == NULL)
            add_config(line, old[i].name, &old[i], NULL);
}

static void describe_configs(struct line *line, const struct record_configs *record,
                             const struct image *old)
{
    const struct image_configs *before = image_configs(old, record->resource, record->name);
    if (record->resource == CONFIG_OF_GROUP)
        add(line, "group %.*s", (int)record->name.size, record->name.data);
    else if (record->name.size == 0)
        add(line, "all nodes");
    else
        add(line, "node %.*s", (int)record->name.size, record->name.data);
    add_configs_change(line, before != NULL ? before->configs : NULL,
                       before != NULL ? before->config_count : 0, record->configs,
                       record->config_count);
}

static void describe_topic(struct line *line, const struct record_topic *record,
                           const struct image *old)
{
    const struct image_topic *before = image_topic_by_id(old, record->id);
    if (before != NULL) {
        add(line, "topic %.*s", (int)record->name.size, record->name.data);
        if (before->partition_count != record->partition_count)
            add(line, " partitions %d -> %d", (int)before->partition_count,
                (int)record->partition_count);
        add_configs_change(line, before->configs, before->config_count, record->configs,
                           record->config_count);
        return;
    }
    char id[UUID_TEXT_SIZE];
    uuid_format(record->id, id);
    add(line, "topic %.*s created, id %s, partitions %d", (int)record->name.size, record->name.data,
        id, (int)record->partition_count);
}

static void describe_voters(struct line *line, const struct record_voters *record,
                            const struct image *old)
{
    struct node_list before = {.count = 0};
    struct node_list after = {.count = 0};
    for (uint32_t i = 0; i < old->voters.count; i++)
        node_list_add(&before, old->voters.voters[i].id);
    for (uint32_t i = 0; i < record->count; i++)
        node_list_add(&after, record->voters[i].id);
    add(line, "quorum voters ");
    add_nodes(line, &before);
    add(line, " -> ");
    add_nodes(line, &after);
}

static void describe_what(struct line *line, const struct record *record, const struct image *old)
{
    char id[UUID_TEXT_SIZE];

    switch (record->type) {
    case RECORD_CLUSTER:
        uuid_format(record->cluster.cluster_id, id);
        add(line, "cluster formed, id %s, level %u", id, record->cluster.level);
        return;
    case RECORD_VOTERS:
        describe_voters(line, &record->voters, old);
        return;
    case RECORD_REGISTER_BROKER:
        describe_registration(line, &record->broker, old);
        return;
    case RECORD_BROKER_CHANGE:
        describe_broker_change(line, &record->broker_change, old);
        return;
    case RECORD_TOPIC:
        describe_topic(line, &record->topic, old);
        return;
    case RECORD_CONFIGS:
        describe_configs(line, &record->configs, old);
        return;
    case RECORD_PARTITION_CHANGE:
        describe_partition(line, &record->partition, old);
        return;
    case RECORD_REMOVE_TOPIC:
        describe_removal(line, record->remove_topic.id, old);
        return;
    case RECORD_PARTITION: /* Its topic's line says enough. */
    case RECORD_PRODUCER_IDS:
    case RECORD_EPOCH_FLOOR:
        return;
    }
}

uint32_t record_describe(const struct record *record, const struct image *old, char *out,
                         uint32_t size)
{
    struct line line = {.out = out, .size = size};
    if (size > 0)
        out[0] = '\0';
    describe_what(&line, record, old);
    if (line.used == 0)
        return 0;
    add(&line, " cause %.*s", (int)record->cause.size, record->cause.data);
    /* A cause may repeat what a client said. */
    for (uint32_t i = 0; i < line.used; i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    return line.used;
}
