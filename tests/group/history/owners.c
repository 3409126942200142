/* owners.c -- what records say of groups of consumers, and what must hold of it.
 *
 * G1  at the end of each batch no partition is two members' own, and a member loses one only by
 *     saying that it has it not, or by going.
 * G2  epochs of groups, and of members, do not go back, whatever the protocol.
 * L6  when all is quiet, groups are stable, and each partition is somebody's. */
#include "history.h"

#include "records/all.h"

static uint32_t group_number(struct str name)
{
    for (uint32_t i = 0; i < GROUPS; i++)
        if (str_equal(group_name(i), name))
            return i;
    check(false);
    return 0;
}

static struct owner *find_owner(struct history *history, uint32_t group, struct str id)
{
    for (uint32_t i = 0; i < history->owner_count; i++)
        if (history->owners[i].group == group && str_equal(str_from(history->owners[i].id), id))
            return &history->owners[i];
    return NULL;
}

const struct owner *owner_of(const struct history *history, uint32_t group, const char *id)
{
    for (uint32_t i = 0; i < history->owner_count; i++)
        if (history->owners[i].group == group &&
            str_equal(str_from(history->owners[i].id), str_from(id)))
            return &history->owners[i];
    return NULL;
}

static struct owner *put_owner(struct history *history, uint32_t group, struct str id)
{
    struct owner *owner = find_owner(history, group, id);
    if (owner != NULL)
        return owner;
    check(history->owner_count < OWNERS_MAX);
    owner = &history->owners[history->owner_count++];
    *owner = (struct owner){.group = group};
    check(id.size < ID_SIZE);
    memcpy(owner->id, id.data, id.size);
    return owner;
}

static void drop_unused(struct history *history, struct owner *owner)
{
    if (!owner->is_member && !owner->has_current)
        *owner = history->owners[--history->owner_count];
}

static void owners_profile(struct history *history, const struct entry *entry)
{
    struct consumer_group_member_key key;
    struct consumer_group_member_value value;
    check(read_part(&history->arena, entry->key, &consumer_group_member_key_message, true, &key) ==
          ERR_NONE);
    struct owner *owner = put_owner(history, group_number(key.group_id), key.member_id);
    owner->is_member = entry->value.data != NULL;
    if (owner->is_member) {
        check(read_part(&history->arena, entry->value, &consumer_group_member_value_message, false,
                        &value) == ERR_NONE);
        owner->is_classic = value.classic != NULL;
        /* A beat speaks for members of the classic protocol when it makes theirs its group. */
        history->upgrades +=
            owner->is_classic && history->served != NULL && history->served->kind == ASK_BEAT;
    }
    drop_unused(history, owner);
}

static struct shares read_shares(uint32_t count,
                                 const struct consumer_group_current_value_topic *topics)
{
    struct shares shares = {.count = 0};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < topics[i].partitions_count; j++) {
            check(shares.count < SHARES_MAX);
            check(topics[i].assignment_epochs_count == topics[i].partitions_count);
            shares.of[shares.count++] = (struct share){.topic_id = topics[i].topic_id,
                                                       .index = topics[i].partitions[j],
                                                       .epoch = topics[i].assignment_epochs[j]};
        }
    return shares;
}

/* By its id, or by its instance, of which it asks for an id that begins with it. */
static bool is_of(const struct request *request, const struct owner *owner)
{
    if (request == NULL || client_group(request->client) != owner->group)
        return false;
    if (request->self.member_id[0] != '\0')
        return str_equal(str_from(request->self.member_id), str_from(owner->id));
    return request->client < GROUPS && owner->id[0] == 'i' &&
           owner->id[1] == (char)('0' + request->client) && owner->id[2] == '-';
}

/* The request that is decided is this member's, and says that it has the partition not. */
static bool was_given_up(const struct history *history, const struct owner *owner,
                         struct share share)
{
    const struct request *request = history->served;
    if (!is_of(request, owner))
        return false;
    if (request->kind == ASK_BEAT && request->self.generation < 0)
        return true;
    return request->says_owned && !shares_have(&request->owned, share);
}

static void check_loss(struct history *history, const struct owner *owner,
                       const struct shares *before, const struct owner *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        if (shares_have(&after->assigned, before->of[i]) ||
            shares_have(&after->revoking, before->of[i]))
            continue;
        history->moves++;
        if (!was_given_up(history, owner, before->of[i]))
            violate(history, "G1");
    }
}

static void owners_current(struct history *history, const struct entry *entry, bool is_new)
{
    struct consumer_group_current_key key;
    struct consumer_group_current_value value;
    check(read_part(&history->arena, entry->key, &consumer_group_current_key_message, true, &key) ==
          ERR_NONE);
    struct owner *owner = put_owner(history, group_number(key.group_id), key.member_id);
    struct owner before = *owner;
    owner->has_current = entry->value.data != NULL;
    owner->assigned.count = owner->revoking.count = 0;
    if (owner->has_current) {
        check(read_part(&history->arena, entry->value, &consumer_group_current_value_message, false,
                        &value) == ERR_NONE);
        owner->epoch = value.member_epoch;
        owner->assigned = read_shares(value.assigned_count, value.assigned);
        owner->revoking = read_shares(value.pending_revocation_count, value.pending_revocation);
    }
    if (is_new && owner->has_current && before.has_current) {
        check_loss(history, &before, &before.assigned, owner);
        check_loss(history, &before, &before.revoking, owner);
        if (owner->epoch < before.epoch && owner->epoch != -2)
            violate(history, "G2");
    }
    drop_unused(history, owner);
}

/* Generations and epochs are one row of numbers, also when the protocol changes. */
static void owners_epoch(struct history *history, const struct entry *entry, bool is_consumers,
                         int32_t epoch, bool is_new)
{
    struct str name = {.data = (const char *)entry->key.data + 4, .size = entry->key.size - 4};
    struct group_ghost *ghost = &history->groups[group_number(name)];
    bool is_there = entry->value.data != NULL;
    if (is_new && is_there && epoch < ghost->epoch)
        violate(history, "G2");
    if (is_there)
        ghost->epoch = epoch;
    *(is_consumers ? &ghost->is_consumers : &ghost->is_classic) = is_there;
}

static void owners_apply(struct history *history, const struct entry *entry, bool is_new)
{
    struct group_metadata_value classic = {.generation = 0};
    struct consumer_group_metadata_value consumers = {.epoch = 0};
    bool is_there = entry->value.data != NULL;
    switch (load_be16(entry->key.data)) {
    case RECORDS_GROUP_METADATA:
        check(!is_there || read_part(&history->arena, entry->value, &group_metadata_value_message,
                                     false, &classic) == ERR_NONE);
        owners_epoch(history, entry, false, classic.generation, is_new);
        history->downgrades +=
            is_there && history->served != NULL && history->served->kind == ASK_BEAT;
        break;
    case RECORDS_CONSUMER_GROUP_METADATA:
        check(!is_there ||
              read_part(&history->arena, entry->value, &consumer_group_metadata_value_message,
                        false, &consumers) == ERR_NONE);
        owners_epoch(history, entry, true, consumers.epoch, is_new);
        break;
    case RECORDS_CONSUMER_GROUP_MEMBER:
        owners_profile(history, entry);
        break;
    case RECORDS_CONSUMER_GROUP_CURRENT:
        owners_current(history, entry, is_new);
        break;
    default:
        break;
    }
}

void owners_record(struct history *history, const struct entry *entry)
{
    owners_apply(history, entry, true);
}

static bool share_any(const struct owner *a, const struct owner *b)
{
    for (uint32_t i = 0; i < a->assigned.count; i++)
        if (shares_have(&b->assigned, a->assigned.of[i]) ||
            shares_have(&b->revoking, a->assigned.of[i]))
            return true;
    for (uint32_t i = 0; i < a->revoking.count; i++)
        if (shares_have(&b->assigned, a->revoking.of[i]) ||
            shares_have(&b->revoking, a->revoking.of[i]))
            return true;
    return false;
}

void owners_batch(struct history *history)
{
    for (uint32_t i = 0; i < history->owner_count; i++)
        for (uint32_t j = i + 1; j < history->owner_count; j++)
            if (history->owners[i].group == history->owners[j].group &&
                share_any(&history->owners[i], &history->owners[j]))
                violate(history, "G1");
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct group_ghost *ghost = &history->groups[i];
        if (ghost->is_classic && ghost->is_consumers)
            violate(history, "G2");
        if (!ghost->is_classic && !ghost->is_consumers)
            ghost->epoch = 0;
    }
}

void owners_rebuild(struct history *history)
{
    history->owner_count = 0;
    memset(history->groups, 0, sizeof history->groups);
    for (log_offset i = 0; i < history->log_end; i++) {
        owners_apply(history, &history->log[i], false);
        for (uint32_t j = 0; j < GROUPS && history->log[i].ends_batch; j++)
            if (!history->groups[j].is_classic && !history->groups[j].is_consumers)
                history->groups[j].epoch = 0;
    }
}

/* All of "t" is owned, each partition once, and clients know what is theirs. */
static bool is_complete(const struct history *history, uint32_t group)
{
    const struct group_topic *topic = &history->topics[0];
    for (int32_t i = 0; i < topic->partition_count; i++) {
        struct share share = {.topic_id = topic->id, .index = i};
        uint32_t owners = 0, clients = 0;
        for (uint32_t j = 0; j < history->owner_count; j++)
            owners += history->owners[j].group == group &&
                      shares_have(&history->owners[j].assigned, share);
        for (uint32_t j = 0; j < CLIENTS; j++)
            clients += client_group(j) == group && shares_have(&history->clients[j].owned, share);
        if (owners != 1 || clients != 1)
            return false;
    }
    return true;
}

bool owners_are_complete(const struct history *history)
{
    for (uint32_t i = 0; i < GROUPS; i++)
        if (history->groups[i].is_consumers && !is_complete(history, i))
            return false;
    return true;
}
