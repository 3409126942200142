/* partition_produce.c -- one batch for one partition, from the check to the confirmation.
 *
 * Invariants
 * - Every refusal that says "nothing was written" comes before the append. After it
 *   only NOT_ENOUGH_REPLICAS_AFTER_APPEND, REQUEST_TIMED_OUT or silence (rule 17).
 * - acks=all waits for the high watermark, a duplicate for that of its original
 *   (rule 16); acks=1 for the leader's own durable end. */
#include "partition.h"

#include "cluster_clock.h"
#include "probe.h"

static void produce_return(struct shard *shard, struct produce_part *part)
{
    buf_unref(part->records.buf);
    part->records.buf = NULL;
    part->partition = NULL;
    mailbox_return(shard, &part->letter, part->done);
}

static void produce_refuse(struct shard *shard, struct produce_part *part, enum err err,
                           const char *message)
{
    env_probe(shard->env,
              &(struct probe){.kind = PROBE_REFUSE, .key = part->key, .value = err, .offset = -1});
    shard->counters.failed_produces++;
    part->err = err_on_wire(err);
    part->message = message;
    part->base = -1;
    part->start = -1;
    part->hint = partition_hint(shard, part->key);
    produce_return(shard, part);
}

static void produce_confirm(struct produce_part *part)
{
    struct partition *partition = part->partition;
    env_probe(partition->shard->env, &(struct probe){.kind = PROBE_ACK,
                                                     .key = part->key,
                                                     .epoch = part->epoch,
                                                     .offset = part->base,
                                                     .value = part->end,
                                                     .count = part->acks});
    part->err = ERR_NONE;
    part->start = log_ends(partition->log)->start;
    produce_return(partition->shard, part);
}

/* The wait is over; what was appended stays appended whatever is said here. */
static void produce_waited(struct wait *wait, enum err result)
{
    struct produce_part *part = list_entry(wait, struct produce_part, wait);
    struct shard *shard = part->partition->shard;
    if (result == ERR_NONE) {
        const struct replica_partition *record = replica_partition(part->partition->replica);
        if (part->acks != -1 || record->isr.count >= record->min_isr) {
            produce_confirm(part);
            return;
        }
        result = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    }
    if (result != ERR_REQUEST_TIMED_OUT)
        result = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    env_mark(shard->env, "refused_after_append");
    shard->counters.failed_produces++;
    env_probe(shard->env, &(struct probe){.kind = PROBE_REFUSE,
                                          .key = part->key,
                                          .value = result,
                                          .flag = true,
                                          .offset = part->base});
    part->err = result;
    part->message = result == ERR_REQUEST_TIMED_OUT
                        ? "appended, but not confirmed in time"
                        : "appended, but leadership or replicas were lost";
    part->base = -1;
    part->start = -1;
    produce_return(shard, part);
}

static enum err append_error(enum err err)
{
    if (err == ERR_SPACE || err == ERR_FILES || err == ERR_IO)
        return ERR_KAFKA_STORAGE_ERROR; /* Before the append, so it may say so. */
    if (err == ERR_BUSY)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    return err;
}

static const char *append_message(enum err err)
{
    if (err == ERR_SPACE)
        return "the disk of the leader is full";
    if (err == ERR_FILES)
        return "the leader is out of file descriptors";
    if (err == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        return "an earlier batch of this producer is missing";
    return NULL;
}

static void produce_wait(struct partition *partition, struct produce_part *part)
{
    struct shard *shard = partition->shard;
    const struct log_ends *ends = log_ends(partition->log);
    enum wait_mark mark = part->acks == -1 ? WAIT_COMMITTED : WAIT_DURABLE;
    log_offset reached = part->acks == -1 ? ends->committed : ends->durable;
    part->partition = partition;
    wait_init(&part->wait, produce_waited);
    if (part->acks == 0 || part->end <= reached) {
        if (part->acks != 0)
            produce_confirm(part);
        else
            produce_return(shard, part);
        return;
    }
    mono_ms deadline = shard->now + (part->timeout_ms > 0 ? part->timeout_ms : 0);
    log_wait(partition->log, mark, &part->wait, part->end, &shard->timers, deadline);
}

static void note_refused(struct partition *partition, const struct batch_info *info, enum err err)
{
    if (!refused_matters(info, err))
        return;
    if (!partition->refused)
        partition->refused = mem_zalloc(sizeof *partition->refused);
    refused_note(partition->refused, info, err, partition->shard->now);
}

/* Not before what was refused a moment ago. */
static enum err turn_of(struct partition *partition, const struct batch_info *info)
{
    if (!partition->refused || info->producer_id < 0)
        return ERR_NONE;
    return refused_before(
        partition->refused, info,
        log_last_sequence(partition->log, info->producer_id, info->producer_epoch),
        partition->shard->now);
}

/* A producer may send here what follows on a batch that the leader before has in its inbox, and
 * may answer yet: one that stands still, or is cut off. Out of order is the truth, and would make
 * librdkafka send all that it has open again under a new epoch, what is written included. A batch
 * that begins with what the log has is out of order whatever comes. */
static enum err missing_error(const struct partition *partition, const struct batch_info *info,
                              enum err err)
{
    if (err != ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        return err;
    bool is_new = replica_epoch_start(partition->replica) > 0 &&
                  partition->shard->now < partition->leads_since + REFUSED_LIFE_MS;
    int32_t last = log_last_sequence(partition->log, info->producer_id, info->producer_epoch);
    bool is_gap = last < 0 || sequence_is_before(last, info->base_sequence);
    return is_new && is_gap ? ERR_NOT_LEADER_OR_FOLLOWER : err;
}

/* What is wrong with which record goes along with the refusal. */
static void refuse_batch(struct shard *shard, struct produce_part *part, enum err err,
                         const struct batch_refusal *refusal)
{
    if (refusal->fault_count > 0) {
        size_t size = refusal->fault_count * sizeof *part->faults;
        part->faults = mem_alloc(size);
        part->fault_count = refusal->fault_count;
        memcpy(part->faults, refusal->faults, size);
    }
    produce_refuse(shard, part, err, refusal->reason);
}

/* Its age will be judged by the cluster's clock: it is stamped no earlier than that may be, however
 * late this node's own is (PR8). */
static wall_ms append_time(const struct shard *shard, wall_ms own)
{
    wall_ms latest = cluster_time(shard).latest;
    return own > latest ? own : latest;
}

/* Check the batch and give it the topic's form. Errors  the part was refused. */
static enum err admit(struct partition *partition, struct produce_part *part,
                      struct batch_info *info)
{
    struct shard *shard = partition->shard;
    struct batch_limits limits = partition->limits;
    struct batch_form form = partition->form;
    struct batch_refusal refusal;
    wall_ms now = env_wall(shard->env);
    limits.zstd_allowed = part->zstd_allowed;
    limits.now = partition->is_append_time ? -1 : now;
    form.append_time = partition->is_append_time ? append_time(shard, now) : -1;
    form.is_old_allowed = part->is_old_allowed;
    const struct buf *before = part->records.buf;
    bool may_grow = !form.keeps_codec || form.is_old_allowed;
    if (may_grow && !partitions_may_make(shard, 0)) {
        produce_refuse(shard, part, ERR_KAFKA_STORAGE_ERROR, "too much is being recompressed");
        return ERR_KAFKA_STORAGE_ERROR;
    }
    enum err err = batch_admit(&part->records, &limits, &form, info, &refusal);
    if (err != ERR_NONE)
        refuse_batch(shard, part, err, &refusal);
    else if (part->records.buf != before)
        partitions_may_make(shard, part->records.bytes.size);
    part->append_time = form.append_time;
    return err;
}

void partitions_produce(struct shard *shard, struct letter *letter)
{
    struct produce_part *part = (struct produce_part *)letter;
    struct partition *partition = partition_find(shard, part->key);
    struct batch_info info;
    struct log_appended appended;
    part->append_time = -1;
    if (!partition || !partition->replica) {
        produce_refuse(shard, part, ERR_NOT_LEADER_OR_FOLLOWER, NULL);
        return;
    }
    enum err result = replica_may_append(partition->replica, part->acks);
    if (result != ERR_NONE) {
        if (batch_read(part->records.bytes, &info) == ERR_NONE)
            note_refused(partition, &info, result);
        produce_refuse(shard, part, result, NULL);
        return;
    }
    result = admit(partition, part, &info);
    if (result != ERR_NONE)
        return;
    result = turn_of(partition, &info);
    if (result != ERR_NONE) {
        produce_refuse(shard, part, result, "an earlier batch of this producer was refused");
        return;
    }
    part->epoch = replica_partition(partition->replica)->leader_epoch;
    result = log_append(partition->log, &part->records, &info, part->epoch, &appended);
    if (result != ERR_NONE) {
        const char *message = append_message(result);
        result = missing_error(partition, &info, append_error(result));
        note_refused(partition, &info, result);
        produce_refuse(shard, part, result, message);
        return;
    }
    part->base = appended.base;
    part->end = appended.end;
    if (!appended.is_duplicate) {
        shard->counters.messages_in += (uint64_t)(appended.end - appended.base);
        shard->counters.bytes_in += part->records.bytes.size;
    }
    if (appended.is_duplicate && appended.append_time >= 0 && partition->is_append_time)
        part->append_time = appended.append_time;
    buf_unref(part->records.buf); /* The log has a reference of its own. */
    part->records.buf = NULL;
    partition_changed(partition);
    produce_wait(partition, part);
}
