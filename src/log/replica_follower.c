/* replica_follower.c -- what to fetch, and what an answer means.
 *
 * A fetch offset is a promise that all below it is durable here, so nothing is fetched
 * before the last answer is. An answer is judged against the question: one that belongs
 * to another epoch or position is forgotten. Nothing but a committed start of the
 * leader's log may make us drop what lies below our high watermark. */
#include "replica_state.h"

/* The mutant acknowledges what is not synced yet. */
static bool is_all_counted(const struct replica *replica)
{
#ifdef SKIFF_MUTANT_ACK_BEFORE_SYNC
    (void)replica;
    return true;
#else
    return replica_counted_end(replica) >= replica->log.end;
#endif
}

bool replica_plan_fetch(const struct replica *replica, mono_ms now, struct replica_plan *out,
                        mono_ms *at)
{
    const struct replica_partition *partition = &replica->partition;
    *at = MONO_NEVER;
    if (replica->role != REPLICA_FOLLOWER || partition->leader < 0 ||
        partition->leader == replica->config.self)
        return false;
    if (!is_all_counted(replica))
        return false;
    if (now < replica->fetch_at) {
        *at = replica->fetch_at;
        return false;
    }
    *out = (struct replica_plan){.leader = partition->leader,
                                 .leader_epoch = partition->leader_epoch,
                                 .offset = replica->log.end,
                                 .last_epoch = replica->log.last_epoch};
    return true;
}

/* Does the answer belong to what we would ask now? */
static bool is_current(const struct replica *replica, const struct replica_plan *plan)
{
    return replica->role == REPLICA_FOLLOWER && plan->leader == replica->partition.leader &&
           plan->leader_epoch == replica->partition.leader_epoch &&
           plan->offset == replica->log.end && plan->last_epoch == replica->log.last_epoch;
}

static enum replica_next back_off(struct replica *replica, mono_ms now)
{
    replica->fetch_at = now + replica->config.retry_backoff_ms;
    return REPLICA_BACK_OFF;
}

/* The leader retired what comes next. */
static enum replica_next judge_range(struct replica *replica, mono_ms now,
                                     const struct replica_answer *answer, log_offset *offset)
{
    if (answer->log_start < 0)
        return REPLICA_ASK_START;
    if (answer->log_start <= replica->log.end)
        return back_off(replica, now); /* It contradicts itself; a newer record will tell. */
    *offset = answer->log_start;
    return REPLICA_RESTART;
}

/* Cut to where both logs may still agree (KIP-101, KIP-279), and ask again. */
static enum replica_next judge_divergence(struct replica *replica, mono_ms now,
                                          const struct replica_answer *answer, log_offset *offset)
{
    log_offset cut = answer->diverging_end < answer->own_epoch_end ? answer->diverging_end
                                                                   : answer->own_epoch_end;
    if (cut >= replica->log.end)
        return back_off(replica, now); /* Nothing to cut: the same answer would come for ever. */
    *offset = cut;
    return cut < replica->high_watermark ? REPLICA_OFFLINE : REPLICA_TRUNCATE;
}

/* The first batch of a log that starts within it begins below: the log looks closer. */
static bool are_batches_sound(const struct replica *replica, const struct replica_answer *answer)
{
    bool is_empty = replica->log.start == replica->log.end;
    return (is_empty || answer->first_base >= replica->log.end) &&
           answer->first_epoch >= replica->log.last_epoch &&
           answer->max_epoch >= answer->first_epoch &&
           answer->max_epoch <= answer->plan.leader_epoch;
}

static enum replica_next judge(struct replica *replica, mono_ms now,
                               const struct replica_answer *answer, log_offset *offset)
{
    if (!is_current(replica, &answer->plan))
        return REPLICA_DISCARD;
    if (answer->err == ERR_OFFSET_OUT_OF_RANGE)
        return judge_range(replica, now, answer, offset);
    if (answer->err != ERR_NONE)
        return back_off(replica, now);
    if (answer->diverging_epoch >= 0)
        return judge_divergence(replica, now, answer, offset);
    if (answer->first_base >= 0 && !are_batches_sound(replica, answer))
        return back_off(replica, now);

    /* Our log is a prefix of the leader's: its high watermark speaks of our records (rule 6). */
    if (answer->high_watermark > replica->leader_high_watermark)
        replica->leader_high_watermark = answer->high_watermark;
    if (answer->log_start > replica->leader_start)
        replica->leader_start = answer->log_start;
    return answer->first_base >= 0 ? REPLICA_APPEND : REPLICA_IDLE;
}

enum replica_next replica_on_answer(struct replica *replica, mono_ms now,
                                    const struct replica_answer *answer, log_offset *offset,
                                    struct replica_out *out)
{
    replica_out_begin(out);
    enum replica_next next = judge(replica, now, answer, offset);
    replica_settle(replica, now, out);
    return next;
}
