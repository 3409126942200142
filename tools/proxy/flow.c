/* flow.c -- one direction of one connection: bytes that came, and when they may go on.
 *
 * Invariants: pieces cover exactly the bytes that are held, in order, and their times
 * never fall. Under a rule without times a byte takes the time of the one before it, so
 * a long cut is one piece, not thousands. */
#include "flow.h"

#include <string.h>

#include "base/base.h"

enum {
    GRAINS = 64, /* Times nearer than a 64th of the delay are one piece. */
    BURSTS = 20, /* A throttle lets a 20th of a second through at once. */
    SECOND_US = 1000000,
};

struct piece {
    uint32_t size;
    int64_t due_us;
};

struct flow_store {
    uint32_t first, size;              /* Of the bytes, as a ring. */
    uint32_t first_piece, piece_count; /* As a ring. */
    struct piece pieces[FLOW_PIECES_MAX];
    uint8_t bytes[FLOW_BYTES_MAX];
};

void network_init(struct network *network, uint64_t seed)
{
    memset(network, 0, sizeof *network);
    rand_init(&network->rand, seed);
}

void network_free(struct network *network)
{
    while (network->spare_count > 0)
        mem_free(network->spares[--network->spare_count]);
}

static struct flow_store *take_store(struct network *network)
{
    struct flow_store *store = network->spare_count > 0 ? network->spares[--network->spare_count]
                                                        : mem_alloc(sizeof *store);
    store->first = store->size = store->first_piece = store->piece_count = 0;
    return store;
}

static void drop_store(struct flow *flow)
{
    struct network *network = flow->network;
    flow->link->held -= flow->store->size;
    flow->link->holders--;
    if (network->spare_count < FLOW_SPARE_MAX)
        network->spares[network->spare_count++] = flow->store;
    else
        mem_free(flow->store);
    flow->store = NULL;
}

void flow_init(struct flow *flow, struct network *network, uint32_t from, uint32_t to)
{
    check(from < PARTY_COUNT);
    check(to < PARTY_COUNT);
    memset(flow, 0, sizeof *flow);
    flow->network = network;
    flow->link = &network->links[from][to];
}

void flow_free(struct flow *flow)
{
    if (flow->store)
        drop_store(flow);
}

uint32_t flow_room(const struct flow *flow)
{
    return flow->store ? FLOW_BYTES_MAX - flow->store->size : FLOW_BYTES_MAX;
}

bool flow_is_clear(const struct flow *flow)
{
    return !flow->store && flow->link->rule.kind == RULE_PASS;
}

void flow_passed(struct flow *flow, uint32_t size)
{
    flow->link->bytes += size;
}

static bool has_times(const struct rule *rule)
{
    return rule->kind == RULE_DELAY || rule->kind == RULE_STALL;
}

/* When what comes now may go, were nothing before it. */
static int64_t draw_due(const struct flow *flow, int64_t now_us)
{
    const struct rule *rule = &flow->link->rule;
    struct rand *rand = &flow->network->rand;
    if (!has_times(rule))
        return 0;
    if (rule->kind == RULE_STALL)
        return rand_chance(rand, rule->percent, 100) ? now_us + rule->wait_us : now_us;
    int64_t jitter = (int64_t)rand_below(rand, 2 * (uint64_t)rule->jitter_us + 1);
    int64_t due = now_us + rule->wait_us + jitter - rule->jitter_us;
    return due > now_us ? due : now_us;
}

static int64_t next_due(struct flow *flow, int64_t now_us)
{
    int64_t due = draw_due(flow, now_us);
    bool is_first = !flow->store || flow->store->piece_count == 0;
    if (is_first || due > flow->newest_us)
        flow->newest_us = due;
    return flow->newest_us;
}

static void add_piece(struct flow *flow, uint32_t size, int64_t due_us)
{
    struct flow_store *store = flow->store;
    uint32_t last = (store->first_piece + store->piece_count - 1) % FLOW_PIECES_MAX;
    int64_t grain_us = flow->link->rule.wait_us / GRAINS;
    bool is_full = store->piece_count == FLOW_PIECES_MAX;
    if (store->piece_count > 0 && (is_full || due_us <= store->pieces[last].due_us + grain_us)) {
        store->pieces[last].size += size;
        return;
    }
    last = (store->first_piece + store->piece_count++) % FLOW_PIECES_MAX;
    store->pieces[last] = (struct piece){.size = size, .due_us = due_us};
}

void flow_finish(struct flow *flow, enum flow_end end, int64_t now_us)
{
    if (end <= flow->end)
        return;
    flow->end = end;
    flow->end_us = next_due(flow, now_us);
}

/* Tokens of a throttled link, up to date. */
static int64_t refill(struct link *link, int64_t now_us)
{
    int64_t rate = (int64_t)link->rule.bytes_a_second;
    int64_t most = rate / BURSTS > 1 ? rate / BURSTS : 1;
    if (link->filled_us < link->rule.since_us) { /* The rule is new. */
        link->filled_us = link->rule.since_us;
        link->tokens = 0;
    }
    if (now_us - link->filled_us > SECOND_US)
        link->filled_us = now_us - SECOND_US;
    int64_t more = (now_us - link->filled_us) * rate / SECOND_US;
    link->filled_us += more * SECOND_US / rate;
    link->tokens = link->tokens + more < most ? link->tokens + more : most;
    return link->tokens;
}

static uint32_t due_bytes(const struct flow_store *store, int64_t now_us)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < store->piece_count; i++) {
        const struct piece *piece = &store->pieces[(store->first_piece + i) % FLOW_PIECES_MAX];
        if (piece->due_us > now_us)
            break;
        size += piece->size;
    }
    return size;
}

static uint32_t ready(struct flow *flow, int64_t now_us)
{
    const struct rule *rule = &flow->link->rule;
    if (!flow->store || rule_holds(rule, now_us))
        return 0;
    if (has_times(rule))
        return due_bytes(flow->store, now_us);
    if (rule->kind != RULE_THROTTLE)
        return flow->store->size;
    int64_t tokens = refill(flow->link, now_us);
    int64_t share = tokens / flow->link->holders;
    if (share == 0)
        share = tokens;
    return share < flow->store->size ? (uint32_t)share : flow->store->size;
}

void flow_add(struct flow *flow, const void *data, uint32_t size, int64_t now_us)
{
    if (size == 0)
        return;
    check(size <= flow_room(flow));
    if (!flow->store) {
        flow->store = take_store(flow->network);
        flow->link->holders++;
    }
    struct flow_store *store = flow->store;
    uint32_t at = (store->first + store->size) % FLOW_BYTES_MAX;
    uint32_t straight = size < FLOW_BYTES_MAX - at ? size : FLOW_BYTES_MAX - at;
    memcpy(store->bytes + at, data, straight);
    memcpy(store->bytes, (const uint8_t *)data + straight, size - straight);
    add_piece(flow, size, next_due(flow, now_us));
    store->size += size;
    flow->link->held += size;
    uint32_t waiting = store->size - ready(flow, now_us);
    flow->link->delayed += waiting < size ? waiting : size;
}

uint32_t flow_peek(struct flow *flow, int64_t now_us, const uint8_t **data)
{
    uint32_t size = ready(flow, now_us);
    if (size == 0)
        return 0;
    uint32_t straight = FLOW_BYTES_MAX - flow->store->first;
    *data = flow->store->bytes + flow->store->first;
    return size < straight ? size : straight;
}

static void take_pieces(struct flow_store *store, uint32_t size)
{
    while (size > 0) {
        check(store->piece_count > 0);
        struct piece *piece = &store->pieces[store->first_piece];
        uint32_t part = size < piece->size ? size : piece->size;
        piece->size -= part;
        size -= part;
        if (piece->size > 0)
            continue;
        store->first_piece = (store->first_piece + 1) % FLOW_PIECES_MAX;
        store->piece_count--;
    }
}

void flow_take(struct flow *flow, uint32_t size)
{
    struct flow_store *store = flow->store;
    check(size <= store->size);
    take_pieces(store, size);
    store->first = (store->first + size) % FLOW_BYTES_MAX;
    store->size -= size;
    flow->link->held -= size;
    flow->link->bytes += size;
    if (flow->link->rule.kind == RULE_THROTTLE)
        flow->link->tokens -= size;
    if (store->size == 0)
        drop_store(flow);
}

enum flow_end flow_end_now(const struct flow *flow, int64_t now_us)
{
    const struct rule *rule = &flow->link->rule;
    if (flow->store || rule_holds(rule, now_us) || (has_times(rule) && flow->end_us > now_us))
        return FLOW_OPEN;
    return flow->end;
}

/* When so many tokens are there that it is worth waking up. */
static int64_t refilled_us(struct flow *flow, int64_t now_us)
{
    int64_t rate = (int64_t)flow->link->rule.bytes_a_second;
    int64_t enough = rate / BURSTS / 2 > 1 ? rate / BURSTS / 2 : 1;
    if (enough > flow->store->size)
        enough = flow->store->size;
    int64_t missing = enough - refill(flow->link, now_us);
    return missing > 0 ? flow->link->filled_us + missing * SECOND_US / rate + 1 : now_us;
}

int64_t flow_due_us(struct flow *flow, int64_t now_us)
{
    const struct rule *rule = &flow->link->rule;
    if (!flow->store && flow->end == FLOW_OPEN)
        return INT64_MAX;
    if (rule_holds(rule, now_us))
        return rule_turns_us(rule, now_us);
    if (has_times(rule))
        return flow->store ? flow->store->pieces[flow->store->first_piece].due_us : flow->end_us;
    return rule->kind == RULE_THROTTLE && flow->store ? refilled_us(flow, now_us) : INT64_MAX;
}
