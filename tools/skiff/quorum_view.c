/* quorum_view.c -- who leads the quorum, and which voters lost the disk that had their vote.
 *
 * A voter is a node and its directory. A node that comes back with an empty one observes: it
 * runs, it serves, and it does not count when another node goes. */
#include "quorum_view.h"

#include <stdio.h>

/* Which of the two came last is what the node has now: a disk may also be put back. */
static bool is_replaced(const struct describe_quorum_response_partition *quorum,
                        const struct describe_quorum_response_replica *voter)
{
    for (uint32_t i = 0; i < quorum->observers_count; i++)
        if (quorum->observers[i].replica_id == voter->replica_id &&
            quorum->observers[i].last_fetch_timestamp > voter->last_fetch_timestamp)
            return true;
    return false;
}

void quorum_view_read(struct quorum_view *view,
                      const struct describe_quorum_response_partition *quorum)
{
    *view = (struct quorum_view){.leader = -1};
    if (!quorum)
        return;
    view->leader = quorum->leader_id;
    view->voter_count = quorum->current_voters_count;
    for (uint32_t i = 0; i < quorum->current_voters_count; i++)
        if (view->replaced_count < CLUSTER_NODES_MAX &&
            is_replaced(quorum, &quorum->current_voters[i]))
            view->replaced[view->replaced_count++] = quorum->current_voters[i].replica_id;
}

bool quorum_view_is_replaced(const struct quorum_view *view, node_id node)
{
    for (uint32_t i = 0; i < view->replaced_count; i++)
        if (view->replaced[i] == node)
            return true;
    return false;
}

void quorum_view_print(const struct quorum_view *view)
{
    if (!view->replaced_count)
        return;
    uint32_t left = view->voter_count - view->replaced_count;
    uint32_t needed = view->voter_count / 2 + 1;
    uint32_t spare = left > needed ? left - needed : 0;
    for (uint32_t i = 0; i < view->replaced_count; i++)
        printf("node %d has no vote: its disk was replaced, and the vote belongs to the old one\n",
               view->replaced[i]);
    printf("%u of %u voters are left, and the quorum needs %u: ", left, view->voter_count, needed);
    if (spare)
        printf("%u more may go\n", spare);
    else
        printf("it is lost when one of them goes\n");
}
