/* consumer_reconcile.c -- a member's way from what it has to what it shall have (KIP-848).
 *
 * First it gives up what is not its own any more, and says so; then it is in the target's
 * epoch and gets of the target what nobody else has; the rest follows as others give it up. */
#include "consumer_state.h"

/* Where a member gets to in one step. */
struct step {
    struct holding assigned; /* What it keeps. */
    struct holding revoking; /* What it has to give up. */
    struct holding free;     /* What it gets. */
    bool has_unreleased;
};

bool consumer_is_reconciled(const struct consumer *consumer)
{
    return consumer->state == CONSUMER_STABLE &&
           consumer->epoch == consumer->group->consumers->target_epoch;
}

static bool has(const struct consumer *consumer, struct held held)
{
    return holding_find(&consumer->assigned, held) != NULL ||
           holding_find(&consumer->revoking, held) != NULL;
}

/* Marks which of `wanted` other members have. */
static void mark_taken(const struct consumer *consumer, const struct holding *wanted,
                       uint8_t *is_taken)
{
    struct str after = {.data = NULL};
    const struct consumer *other;
    if (wanted->count == 0)
        return;
#ifdef SKIFF_MUTANT_RELEASED_AT_ONCE
    return;
#endif
    while ((other = consumer_next(consumer->group, &after)) != NULL) {
        if (other == consumer || other->assigned.count + other->revoking.count == 0)
            continue;
        for (uint32_t i = 0; i < wanted->count; i++)
            is_taken[i] |= has(other, wanted->held[i]);
    }
}

/* Targets of topics that the member does not subscribe to any more are none. */
static struct holding wanted_of(struct arena *arena, const struct consumer *consumer)
{
    struct subscribed_topics topics = consumer_topics(consumer, arena);
    struct holding wanted = holding_new(arena, consumer->target.count);
    uint32_t place;
    for (uint32_t i = 0; i < consumer->target.count; i++)
        if (subscribed_has(&topics, consumer->target.held[i].topic_id, &place))
            holding_add(&wanted, consumer->target.held[i]);
    return wanted;
}

static struct step make_step(struct arena *arena, const struct consumer *consumer)
{
    struct holding target = wanted_of(arena, consumer);
    struct holding wanted = holding_new(arena, target.count);
    struct step step = {
        .assigned = holding_new(arena, (uint64_t)consumer->assigned.count + target.count),
        .revoking = holding_new(arena, consumer->assigned.count),
        .free = holding_new(arena, target.count),
    };
    for (uint32_t i = 0; i < consumer->assigned.count; i++) {
        struct held held = consumer->assigned.held[i];
        holding_add(holding_find(&target, held) != NULL ? &step.assigned : &step.revoking, held);
    }
    for (uint32_t i = 0; i < target.count; i++)
        if (holding_find(&step.assigned, target.held[i]) == NULL)
            holding_add(&wanted, target.held[i]);
    uint8_t *is_taken = arena_array(arena, uint8_t, wanted.count);
    mark_taken(consumer, &wanted, is_taken);
    for (uint32_t i = 0; i < wanted.count; i++) {
        step.has_unreleased |= is_taken[i];
        if (!is_taken[i])
            holding_add(&step.free, wanted.held[i]);
    }
    return step;
}

/* A member that does not say what it has may have all of it. */
static bool still_owns(const struct holding *owned, const struct holding *revoking)
{
#ifdef SKIFF_MUTANT_REVOKED_UNASKED
    if (owned == NULL)
        return false;
#endif
    if (owned == NULL)
        return revoking->count > 0;
    for (uint32_t i = 0; i < revoking->count; i++)
        if (holding_find(owned, revoking->held[i]) != NULL)
            return true;
    return false;
}

static void set(struct group_decision *decision, struct consumer *consumer, int32_t epoch,
                enum consumer_state state, const struct step *step)
{
    static const struct holding nothing = {.count = 0};
    bool gives_up = state == CONSUMER_UNREVOKED;
    const struct holding *revoking = gives_up ? &step->revoking : &nothing;
    if (consumer->has_current && consumer->epoch == epoch && consumer->previous_epoch == epoch &&
        consumer->state == state && holding_equal(&consumer->assigned, &step->assigned) &&
        holding_equal(&consumer->revoking, revoking))
        return;
    consumer->previous_epoch = consumer->epoch;
    consumer->epoch = epoch;
    consumer->state = state;
    holding_replace(&consumer->assigned, step->assigned);
    holding_replace(&consumer->revoking, *revoking);
    consumer_count(consumer);
    emit_consumer_current(decision, consumer);
    if (consumer->profile.is_classic)
        return; /* It is waited for where it is told to join. */
    if (gives_up)
        consumer_start_patience(consumer);
    else
        timer_stop(&consumer->group->coordinator->timers, &consumer->patience);
}

static void advance(struct group_decision *decision, struct consumer *consumer,
                    const struct holding *owned)
{
    int32_t epoch = consumer->group->consumers->target_epoch;
    struct step step = make_step(decision->arena, consumer);
    if (step.revoking.count > 0 && still_owns(owned, &step.revoking)) {
        set(decision, consumer, consumer->epoch, CONSUMER_UNREVOKED, &step);
        return;
    }
    for (uint32_t i = 0; i < step.free.count; i++)
        holding_add(&step.assigned,
                    held_of(step.free.held[i].topic_id, step.free.held[i].index, epoch));
    holding_sort(&step.assigned);
    set(decision, consumer, epoch, step.has_unreleased ? CONSUMER_UNRELEASED : CONSUMER_STABLE,
        &step);
}

void consumer_reconcile(struct group_decision *decision, struct consumer *consumer,
                        const struct holding *owned, bool is_resubscribed)
{
    if (consumer_is_reconciled(consumer) && consumer->has_current && !is_resubscribed)
        return;
    if (consumer->state == CONSUMER_UNREVOKED && still_owns(owned, &consumer->revoking))
        return;
    advance(decision, consumer, owned);
}

bool consumer_waits_for_others(const struct consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->target.count; i++) {
        struct str after = {.data = NULL};
        const struct consumer *other;
        if (holding_find(&consumer->assigned, consumer->target.held[i]) != NULL)
            continue;
        while ((other = consumer_next(consumer->group, &after)) != NULL)
            if (other != consumer && has(other, consumer->target.held[i]))
                return true;
    }
    return false;
}
