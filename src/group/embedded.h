/* embedded.h -- what consumers of the classic protocol say in the bytes that are theirs:
 * subscriptions and assignments (ConsumerProtocolSubscription and -Assignment, versions 0 to 3).
 * Whatever ends early, but between two fields, has the defaults of the rest. */
#ifndef GROUP_EMBEDDED_H
#define GROUP_EMBEDDED_H

#include "group.h"

struct embedded_subscription {
    int16_t version;
    uint32_t topic_count;
    struct str *topics;
    uint32_t owned_count;                 /* What it has; version 1 and up. */
    struct group_topic_partitions *owned; /* By their names. */
    struct str rack_id;                   /* Version 3 and up. */
};

struct embedded_assignment {
    uint32_t topic_count;
    struct group_topic_partitions *topics; /* By their names. */
    struct bytes user_data;                /* Null or empty but with assignors of a client's own. */
};

/* Strings point into `bytes`, arrays live in `arena`. False: malformed. */
bool embedded_read_subscription(struct bytes bytes, struct arena *arena,
                                struct embedded_subscription *out);
/* No bytes at all are no partitions: so is a member's assignment before the first one. */
bool embedded_read_assignment(struct bytes bytes, struct arena *arena,
                              struct embedded_assignment *out);
struct bytes embedded_write_assignment(struct arena *arena, int16_t version, uint32_t topic_count,
                                       const struct group_topic_partitions *topics);

#endif
