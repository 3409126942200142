/* check_member.c -- members of a group: where they begin to read, what they got, who commits.
 *
 * What a group has committed for a partition is a register that its members write and read. It
 * need not rise: a member that was away commits less than the one before it. A commit that was
 * acknowledged took effect between its begin and its end; one with an error, or without an answer,
 * does so at any time after its begin, or never. A member that is told an offset saw the register
 * at a moment between question and answer. So what may be told is the value of
 *
 *   - an acknowledged commit, or of what another one was told, but of none that ended before
 *     another of these began that had ended before the question;
 *   - any commit without an acknowledgement that had begun by then, unless it was refused.
 *
 * A coordinator that fences a commit (outcome.c) has not taken it. An attempt before that one may
 * have been taken all the same, so only a refusal that came at once is one: before a client would
 * have tried again. And what a member commits that has given the partition up, once another one was
 * given it, is of an old generation, and may not take effect whatever the answer is.
 *
 * Members begin where they are told (s lines), and go over no record (poll-skip). So whatever was
 * acknowledged below the offset that is committed at last was delivered to one of them.
 *
 * A partition has one owner. Two members whose commits are acknowledged in turn, A, B, A, B, each
 * given the partition once, both own it: of two generations the older one's commits are refused,
 * and in one generation there is one owner. */
#include <stdio.h>

#include "checker_state.h"
#include "outcome.h"

enum { BITS = 8 };

#define RETRY_NS INT64_C(100000000) /* librdkafka waits 100 ms before it tries again. */
/* For longer than faults and sessions last nobody had a partition. */
#define UNOWNED_MAX_NS INT64_C(60000000000)
#define NS_A_S INT64_C(1000000000)

/* ---- Groups. */

void join_group(struct checker *checker, struct client *client)
{
    uint32_t partitions = checker->verdict->head.partitions;
    checker->verdict->counts.members++;
    client->given = mem_zalloc(partitions * sizeof *client->given);
    client->had = mem_zalloc(partitions * sizeof *client->had);
    for (uint32_t i = 0; i < checker->group_count; i++)
        if (checker->groups[i]->profile == client->profile)
            client->group = checker->groups[i];
    if (client->group)
        return;
    struct group *group = mem_zalloc(sizeof *group);
    group->profile = client->profile;
    group->partitions = mem_zalloc(partitions * sizeof *group->partitions);
    for (uint32_t i = 0; i < partitions; i++)
        group->partitions[i] =
            (struct group_partition){.acked = -1, .committed = -1, .asked = -1, .unowned = -1};
    mem_grow(checker->groups, checker->group_count, &checker->group_capacity);
    checker->groups[checker->group_count++] = group;
    client->group = group;
}

void groups_free(struct checker *checker)
{
    for (uint32_t i = 0; i < checker->group_count; i++) {
        struct group *group = checker->groups[i];
        for (uint32_t p = 0; p < checker->verdict->head.partitions; p++) {
            mem_free(group->partitions[p].known);
            mem_free(group->partitions[p].doubts);
        }
        mem_free(group->partitions);
        mem_free(group->delivered);
        mem_free(group);
    }
    mem_free(checker->groups);
}

static const char *name_of(const struct checker *checker, const struct group *group)
{
    return checker->verdict->availability.profiles[group->profile];
}

/* The line's partition as its member's group sees it. NULL: refused. */
static struct group_partition *partition_of(struct checker *checker,
                                            const struct history_line *line, const char *path)
{
    struct client *client = find_client(checker, line->client);
    if (client->group)
        return &client->group->partitions[line->partition];
    refuse_line(checker, line, path, "field 2 (client): %u is a %s", line->client,
                client->kind->name);
    return NULL;
}

/* ---- Who has a partition. */

/* Somebody has it again. */
static void end_unowned(struct checker *checker, struct group_partition *partition, int64_t time)
{
    uint64_t *longest = &checker->verdict->counts.member_unowned_ns;
    if (partition->unowned >= 0 && (uint64_t)(time - partition->unowned) > *longest)
        *longest = (uint64_t)(time - partition->unowned);
    partition->unowned = -1;
}

bool take_given(struct checker *checker, const struct history_line *line, const char *path)
{
    struct group_partition *partition = partition_of(checker, line, path);
    if (!partition)
        return false;
    uint32_t *given = &find_client(checker, line->client)->given[line->partition];
    end_unowned(checker, partition, line->time);
    partition->owner = line->client;
    partition->owners += *given == 0;
    *given = ++partition->gifts;
    return true;
}

bool take_taken(struct checker *checker, const struct history_line *line, const char *path)
{
    struct group_partition *partition = partition_of(checker, line, path);
    if (!partition)
        return false;
    struct client *client = find_client(checker, line->client);
    uint32_t *given = &client->given[line->partition];
    if (*given == 0)
        return true;
    client->had[line->partition] = *given;
    *given = 0;
    if (--partition->owners == 0)
        partition->unowned = line->time;
    return true;
}

static bool is_same(const struct group_turn *a, const struct group_turn *b)
{
    return a->client == b->client && a->given == b->given;
}

static void tell_two(struct checker *checker, uint32_t partition, const struct group_turn *turns)
{
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_TWO_OWNERS,
        "partition %u: commits of clients %u and %u were acknowledged in turn, each having been "
        "given it once",
        partition, turns[0].client, turns[1].client);
    for (uint32_t i = 0; i < 2; i++)
        want_line(finding, 'o', turns[i].client, partition, WANT_ANY);
    for (uint32_t i = 0; i < GROUP_TURNS; i++)
        want_line(finding, 'm', turns[i].client, partition, turns[i].value);
}

/* A commit was acknowledged: it is its member's turn. One that overlaps the turn before may have
 * come before it, and says nothing. */
static void take_turn(struct checker *checker, uint32_t number, struct group_partition *partition,
                      struct group_turn turn, int64_t begun)
{
    struct group_turn *turns = partition->turns;
    struct group_turn *last = &turns[partition->turn_count ? partition->turn_count - 1 : 0];
    if (turn.given == 0)
        return;
    if (partition->turn_count && is_same(last, &turn)) {
        last->ended = turn.ended;
        last->value = turn.value;
        return;
    }
    if (partition->turn_count && begun <= last->ended)
        return;
    if (partition->turn_count == GROUP_TURNS)
        memmove(turns, turns + 1, (GROUP_TURNS - 1) * sizeof *turns);
    else
        partition->turn_count++;
    turns[partition->turn_count - 1] = turn;
    if (partition->turn_count == GROUP_TURNS && is_same(&turns[0], &turns[2]) &&
        is_same(&turns[1], &turns[3])) {
        tell_two(checker, number, turns);
        partition->turn_count = 0;
    }
}

/* ---- Commits. */

static struct group_doubt *find_open(struct group_partition *partition, uint32_t client)
{
    for (uint32_t i = partition->doubt_count; i-- > 0;)
        if (partition->doubts[i].is_open && partition->doubts[i].client == client)
            return &partition->doubts[i];
    return NULL;
}

bool take_committing(struct checker *checker, const struct history_line *line, const char *path)
{
    struct group_partition *partition = partition_of(checker, line, path);
    if (!partition)
        return false;
    if (line->offset < 0)
        return refuse_line(checker, line, path, "field 4 (offset): %lld is none",
                           (long long)line->offset);
    if (find_open(partition, line->client))
        return refuse_line(checker, line, path,
                           "client %u has a commit for partition %u open already", line->client,
                           line->partition);
    const struct client *client = find_client(checker, line->client);
    uint32_t given = client->given[line->partition];
    uint32_t had = client->had[line->partition];
    mem_grow(partition->doubts, partition->doubt_count, &partition->doubt_capacity);
    partition->doubts[partition->doubt_count++] =
        (struct group_doubt){.value = line->offset,
                             .begun = line->time,
                             .client = line->client,
                             .given = given,
                             .is_open = true,
                             .is_refused = given == 0 && had && partition->gifts > had};
    return true;
}

static void add_known(struct group_partition *partition, struct group_known known)
{
    uint32_t count = partition->known_count;
    int64_t floor = count ? partition->known[count - 1].floor : known.begun;
    known.floor = known.begun > floor ? known.begun : floor;
    mem_grow(partition->known, partition->known_count, &partition->known_capacity);
    partition->known[partition->known_count++] = known;
}

/* It was taken, although it is of an old generation. */
static void tell_late(struct checker *checker, uint32_t partition, uint32_t owner,
                      const struct group_doubt *commit)
{
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_TWO_OWNERS,
        "partition %u: offset %lld of client %u was taken as committed, although another member "
        "had been given the partition since client %u had given it up",
        partition, (long long)commit->value, commit->client, commit->client);
    want_line(finding, 'o', owner, partition, WANT_ANY);
    want_line(finding, 'd', commit->client, partition, WANT_ANY);
    want_line(finding, 'm', commit->client, partition, commit->value);
}

bool take_commit_ended(struct checker *checker, const struct history_line *line, const char *path)
{
    struct group_partition *partition = partition_of(checker, line, path);
    struct group_doubt *open = partition ? find_open(partition, line->client) : NULL;
    if (!partition)
        return false;
    if (!open)
        return refuse_line(checker, line, path, "client %u has no commit for partition %u open",
                           line->client, line->partition);
    struct group_doubt commit = *open;
    bool is_acked = str_equal(line->words[0], STR(HISTORY_COMMITTED));
    bool is_refused = outcome_is_refusal(line->words[0]) && line->time - commit.begun < RETRY_NS;
    open->is_open = false;
    open->is_refused |= is_refused;
    checker->verdict->counts.member_fenced += is_refused;
    if (!is_acked)
        return true;
    *open = partition->doubts[--partition->doubt_count];
    if (commit.is_refused)
        tell_late(checker, line->partition, partition->owner, &commit);
    checker->verdict->counts.member_commits++;
    partition->acked = line->time;
    add_known(partition, (struct group_known){.value = commit.value,
                                              .begun = commit.begun,
                                              .ended = line->time,
                                              .client = commit.client});
    take_turn(checker, line->partition, partition,
              (struct group_turn){.client = commit.client,
                                  .given = commit.given,
                                  .ended = line->time,
                                  .value = commit.value},
              commit.begun);
    return true;
}

/* ---- What members are told. */

/* How many of the known ended before `time`. */
static uint32_t known_before(const struct group_partition *partition, int64_t time)
{
    uint32_t low = 0, high = partition->known_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (partition->known[middle].ended < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether it may be told `value` on a question of that time. */
static bool may_tell(const struct group_partition *partition, int64_t value, int64_t asked)
{
    uint32_t before = known_before(partition, asked);
    int64_t floor = before ? partition->known[before - 1].floor : INT64_MIN;
    if (value < 0)
        return before == 0;
    for (uint32_t i = partition->known_count; i-- > 0 && partition->known[i].ended >= floor;)
        if (partition->known[i].value == value)
            return true;
    for (uint32_t i = partition->doubt_count; i-- > 0;)
        if (partition->doubts[i].value == value && !partition->doubts[i].is_refused)
            return true;
    return false;
}

static bool was_committed(const struct group_partition *partition, int64_t value)
{
    for (uint32_t i = 0; i < partition->known_count; i++)
        if (partition->known[i].value == value)
            return true;
    return false;
}

static void want_known(struct finding *finding, uint32_t partition, const struct group_known *known)
{
    if (known->is_told)
        want_committed(finding, known->client, partition, known->value, known->begun);
    else
        want_line(finding, 'm', known->client, partition, known->value);
}

static void tell_wrong(struct checker *checker, const struct history_line *line,
                       const struct group_partition *partition)
{
    uint32_t before = known_before(partition, line->value);
    bool is_old = line->offset < 0 || was_committed(partition, line->offset);
    struct finding *finding = findings_add(
        &checker->verdict->findings, is_old ? FINDING_LOST_COMMIT : FINDING_NEVER_WRITTEN,
        "partition %u: client %u was told that its group has %lld committed%s", line->partition,
        line->client, (long long)line->offset,
        is_old ? ", although another offset had been committed or told since and before it asked"
               : ", which no member had begun to commit, or which was refused");
    if (is_old)
        for (uint32_t i = before; i-- > 0 && before - i <= 2;)
            want_known(finding, line->partition, &partition->known[i]);
    for (uint32_t i = 0; !is_old && i < partition->doubt_count; i++)
        if (partition->doubts[i].value == line->offset)
            want_line(finding, 'm', partition->doubts[i].client, line->partition, line->offset);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_committed(finding, line->client, line->partition, line->offset, line->value);
}

bool take_told(struct checker *checker, const struct history_line *line, const char *path)
{
    struct group_partition *partition = partition_of(checker, line, path);
    if (!partition)
        return false;
    checker->verdict->counts.member_asked++;
    if (line->value >= partition->asked) {
        partition->asked = line->value;
        partition->committed = line->offset;
        partition->asker = line->client;
    }
    if (!may_tell(partition, line->offset, line->value))
        tell_wrong(checker, line, partition);
    else if (line->offset >= 0)
        add_known(partition, (struct group_known){.value = line->offset,
                                                  .begun = line->value,
                                                  .ended = line->time,
                                                  .client = line->client,
                                                  .is_told = true});
    return true;
}

/* ---- What they got. */

void deliver(const struct client *client, uint32_t id)
{
    struct group *group = client->group;
    if (!group)
        return;
    if (group->delivered_size <= id / BITS) {
        uint32_t size = (id / BITS + 1) * 2;
        group->delivered = mem_realloc(group->delivered, size);
        memset(group->delivered + group->delivered_size, 0, size - group->delivered_size);
        group->delivered_size = size;
    }
    group->delivered[id / BITS] |= (uint8_t)(1u << id % BITS);
}

static bool is_delivered(const struct group *group, uint32_t id)
{
    return id / BITS < group->delivered_size &&
           (group->delivered[id / BITS] & 1u << id % BITS) != 0;
}

void check_delivered(struct checker *checker, const struct write *write, uint32_t id)
{
    if (write->state != WRITE_ACKED || !(write->flags & WRITE_PLACED))
        return;
    for (uint32_t i = 0; i < checker->group_count; i++) {
        const struct group *group = checker->groups[i];
        const struct group_partition *partition = &group->partitions[write->partition];
        if (write->offset >= partition->committed || is_delivered(group, id))
            continue;
        struct write_name name = writes_name(&checker->writes, id);
        struct finding *finding = findings_add(
            &checker->verdict->findings, FINDING_UNDELIVERED,
            "partition %u: value %lld of client %u was acknowledged at offset %lld, and no member "
            "of group %s got it, which has %lld committed",
            write->partition, (long long)name.number, name.client, (long long)write->offset,
            name_of(checker, group), (long long)partition->committed);
        want_write(finding, name.client, name.number);
        want_committed(finding, partition->asker, write->partition, partition->committed,
                       partition->asked);
    }
}

/* A group that is left alone gets to the end. */
void check_members(struct checker *checker)
{
    uint64_t unowned_ns = checker->verdict->counts.member_unowned_ns;
    if (unowned_ns > UNOWNED_MAX_NS)
        add_reason(checker->verdict, "for %lld s no member of a group had some partition",
                   (long long)(unowned_ns / NS_A_S));
    for (uint32_t i = 0; i < checker->group_count; i++)
        for (uint32_t p = 0; p < checker->verdict->head.partitions; p++) {
            const struct group_partition *partition = &checker->groups[i]->partitions[p];
            int64_t acked_max = checker->partitions[p].acked_max;
            if (acked_max < 0)
                continue;
            if (partition->asked <= partition->acked)
                add_reason(checker->verdict,
                           "partition %u: nobody asked what group %s has committed after its last "
                           "commit",
                           p, name_of(checker, checker->groups[i]));
            else if (partition->committed <= acked_max)
                add_reason(checker->verdict,
                           "partition %u: group %s has %lld committed, and offset %lld was "
                           "acknowledged: it did not get to the end",
                           p, name_of(checker, checker->groups[i]), (long long)partition->committed,
                           (long long)acked_max);
        }
}
