/* list_groups.c -- ListGroups (rule 112): this coordinator's groups, by state and type. */
#include "consumer_state.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal_without_case(struct str a, struct str b)
{
    if (a.size != b.size)
        return false;
    for (uint32_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

enum { NAMES_MAX = 16 }; /* More than there are states, or types. */

/* The names that are wanted; none: all. There may be very many of them, so each name that is
 * asked about is looked for once, however many groups have it. */
struct filter {
    uint32_t count;
    const struct str *wanted;
    uint32_t known_count;
    struct {
        struct str name;
        bool is_wanted;
    } known[NAMES_MAX];
};

static bool is_wanted(const struct filter *filter, struct str name)
{
    for (uint32_t i = 0; i < filter->count; i++)
        if (equal_without_case(name, filter->wanted[i]))
            return true;
    return filter->count == 0;
}

static bool passes(struct filter *filter, struct str name)
{
    for (uint32_t i = 0; i < filter->known_count; i++)
        if (str_equal(name, filter->known[i].name))
            return filter->known[i].is_wanted;
    check(filter->known_count < NAMES_MAX);
    filter->known[filter->known_count].name = name;
    filter->known[filter->known_count].is_wanted = is_wanted(filter, name);
    return filter->known[filter->known_count++].is_wanted;
}

static struct group_listed list_one(const struct group *group)
{
    if (group->consumers != NULL)
        return (struct group_listed){.group_id = group->id,
                                     .protocol_type = STR("consumer"),
                                     .state = consumers_state(group),
                                     .type = STR("consumer")};
    return (struct group_listed){
        .group_id = group->id,
        .protocol_type = group->protocol_type.data == NULL ? STR("") : group->protocol_type,
        .state = group_phase_name(group),
        .type = STR("classic"),
    };
}

void group_decide_list(struct group_decision *decision, const struct list_groups_command *command)
{
    const struct coordinator *coordinator = decision->coordinator;
    struct filter states = {.count = command->state_count, .wanted = command->states};
    struct filter types = {.count = command->type_count, .wanted = command->types};
    struct str after = {.data = NULL};
    const struct group *group;
    uint32_t count = 0;

    if (decision_refuses(decision, GROUP_REPLY_LIST, command->token, NULL))
        return;
    struct group_listed *groups =
        arena_array(decision->arena, struct group_listed, pmap_count(coordinator->groups));
    while ((group = names_next(coordinator->groups, &after)) != NULL) {
        struct group_listed listed = list_one(group);
        if (passes(&states, listed.state) && passes(&types, listed.type))
            groups[count++] = listed;
    }
    struct group_reply *reply =
        decision_reply(decision, GROUP_REPLY_LIST, command->token, ERR_NONE);
    reply->list = (struct group_listing){.count = count, .groups = groups};
}
