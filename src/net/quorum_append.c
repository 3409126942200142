/* quorum_append.c -- what this node appends to the metadata log as its leader. */
#include "quorum_state.h"

#include "office.h"

/* Owns    takes `batch`.
 * Errors  the log's own: nothing was appended. */
static enum err append_batch(struct quorum *quorum, struct buf *batch, log_epoch epoch)
{
    struct batch_info info;
    struct slice slice = {.buf = batch, .bytes = {.data = batch->data, .size = batch->size}};
    struct log_appended appended;
    check(batch_read(slice.bytes, &info) == ERR_NONE);
    enum err result = log_append(quorum->log, &slice, &info, epoch, &appended);
    buf_unref(batch);
    if (result == ERR_NONE)
        quorum->dirty = true;
    return result;
}

/* Without these records there is no epoch. */
static void append_opening(struct quorum *quorum, struct buf *batch, log_epoch epoch)
{
    if (append_batch(quorum, batch, epoch) != ERR_NONE)
        env_fatal(quorum->shard->env, "the metadata log takes no records");
}

static struct buf *build_records(struct quorum *quorum, const struct record *records,
                                 uint32_t count)
{
    struct arena arena = {0};
    struct batch_record *rows = arena_array(&arena, struct batch_record, count);
    for (uint32_t i = 0; i < count; i++)
        rows[i].value = record_encode(&records[i], &arena);
    struct batch_spec spec = batch_spec(log_ends(quorum->log)->end, raft_epoch(quorum->raft),
                                        env_wall(quorum->shard->env));
    struct buf *batch = batch_build(&spec, rows, count);
    arena_free(&arena);
    return batch;
}

/* Kafka's LeaderChangeMessage, version 0: who leads, the voters, who granted. */
static struct buf *build_leader_change(struct quorum *quorum, const struct raft_out *out)
{
    uint8_t value[16 + 2 * RAFT_VOTERS_MAX * 5];
    struct wire_writer writer;
    wire_writer_init(&writer, value, sizeof value, NULL, 0);
    wire_write_int16(&writer, 0);
    wire_write_int32(&writer, quorum->shard->config->node_id);
    wire_write_uvarint(&writer, out->voter_count + 1);
    for (uint32_t i = 0; i < out->voter_count; i++) {
        wire_write_int32(&writer, out->voters[i].id);
        wire_write_uvarint(&writer, 0);
    }
    wire_write_uvarint(&writer, out->granting_count + 1);
    for (uint32_t i = 0; i < out->granting_count; i++) {
        wire_write_int32(&writer, out->granting[i]);
        wire_write_uvarint(&writer, 0);
    }
    wire_write_uvarint(&writer, 0);
    struct batch_spec spec =
        batch_spec(log_ends(quorum->log)->end, out->epoch, env_wall(quorum->shard->env));
    return batch_build_control(&spec, BATCH_CONTROL_LEADER_CHANGE,
                               (struct bytes){.data = value, .size = writer.size});
}

/* The first batch of a cluster holds its id and voters, so that no torn tail can
 * leave a log that belongs to nobody. */
static void quorum_form(struct quorum *quorum, const struct raft_out *out)
{
    struct record records[2] = {
        {.type = RECORD_CLUSTER,
         .cause = STR("forming"),
         .cluster = {.cluster_id = out->cluster_id, .level = RECORD_LEVEL}},
        {.type = RECORD_VOTERS, .cause = STR("forming"), .voters = {.count = out->voter_count}},
    };
    for (uint32_t i = 0; i < out->voter_count; i++)
        records[1].voters.voters[i] =
            (struct record_voter){.id = out->voters[i].id, .directory = out->voters[i].directory};
    log_offset base = log_ends(quorum->log)->end;
    append_opening(quorum, build_records(quorum, records, 2), out->epoch);
    struct raft_event event = {.kind = RAFT_VOTERS,
                               .offset = base + 1,
                               .voters = out->voters,
                               .voter_count = out->voter_count,
                               .cluster_id = out->cluster_id};
    struct raft_out ignored;
    quorum_step(quorum, &event, &ignored);
}

static void quorum_step_appended(struct quorum *quorum, log_epoch epoch)
{
    struct raft_out out;
    struct raft_event event = {
        .kind = RAFT_LOG_APPENDED, .epoch = epoch, .offset = log_ends(quorum->log)->end};
    quorum_step(quorum, &event, &out);
}

void quorum_open_epoch(struct quorum *quorum, const struct raft_out *out)
{
    log_begin_epoch(quorum->log, out->epoch);
    if (out->form)
        quorum_form(quorum, out);
    append_opening(quorum, build_leader_change(quorum, out), out->epoch);
    quorum_step_appended(quorum, out->epoch);
    office_enter(quorum->shard->office, out->epoch);
}

enum err quorum_append(struct quorum *quorum, const struct record *records, uint32_t count)
{
    if (!quorum_leads(quorum))
        return ERR_NOT_CONTROLLER;
    struct buf *batch = build_records(quorum, records, count);
    enum err result = append_batch(quorum, batch, raft_epoch(quorum->raft));
    if (result != ERR_NONE)
        return result;
    quorum_step_appended(quorum, raft_epoch(quorum->raft));
    /* A pause may have outlasted the check-quorum: the step has ended our leadership. */
    return quorum_leads(quorum) ? ERR_NONE : ERR_UNCONFIRMED;
}
