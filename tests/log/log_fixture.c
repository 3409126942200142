/* log_fixture.c -- drives a log and its group commit as a shard does. */
#include "log_fixture.h"

enum { FIXTURE_BACKOFF_MS = 1000, FIXTURE_TICKS_MAX = 100000 };

const struct partition_key fixture_key = {.topic_id = {.bytes = {1, 2, 3, 4, 5}}, .index = 7};

static void on_durable(void *context, struct log *log)
{
    (void)log;
    ((struct log_fixture *)context)->durable_told++;
}

static void on_ready(void *context, struct log *log)
{
    (void)log;
    ((struct log_fixture *)context)->ready_told++;
}

static void on_deleted(void *context, struct log *log)
{
    (void)log;
    ((struct log_fixture *)context)->deleted_told++;
}

static void on_offline(void *context, struct log *log)
{
    (void)log;
    ((struct log_fixture *)context)->offline_told++;
}

void log_fixture_open(struct log_fixture *fixture, uint32_t segment_size)
{
    *fixture = (struct log_fixture){.memory = memory_env_open()};
    fixture->config = (struct log_config){.key = fixture_key,
                                          .durability = LOG_CLASS_SYNCED,
                                          .segment_size = segment_size,
                                          .keeps_producers = true};
    log_fixture_start(fixture);
}

void log_fixture_open_compacted(struct log_fixture *fixture, uint32_t segment_size, uint32_t keys)
{
    *fixture = (struct log_fixture){.memory = memory_env_open(), .wall = 1000};
    fixture->config = (struct log_config){
        .key = fixture_key,
        .durability = LOG_CLASS_SYNCED,
        .segment_size = segment_size,
        .keeps_producers = true,
        .compaction = {.is_on = true, .lag_max_ms = INT64_MAX, .delete_retention_ms = 5000}};
    fixture->cleans = (struct cleaner_config){.tag = 9,
                                              .map_size = (uint64_t)(keys + 1) * 24 * 10 / 9,
                                              .map_load_percent = 90,
                                              .io_size = 2048,
                                              .rate_max = INT64_MAX,
                                              .backoff_ms = FIXTURE_BACKOFF_MS};
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        fixture->config.compaction.levels[codec] = codec_level_default((enum codec_type)codec);
    log_fixture_start(fixture);
}

void log_fixture_start(struct log_fixture *fixture)
{
    struct sync_config sync = {.path = "marks-0", .tag = 3};

    fixture->config.hooks = (struct log_hooks){.durable = on_durable,
                                               .ready = on_ready,
                                               .deleted = on_deleted,
                                               .offline = on_offline,
                                               .context = fixture};
    enum err err = sync_open(&fixture->sync, &fixture->memory->env, &sync);
    check(err == ERR_NONE);
    fixture->log = log_open("t-7", &fixture->config, &fixture->memory->env, fixture->sync);
    if (fixture->cleans.map_size == 0)
        return;
    fixture->cleaner = cleaner_open(&fixture->memory->env, &fixture->cleans);
    cleaner_add(fixture->cleaner, fixture->log);
}

void log_fixture_stop(struct log_fixture *fixture, bool clean)
{
    if (clean)
        log_fixture_settle(fixture);
    fixture->memory->is_dead = !clean;
    if (fixture->cleaner) {
        cleaner_remove(fixture->cleaner, fixture->log);
        cleaner_close(fixture->cleaner);
        fixture->cleaner = NULL;
    }
    log_close(fixture->log);
    sync_close(fixture->sync);
    fixture->memory->is_dead = false;
    memory_env_drop_syncs(fixture->memory);
}

void log_fixture_close(struct log_fixture *fixture)
{
    log_fixture_stop(fixture, false);
    memory_env_close(fixture->memory);
}

void log_fixture_power_loss(struct log_fixture *fixture, const enum memory_fate *fates)
{
    struct memory_env *after = memory_env_power_loss(fixture->memory, fates);

    log_fixture_stop(fixture, false);
    memory_env_close(fixture->memory);
    fixture->memory = after;
    log_fixture_start(fixture);
}

void log_fixture_flush(struct log_fixture *fixture)
{
    sync_flush(fixture->sync, fixture->memory->now);
}

bool log_fixture_end_sync(struct log_fixture *fixture)
{
    uint64_t ticket;
    enum err result;

    if (!memory_env_end_sync(fixture->memory, &ticket, &result))
        return false;
    bool mine = sync_on_synced(fixture->sync, ticket, result, fixture->memory->now) ||
                (fixture->cleaner && cleaner_on_synced(fixture->cleaner, ticket, result));
    check(mine);
    return true;
}

void log_fixture_settle(struct log_fixture *fixture)
{
    do {
        sync_hurry(fixture->sync);
        log_fixture_flush(fixture);
    } while (log_fixture_end_sync(fixture));
    check(sync_is_idle(fixture->sync));
}

void log_fixture_clean_once(struct log_fixture *fixture)
{
    mono_ms due = cleaner_deadline(fixture->cleaner);

    if (due == fixture->memory->now + 1)
        fixture->memory->now = due;
    if (due <= fixture->memory->now)
        cleaner_tick(fixture->cleaner, fixture->memory->now, fixture->wall);
}

bool log_fixture_is_cleaning(const struct log_fixture *fixture)
{
    mono_ms due = cleaner_deadline(fixture->cleaner);
    return due <= fixture->memory->now + 1 || due == MONO_NEVER;
}

void log_fixture_clean(struct log_fixture *fixture)
{
    uint32_t ticks = 0;

    log_fixture_settle(fixture);
    fixture->memory->now += FIXTURE_BACKOFF_MS;
    while (log_fixture_is_cleaning(fixture)) {
        log_fixture_clean_once(fixture);
        log_fixture_settle(fixture);
        check(++ticks < FIXTURE_TICKS_MAX);
    }
}

struct buf *fixture_batch(uint32_t count, uint32_t size)
{
    struct batch_record records[64];
    uint8_t value[8192];
    struct batch_spec spec = batch_spec(0, -1, 1000);

    check(count <= 64);
    check(size <= sizeof value);
    memset(value, 'v', sizeof value);
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct batch_record){.value = {.data = value, .size = size}};
    return batch_build(&spec, records, count);
}

struct buf *fixture_producer_batch(int64_t producer_id, int16_t epoch, int32_t sequence,
                                   uint32_t count)
{
    struct batch_record records[64];
    struct batch_spec spec = batch_spec(0, -1, 1000);

    check(count <= 64);
    spec.producer_id = producer_id;
    spec.producer_epoch = epoch;
    spec.base_sequence = sequence;
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct batch_record){.value = bytes_of_str(STR("value"))};
    return batch_build(&spec, records, count);
}

enum err fixture_append_buf(struct log_fixture *fixture, log_epoch epoch, struct buf *buf,
                            struct log_appended *out)
{
    struct batch_limits limits = {
        .size_max = 1 << 20, .zstd_allowed = true, .now = -1, .reader = codec_reader_open()};
    struct slice slice = {.buf = buf, .bytes = {.data = buf->data, .size = buf->size}};
    struct log_appended ignored;
    struct batch_info info;
    struct batch_refusal refusal;

    enum err err = batch_check(slice.bytes, &limits, &info, &refusal);
    codec_reader_close(limits.reader);
    if (err == ERR_NONE)
        err = log_append(fixture->log, &slice, &info, epoch, out ? out : &ignored);
    buf_unref(buf);
    return err;
}

enum err fixture_append(struct log_fixture *fixture, log_epoch epoch, uint32_t count, uint32_t size,
                        struct log_appended *out)
{
    return fixture_append_buf(fixture, epoch, fixture_batch(count, size), out);
}
