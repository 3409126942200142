/* moves.c -- from where to where a group's committed offsets go: what `group seek` plans. */
#include "moves.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "say.h"
#include "topic_place.h"

bool seek_target_read(struct seek_target *out, const char *text)
{
    out->number = 0;
    out->kind = TARGET_START;
    if (!strcmp(text, "start") || !strcmp(text, "beginning"))
        return true;
    out->kind = TARGET_END;
    if (!strcmp(text, "end"))
        return true;
    out->kind = *text == '@'                   ? TARGET_TIME
                : *text == '+' || *text == '-' ? TARGET_SHIFT
                                               : TARGET_OFFSET;
    if (!parse_int(text + (out->kind != TARGET_OFFSET), 0, INT64_MAX / 2, &out->number))
        return false;
    if (*text == '-')
        out->number = -out->number;
    return true;
}

static struct move *add_move(struct moves *moves, struct str topic, partition_id partition)
{
    mem_grow(moves->list, moves->count, &moves->capacity);
    struct move *move = &moves->list[moves->count++];
    *move = (struct move){.topic = topic, .partition = partition, .before = -1};
    return move;
}

void moves_free(struct moves *moves)
{
    mem_free(moves->list);
    moves->list = NULL;
}

static int compare_moves(const void *a, const void *b)
{
    const struct move *left = a;
    const struct move *right = b;
    struct place left_place = {.topic = left->topic, .partition = left->partition};
    struct place right_place = {.topic = right->topic, .partition = right->partition};
    return place_compare(&left_place, &right_place);
}

/* In order, with what is committed. Errors: EXIT_USAGE, told: a partition stands there twice. */
static int finish_plan(struct moves *moves, const struct group_view *view)
{
    uint32_t at = 0;
    if (moves->count)
        qsort(moves->list, moves->count, sizeof *moves->list, compare_moves);
    for (uint32_t i = 0; i < moves->count; i++) {
        struct move *move = &moves->list[i];
        if (i > 0 && compare_moves(move - 1, move) == 0)
            return say_error(EXIT_USAGE, "%.*s/%d is named twice", (int)move->topic.size,
                             move->topic.data, move->partition);
        for (; at < view->partition_count; at++) {
            const struct group_partition *partition = &view->partitions[at];
            struct move there = {.topic = partition->topic, .partition = partition->partition};
            int order = compare_moves(&there, move);
            if (order == 0)
                move->before = partition->committed;
            if (order >= 0)
                break;
        }
    }
    return EXIT_DONE;
}

static int add_word(struct moves *moves, struct brokers *brokers, const char *word)
{
    const struct metadata_response *metadata = brokers_metadata(brokers);
    struct str name;
    partition_id partition;
    uint32_t before = moves->count;
    if (!topic_place_read(word, &name, &partition))
        return say_error(EXIT_USAGE, "`%s` is not TOPIC or TOPIC/PARTITION", word);
    for (uint32_t i = 0; i < metadata->topics_count; i++) {
        const struct metadata_response_topic *topic = &metadata->topics[i];
        for (uint32_t j = 0; str_equal(topic->name, name) && j < topic->partitions_count; j++)
            if (partition < 0 || topic->partitions[j].index == partition)
                add_move(moves, topic->name, topic->partitions[j].index);
    }
    return moves->count > before ? EXIT_DONE : say_error(EXIT_NOT_FOUND, "there is no %s", word);
}

int moves_from_words(struct moves *moves, struct brokers *brokers, const struct group_view *view,
                     const struct call *call)
{
    int code = EXIT_DONE;
    for (uint32_t i = 1; !code && i < call->argument_count; i++)
        code = add_word(moves, brokers, call->arguments[i]);
    for (uint32_t i = 0; call->argument_count == 1 && i < view->partition_count; i++)
        if (view->partitions[i].committed >= 0)
            add_move(moves, view->partitions[i].topic, view->partitions[i].partition);
    if (!code && !moves->count)
        code = say_error(EXIT_NOT_FOUND, "group %s has committed nothing: name the topics",
                         call->arguments[0]);
    return code ? code : finish_plan(moves, view);
}

/* A line becomes a move. Errors: false; empty lines and comments are fine. */
static bool add_line(struct moves *moves, struct arena *arena, char *line)
{
    static const char gaps[] = " \t\r\n,";
    char *rest;
    int64_t partition;
    int64_t offset;
    char *topic = strtok_r(line, gaps, &rest);
    if (!topic || *topic == '#')
        return true;
    char *partition_text = strtok_r(NULL, gaps, &rest);
    char *offset_text = strtok_r(NULL, gaps, &rest);
    if (!partition_text || !offset_text || strtok_r(NULL, gaps, &rest) ||
        !parse_int(partition_text, 0, INT32_MAX, &partition) ||
        !parse_int(offset_text, 0, INT64_MAX, &offset))
        return false;
    add_move(moves, arena_str(arena, str_from(topic)), (partition_id)partition)->after = offset;
    return true;
}

int moves_from_file(struct moves *moves, struct brokers *brokers, const struct group_view *view,
                    const char *path)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    char *line = NULL;
    size_t capacity = 0;
    uint32_t number = 0;
    int code = EXIT_DONE;
    if (!file)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    while (!code && getline(&line, &capacity, file) >= 0) {
        number++;
        if (!add_line(moves, brokers_arena(brokers), line))
            code = say_error(EXIT_USAGE, "%s, line %u: not TOPIC PARTITION OFFSET", path, number);
    }
    free(line);
    if (!code && ferror(file))
        code = say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    if (!code && !moves->count)
        code = say_error(EXIT_USAGE, "%s: there is no line TOPIC PARTITION OFFSET in it", path);
    return code ? code : finish_plan(moves, view);
}

/* Errors: an exit code, told for each partition. */
static int find(const struct moves *moves, struct brokers *brokers, int64_t time,
                struct place *places)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < moves->count; i++)
        places[i] = (struct place){
            .topic = moves->list[i].topic, .partition = moves->list[i].partition, .time = time};
    places_find(brokers, places, moves->count, INT64_MAX / 2);
    for (uint32_t i = 0; i < moves->count; i++)
        if (places[i].err)
            code = say_error(exit_code_of(places[i].err), "%.*s/%d: %s", (int)places[i].topic.size,
                             places[i].topic.data, places[i].partition, err_words(places[i].err));
    return code;
}

static int resolve_one(struct move *move, const struct seek_target *target, int64_t start,
                       int64_t by_time)
{
    int64_t wanted = target->kind == TARGET_FILE ? move->after : target->number;
    if (target->kind == TARGET_SHIFT && move->before < 0)
        return say_error(EXIT_FAILED, "%.*s/%d: nothing is committed, so there is nothing to shift",
                         (int)move->topic.size, move->topic.data, move->partition);
    if (target->kind == TARGET_SHIFT)
        wanted = move->before + target->number;
    else if (target->kind == TARGET_START)
        wanted = start;
    else if (target->kind == TARGET_END)
        wanted = move->end;
    else if (target->kind == TARGET_TIME)
        wanted = by_time < 0 ? move->end : by_time;
    move->after = wanted < start ? start : wanted > move->end ? move->end : wanted;
    if (move->after != wanted)
        say_error(0, "%.*s/%d: it has offsets %lld to %lld, so %lld becomes %lld",
                  (int)move->topic.size, move->topic.data, move->partition, (long long)start,
                  (long long)move->end, (long long)wanted, (long long)move->after);
    return EXIT_DONE;
}

int moves_resolve(struct moves *moves, struct brokers *brokers, const struct seek_target *target)
{
    struct place *starts = mem_zalloc((moves->count + 1) * sizeof *starts);
    struct place *ends = mem_zalloc((moves->count + 1) * sizeof *ends);
    struct place *times = mem_zalloc((moves->count + 1) * sizeof *times);
    int code = find(moves, brokers, PLACE_START, starts);
    if (!code)
        code = find(moves, brokers, PLACE_END, ends);
    if (!code && target->kind == TARGET_TIME)
        code = find(moves, brokers, target->number, times);
    for (uint32_t i = 0; !code && i < moves->count; i++) {
        moves->list[i].end = ends[i].offset;
        code = resolve_one(&moves->list[i], target, starts[i].offset, times[i].offset);
    }
    mem_free(starts);
    mem_free(ends);
    mem_free(times);
    return code;
}
