/* partition_fetch.c -- what this shard answers of a Fetch: at once, or when there is news.
 *
 * A share that waits is looked at once a tick when one of its partitions moved, or when what was
 * not in memory is, and of its partitions only the ones that may have news; nobody polls. For the
 * disk a consumer's share waits beyond its own time. A follower's fetch counts when it arrives: its
 * offset is its durable end, if the epoch before it is ours too (rule 6). */
#include "partition.h"

#include "probe.h"

static bool part_matches(struct partition *partition, struct fetch_part *part)
{
    if (part->last_epoch < 0)
        return true;
    struct log_epoch_end end = log_find_epoch_end(partition->log, part->last_epoch);
    if (end.epoch == part->last_epoch && end.end >= part->offset)
        return true;
    part->diverging_epoch = end.epoch;
    part->diverging_end = end.end;
    if (end.epoch < 0) { /* Nothing in common: the follower starts over from our start. */
        part->diverging_epoch = 0;
        part->diverging_end = log_ends(partition->log)->start;
    }
    env_mark(partition->shard->env, "divergence_answered");
    return false;
}

static enum err part_check(struct shard *shard, struct fetch_part *part, struct partition **out)
{
    struct partition *partition = partition_find(shard, part->key);
    if (!partition || !partition->replica)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (log_error(partition->log) != ERR_NONE)
        return ERR_KAFKA_STORAGE_ERROR;
    *out = partition;
    return replica_check_leader(partition->replica, part->current_epoch);
}

/* Count a follower's fetch. */
static void part_credit(struct shard *shard, const struct fetch_share *share,
                        struct fetch_part *part)
{
    struct partition *partition;
    struct replica_out out;
    enum err result = part_check(shard, part, &partition);
    if (result == ERR_FENCED_LEADER_EPOCH)
        env_mark(shard->env, "stale_epoch_fetch_refused");
    part->refused = result;
    if (result != ERR_NONE)
        return;
    struct replica_fetch fetch = {.node = share->replica,
                                  .epoch = share->replica_epoch,
                                  .current = part->current_epoch,
                                  .offset = part->offset,
                                  .start = part->asker_start,
                                  .matched = part_matches(partition, part)};
    part->refused = replica_on_fetch(partition->replica, shard->now, &fetch, &out);
    if (part->refused == ERR_NONE && fetch.matched)
        env_probe(shard->env,
                  &(struct probe){.kind = PROBE_CREDIT,
                                  .key = part->key,
                                  .epoch = replica_partition(partition->replica)->leader_epoch,
                                  .peer = share->replica,
                                  .offset = part->offset});
    partition_obey(partition, &out);
}

/* Find the part's records. One share waits for one thing at a time: after it has missed something,
 * what it finds without the disk is answered as it is.
 * Errors  as log_find(). */
static enum err part_find(struct shard *shard, const struct fetch_share *share,
                          struct partition *partition, struct fetch_part *part, uint32_t size_max)
{
    enum log_bound bound = share->replica >= 0 ? LOG_BOUND_WRITTEN : LOG_BOUND_COMMITTED;
    const struct log_extent *extent = &part->extent;
    bool has_missed = env_has_missed(shard->env);
    enum err err = log_find(partition->log, part->offset, size_max, bound, &part->extent);
    if (err == ERR_NONE && extent->size > 0 && !has_missed &&
        env_misses(shard->env, extent->file, extent->position, extent->size))
        return ERR_COLD;
    return err;
}

/* Find what can be had now; returns bytes. */
static uint32_t part_look(struct shard *shard, const struct fetch_share *share,
                          struct fetch_part *part, uint32_t room, bool first)
{
    struct partition *partition;
    part->extent = (struct log_extent){.file = -1};
    part->is_held_back = false;
    part->diverging_epoch = -1;
    part->diverging_end = -1;
    part->err = part->refused != ERR_NONE ? part->refused : part_check(shard, part, &partition);
    if (part->err == ERR_NONE && !share->zstd_allowed && !partition->form.keeps_codec &&
        partition->form.codec == CODEC_ZSTD)
        part->err = ERR_UNSUPPORTED_COMPRESSION_TYPE;
    if (part->err != ERR_NONE) {
        part->high_watermark = -1;
        part->start = -1;
        return 0;
    }
    part->high_watermark = replica_exported_high_watermark(partition->replica);
    part->start = log_ends(partition->log)->start;
    if (!part_matches(partition, part))
        return 0;
    uint32_t size_max = part->size_max < room ? part->size_max : room;
    part->err = part_find(shard, share, partition, part, size_max);
    part->is_held_back =
        part->err == ERR_COLD || (part->err == ERR_NONE && part->extent.size > room && !first);
    if (part->err == ERR_COLD)
        part->err = ERR_NONE;
    if (part->err != ERR_NONE || part->is_held_back)
        part->extent.size = 0;
    return part->extent.size;
}

/* A follower that can follow is told at once where our log starts now. */
static bool is_start_news(const struct fetch_share *share, const struct fetch_part *part)
{
    return share->replica >= 0 && part->asker_start >= 0 && part->asker_start < part->start &&
           part->high_watermark >= part->start && part->start != part->told_start;
}

static bool part_is_urgent(const struct fetch_share *share, const struct fetch_part *part)
{
    return is_start_news(share, part) || part->err != ERR_NONE || part->diverging_epoch >= 0 ||
           part->diverging_end >= 0;
}

/* A consumer takes an answer without records for the end of the log: the disk is waited for as if
 * the read had been made at once, and so only the end of the connection, or of the session's
 * question, ends that. A follower does not, and by coming again it says where it is. */
static bool is_left_to_disk(const struct fetch_share *share, uint64_t total)
{
    return share->replica < 0 && total == 0 && share->missed != 0;
}

/* True: it may be answered now. */
static bool share_look(struct shard *shard, struct fetch_share *share)
{
    struct list *node, *after;
    uint64_t total = 0;
    bool urgent = share->session == 0 ? share->part_count == 0 : share->kept_count == 0;
    env_make_haste(shard->env);
    list_each (node, after, &share->set->dirty) {
        struct fetch_part *part = list_entry(node, struct fetch_part, dirty);
        uint32_t room = total < share->size_max ? share->size_max - (uint32_t)total : 0;
        total += part_look(shard, share, part, room, total == 0);
        urgent = urgent || part_is_urgent(share, part);
        if (share->session != 0)
            fetch_part_looked(shard, part);
    }
    share->missed = env_end_haste(shard->env);
    bool has_waited = share->deadline <= shard->now ||
                      total >= (uint64_t)(share->size_min > 0 ? share->size_min : 0);
    return urgent || (has_waited && !is_left_to_disk(share, total));
}

static void share_unpark(struct fetch_share *share)
{
    share->set->parked = NULL;
    if (share->session == 0)
        for (uint32_t i = 0; i < share->part_count; i++)
            list_remove(&share->parts[i].watch);
    list_remove(&share->parked);
    list_remove(&share->cold);
    list_remove(&share->due);
    timer_stop(&share->owner->timers, &share->timer);
}

void fetch_share_free(struct fetch_share *share)
{
    if (share->owner)
        share_unpark(share);
    mem_free(share->parts);
    mem_free(share->forgotten);
    mem_free(share);
}

static void share_probe_reads(struct shard *shard, const struct fetch_share *share)
{
    if (!shard->env->probe || share->replica >= 0)
        return;
    for (uint32_t i = 0; i < share->part_count; i++)
        if (share->parts[i].extent.size > 0)
            env_probe(shard->env,
                      &(struct probe){.kind = PROBE_READ,
                                      .key = share->parts[i].key,
                                      .epoch = partition_hint(shard, share->parts[i].key).epoch,
                                      .offset = share->parts[i].extent.base,
                                      .value = share->parts[i].extent.end});
}

static void share_count(struct shard *shard, const struct fetch_share *share)
{
    struct counters *counters = &shard->counters;
    uint64_t *bytes = share->replica >= 0 ? &counters->replication_bytes_out : &counters->bytes_out;
    for (uint32_t i = 0; i < share->part_count; i++) {
        *bytes += share->parts[i].extent.size;
        counters->failed_fetches += share->parts[i].err != ERR_NONE;
    }
}

/* A follower that ends below our start begins anew there. What producers did before no record will
 * tell it, so we do. One that there is no room for asks again. */
static void share_tell_producers(struct shard *shard, struct fetch_share *share)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < share->part_count && total <= share->size_max; i++) {
        struct fetch_part *part = &share->parts[i];
        struct partition *partition = partition_find(shard, part->key);
        if (part->err != ERR_OFFSET_OUT_OF_RANGE || part->offset >= part->start || !partition)
            continue;
        part->converted = log_producers_below(partition->log, part->start);
        total += part->converted->size;
    }
}

static void share_return(struct shard *shard, struct fetch_share *share)
{
    fetch_set_tell(shard, share);
    share_count(shard, share);
    if (share->replica >= 0)
        share_tell_producers(shard, share);
    for (uint32_t i = 0; i < share->part_count; i++) {
        if (share->magic < BATCH_MAGIC && share->parts[i].extent.size > 0)
            fetch_part_convert(shard, share, &share->parts[i]);
        share->parts[i].hint = partition_hint(shard, share->parts[i].key);
        share->parts[i].err = err_on_wire(share->parts[i].err);
        if (share->parts[i].extent.size > 0)
            env_hold(shard->env, share->parts[i].extent.file); /* The reply's. */
    }
    share_probe_reads(shard, share);
    share->owner = NULL;
    mailbox_return(shard, &share->letter, share->done);
}

void fetch_share_answer(struct fetch_share *share)
{
    struct shard *shard = share->owner;
    share_unpark(share);
    share_look(shard, share);
    share_return(shard, share);
}

/* Answer what is parked, if it may be by now. */
static void share_look_again(struct shard *shard, struct fetch_share *share)
{
    list_remove(&share->cold);
    if (share_look(shard, share)) {
        share_unpark(share);
        share_return(shard, share);
    } else if (share->missed != 0) {
        list_append(&shard->partitions->cold, &share->cold);
    }
}

static void share_fire(struct timer *timer, mono_ms now)
{
    struct fetch_share *share = list_entry(timer, struct fetch_share, timer);
    (void)now;
    share_look_again(share->owner, share);
}

static void share_park(struct shard *shard, struct fetch_share *share)
{
    struct list *node, *after;
    share->owner = shard;
    share->timer = (struct timer){.fire = share_fire};
    share->set->parked = share;
    list_append(&shard->partitions->parked, &share->parked);
    if (share->missed != 0)
        list_append(&shard->partitions->cold, &share->cold);
    list_each (node, after, &share->set->dirty)
        fetch_part_watch(shard, list_entry(node, struct fetch_part, dirty));
    timer_start(&shard->timers, &share->timer, share->deadline);
}

/* A request of an older session may come late, over a connection that its replica has given up,
 * and take an end back that this session told and never tells again. */
static void credit_again(struct shard *shard, const struct fetch_share *share)
{
    uint32_t cursor = 0;
    void *part;
    while (map_next(&share->set->parts, &cursor, &part))
        part_credit(shard, share, part);
}

void partitions_fetch(struct shard *shard, struct letter *letter)
{
    struct fetch_share *share = (struct fetch_share *)letter;
    list_init(&share->parked);
    list_init(&share->cold);
    list_init(&share->due);
    share->timer = (struct timer){.place = 0};
    bool is_back = share->replica >= 0 && fetch_hear(shard, share) && share->session != 0;
    for (uint32_t i = 0; share->replica >= 0 && i < share->part_count; i++)
        part_credit(shard, share, &share->parts[i]);
    fetch_set_take(shard, share);
    if (is_back)
        credit_again(shard, share);
    if (share_look(shard, share))
        share_return(shard, share);
    else
        share_park(shard, share);
}

void partitions_answer_due(struct partitions *partitions)
{
    for (struct list *node; (node = list_take_first(&partitions->due));)
        share_look_again(partitions->shard, list_entry(node, struct fetch_share, due));
}

void partitions_loaded(struct partitions *partitions, uint64_t ticket)
{
    struct list *node, *after;
    list_each (node, after, &partitions->cold) {
        struct fetch_share *share = list_entry(node, struct fetch_share, cold);
        if (share->missed == ticket && list_is_empty(&share->due))
            list_append(&partitions->due, &share->due);
    }
    partitions->dirty = true;
}

void shares_end(struct partitions *partitions)
{
    while (!list_is_empty(&partitions->parked))
        fetch_share_answer(list_entry(partitions->parked.next, struct fetch_share, parked));
}

struct hurry {
    struct letter letter;
    uint64_t id;
    bool is_over;
};

static void hurry_open(struct shard *shard, struct letter *letter)
{
    struct hurry *hurry = (struct hurry *)letter;
    struct list *node, *after;
    list_each (node, after, &shard->partitions->parked) {
        struct fetch_share *share = list_entry(node, struct fetch_share, parked);
        if (share->id != hurry->id || share->letter.from != letter->from)
            continue;
        share->deadline = shard->now;
        if (hurry->is_over)
            fetch_share_answer(share);
        else
            share_look_again(shard, share);
        break;
    }
    mem_free(hurry);
}

void partitions_hurry(struct shard *shard, uint32_t owner, uint64_t id, bool is_over)
{
    struct hurry *hurry = mem_zalloc(sizeof *hurry);
    hurry->id = id;
    hurry->is_over = is_over;
    mailbox_send(shard, owner, &hurry->letter, hurry_open);
}
