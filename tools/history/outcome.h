/* outcome.h -- whether a client's error proves that its record, or its commit, is in no log. */
#ifndef CHAOS_OUTCOME_H
#define CHAOS_OUTCOME_H

#include "base/base.h"

/* True: the write failed, whatever comes. False: nobody knows. `is_tried_once`: the client sends
 * each value at most once, so that the error is the answer to the only attempt. */
bool outcome_is_failure(struct str code, bool is_tried_once);

/* Whether a coordinator that answers this to a member's commit has not taken it. */
bool outcome_is_refusal(struct str code);

#endif
