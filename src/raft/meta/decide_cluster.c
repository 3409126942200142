/* decide_cluster.c -- the first batch of a cluster. */
#include "controller_state.h"

enum err decide_found_cluster(struct decision *decision, struct uuid cluster_id,
                              const struct record_voters *voters)
{
    if (decision->image->has_cluster)
        return ERR_EXISTS;

    char id[UUID_TEXT_SIZE];
    uuid_format(cluster_id, id);
    struct str cause = decision_cause(decision, "forming of cluster %s by node %d", id,
                                      (int)decision->controller->config.node_id);
    decision_emit(decision, &(struct record){
                                .type = RECORD_CLUSTER,
                                .cause = cause,
                                .cluster = {.cluster_id = cluster_id, .level = RECORD_LEVEL},
                            });
    decision_emit(decision,
                  &(struct record){.type = RECORD_VOTERS, .cause = cause, .voters = *voters});
    return ERR_NONE;
}
