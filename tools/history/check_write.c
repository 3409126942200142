/* check_write.c -- w, a and e lines: what a client began, and what it was told.
 *
 * A record is appended after its write began, and so above everything that had been acknowledged
 * by then. Each write remembers that bound until it is known where it stands. */
#include "checker_state.h"
#include "outcome.h"

static bool is_metadata(const struct checker *checker, uint32_t partition)
{
    return partition == checker->verdict->head.partitions;
}

void tell_shared_offset(struct checker *checker, uint32_t id, uint32_t other, uint32_t partition,
                        int64_t offset)
{
    struct write *write = writes_at(&checker->writes, id);
    struct write_name a = writes_name(&checker->writes, id);
    struct write_name b = writes_name(&checker->writes, other);
    if (write->flags & WRITE_SHARES)
        return;
    write->flags |= WRITE_SHARES;
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_INCONSISTENT_OFFSETS,
        "partition %u: offset %lld is that of value %lld of client %u, and of value %lld of "
        "client %u",
        partition, (long long)offset, (long long)b.number, b.client, (long long)a.number, a.client);
    want_write(finding, b.client, b.number);
    want_write(finding, a.client, a.number);
    want_read_of(finding, partition, offset, b.client, b.number);
    want_read_of(finding, partition, offset, a.client, a.number);
}

void check_above(struct checker *checker, struct write *write, uint32_t id, int64_t offset)
{
    if ((write->flags & (WRITE_PLACED | WRITE_SEND_TOLD)) || offset > write->offset)
        return;
    struct write_name name = writes_name(&checker->writes, id);
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_NONMONOTONIC_SEND,
        "partition %u: value %lld of client %u stands at offset %lld, although %lld had been "
        "acknowledged before it began",
        write->partition, (long long)name.number, name.client, (long long)offset,
        (long long)write->offset);
    uint32_t other = places_get(&checker->places, write->partition, write->offset);
    write->flags |= WRITE_SEND_TOLD;
    want_write(finding, name.client, name.number);
    want_read_of(finding, write->partition, offset, name.client, name.number);
    if (other == PLACE_NONE)
        return;
    struct write_name before = writes_name(&checker->writes, other);
    want_write(finding, before.client, before.number);
}

bool take_begin(struct checker *checker, const struct history_line *line, const char *path)
{
    struct client *client = find_client(checker, line->client);
    struct write_name name = {.client = line->client, .number = line->value};
    uint32_t id;
    if (line->has_key != client->kind->by_key)
        return refuse_line(checker, line, path, "field 1 (kind): client %u is a %s", line->client,
                           client->kind->name);
    struct write *write = writes_add(&checker->writes, &client->writes, name, &id);
    if (!write)
        return refuse_line(checker, line, path,
                           "field 3 (value number): %lld is not among the %d that may follow %lld",
                           (long long)line->value, WRITES_SKIP_MAX + 1,
                           (long long)client->writes.last);
    write->state = WRITE_OPEN;
    write->time = line->time;
    write->partition = (uint16_t)line->partition;
    write->offset = -1;
    availability_begin(&checker->verdict->availability, client->profile, line->partition,
                       line->time);
    if (is_metadata(checker, line->partition))
        return true;
    if (client->kind->commits)
        return begin_commit(checker, line, path);
    if (client->kind->by_key && !begin_key(checker, line, path))
        return false;
    write->offset = checker->partitions[line->partition].acked_max;
    checker->verdict->counts.writes++;
    checker->verdict->counts.ops++;
    return true;
}

/* The write that a line completes. NULL: refused. */
static struct write *find_open(struct checker *checker, const struct history_line *line,
                               const char *path, uint32_t *id)
{
    const struct client *client = find_client(checker, line->client);
    struct write *write = writes_find(&checker->writes, &client->writes, line->value, id);
    if (!write || write->state == WRITE_NONE)
        refuse_line(checker, line, path, "field 3 (value number): client %u did not begin %lld",
                    line->client, (long long)line->value);
    else if (write->state != WRITE_OPEN)
        refuse_line(checker, line, path,
                    "field 3 (value number): %lld of client %u has ended before",
                    (long long)line->value, line->client);
    else
        return write;
    return NULL;
}

/* It was acknowledged to an offset. Errors  false: the offsets lie too far apart. */
static bool place_acked(struct checker *checker, struct write *write, uint32_t id, int64_t offset)
{
    struct partition *partition = &checker->partitions[write->partition];
    uint32_t there;
    check_above(checker, write, id, offset);
    if (!places_put(&checker->places, write->partition, offset, id, &there))
        return false;
    if (there != id)
        tell_shared_offset(checker, id, there, write->partition, offset);
    if ((write->flags & WRITE_PLACED) && write->offset != offset) {
        /* It was read before, and elsewhere. */
        mem_grow(checker->strays, checker->stray_count, &checker->stray_capacity);
        checker->strays[checker->stray_count++] = (struct stray){id, write->offset};
        write->flags = (uint8_t)((write->flags | WRITE_STRAY) & ~WRITE_READ);
    }
    write->flags |= WRITE_PLACED | WRITE_ACK_PLACE;
    write->offset = offset;
    if (offset > partition->acked_max)
        partition->acked_max = offset;
    return true;
}

bool take_acked(struct checker *checker, const struct history_line *line, const char *path)
{
    uint32_t id;
    struct write *write = find_open(checker, line, path, &id);
    if (!write)
        return false;
    const struct client *client = find_client(checker, line->client);
    if (line->offset < -1)
        return refuse_line(checker, line, path, "field 4 (offset): %lld is none",
                           (long long)line->offset);
    availability_acked(&checker->verdict->availability, client->profile, write->partition,
                       write->time, line->time);
    write->state = WRITE_ACKED;
    write->time = line->time;
    if (is_metadata(checker, write->partition))
        return true;
    if (client->kind->commits) {
        ack_commit(checker, write->partition, line->value, line->time);
        return true;
    }
    checker->verdict->counts.acked++;
    if (!client->kind->keeps)
        return true;
    if (line->offset >= 0 && !place_acked(checker, write, id, line->offset))
        return refuse_line(checker, line, path,
                           "field 4 (offset): offsets lie too far apart: more "
                           "than %d pages of %d",
                           PLACES_PAGES_MAX, PLACES_PAGE);
    return true;
}

bool take_failed(struct checker *checker, const struct history_line *line, const char *path)
{
    uint32_t id;
    struct write *write = find_open(checker, line, path, &id);
    if (!write)
        return false;
    const struct client *client = find_client(checker, line->client);
    bool is_failure =
        !client->kind->commits && outcome_is_failure(line->words[0], client->kind->tried_once);
    availability_tried(&checker->verdict->availability, client->profile, write->partition,
                       write->time, line->time);
    write->state = is_failure ? WRITE_FAILED : WRITE_UNKNOWN;
    if (is_failure && !is_metadata(checker, write->partition))
        checker->verdict->counts.failed++;
    return true;
}
