/* check_end.c -- what only shows once all lines have been taken: what is missing, and what jumps
 * and second places mean. */
#include <stdio.h>

#include "checker_state.h"

/* How a client's writes stood so far in one partition, in the order of their numbers. */
struct order {
    uint32_t client; /* Plus one: whose this is. */
    int64_t acked;   /* The highest offset told; -1: none. */
    int64_t acked_value;
    int64_t read;
    int64_t read_value;
};

/* ---- One write. */

/* The nearest offset below or above one of whose record something was read since the final read
 * began; -1: none that is near. */
static int64_t near_read(struct checker *checker, uint32_t partition, int64_t at, bool is_above)
{
    const struct final_read *final = &checker->verdict->finals[partition];
    uint32_t id;
    for (int tries = 0; tries < PLACES_PAGE; tries++) {
        at = is_above ? places_next(&checker->places, partition, at + 1, &id)
                      : places_before(&checker->places, partition, at, &id);
        if (at < 0 || writes_at(&checker->writes, id)->seen >= final->seen)
            return at;
    }
    return -1;
}

/* What the final reader got around the place, and that it went on to the end. */
static void want_around(struct checker *checker, struct finding *finding, const struct write *write)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    if (!finding)
        return;
    if (write->flags & WRITE_PLACED) {
        want_read(finding, final->client, write->partition,
                  near_read(checker, write->partition, write->offset, false));
        want_read(finding, final->client, write->partition,
                  near_read(checker, write->partition, write->offset, true));
    } else {
        want_read(finding, final->client, write->partition, final->last);
    }
    want_line(finding, 'z', final->client, write->partition, WANT_ANY);
}

static void tell_lost(struct checker *checker, const struct write *write, struct write_name name)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    bool has_place = (write->flags & WRITE_PLACED) != 0;
    bool is_passed = has_place && write->offset < final->last;
    bool is_above = has_place && write->offset >= final->end;
    char place[32] = "an unknown offset";
    if (has_place)
        snprintf(place, sizeof place, "offset %lld", (long long)write->offset);
    struct finding *finding = findings_add(
        &checker->verdict->findings, is_passed || is_above ? FINDING_LOST_WRITE : FINDING_UNSEEN,
        "partition %u: value %lld of client %u was acknowledged at %s, %sand the final read, which "
        "%s, did not get it",
        write->partition, (long long)name.number, name.client, place,
        write->seen ? "read before, " : "",
        is_above    ? "then found the log's end below"
        : is_passed ? "went on above it"
                    : "went to the log's end");
    want_write(finding, name.client, name.number);
    if (write->seen)
        want_read_of(finding, write->partition, write->offset, name.client, name.number);
    if (is_above)
        want_line(finding, 's', final->client, write->partition, WANT_ANY);
    want_around(checker, finding, write);
}

static void tell_gone(struct checker *checker, enum finding_class class, const struct write *write,
                      struct write_name name)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    struct finding *finding = findings_add(
        &checker->verdict->findings, class,
        "partition %u: value %lld of client %u was read at offset %lld, and the final read, which "
        "%s, did not get it",
        write->partition, (long long)name.number, name.client, (long long)write->offset,
        class == FINDING_DIRTY_READ ? "passed there" : "found the log's end below");
    want_write(finding, name.client, name.number);
    want_read_of(finding, write->partition, write->offset, name.client, name.number);
    if (class == FINDING_DIRTY_READ) {
        want_around(checker, finding, write);
        return;
    }
    want_line(finding, 's', final->client, write->partition, WANT_ANY);
    want_line(finding, 'z', final->client, write->partition, WANT_ANY);
}

/* An acknowledgement of which the final read says nothing. */
static void tell_silent(struct checker *checker, const struct write *write, struct write_name name)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    if (write->flags & WRITE_PLACED)
        add_reason(
            checker->verdict,
            "partition %u: value %lld of client %u was acknowledged at offset %lld; the final "
            "read, which began %s, went from %lld to %lld",
            write->partition, (long long)name.number, name.client, (long long)write->offset,
            write->time < final->begun ? "after" : "before", (long long) final->from,
            (long long) final->end);
    else
        add_reason(
            checker->verdict,
            "partition %u: value %lld of client %u was acknowledged without an offset, after "
            "the final read began",
            write->partition, (long long)name.number, name.client);
}

/* What the last final read of its partition says about a write that was not read since. It speaks
 * of what was acknowledged before it began, at the offsets that it went through. */
static void check_absent(struct checker *checker, const struct client *client,
                         const struct write *write, struct write_name name)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    bool is_kept = write->state == WRITE_ACKED && client->kind->keeps;
    bool has_place = (write->flags & WRITE_PLACED) != 0;
    bool is_below = has_place && write->offset < final->from;
    bool is_above = has_place && write->offset >= final->end;
    bool is_late = (!has_place || is_above) && write->time >= final->begun;
    if (is_kept && (is_below || is_late))
        tell_silent(checker, write, name);
    else if (is_kept)
        tell_lost(checker, write, name);
    else if (write->seen && !is_below)
        tell_gone(checker, is_above ? FINDING_BEYOND_WATERMARK : FINDING_DIRTY_READ, write, name);
    else if (write->state == WRITE_ACKED)
        checker->verdict->counts.lost_acks1++;
}

static void check_failed_read(struct checker *checker, const struct write *write,
                              struct write_name name)
{
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_ABORTED_READ,
        "partition %u: value %lld of client %u had surely failed, and was read at "
        "offset %lld",
        write->partition, (long long)name.number, name.client, (long long)write->offset);
    want_write(finding, name.client, name.number);
    want_read_of(finding, write->partition, write->offset, name.client, name.number);
}

/* ---- The order of one client's writes. */

static void tell_order(struct checker *checker, enum finding_class class, const struct write *write,
                       struct write_name name, int64_t before, int64_t before_value)
{
    struct finding *finding = findings_add(
        &checker->verdict->findings, class,
        "partition %u: value %lld of client %u stands at offset %lld, below its value %lld at %lld",
        write->partition, (long long)name.number, name.client, (long long)write->offset,
        (long long)before_value, (long long)before);
    want_write(finding, name.client, before_value);
    want_write(finding, name.client, name.number);
    if (class == FINDING_NONMONOTONIC_SEND)
        return;
    want_read_of(finding, write->partition, before, name.client, before_value);
    want_read_of(finding, write->partition, write->offset, name.client, name.number);
}

static void check_order(struct checker *checker, const struct client *client, struct write *write,
                        struct write_name name, struct order *order)
{
    if (order->client != client->number + 1)
        *order = (struct order){.client = client->number + 1, .acked = -1, .read = -1};
    if (write->flags & WRITE_READ) {
        if (write->offset < order->read && client->kind->ordered)
            tell_order(checker, FINDING_REORDERED, write, name, order->read, order->read_value);
        else if (write->offset < order->read)
            checker->verdict->counts.disordered++;
        if (write->offset > order->read) {
            order->read = write->offset;
            order->read_value = name.number;
        }
    }
    if (!(write->flags & WRITE_ACK_PLACE))
        return;
    if (write->offset < order->acked && client->kind->ordered && !(write->flags & WRITE_SEND_TOLD))
        tell_order(checker, FINDING_NONMONOTONIC_SEND, write, name, order->acked,
                   order->acked_value);
    if (write->offset > order->acked) {
        order->acked = write->offset;
        order->acked_value = name.number;
    }
}

static void check_write(struct checker *checker, const struct client *client, struct write *write,
                        struct write_name name, struct order *orders)
{
    struct checker_counts *counts = &checker->verdict->counts;
    if (write->state == WRITE_OPEN)
        availability_tried(&checker->verdict->availability, client->profile, write->partition,
                           write->time, merge_end_time(checker->merge, client->file));
    if (write->state == WRITE_NONE || write->partition == checker->verdict->head.partitions)
        return;
    bool is_unknown = write->state == WRITE_OPEN || write->state == WRITE_UNKNOWN;
    checker->partitions[write->partition].may_hold |= is_unknown || write->state == WRITE_ACKED;
    counts->unknown += is_unknown;
    counts->unknown_found += is_unknown && write->seen;
    if (write->state == WRITE_FAILED && write->seen)
        check_failed_read(checker, write, name);
    if (write->state == WRITE_ACKED)
        check_order(checker, client, write, name, &orders[write->partition]);
    const struct final_read *final = &checker->verdict->finals[write->partition];
    if (final->is_there && write->seen < final->seen && !client->kind->by_key)
        check_absent(checker, client, write, name);
}

static void check_writes(struct checker *checker)
{
    struct order *orders = mem_zalloc(checker->verdict->head.partitions * sizeof *orders);
    for (uint32_t i = 0; i < checker->client_count; i++) {
        const struct client *client = checker->clients[i];
        if (client && client->kind->commits)
            continue;
        for (int64_t number = 0; client && number <= client->writes.last; number++) {
            uint32_t id;
            struct write *write = writes_find(&checker->writes, &client->writes, number, &id);
            if (!write)
                continue;
            check_write(checker, client, write, (struct write_name){client->number, number},
                        orders);
            if (client->kind->keeps && !client->kind->by_key)
                check_delivered(checker, write, id);
        }
    }
    mem_free(orders);
}

/* ---- Second places. */

static void tell_stray(struct checker *checker, const struct write *write, struct write_name name,
                       int64_t offset)
{
    bool is_duplicate = (write->flags & WRITE_READ) != 0;
    struct finding *finding =
        findings_add(&checker->verdict->findings,
                     is_duplicate ? FINDING_DUPLICATE : FINDING_INCONSISTENT_OFFSETS,
                     "partition %u: value %lld of client %u %s offset %lld, and was read at %lld",
                     write->partition, (long long)name.number, name.client,
                     is_duplicate ? "was read at" : "was acknowledged at", (long long)write->offset,
                     (long long)offset);
    want_write(finding, name.client, name.number);
    want_read_of(finding, write->partition, write->offset, name.client, name.number);
    want_read_of(finding, write->partition, offset, name.client, name.number);
}

/* A client that gave up on one write may have to begin a new epoch of its producer, and sends all
 * that is open once more: no broker can know these records again. So what was never acknowledged
 * may stand twice, but of a client that does not send again. */
static bool may_repeat(const struct checker *checker, const struct write *write,
                       struct write_name name)
{
    const struct client_kind *kind = find_client(checker, name.client)->kind;
    return !kind->once || (write->state != WRITE_ACKED && !kind->tried_once);
}

static void check_strays(struct checker *checker)
{
    for (uint32_t i = 0; i < checker->stray_count; i++) {
        const struct stray *stray = &checker->strays[i];
        struct write *write = writes_at(&checker->writes, stray->id);
        struct write_name name = writes_name(&checker->writes, stray->id);
        if (write->flags & WRITE_TOLD)
            continue;
        write->flags |= WRITE_TOLD;
        if ((write->flags & WRITE_READ) && may_repeat(checker, write, name))
            checker->verdict->counts.repeated++;
        else
            tell_stray(checker, write, name, stray->offset);
    }
}

/* ---- Jumps. */

/* A record in between that someone read while the log was as this reader saw it. Others that are
 * missing there are lost, and told so. */
static void check_jump(struct checker *checker, const struct jump *jump)
{
    uint32_t id;
    int64_t at = jump->low;
    while ((at = places_next(&checker->places, jump->partition, at + 1, &id)) >= 0 &&
           at < jump->high) {
        const struct write *write = writes_at(&checker->writes, id);
        bool is_read = write->offset != at || (write->flags & WRITE_READ);
        struct write_name name = writes_name(&checker->writes, id);
        bool may_go = find_client(checker, name.client)->kind->by_key;
        if (!is_read || write->seen < jump->seen || may_go)
            continue;
        struct finding *finding =
            findings_add(&checker->verdict->findings, FINDING_POLL_SKIP,
                         "partition %u: reader %u went from offset %lld to %lld, and did not get "
                         "value %lld of client %u at %lld",
                         jump->partition, jump->client, (long long)jump->low, (long long)jump->high,
                         (long long)name.number, name.client, (long long)at);
        want_read(finding, jump->client, jump->partition, jump->low);
        want_read(finding, jump->client, jump->partition, jump->high);
        want_read_of(finding, jump->partition, at, name.client, name.number);
        if (finding &&
            (jump->low < 0 || checker->verdict->finals[jump->partition].client == jump->client)) {
            want_line(finding, 's', jump->client, jump->partition, WANT_ANY);
            want_line(finding, 'z', jump->client, jump->partition, WANT_ANY);
        }
        return;
    }
}

/* ---- Values without a write. */

static void tell_unborn(struct checker *checker, const struct unborn *unborn, bool is_later)
{
    struct finding *finding =
        findings_add(&checker->verdict->findings, FINDING_NEVER_WRITTEN,
                     "partition %u: offset %lld holds value %lld of client %u, which %s",
                     unborn->partition, (long long)unborn->offset, (long long)unborn->value,
                     unborn->writer, is_later ? "had not begun to write it" : "never wrote it");
    want_line(finding, 'c', unborn->writer, WANT_ANY, WANT_ANY);
    want_line(finding, 'c', unborn->client, WANT_ANY, WANT_ANY);
    want_write(finding, unborn->writer, unborn->value);
    want_read_of(finding, unborn->partition, unborn->offset, unborn->writer, unborn->value);
}

/* A writer whose file was cut short may have written what it does not say; a value of a client
 * that no file declares shows that a file is missing. */
static void check_unborn(struct checker *checker)
{
    uint64_t cut = 0;
    for (uint32_t i = 0; i < checker->unborn_count; i++) {
        const struct unborn *unborn = &checker->unborn[i];
        const struct client *writer = find_client(checker, unborn->writer);
        uint32_t id;
        if (!writer) {
            add_reason(checker->verdict,
                       "partition %u: offset %lld holds a value of client %u, whose history is not "
                       "here",
                       unborn->partition, (long long)unborn->offset, unborn->writer);
            continue;
        }
        const struct write *write =
            writes_find(&checker->writes, &writer->writes, unborn->value, &id);
        bool is_later = write && write->state != WRITE_NONE;
        if (!is_later && merge_is_cut(checker->merge, writer->file))
            cut++;
        else
            tell_unborn(checker, unborn, is_later);
    }
    if (cut)
        add_reason(checker->verdict,
                   "%llu values were read that writers with a history cut short "
                   "may have written",
                   (unsigned long long)cut);
}

/* ---- Partitions. */

static void check_dip(struct checker *checker, uint32_t partition, const struct dip *dip)
{
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_BEYOND_WATERMARK,
        "partition %u: reader %u saw the high watermark at %lld after it had got offset %lld, and "
        "it never came back",
        partition, dip->client, (long long)dip->high_watermark, (long long)dip->last);
    const struct final_read *final = &checker->verdict->finals[partition];
    want_line(finding, 'c', dip->client, WANT_ANY, WANT_ANY);
    want_read(finding, dip->client, partition, dip->last);
    want_line(finding, 'h', dip->client, partition, dip->high_watermark);
    if (final->is_there)
        want_line(finding, 'z', final->client, partition, WANT_ANY);
}

static void check_partitions(struct checker *checker)
{
    struct verdict *verdict = checker->verdict;
    for (uint32_t i = 0; i < verdict->head.partitions; i++) {
        const struct partition *partition = &checker->partitions[i];
        if (partition->dip.is_open)
            check_dip(checker, i, &partition->dip);
        if (partition->may_hold && !verdict->finals[i].is_there)
            add_reason(verdict, "partition %u: nobody read it to its end at last", i);
    }
    if (!verdict->counts.acked && !verdict->counts.commits)
        add_reason(verdict, "nothing was acknowledged");
    if (!checker->has_reader)
        add_reason(verdict, "there is no reader");
    if (checker->too_many_jumps)
        add_reason(verdict, "readers went over more than %d gaps: not all were looked at",
                   CHECKER_GAPS_MAX);
}

void check_end(struct checker *checker)
{
    places_sort(&checker->places);
    check_strays(checker);
    check_writes(checker);
    for (uint32_t i = 0; i < checker->jump_count; i++)
        check_jump(checker, &checker->jumps[i]);
    check_unborn(checker);
    check_commits(checker);
    check_keys(checker);
    check_members(checker);
    check_partitions(checker);
}
