/* new_partition.c -- a partition begins, with its topic or later.
 *
 * Its leader epoch starts at the floor that deleted topics left (rule 18); of its replicas those
 * that are active are in sync, since there is nothing yet to be behind with. */
#include "controller_state.h"

static enum err refuse(struct str *message, struct str text)
{
    *message = text;
    return ERR_INVALID_REPLICA_ASSIGNMENT;
}

enum err new_partition_take(struct decision *decision, const struct create_assignment *assignment,
                            int32_t factor, struct node_list *out, struct str *message)
{
    struct node_list taken = {.count = 0};
    bool active = false;

    if (assignment->replica_count == 0 || assignment->replica_count > RECORD_REPLICAS_MAX)
        return refuse(message, STR("A partition has 1 to 16 replicas."));
    if ((int64_t)assignment->replica_count != factor)
        return refuse(message, STR("All partitions need the same number of replicas."));
    for (uint32_t i = 0; i < assignment->replica_count; i++) {
        node_id id = assignment->replicas[i];
        if (image_broker(decision->image, id) == NULL)
            return refuse(message, STR("A replica is on a broker that is not registered."));
        if (node_list_has(&taken, id))
            return refuse(message, STR("A broker is named twice for one partition."));
        node_list_add(&taken, id);
        active = active || image_broker_is_active(decision->image, id);
    }
    if (!active)
        return refuse(message, STR("No broker of one of the partitions is active."));
    *out = taken;
    return ERR_NONE;
}

void new_partition_emit(struct decision *decision, const struct record_topic *topic,
                        partition_id index, const struct node_list *replicas, struct str cause)
{
    struct record record = {.type = RECORD_PARTITION, .cause = cause};
    struct record_partition *partition = &record.partition;

    partition->key = (struct partition_key){.topic_id = topic->id, .index = index};
    partition->replicas = *replicas;
    for (uint32_t i = 0; i < replicas->count; i++)
        if (image_broker_is_active(decision->image, replicas->ids[i]))
            node_list_add(&partition->isr, replicas->ids[i]);
    check(partition->isr.count > 0);
    partition->leader = partition->isr.ids[0];
    partition->leader_epoch = decision->image->epoch_floor;
    topic_settings_apply(decision, topic, partition);
    /* The class of durability was settled when the topic was made. */
    const struct image_partition *first = image_partition(decision->image, topic->id, 0);
    if (first != NULL)
        partition->flush_each = first->flush_each;
    decision_emit(decision, &record);
}
