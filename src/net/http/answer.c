/* answer.c -- the way of an answer: round the shards for the sums, then home with each piece. */
#include "answer.h"

#include "broker.h"
#include "http.h"
#include "partitions.h"
#include "quorum.h"

struct answer *answer_new(struct shard *shard, conn_id conn)
{
    struct answer *answer = mem_zalloc(sizeof *answer);
    answer->home = shard->index;
    answer->conn = conn;
    answer->text = TEXT_OVER(answer->buffer);
    answer->image = image_ref(shard->image);
    answer->totals.data.in_flight_us = -1;
    answer->totals.metadata.in_flight_us = -1;
    return answer;
}

void answer_free(struct answer *answer)
{
    if (!answer)
        return;
    image_unref(answer->image);
    mem_free(answer);
}

/* ---- Sums. */

static void add_sync(struct sync_stats *into, const struct sync_stats *more)
{
    durations_merge(&into->time, &more->time);
    into->batches += more->batches;
    into->bytes += more->bytes;
    into->logs += more->logs;
    if (more->in_flight_us > into->in_flight_us)
        into->in_flight_us = more->in_flight_us;
}

/* What there is one of in a node. */
static void add_node(struct totals *totals, struct shard *shard)
{
    struct sync_stats metadata;
    const struct image *image = shard->image;
    const struct image_broker *broker = NULL;
    quorum_sync_stats(shard->quorum, &metadata);
    add_sync(&totals->metadata, &metadata);
    env_usage(shard->env, &totals->usage);
    totals->leads_quorum = quorum_leads(shard->quorum);
    totals->topics = image->topic_count;
    totals->partitions = image->partition_count;
    while ((broker = image_broker_after(image, broker ? broker->id : -1))) {
        totals->active_brokers += !broker->fenced;
        totals->fenced_brokers += broker->fenced;
    }
    const char *unready = broker_unready(shard->broker);
    if (unready)
        totals->unready = unready;
}

static void raise(uint64_t *greatest, uint64_t value)
{
    if (value > *greatest)
        *greatest = value;
}

static void add_cleaner(struct totals *totals, const struct cleaner_stats *more)
{
    totals->cleaner.uncleanable += more->uncleanable;
    totals->cleaner.uncleanable_size += more->uncleanable_size;
    totals->cleaner.runs += more->runs;
    totals->cleaner.read += more->bytes_read;
    totals->cleaner.written += more->bytes_written;
    totals->cleaner.dropped += more->records_dropped;
    raise(&totals->cleaner.dirty_percent, more->dirty_percent_max);
    raise(&totals->cleaner.map_percent, more->map_percent_max);
    raise(&totals->cleaner.recopy_percent, more->recopy_percent);
    raise(&totals->cleaner.last_s, (uint64_t)more->last_ms / 1000);
    raise(&totals->cleaner.delay_s, (uint64_t)more->delay_ms_max / 1000);
    raise(&totals->cleaner.idle_ms, (uint64_t)more->idle_ms);
}

static void name_given_up(struct totals *totals, const struct partitions *partitions)
{
    struct text text = {.data = totals->given_up,
                        .size = totals->given_up_size,
                        .size_max = sizeof totals->given_up};
    const struct log *log = NULL;
    while ((log = partitions_next_uncleanable(partitions, log))) {
        struct str name = str_from(log_dir(log)), why = str_from(cleaner_error_text(log));
        if (text_room(&text) < name.size + why.size + 5)
            break;
        text_put(&text, text.size > 0 ? STR(", ") : STR(""));
        text_put(&text, name);
        text_put(&text, STR(" ("));
        text_put(&text, why);
        text_put(&text, STR(")"));
    }
    totals->given_up_size = text.size;
}

static void add_shard(struct totals *totals, struct shard *shard)
{
    struct sync_stats data;
    struct cleaner_stats cleaner;
    partitions_sync_stats(shard->partitions, &data);
    add_sync(&totals->data, &data);
    partitions_clean_stats(shard->partitions, &cleaner);
    add_cleaner(totals, &cleaner);
    name_given_up(totals, shard->partitions);
    counters_merge(&totals->counters, &shard->counters);
    totals->connections += shard->conn_count;
    totals->http_connections += http_conn_count(shard->http);
    totals->request_size += shard->inflight_size;
    totals->groups_size += shard->group_memory.kept;
    if (!shard->serving && !totals->unready)
        totals->unready = "clients are not read from yet";
    if (shard->index == 0)
        add_node(totals, shard);
}

static void collect_open(struct shard *shard, struct letter *letter);

static void collect_on(struct shard *shard, struct answer *answer)
{
    if (answer->shard < shard->config->shards)
        mailbox_send(shard, answer->shard, &answer->letter, collect_open);
    else
        mailbox_send(shard, answer->home, &answer->letter, answer->arrive);
}

static void collect_open(struct shard *shard, struct letter *letter)
{
    struct answer *answer = (struct answer *)letter;
    if (!shard->closing)
        add_shard(&answer->totals, shard);
    answer->shard++;
    collect_on(shard, answer);
}

void answer_collect(struct shard *shard, struct answer *answer,
                    void (*home)(struct shard *shard, struct letter *letter))
{
    answer->shard = 0;
    answer->arrive = home;
    collect_on(shard, answer);
}

/* ---- Pieces. */

static void write_open(struct shard *shard, struct letter *letter)
{
    struct answer *answer = (struct answer *)letter;
    if (!shard->closing)
        metrics_write(shard, answer);
    mailbox_send(shard, answer->home, &answer->letter, answer->arrive);
}

void answer_write(struct shard *shard, struct answer *answer,
                  void (*home)(struct shard *shard, struct letter *letter))
{
    answer->arrive = home;
    mailbox_send(shard, answer->shard, &answer->letter, write_open);
}

/* ---- Sentences. */

bool answer_health(const struct shard *shard, const struct answer *answer, struct text *text)
{
    const struct totals *totals = &answer->totals;
    int64_t data_us = totals->data.in_flight_us;
    int64_t metadata_us = totals->metadata.in_flight_us;
    int64_t longest_us = data_us > metadata_us ? data_us : metadata_us;
    if (longest_us / 1000 <= shard->config->replica_lag_time_max_ms) {
        text_put(text, STR("ok"));
        if (totals->cleaner.uncleanable > 0) {
            text_put(text, STR(", but compaction has given up on "));
            text_put_number(text, (int64_t)totals->cleaner.uncleanable);
            text_put(text, STR(": "));
            text_put(text, (struct str){.data = totals->given_up, .size = totals->given_up_size});
        }
        text_put(text, STR("\n"));
        return true;
    }
    text_put(text, STR("the disk has not answered a sync for "));
    text_put_number(text, longest_us / 1000);
    text_put(text, STR(" ms\n"));
    return false;
}

bool answer_ready(const struct answer *answer, struct text *text)
{
    const char *unready = answer->totals.unready;
    text_put(text, unready ? str_from(unready) : STR("ready"));
    text_put(text, STR("\n"));
    return unready == NULL;
}
