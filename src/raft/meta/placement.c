/* placement.c -- which brokers hold a new topic's partitions.
 *
 * Round robin by id from a start that rotates over all topics, so leaders spread
 * evenly; followers are shifted by one more each round, so that the partitions of a
 * dead leader do not all fall to one neighbour. Fenced brokers get replicas only when
 * there are not enough active ones: their replicas join the ISR when they come. */
#include "controller_state.h"
#include "number.h"

enum { FACTOR_DEFAULT_MAX = 3 };

struct candidates {
    uint32_t active_count, idle_count;
    node_id *active; /* Sorted by id. */
    node_id *idle;   /* Registered, but fenced or shutting down; sorted by id. */
};

static struct candidates find_candidates(const struct decision *decision)
{
    const struct image *image = decision->image;
    struct candidates found = {
        .active = arena_array(decision->arena, node_id, image->broker_count),
        .idle = arena_array(decision->arena, node_id, image->broker_count),
    };
    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(image, id)) != NULL; id = broker->id) {
        if (!broker->fenced && !broker->shutting_down)
            found.active[found.active_count++] = broker->id;
        else
            found.idle[found.idle_count++] = broker->id;
    }
    return found;
}

static struct node_list place_on_active(const struct candidates *from, uint64_t turn,
                                        uint32_t factor)
{
    struct node_list replicas = {.count = 0};
    uint64_t first = turn % from->active_count;
    uint64_t shift = turn / from->active_count;

    node_list_add(&replicas, from->active[first]);
    for (uint32_t i = 1; i < factor; i++) {
        uint64_t step = 1 + (shift + i - 1) % (from->active_count - 1);
        node_list_add(&replicas, from->active[(first + step) % from->active_count]);
    }
    return replicas;
}

/* Every active broker, idle ones in turn for the rest, in an order that turns too. */
static struct node_list place_on_all(const struct candidates *from, uint64_t turn, uint32_t factor)
{
    struct node_list chosen = {.count = 0};
    struct node_list replicas = {.count = 0};

    for (uint32_t i = 0; i < from->active_count; i++)
        node_list_add(&chosen, from->active[i]);
    for (uint32_t i = 0; chosen.count < factor; i++)
        node_list_add(&chosen, from->idle[(turn + i) % from->idle_count]);
    for (uint32_t i = 0; i < factor; i++)
        node_list_add(&replicas, chosen.ids[(turn + i) % factor]);
    return replicas;
}

enum err place_replicas(struct decision *decision, uint32_t partitions, int32_t factor,
                        struct node_list *out, struct str *message)
{
    struct candidates from = find_candidates(decision);
    uint32_t wanted = (uint32_t)factor;

    if (wanted > from.active_count + from.idle_count || wanted > RECORD_REPLICAS_MAX) {
        *message = decision_cause(decision,
                                  "The replication factor is %d, but %u brokers have registered.",
                                  (int)factor, from.active_count + from.idle_count);
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    if (from.active_count == 0) {
        *message = STR("No broker is active.");
        return ERR_INVALID_REPLICATION_FACTOR;
    }
    for (uint32_t i = 0; i < partitions; i++) {
        uint64_t turn = decision->controller->placement_next + i;
        out[i] = wanted <= from.active_count ? place_on_active(&from, turn, wanted)
                                             : place_on_all(&from, turn, wanted);
    }
    decision->controller->placement_next += partitions;
    return ERR_NONE;
}

/* What was altered for all brokers counts before what this node started with. */
static int32_t altered_number(const struct decision *decision, struct str key, int32_t otherwise)
{
    int64_t number = 0;
    bool is_altered = number_parse(image_broker_config(decision->image, key), &number);
    return is_altered && number > 0 && number <= INT32_MAX ? (int32_t)number : otherwise;
}

int32_t place_default_partitions(const struct decision *decision)
{
    return altered_number(decision, STR("num.partitions"),
                          decision->controller->config.partitions_default);
}

int32_t place_default_factor(const struct decision *decision)
{
    const struct controller_config *config = &decision->controller->config;
    int32_t factor = altered_number(decision, STR("default.replication.factor"),
                                    config->replication_factor_default);
    if (factor > 0)
        return factor;
    uint32_t brokers = decision->image->broker_count;
    if (config->voter_count > brokers)
        brokers = config->voter_count;
    if (brokers == 0)
        return 1;
    return brokers < FACTOR_DEFAULT_MAX ? (int32_t)brokers : FACTOR_DEFAULT_MAX;
}
