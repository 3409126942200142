/* change.c -- one partition's next leader, ISR, ELR and epochs.
 *
 * Invariants, after every record:
 * - ISR members are active replicas, the leader is one of them or -1 (C3, C4);
 * - an ELR member had all committed records when it left the ISR; ELR and ISR share
 *   nobody, and there is no ELR while the ISR has min ISR members (C3, KIP-966);
 * - the leader epoch rises with every change of leader and of durability class, the
 *   partition epoch with every record (C5, rules 1 and 15).
 * Elections prefer the present leader, or the preferred replica where that is asked for, then the
 * ISR in assignment order, then the ELR; then the partition waits, unless its topic, or somebody
 * who asks, allows an unclean election. */
#include "controller_state.h"

void change_begin(struct change *change, const struct image_partition *old)
{
    *change = (struct change){
        .old = old,
        .isr = old->isr,
        .yields = -1,
        .recovering = old->recovering,
        .min_insync = old->min_insync,
        .flush_each = old->flush_each,
        .unclean_allowed = old->unclean_allowed,
    };
}

static bool is_acceptable(const struct decision *decision, const struct change *change, node_id id)
{
    return id != change->yields && !node_list_has(&change->lost, id) &&
           image_broker_is_active(decision->image, id) &&
           !session_is_unserviceable(decision->controller, id, change->old->key);
}

/* The first replica in assignment order that is in `list` (NULL: any) and may lead. */
static node_id first_acceptable(const struct decision *decision, const struct change *change,
                                const struct node_list *list)
{
    const struct node_list *replicas = &change->old->replicas;
    for (uint32_t i = 0; i < replicas->count; i++) {
        if (list != NULL && !node_list_has(list, replicas->ids[i]))
            continue;
        if (is_acceptable(decision, change, replicas->ids[i]))
            return replicas->ids[i];
    }
    return -1;
}

bool change_has_candidate(const struct decision *decision, const struct change *change)
{
    return first_acceptable(decision, change, &change->isr) >= 0 ||
           first_acceptable(decision, change, &change->old->elr) >= 0;
}

static struct node_list acceptable_isr(const struct decision *decision, const struct change *change)
{
    struct node_list isr = {.count = 0};
    for (uint32_t i = 0; i < change->isr.count; i++)
        if (is_acceptable(decision, change, change->isr.ids[i]))
            node_list_add(&isr, change->isr.ids[i]);
    return isr;
}

/* Fills in leader and ISR of `next`. */
static void elect(struct decision *decision, const struct change *change,
                  struct record_partition *next)
{
    if (change->to_preferred && node_list_has(&next->isr, change->old->replicas.ids[0]))
        next->leader = change->old->replicas.ids[0];
    if (node_list_has(&next->isr, next->leader))
        return;
    next->leader = first_acceptable(decision, change, &next->isr);
    if (next->leader >= 0)
        return;

    next->leader = first_acceptable(decision, change, &change->old->elr);
    if (next->leader >= 0) {
        node_list_add(&next->isr, next->leader);
        decision->elr_election = true;
        return;
    }
    if (!next->unclean_allowed && !change->unclean)
        return;
    /* No node has told the end of its log, so assignment order decides. */
    next->leader = first_acceptable(decision, change, NULL);
    if (next->leader >= 0) {
        node_list_add(&next->isr, next->leader);
        next->recovering = true;
        next->data_loss = true;
        decision->unclean_election = true;
    }
}

/* Who left the ISR while it was too small to commit without them. After an unclean
 * election nobody qualifies: the others' records are not this leader's. */
static struct node_list eligible(const struct change *change, const struct record_partition *next)
{
    struct node_list elr = {.count = 0};
    const struct image_partition *old = change->old;

    if ((int64_t)next->isr.count >= next->min_insync || next->data_loss)
        return elr;
    for (uint32_t i = 0; i < old->replicas.count; i++) {
        node_id id = old->replicas.ids[i];
        bool had_all = node_list_has(&old->isr, id) || node_list_has(&old->elr, id);
        if (had_all && !node_list_has(&next->isr, id) && !node_list_has(&change->lost, id))
            node_list_add(&elr, id);
    }
    return elr;
}

static bool is_same(const struct image_partition *old, const struct record_partition *next)
{
    return old->leader == next->leader && old->leader_epoch == next->leader_epoch &&
           old->recovering == next->recovering && old->min_insync == next->min_insync &&
           old->flush_each == next->flush_each && old->unclean_allowed == next->unclean_allowed &&
           node_list_equal(&old->isr, &next->isr) && node_list_equal(&old->elr, &next->elr);
}

static void check_invariants(const struct record_partition *next)
{
    check(next->leader == -1 || node_list_has(&next->isr, next->leader));
    check((int64_t)next->isr.count < next->min_insync || next->elr.count == 0);
    for (uint32_t i = 0; i < next->elr.count; i++)
        check(!node_list_has(&next->isr, next->elr.ids[i]));
}

void change_emit(struct decision *decision, const struct change *change, struct str cause)
{
    const struct image_partition *old = change->old;
    struct record record = {.type = RECORD_PARTITION_CHANGE, .cause = cause};
    struct record_partition *next = &record.partition;

    next->key = old->key;
    next->leader = old->leader;
    next->min_insync = change->min_insync;
    next->flush_each = change->flush_each;
    next->unclean_allowed = change->unclean_allowed;
    next->recovering = change->recovering;
    next->isr = acceptable_isr(decision, change);
    elect(decision, change, next);
    next->elr = eligible(change, next);

    bool bump = change->bump_epoch || next->leader != old->leader || next->data_loss ||
                next->flush_each != old->flush_each;
    next->leader_epoch = old->leader_epoch + (bump ? 1 : 0);
    if (!change->always && is_same(old, next))
        return;
    next->partition_epoch = old->partition_epoch + 1;
    check_invariants(next);
    if ((int64_t)next->isr.count < next->min_insync && (int64_t)old->isr.count >= old->min_insync)
        decision->isr_below_min = true;
    if (next->data_loss)
        record.cause = decision_cause(decision, "unclean election, records may be lost: %.*s",
                                      (int)cause.size, cause.data);
    decision_emit(decision, &record);
}

void change_without(struct decision *decision, node_id id, bool lost, struct str cause)
{
    struct image *before = image_ref(decision->image);
    const struct image_partition *partition = NULL;
    while ((partition = image_partition_after(before, partition)) != NULL) {
        bool in_isr = node_list_has(&partition->isr, id);
        if (!in_isr && !(lost && node_list_has(&partition->elr, id)))
            continue;
        struct change change;
        change_begin(&change, partition);
        if (lost)
            node_list_add(&change.lost, id);
        change_emit(decision, &change, cause);
    }
    image_unref(before);
}

void change_elect_waiting(struct decision *decision, node_id id, struct str cause)
{
    struct image *before = image_ref(decision->image);
    const struct image_partition *partition = NULL;
    while ((partition = image_partition_after(before, partition)) != NULL) {
        if (partition->leader != -1)
            continue;
        if (id != -1 && !node_list_has(&partition->replicas, id))
            continue;
        struct change change;
        change_begin(&change, partition);
        change_emit(decision, &change, cause);
    }
    image_unref(before);
}
