/* ledger.c -- fold what becomes committed in __consumer_offsets, and keep what clients heard.
 *
 * A leader's append is kept by (partition, epoch, base) until the true high watermark passes
 * it: until then it may be lost. */
#include "ledger.h"

#include <stdio.h>

#include "blob.h"
#include "check.h"
#include "group.h"
#include "records/all.h"

struct ledger_batch {
    uint32_t size;
    sim_us appended_at;
    struct ledger_said *said; /* What it was decided on; NULL: nothing that a member says. */
    uint8_t bytes[];
};

struct batch_key {
    struct partition_key key;
    log_epoch epoch;
    uint8_t base[8];
};

/* One partition of __consumer_offsets. */
struct ledger_partition {
    struct partition_key key;
    uint32_t folded; /* Batches of the ghost's truth. */
    log_offset end;
    struct coordinator *fold; /* Never started: what any coordinator must have loaded. */
    struct ledger_said *said; /* Of the batch that is appended next. */
    struct ledger_partition *next;
};

struct ledger {
    struct group_memory memory; /* Of all folds; without a limit, as they decide nothing. */
    struct ledger_group groups[LEDGER_GROUPS_MAX];
    struct ledger_partition *partitions;
    uint64_t commits;
    struct map batches; /* struct batch_key -> struct ledger_batch */
};

void ledger_open(struct world *world)
{
    struct ledger *ledger = mem_zalloc(sizeof *ledger);
    world->ledger = ledger;
    map_init(&ledger->batches, sizeof(struct batch_key));
    for (uint32_t i = 0; i < LEDGER_GROUPS_MAX; i++) {
        snprintf(ledger->groups[i].name, sizeof ledger->groups[i].name, "group%u", i);
        ledger->groups[i].epoch = -1;
    }
}

static const struct image_topic *offsets_topic(const struct world *world)
{
    const struct image *image = world->ghost->image;
    return image ? image_topic_by_name(image, STR("__consumer_offsets")) : NULL;
}

/* NULL: it holds no groups. */
static struct ledger_partition *partition_of(struct world *world, struct partition_key key)
{
    struct ledger *ledger = world->ledger;
    for (struct ledger_partition *at = ledger->partitions; at; at = at->next)
        if (memcmp(&at->key, &key, sizeof key) == 0)
            return at;
    const struct image_topic *topic = offsets_topic(world);
    if (!topic || !uuid_equal(topic->id, key.topic_id))
        return NULL;
    struct ledger_partition *partition = mem_zalloc(sizeof *partition);
    struct coordinator_config config = {.seed = 1, .memory = &ledger->memory};
    partition->key = key;
    partition->fold = coordinator_open(&config);
    partition->next = ledger->partitions;
    ledger->partitions = partition;
    return partition;
}

static struct batch_key batch_key_of(struct partition_key key, log_epoch epoch, log_offset base)
{
    struct batch_key out = {.key = key, .epoch = epoch};
    store_be64(out.base, (uint64_t)base);
    return out;
}

static void keep_batch(struct world *world, struct ledger_partition *partition,
                       const struct probe *probe)
{
    struct batch_key key = batch_key_of(partition->key, probe->epoch, probe->offset);
    struct ledger_batch *batch = mem_alloc(sizeof *batch + probe->bytes.size);
    *batch = (struct ledger_batch){.size = (uint32_t)probe->bytes.size,
                                   .appended_at = world->kernel.now,
                                   .said = partition->said};
    partition->said = NULL;
    memcpy(batch->bytes, probe->bytes.data, probe->bytes.size);
    map_put(&world->ledger->batches, &key, batch);
}

/* ---- Records. */

static enum err read_part(struct bytes bytes, const struct walk_message *key, bool is_key,
                          struct arena *arena, void *out)
{
    struct wire_reader reader;
    int16_t prefix;
    wire_reader_init(&reader, bytes);
    enum err err = wire_read_int16(&reader, &prefix);
    return err != ERR_NONE ? err : walk_read(key, is_key ? 0 : prefix, &reader, arena, out);
}

static void copy_id(char out[LEDGER_ID_SIZE], struct str id)
{
    check(id.size < LEDGER_ID_SIZE);
    memset(out, 0, LEDGER_ID_SIZE);
    memcpy(out, id.data, id.size);
}

static void fill_generation(struct ledger_generation *out, const struct group_metadata_value *from)
{
    out->is_there = true;
    out->generation = from->generation;
    out->time = from->current_state_timestamp;
    check(from->members_count <= LEDGER_MEMBERS_MAX);
    for (uint32_t i = 0; i < from->members_count; i++) {
        const struct group_metadata_value_member *member = &from->members[i];
        struct ledger_member *to = &out->members[out->member_count++];
        copy_id(to->id, member->member_id);
        if (member->assignment.size > 0)
            check(blob_read_assignment(member->assignment, &to->mask, &to->stamp));
    }
}

/* Nobody came, and whoever is missing died: a session ended, or a rebalance went on without. */
static bool is_only_deaths(const struct ledger_generation *before,
                           const struct ledger_generation *after)
{
    if (!before->is_there || !after->is_there || after->member_count >= before->member_count)
        return false;
    for (uint32_t i = 0; i < after->member_count; i++)
        if (!ledger_member_of(before, after->members[i].id))
            return false;
    for (uint32_t i = 0; i < before->member_count; i++)
        if (!before->members[i].has_died && !ledger_member_of(after, before->members[i].id))
            return false;
    return true;
}

static void take_generation(struct world *world, const struct ledger_record *record)
{
    struct ledger_group *group = &world->ledger->groups[record->group];
    if (group->count > 0 && is_only_deaths(&group->all[group->count - 1], record->generation))
        world_mark(world, "member_expired");
    mem_grow(group->all, group->count, &group->capacity);
    group->all[group->count++] = *record->generation;
    if (record->generation->is_there)
        group->epoch = record->generation->generation;
}

static void take_write(struct world *world, const struct ledger_record *record)
{
    struct ledger_offset *offset = &world->ledger->groups[record->group].offsets[record->partition];
    mem_grow(offset->writes, offset->write_count, &offset->write_capacity);
    offset->writes[offset->write_count++] = record->write;
}

static void fold_group(struct world *world, struct ledger_record *record, struct bytes key,
                       struct bytes value)
{
    struct arena arena = {0};
    struct group_metadata_key name;
    struct group_metadata_value body;
    struct ledger_generation generation = {.is_there = false};
    check(read_part(key, &group_metadata_key_message, true, &arena, &name) == ERR_NONE);
    int index = ledger_group_index(world, name.group_id);
    if (index >= 0) {
        const struct ledger_group *group = &world->ledger->groups[index];
        const struct ledger_generation *last = group->count ? &group->all[group->count - 1] : NULL;
        generation.life = last ? last->life + !last->is_there : 0;
        if (value.data) {
            check(read_part(value, &group_metadata_value_message, false, &arena, &body) ==
                  ERR_NONE);
            fill_generation(&generation, &body);
        }
        record->kind = LEDGER_GENERATION;
        record->group = (uint32_t)index;
        record->generation = &generation;
        checks_committed(world, record);
        take_generation(world, record);
    }
    arena_free(&arena);
}

static void fold_offset(struct world *world, struct ledger_record *record, struct bytes key,
                        struct bytes value)
{
    struct arena arena = {0};
    struct offset_commit_key name;
    struct offset_commit_value body;
    check(read_part(key, &offset_commit_key_message, true, &arena, &name) == ERR_NONE);
    int index = ledger_group_index(world, name.group_id);
    if (index >= 0 && name.index >= 0 && name.index < ACTOR_PARTITIONS_MAX) {
        record->group = (uint32_t)index;
        record->kind = LEDGER_OFFSET;
        record->partition = name.index;
        record->write.offset = record->write.expires = -1;
        if (value.data) {
            check(read_part(value, &offset_commit_value_message, false, &arena, &body) == ERR_NONE);
            record->write.offset = body.offset;
            record->write.expires = body.expire_timestamp;
            record->write.time = body.commit_timestamp;
        }
        checks_committed(world, record);
        take_write(world, record);
    }
    arena_free(&arena);
}

static void fold_consumer(struct world *world, struct ledger_record *record, struct bytes key,
                          struct bytes value)
{
    struct ledger_consumer scratch;
    if (!ledger_consumers_read_record(world, record, key, value, &scratch))
        return;
    struct ledger_group *group = &world->ledger->groups[record->group];
    checks_committed(world, record);
    ledger_consumers_take(world, &group->consumers, record);
    if (record->kind == LEDGER_EPOCH && record->is_there)
        group->epoch = record->epoch;
}

static void fold_record(struct world *world, struct ledger_record *record, struct bytes key,
                        struct bytes value)
{
    check(key.size >= 2);
    if (load_be16(key.data) == RECORDS_GROUP_METADATA)
        fold_group(world, record, key, value);
    else if (load_be16(key.data) == RECORDS_OFFSET_COMMIT)
        fold_offset(world, record, key, value);
    else
        fold_consumer(world, record, key, value);
}

/* What a group is when a batch has ended. */
static void end_batch(struct world *world, uint32_t index)
{
    struct ledger_group *group = &world->ledger->groups[index];
    const struct ledger_generation *now = ledger_now(group);
    uint32_t classic = now ? now->member_count : 0;
    uint32_t consumers = ledger_consumers_members(&group->consumers);
    if (group->classic_before > 0 && consumers > 0)
        world_mark(world, "group_upgraded");
    if (group->consumers_before > 0 && classic > 0)
        world_mark(world, "group_downgraded");
    group->classic_before = classic;
    group->consumers_before = consumers;
    checks_decided(world, group);
    if (!now && !group->consumers.is_there)
        group->epoch = -1;
}

static void fold_batch(struct world *world, struct ledger_partition *partition,
                       const struct ledger_batch *batch)
{
    bool is_told[LEDGER_GROUPS_MAX] = {false};
    struct batch_walk walk;
    struct batch_record from;
    struct codec_reader *reader = codec_reader_open();
    batch_walk_open(&walk, (struct bytes){.data = batch->bytes, .size = batch->size}, reader);
    while (!batch_is_control(&walk.info) && batch_walk_next(&walk, &from) == ERR_NONE) {
        struct ledger_record record = {.group = LEDGER_GROUPS_MAX,
                                       .at = from.offset,
                                       .time = walk.info.max_timestamp,
                                       .said = batch->said};
        record.write = (struct ledger_write){
            .at = from.offset, .epoch = walk.info.epoch, .appended_at = batch->appended_at};
        fold_record(world, &record, from.key, from.value);
        if (record.group < LEDGER_GROUPS_MAX)
            is_told[record.group] = true;
        check(coordinator_apply(partition->fold, from.key, from.value) == ERR_NONE);
    }
    batch_walk_close(&walk);
    codec_reader_close(reader);
    for (uint32_t i = 0; i < LEDGER_GROUPS_MAX; i++)
        if (is_told[i])
            end_batch(world, i);
}

static void fold(struct world *world, struct ledger_partition *partition)
{
    const struct ghost_batches *truth = &ghost_partition_of(world, partition->key)->truth;
    for (; partition->folded < truth->count; partition->folded++) {
        const struct ghost_batch *at = &truth->all[partition->folded];
        struct batch_key key = batch_key_of(partition->key, at->epoch, at->base);
        const struct ledger_batch *batch = map_get(&world->ledger->batches, &key);
        check(batch != NULL); /* Some leader appended it. */
        fold_batch(world, partition, batch);
        partition->end = at->end;
    }
}

static bool is_in(const struct world *world, const struct ledger_group *group,
                  const struct ledger_partition *partition)
{
    int32_t partitions = offsets_topic(world)->partition_count;
    return group_partition_of(str_from(group->name), partitions) == partition->key.index;
}

static void take_load(struct world *world, const struct ledger_partition *partition,
                      const struct sim_node *node)
{
    if (!keyed_has_missed(ghost_partition_of(world, partition->key), node))
        return;
    for (uint32_t i = 0; i < LEDGER_GROUPS_MAX; i++)
        world->ledger->groups[i].is_haunted |= is_in(world, &world->ledger->groups[i], partition);
}

void ledger_take(struct world *world, const struct sim_node *node, const struct probe *probe)
{
    bool is_append = probe->kind == PROBE_LOG_APPEND && probe->flag;
    bool is_commit = probe->kind == PROBE_HIGH_WATERMARK && probe->flag;
    if (!is_append && !is_commit && probe->kind != PROBE_DECIDED &&
        probe->kind != PROBE_COORDINATOR)
        return;
    struct ledger_partition *partition = partition_of(world, probe->key);
    if (!partition)
        return;
    if (is_append) {
        keep_batch(world, partition, probe);
    } else if (is_commit) {
        fold(world, partition);
    } else if (probe->kind == PROBE_COORDINATOR) {
        take_load(world, partition, node);
    } else {
        mem_free(partition->said); /* That batch was not appended. */
        partition->said = ledger_said_of(world, probe);
    }
}

/* ---- Questions. */

const struct ledger_group *ledger_group_of(const struct world *world, uint32_t group)
{
    check(group < LEDGER_GROUPS_MAX);
    return &world->ledger->groups[group];
}

int ledger_group_index(const struct world *world, struct str name)
{
    for (int i = 0; i < LEDGER_GROUPS_MAX; i++)
        if (str_equal(name, str_from(world->ledger->groups[i].name)))
            return i;
    return -1;
}

const struct ledger_generation *ledger_now(const struct ledger_group *group)
{
    const struct ledger_generation *last = group->count ? &group->all[group->count - 1] : NULL;
    return last && last->is_there ? last : NULL;
}

const struct ledger_member *ledger_member_of(const struct ledger_generation *generation,
                                             const char *id)
{
    for (uint32_t i = 0; i < generation->member_count; i++)
        if (strcmp(generation->members[i].id, id) == 0)
            return &generation->members[i];
    return NULL;
}

uint32_t ledger_find_write(const struct ledger_offset *offset, log_offset value)
{
    uint32_t number = offset->write_count;
    while (number > 0 && offset->writes[number - 1].offset != value)
        number--;
    return number;
}

uint32_t ledger_find_assignment(const struct ledger_group *group, const struct ledger_told *told)
{
    for (uint32_t number = group->count; number > 0; number--) {
        const struct ledger_generation *at = &group->all[number - 1];
        if (!at->is_there || at->generation != told->self->generation)
            continue;
        const struct ledger_member *member = ledger_member_of(at, told->self->member_id);
        if (member && member->stamp == told->stamp && member->mask == told->mask)
            return number;
    }
    return 0;
}

static uint32_t members_in(const struct world *world, const struct ledger_partition *partition)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < LEDGER_GROUPS_MAX; i++) {
        const struct ledger_group *group = &world->ledger->groups[i];
        const struct ledger_generation *now = ledger_now(group);
        if (is_in(world, group, partition))
            count += (now ? now->member_count : 0) + ledger_consumers_members(&group->consumers);
    }
    return count;
}

bool ledger_hash(struct world *world, struct partition_key key, log_offset end, uint64_t *hash,
                 uint32_t *members)
{
    const struct ledger_partition *partition = partition_of(world, key);
    if (!partition || partition->end != end)
        return false;
    *hash = coordinator_hash(partition->fold);
    *members = members_in(world, partition);
    return true;
}

/* ---- Clients. */

log_offset ledger_next_offset(struct world *world, uint32_t group, int32_t partition,
                              const struct ledger_identity *sender)
{
    struct ledger_offset *offset = &world->ledger->groups[group].offsets[partition];
    mem_grow(offset->senders, offset->sender_count, &offset->sender_capacity);
    offset->senders[offset->sender_count++] = *sender;
    return (log_offset)offset->sender_count;
}

void ledger_view(const struct world *world, uint32_t group, struct ledger_view *out)
{
    const struct ledger_group *from = ledger_group_of(world, group);
    out->generation_floor = from->floor;
    for (uint32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++)
        out->offset_floors[i] = from->offsets[i].floor;
}

static void raise(uint32_t *floor, uint32_t to)
{
    if (*floor < to)
        *floor = to;
}

/* The oldest write that the client can have meant is what it surely knows of. */
static uint32_t first_write(const struct ledger_offset *offset, uint32_t from, log_offset value)
{
    for (uint32_t number = from > 0 ? from : 1; number <= offset->write_count; number++)
        if (offset->writes[number - 1].offset == value)
            return number;
    return from;
}

void ledger_tell(struct world *world, const struct ledger_told *told)
{
    struct ledger_group *group = &world->ledger->groups[told->group];
    checks_told(world, told);
    world->ledger->commits += told->kind == TOLD_COMMIT;
    if (told->kind == TOLD_COMMIT || told->kind == TOLD_FETCH) {
        struct ledger_offset *offset = &group->offsets[told->partition];
        uint32_t from = told->kind == TOLD_FETCH ? told->view->offset_floors[told->partition] : 0;
        raise(&offset->floor, first_write(offset, from, told->offset));
    } else if (told->kind == TOLD_SYNC) {
        for (uint32_t number = 1; number <= group->count; number++)
            if (group->all[number - 1].is_there &&
                group->all[number - 1].generation == told->self->generation &&
                ledger_member_of(&group->all[number - 1], told->self->member_id)) {
                raise(&group->floor, number);
                break;
            }
    }
}

uint64_t ledger_commits(const struct world *world)
{
    return world->ledger->commits;
}

void ledger_bury(struct world *world, uint32_t group, const char *member_id)
{
    struct ledger_group *at = &world->ledger->groups[group];
    for (uint32_t i = 0; at->count > 0 && i < at->all[at->count - 1].member_count; i++) {
        struct ledger_member *member = &at->all[at->count - 1].members[i];
        member->has_died |= strcmp(member->id, member_id) == 0;
    }
    for (uint32_t i = 0; i < at->consumers.count; i++)
        at->consumers.all[i].has_died |= strcmp(at->consumers.all[i].id, member_id) == 0;
}

void ledger_ask_deletion(struct world *world, uint32_t group)
{
    world->ledger->groups[group].deletion_asked = true;
}
