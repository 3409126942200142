/* verb_group_describe.c -- skiff group describe: members, and how far behind each partition is. */
#include <stdio.h>

#include "group_view.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

static int64_t total_lag(const struct group_view *view)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < view->partition_count; i++) {
        int64_t lag = group_partition_lag(&view->partitions[i]);
        total += lag > 0 ? lag : 0;
    }
    return total;
}

static void print_member(struct table *table, const struct group_member *member)
{
    static const struct group_member nobody = {.member_id = {0}};
    if (!member)
        member = &nobody;
    table_text(table, member->member_id);
    table_text(table, member->instance_id);
    table_text(table, member->client_id);
    table_text(table, member->client_host);
}

static void describe_group(const struct group_asking *asking, const struct group_view *view)
{
    char epoch[32] = "";
    if (view->epoch >= 0)
        snprintf(epoch, sizeof epoch, "  epoch %d", view->epoch);
    say("%.*s  %s %.*s  %.*s  coordinator %d  members %u  lag %lld%s%.*s%s",
        (int)asking->group.size, asking->group.data, view->type, (int)view->protocol_type.size,
        view->protocol_type.data ? view->protocol_type.data : "", (int)view->state.size,
        view->state.data, asking->coordinator, view->member_count, (long long)total_lag(view),
        view->assignor.size ? "  assignor " : "", (int)view->assignor.size,
        view->assignor.size ? view->assignor.data : "", epoch);
}

/* Partitions in order, then the members that have none. */
static void describe_table(const struct group_asking *asking, const struct group_view *view)
{
    static const char *const heads[] = {"TOPIC",  "PARTITION", "COMMITTED", "END", "LAG",
                                        "MEMBER", "INSTANCE",  "CLIENT",    "HOST"};
    describe_group(asking, view);
    struct table *table = table_open(9, heads);
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct group_partition *partition = &view->partitions[i];
        table_text(table, partition->topic);
        table_cell(table, "%d", partition->partition);
        table_number(table, partition->committed);
        table_number(table, partition->end);
        table_number(table, group_partition_lag(partition));
        print_member(table, partition->member < 0 ? NULL : &view->members[partition->member]);
    }
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].partition_count)
            continue;
        for (uint32_t column = 0; column < 5; column++)
            table_cell(table, "-");
        print_member(table, &view->members[i]);
    }
    table_print_close(table);
}

static json_t *members_json(const struct group_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct group_member *member = &view->members[i];
        json_array_append_new(
            list,
            json_pack("{so so so so so sI}", "member", json_text(member->member_id), "instance",
                      json_text(member->instance_id), "client", json_text(member->client_id),
                      "host", json_text(member->client_host), "epoch", json_number(member->epoch),
                      "partitions", (json_int_t)member->partition_count));
    }
    return list;
}

static json_t *partitions_json(const struct group_view *view)
{
    static const struct str nobody = {0};
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->partition_count; i++) {
        const struct group_partition *partition = &view->partitions[i];
        struct str member =
            partition->member < 0 ? nobody : view->members[partition->member].member_id;
        json_array_append_new(
            list,
            json_pack("{so si so so so so so so}", "topic", json_text(partition->topic),
                      "partition", partition->partition, "committed",
                      json_number(partition->committed), "leader_epoch",
                      json_number(partition->leader_epoch), "metadata",
                      json_text(partition->metadata), "end", json_number(partition->end), "lag",
                      json_number(group_partition_lag(partition)), "member", json_text(member)));
    }
    return list;
}

static json_t *describe_json(const struct group_asking *asking, const struct group_view *view)
{
    return json_pack("{so ss so so so so si sI so so sn}", "group", json_text(asking->group),
                     "type", view->type, "protocol_type", json_text(view->protocol_type), "state",
                     json_text(view->state), "assignor", json_text(view->assignor), "epoch",
                     json_number(view->epoch), "coordinator", asking->coordinator, "lag",
                     (json_int_t)total_lag(view), "members", members_json(view), "partitions",
                     partitions_json(view), "error");
}

static int describe_failed(struct str group, enum err err, json_t *list)
{
    if (list)
        json_array_append_new(
            list, json_pack("{so ss}", "group", json_text(group), "error", err_name(err)));
    return group_failed(group, err);
}

static int describe_one(struct brokers *brokers, const char *name, json_t *list)
{
    struct group_asking asking = {.brokers = brokers, .group = str_from(name), .coordinator = -1};
    struct group_view view;
    enum err err = group_view_read(&view, &asking);
    if (err)
        return describe_failed(asking.group, err, list);
    if (group_view_is_dead(&view)) {
        group_view_free(&view);
        return describe_failed(asking.group, ERR_GROUP_ID_NOT_FOUND, list);
    }
    group_view_find_ends(&view, brokers);
    if (list)
        json_array_append_new(list, describe_json(&asking, &view));
    else
        describe_table(&asking, &view);
    group_view_free(&view);
    return EXIT_DONE;
}

int run_group_describe(struct call *call)
{
    struct brokers *brokers;
    int code = brokers_open(&brokers, call);
    if (code)
        return code;
    json_t *list = call->json ? json_array() : NULL;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        int one = describe_one(brokers, call->arguments[i], list);
        code = one ? one : code;
    }
    brokers_close(brokers);
    if (list)
        print_json(list);
    return code;
}
