/* fetch_set.c -- what one Fetch, or one fetch session, may be answered from.
 *
 * Of a session the partitions stay here from one Fetch to the next. One that has nothing to tell
 * rests in the list of its partition and costs nothing until that moves; one that has is dirty.
 * So a Fetch looks at what it mentions and at what has moved, however many partitions there are.
 *
 * Invariants: what rests has been told as it stands; what was answered with records, an error or
 * a divergence stays dirty, because only another question changes the answer.
 *
 * Source  KIP-227. */
#include "partition.h"

enum { NEVER_TOLD = -2 }; /* No high watermark and no start is that. */

/* What is told again unless another question comes: Kafka's clients rely on errors being so. */
static bool is_told_again(const struct fetch_part *part)
{
    return part->err != ERR_NONE || part->diverging_epoch >= 0 || part->diverging_end >= 0 ||
           part->extent.size > 0;
}

static bool is_news(const struct fetch_part *part)
{
    return is_told_again(part) || part->high_watermark != part->told_high_watermark ||
           part->start != part->told_start;
}

void fetch_part_watch(struct shard *shard, struct fetch_part *part)
{
    struct partition *partition = partition_find(shard, part->key);
    if (partition && list_is_empty(&part->watch))
        list_append(&partition->watches, &part->watch);
}

/* Until partition_wake(). */
static void part_rest(struct shard *shard, struct fetch_part *part)
{
    fetch_part_watch(shard, part);
    list_remove(&part->dirty);
}

void fetch_part_looked(struct shard *shard, struct fetch_part *part)
{
    if (!is_news(part) && !part->is_held_back)
        part_rest(shard, part);
}

void partition_wake(struct partition *partition)
{
    struct list *node, *after;
    list_each (node, after, &partition->watches) {
        struct fetch_part *part = list_entry(node, struct fetch_part, watch);
        struct fetch_share *share = part->set->parked;
        if (list_is_empty(&part->dirty))
            list_append(&part->set->dirty, &part->dirty);
        if (share && list_is_empty(&share->due))
            list_append(&partition->shard->partitions->due, &share->due);
    }
    partition->shard->partitions->dirty = true;
}

static void part_place(struct fetch_part *part, struct fetch_set *set)
{
    list_init(&part->watch);
    list_init(&part->dirty);
    part->set = set;
    part->told_high_watermark = NEVER_TOLD;
    part->told_start = NEVER_TOLD;
    list_append(&set->dirty, &part->dirty);
}

/* ---- Sessions. */

static void part_free(struct fetch_part *part)
{
    list_remove(&part->watch);
    list_remove(&part->dirty);
    mem_free(part);
}

static void forget(struct fetch_set *set, struct partition_key key)
{
    struct fetch_part *part = map_remove(&set->parts, &key);
    if (part)
        part_free(part);
}

static struct fetch_set *session_set(struct partitions *partitions, uint64_t session)
{
    struct fetch_set *set = map_get(&partitions->sessions, &session);
    if (set)
        return set;
    set = mem_zalloc(sizeof *set);
    map_init(&set->parts, sizeof(struct partition_key));
    list_init(&set->dirty);
    map_put(&partitions->sessions, &session, set);
    return set;
}

/* Another question about it, or the first. A follower is told again what it was told: it may have
 * dropped the answer to the question before. */
static void session_ask(struct fetch_set *set, const struct fetch_part *asked, bool is_follower)
{
    struct fetch_part *part = map_get(&set->parts, &asked->key);
    if (!part) {
        part = mem_zalloc(sizeof *part);
        *part = *asked;
        part_place(part, set);
        map_put(&set->parts, &part->key, part);
        return;
    }
    part->place = asked->place;
    part->offset = asked->offset;
    part->current_epoch = asked->current_epoch;
    part->last_epoch = asked->last_epoch;
    part->asker_start = asked->asker_start;
    part->size_max = asked->size_max;
    part->refused = asked->refused;
    if (is_follower)
        part->told_high_watermark = part->told_start = NEVER_TOLD;
    if (list_is_empty(&part->dirty))
        list_append(&set->dirty, &part->dirty);
}

void fetch_set_take(struct shard *shard, struct fetch_share *share)
{
    if (share->session == 0) {
        share->set = &share->own;
        list_init(&share->own.dirty);
        for (uint32_t i = 0; i < share->part_count; i++)
            part_place(&share->parts[i], share->set);
        return;
    }
    share->set = session_set(shard->partitions, share->session);
    check(!share->set->parked); /* The asker has hurried it. */
    for (uint32_t i = 0; i < share->forgotten_count; i++)
        forget(share->set, share->forgotten[i]);
    for (uint32_t i = 0; i < share->part_count; i++)
        session_ask(share->set, &share->parts[i], share->replica >= 0);
    mem_free(share->parts);
    share->parts = NULL;
    share->part_count = 0;
    share->kept_count = share->set->parts.count;
}

/* Whoever got records lets others go first the next time. */
static void part_tell(struct shard *shard, struct fetch_set *set, struct fetch_part *part)
{
    part->told_high_watermark = part->err == ERR_NONE ? part->high_watermark : NEVER_TOLD;
    part->told_start = part->start;
    if (part->is_held_back)
        return;
    part_rest(shard, part);
    if (is_told_again(part))
        list_append(&set->dirty, &part->dirty);
}

void fetch_set_tell(struct shard *shard, struct fetch_share *share)
{
    struct fetch_set *set = share->set;
    struct list *node, *after, *last = set->dirty.prev;
    uint32_t capacity = 0;
    if (share->session == 0)
        return;
    list_each (node, after, &set->dirty) {
        struct fetch_part *part = list_entry(node, struct fetch_part, dirty);
        if (is_news(part)) {
            mem_grow(share->parts, share->part_count, &capacity);
            share->parts[share->part_count++] = *part;
        }
        part_tell(shard, set, part);
        if (node == last) /* Behind it are those that have just been put there. */
            break;
    }
}

static void set_free(struct fetch_set *set)
{
    uint32_t cursor = 0;
    void *part;
    while (map_next(&set->parts, &cursor, &part))
        part_free(part);
    map_free(&set->parts);
    mem_free(set);
}

void fetch_sets_open(struct partitions *partitions)
{
    map_init(&partitions->sessions, sizeof(uint64_t));
    map_init(&partitions->heard, sizeof(node_id));
}

void fetch_sets_close(struct partitions *partitions)
{
    uint32_t cursor = 0;
    for (void *set; map_next(&partitions->sessions, &cursor, &set);)
        set_free(set);
    map_free(&partitions->sessions);
    cursor = 0;
    for (void *at; map_next(&partitions->heard, &cursor, &at);)
        mem_free(at);
    map_free(&partitions->heard);
}

struct ending {
    struct letter letter;
    uint64_t session;
};

static void session_ended(struct shard *shard, struct letter *letter)
{
    struct ending *ending = (struct ending *)letter;
    struct fetch_set *set = map_remove(&shard->partitions->sessions, &ending->session);
    if (set && set->parked)
        fetch_share_answer(set->parked);
    if (set)
        set_free(set);
    mem_free(ending);
}

void partitions_end_session(struct shard *shard, uint32_t owner, uint64_t session)
{
    struct ending *ending = mem_zalloc(sizeof *ending);
    ending->session = session;
    mailbox_send(shard, owner, &ending->letter, session_ended);
}

/* ---- Who has come. */

struct replica_visit {
    mono_ms at;
    uint64_t session;
};

/* That it is still where it was in all that it does not mention, a follower says by coming. */
bool fetch_hear(struct shard *shard, const struct fetch_share *share)
{
    const struct image_broker *broker = image_broker(shard->image, share->replica);
    if (!broker || broker->epoch > share->replica_epoch)
        return false; /* A process that was replaced (rule 1). */
    struct replica_visit *visit = map_get(&shard->partitions->heard, &share->replica);
    if (!visit) {
        visit = mem_zalloc(sizeof *visit);
        map_put(&shard->partitions->heard, &share->replica, visit);
    }
    bool is_another = visit->session != share->session;
    *visit = (struct replica_visit){.at = shard->now, .session = share->session};
    return is_another;
}

mono_ms fetch_heard_at(const void *context, node_id node)
{
    const struct shard *shard = context;
    const struct replica_visit *visit = map_get(&shard->partitions->heard, &node);
    return visit ? visit->at : MONO_NEVER;
}
