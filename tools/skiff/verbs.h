/* verbs.h -- the table of verbs, and what every row of it runs. */
#ifndef SKIFF_VERBS_H
#define SKIFF_VERBS_H

#include "call.h"
#include "cluster.h"

extern const struct verb verbs[];
extern const uint32_t verb_count;

/* Another word for the second one of a verb. */
struct verb_alias {
    const char *word;
    const char *stands_for;
};

extern const struct verb_alias verb_aliases[];
extern const uint32_t verb_alias_count;

extern const struct flag up_flags[], down_flags[], with_flags[], dump_flags[], logs_flags[],
    restart_flags[], topic_create_flags[], topic_ls_flags[], produce_flags[], consume_flags[],
    no_flags[], chaos_cut_flags[], chaos_slow_flags[], chaos_hang_flags[], chaos_fill_flags[],
    chaos_fail_flags[], chaos_power_off_flags[], chaos_power_on_flags[], group_ls_flags[],
    group_seek_flags[], group_delete_flags[], topic_config_flags[], topic_set_flags[],
    cluster_config_flags[], topic_grow_flags[], partition_ls_flags[], partition_elect_flags[];

int run_up(struct call *call);
int run_down(struct call *call);
int run_with(struct call *call);
int run_ps(struct call *call);
int run_logs(struct call *call);
int run_kill(struct call *call);
int run_restart(struct call *call);
int run_pause(struct call *call);
int run_resume(struct call *call);
int run_topic_create(struct call *call);
int run_topic_ls(struct call *call);
int run_topic_describe(struct call *call);
int run_topic_delete(struct call *call);
int run_topic_config(struct call *call);
int run_topic_set(struct call *call);
int run_topic_grow(struct call *call);
int run_partition_ls(struct call *call);
int run_partition_elect(struct call *call);
int run_group_ls(struct call *call);
int run_group_describe(struct call *call);
int run_group_seek(struct call *call);
int run_group_delete(struct call *call);
int run_topic_trim(struct call *call);
int run_cluster_health(struct call *call);
int run_cluster_info(struct call *call);
int run_cluster_quorum(struct call *call);
int run_cluster_config(struct call *call);
int run_produce(struct call *call);
int run_dump(struct call *call);
int run_explain(struct call *call);
int run_completion(struct call *call);
int run_consume(struct call *call);
int run_chaos_suite(struct call *call);
int run_chaos_cut(struct call *call);
int run_chaos_link(struct call *call);
int run_chaos_heal(struct call *call);
int run_chaos_status(struct call *call);
int run_chaos_slow_disk(struct call *call);
int run_chaos_hang_disk(struct call *call);
int run_chaos_fill_disk(struct call *call);
int run_chaos_fail_sync(struct call *call);
int run_chaos_short_writes(struct call *call);
int run_chaos_clock(struct call *call);
int run_chaos_descriptors(struct call *call);
int run_chaos_power_off(struct call *call);
int run_chaos_power_on(struct call *call);

/* The local cluster of a verb. Errors: an exit code, told. */
int load_local(const struct call *call, struct cluster *cluster);

/* Wait until a node that was started answers clients, for --timeout or 2 s. Without a quorum it
 * never does: *serves is false then.
 * Errors  EXIT_FAILED, told: its process ended. */
int wait_until_it_serves(const struct call *call, struct cluster *cluster, node_id node,
                         bool *serves);

#endif
