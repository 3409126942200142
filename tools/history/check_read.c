/* check_read.c -- s, r, x, b, h and z lines: where readers were, and what they got there. */
#include "checker_state.h"

static struct position *position_of(struct checker *checker, const struct history_line *line)
{
    struct client *client = find_client(checker, line->client);
    if (!client->positions)
        client->positions =
            mem_zalloc(checker->verdict->head.partitions * sizeof *client->positions);
    return &client->positions[line->partition];
}

/* The reader goes on at `from`; -1: at the log's beginning, or wherever it begins. */
static void enter_position(struct checker *checker, struct position *position,
                           const struct history_line *line, int64_t from)
{
    *position = (struct position){.is_set = true,
                                  .seen = ++checker->partitions[line->partition].seen,
                                  .from = from,
                                  .last = -1,
                                  .begun = line->time};
}

bool take_position(struct checker *checker, const struct history_line *line, const char *path)
{
    (void)path;
    enter_position(checker, position_of(checker, line), line, line->offset < 0 ? -1 : line->offset);
    return true;
}

/* Nothing came between two offsets; whether anything should have shows at the end. */
static void add_jump(struct checker *checker, const struct history_line *line,
                     const struct position *position, int64_t low, int64_t high)
{
    if (checker->jump_count == CHECKER_GAPS_MAX) {
        checker->too_many_jumps = true;
        return;
    }
    mem_grow(checker->jumps, checker->jump_count, &checker->jump_capacity);
    checker->jumps[checker->jump_count++] = (struct jump){.client = line->client,
                                                          .partition = line->partition,
                                                          .seen = position->seen,
                                                          .low = low,
                                                          .high = high};
}

static void tell_backwards(struct checker *checker, const struct history_line *line,
                           const struct position *position)
{
    bool is_first = position->last < 0;
    int64_t before = is_first ? position->from : position->last;
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_NONMONOTONIC_POLL,
        "partition %u: reader %u got offset %lld after it %s %lld", line->partition, line->client,
        (long long)line->offset, is_first ? "went to" : "had got", (long long)before);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_line(finding, 's', line->client, line->partition, WANT_ANY);
    want_read(finding, line->client, line->partition, before);
    want_read(finding, line->client, line->partition, line->offset);
}

/* The reader got something at the line's offset. */
static void move_position(struct checker *checker, const struct history_line *line)
{
    struct position *position = position_of(checker, line);
    if (!position->is_set)
        enter_position(checker, position, line, -1);
    int64_t expected = position->last >= 0 ? position->last + 1 : position->from;
    if (expected >= 0 && line->offset < expected)
        tell_backwards(checker, line, position);
    else if (expected >= 0 && line->offset > expected)
        add_jump(checker, line, position, expected - 1, line->offset);
    position->last = line->offset;
    struct dip *dip = &checker->partitions[line->partition].dip;
    if (dip->is_open && line->offset + 1 >= dip->needed) {
        dip->is_open = false;
        checker->verdict->counts.watermark_dips++;
    }
}

static void add_unborn(struct checker *checker, const struct history_line *line)
{
    mem_grow(checker->unborn, checker->unborn_count, &checker->unborn_capacity);
    checker->unborn[checker->unborn_count++] = (struct unborn){.writer = line->writer,
                                                               .client = line->client,
                                                               .partition = line->partition,
                                                               .value = line->value,
                                                               .offset = line->offset};
}

static void tell_elsewhere(struct checker *checker, const struct history_line *line,
                           const struct write *write)
{
    struct finding *finding =
        findings_add(&checker->verdict->findings, FINDING_NEVER_WRITTEN,
                     "partition %u: offset %lld holds value %lld of client %u, which wrote it to "
                     "partition %u",
                     line->partition, (long long)line->offset, (long long)line->value, line->writer,
                     write->partition);
    want_write(finding, line->writer, line->value);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_read_of(finding, line->partition, line->offset, line->writer, line->value);
}

/* A write was read at the line's offset: is it where it belongs? */
static void place_read(struct checker *checker, const struct history_line *line,
                       struct write *write, uint32_t id)
{
    check_above(checker, write, id, line->offset);
    if (!(write->flags & WRITE_PLACED)) {
        write->flags |= WRITE_PLACED | WRITE_READ;
        write->offset = line->offset;
    } else if (write->offset == line->offset) {
        write->flags |= WRITE_READ;
    } else {
        write->flags |= WRITE_STRAY;
        mem_grow(checker->strays, checker->stray_count, &checker->stray_capacity);
        checker->strays[checker->stray_count++] = (struct stray){id, line->offset};
    }
    write->seen = checker->partitions[line->partition].seen;
}

bool take_read(struct checker *checker, const struct history_line *line, const char *path)
{
    struct client *writer = find_client(checker, line->writer);
    uint32_t id, there;
    if (line->offset < 0)
        return refuse_line(checker, line, path, "field 4 (offset): %lld is none",
                           (long long)line->offset);
    checker->verdict->counts.reads++;
    checker->verdict->counts.ops++;
    move_position(checker, line);
    struct write *write =
        writer ? writes_find(&checker->writes, &writer->writes, line->value, &id) : NULL;
    if (!write || write->state == WRITE_NONE) {
        add_unborn(checker, line);
        return true;
    }
    if (write->partition != line->partition) {
        tell_elsewhere(checker, line, write);
        return true;
    }
    if (!places_put(&checker->places, line->partition, line->offset, id, &there))
        return refuse_line(checker, line, path,
                           "field 4 (offset): offsets lie too far apart: more "
                           "than %d pages of %d",
                           PLACES_PAGES_MAX, PLACES_PAGE);
    if (there != id)
        tell_shared_offset(checker, id, there, line->partition, line->offset);
    place_read(checker, line, write, id);
    if (line->has_key)
        check_read_key(checker, line);
    deliver(find_client(checker, line->client), id);
    return true;
}

bool take_foreign(struct checker *checker, const struct history_line *line, const char *path)
{
    if (line->offset < 0)
        return refuse_line(checker, line, path, "field 4 (offset): %lld is none",
                           (long long)line->offset);
    checker->verdict->counts.reads++;
    checker->verdict->counts.ops++;
    move_position(checker, line);
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_NEVER_WRITTEN,
        "partition %u: offset %lld holds what no writer of this run wrote: %.*s", line->partition,
        (long long)line->offset, (int)(line->words[0].size < 64 ? line->words[0].size : 64),
        line->words[0].data);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_line(finding, 's', line->client, line->partition, WANT_ANY);
    want_read(finding, line->client, line->partition, line->offset - 1);
    want_line(finding, 'x', line->client, line->partition, line->offset);
    return true;
}

/* Whatever became of a disk: bytes that do not verify are not for consumers. The reader is where it
 * was, and goes on by an s line. */
bool take_corrupt(struct checker *checker, const struct history_line *line, const char *path)
{
    const struct position *position = position_of(checker, line);
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_CORRUPT,
        "partition %u: reader %u was given bytes at offset %lld that do not have their checksum",
        line->partition, line->client, (long long)line->offset);
    (void)path;
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_line(finding, 's', line->client, line->partition, WANT_ANY);
    if (position->last >= 0)
        want_read(finding, line->client, line->partition, position->last);
    want_line(finding, 'b', line->client, line->partition, line->offset);
    return true;
}

/* A new leader may know less of the watermark than the old one told, for a moment: so it counts
 * only when it never gets back to where it was. */
bool take_watermark(struct checker *checker, const struct history_line *line, const char *path)
{
    (void)path;
    const struct position *position = position_of(checker, line);
    struct dip *dip = &checker->partitions[line->partition].dip;
    if (dip->is_open && line->offset >= dip->needed) {
        dip->is_open = false;
        checker->verdict->counts.watermark_dips++;
    }
    if (line->offset >= 0 && position->is_set && line->offset <= position->last && !dip->is_open)
        *dip = (struct dip){.is_open = true,
                            .client = line->client,
                            .high_watermark = line->offset,
                            .needed = position->last + 1,
                            .last = position->last};
    return true;
}

bool take_final(struct checker *checker, const struct history_line *line, const char *path)
{
    struct position *position = position_of(checker, line);
    struct dip *dip = &checker->partitions[line->partition].dip;
    if (line->offset < 0)
        return refuse_line(checker, line, path, "field 4 (end): %lld is none",
                           (long long)line->offset);
    if (!position->is_set)
        enter_position(checker, position, line, -1);
    int64_t expected = position->last >= 0 ? position->last + 1 : position->from;
    int64_t end = line->offset > expected ? line->offset : expected;
    if (expected >= 0 && line->offset > expected)
        add_jump(checker, line, position, expected - 1, line->offset);
    if (dip->is_open && end >= dip->needed) {
        dip->is_open = false;
        checker->verdict->counts.watermark_dips++;
    }
    checker->verdict->finals[line->partition] =
        (struct final_read){.is_there = true,
                            .client = line->client,
                            .seen = position->seen,
                            .from = position->from < 0 ? 0 : position->from,
                            .end = end < 0 ? 0 : end,
                            .last = position->last,
                            .begun = position->begun};
    return true;
}
