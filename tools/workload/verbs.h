/* verbs.h -- the verbs of skiff-workload and their flags. */
#ifndef WORKLOAD_VERBS_H
#define WORKLOAD_VERBS_H

#include "workload.h"

extern const struct flag churn_flags[], commit_flags[], write_flags[], read_flags[], probe_flags[],
    topic_create_flags[], view_flags[], no_flags[];

int run_write(struct call *call);
int run_commit(struct call *call);
int run_churn(struct call *call);
int run_read(struct call *call);
int run_final(struct call *call);
int run_probe(struct call *call);
int run_topic_create(struct call *call);
int run_topic_delete(struct call *call);
int run_view(struct call *call);

/* probe by a librdkafka producer of either profile, one record every so many milliseconds. */
int run_probe_plain(struct call *call, int64_t every_ms);

#endif
