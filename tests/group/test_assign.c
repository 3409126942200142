/* test_assign.c -- the assignors decide as Kafka's own (golden_assign.txt, by GoldenAssign.java),
 * and hold to their promises for groups of any size. */
#include "assign.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOPICS_MAX = 8, MEMBERS_MAX = 16, LINE_SIZE = 4096 };

/* Everything that a group points to. */
struct table {
    struct arena arena;
    uint32_t counts[TOPICS_MAX];
    uint32_t topics[TOPICS_MAX];
    struct assign_member members[MEMBERS_MAX];
    struct assign_partition wanted[MEMBERS_MAX][64];
    uint32_t wanted_counts[MEMBERS_MAX];
    struct assign_group group;
};

static uint32_t read_list(const char *word, struct assign_partition *out)
{
    uint32_t count = 0;
    while (*word != '-' && *word != '\0') {
        char *end;
        out[count].topic = (uint32_t)strtoul(word, &end, 10);
        out[count++].index = (int32_t)strtol(end + 1, &end, 10);
        word = *end == ',' ? end + 1 : end;
    }
    return count;
}

static void read_counts(struct table *table, char *word)
{
    char *place;
    for (char *part = strtok_r(word, ",", &place); part != NULL;
         part = strtok_r(NULL, ",", &place)) {
        table->topics[table->group.topic_count] = table->group.topic_count;
        table->counts[table->group.topic_count++] = (uint32_t)strtoul(part, NULL, 10);
    }
}

/* ASSIGNOR COUNTS current... = wanted... */
static char *read_case(struct table *table, char *line)
{
    char *place, *name = strtok_r(line, " \n", &place), *word;
    uint32_t wanted = 0;
    table->group =
        (struct assign_group){.partition_counts = table->counts, .members = table->members};
    read_counts(table, strtok_r(NULL, " \n", &place));
    while ((word = strtok_r(NULL, " \n", &place)) != NULL && *word != '=') {
        struct assign_partition *current = arena_array(&table->arena, struct assign_partition, 64);
        table->members[table->group.member_count++] =
            (struct assign_member){.topic_count = table->group.topic_count,
                                   .topics = table->topics,
                                   .current_count = read_list(word, current),
                                   .current = current};
    }
    while ((word = strtok_r(NULL, " \n", &place)) != NULL) {
        table->wanted_counts[wanted] = read_list(word, table->wanted[wanted]);
        wanted++;
    }
    cr_assert_eq(wanted, table->group.member_count);
    return name;
}

static int compare(const void *a, const void *b)
{
    const struct assign_partition *x = a, *y = b;
    if (x->topic != y->topic)
        return x->topic < y->topic ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void sort(struct assign_member *member)
{
    qsort(member->assigned, member->assigned_count, sizeof *member->assigned, compare);
}

static int check_cases_of(const char *name, void (*assign)(struct arena *, struct assign_group *))
{
    FILE *file = fopen(GOLDEN_ASSIGN, "r");
    char line[LINE_SIZE], shown[LINE_SIZE];
    int cases = 0;
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        struct table table = {.arena = {0}};
        memcpy(shown, line, sizeof shown);
        if (strcmp(read_case(&table, line), name) != 0) {
            arena_free(&table.arena);
            continue;
        }
        assign(&table.arena, &table.group);
        for (uint32_t i = 0; i < table.group.member_count; i++) {
            struct assign_member *member = &table.members[i];
            sort(member);
            cr_assert_eq(member->assigned_count, table.wanted_counts[i], "member %u of %s", i,
                         shown);
            for (uint32_t j = 0; j < member->assigned_count; j++)
                cr_assert_eq(compare(&member->assigned[j], &table.wanted[i][j]), 0,
                             "member %u of %s", i, shown);
        }
        arena_free(&table.arena);
        cases++;
    }
    fclose(file);
    return cases;
}

Test(assign, range_decides_as_kafka)
{
    cr_assert_eq(check_cases_of("range", assign_range), 60);
}

Test(assign, uniform_decides_as_kafka)
{
    cr_assert_eq(check_cases_of("uniform", assign_uniform), 60);
}

Test(assign, range_gives_a_topic_to_its_subscribers_alone)
{
    static const uint32_t counts[] = {3, 4}, both[] = {0, 1}, second[] = {1};
    struct arena arena = {0};
    struct assign_member members[] = {{.topic_count = 2, .topics = both},
                                      {.topic_count = 1, .topics = second},
                                      {.topic_count = 0}};
    struct assign_group group = {
        .topic_count = 2, .partition_counts = counts, .member_count = 3, .members = members};
    assign_range(&arena, &group);
    cr_assert_eq(members[0].assigned_count, 5);
    cr_assert_eq(members[1].assigned_count, 2);
    cr_assert_eq(members[1].assigned[0].index, 2);
    cr_assert_eq(members[2].assigned_count, 0);
    arena_free(&arena);
}

Test(assign, uniform_moves_no_more_than_a_new_member_needs)
{
    enum { PARTITIONS = 1000, MEMBERS = 10 };
    static const uint32_t counts[] = {PARTITIONS}, topics[] = {0};
    struct arena arena = {0};
    struct assign_member members[MEMBERS] = {{0}}, again[MEMBERS] = {{0}};
    struct assign_group group = {.topic_count = 1,
                                 .partition_counts = counts,
                                 .member_count = MEMBERS - 1,
                                 .members = members};
    for (int i = 0; i < MEMBERS; i++)
        members[i] = again[i] = (struct assign_member){.topic_count = 1, .topics = topics};
    assign_uniform(&arena, &group);
    for (int i = 0; i < MEMBERS - 1; i++) {
        again[i].current = members[i].assigned;
        again[i].current_count = members[i].assigned_count;
    }
    group.member_count = MEMBERS;
    group.members = again;
    assign_uniform(&arena, &group);

    for (int i = 0; i < MEMBERS - 1; i++) {
        cr_assert_eq(again[i].assigned_count, PARTITIONS / MEMBERS);
        cr_assert_arr_eq(again[i].assigned, members[i].assigned,
                         again[i].assigned_count * sizeof *again[i].assigned);
    }
    cr_assert_eq(again[MEMBERS - 1].assigned_count, PARTITIONS / MEMBERS);
    arena_free(&arena);
}

Test(assign, uniform_ignores_what_is_not_there_or_claimed_twice)
{
    static const uint32_t counts[] = {2}, topics[] = {0};
    static const struct assign_partition claims[] = {{0, 0}, {0, 7}, {0, -1}, {9, 0}};
    struct arena arena = {0};
    struct assign_member members[2];
    struct assign_group group = {
        .topic_count = 1, .partition_counts = counts, .member_count = 2, .members = members};
    for (int i = 0; i < 2; i++)
        members[i] = (struct assign_member){
            .topic_count = 1, .topics = topics, .current_count = 4, .current = claims};
    assign_uniform(&arena, &group);
    cr_assert_eq(members[0].assigned_count, 1);
    cr_assert_eq(members[0].assigned[0].index, 0);
    cr_assert_eq(members[1].assigned_count, 1);
    cr_assert_eq(members[1].assigned[0].index, 1);
    arena_free(&arena);
}

/* Random groups whose members subscribe to different topics. */
static void deal_unequal(struct table *table, struct rand *rand)
{
    uint32_t topics = 1 + (uint32_t)rand_below(rand, TOPICS_MAX);
    table->group = (struct assign_group){.topic_count = topics,
                                         .partition_counts = table->counts,
                                         .member_count = 1 + (uint32_t)rand_below(rand, 8),
                                         .members = table->members};
    for (uint32_t i = 0; i < topics; i++)
        table->counts[i] = (uint32_t)rand_below(rand, 9);
    for (uint32_t i = 0; i < table->group.member_count; i++) {
        uint32_t *of = arena_array(&table->arena, uint32_t, topics);
        table->members[i] = (struct assign_member){.topics = of};
        for (uint32_t j = 0; j < topics; j++)
            if (rand_chance(rand, 2, 3))
                of[table->members[i].topic_count++] = j;
    }
}

static bool member_subscribes(const struct assign_member *member, uint32_t topic)
{
    for (uint32_t i = 0; i < member->topic_count; i++)
        if (member->topics[i] == topic)
            return true;
    return false;
}

/* Each partition that somebody wants is somebody's, once; and no single move evens it out. */
static void check_unequal(const struct assign_group *group)
{
    uint8_t seen[TOPICS_MAX][16] = {{0}};
    for (uint32_t i = 0; i < group->member_count; i++)
        for (uint32_t j = 0; j < group->members[i].assigned_count; j++) {
            struct assign_partition partition = group->members[i].assigned[j];
            cr_assert(member_subscribes(&group->members[i], partition.topic));
            cr_assert_eq(seen[partition.topic][partition.index]++, 0);
            for (uint32_t k = 0; k < group->member_count; k++)
                cr_assert(!member_subscribes(&group->members[k], partition.topic) ||
                          group->members[k].assigned_count + 1 >= group->members[i].assigned_count);
        }
    for (uint32_t topic = 0; topic < group->topic_count; topic++) {
        bool is_wanted = false;
        for (uint32_t i = 0; i < group->member_count; i++)
            is_wanted |= member_subscribes(&group->members[i], topic);
        for (uint32_t i = 0; i < group->partition_counts[topic]; i++)
            cr_assert_eq(seen[topic][i], is_wanted);
    }
}

Test(assign, uniform_evens_out_unequal_subscriptions_and_then_stays)
{
    struct rand rand;
    rand_init(&rand, 7);
    for (int round = 0; round < 500; round++) {
        struct table table = {.arena = {0}};
        struct assign_partition *before[MEMBERS_MAX];
        deal_unequal(&table, &rand);
        assign_uniform(&table.arena, &table.group);
        check_unequal(&table.group);
        for (uint32_t i = 0; i < table.group.member_count; i++) {
            struct assign_member *member = &table.members[i];
            sort(member);
            before[i] = member->assigned;
            member->current = member->assigned;
            member->current_count = member->assigned_count;
        }
        assign_uniform(&table.arena, &table.group);
        for (uint32_t i = 0; i < table.group.member_count; i++) {
            struct assign_member *member = &table.members[i];
            sort(member);
            cr_assert_eq(member->assigned_count, member->current_count);
            cr_assert_arr_eq(member->assigned, before[i],
                             member->assigned_count * sizeof *member->assigned);
        }
        arena_free(&table.arena);
    }
}

Test(assign, uniform_ignores_claims_on_topics_that_are_not_subscribed_to)
{
    static const uint32_t counts[] = {2, 2}, first[] = {0}, second[] = {1};
    static const struct assign_partition claims[] = {{0, 0}, {1, 1}, {0, 7}, {0, -1}, {9, 0}};
    struct arena arena = {0};
    struct assign_member members[] = {
        {.topic_count = 1, .topics = first, .current_count = 5, .current = claims},
        {.topic_count = 1, .topics = second, .current_count = 5, .current = claims},
        {.topic_count = 0}};
    struct assign_group group = {
        .topic_count = 2, .partition_counts = counts, .member_count = 3, .members = members};
    assign_uniform(&arena, &group);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(members[i].assigned_count, 2);
        cr_assert_eq(members[i].assigned[0].topic, (uint32_t)i);
    }
    cr_assert_eq(members[2].assigned_count, 0);
    arena_free(&arena);
}
