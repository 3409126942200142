/* members.c -- who is in a group of the classic protocol, and what each one offers.
 *
 * Invariants: by_id and the list hold the same members; by_instance the static ones of them;
 * a tally's offers are the members that offer its protocol; bytes is the sum of the members'. */
#include "group_state.h"

static struct timers *timers_of(const struct group *group)
{
    return &group->coordinator->timers;
}

static void session_ended(struct timer *timer, mono_ms now)
{
    struct member *member = list_entry(timer, struct member, session);
    struct group *group = member->group;
    (void)now;
    /* Who waits for us cannot send heartbeats; a new member's first wait is bounded (rule 101). */
    if ((member->awaits_join || member->awaits_sync) && !member->is_new) {
        member_restart_session(member, member->session_timeout_ms);
        return;
    }
    member_remove(member, ERR_UNKNOWN_MEMBER_ID);
    rebalance_after_change(group);
}

struct member *member_find(const struct group *group, struct str id)
{
    return names_get(group->by_id, id);
}

static void count_bytes(struct member *member)
{
    uint64_t bytes = sizeof *member + member->id.size + member->instance_id.size +
                     member->client_id.size + member->client_host.size;
    for (uint32_t i = 0; i < member->protocol_count; i++)
        bytes += (uint64_t)member->protocols[i].name.size + member->protocols[i].metadata.size;
    member->group->bytes += bytes - member->bytes;
    member->bytes = bytes;
    memory_count(member->group->coordinator, &member->kept,
                 bytes + member->assignment.size + MEMORY_ENTRY * (2 + member->protocol_count));
}

void member_assign(struct member *member, struct bytes assignment)
{
    replace_bytes(&member->assignment, assignment);
    count_bytes(member);
}

struct member *member_add(struct group *group, struct str id, struct str instance_id)
{
    struct member *member = mem_zalloc(sizeof *member);
    check(member_find(group, id) == NULL);
    check(names_get(group->by_instance, instance_id) == NULL);
    member->group = group;
    member->session.fire = session_ended;
    member->id = keep_str(id);
    member->instance_id = keep_str(instance_id);
    member->is_new = true;
    list_append(&group->members, &member->in_group);
    group->member_count++;
    names_put(&group->by_id, id, member);
    if (instance_id.data != NULL)
        names_put(&group->by_instance, instance_id, member);
    count_bytes(member);
    return member;
}

void member_describe(struct member *member, struct str client_id, struct str client_host)
{
    replace_str(&member->client_id, client_id);
    replace_str(&member->client_host, client_host);
    count_bytes(member);
}

static void tally_add(struct group *group, struct str protocol)
{
    struct tally *tally = names_get(group->tallies, protocol);
    if (tally == NULL) {
        tally = mem_zalloc(sizeof *tally);
        names_put(&group->tallies, protocol, tally);
    }
    tally->offers++;
}

static void tally_remove(struct group *group, struct str protocol)
{
    struct tally *tally = names_get(group->tallies, protocol);
    check(tally != NULL);
    if (--tally->offers > 0)
        return;
    names_remove(&group->tallies, protocol);
    mem_free(tally);
}

static void drop_offers(struct member *member)
{
    for (uint32_t i = 0; i < member->protocol_count; i++) {
        tally_remove(member->group, member->protocols[i].name);
        drop_str(&member->protocols[i].name);
        drop_bytes(&member->protocols[i].metadata);
    }
    mem_free(member->protocols);
    member->protocols = NULL;
    member->protocol_count = 0;
}

void member_offer(struct member *member, uint32_t count, const struct group_protocol *protocols)
{
    drop_offers(member);
    member->protocols = mem_zalloc((count > 0 ? count : 1) * sizeof *protocols);
    member->protocol_count = count;
    for (uint32_t i = 0; i < count; i++) {
        member->protocols[i].name = keep_str(protocols[i].name);
        member->protocols[i].metadata = keep_bytes(protocols[i].metadata);
        tally_add(member->group, protocols[i].name);
    }
    count_bytes(member);
}

bool member_offers(const struct member *member, uint32_t count,
                   const struct group_protocol *protocols)
{
    if (member->protocol_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!str_equal(member->protocols[i].name, protocols[i].name) ||
            !bytes_equal(member->protocols[i].metadata, protocols[i].metadata))
            return false;
    return true;
}

struct bytes member_metadata(const struct member *member, struct str protocol)
{
    for (uint32_t i = 0; i < member->protocol_count; i++)
        if (str_equal(member->protocols[i].name, protocol))
            return member->protocols[i].metadata;
    return bytes_of_str(STR(""));
}

bool member_is_leader(const struct member *member)
{
    return str_equal(member->group->leader, member->id);
}

void member_restart_session(struct member *member, int64_t timeout_ms)
{
    struct group *group = member->group;
    timer_start(timers_of(group), &member->session,
                group->coordinator->decision->now + (timeout_ms > 0 ? timeout_ms : 1));
}

/* What waits under this member's id hears `err`. */
static void refuse_waits(struct member *member, enum err err)
{
    struct str id = err == ERR_UNKNOWN_MEMBER_ID ? STR("") : member->id; /* Not its any more. */
    if (member->awaits_join)
        reply_join_error(member->group->coordinator->decision, member->join_token, id, err);
    if (member->awaits_sync)
        reply_synced(member, member->sync_token, err);
    member->awaits_join = member->awaits_sync = false;
}

void member_remove(struct member *member, enum err err)
{
    struct group *group = member->group;
    bool is_leader = member_is_leader(member);

    refuse_waits(member, err);
    drop_offers(member);
    timer_stop(timers_of(group), &member->session);
    list_remove(&member->in_group);
    group->member_count--;
    group->bytes -= member->bytes;
    memory_count(group->coordinator, &member->kept, 0);
    names_remove(&group->by_id, member->id);
    if (member->instance_id.data != NULL)
        names_remove(&group->by_instance, member->instance_id);
    drop_str(&member->id);
    drop_str(&member->instance_id);
    drop_str(&member->client_id);
    drop_str(&member->client_host);
    drop_bytes(&member->assignment);
    mem_free(member);
    if (!is_leader)
        return;
    drop_str(&group->leader);
    if (group->member_count > 0)
        group->leader = keep_str(list_entry(group->members.next, struct member, in_group)->id);
}

void member_rename(struct member *member, struct str id)
{
    struct group *group = member->group;
    refuse_waits(member, ERR_FENCED_INSTANCE_ID);
    if (member_is_leader(member))
        replace_str(&group->leader, id);
    names_remove(&group->by_id, member->id);
    replace_str(&member->id, id);
    names_put(&group->by_id, member->id, member);
    count_bytes(member);
}

bool group_knows_protocol(const struct group *group, struct str type, uint32_t count,
                          const struct group_protocol *protocols)
{
    if (group->member_count == 0)
        return true;
    if (!str_equal(group->protocol_type, type))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct tally *tally = names_get(group->tallies, protocols[i].name);
        if (tally != NULL && tally->offers == group->member_count)
            return true;
    }
    return false;
}

/* The first of a member's protocols that all members know gets its vote. */
static struct tally *vote_of(const struct member *member, struct str *name)
{
    for (uint32_t i = 0; i < member->protocol_count; i++) {
        struct tally *tally = names_get(member->group->tallies, member->protocols[i].name);
        if (tally->offers == member->group->member_count) {
            *name = member->protocols[i].name;
            return tally;
        }
    }
    return NULL;
}

/* Ties go to whose vote got there first, in the order of joining. */
struct str group_vote(struct group *group)
{
    struct str best = {.data = NULL}, name = {.data = NULL};
    struct list *node, *next;
    uint32_t votes = 0;

    list_each (node, next, &group->members) {
        struct tally *tally = vote_of(list_entry(node, struct member, in_group), &name);
        if (tally != NULL)
            tally->votes = 0;
    }
    list_each (node, next, &group->members) {
        struct tally *tally = vote_of(list_entry(node, struct member, in_group), &name);
        if (tally == NULL || ++tally->votes <= votes)
            continue;
        votes = tally->votes;
        best = name;
    }
    return best;
}

int32_t group_rebalance_timeout(const struct group *group)
{
    int32_t timeout_ms = 1; /* Never now: a timer that starts itself again has to move. */
    struct list *node, *next;
    list_each (node, next, &group->members) {
        const struct member *member = list_entry(node, struct member, in_group);
        if (member->rebalance_timeout_ms > timeout_ms)
            timeout_ms = member->rebalance_timeout_ms;
    }
    return timeout_ms;
}

static void pending_ended(struct timer *timer, mono_ms now)
{
    struct pending *pending = list_entry(timer, struct pending, session);
    struct group *group = pending->group;
    (void)now;
    pending_remove(pending);
    rebalance_check(group);
    group_remove_unused(group);
}

struct pending *pending_find(const struct group *group, struct str id)
{
    return names_get(group->pending, id);
}

void pending_add(struct group *group, struct str id, int32_t timeout_ms)
{
    struct pending *pending = mem_zalloc(sizeof *pending);
    pending->group = group;
    pending->id = keep_str(id);
    pending->session.fire = pending_ended;
    names_put(&group->pending, pending->id, pending);
    memory_count(group->coordinator, &pending->kept,
                 sizeof *pending + 2 * (uint64_t)id.size + MEMORY_ENTRY);
    timer_start(timers_of(group), &pending->session,
                group->coordinator->decision->now + timeout_ms);
}

void pending_remove(struct pending *pending)
{
    timer_stop(timers_of(pending->group), &pending->session);
    names_remove(&pending->group->pending, pending->id);
    memory_count(pending->group->coordinator, &pending->kept, 0);
    drop_str(&pending->id);
    mem_free(pending);
}

enum err member_check(const struct group *group, struct str id, struct str instance_id,
                      struct member **out)
{
    struct member *member;
    if (instance_id.data != NULL) {
        member = names_get(group->by_instance, instance_id);
        if (member == NULL)
            return ERR_UNKNOWN_MEMBER_ID;
        if (!str_equal(member->id, id))
            return ERR_FENCED_INSTANCE_ID;
    } else {
        member = member_find(group, id);
        if (member == NULL)
            return ERR_UNKNOWN_MEMBER_ID;
    }
    *out = member;
    return ERR_NONE;
}
