/* group_consumer.c -- a model member of a group of consumers (KIP-848): one heartbeat joins, says
 * what is new, and brings what it is assigned. What is not its own any more it gives up after a
 * while, and says so; only then it takes what is new. It reads where each partition of the
 * first topic stands, and commits, in its epoch. Now and then it leaves for good or for a
 * while, dies without a word, subscribes to something else, or speaks as who it was before. */
#include <stdio.h>

#include "check.h"
#include "group_client.h"

enum {
    WHIM_MEAN = 5 * SIM_SECOND,
    AWAY_MEAN = 1500 * SIM_MS,
    SOON_MEAN = 300 * SIM_MS, /* Of a static one that said that it comes back. */
    BEAT_AGAIN = 20 * SIM_MS,
    MODEL_TOPICS = 4,
};

/* What a heartbeat said, in its ask's mask. */
enum said { SAID_ALL = 1, SAID_OWNED = 2, SAID_TOPICS = 4, SAID_ASIDE = 8 };

struct group_consumer {
    struct group_client client;
    uint32_t group;
    int16_t version;
    int32_t rebalance_ms;
    sim_us pace;          /* Between commits. */
    sim_us slowness;      /* Mean time to give something up. */
    const char *assignor; /* NULL: no wish. */
    uint32_t topics;      /* That it names, bits. */
    int pattern;          /* Of ledger_patterns; -1: none. */
    bool is_in;
    struct ledger_identity self, earlier; /* earlier: of before it began anew. */
    uint64_t lives;
    struct ledger_shares owned; /* What it reads. */
    struct ledger_shares told;  /* What it was told to have. */
    uint32_t news;              /* enum said: to be said in the next heartbeat. */
    uint64_t read, committed;   /* Of the first topic's partitions that it has. */
    sim_us interval, whim_at, away_until, commit_at, beat_at, revoke_at;
};

static const struct ledger_identity nobody = {.generation = -1};

static struct world *world_of(const struct group_consumer *consumer)
{
    return consumer->client.actor.world;
}

static uint64_t owned_mask(const struct group_consumer *consumer)
{
    return ledger_shares_mask(&consumer->owned, consumer->client.actor.topics[0].id);
}

static void subscribe(struct group_consumer *consumer)
{
    const struct swarm *swarm = &world_of(consumer)->swarm;
    struct rand *rand = &consumer->client.actor.rand;
    uint64_t kind = rand_below(rand, 8);
    /* Where topics come and go, rarely that one alone which stays. */
    uint64_t alone = swarm->recreates || swarm->grows ? 1 : 4;
    consumer->pattern = -1;
    consumer->topics = kind < alone ? 1 : 1 + (uint32_t)rand_below(rand, (1u << MODEL_TOPICS) - 1);
    if (kind < 6 || consumer->version == 0)
        return;
    consumer->pattern = (int)rand_below(rand, LEDGER_REGEXES_MAX);
    if (kind == 7)
        consumer->topics = 0;
}

/* ---- Requests. */

static uint32_t fill_topics(const struct group_consumer *consumer, struct str *names)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MODEL_TOPICS; i++)
        if (consumer->topics >> i & 1)
            names[count++] = str_from(consumer->client.actor.topics[i].name);
    return count;
}

static void fill_owned(struct consumer_group_heartbeat_request *request,
                       const struct group_consumer *consumer, struct arena *arena)
{
    request->topics = consumer_group_heartbeat_request_topic_new(arena, LEDGER_SHARES_MAX);
    for (uint32_t i = 0; i < consumer->owned.count; i++) {
        struct consumer_group_heartbeat_request_topic *topic =
            &request->topics[request->topics_count++];
        topic->topic_id = consumer->owned.of[i].topic_id;
        topic->partitions_count = 1;
        topic->partitions = arena_copy(arena, &consumer->owned.of[i].index, sizeof(int32_t));
    }
}

/* As a member in `epoch`, which says what `said` names. */
static void beat(struct group_consumer *consumer, uint32_t node, int32_t epoch, uint32_t said)
{
    struct group_client *client = &consumer->client;
    struct consumer_group_heartbeat_request request;
    struct str names[MODEL_TOPICS];
    struct arena arena = {0};
    consumer_group_heartbeat_request_init(&request);
    request.group_id = str_from(ledger_group_of(world_of(consumer), consumer->group)->name);
    request.member_id = str_from(consumer->self.member_id);
    request.member_epoch = epoch;
    request.instance_id = group_client_instance(client);
    if (said & SAID_ALL) {
        request.rebalance_timeout_ms = consumer->rebalance_ms;
        if (consumer->assignor)
            request.server_assignor = str_from(consumer->assignor);
    }
    if (said & (SAID_ALL | SAID_OWNED))
        fill_owned(&request, consumer, &arena);
    if (said & (SAID_ALL | SAID_TOPICS)) {
        request.subscribed_topic_names = names;
        request.subscribed_topic_names_count = fill_topics(consumer, names);
        request.subscribed_topic_regex =
            consumer->pattern >= 0 ? str_from(ledger_patterns[consumer->pattern].text) : STR("");
    }
    struct ledger_identity self = consumer->self;
    self.generation = epoch;
    struct group_ask *ask =
        group_ask_new(client, consumer->group, node, &self, (said & SAID_ASIDE) != 0);
    ask->mask = said;
    group_ask_send(client, ask, WIRE_CONSUMER_GROUP_HEARTBEAT, consumer->version, &request);
    arena_free(&arena);
}

static void join(struct group_consumer *consumer, uint32_t node)
{
    consumer->owned.count = consumer->told.count = 0;
    consumer->read = consumer->committed = 0;
    if (!consumer->self.member_id[0] && consumer->version > 0)
        snprintf(consumer->self.member_id, LEDGER_ID_SIZE, "c%u-%llu", consumer->client.actor.index,
                 (unsigned long long)++consumer->lives);
    beat(consumer, node, 0, SAID_ALL);
}

static void live(struct group_consumer *consumer, uint32_t node)
{
    consumer->beat_at = world_of(consumer)->kernel.now + consumer->interval;
    beat(consumer, node, consumer->self.generation, consumer->news);
}

static struct group_ask *ask_as(struct group_consumer *consumer, uint32_t node,
                                const struct ledger_identity *self, bool aside)
{
    return group_ask_new(&consumer->client, consumer->group, node, self, aside);
}

/* ---- Whims. */

/* It begins anew after a while, maybe under the same id. */
static void forget(struct group_consumer *consumer, bool keeps_id, sim_us away)
{
    struct actor *actor = &consumer->client.actor;
    if (consumer->is_in)
        consumer->earlier = consumer->self;
    if (!keeps_id)
        consumer->self = nobody;
    consumer->is_in = false;
    consumer->client.awaited = 0;
    consumer->away_until = actor->world->kernel.now + kernel_delay(&actor->rand, away);
}

static void die(struct group_consumer *consumer)
{
    struct actor *actor = &consumer->client.actor;
    world_note(actor->world, NULL, "consumer %u of group%u, \"%s\", dies", actor->index,
               consumer->group, consumer->self.member_id);
    ledger_bury(actor->world, consumer->group, consumer->self.member_id);
    forget(consumer, false, AWAY_MEAN);
    link_drop(actor);
}

/* What it has it gives up first. */
static void leave(struct group_consumer *consumer, uint32_t node)
{
    struct rand *rand = &consumer->client.actor.rand;
    bool is_back_soon = consumer->client.instance_id[0] && rand_chance(rand, 2, 3);
    consumer->owned.count = consumer->told.count = 0;
    beat(consumer, node, is_back_soon ? LEDGER_EPOCH_AWAY : LEDGER_EPOCH_LEFT, 0);
}

/* As who it was, or in an epoch that is over. Nobody waits for the answer. */
static void speak_late(struct group_consumer *consumer, uint32_t node)
{
    struct rand *rand = &consumer->client.actor.rand;
    struct ledger_identity late = consumer->self;
    uint64_t mask = owned_mask(consumer);
    late.generation -= 1 + (int32_t)rand_below(rand, 2);
    if (consumer->earlier.generation > 0 && rand_chance(rand, 1, 3))
        late = consumer->earlier;
    if (late.generation < 1)
        return;
    if (rand_chance(rand, 1, 4))
        beat(consumer, node, late.generation, SAID_ASIDE);
    else
        group_client_commit(&consumer->client, ask_as(consumer, node, &late, true),
                            mask ? mask & -mask : 1, -1);
}

static void do_whim(struct group_consumer *consumer, uint64_t whim, uint32_t node)
{
    bool is_free = consumer->is_in && consumer->client.awaited == 0;
    if (whim < 2 && is_free) {
        leave(consumer, node);
    } else if (whim < 4 && is_free) {
        subscribe(consumer);
        consumer->news |= SAID_TOPICS;
        consumer->beat_at = 0;
    } else if (whim < 5) {
        consumer->news |= SAID_ALL;
    } else {
        speak_late(consumer, node);
    }
}

static bool has_whim(struct group_consumer *consumer)
{
    struct actor *actor = &consumer->client.actor;
    if (actor->world->kernel.now < consumer->whim_at || clients_are_quiet(actor->world))
        return false;
    consumer->whim_at = actor->world->kernel.now + kernel_delay(&actor->rand, WHIM_MEAN);
    uint64_t whim = rand_below(&actor->rand, 12);
    int node = consumer->client.coordinators[consumer->group];
    if (whim >= 9)
        die(consumer);
    else if (node >= 0)
        do_whim(consumer, whim, (uint32_t)node);
    return true;
}

/* ---- Its turn. */

static void take_over(struct group_consumer *consumer)
{
    consumer->owned = consumer->told;
    consumer->read &= owned_mask(consumer);
    consumer->committed = 0;
    consumer->news |= SAID_OWNED;
    consumer->beat_at = 0;
}

static bool may_commit(const struct group_consumer *consumer, uint64_t mask)
{
    if (clients_are_quiet(world_of(consumer)))
        return (mask & ~consumer->committed) != 0;
    return mask != 0 && world_of(consumer)->kernel.now >= consumer->commit_at;
}

static void work(struct group_consumer *consumer, uint32_t node)
{
    struct actor *actor = &consumer->client.actor;
    uint64_t mask = owned_mask(consumer);
    sim_us now = actor->world->kernel.now;
    if (now >= consumer->beat_at) {
        live(consumer, node);
    } else if (mask & ~consumer->read) {
        group_client_fetch(&consumer->client, ask_as(consumer, node, &consumer->self, false),
                           mask & ~consumer->read, false);
    } else if (may_commit(consumer, mask)) {
        consumer->commit_at = now + kernel_delay(&actor->rand, consumer->pace);
        group_client_commit(&consumer->client, ask_as(consumer, node, &consumer->self, false), mask,
                            -1);
    }
}

static void drive(struct actor *actor)
{
    struct group_consumer *consumer = (struct group_consumer *)actor;
    sim_us now = actor->world->kernel.now;
    if (now < consumer->away_until || has_whim(consumer) || actor->topics[0].partition_count == 0 ||
        consumer->client.awaited != 0)
        return;
    if (consumer->is_in && now >= consumer->revoke_at &&
        !ledger_shares_equal(&consumer->owned, &consumer->told))
        take_over(consumer);
    if (now < consumer->client.again_at)
        return;
    int node = group_client_find(&consumer->client, consumer->group);
    if (node < 0)
        return;
    if (consumer->is_in)
        work(consumer, (uint32_t)node);
    else
        join(consumer, (uint32_t)node);
}

/* ---- Answers. */

static void read_assignment(const struct consumer_group_heartbeat_response_assignment *from,
                            struct ledger_shares *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < from->topics_count; i++)
        for (uint32_t j = 0; j < from->topics[i].partitions_count; j++)
            ledger_shares_add(out, (struct ledger_share){.topic_id = from->topics[i].topic_id,
                                                         .index = from->topics[i].partitions[j]});
}

static void take_assignment(struct group_consumer *consumer, const struct ledger_shares *shares)
{
    sim_us now = world_of(consumer)->kernel.now;
    bool loses = false;
    for (uint32_t i = 0; i < consumer->owned.count; i++)
        loses |= !ledger_shares_find(shares, consumer->owned.of[i].topic_id,
                                     consumer->owned.of[i].index);
    consumer->told = *shares;
    consumer->revoke_at =
        loses ? now + kernel_delay(&consumer->client.actor.rand, consumer->slowness) : now;
}

/* What was said need not be said again. */
static void enter_epoch(struct group_consumer *consumer,
                        const struct consumer_group_heartbeat_response *response,
                        const struct group_ask *ask)
{
    sim_us now = world_of(consumer)->kernel.now;
    check(response->member_id.size > 0 && response->member_id.size < LEDGER_ID_SIZE);
    memset(consumer->self.member_id, 0, LEDGER_ID_SIZE);
    memcpy(consumer->self.member_id, response->member_id.data, response->member_id.size);
    consumer->self.generation = response->member_epoch;
    consumer->is_in = true;
    consumer->interval = response->heartbeat_interval_ms * SIM_MS;
    consumer->beat_at = now + consumer->interval;
    consumer->news &= ask->mask & SAID_ALL ? 0 : ~(uint32_t)ask->mask;
}

static enum err take_beat(struct group_consumer *consumer, struct client_reply *reply,
                          struct group_ask *ask, struct arena *arena)
{
    struct world *world = world_of(consumer);
    struct consumer_group_heartbeat_response response;
    struct ledger_shares shares;
    if (consumer_group_heartbeat_response_read(&response, reply->version, &reply->reader, arena) !=
        ERR_NONE)
        world_violation(world, "client", "A ConsumerGroupHeartbeat reply does not parse");
    if (response.error_code == ERR_INVALID_REQUEST ||
        response.error_code == ERR_INVALID_REGULAR_EXPRESSION)
        world_violation(world, "client", "A heartbeat of \"%s\" is refused: %s",
                        ask->self.member_id, err_name((enum err)response.error_code));
    if (response.error_code != ERR_NONE)
        return (enum err)response.error_code;
    struct ledger_identity self = {.generation = response.member_epoch};
    check(response.member_id.size < LEDGER_ID_SIZE);
    memcpy(self.member_id, response.member_id.data, response.member_id.size);
    if (response.assignment)
        read_assignment(response.assignment, &shares);
    ledger_tell(world, &(struct ledger_told){.kind = TOLD_BEAT,
                                             .group = ask->group,
                                             .node = ask->node,
                                             .view = &ask->view,
                                             .self = &self,
                                             .asked_epoch = ask->self.generation,
                                             .shares = response.assignment ? &shares : NULL});
    if (ask->self.generation < 0)
        return ERR_NONE;
    enter_epoch(consumer, &response, ask);
    if (response.assignment)
        take_assignment(consumer, &shares);
    return ERR_NONE;
}

/* What it means for its place in the group. Others are asked again, and told everything. */
static void hear_error(struct group_consumer *consumer, int16_t api_key, enum err err)
{
    world_note(world_of(consumer), NULL, "consumer %u of group%u hears %s to request %d",
               consumer->client.actor.index, consumer->group, err_name(err), api_key);
    consumer->news |= SAID_ALL;
    if (api_key != WIRE_CONSUMER_GROUP_HEARTBEAT) {
        consumer->beat_at = world_of(consumer)->kernel.now + BEAT_AGAIN;
        return;
    }
    consumer->beat_at = 0;
    if (err == ERR_FENCED_INSTANCE_ID)
        consumer->self = nobody;
    if (err == ERR_UNKNOWN_MEMBER_ID || err == ERR_FENCED_MEMBER_EPOCH ||
        err == ERR_FENCED_INSTANCE_ID || err == ERR_GROUP_ID_NOT_FOUND)
        consumer->is_in = false;
}

static void heard(struct group_consumer *consumer, int16_t api_key, const struct group_ask *ask,
                  enum err err)
{
    if (api_key == WIRE_CONSUMER_GROUP_HEARTBEAT && ask->self.generation < 0)
        forget(consumer, rand_chance(&consumer->client.actor.rand, 1, 3),
               ask->self.generation == LEDGER_EPOCH_AWAY ? SOON_MEAN : AWAY_MEAN);
    else if (err != ERR_NONE && api_key != WIRE_FIND_COORDINATOR)
        hear_error(consumer, api_key, err);
    else if (api_key == WIRE_OFFSET_FETCH)
        consumer->read |= ask->mask;
    else if (api_key == WIRE_OFFSET_COMMIT)
        consumer->committed |= ask->mask;
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct group_consumer *consumer = (struct group_consumer *)actor;
    struct group_ask *ask = object;
    struct arena arena = {0};
    enum err err = ERR_CLOSED;
    (void)node;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    bool is_awaited = consumer->client.awaited == ask->number;
    if (!is_awaited && api_key != WIRE_OFFSET_COMMIT) {
        group_ask_end(&consumer->client, ask); /* It was for whom the consumer is no more. */
        return;
    }
    if (api_key != WIRE_CONSUMER_GROUP_HEARTBEAT) {
        err = group_client_take(&consumer->client, api_key, reply, ask);
    } else {
        if (reply)
            err = take_beat(consumer, reply, ask, &arena);
        group_client_heard(&consumer->client, ask, err);
    }
    if (is_awaited)
        heard(consumer, api_key, ask, err);
    group_ask_end(&consumer->client, ask);
    arena_free(&arena);
}

static bool is_stable(struct actor *actor, char *why, size_t size)
{
    struct group_consumer *consumer = (struct group_consumer *)actor;
    const struct ledger_group *group = ledger_group_of(actor->world, consumer->group);
    const struct ledger_consumers *now = &group->consumers;
    const struct ledger_consumer *self = ledger_consumer_of(now, consumer->self.member_id);
    bool is_known = self && self->has_current && now->is_there &&
                    self->epoch == consumer->self.generation &&
                    ledger_shares_equal(&self->assigned, &consumer->owned);
    bool has_all = consumer->is_in && (is_known || group->is_haunted);
    if (has_all && (owned_mask(consumer) & ~consumer->committed) == 0)
        return true;
    snprintf(why, size, "consumer %u of group%u, \"%s\", is %s in epoch %d with %u partitions; %s",
             actor->index, consumer->group, consumer->self.member_id,
             consumer->is_in ? "in" : "out", consumer->self.generation, consumer->owned.count,
             has_all ? "it could not commit"
             : self  ? "the group has others"
                     : "nobody knows it");
    return false;
}

struct actor *group_consumer_new(struct world *world, uint32_t index, uint32_t group)
{
    static const char *const assignors[] = {NULL, "uniform", "range"};
    struct group_consumer *consumer = mem_zalloc(sizeof *consumer);
    struct actor *actor = &consumer->client.actor;
    actor->answered = answered;
    actor->drive = drive;
    actor->is_stable = is_stable;
    group_client_init(&consumer->client, world, index);
    struct rand *rand = &actor->rand;
    consumer->client.commit_version = (int16_t)(9 + rand_below(rand, 2));
    consumer->client.fetch_version = (int16_t)(9 + rand_below(rand, 2));
    consumer->client.has_epoch = true;
    consumer->group = group;
    consumer->self = consumer->earlier = nobody;
    consumer->version = rand_chance(rand, 1, 5) ? 0 : 1;
    if (rand_chance(rand, 1, 2))
        snprintf(consumer->client.instance_id, sizeof consumer->client.instance_id, "i%u", index);
    consumer->rebalance_ms = 500 << rand_below(rand, 4);
    consumer->pace = (sim_us)(50 << rand_below(rand, 5)) * SIM_MS;
    consumer->slowness = (sim_us)(5 << rand_below(rand, 8)) * SIM_MS;
    consumer->assignor = assignors[rand_below(rand, 3)];
    subscribe(consumer);
    consumer->whim_at = (sim_us)rand_below(rand, 2 * WHIM_MEAN);
    return actor;
}
