/* verbs_chaos.h -- the verbs that judge a run: rows of tools/skiff/main.c. */
#ifndef CHAOS_VERBS_CHAOS_H
#define CHAOS_VERBS_CHAOS_H

#include "call.h"

extern const struct flag chaos_check_flags[], chaos_replicas_flags[];

int run_chaos_check(struct call *call);
int run_chaos_replicas(struct call *call);

#endif
