/* replica_fixture.h -- nodes A, B, C (and D, E) of one partition, seen from one of them.
 *
 * RF 3, min ISR 2, synced before an acknowledgement, lag time 3000 ms, unless said. */
#ifndef TEST_REPLICA_FIXTURE_H
#define TEST_REPLICA_FIXTURE_H

#include <criterion/criterion.h>

#include "replica.h"

enum { A = 1, B, C, D, E };
enum { LAG = 3000, BACKOFF = 100 };

#define NODES(...)                                                                                 \
    ((struct replica_nodes){.count = sizeof((node_id[]){__VA_ARGS__}) / sizeof(node_id),           \
                            .ids = {__VA_ARGS__}})

/* What each test may turn: broker epochs (-1: fenced), who came when, the record, the log, the
 * clock. */
struct fixture {
    broker_epoch epochs[8];
    mono_ms heard[8]; /* 0: never. */
    struct replica_partition record;
    struct replica_log log;
    struct replica_out out;
    struct replica *replica;
    mono_ms now;
};

static inline broker_epoch fixture_active(const void *context, node_id node)
{
    return ((const struct fixture *)context)->epochs[node];
}

static inline mono_ms fixture_heard(const void *context, node_id node)
{
    mono_ms at = ((const struct fixture *)context)->heard[node];
    return at ? at : MONO_NEVER;
}

static inline void fixture_apply(struct fixture *fixture)
{
    fixture->record.partition_epoch++;
    replica_apply(fixture->replica, fixture->now, &fixture->record, fixture->epochs[A],
                  &fixture->out);
}

/* A node whose log ends at `end`, all synced, before any record. */
static inline void fixture_open(struct fixture *fixture, log_offset end)
{
    *fixture = (struct fixture){.epochs = {-1, 100, 200, 300, 400, 500, -1, -1}, .now = 1000};
    fixture->log = (struct replica_log){.synced = end, .written = end, .end = end, .last_epoch = 4};
    fixture->record = (struct replica_partition){.leader = A,
                                                 .leader_epoch = 5,
                                                 .partition_epoch = 10,
                                                 .granted = 100,
                                                 .replicas = NODES(A, B, C),
                                                 .isr = NODES(A, B, C),
                                                 .min_isr = 2,
                                                 .flush_each = true};
    struct replica_config config = {.self = A,
                                    .lag_time_max_ms = LAG,
                                    .retry_backoff_ms = BACKOFF,
                                    .active = fixture_active,
                                    .heard = fixture_heard,
                                    .context = fixture};
    fixture->replica = replica_open(&config, &fixture->log, 0);
}

/* A leads epoch 5 from `end` on. */
static inline void fixture_lead(struct fixture *fixture, log_offset end, struct replica_nodes isr)
{
    fixture_open(fixture, end);
    fixture->record.isr = isr;
    fixture_apply(fixture);
}

/* The log now ends at `end`, of which `synced` is durable. */
static inline void fixture_grow(struct fixture *fixture, log_offset synced, log_offset end)
{
    fixture->log.synced = synced;
    fixture->log.written = end;
    fixture->log.end = end;
    replica_on_log(fixture->replica, fixture->now, &fixture->log, &fixture->out);
}

static inline enum err fixture_fetch(struct fixture *fixture, node_id node, log_offset offset)
{
    struct replica_fetch fetch = {.node = node,
                                  .epoch = fixture->epochs[node] >= 0 ? fixture->epochs[node]
                                                                      : node * 100,
                                  .current = fixture->record.leader_epoch,
                                  .offset = offset,
                                  .matched = true};
    return replica_on_fetch(fixture->replica, fixture->now, &fetch, &fixture->out);
}

static inline void fixture_altered(struct fixture *fixture, enum err err)
{
    replica_on_altered(fixture->replica, fixture->now, fixture->record.partition_epoch, err,
                       &fixture->out);
}

static inline void fixture_tick(struct fixture *fixture, mono_ms after)
{
    fixture->now += after;
    replica_tick(fixture->replica, fixture->now, &fixture->out);
}

static inline log_offset fixture_high_watermark(const struct fixture *fixture)
{
    return replica_high_watermark(fixture->replica);
}

/* The members of the proposal in `out` as digits in their order, 132 say; 0: none. */
static inline int fixture_proposed(const struct fixture *fixture)
{
    int digits = 0;
    for (uint32_t i = 0; fixture->out.propose && i < fixture->out.proposal.count; i++)
        digits = 10 * digits + fixture->out.proposal.isr[i].id;
    return digits;
}

static inline void fixture_close(struct fixture *fixture)
{
    replica_close(fixture->replica);
}

#endif
