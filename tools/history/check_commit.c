/* check_commit.c -- offsets that a group commits: a register that is read and written.
 *
 * One committer a partition commits 0, 1, 2, ... and begins each only when the one before has
 * ended, by an answer or without. An answer other than an acknowledgement proves nothing, and what
 * was not acknowledged may take effect whenever it likes, once, also after later ones: requests
 * of connections that were given up lie in a broker's buffers. All else is in the order of time:
 * who asks after a value was acknowledged, or after somebody was told it, is told that value or a
 * later one. */
#include "checker_state.h"

static const struct write *find_commit(const struct checker *checker, const struct commits *commits,
                                       int64_t value)
{
    uint32_t id;
    if (!commits->has_committer || value < 0)
        return NULL;
    const struct client *committer = find_client(checker, commits->committer);
    const struct write *write = writes_find(&checker->writes, &committer->writes, value, &id);
    return write && write->state != WRITE_NONE ? write : NULL;
}

bool begin_commit(struct checker *checker, const struct history_line *line, const char *path)
{
    struct commits *commits = &checker->commits[line->partition];
    if (commits->has_committer && commits->committer != line->client)
        return refuse_line(checker, line, path, "field 4 (partition): %u is committed by client %u",
                           line->partition, commits->committer);
    commits->has_committer = true;
    commits->committer = line->client;
    const struct write *before = find_commit(checker, commits, commits->begun);
    if (before && before->state == WRITE_OPEN)
        return refuse_line(checker, line, path,
                           "field 3 (value number): %lld has not ended, and a committer has one "
                           "commit open at a time",
                           (long long)commits->begun);
    commits->begun = line->value;
    return true;
}

static void raise_bound(struct commits *commits, struct commit_bound bound)
{
    if (commits->count && commits->bounds[commits->count - 1].value >= bound.value)
        return;
    mem_grow(commits->bounds, commits->count, &commits->capacity);
    commits->bounds[commits->count++] = bound;
}

void ack_commit(struct checker *checker, uint32_t partition, int64_t value, int64_t time)
{
    struct commits *commits = &checker->commits[partition];
    checker->verdict->counts.commits++;
    commits->acked = time;
    raise_bound(commits, (struct commit_bound){.time = time, .value = value, .asked = -1});
}

/* What held before somebody asked; NULL: nothing did. */
static const struct commit_bound *bound_before(const struct commits *commits, int64_t asked)
{
    uint32_t low = 0, high = commits->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (commits->bounds[middle].time < asked)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &commits->bounds[low - 1] : NULL;
}

static void tell_lost(struct checker *checker, const struct history_line *line,
                      const struct commit_bound *bound)
{
    const struct commits *commits = &checker->commits[line->partition];
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_LOST_COMMIT,
        "partition %u: client %u was told that %lld is committed, although %lld had been %s before "
        "it asked",
        line->partition, line->client, (long long)line->offset, (long long)bound->value,
        bound->asked < 0 ? "acknowledged" : "told");
    if (line->offset >= 0)
        want_write(finding, commits->committer, line->offset);
    want_write(finding, commits->committer, bound->value);
    if (bound->asked >= 0)
        want_committed(finding, bound->client, line->partition, bound->value, bound->asked);
    want_committed(finding, line->client, line->partition, line->offset, line->value);
}

static void tell_never(struct checker *checker, const struct history_line *line)
{
    struct finding *finding =
        findings_add(&checker->verdict->findings, FINDING_NEVER_WRITTEN,
                     "partition %u: client %u was told that %lld is committed, which nobody had "
                     "begun to commit",
                     line->partition, line->client, (long long)line->offset);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_committed(finding, line->client, line->partition, line->offset, line->value);
}

bool take_committed(struct checker *checker, const struct history_line *line, const char *path)
{
    struct commits *commits = &checker->commits[line->partition];
    if (line->offset < -1 || line->value > line->time)
        return refuse_line(checker, line, path,
                           "it was asked after it was answered, or %lld is no "
                           "offset",
                           (long long)line->offset);
    if (find_client(checker, line->client)->kind->is_member)
        return take_told(checker, line, path);
    const struct commit_bound *bound = bound_before(commits, line->value);
    const struct write *write = find_commit(checker, commits, line->offset);
    checker->verdict->counts.commits_asked++;
    if (line->value > commits->asked)
        commits->asked = line->value;
    if (line->offset >= 0 && !write) {
        tell_never(checker, line);
    } else if (bound && line->offset < bound->value) {
        if (write && write->state == WRITE_UNKNOWN)
            checker->verdict->counts.commits_late++;
        else
            tell_lost(checker, line, bound);
    } else if (line->offset >= 0) {
        raise_bound(commits, (struct commit_bound){.time = line->time,
                                                   .value = line->offset,
                                                   .client = line->client,
                                                   .asked = line->value});
    }
    return true;
}

void check_commits(struct checker *checker)
{
    for (uint32_t i = 0; i < checker->verdict->head.partitions; i++)
        if (checker->commits[i].acked >= 0 &&
            checker->commits[i].asked <= checker->commits[i].acked)
            add_reason(checker->verdict,
                       "partition %u: nobody asked for the committed offset after the last "
                       "acknowledgement",
                       i);
}
