/* mailbox.h -- letters: how one shard asks another, itself included.
 *
 * A letter stands first in the struct that it carries and owns all of it. The
 * receiver's mail is opened in order of arrival, in the same tick when sender
 * and receiver are one shard, so a caller never needs to know which it was. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "base/base.h"

struct shard;

struct letter {
    struct list link;
    uint32_t from;                                            /* The sender's shard index. */
    void (*open)(struct shard *shard, struct letter *letter); /* Runs at the receiver. */
};

/* Send `letter`, which is the receiver's from now on. */
void mailbox_send(struct shard *shard, uint32_t to, struct letter *letter,
                  void (*open)(struct shard *shard, struct letter *letter));

/* Send it back to the shard that it came from. */
void mailbox_return(struct shard *shard, struct letter *letter,
                    void (*open)(struct shard *shard, struct letter *letter));

#endif
