/* quorum_view.h -- who leads the quorum, and which voters lost the disk that had their vote. */
#ifndef SKIFF_QUORUM_VIEW_H
#define SKIFF_QUORUM_VIEW_H

#include "cluster.h"
#include "link.h"

struct quorum_view {
    node_id leader; /* -1: nobody says. */
    uint32_t voter_count;
    uint32_t replaced_count;
    node_id replaced[CLUSTER_NODES_MAX]; /* Voters whose id fetches from another directory. */
};

/* What one answer of DescribeQuorum says; NULL: nothing is known. */
void quorum_view_read(struct quorum_view *view,
                      const struct describe_quorum_response_partition *quorum);

bool quorum_view_is_replaced(const struct quorum_view *view, node_id node);

/* A line for people when a voter has been replaced, and how many may still go. */
void quorum_view_print(const struct quorum_view *view);

#endif
