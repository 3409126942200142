/* group_view.h -- one group of either protocol: its members, what they have, what is committed.
 *
 * Source  DescribeGroups (classic), ConsumerGroupDescribe (KIP-848), OffsetFetch. */
#ifndef SKIFF_GROUP_VIEW_H
#define SKIFF_GROUP_VIEW_H

#include "group_ask.h"

struct group_member {
    struct str member_id;
    struct str instance_id; /* Null: dynamic. */
    struct str client_id;
    struct str client_host;
    int32_t epoch;            /* -1: of the classic protocol. */
    uint32_t partition_count; /* That it is assigned. */
};

/* One that is assigned, or that something is committed for. */
struct group_partition {
    struct str topic;
    partition_id partition;
    int64_t committed; /* -1: nothing. */
    int32_t leader_epoch;
    struct str metadata; /* What was committed with it; never null. */
    int64_t end;         /* -1: not asked, or not known. */
    int32_t member;      /* Its place in `members`; -1: nobody's. */
};

struct group_view {
    const char *type; /* "classic" or "consumer", as ListGroups says. */
    struct str state; /* "Dead": there is no such group. */
    struct str protocol_type;
    struct str assignor; /* Empty where none was chosen yet. */
    int32_t epoch;       /* -1: of the classic protocol. */
    uint32_t member_count;
    struct group_member *members;
    uint32_t partition_count;
    uint32_t partition_capacity;
    struct group_partition *partitions; /* By topic and number. */
};

/* Read a group. One that does not exist is Dead, without members and partitions.
 * Owns    *out until group_view_free(); strings live as long as the brokers.
 * Errors  as group_ask(). */
enum err group_view_read(struct group_view *out, struct group_asking *asking);
void group_view_free(struct group_view *view);

bool group_view_is_dead(const struct group_view *view);
/* Whether nobody is in it, so that its offsets may be changed. */
bool group_view_is_idle(const struct group_view *view);

/* Fill in `end` of every partition; one whose leader does not answer soon stays at -1. */
void group_view_find_ends(struct group_view *view, struct brokers *brokers);

/* Records from what is committed to the end; -1: not known. */
int64_t group_partition_lag(const struct group_partition *partition);

#endif
