/* fuzz_group.c -- any bytes as the log of a coordinator of groups, and then a life on top of it.
 *
 * What cannot be read is refused and changes nothing; the last record of each key gives the
 * same groups as all of them; and whatever groups these are, members of either protocol may
 * join, leave and be waited for: each command gets one reply, timers come to an end, and what
 * the coordinator writes it can read. An entry of the input is a byte (bit 0: a tombstone), the
 * sizes of key and value (16 bits each), and both; its first bytes are a regular expression
 * too. */
#include "group.h"

enum { ENTRIES_MAX = 64, GROUPS_MAX = 8, TOKENS = 1024, TICKS_MAX = 200, ENTRY_HEAD = 5 };
enum { PATTERN_MAX = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct group_record entries[ENTRIES_MAX];
    uint32_t count;
    struct coordinator *coordinator;
    struct group_decision decision;
    struct arena arena;
    mono_ms now;
    uint64_t token;
    uint8_t replies[TOKENS];
    struct str pattern;
};

static const struct group_topic topics[] = {
    {.name = {.data = "t", .size = 1}, .id = {{1}}, .partition_count = 3},
    {.name = {.data = "ta", .size = 2}, .id = {{2}}, .partition_count = 1},
};

static uint64_t version(const void *context)
{
    (void)context;
    return 1;
}

static bool by_name(const void *context, struct str name, struct group_topic *out)
{
    (void)context;
    for (int i = 0; i < 2; i++)
        if (str_equal(topics[i].name, name)) {
            *out = topics[i];
            return true;
        }
    return false;
}

static bool by_id(const void *context, struct uuid id, struct group_topic *out)
{
    (void)context;
    for (int i = 0; i < 2; i++)
        if (uuid_equal(topics[i].id, id)) {
            *out = topics[i];
            return true;
        }
    return false;
}

static bool next(const void *context, struct str after, struct group_topic *out)
{
    (void)context;
    for (int i = 0; i < 2; i++)
        if (after.data == NULL || str_compare(topics[i].name, after) > 0) {
            *out = topics[i];
            return true;
        }
    return false;
}

static struct group_memory memory;

static const struct coordinator_config config = {
    .seed = 1,
    .session_timeout_min_ms = 1,
    .session_timeout_max_ms = 1800000,
    .initial_delay_ms = 3000,
    .members_max = INT32_MAX,
    .offset_metadata_max = 4096,
    .offsets_retention_ms = 604800000,
    .expiry_interval_ms = 600000,
    .record_size_max = 1 << 20,
    .memory_max = UINT64_C(1) << 40,
    .memory = &memory,
    .consumer = {.session_timeout_ms = 45000,
                 .members_max = INT32_MAX,
                 .may_upgrade = true,
                 .may_downgrade = true,
                 .assignor_count = 2,
                 .assignors = {GROUP_ASSIGNOR_UNIFORM, GROUP_ASSIGNOR_RANGE}},
    .topics = {.version = version, .by_name = by_name, .by_id = by_id, .next = next},
};

static void read_entries(struct run *run, const uint8_t *data, size_t size)
{
    while (run->count < ENTRIES_MAX && size >= ENTRY_HEAD) {
        uint32_t key = load_be16(data + 1), value = load_be16(data + 3);
        bool is_tombstone = data[0] & 1;
        data += ENTRY_HEAD;
        size -= ENTRY_HEAD;
        if ((uint64_t)key + value > size)
            return;
        run->entries[run->count++] = (struct group_record){
            .key = {.data = data, .size = key},
            .value = {.data = is_tombstone ? NULL : data + key, .size = is_tombstone ? 0 : value}};
        data += key + value;
        size -= key + value;
    }
}

static bool is_readable(struct group_record record)
{
    struct coordinator *coordinator = coordinator_open(&config);
    uint64_t empty = coordinator_hash(coordinator);
    enum err err = coordinator_apply(coordinator, record.key, record.value);
    check(err == ERR_NONE || err == ERR_INVALID_RECORD);
    if (err != ERR_NONE)
        check(coordinator_hash(coordinator) == empty);
    coordinator_close(coordinator);
    return err == ERR_NONE;
}

static bool is_superseded(const struct run *run, uint32_t at)
{
    for (uint32_t i = at + 1; i < run->count; i++)
        if (bytes_equal(run->entries[i].key, run->entries[at].key) && is_readable(run->entries[i]))
            return true;
    return false;
}

static struct coordinator *replay(const struct run *run, bool is_compacted)
{
    struct coordinator *coordinator = coordinator_open(&config);
    for (uint32_t i = 0; i < run->count; i++) {
        if (is_compacted && is_superseded(run, i))
            continue;
        bool is_good = is_readable(run->entries[i]);
        enum err err = coordinator_apply(coordinator, run->entries[i].key, run->entries[i].value);
        check((err == ERR_NONE) == is_good);
    }
    return coordinator;
}

static struct group_decision *begin(struct run *run)
{
    group_decision_begin(&run->decision, run->coordinator, &run->arena, 0, run->now,
                         (struct wall_span){1700000000000 + run->now, 1700000000000 + run->now});
    return &run->decision;
}

static void end(struct run *run)
{
    group_decision_end(&run->decision);
    for (uint32_t i = 0; i < run->decision.record_count; i++)
        check(is_readable(run->decision.records[i]));
    for (uint32_t i = 0; i < run->decision.reply_count; i++) {
        uint64_t token = run->decision.replies[i].token;
        check(token > 0);
        check(token <= run->token);
        check(run->replies[token]++ == 0);
    }
}

static void join(struct run *run, struct str group, struct str member_id, struct str type)
{
    struct group_protocol protocol = {.name = STR("range"), .metadata = bytes_of_str(STR("x"))};
    struct join_group_command command = {
        .token = ++run->token,
        .group_id = group,
        .member_id = member_id,
        .client_id = STR("c"),
        .client_host = STR("h"),
        .protocol_type = type,
        .session_timeout_ms = 10000,
        .rebalance_timeout_ms = 20000,
        .protocol_count = 1,
        .protocols = &protocol,
    };
    group_decide_join(begin(run), &command);
    end(run);
}

static void leave(struct run *run, struct str group, struct str member_id)
{
    struct group_leaver leaver = {.member_id = member_id};
    struct leave_group_command command = {
        .token = ++run->token, .group_id = group, .count = 1, .members = &leaver};
    group_decide_leave(begin(run), &command);
    end(run);
}

static void fetch_all(struct run *run, struct str group)
{
    struct group_fetch fetch = {.group_id = group, .is_all = true};
    struct offset_fetch_command command = {.token = ++run->token, .count = 1, .groups = &fetch};
    group_decide_fetch(begin(run), &command);
    end(run);
}

static void delete_offset(struct run *run, struct str group)
{
    int32_t index = 0;
    struct group_topic_partitions topic = {
        .topic = STR("t"), .partition_count = 1, .partitions = &index};
    struct offset_delete_command command = {
        .token = ++run->token, .group_id = group, .topic_count = 1, .topics = &topic};
    group_decide_offset_delete(begin(run), &command);
    end(run);
}

/* A heartbeat that says everything; what it owns is the first partition of "t". */
static void beat(struct run *run, struct str group, struct str member_id, int32_t epoch,
                 struct str pattern)
{
    static const struct str names[] = {{.data = "t", .size = 1}, {.data = "u", .size = 1}};
    int32_t index = 0;
    struct group_topic_partitions owned = {
        .topic_id = topics[0].id, .partition_count = 1, .partitions = &index};
    struct consumer_heartbeat_command command = {
        .token = ++run->token,
        .group_id = group,
        .member_id = member_id,
        .makes_member_id = true,
        .member_epoch = epoch,
        .rebalance_timeout_ms = 20000,
        .has_topics = true,
        .topic_count = 2,
        .topics = names,
        .topic_regex = pattern,
        .has_owned = true,
        .owned_count = epoch == 0 ? 0 : 1,
        .owned = &owned,
    };
    group_decide_consumer_heartbeat(begin(run), &command);
    end(run);
}

/* The group as one of consumers: its last member's id, and the epoch of that one. */
static int32_t consumer_of(struct run *run, struct str group, struct str *member)
{
    struct groups_command command = {.token = ++run->token, .count = 1, .group_ids = &group};
    int32_t epoch = 1;
    group_decide_consumer_describe(begin(run), &command);
    const struct consumer_described *described = &run->decision.replies[0].consumers.groups[0];
    if (described->member_count > 0) {
        const struct consumer_described_member *last =
            &described->members[described->member_count - 1];
        *member = arena_str(&run->arena, last->member_id);
        epoch = last->member_epoch;
    }
    end(run);
    return epoch;
}

static void tick(struct run *run, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        mono_ms due = coordinator_deadline(run->coordinator);
        check(due < MONO_NEVER); /* Offsets are looked at for ever. */
        if (due > run->now)
            run->now = due;
        group_decide_tick(begin(run));
        end(run);
    }
}

static void disturb_consumers(struct run *run, struct str group)
{
    struct str member = STR("someone");
    int32_t epoch = consumer_of(run, group, &member);
    beat(run, group, member, epoch, (struct str){.data = NULL});
    beat(run, group, STR("new"), 0, run->pattern);
    beat(run, group, STR("new"), 1, STR("t.*"));
    beat(run, group, member, epoch, run->pattern);
    join(run, group, STR("new"), STR("consumer"));
    tick(run, 3);
    beat(run, group, member, -1, (struct str){.data = NULL});
    join(run, group, STR(""), STR("consumer"));
    leave(run, group, STR("new"));
}

/* Everything that a client may do to one group that it did not make. */
static void disturb(struct run *run, struct str group, struct str type)
{
    struct groups_command command = {.token = ++run->token, .count = 1, .group_ids = &group};
    struct str member = STR("nobody");
    group_decide_describe(begin(run), &command);
    const struct group_described *described = &run->decision.replies[0].describe.groups[0];
    if (described->member_count > 0)
        member = arena_str(&run->arena, described->members[described->member_count - 1].member_id);
    end(run);
    fetch_all(run, group);
    delete_offset(run, group);
    join(run, group, STR(""), type);
    join(run, group, member, type);
    tick(run, 2);
    leave(run, group, member);
    join(run, group, STR(""), STR("consumer"));
    disturb_consumers(run, group);
    command.token = ++run->token;
    group_decide_delete(begin(run), &command);
    end(run);
}

static void live(struct run *run)
{
    struct list_groups_command list = {.token = ++run->token};
    struct str groups[GROUPS_MAX], types[GROUPS_MAX];
    uint32_t count = 0;
    group_decide_list(begin(run), &list);
    const struct group_listing *listing = &run->decision.replies[0].list;
    for (; count < listing->count && count < GROUPS_MAX; count++) {
        groups[count] = arena_str(&run->arena, listing->groups[count].group_id);
        types[count] = arena_str(&run->arena, listing->groups[count].protocol_type);
    }
    end(run);
    for (uint32_t i = 0; i < count; i++)
        disturb(run, groups[i], types[i]);
    tick(run, TICKS_MAX);
    group_decide_resign(begin(run));
    end(run);
    for (uint64_t token = 1; token <= run->token; token++)
        check(run->replies[token] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run *run = mem_zalloc(sizeof *run);
    read_entries(run, data, size);
    run->pattern = (struct str){.data = (const char *)data,
                                .size = size < PATTERN_MAX ? (uint32_t)size : PATTERN_MAX};
    struct coordinator *compacted = replay(run, true);
    run->coordinator = replay(run, false);
    check(coordinator_hash(run->coordinator) == coordinator_hash(compacted));
    coordinator_close(compacted);
    run->now = 1;
    coordinator_start(run->coordinator, run->now);
    live(run);
    coordinator_close(run->coordinator);
    check(memory.kept == 0);
    arena_free(&run->arena);
    mem_free(run);
    return 0;
}
