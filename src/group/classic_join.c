/* classic_join.c -- JoinGroup (rules 92 to 102).
 *
 * A join waits until its rebalance is complete, unless the member has missed nothing but
 * the reply. A second join of a member takes the place of its first. */
#include "consumer_state.h"

enum { UUID_HEX_SIZE = 36 };

/* The beginning of a name, whole letters of it: a record and a reply must hold the id. */
static struct str shortened(struct str name)
{
    if (name.data == NULL)
        return STR("");
    if (name.size <= GROUP_ID_PREFIX_MAX)
        return name;
    name.size = GROUP_ID_PREFIX_MAX;
    while (name.size > 0 && ((uint8_t)name.data[name.size] & 0xc0) == 0x80) /* Within a letter. */
        name.size--;
    return name;
}

/* PREFIX-8-4-4-4-12 hexadecimal digits, as Kafka makes ids. */
struct str make_member_id(struct group_decision *decision, const struct join_group_command *command)
{
    struct rand *rand = &decision->coordinator->rand;
    struct str prefix =
        shortened(command->instance_id.data != NULL ? command->instance_id : command->client_id);
    uint64_t high = (rand_u64(rand) & ~UINT64_C(0xf000)) | 0x4000; /* A random uuid (version 4). */
    uint64_t low = (rand_u64(rand) >> 2) | UINT64_C(0x8000000000000000);
    char *id = arena_format(decision->arena, "%.*s-%08x-%04x-%04x-%04x-%012llx", (int)prefix.size,
                            prefix.data, (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff,
                            (unsigned)high & 0xffff, (unsigned)(low >> 48),
                            (unsigned long long)low & 0xffffffffffff);
    return (struct str){.data = id, .size = prefix.size + 1 + UUID_HEX_SIZE};
}

static bool repeats_a_protocol(const struct join_group_command *command)
{
    for (uint32_t i = 0; i < command->protocol_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (str_equal(command->protocols[i].name, command->protocols[j].name))
                return true;
    return false;
}

/* The member's strings and protocols, as members.c counts them. */
static uint64_t size_of(const struct join_group_command *command)
{
    uint64_t size = (uint64_t)command->member_id.size + command->instance_id.size +
                    command->client_id.size + command->client_host.size;
    for (uint32_t i = 0; i < command->protocol_count; i++)
        size += (uint64_t)command->protocols[i].name.size + command->protocols[i].metadata.size;
    return size;
}

/* What is wrong whatever the group is like. */
static enum err check_command(const struct coordinator_config *config,
                              const struct join_group_command *command)
{
    if (command->session_timeout_ms < config->session_timeout_min_ms ||
        command->session_timeout_ms > config->session_timeout_max_ms)
        return ERR_INVALID_SESSION_TIMEOUT;
    if (command->protocol_type.size == 0 || command->protocol_count == 0 ||
        command->protocol_count > GROUP_PROTOCOLS_MAX || repeats_a_protocol(command))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return ERR_NONE;
}

static uint32_t waiting_joins(const struct group *group)
{
    uint32_t count = 0;
    struct list *node, *next;
    list_each (node, next, &group->members)
        count += list_entry(node, struct member, in_group)->awaits_join;
    return count;
}

/* Whether `member` (NULL: a new one) still has a place (KIP-389). While members come back, it
 * is those that are here who count: a place is taken by coming first. */
static bool has_place(const struct group *group, const struct member *member)
{
    int32_t configured = group->coordinator->config.members_max;
    uint32_t max = configured < GROUP_MEMBERS_MAX ? (uint32_t)configured : GROUP_MEMBERS_MAX;
    if (group->phase == GROUP_EMPTY)
        return true;
    if (group->phase == GROUP_PREPARING)
        return (member != NULL && member->awaits_join) || waiting_joins(group) < max;
    return member != NULL || group->member_count < max;
}

static bool fits_in_memory(const struct group *group, const struct member *member,
                           const struct join_group_command *command)
{
    uint64_t before = member == NULL ? 0 : member->bytes;
    uint64_t after = size_of(command) + sizeof *member;
    return group->bytes - before + after <=
               (uint64_t)GROUP_BYTES_FACTOR * group->coordinator->config.record_size_max &&
           memory_has_room(group->coordinator, before, after);
}

static void take_in(struct member *member, const struct join_group_command *command)
{
    member->session_timeout_ms = command->session_timeout_ms;
    member->rebalance_timeout_ms = command->rebalance_timeout_ms;
    member_offer(member, command->protocol_count, command->protocols);
}

/* From now on the reply is owed; one that was owed before is not wanted any more. */
static void await_join(struct group_decision *decision, struct member *member, uint64_t token)
{
    if (member->awaits_join)
        reply_join_error(decision, member->join_token, member->id, ERR_REBALANCE_IN_PROGRESS);
    member->awaits_join = true;
    member->join_token = token;
}

static void update_and_rebalance(struct group_decision *decision, struct member *member,
                                 const struct join_group_command *command)
{
    take_in(member, command);
    await_join(decision, member, command->token);
    rebalance_after_change(member->group);
}

static void add_member(struct group_decision *decision, struct group *group, struct str id,
                       const struct join_group_command *command)
{
    if (group->member_count == 0)
        replace_str(&group->protocol_type, command->protocol_type);
    group_count(group);
    struct member *member = member_add(group, id, command->instance_id);
    member_describe(member, command->client_id, command->client_host);
    take_in(member, command);
    await_join(decision, member, command->token);
    member_restart_session(member, GROUP_NEW_MEMBER_JOIN_MS);
    if (group->leader.data == NULL)
        group->leader = keep_str(id);
    group->has_arrivals = true;
    rebalance_after_change(group);
}

static void require_member_id(struct group_decision *decision, struct group *group, struct str id,
                              const struct join_group_command *command)
{
    if (pmap_count(group->pending) >= GROUP_PENDING_MAX) {
        reply_join_error(decision, command->token, STR(""), ERR_GROUP_MAX_SIZE_REACHED);
        return;
    }
    pending_add(group, id, command->session_timeout_ms);
    reply_join_error(decision, command->token, id, ERR_MEMBER_ID_REQUIRED);
}

/* A static member came back without its id and gets another one (rule 94). Its group goes on
 * as it is, where what it offers does not touch the chosen protocol. */
static void replace_static(struct group_decision *decision, struct member *member, struct str id,
                           const struct join_group_command *command)
{
    struct group *group = member->group;
    struct str leader_before = arena_str(decision->arena, group->leader);
    struct bytes said = member_metadata(member, group->protocol);
    struct bytes before = {.data = arena_copy(decision->arena, said.data, said.size),
                           .size = said.size};

    member_rename(member, id);
    member_describe(member, command->client_id, command->client_host);
    take_in(member, command);
    if (group->phase != GROUP_STABLE || !str_equal(group_vote(group), group->protocol) ||
        !bytes_equal(member_metadata(member, group->protocol), before) ||
        group_record_size(group) > decision->coordinator->config.record_size_max) {
        await_join(decision, member, command->token);
        rebalance_after_change(group);
        return;
    }
    member_restart_session(member, member->session_timeout_ms);
    member->owes_sync = false; /* Its assignment stands. */
    await_join(decision, member, command->token);
    reply_joined(member, command->can_skip_assignment && member_is_leader(member));
    if (!command->can_skip_assignment) {
        /* Told of the old leader, an old client does not assign anew (KIP-814). */
        struct group_joined *joined = &decision->replies[decision->reply_count - 1].join;
        joined->leader = leader_before;
        joined->member_count = 0;
        joined->members = NULL;
    }
    emit_group(decision, group);
}

static void join_new(struct group_decision *decision, struct group *group,
                     const struct join_group_command *command)
{
    struct member *known = names_get(group->by_instance, command->instance_id);
    struct str id = make_member_id(decision, command);

    if (known != NULL)
        replace_static(decision, known, id, command);
    else if (command->instance_id.data == NULL && command->requires_known_member_id)
        require_member_id(decision, group, id, command);
    else
        add_member(decision, group, id, command);
}

/* By a member that is in the group already. */
static void rejoin(struct group_decision *decision, struct member *member,
                   const struct join_group_command *command)
{
    struct group *group = member->group;
    bool is_same = member_offers(member, command->protocol_count, command->protocols);
    bool has_lost_reply = (group->phase == GROUP_COMPLETING && is_same) ||
                          (group->phase == GROUP_STABLE && is_same && !member_is_leader(member));
    if (!has_lost_reply) {
        update_and_rebalance(decision, member, command);
        return;
    }
    await_join(decision, member, command->token);
    reply_joined(member, false);
    member_restart_session(member, member->session_timeout_ms);
}

static void join_known(struct group_decision *decision, struct group *group,
                       const struct join_group_command *command)
{
    struct pending *pending = pending_find(group, command->member_id);
    struct member *member;
    if (pending != NULL) {
        pending_remove(pending);
        add_member(decision, group, command->member_id, command);
        return;
    }
    enum err err = member_check(group, command->member_id, command->instance_id, &member);
    if (err != ERR_NONE)
        reply_join_error(decision, command->token, command->member_id, err);
    else
        rejoin(decision, member, command);
}

/* What is wrong for this group. `member` is whom the command speaks for, if anybody. */
static enum err check_group(const struct group *group, const struct member *member,
                            const struct join_group_command *command)
{
    if (!has_place(group, member) || !fits_in_memory(group, member, command))
        return ERR_GROUP_MAX_SIZE_REACHED;
    if (command->instance_id.data != NULL && pending_find(group, command->member_id) != NULL)
        return ERR_UNKNOWN_MEMBER_ID; /* That id was given to a dynamic member. */
    if (!group_knows_protocol(group, command->protocol_type, command->protocol_count,
                              command->protocols))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return ERR_NONE;
}

static void join(struct group_decision *decision, struct group *group,
                 const struct join_group_command *command)
{
    bool is_new = command->member_id.size == 0;
    struct member *member = is_new ? names_get(group->by_instance, command->instance_id)
                                   : member_find(group, command->member_id);
    enum err err = check_group(group, member, command);
    if (err != ERR_NONE)
        reply_join_error(decision, command->token, command->member_id, err);
    else if (is_new)
        join_new(decision, group, command);
    else
        join_known(decision, group, command);
}

void group_decide_join(struct group_decision *decision, const struct join_group_command *command)
{
    struct coordinator *coordinator = decision->coordinator;
    if (decision_refuses(decision, GROUP_REPLY_JOIN, command->token, &command->group_id))
        return;
    if (command->member_id.size > 0 || command->instance_id.data != NULL)
        decision->repeatable = command->token; /* Else it would be one more member. */
    struct group *group = group_find(coordinator, command->group_id);
    enum err err = check_command(&coordinator->config, command);
    if (err == ERR_NONE && group == NULL && command->member_id.size > 0)
        err = ERR_UNKNOWN_MEMBER_ID;
    if (err == ERR_NONE && group == NULL && pmap_count(coordinator->groups) >= GROUP_GROUPS_MAX)
        err = ERR_POLICY_VIOLATION;
    if (err != ERR_NONE) {
        reply_join_error(decision, command->token, command->member_id, err);
        return;
    }
    if (group == NULL)
        group = group_create(coordinator, command->group_id);
    if (group->consumers != NULL && !consumer_classic_takes_over(decision, group, command)) {
        consumer_classic_join(decision, group, command);
        return;
    }
    join(decision, group, command);
    group_remove_unused(group);
}
