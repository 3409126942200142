/* mailbox.c -- a letter to oneself waits in a list, one to another goes through the env. */
#include "mailbox.h"

#include "node.h"

void mailbox_send(struct shard *shard, uint32_t to, struct letter *letter,
                  void (*open)(struct shard *shard, struct letter *letter))
{
    check(to < shard->config->shards);
    letter->from = shard->index;
    letter->open = open;
    list_init(&letter->link);
    if (to == shard->index)
        list_append(&shard->mail, &letter->link);
    else
        env_post(shard->env, to, letter);
}

void mailbox_return(struct shard *shard, struct letter *letter,
                    void (*open)(struct shard *shard, struct letter *letter))
{
    mailbox_send(shard, letter->from, letter, open);
}
