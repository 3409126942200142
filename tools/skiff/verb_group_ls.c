/* verb_group_ls.c -- skiff group ls: each broker names the groups that it coordinates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "brokers.h"
#include "group_ask.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { PAUSE_US = 50000 };

const struct flag group_ls_flags[] = {
    {'s', "state", "STATE", "those in this state alone, such as Stable or Empty; may be repeated"},
    {'t', "type", "TYPE", "those of this type alone: classic, consumer; may be repeated"},
    {0, "null", NULL, "names alone, each ended by a null byte, as `xargs -0` reads them"},
    {0, NULL, NULL, NULL},
};

struct listing {
    uint32_t count;
    uint32_t capacity;
    struct listed {
        const struct list_groups_response_group *group;
        node_id coordinator;
    } * groups;
};

static bool is_wanted(const struct call *call, const char *flag, struct str value)
{
    const char *given = call_flag_at(call, flag, 0);
    if (!given)
        return true;
    for (uint32_t i = 0; (given = call_flag_at(call, flag, i)); i++)
        if (strlen(given) == value.size && !strncasecmp(given, value.data, value.size))
            return true;
    return false;
}

/* A coordinator that loads does not know its groups yet, but soon. */
static enum err ask_node(struct brokers *brokers, node_id node,
                         struct list_groups_response *response)
{
    static const struct brokers_api api = {WIRE_LIST_GROUPS, 0, INT16_MAX};
    struct list_groups_request request;
    struct link *link;
    list_groups_request_init(&request);
    for (;;) {
        enum err err = brokers_link(brokers, node, &link);
        if (!err)
            err = brokers_ask(brokers, link, &api, &request, response);
        if (!err)
            err = (enum err)response->error_code;
        if (!group_is_moving(err) || now_us() + PAUSE_US >= brokers_deadline_us(brokers))
            return err;
        sleep_us(PAUSE_US);
    }
}

static int list_node(const struct call *call, struct brokers *brokers, node_id node,
                     struct listing *listing)
{
    struct list_groups_response response;
    enum err err = ask_node(brokers, node, &response);
    if (err)
        return say_error(exit_code_of(err), "node %d did not list its groups: %s", node,
                         err_words(err));
    for (uint32_t i = 0; i < response.groups_count; i++) {
        const struct list_groups_response_group *group = &response.groups[i];
        if (!is_wanted(call, "state", group->group_state) ||
            !is_wanted(call, "type", group->group_type))
            continue;
        mem_grow(listing->groups, listing->count, &listing->capacity);
        listing->groups[listing->count++] = (struct listed){.group = group, .coordinator = node};
    }
    return EXIT_DONE;
}

static int compare_listed(const void *a, const void *b)
{
    const struct listed *left = a;
    const struct listed *right = b;
    return str_compare(left->group->group_id, right->group->group_id);
}

static void print_names(const struct listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++)
        print_null_ended(listing->groups[i].group->group_id);
}

static void print_listing(const struct listing *listing, bool json)
{
    static const char *const heads[] = {"GROUP", "TYPE", "STATE", "PROTOCOL", "COORDINATOR"};
    struct table *table = json ? NULL : table_open(5, heads);
    json_t *list = json ? json_array() : NULL;
    for (uint32_t i = 0; i < listing->count; i++) {
        const struct list_groups_response_group *group = listing->groups[i].group;
        if (json) {
            json_array_append_new(list,
                                  json_pack("{so so so so si}", "group", json_text(group->group_id),
                                            "type", json_text(group->group_type), "state",
                                            json_text(group->group_state), "protocol_type",
                                            json_text(group->protocol_type), "coordinator",
                                            listing->groups[i].coordinator));
            continue;
        }
        table_text(table, group->group_id);
        table_text(table, group->group_type);
        table_text(table, group->group_state);
        table_text(table, group->protocol_type);
        table_cell(table, "%d", listing->groups[i].coordinator);
    }
    if (json)
        print_json(list);
    else
        table_print_close(table);
}

int run_group_ls(struct call *call)
{
    struct brokers *brokers;
    struct listing listing = {0};
    int code = brokers_open(&brokers, call);
    if (code)
        return code;
    const struct metadata_response *metadata = brokers_metadata(brokers);
    for (uint32_t i = 0; i < metadata->brokers_count; i++) {
        int one = list_node(call, brokers, metadata->brokers[i].node_id, &listing);
        code = one ? one : code;
    }
    if (listing.count)
        qsort(listing.groups, listing.count, sizeof *listing.groups, compare_listed);
    if (call_flag(call, "null"))
        print_names(&listing);
    else
        print_listing(&listing, call->json);
    mem_free(listing.groups);
    brokers_close(brokers);
    return code;
}
