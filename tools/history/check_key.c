/* check_key.c -- keys of a compacted topic: what was acknowledged last for each stays.
 *
 * Compaction takes records away that a later one of their key replaces, and moves none. So what is
 * true of a log's order and offsets is true here, too, and only what may be missing is another
 * matter: a final read gives of each key the value that was acknowledged last, or one above it; a
 * tombstone may be gone, but not without what it deleted. A key has one writer and one partition,
 * so the order of its acknowledged values is that of their numbers. What has no answer may stand
 * anywhere; a tombstone among it may have taken away what was written before it, and nothing that
 * was acknowledged later: an idempotent writer's records stand in their order, or not at all.
 *
 * Where no acknowledged record is missing nothing was compacted, and this has shown nothing. */
#include <stdio.h>

#include "checker_state.h"

static const uint32_t NO_KEY = UINT32_MAX;

/* What the final read had of one key. */
struct key_end {
    const struct write *acked; /* The last one; NULL: none was. */
    int64_t acked_value;
    const struct write *found; /* The highest that it got; NULL: none. */
    int64_t found_value;
    bool is_deleted;     /* The last acknowledged one is a tombstone. */
    bool may_be_deleted; /* A tombstone since then has no answer. */
};

/* ---- Lines. */

void keys_free(struct keys *keys)
{
    if (!keys)
        return;
    mem_free(keys->of_values);
    mem_free(keys->partitions);
    mem_free(keys);
}

/* The key of a value, and whether it deletes it; NO_KEY: it has none. */
static uint32_t key_of(const struct client *client, int64_t value, bool *is_tombstone)
{
    const struct keys *keys = client->keys;
    if (!keys || value >= keys->value_count || keys->of_values[value] == NO_KEY)
        return NO_KEY;
    *is_tombstone = keys->of_values[value] % 2 != 0;
    return keys->of_values[value] / 2;
}

bool begin_key(struct checker *checker, const struct history_line *line, const char *path)
{
    struct client *client = find_client(checker, line->client);
    if (!client->keys)
        client->keys = mem_zalloc(sizeof *client->keys);
    struct keys *keys = client->keys;
    while (keys->value_count <= line->value) {
        mem_grow(keys->of_values, keys->value_count, &keys->value_capacity);
        keys->of_values[keys->value_count++] = NO_KEY;
    }
    while (keys->key_count <= line->key) {
        mem_grow(keys->partitions, keys->key_count, &keys->key_capacity);
        keys->partitions[keys->key_count++] = UINT32_MAX;
    }
    keys->of_values[line->value] = 2 * line->key + line->is_tombstone;
    uint32_t *partition = &keys->partitions[line->key];
    if (*partition != UINT32_MAX && *partition != line->partition)
        return refuse_line(checker, line, path, "field 4 (partition): key %u of client %u is of %u",
                           line->key, line->client, *partition);
    *partition = line->partition;
    return true;
}

void check_read_key(struct checker *checker, const struct history_line *line)
{
    bool is_tombstone;
    const struct client *writer = find_client(checker, line->writer);
    uint32_t key = key_of(writer, line->value, &is_tombstone);
    if (key == line->key)
        return;
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_NEVER_WRITTEN,
        "partition %u: offset %lld holds value %lld of client %u under key %u, where it was not "
        "written",
        line->partition, (long long)line->offset, (long long)line->value, line->writer, line->key);
    want_write(finding, line->writer, line->value);
    want_line(finding, 'c', line->client, WANT_ANY, WANT_ANY);
    want_read_of(finding, line->partition, line->offset, line->writer, line->value);
}

/* ---- The end. */

static void tell_lost_key(struct checker *checker, const struct client *client, uint32_t key,
                          const struct key_end *end)
{
    const struct final_read *final = &checker->verdict->finals[end->acked->partition];
    char place[64] = "is not there any more";
    if (end->found)
        snprintf(place, sizeof place, "ends with value %lld at offset %lld",
                 (long long)end->found_value, (long long)end->found->offset);
    struct finding *finding = findings_add(
        &checker->verdict->findings, FINDING_LOST_KEY,
        "partition %u: key %u of client %u %s, although value %lld%s was acknowledged%s",
        end->acked->partition, key, client->number, place, (long long)end->acked_value,
        end->is_deleted ? ", which deletes it," : "", end->found ? " later" : "");
    want_write(finding, client->number, end->acked_value);
    if (end->found) {
        want_write(finding, client->number, end->found_value);
        want_read_of(finding, end->found->partition, end->found->offset, client->number,
                     end->found_value);
    }
    want_line(finding, 'z', final->client, end->acked->partition, WANT_ANY);
}

/* Whether what was found is older than what was acknowledged last. */
static bool is_stale(const struct key_end *end)
{
    if (end->found == end->acked)
        return false;
    if (end->acked->flags & WRITE_PLACED)
        return end->found->offset < end->acked->offset;
    return end->found->state == WRITE_ACKED && end->found_value < end->acked_value;
}

static void check_one_key(struct checker *checker, const struct client *client, uint32_t key,
                          const struct key_end *end)
{
    const struct final_read *final = &checker->verdict->finals[client->keys->partitions[key]];
    if (!end->acked)
        return;
    checker->verdict->counts.keys++;
    if (!final->is_there)
        return; /* That nobody read it to its end is told of the partition. */
    if (final->from > 0 || end->acked->time >= final->begun) {
        add_reason(checker->verdict,
                   "partition %u: the final read began at %lld, or before value %lld of client %u "
                   "was acknowledged",
                   end->acked->partition, (long long) final->from, (long long)end->acked_value,
                   client->number);
        return;
    }
    bool may_be_gone = end->is_deleted || end->may_be_deleted;
    checker->verdict->counts.keys_judged += end->found || !end->may_be_deleted;
    if (end->found ? is_stale(end) : !may_be_gone)
        tell_lost_key(checker, client, key, end);
}

static void take_value(struct checker *checker, const struct write *write, int64_t value,
                       bool is_tombstone, struct key_end *end)
{
    const struct final_read *final = &checker->verdict->finals[write->partition];
    bool is_found = final->is_there && write->seen >= final->seen;
    if (write->state == WRITE_ACKED) {
        bool is_passed = final->is_there && !is_found && (write->flags & WRITE_PLACED) &&
                         write->offset < final->end;
        checker->verdict->counts.keys_compacted += is_passed;
        end->acked = write;
        end->acked_value = value;
        end->is_deleted = is_tombstone;
        end->may_be_deleted = false;
    } else if (write->state != WRITE_FAILED) {
        end->may_be_deleted |= is_tombstone;
    }
    if (is_found && (!end->found || write->offset > end->found->offset)) {
        end->found = write;
        end->found_value = value;
    }
}

static void check_writer(struct checker *checker, const struct client *client)
{
    struct key_end *ends = mem_zalloc(client->keys->key_count * sizeof *ends);
    for (int64_t value = 0; value <= client->writes.last; value++) {
        uint32_t id;
        bool is_tombstone;
        uint32_t key = key_of(client, value, &is_tombstone);
        const struct write *write = writes_find(&checker->writes, &client->writes, value, &id);
        if (key != NO_KEY && write && write->state != WRITE_NONE)
            take_value(checker, write, value, is_tombstone, &ends[key]);
    }
    for (uint32_t key = 0; key < client->keys->key_count; key++)
        if (client->keys->partitions[key] != UINT32_MAX)
            check_one_key(checker, client, key, &ends[key]);
    mem_free(ends);
}

void check_keys(struct checker *checker)
{
    const struct checker_counts *counts = &checker->verdict->counts;
    for (uint32_t i = 0; i < checker->client_count; i++)
        if (checker->clients[i] && checker->clients[i]->keys)
            check_writer(checker, checker->clients[i]);
    if (counts->keys && !counts->keys_judged && !checker->verdict->reason_count)
        add_reason(checker->verdict,
                   "no key is left to judge: tombstones without an answer may have deleted all");
    if (counts->keys && !counts->keys_compacted)
        add_reason(checker->verdict,
                   "no acknowledged record of a key is missing: nothing was compacted, so that "
                   "keys stayed says nothing");
}
