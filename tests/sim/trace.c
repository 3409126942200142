/* trace.c -- the ring of what happened last, and how it reads. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static const char *const probe_names[] = {
    [PROBE_RAFT_ROLE] = "raft-role",
    [PROBE_RAFT_VOTE] = "raft-vote",
    [PROBE_RAFT_GRANT] = "raft-grant",
    [PROBE_RAFT_DENY] = "raft-deny",
    [PROBE_RAFT_CREDIT] = "raft-credit",
    [PROBE_RAFT_COMMIT] = "raft-commit",
    [PROBE_RAFT_DIAL_REFUSED] = "raft-dial-refused",
    [PROBE_IMAGE] = "image",
    [PROBE_CONTROLLER] = "controller",
    [PROBE_LOG_OPEN] = "log-open",
    [PROBE_LOG_APPEND] = "log-append",
    [PROBE_LOG_TRUNCATE] = "log-truncate",
    [PROBE_LOG_RETIRE] = "log-retire",
    [PROBE_LOG_COMPACT] = "log-compact",
    [PROBE_LOG_DURABLE] = "log-durable",
    [PROBE_LOG_OFFLINE] = "log-offline",
    [PROBE_LOG_RESET] = "log-reset",
    [PROBE_LEADER] = "leader",
    [PROBE_FOLLOWER] = "follower",
    [PROBE_RESIGN] = "resign",
    [PROBE_ISR] = "isr",
    [PROBE_HIGH_WATERMARK] = "high-watermark",
    [PROBE_CREDIT] = "credit",
    [PROBE_ACK] = "ack",
    [PROBE_REFUSE] = "refuse",
    [PROBE_READ] = "read",
    [PROBE_ALTER_SENT] = "alter-sent",
    [PROBE_ALTER_ACCEPTED] = "alter-accepted",
    [PROBE_COORDINATOR] = "coordinator",
    [PROBE_DECIDED] = "decided",
    [PROBE_MARK] = "mark",
};

const char *probe_name(enum probe_kind kind)
{
    return (size_t)kind < sizeof probe_names / sizeof *probe_names && probe_names[kind]
               ? probe_names[kind]
               : "?";
}

static const char *const mark_names[WORLD_MARKS] = {
#define X(name) #name,
    PROBE_MARKS(X)
#undef X
};

const char *world_mark_name(enum world_mark mark)
{
    return mark_names[mark];
}

void world_mark(struct world *world, const char *name)
{
    for (int mark = 0; mark < WORLD_MARKS; mark++)
        if (strcmp(mark_names[mark], name) == 0) {
            world->marks[mark]++;
            return;
        }
    world_violation(world, "marks", "a core marks \"%s\", which probe.h does not list", name);
}

void world_print_entry(const struct world_entry *entry)
{
    printf("%10.3f ms ", (double)entry->time / 1000);
    if (entry->node > 0)
        printf("node %d  ", entry->node);
    else
        printf("        ");
    if (entry->is_note) {
        printf("%s\n", entry->note);
        return;
    }
    const struct probe *probe = &entry->probe;
    printf("%-14s %02x%02x/%d epoch %d peer %d offset %lld value %lld other %lld count %d%s %s\n",
           probe_name(probe->kind), probe->key.topic_id.bytes[0], probe->key.topic_id.bytes[15],
           probe->key.index, probe->epoch, probe->peer, (long long)probe->offset,
           (long long)probe->value, (long long)probe->other, probe->count,
           probe->flag ? " flag" : "", probe->text ? probe->text : "");
}

static struct world_entry *next_entry(struct world *world, node_id node)
{
    struct world_entry *entry = &world->ring[world->ring_count++ % WORLD_RING];
    entry->time = world->kernel.now;
    entry->node = node;
    return entry;
}

void world_note(struct world *world, const struct sim_node *node, const char *format, ...)
{
    struct world_entry *entry = next_entry(world, node ? node->id : 0);
    entry->is_note = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry->note, sizeof entry->note, format, arguments);
    va_end(arguments);
    if (world->options.verbose)
        world_print_entry(entry);
}

void world_take_line(void *context, enum trace_level level, const char *text)
{
    struct sim_shard *shard = context;
    static const char letters[] = "DIWE";
    world_note(shard->node->world, shard->node, "[%u] %c %s", shard->index, letters[level], text);
}

void trace_probe(struct world *world, const struct sim_node *node, const struct probe *probe)
{
    struct world_entry *entry = next_entry(world, node->id);
    entry->is_note = false;
    entry->probe = *probe;
    entry->probe.object = NULL;
    entry->probe.bytes = (struct bytes){0};
    if (world->options.verbose)
        world_print_entry(entry);
}

void world_violation(struct world *world, const char *checker, const char *format, ...)
{
    printf("---- the last events\n");
    uint64_t from = world->ring_count > WORLD_RING ? world->ring_count - WORLD_RING : 0;
    for (uint64_t i = from; i < world->ring_count; i++)
        world_print_entry(&world->ring[i % WORLD_RING]);
    printf("VIOLATION %s: ", checker);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\nseed %llu, %.3f virtual ms, %llu events; replay: skiff-sim --seed %llu --verbose\n",
           (unsigned long long)world->options.seed, (double)world->kernel.now / 1000,
           (unsigned long long)world->kernel.done, (unsigned long long)world->options.seed);
    fflush(stdout);
    _Exit(WORLD_EXIT_VIOLATION);
}
