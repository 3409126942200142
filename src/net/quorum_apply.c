/* quorum_apply.c -- committed records become an image, and every shard is mailed it.
 *
 * Each shard gets the same letters in the same order; the image in one is a counted
 * reference, the delta a copy. A record that this build does not know stops the node:
 * to go on would be to judge by half of what was agreed. */
#include "quorum_state.h"

#include "api/state.h"
#include "conn.h"
#include "controller_link.h"
#include "identity.h"
#include "live_settings.h"
#include "partitions.h"

struct news {
    struct letter letter;
    struct image *image;
    uint32_t partition_count;
    struct partition_key *partitions;
    uint32_t broker_count;
    node_id *brokers;
    struct identity identity;
    bool configs; /* Of some broker. */
};

static void news_open(struct shard *shard, struct letter *letter)
{
    struct news *news = (struct news *)letter;
    struct image *old = shard->image;
    shard->image = news->image;
    shard->identity = news->identity;
    const struct image_broker *own = image_broker(shard->image, shard->config->node_id);
    bool current = own && uuid_equal(own->incarnation, shard->identity.incarnation_id);
    shard->broker_epoch = current ? own->epoch : -1;
    controller_link_image(shard->controller);
    if (news->configs)
        live_settings_take(shard);
    partitions_take_image(shard->partitions, news->partitions, news->partition_count, news->brokers,
                          news->broker_count);
    /* The record that made it active also chose leaders for what waited for it (rule 20). */
    if (!shard->serving && current && image_broker_is_active(shard->image, own->id))
        conn_set_serving(shard, true);
    image_unref(old);
    api_state_image(shard);
    mem_free(news->partitions);
    mem_free(news->brokers);
    mem_free(news);
}

static void *copy_of(const void *data, size_t size)
{
    void *copy = mem_alloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static void publish(struct quorum *quorum, const struct image_delta *delta)
{
    struct shard *shard = quorum->shard;
    if (quorum->image->has_cluster)
        identity_set_cluster(shard, quorum->image->cluster_id);
    env_probe(shard->env, &(struct probe){.kind = PROBE_IMAGE,
                                          .key = quorum_key(),
                                          .offset = quorum->applied,
                                          .object = quorum->image});
    for (uint32_t i = 0; i < shard->config->shards; i++) {
        struct news *news = mem_zalloc(sizeof *news);
        news->image = image_ref(quorum->image);
        news->partition_count = delta->partition_count;
        news->partitions =
            copy_of(delta->partitions, delta->partition_count * sizeof *delta->partitions);
        news->broker_count = delta->broker_count;
        news->brokers = copy_of(delta->brokers, delta->broker_count * sizeof *delta->brokers);
        news->identity = shard->identity;
        news->configs = delta->configs;
        mailbox_send(shard, i, &news->letter, news_open);
    }
}

/* ---- Walking records. */

typedef bool record_taker(struct quorum *quorum, const struct record *record, log_offset offset,
                          void *context);

static bool batch_each_record(struct quorum *quorum, struct bytes batch, record_taker *take,
                              void *context)
{
    struct batch_walk walk;
    struct batch_record row;
    if (batch_walk_start(&walk, batch) != ERR_NONE) {
        env_fatal(quorum->shard->env, "the metadata log holds a batch that can not be read");
        return false;
    }
    if (batch_is_control(&walk.info))
        return true;
    while (batch_walk_next(&walk, &row) == ERR_NONE) {
        struct arena arena = {0};
        struct record record;
        enum err result = record_decode(row.value, &arena, &record);
        if (result != ERR_NONE)
            env_fatal(quorum->shard->env,
                      result == ERR_UNSUPPORTED_VERSION
                          ? "the metadata log holds a record that this version does not know: it "
                            "was written by a newer one"
                          : "the metadata log holds a record that can not be read");
        bool go_on = result == ERR_NONE && take(quorum, &record, row.offset, context);
        arena_free(&arena);
        if (!go_on)
            return false;
    }
    return true;
}

/* Take every record in [from, to). */
static void log_each_record(struct quorum *quorum, log_offset from, log_offset to,
                            record_taker *take, void *context)
{
    while (from < to) {
        struct buf *buf;
        if (log_read(quorum->log, from, QUORUM_READ_SIZE, LOG_BOUND_WRITTEN, &buf) != ERR_NONE ||
            !buf) {
            env_fatal(quorum->shard->env, "the metadata log can not be read");
            return;
        }
        struct bytes rest = {.data = buf->data, .size = buf->size}, batch;
        struct batch_info info;
        log_offset before = from;
        bool go_on = true;
        while (go_on && from < to && batch_next(&rest, &info, &batch) == ERR_NONE) {
            if (batch_end(&info) > from)
                go_on = batch_each_record(quorum, batch, take, context);
            from = batch_end(&info);
        }
        buf_unref(buf);
        if (!go_on)
            return;
        if (from == before) { /* To skip it would be to forget what was agreed. */
            env_fatal(quorum->shard->env, "the metadata log holds a batch that has rotted");
            return;
        }
    }
}

struct fold {
    struct image *image;
    struct image_delta *delta;
    log_offset from, to;
    log_offset news_from; /* Told in a line from here on. */
};

static bool fold_record(struct quorum *quorum, const struct record *record, log_offset offset,
                        void *context)
{
    struct fold *fold = context;
    if (offset < fold->from || offset >= fold->to)
        return true;
    char line[RECORD_DESCRIPTION_MAX];
    if (offset >= fold->news_from && record_describe(record, fold->image, line, sizeof line) > 0)
        trace_info(quorum->shard->env->trace, "%s", line);
    struct image *next = image_apply(fold->image, record, offset, fold->delta);
    image_unref(fold->image);
    fold->image = next;
    return true;
}

void quorum_apply(struct quorum *quorum)
{
    struct image_delta delta;
    image_delta_init(&delta);
    struct fold fold = {.image = quorum->image,
                        .delta = &delta,
                        .from = quorum->applied,
                        .to = log_ends(quorum->log)->committed,
                        .news_from = quorum->news_from};
    log_each_record(quorum, fold.from, fold.to, fold_record, &fold);
    quorum->image = fold.image;
    quorum->applied = fold.to;
    publish(quorum, &delta);
    image_delta_free(&delta);
}

struct image *quorum_newest_image(struct quorum *quorum)
{
    sync_flush(quorum->sync, quorum->shard->now); /* Readers see what is written. */
    struct fold fold = {.image = image_ref(quorum->image),
                        .from = quorum->applied,
                        .to = log_ends(quorum->log)->written,
                        .news_from = INT64_MAX};
    log_each_record(quorum, fold.from, fold.to, fold_record, &fold);
    return fold.image;
}

/* ---- Voters. */

/* Its disk was replaced: a voter under another directory is another voter (KIP-853). */
static void warn_of_stranger(struct shard *shard, const struct raft_voter *voter)
{
    char known[UUID_TEXT_SIZE], own[UUID_TEXT_SIZE];
    if (voter->id != shard->config->node_id ||
        uuid_equal(voter->directory, shard->identity.directory_id))
        return;
    uuid_format(voter->directory, known);
    uuid_format(shard->identity.directory_id, own);
    trace_warn(shard->env->trace,
               "quorum node %d observes and has no vote: the voter of this id is directory %s, "
               "this is directory %s",
               voter->id, known, own);
}

static void step_voters(struct quorum *quorum, const struct record_voters *voters,
                        log_offset offset, struct uuid cluster_id)
{
    struct raft_voter list[RAFT_VOTERS_MAX];
    uint32_t count = voters->count < RAFT_VOTERS_MAX ? voters->count : RAFT_VOTERS_MAX;
    for (uint32_t i = 0; i < count; i++)
        list[i] = (struct raft_voter){.id = voters->voters[i].id,
                                      .directory = voters->voters[i].directory};
    for (uint32_t i = 0; i < count; i++)
        warn_of_stranger(quorum->shard, &list[i]);
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_VOTERS,
                               .offset = offset,
                               .voters = list,
                               .voter_count = count,
                               .cluster_id = cluster_id};
    quorum_step(quorum, &event, &out);
}

static bool note_voters(struct quorum *quorum, const struct record *record, log_offset offset,
                        void *context)
{
    struct uuid *cluster_id = context;
    if (record->type == RECORD_CLUSTER)
        *cluster_id = record->cluster.cluster_id;
    if (record->type == RECORD_VOTERS)
        step_voters(quorum, &record->voters, offset, *cluster_id);
    return true;
}

void quorum_note_voters(struct quorum *quorum, struct bytes batch)
{
    struct uuid cluster_id = raft_cluster_id(quorum->raft);
    batch_each_record(quorum, batch, note_voters, &cluster_id);
}

void quorum_recover_voters(struct quorum *quorum)
{
    struct uuid cluster_id = {{0}};
    log_each_record(quorum, log_ends(quorum->log)->start, log_ends(quorum->log)->end, note_voters,
                    &cluster_id);
}

/* ---- Who leads, for the shards. */

struct leader_news {
    struct letter letter;
    node_id leader;
};

static void leader_news_open(struct shard *shard, struct letter *letter)
{
    struct leader_news *news = (struct leader_news *)letter;
    controller_link_set(shard->controller, news->leader);
    mem_free(news);
}

void quorum_tell_leader(struct quorum *quorum)
{
    node_id leader = quorum_leader(quorum, NULL);
    if (leader == quorum->told_leader)
        return;
    quorum->told_leader = leader;
    for (uint32_t i = 0; i < quorum->shard->config->shards; i++) {
        struct leader_news *news = mem_zalloc(sizeof *news);
        news->leader = leader;
        mailbox_send(quorum->shard, i, &news->letter, leader_news_open);
    }
}
