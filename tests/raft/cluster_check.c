/* cluster_check.c -- the invariants R1, R2, R4, R5, R7, R8, R9, R11 and R13.
 *
 * The checkers see what the harness sees: logs, disks and messages, never the inside
 * of a core. */
#include <stdarg.h>
#include <stdio.h>

#include "cluster.h"

void violate(struct cluster *cluster, const char *format, ...)
{
    va_list arguments;

    if (cluster->violation[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(cluster->violation, sizeof cluster->violation, format, arguments);
    va_end(arguments);
    cluster_trace(cluster, "violation: %s", cluster->violation);
}

static bool record_equal(const struct record *a, const struct record *b)
{
    return a->epoch == b->epoch && a->value == b->value;
}

static bool prefix_equal(const struct records *a, const struct records *b, uint32_t count)
{
    if (a->count < count || b->count < count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!record_equal(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

/* Records that leaders of epochs below `epoch` have committed. */
static uint32_t committed_before(const struct cluster *cluster, log_epoch epoch)
{
    uint32_t count = 0;

    while (count < cluster->committed.count && cluster->committed.items[count].committed_in < epoch)
        count++;
    return count;
}

/* R1: one leader an epoch. R5: it holds everything that was ever committed. */
void check_leader(struct cluster *cluster, const struct node *node)
{
    log_epoch epoch = node->role_epoch;
    struct raft_voter *known = &cluster->leaders[epoch % CLUSTER_EPOCHS_MAX];

    if (known->id != 0 && (known->id != node->id || !uuid_equal(known->directory, node->directory)))
        violate(cluster, "R1 election safety: %d and %d lead epoch %d", known->id, node->id, epoch);
    *known = (struct raft_voter){.id = node->id, .directory = node->directory};
    if (!prefix_equal(&node->log, &cluster->committed, committed_before(cluster, epoch)))
        violate(cluster, "R5 leader completeness: %d leads epoch %d without committed records",
                node->id, epoch);
}

/* R2: a granted vote is durable when it leaves, and goes to one candidate an epoch. */
void check_grant(struct cluster *cluster, uint32_t index, const struct raft_message *reply)
{
    const struct node *node = &cluster->nodes[index];
    struct raft_voter *granted = &cluster->granted[reply->epoch % CLUSTER_EPOCHS_MAX][index];

    if (node->vote.epoch != reply->epoch || node->vote.voted_for != reply->to)
        violate(cluster, "R2 vote durable: %d grants epoch %d to %d, not yet on disk", node->id,
                reply->epoch, reply->to);
    if (granted->id != 0 && uuid_equal(granted->directory, node->directory) &&
        granted->id != reply->to)
        violate(cluster, "R2 vote once: %d grants epoch %d to %d and %d", node->id, reply->epoch,
                granted->id, reply->to);
    *granted = (struct raft_voter){.id = reply->to, .directory = node->directory};
}

/* R4: same offset and epoch, same history. */
void check_appended(struct cluster *cluster, const struct node *node)
{
    for (uint32_t i = 0; i < cluster->config.node_count; i++) {
        const struct node *other = &cluster->nodes[i];
        uint32_t common = node->log.count < other->log.count ? node->log.count : other->log.count;
        if (other == node)
            continue;
        while (common > 0 &&
               node->log.items[common - 1].epoch != other->log.items[common - 1].epoch)
            common--;
        if (!prefix_equal(&node->log, &other->log, common))
            violate(cluster, "R4 log matching: %d and %d differ below offset %u", node->id,
                    other->id, common);
    }
}

static bool is_founder(const struct cluster *cluster, const struct node *leader,
                       struct uuid directory)
{
    const struct founding *founding = &cluster->foundings[leader->log.items[0].form];

    for (uint32_t i = 0; i < founding->voter_count; i++) {
        if (uuid_equal(founding->voters[i].directory, directory))
            return true;
    }
    return false;
}

static bool is_majority_durable(const struct cluster *cluster, const struct node *leader,
                                uint32_t count)
{
    uint32_t holding = 0;

    for (uint32_t i = 0; i < cluster->config.voter_count; i++) {
        const struct node *node = &cluster->nodes[i];
        bool holds = node->durable >= count && prefix_equal(&node->log, &leader->log, count);
        if (is_founder(cluster, leader, node->directory) && holds)
            holding++;
        else if (is_founder(cluster, leader, node->lost_directory) &&
                 prefix_equal(&node->lost_log, &leader->log, count))
            holding++; /* It kept its promise until its disk was lost, once and for ever. */
    }
    return holding > cluster->config.voter_count / 2;
}

/* R7: a leader's high watermark is on the disks of a majority and within its epoch;
 * what was committed once stays (R6's half that does not need a state machine). */
void check_high_watermark(struct cluster *cluster, struct node *node, log_offset high_watermark)
{
    uint32_t count = (uint32_t)high_watermark;

    if (high_watermark <= node->high_watermark)
        return;
    node->high_watermark = high_watermark;
    if (node->durable < high_watermark)
        violate(cluster, "R7 %d commits %u, above its own durable end", node->id, count);
    if (!prefix_equal(&node->log, &cluster->committed,
                      count < cluster->committed.count ? count : cluster->committed.count))
        violate(cluster, "R5 %d commits other records below %u", node->id, count);
    if (node->role == RAFT_LEADER) {
        if (node->commit_epoch != node->role_epoch &&
            node->log.items[count - 1].epoch != node->role_epoch)
            violate(cluster, "R7 commit rule: %d commits %u before its own epoch %d", node->id,
                    count, node->role_epoch);
        node->commit_epoch = node->role_epoch;
        if (!is_majority_durable(cluster, node, count))
            violate(cluster, "R7 commit rule: %d commits %u without a majority", node->id, count);
    }
    while (cluster->committed.count < count) {
        mem_grow(cluster->committed.items, cluster->committed.count, &cluster->committed.capacity);
        cluster->committed.items[cluster->committed.count] =
            node->log.items[cluster->committed.count];
        cluster->committed.items[cluster->committed.count].committed_in = node->role_epoch;
        cluster->committed.count++;
    }
}

void check_truncation(struct cluster *cluster, const struct node *node, log_offset to)
{
    if (to < node->high_watermark)
        violate(cluster, "R8 truncation: %d cuts to %ld below its high watermark", node->id,
                (long)to);
}

void check_vote_synced(struct cluster *cluster, const struct node *node, struct raft_vote vote)
{
    if (vote.epoch < node->vote.epoch)
        violate(cluster, "R9 epoch: %d goes back from %d to %d", node->id, node->vote.epoch,
                vote.epoch);
}

/* R13: what is credited was durable when the fetch left. R11: only under its identity. */
void check_credit(struct cluster *cluster, const struct node *node, const struct packet *packet)
{
    if (packet->fetch.offset > packet->durable)
        violate(cluster, "R13 pull ack: %d credits %d with %ld, durable %ld", node->id,
                packet->fetch.from, (long)packet->fetch.offset, (long)packet->durable);
    if (node->log.count == 0 || node->log.items[0].form < 0)
        return;
    const struct founding *founding = &cluster->foundings[node->log.items[0].form];
    for (uint32_t i = 0; i < founding->voter_count; i++) {
        if (uuid_equal(founding->voters[i].directory, packet->fetch.from_directory))
            return;
    }
    violate(cluster, "R11 identity: %d credits %d under another directory", node->id,
            packet->fetch.from);
}
