/* ledger_consumers.c -- read records 3 to 8 and 16 as `__consumer_offsets` has them, and keep what
 * they add up to. See ledger_consumers.h. */
#include "ledger_consumers.h"

#include "blob.h"
#include "check.h"
#include "group.h"
#include "records/all.h"

const struct ledger_pattern ledger_patterns[LEDGER_REGEXES_MAX] = {
    {"topic.*", ~0u}, {"topic[1-9]", ~1u}, {"(topic0|none)", 1}, {"topic[02]", 5}};

/* ---- Shares. */

const struct ledger_share *ledger_shares_find(const struct ledger_shares *shares,
                                              struct uuid topic_id, int32_t index)
{
    for (uint32_t i = 0; i < shares->count; i++)
        if (shares->of[i].index == index && uuid_equal(shares->of[i].topic_id, topic_id))
            return &shares->of[i];
    return NULL;
}

void ledger_shares_add(struct ledger_shares *shares, struct ledger_share share)
{
    check(shares->count < LEDGER_SHARES_MAX);
    shares->of[shares->count++] = share;
}

bool ledger_shares_equal(const struct ledger_shares *a, const struct ledger_shares *b)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (!ledger_shares_find(b, a->of[i].topic_id, a->of[i].index))
            return false;
    return a->count == b->count;
}

uint64_t ledger_shares_mask(const struct ledger_shares *shares, struct uuid topic_id)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < shares->count; i++)
        if (uuid_equal(shares->of[i].topic_id, topic_id))
            mask |= UINT64_C(1) << shares->of[i].index;
    return mask;
}

/* ---- Questions. */

const struct ledger_consumer *ledger_consumer_of(const struct ledger_consumers *consumers,
                                                 const char *id)
{
    for (uint32_t i = 0; i < consumers->count; i++)
        if (strcmp(consumers->all[i].id, id) == 0)
            return &consumers->all[i];
    return NULL;
}

uint32_t ledger_consumers_members(const struct ledger_consumers *consumers)
{
    uint32_t members = 0;
    for (uint32_t i = 0; i < consumers->count; i++)
        members += consumers->all[i].is_member;
    return members;
}

bool ledger_consumers_read(const struct ledger_consumers *consumers, uint32_t topic)
{
    uint32_t topics = 0;
    for (uint32_t i = 0; i < consumers->count; i++)
        if (consumers->all[i].is_member)
            topics |= consumers->all[i].topics;
    for (uint32_t i = 0; i < LEDGER_REGEXES_MAX; i++)
        topics |= consumers->regex_topics[i];
    return topics >> topic & 1;
}

bool ledger_consumers_had(const struct ledger_consumers *consumers, const char *id, int32_t epoch,
                          const struct ledger_shares *shares)
{
    for (uint32_t i = consumers->history_count; i-- > 0;) {
        const struct ledger_current *at = consumers->history[i];
        if (at->epoch == epoch && strcmp(at->id, id) == 0 &&
            (!shares || ledger_shares_equal(&at->assigned, shares)))
            return true;
    }
    return false;
}

bool ledger_consumers_had_mask(const struct ledger_consumers *consumers, const char *id,
                               int32_t epoch, struct uuid topic_id, uint64_t mask)
{
    for (uint32_t i = consumers->history_count; i-- > 0;) {
        const struct ledger_current *at = consumers->history[i];
        if (at->epoch == epoch && strcmp(at->id, id) == 0 &&
            ledger_shares_mask(&at->assigned, topic_id) == mask)
            return true;
    }
    return false;
}

/* ---- Records. */

static enum err read_value(struct bytes value, const struct walk_message *message,
                           struct arena *arena, void *out)
{
    struct wire_reader reader;
    int16_t version;
    wire_reader_init(&reader, value);
    enum err err = wire_read_int16(&reader, &version);
    return err != ERR_NONE ? err : walk_read(message, version, &reader, arena, out);
}

/* Keys of all these types begin with the group, and go on with a member or an expression. */
static void read_key(struct bytes key, struct str *group, struct str *second)
{
    struct wire_reader reader;
    int16_t type;
    wire_reader_init(&reader, key);
    check(wire_read_int16(&reader, &type) == ERR_NONE);
    check(wire_read_string(&reader, group) == ERR_NONE);
    *second = (struct str){0};
    if (wire_reader_left(&reader) > 0)
        check(wire_read_string(&reader, second) == ERR_NONE);
}

static void copy_id(char out[LEDGER_ID_SIZE], struct str id)
{
    check(id.size < LEDGER_ID_SIZE);
    memset(out, 0, LEDGER_ID_SIZE);
    memcpy(out, id.data ? id.data : "", id.size);
}

static uint32_t topics_of(uint32_t count, const struct str *names)
{
    uint32_t topics = 0;
    for (uint32_t i = 0; i < count; i++)
        if (names[i].size == 6 && memcmp(names[i].data, "topic", 5) == 0)
            topics |= 1u << (names[i].data[5] - '0');
    return topics;
}

static int regex_of(struct str pattern)
{
    for (int i = 0; pattern.size > 0 && i < LEDGER_REGEXES_MAX; i++)
        if (str_equal(pattern, str_from(ledger_patterns[i].text)))
            return i;
    return -1;
}

static void read_profile(struct ledger_consumer *consumer, struct bytes value)
{
    struct arena arena = {0};
    struct consumer_group_member_value body;
    consumer->is_member = value.data != NULL;
    if (!consumer->is_member)
        return;
    check(read_value(value, &consumer_group_member_value_message, &arena, &body) == ERR_NONE);
    copy_id(consumer->instance_id, body.instance_id);
    consumer->is_classic = body.classic != NULL;
    consumer->topics = topics_of(body.topics_count, body.topics);
    consumer->regex = regex_of(body.topic_regex);
    arena_free(&arena);
}

static void read_target(struct ledger_consumer *consumer, struct bytes value)
{
    struct arena arena = {0};
    struct consumer_group_target_member_value body;
    consumer->has_target = value.data != NULL;
    consumer->target.count = 0;
    if (!consumer->has_target)
        return;
    check(read_value(value, &consumer_group_target_member_value_message, &arena, &body) ==
          ERR_NONE);
    for (uint32_t i = 0; i < body.topics_count; i++)
        for (uint32_t j = 0; j < body.topics[i].partitions_count; j++)
            ledger_shares_add(&consumer->target,
                              (struct ledger_share){.topic_id = body.topics[i].topic_id,
                                                    .index = body.topics[i].partitions[j]});
    arena_free(&arena);
}

static void read_shares(struct ledger_shares *shares, uint32_t count,
                        const struct consumer_group_current_value_topic *topics)
{
    shares->count = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < topics[i].partitions_count; j++) {
            check(topics[i].assignment_epochs_count == topics[i].partitions_count);
            ledger_shares_add(shares,
                              (struct ledger_share){.topic_id = topics[i].topic_id,
                                                    .index = topics[i].partitions[j],
                                                    .epoch = topics[i].assignment_epochs[j]});
        }
}

static void read_current(struct ledger_consumer *consumer, struct bytes value)
{
    struct arena arena = {0};
    struct consumer_group_current_value body;
    consumer->has_current = value.data != NULL;
    consumer->epoch = LEDGER_EPOCH_LEFT;
    consumer->assigned.count = consumer->revoking.count = 0;
    if (!consumer->has_current)
        return;
    check(read_value(value, &consumer_group_current_value_message, &arena, &body) == ERR_NONE);
    consumer->epoch = body.member_epoch;
    read_shares(&consumer->assigned, body.assigned_count, body.assigned);
    read_shares(&consumer->revoking, body.pending_revocation_count, body.pending_revocation);
    arena_free(&arena);
}

static void read_epoch(struct ledger_record *record, struct bytes value)
{
    struct arena arena = {0};
    struct consumer_group_metadata_value group;
    struct consumer_group_target_value target;
    record->is_there = value.data != NULL;
    if (!record->is_there)
        return;
    if (record->kind == LEDGER_EPOCH) {
        check(read_value(value, &consumer_group_metadata_value_message, &arena, &group) ==
              ERR_NONE);
        record->epoch = group.epoch;
    } else {
        check(read_value(value, &consumer_group_target_value_message, &arena, &target) == ERR_NONE);
        record->epoch = target.assignment_epoch;
    }
    arena_free(&arena);
}

static void read_regex(struct ledger_record *record, struct str pattern, struct bytes value)
{
    struct arena arena = {0};
    struct consumer_group_regex_value body;
    record->regex = regex_of(pattern);
    check(record->regex >= 0);
    if (value.data) {
        check(read_value(value, &consumer_group_regex_value_message, &arena, &body) == ERR_NONE);
        record->regex_topics = topics_of(body.topics_count, body.topics);
    }
    arena_free(&arena);
}

static enum ledger_kind kind_of(struct bytes key)
{
    switch (load_be16(key.data)) {
    case RECORDS_CONSUMER_GROUP_METADATA:
        return LEDGER_EPOCH;
    case RECORDS_CONSUMER_GROUP_MEMBER:
        return LEDGER_PROFILE;
    case RECORDS_CONSUMER_GROUP_TARGET:
        return LEDGER_TARGET_EPOCH;
    case RECORDS_CONSUMER_GROUP_TARGET_MEMBER:
        return LEDGER_TARGET;
    case RECORDS_CONSUMER_GROUP_CURRENT:
        return LEDGER_CURRENT;
    default:
        check(load_be16(key.data) == RECORDS_CONSUMER_GROUP_REGEX);
        return LEDGER_REGEX;
    }
}

bool ledger_consumers_read_record(const struct world *world, struct ledger_record *record,
                                  struct bytes key, struct bytes value,
                                  struct ledger_consumer *scratch)
{
    struct str name, second;
    read_key(key, &name, &second);
    int group = ledger_group_index(world, name);
    if (group < 0)
        return false;
    record->group = (uint32_t)group;
    record->kind = kind_of(key);
    if (record->kind == LEDGER_EPOCH || record->kind == LEDGER_TARGET_EPOCH) {
        read_epoch(record, value);
        return true;
    }
    if (record->kind == LEDGER_REGEX) {
        read_regex(record, second, value);
        return true;
    }
    *scratch = (struct ledger_consumer){.epoch = LEDGER_EPOCH_LEFT, .regex = -1};
    copy_id(scratch->id, second);
    const struct ledger_consumer *known =
        ledger_consumer_of(&ledger_group_of(world, record->group)->consumers, scratch->id);
    if (known)
        *scratch = *known;
    if (record->kind == LEDGER_PROFILE)
        read_profile(scratch, value);
    else if (record->kind == LEDGER_TARGET)
        read_target(scratch, value);
    else
        read_current(scratch, value);
    record->consumer = scratch;
    return true;
}

/* ---- What they add up to. */

static struct ledger_consumer *put_consumer(struct ledger_consumers *consumers, const char *id)
{
    for (uint32_t i = 0; i < consumers->count; i++)
        if (strcmp(consumers->all[i].id, id) == 0)
            return &consumers->all[i];
    check(consumers->count < LEDGER_CONSUMERS_MAX);
    return &consumers->all[consumers->count++];
}

static void add_history(struct ledger_consumers *consumers, const struct ledger_consumer *consumer)
{
    struct ledger_current *current = mem_alloc(sizeof *current);
    memcpy(current->id, consumer->id, sizeof current->id);
    current->epoch = consumer->epoch;
    current->assigned = consumer->assigned;
    mem_grow(consumers->history, consumers->history_count, &consumers->history_capacity);
    consumers->history[consumers->history_count++] = current;
}

/* The place of a static member that was away goes to the same instance under another id. */
static bool comes_back(const struct ledger_record *record, const struct ledger_consumer *before)
{
    const struct ledger_said *said = record->said;
    return !record->consumer->has_current && before && before->epoch == LEDGER_EPOCH_AWAY && said &&
           said->is_beat && strcmp(said->instance_id, before->instance_id) == 0 &&
           strcmp(said->id, before->id) != 0;
}

static void mark(struct world *world, const struct ledger_consumers *consumers,
                 const struct ledger_record *record)
{
    const struct ledger_consumer *after = record->consumer;
    const struct ledger_consumer *before = ledger_consumer_of(consumers, after->id);
    if (record->kind == LEDGER_PROFILE && !after->is_member && before && before->has_died &&
        !record->said)
        world_mark(world, "consumer_fenced");
    if (record->kind == LEDGER_CURRENT && comes_back(record, before))
        world_mark(world, "instance_came_back");
}

void ledger_consumers_take(struct world *world, struct ledger_consumers *consumers,
                           const struct ledger_record *record)
{
    if (record->kind == LEDGER_EPOCH) {
        consumers->is_there = record->is_there;
        consumers->epoch = record->epoch;
    } else if (record->kind == LEDGER_TARGET_EPOCH) {
        consumers->has_target = record->is_there;
        consumers->target_epoch = record->epoch;
    } else if (record->kind == LEDGER_REGEX) {
        consumers->regex_topics[record->regex] = record->regex_topics;
    } else {
        mark(world, consumers, record);
        if (record->kind == LEDGER_CURRENT)
            add_history(consumers, record->consumer);
        struct ledger_consumer *to = put_consumer(consumers, record->consumer->id);
        *to = *record->consumer;
        if (!to->is_member && !to->has_target && !to->has_current)
            *to = consumers->all[--consumers->count];
    }
}

/* ---- Requests. */

static void say_owned(struct ledger_said *said, const struct consumer_heartbeat_command *beat)
{
    for (uint32_t i = 0; i < beat->owned_count; i++)
        for (uint32_t j = 0; j < beat->owned[i].partition_count; j++)
            ledger_shares_add(&said->owned,
                              (struct ledger_share){.topic_id = beat->owned[i].topic_id,
                                                    .index = beat->owned[i].partitions[j]});
}

static void say_subscribed(const struct world *world, struct ledger_said *said,
                           const struct join_group_command *join)
{
    uint64_t mask;
    const struct image_topic *topic = image_topic_by_name(world->ghost->image, STR("topic0"));
    if (!topic || join->protocol_count == 0 ||
        !blob_read_subscription(join->protocols[0].metadata, &mask))
        return;
    said->has_owned = true;
    for (int32_t i = 0; i < ACTOR_PARTITIONS_MAX; i++)
        if (mask >> i & 1)
            ledger_shares_add(&said->owned,
                              (struct ledger_share){.topic_id = topic->id, .index = i});
}

struct ledger_said *ledger_said_of(const struct world *world, const struct probe *probe)
{
    if (!probe->object)
        return NULL;
    struct ledger_said *said = mem_zalloc(sizeof *said);
    said->is_beat = probe->value == GROUP_REPLY_CONSUMER_HEARTBEAT;
    if (said->is_beat) {
        const struct consumer_heartbeat_command *beat = probe->object;
        said->group = ledger_group_index(world, beat->group_id);
        copy_id(said->id, beat->member_id);
        copy_id(said->instance_id, beat->instance_id);
        said->leaves = beat->member_epoch < 0;
        said->has_owned = beat->has_owned;
        say_owned(said, beat);
    } else {
        const struct join_group_command *join = probe->object;
        said->group = ledger_group_index(world, join->group_id);
        copy_id(said->id, join->member_id);
        copy_id(said->instance_id, join->instance_id);
        say_subscribed(world, said, join);
    }
    return said;
}
