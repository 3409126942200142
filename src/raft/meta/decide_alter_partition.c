/* decide_alter_partition.c -- a leader proposes another ISR, or gives leadership away.
 *
 * Checked against epochs three ways: the leader's broker epoch, the leader epoch, and
 * the partition epoch, which makes the proposal a compare-and-set; every member comes
 * with the broker epoch that the leader saw it fetch with, so a process that was
 * replaced meanwhile cannot slip in (C7, KIP-903). An accepted proposal always writes a
 * record, even an unchanged one: its partition epoch is what ends an older one (rule 4). */
#include "controller_state.h"

static enum err check_epochs(const struct image_partition *partition, node_id sender,
                             const struct alter_partition *alter)
{
    if (alter->leader_epoch > partition->leader_epoch ||
        alter->partition_epoch > partition->partition_epoch)
        return ERR_NOT_CONTROLLER; /* The sender knows more: we are the stale one. */
    if (alter->leader_epoch < partition->leader_epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (partition->leader != sender)
        return ERR_INVALID_REQUEST;
    if (alter->partition_epoch < partition->partition_epoch)
        return ERR_INVALID_UPDATE_VERSION;
    return ERR_NONE;
}

static enum err read_members(const struct image_partition *partition,
                             const struct alter_partition *alter, struct node_list *isr)
{
    if (alter->member_count == 0 || alter->member_count > partition->replicas.count)
        return ERR_INVALID_REQUEST;
    for (uint32_t i = 0; i < alter->member_count; i++) {
        node_id id = alter->isr[i].id;
        if (!node_list_has(&partition->replicas, id) || node_list_has(isr, id))
            return ERR_INVALID_REQUEST;
        node_list_add(isr, id);
    }
    if (!node_list_has(isr, partition->leader))
        return ERR_INVALID_REQUEST;
    if (alter->recovering && (alter->member_count > 1 || !partition->recovering))
        return ERR_INVALID_REQUEST;
    return ERR_NONE;
}

static enum err check_members(const struct decision *decision, const struct alter_partition *alter)
{
    for (uint32_t i = 0; i < alter->member_count; i++) {
        const struct alter_member *member = &alter->isr[i];
        if (!image_broker_is_active(decision->image, member->id))
            return ERR_INELIGIBLE_REPLICA;
        if (image_broker(decision->image, member->id)->epoch != member->epoch)
            return ERR_INELIGIBLE_REPLICA;
        if (session_is_unserviceable(decision->controller, member->id, alter->key))
            return ERR_INELIGIBLE_REPLICA;
    }
    return ERR_NONE;
}

static enum err alter_isr(struct decision *decision, const struct image_partition *partition,
                          const struct alter_partition *alter)
{
    struct node_list isr = {.count = 0};
    enum err err = read_members(partition, alter, &isr);
    if (err == ERR_NONE)
        err = check_members(decision, alter);
    if (err != ERR_NONE)
        return err;

    struct change change;
    change_begin(&change, partition);
    change.isr = isr;
    change.recovering = alter->recovering;
    change.always = true;
    change_emit(decision, &change,
                decision_cause(decision, "AlterPartition of leader %d", (int)partition->leader));
    return ERR_NONE;
}

/* The leader cannot reach its followers, or its disk: another in-sync or eligible
 * replica leads, and the old leader keeps its eligibility, since it has every record. */
static enum err yield(struct decision *decision, const struct image_partition *partition)
{
    struct change change;
    change_begin(&change, partition);
    change.yields = partition->leader;
    if (!change_has_candidate(decision, &change))
        return ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE;
    change_emit(decision, &change,
                decision_cause(decision, "node %d gives leadership away", (int)partition->leader));
    return ERR_NONE;
}

static enum err alter_one(struct decision *decision, node_id sender,
                          const struct alter_partition *alter)
{
    if (image_topic_by_id(decision->image, alter->key.topic_id) == NULL)
        return ERR_UNKNOWN_TOPIC_ID;
    const struct image_partition *partition =
        image_partition(decision->image, alter->key.topic_id, alter->key.index);
    if (partition == NULL)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    enum err err = check_epochs(partition, sender, alter);
    if (err != ERR_NONE)
        return err;
    return alter->yield ? yield(decision, partition) : alter_isr(decision, partition, alter);
}

static void report(const struct decision *decision, struct alter_partition_reply *reply)
{
    const struct image_partition *partition =
        image_partition(decision->image, reply->key.topic_id, reply->key.index);
    reply->leader = partition->leader;
    reply->leader_epoch = partition->leader_epoch;
    reply->partition_epoch = partition->partition_epoch;
    reply->isr = partition->isr;
    reply->recovering = partition->recovering;
}

enum err decide_alter_partitions(struct decision *decision,
                                 const struct alter_partitions_command *command,
                                 struct alter_partitions_reply *reply)
{
    const struct image_broker *sender = image_broker(decision->image, command->id);
    if (sender == NULL || sender->epoch != command->epoch)
        return ERR_STALE_BROKER_EPOCH;

    reply->count = command->count;
    reply->partitions = arena_array(decision->arena, struct alter_partition_reply, command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        const struct alter_partition *alter = &command->partitions[i];
        struct alter_partition_reply *one = &reply->partitions[i];
        one->key = alter->key;
        one->leader = -1;
        if (decision->count >= CONTROLLER_RECORDS_MAX)
            one->err = ERR_POLICY_VIOLATION;
        else
            one->err = alter_one(decision, command->id, alter);
        if (one->err == ERR_NONE)
            report(decision, one);
    }
    return ERR_NONE;
}
