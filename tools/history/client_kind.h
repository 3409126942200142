/* client_kind.h -- what is held against the clients of each kind. */
#ifndef CHAOS_CLIENT_KIND_H
#define CHAOS_CLIENT_KIND_H

#include "base/base.h"

struct client_kind {
    const char *name;
    bool is_reader;
    bool keeps;      /* What it is told is written stays. */
    bool once;       /* Each value stands in the log once. */
    bool ordered;    /* Its values stand in the order of their numbers. */
    bool tried_once; /* An error is the answer to the only attempt. */
    bool commits;    /* Its values are offsets that it commits, one after the other. */
    bool by_key;     /* Its topic is compacted: a value stays until the next one of its key. */
    bool is_member;  /* Of a group; a reader, too. */
};

/* NULL: no kind has this name. */
const struct client_kind *client_kind_find(struct str name);

#endif
