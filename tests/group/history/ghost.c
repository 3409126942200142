/* ghost.c -- what must hold, told from the log and from what clients were told.
 *
 * G1  one assignment a generation: all who were told of it were told of the same one. Of
 *     consumers owners.c has it, and G2.
 * G3  an accepted commit names a member and the generation of the last record, or there are
 *     no members and it names none; a consumer names its epoch, or one since when it has had
 *     the partition.
 * G4  a fetch tells the last commit in the log.
 * G5  what was acknowledged is committed: no failover loses it.
 * G6  an offset expires late enough, and not while a member reads its topic.
 * REPLAY  the fold of the log, however compacted, is the state. */
#include "history.h"

#include "records/all.h"

/* The group as its last record has it. */
struct view {
    bool is_there;
    uint32_t incarnation; /* Tombstones so far. */
    int32_t generation;
    struct group_metadata_value value;
};

void violate(struct history *history, const char *invariant)
{
    if (history->violated == NULL)
        history->violated = invariant;
}

enum err read_part(struct arena *arena, struct bytes bytes, const struct walk_message *message,
                   bool is_key, void *out)
{
    struct wire_reader reader;
    int16_t prefix;
    wire_reader_init(&reader, bytes);
    enum err err = wire_read_int16(&reader, &prefix);
    return err != ERR_NONE ? err : walk_read(message, is_key ? 0 : prefix, &reader, arena, out);
}

static bool is_of_type(const struct entry *entry, int type)
{
    return load_be16(entry->key.data) == type;
}

static struct view view_of(struct history *history, struct str group)
{
    struct view view = {.is_there = false};
    const struct entry *last = NULL;
    for (log_offset i = 0; i < history->log_end; i++) {
        const struct entry *entry = &history->log[i];
        struct bytes name = {.data = entry->key.data + 4, .size = entry->key.size - 4};
        if (!is_of_type(entry, RECORDS_GROUP_METADATA) || !bytes_equal(name, bytes_of_str(group)))
            continue;
        last = entry->value.data == NULL ? NULL : entry;
        view.incarnation += entry->value.data == NULL;
    }
    if (last == NULL)
        return view;
    check(read_part(&history->arena, last->value, &group_metadata_value_message, false,
                    &view.value) == ERR_NONE);
    view.is_there = true;
    view.generation = view.value.generation;
    return view;
}

static bool has_member(const struct view *view, const char *id)
{
    for (uint32_t i = 0; view->is_there && i < view->value.members_count; i++)
        if (str_equal(view->value.members[i].member_id, str_from(id)))
            return true;
    return false;
}

static const struct entry *last_entry(const struct history *history, struct bytes key,
                                      log_offset end)
{
    while (end-- > 0)
        if (bytes_equal(history->log[end].key, key))
            return &history->log[end];
    return NULL;
}

/* An offset's tombstone that a tick wrote is an expiry. */
static void ghost_expiry(struct history *history, struct bytes key)
{
    const struct entry *entry = last_entry(history, key, history->log_end);
    struct offset_commit_key body;
    struct offset_commit_value value;
    check(read_part(&history->arena, key, &offset_commit_key_message, true, &body) == ERR_NONE);
    if (entry == NULL || entry->value.data == NULL) {
        violate(history, "G6");
        return;
    }
    check(read_part(&history->arena, entry->value, &offset_commit_value_message, false, &value) ==
          ERR_NONE);
    struct view view = view_of(history, body.group_id);
    bool is_read = view.is_there && view.value.members_count > 0 && str_equal(body.topic, STR("t"));
    for (uint32_t i = 0; i < history->owner_count; i++)
        is_read |= str_equal(group_name(history->owners[i].group), body.group_id) &&
                   history->owners[i].is_member && str_equal(body.topic, STR("t"));
    history->expired++;
    if (is_read || history->time - value.commit_timestamp < history->config.offsets_retention_ms)
        violate(history, "G6");
}

void ghost_record(struct history *history, const struct group_record *record, bool is_tick)
{
    struct entry entry = {.key = record->key, .value = record->value};
    owners_record(history, &entry);
    if (is_of_type(&entry, RECORDS_OFFSET_COMMIT) && record->value.data == NULL && is_tick)
        ghost_expiry(history, record->key);
    check(history->log_end < LOG_MAX);
    history->log[history->log_end++] = entry;
}

/* Whether a group of consumers may have accepted it. */
static bool may_commit(const struct history *history, const struct request *request)
{
    uint32_t group = client_group(request->client);
    const struct owner *owner = owner_of(history, group, request->self.member_id);
    struct share share = {.topic_id = history->topics[0].id, .index = 0};
    if (request->self.generation < 0) {
        for (uint32_t i = 0; i < history->owner_count; i++)
            if (history->owners[i].group == group && history->owners[i].is_member)
                return false;
        return true;
    }
    if (owner == NULL || !owner->is_member)
        return false;
    if (owner->epoch == request->self.generation)
        return true;
    for (uint32_t i = 0; i < owner->assigned.count + owner->revoking.count; i++) {
        struct share held = i < owner->assigned.count
                                ? owner->assigned.of[i]
                                : owner->revoking.of[i - owner->assigned.count];
        if (uuid_equal(held.topic_id, share.topic_id) && held.index == share.index)
            return !owner->is_classic && request->self.generation >= held.epoch &&
                   request->self.generation < owner->epoch;
    }
    return false;
}

/* Called before the commit's records are in the log. */
void ghost_commit(struct history *history, const struct request *request)
{
    if (history->groups[client_group(request->client)].is_consumers) {
        history->commits++;
        if (!may_commit(history, request))
            violate(history, "G3");
        return;
    }
    struct view view = view_of(history, group_name(client_group(request->client)));
    history->commits++;
    if (request->self.generation < 0) {
        if (view.is_there && view.value.members_count > 0)
            violate(history, "G3");
        return;
    }
    if (!view.is_there || view.generation != request->self.generation ||
        !has_member(&view, request->self.member_id))
        violate(history, "G3");
}

/* An assignment is its leader's stamp. */
bool ghost_assignment(struct history *history, const struct request *request,
                      const struct group_reply *reply, struct told *told)
{
    uint32_t group = client_group(request->client);
    struct view view = view_of(history, group_name(group));
    struct shares shares;
    uint64_t stamp;
    if (reply->kind != GROUP_REPLY_SYNC || reply->err != ERR_NONE ||
        !read_assignment(history, reply->sync.assignment, &shares, &stamp) || stamp == 0)
        return false;
    *told = (struct told){.group = group,
                          .incarnation = view.incarnation,
                          .generation = request->self.generation,
                          .stamp = stamp};
    return true;
}

/* When the reply leaves: one that rests on what was lost tells nobody. */
void ghost_told(struct history *history, struct told told)
{
    for (uint32_t i = 0; i < history->told_count; i++) {
        const struct told *other = &history->told[i];
        if (other->group == told.group && other->incarnation == told.incarnation &&
            other->generation == told.generation && other->stamp != told.stamp)
            violate(history, "G1");
    }
    check(history->told_count < STAMPS_MAX);
    history->told[history->told_count++] = told;
}

/* Whether compaction may have taken entry `at` away when it looked at the log below `cut`. */
static bool is_compacted(struct history *history, log_offset at, log_offset cut, const bool *kept)
{
    const struct entry *entry = &history->log[at];
    if (at >= cut)
        return false;
    if (last_entry(history, entry->key, cut) != entry)
        return history_chance(history, 2);
    if (entry->value.data != NULL)
        return false;
    for (log_offset i = 0; i < at; i++) /* A tombstone stays while it has something to hide. */
        if (kept[i] && bytes_equal(history->log[i].key, entry->key))
            return false;
    return history_chance(history, 2);
}

static uint64_t full_hash(const struct history *history)
{
    struct coordinator *coordinator = coordinator_open(&history->config);
    for (log_offset i = 0; i < history->log_end; i++)
        check(coordinator_apply(coordinator, history->log[i].key, history->log[i].value) ==
              ERR_NONE);
    uint64_t hash = coordinator_hash(coordinator);
    coordinator_close(coordinator);
    return hash;
}

void ghost_replay(struct history *history, struct coordinator *successor)
{
    log_offset cut = (log_offset)rand_below(&history->rand, (uint64_t)history->log_end + 1);
    bool *kept = arena_array(&history->arena, bool, history->log_end + 1);
    for (log_offset i = 0; i < history->log_end; i++) {
        kept[i] = !is_compacted(history, i, cut, kept);
        if (kept[i])
            check(coordinator_apply(successor, history->log[i].key, history->log[i].value) ==
                  ERR_NONE);
    }
    if (coordinator_hash(successor) != full_hash(history))
        violate(history, "REPLAY");
    if (history->acknowledged > history->log_end)
        violate(history, "G5");
}

/* Whether no group waits for anything. */
bool ghost_is_settled(struct history *history)
{
    struct list_groups_command command = {.token = ++history->token};
    history->debts[command.token] = (struct debt){.is_owed = true, .is_probe = true};
    group_decide_list(history_begin(history), &command);
    const struct group_listing *list = &history->decision.replies[0].list;
    bool is_settled = true;
    for (uint32_t i = 0; i < list->count; i++)
        if (!str_equal(list->groups[i].state, STR("Stable")) &&
            !str_equal(list->groups[i].state, STR("Empty")))
            is_settled = false;
    history_end(history, false);
    return is_settled;
}

/* Where no classic rebalance is under way, the state is what the log says. */
void ghost_live(struct history *history)
{
    bool is_written = true;
    struct list_groups_command command = {.token = ++history->token};
    history->debts[command.token] = (struct debt){.is_owed = true, .is_probe = true};
    group_decide_list(history_begin(history), &command);
    const struct group_listing *list = &history->decision.replies[0].list;
    for (uint32_t i = 0; i < list->count; i++)
        is_written &= !str_equal(list->groups[i].state, STR("PreparingRebalance")) &&
                      !str_equal(list->groups[i].state, STR("CompletingRebalance"));
    history_end(history, false);
    if (is_written && coordinator_hash(history->coordinator) != full_hash(history))
        violate(history, "REPLAY");
}

static log_offset offset_in_log(struct history *history, const char *topic, struct str group)
{
    log_offset found = -1;
    for (log_offset i = 0; i < history->log_end; i++) {
        struct offset_commit_key key;
        struct offset_commit_value value;
        if (!is_of_type(&history->log[i], RECORDS_OFFSET_COMMIT))
            continue;
        check(read_part(&history->arena, history->log[i].key, &offset_commit_key_message, true,
                        &key) == ERR_NONE);
        if (!str_equal(key.group_id, group) || !str_equal(key.topic, str_from(topic)))
            continue;
        found = -1;
        if (history->log[i].value.data == NULL)
            continue;
        check(read_part(&history->arena, history->log[i].value, &offset_commit_value_message, false,
                        &value) == ERR_NONE);
        found = value.offset;
    }
    return found;
}

void ghost_fetch(struct history *history)
{
    int32_t index = 0;
    struct str group = group_name((uint32_t)rand_below(&history->rand, GROUPS));
    const char *topic = history_chance(history, 2) ? "t" : "u";
    struct group_topic_partitions topics = {
        .topic = str_from(topic), .partition_count = 1, .partitions = &index};
    struct group_fetch fetch = {.group_id = group, .topic_count = 1, .topics = &topics};
    struct offset_fetch_command command = {.token = ++history->token, .count = 1, .groups = &fetch};
    history->debts[command.token] = (struct debt){.is_owed = true, .is_probe = true};
    group_decide_fetch(history_begin(history), &command);
    const struct group_reply *reply = &history->decision.replies[0];
    log_offset told = reply->fetch.groups[0].topics[0].partitions[0].offset;
    if (told != offset_in_log(history, topic, group) || !reply->rests)
        violate(history, "G4");
    history_end(history, false);
}
