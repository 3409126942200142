/* verb_group_seek.c -- skiff group seek: where a group goes on, changed while nobody is in it.
 *
 * The plan is made first and shown; --dry-run ends there. A group with members is refused, here
 * and by the coordinator: a commit from outside names no member, which it takes only from an
 * empty group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moves.h"
#include "output.h"
#include "places.h"
#include "say.h"
#include "verbs.h"

enum { COMMIT_MAX = 1000 }; /* Partitions of one request: its records must fit into one batch. */

const struct flag group_seek_flags[] = {
    {0, "to", "WHERE",
     "start, end, N, +N or -N from what is committed, @MS: the first record at or after it"},
    {0, "from-file", "FILE", "lines TOPIC PARTITION OFFSET, or with commas; - is standard input"},
    {0, "dry-run", NULL, "show what would change, and change nothing"},
    {0, NULL, NULL, NULL},
};

/* Partitions share the coordinator's state: if one answers so, all are asked again. */
static enum err commit_error(const void *response)
{
    const struct offset_commit_response *commit = response;
    for (uint32_t i = 0; i < commit->topics_count; i++)
        for (uint32_t j = 0; j < commit->topics[i].partitions_count; j++)
            if (group_is_moving((enum err)commit->topics[i].partitions[j].error_code))
                return (enum err)commit->topics[i].partitions[j].error_code;
    return ERR_NONE;
}

static void fill_commit(struct offset_commit_request *request, struct arena *arena,
                        const struct move *moves, uint32_t count)
{
    struct offset_commit_request_topic *topic = NULL;
    request->topics = offset_commit_request_topic_new(arena, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!topic || !str_equal(topic->name, moves[i].topic)) {
            topic = &request->topics[request->topics_count++];
            topic->name = moves[i].topic;
            topic->partitions = offset_commit_request_partition_new(arena, count - i);
        }
        struct offset_commit_request_partition *to = &topic->partitions[topic->partitions_count++];
        to->index = moves[i].partition;
        to->committed_offset = moves[i].after;
        to->committed_metadata = STR("");
    }
}

static enum err error_in(const struct offset_commit_response *response, const struct move *move)
{
    for (uint32_t i = 0; i < response->topics_count; i++)
        for (uint32_t j = 0; j < response->topics[i].partitions_count; j++)
            if (response->topics[i].partitions[j].index == move->partition &&
                str_equal(response->topics[i].name, move->topic))
                return (enum err)response->topics[i].partitions[j].error_code;
    return ERR_CORRUPT_MESSAGE;
}

static void commit_some(struct group_asking *asking, struct move *moves, uint32_t count)
{
    /* By name up to version 9: an offset is for the topic that the user named. */
    static const struct group_api api = {{WIRE_OFFSET_COMMIT, 2, 9}, commit_error};
    struct offset_commit_request request;
    struct offset_commit_response response;
    offset_commit_request_init(&request);
    request.group_id = asking->group;
    request.member_id = STR("");
    fill_commit(&request, brokers_arena(asking->brokers), moves, count);
    enum err err = group_ask(asking, &api, &request, &response);
    for (uint32_t i = 0; i < count; i++)
        moves[i].err = err ? err : error_in(&response, &moves[i]);
}

/* Errors: an exit code, told for each partition that stayed where it was. */
static int commit(struct group_asking *asking, const struct moves *moves)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < moves->count; i += COMMIT_MAX)
        commit_some(asking, moves->list + i,
                    moves->count - i < COMMIT_MAX ? moves->count - i : COMMIT_MAX);
    for (uint32_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->list[i];
        if (move->err == ERR_UNKNOWN_MEMBER_ID)
            return say_error(EXIT_FAILED, "group %.*s has members now: stop them first",
                             (int)asking->group.size, asking->group.data);
        if (move->err)
            code = say_error(exit_code_of(move->err), "%.*s/%d: %s", (int)move->topic.size,
                             move->topic.data, move->partition, err_words(move->err));
    }
    return code;
}

static void print_table(const struct moves *moves)
{
    static const char *const heads[] = {"TOPIC", "PARTITION", "BEFORE", "AFTER", "LAG"};
    struct table *table = table_open(5, heads);
    for (uint32_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->list[i];
        table_text(table, move->topic);
        table_cell(table, "%d", move->partition);
        table_number(table, move->before);
        table_number(table, move->err ? move->before : move->after);
        table_number(table, move->end - (move->err ? move->before : move->after));
    }
    table_print_close(table);
}

static void print_moves_json(const char *group, const struct moves *moves, bool applied)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->list[i];
        json_array_append_new(
            list, json_pack("{so si so sI sI so}", "topic", json_text(move->topic), "partition",
                            move->partition, "before", json_number(move->before), "after",
                            (json_int_t)move->after, "end", (json_int_t)move->end, "error",
                            move->err ? json_string(err_name(move->err)) : json_null()));
    }
    print_json(json_pack("{ss sb so}", "group", group, "applied", applied, "partitions", list));
}

static int seek(struct call *call, struct group_asking *asking, const struct group_view *view,
                struct moves *moves)
{
    struct seek_target target = {.kind = TARGET_FILE};
    const char *file = call_flag(call, "from-file");
    bool is_dry = call_flag(call, "dry-run") != NULL;
    if (!file)
        seek_target_read(&target, call_flag(call, "to"));
    int code = file ? moves_from_file(moves, asking->brokers, view, file)
                    : moves_from_words(moves, asking->brokers, view, call);
    if (!code)
        code = moves_resolve(moves, asking->brokers, &target);
    if (code)
        return code;
    if (!is_dry)
        code = commit(asking, moves);
    if (call->json)
        print_moves_json(call->arguments[0], moves, !is_dry && !code);
    else
        print_table(moves);
    if (is_dry && !call->json)
        printf("dry run: nothing was changed\n");
    return code;
}

static int check_words(const struct call *call)
{
    const char *to = call_flag(call, "to");
    const char *file = call_flag(call, "from-file");
    struct seek_target target;
    if (!to == !file)
        return say_error(EXIT_USAGE, "where to? --to WHERE or --from-file FILE (see --help)");
    if (file && call->argument_count > 1)
        return say_error(EXIT_USAGE, "--from-file names the topics; give none beside it");
    if (to && !seek_target_read(&target, to))
        return say_error(EXIT_USAGE, "--to %s: write start, end, N, +N, -N or @MS", to);
    return EXIT_DONE;
}

int run_group_seek(struct call *call)
{
    struct brokers *brokers;
    struct group_view view;
    struct moves moves = {0};
    int code = check_words(call);
    if (!code)
        code = brokers_open(&brokers, call);
    if (code)
        return code;
    struct group_asking asking = {
        .brokers = brokers, .group = str_from(call->arguments[0]), .coordinator = -1};
    enum err err = group_view_read(&view, &asking);
    if (err) {
        code = group_failed(asking.group, err);
    } else {
        if (!group_view_is_idle(&view) || view.member_count)
            code = say_error(EXIT_FAILED, "group %s is %.*s, with %u member%s: stop them first",
                             call->arguments[0], (int)view.state.size, view.state.data,
                             view.member_count, view.member_count == 1 ? "" : "s");
        else
            code = seek(call, &asking, &view, &moves);
        group_view_free(&view);
    }
    moves_free(&moves);
    brokers_close(brokers);
    return code;
}
