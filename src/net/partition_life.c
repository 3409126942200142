/* partition_life.c -- a partition of this node, from the opening of its log to its end. */
#include "partition.h"

#include <stdio.h>

#include "coordinators.h"
#include "sync.h"

static void hook_durable(void *context, struct log *log)
{
    (void)log;
    partition_changed(context);
}

static void hook_ready(void *context, struct log *log)
{
    struct partition *partition = context;
    (void)log;
    partition_report(partition, false);
    partition_start(partition);
    partition_apply(partition);
    if (partition->replica && !partition->fetcher)
        fetcher_follow(partition); /* As before the log went offline, if it did. */
    partition_changed(partition);
}

static void hook_offline(void *context, struct log *log)
{
    struct partition *partition = context;
    struct shard *shard = partition->shard;
    trace_error(shard->env->trace, "%s offline: %s", partition->name, log_error_text(log));
    if (log_error(log) == ERR_IO) {
        env_fatal(shard->env, "the log directory has failed");
        return;
    }
    partition_fail_waits(partition);
    partition_report(partition, true);
    fetcher_leave(partition);
    timer_stop(&shard->timers, &partition->timer); /* It proposes nothing any more. */
    list_remove(&partition->asking);
    partition_wake(partition);
    partition_changed(partition); /* What is rotten may be dropped, outside the log's call. */
}

static void hook_deleted(void *context, struct log *log)
{
    (void)log;
    struct partition *partition = context;
    partition->deleted = true;
    partition_changed(partition); /* Freed in the flush, outside the log's call. */
}

static struct partition *partition_new(struct shard *shard, struct partition_key key,
                                       const char *name)
{
    struct partition *partition = mem_zalloc(sizeof *partition);
    partition->shard = shard;
    partition->key = key;
    snprintf(partition->name, sizeof partition->name, "%s", name);
    partition->timer.fire = partition_fire;
    partition->yielded = -1;
    partition->told.epoch = -1;
    partition->told.leader = -1;
    list_init(&partition->changed);
    list_init(&partition->watches);
    list_init(&partition->asking);
    list_init(&partition->following);
    list_init(&partition->unasked);
    map_put(&shard->partitions->map, &key, partition);
    struct pmap *before = shard->partitions->names;
    shard->partitions->names =
        pmap_put(NULL, before, bytes_of_str(str_from(partition->name)), partition);
    pmap_unref(NULL, before);
    return partition;
}

static void partition_open_log(struct partition *partition, const struct image_partition *known)
{
    struct shard *shard = partition->shard;
    struct log_config config = partition_log_config(partition);
    config.key = partition->key;
    config.durability = !known || known->flush_each ? LOG_CLASS_SYNCED : LOG_CLASS_PAGE_CACHE;
    config.keeps_producers = true;
    config.hooks = (struct log_hooks){.durable = hook_durable,
                                      .ready = hook_ready,
                                      .deleted = hook_deleted,
                                      .offline = hook_offline,
                                      .context = partition};
    partition->log = log_open(partition->name, &config, shard->env, shard->partitions->sync);
    partition_clean_start(partition);
    shard->partitions->dirty = true;
}

static void forget_name(struct partitions *partitions, const struct partition *partition)
{
    struct bytes name = bytes_of_str(str_from(partition->name));
    struct pmap *before = partitions->names;
    if (pmap_get(before, name) != partition)
        return;
    partitions->names = pmap_remove(NULL, before, name);
    pmap_unref(NULL, before);
}

void partition_free(struct partition *partition)
{
    struct shard *shard = partition->shard;
    coordinator_leave_seat(partition);
    timer_stop(&shard->timers, &partition->timer);
    timer_stop(&shard->timers, &partition->retain_timer);
    partition_clean_stop(partition);
    fetcher_leave(partition);
    list_remove(&partition->asking);
    list_remove(&partition->changed);
    struct list *node, *after;
    list_each (node, after, &partition->watches)
        list_remove(node);
    if (map_get(&shard->partitions->map, &partition->key) == partition)
        map_remove(&shard->partitions->map, &partition->key);
    forget_name(shard->partitions, partition);
    if (partition->replica)
        replica_close(partition->replica);
    if (partition->log)
        log_close(partition->log);
    mem_free(partition->refused);
    mem_free(partition);
}

bool partition_create(struct shard *shard, const struct image_partition *known)
{
    const struct image_topic *topic = image_topic_by_id(shard->image, known->key.topic_id);
    char name[LOG_DIR_MAX];
    snprintf(name, sizeof name, "%.*s-%d", (int)topic->name.size, topic->name.data,
             known->key.index);
    struct partition *partition = partition_new(shard, known->key, name);
    partition_configure(partition, topic);
    partition_open_log(partition, known);
    enum err result = log_error(partition->log);
    if (result == ERR_SPACE || result == ERR_FILES) {
        /* It ends by itself, and to be named as unable to serve would cost the ELR (rule 11). */
        trace_warn(shard->env->trace, "%s waits: %s", name, log_error_text(partition->log));
        partition_free(partition);
        return false;
    }
    if (result != ERR_NONE) {
        hook_offline(partition, partition->log);
    } else if (log_is_ready(partition->log)) {
        partition_start(partition);
    }
    return true;
}

void partition_remove(struct partition *partition)
{
    if (partition->removing)
        return;
    partition->removing = true;
    timer_stop(&partition->shard->timers, &partition->timer);
    timer_stop(&partition->shard->timers, &partition->retain_timer);
    partition_clean_stop(partition);
    fetcher_leave(partition);
    list_remove(&partition->asking);
    partition_fail_waits(partition);
    partition_report(partition, false);
    partition_wake(partition);
    trace_info(partition->shard->env->trace, "%s deleted from this node", partition->name);
    log_delete(partition->log);
}

void partition_discard(struct shard *shard, struct partition_key key, const char *name)
{
    struct partition *partition = partition_new(shard, key, name);
    partition_open_log(partition, NULL);
    partition_remove(partition);
}
