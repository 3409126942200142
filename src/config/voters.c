/* voters.c -- the quorum as configured, and the roles of this node in it.
 *
 * A node that is told of no voters is its own single one, so a file of one broker, of
 * today or of ZooKeeper's time, starts. Several servers without ids never do: each of
 * them would form a cluster of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_parts.h"

static void read_voter(struct reading *reading, struct str part)
{
    struct config *config = reading->config;
    struct config_voter voter = {.id = -1};
    struct str rest = part;
    struct str id_text = {NULL, 0};
    int64_t id = -1;
    next_part(&rest, '@', &id_text);
    if (!parse_number(id_text, &id) || id < 0 || id > INT32_MAX ||
        !parse_address(rest, &voter.address) || voter.address.host[0] == '\0') {
        refuse(reading, "controller.quorum.voters=%.*s: must be id@host:port", STR_ARGS(part));
        return;
    }
    voter.id = (node_id)id;
    for (uint32_t i = 0; i < config->voter_count; i++)
        if (config->voters[i].id == voter.id)
            refuse(reading, "controller.quorum.voters: id %d stands there twice", (int)voter.id);
    if (config->voter_count == CONFIG_VOTERS_MAX)
        refuse(reading, "controller.quorum.voters: more than %d", CONFIG_VOTERS_MAX);
    else
        config->voters[config->voter_count++] = voter;
}

static int compare_voters(const void *a, const void *b)
{
    const struct config_voter *left = a;
    const struct config_voter *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static bool is_voter(const struct config *config)
{
    for (uint32_t i = 0; i < config->voter_count; i++)
        if (config->voters[i].id == config->node_id)
            return true;
    return false;
}

/* process.roles: broker, controller or both, in any order. */
static void read_roles(struct reading *reading, bool *broker, bool *controller)
{
    struct str rest = reading->config->given->process_roles;
    struct str part;
    *broker = rest.size == 0;
    *controller = rest.size == 0;
    while (next_part(&rest, ',', &part)) {
        if (str_equal(part, STR("broker")))
            *broker = true;
        else if (str_equal(part, STR("controller")))
            *controller = true;
        else
            refuse(reading, "process.roles=%.*s: must be broker, controller or both",
                   STR_ARGS(part));
    }
    if (!*broker)
        refuse(reading, "process.roles=%.*s: a node without the broker role is not built yet",
               STR_ARGS(reading->config->given->process_roles));
}

/* The bootstrap servers are this node and nobody else, as in Kafka's shipped file. */
static bool is_own_bootstrap(const struct config *config)
{
    struct str servers = config->given->bootstrap_servers;
    struct env_address address;
    if (servers.size == 0)
        return true;
    if (!parse_address(servers, &address)) /* Several do not parse as one. */
        return false;
    for (uint32_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].bind.port == address.port ||
            config->listeners[i].advertised.port == address.port)
            return true;
    return false;
}

static void vote_alone(struct reading *reading)
{
    struct config *config = reading->config;
    if (!is_own_bootstrap(config)) {
        refuse(reading,
               "controller.quorum.bootstrap.servers=%.*s: names other servers but no "
               "ids; set controller.quorum.voters=id@host:port,... on each node",
               STR_ARGS(config->given->bootstrap_servers));
        return;
    }
    for (uint32_t i = 0; i < config->listener_count; i++)
        if (config->listeners[i].internal)
            config->voters[0].address = config->listeners[i].advertised;
    config->voters[0].id = config->node_id;
    config->voter_count = 1;
    if (config->given->bootstrap_servers.size > 0)
        note(reading,
             "controller.quorum.bootstrap.servers=%.*s: no voters are set, so node %d is the "
             "only one",
             STR_ARGS(config->given->bootstrap_servers), (int)config->node_id);
}

static void check_membership(struct reading *reading, bool controller)
{
    struct config *config = reading->config;
    if (controller && !is_voter(config))
        refuse(reading, "node.id=%d: is not among controller.quorum.voters=%.*s",
               (int)config->node_id, STR_ARGS(config->given->voters));
    if (!controller && is_voter(config))
        refuse(reading, "process.roles=broker: but node.id=%d is among controller.quorum.voters",
               (int)config->node_id);
    for (uint32_t i = 0; i < config->voter_count; i++)
        if (config->voters[i].address.port == 0 && config->voter_count > 1)
            refuse(reading, "controller.quorum.voters: port 0 of id %d; peers must know it",
                   (int)config->voters[i].id);
}

static void read_voters(struct reading *reading, bool listeners_stand)
{
    struct config *config = reading->config;
    const struct config_given *given = config->given;
    struct str rest = given->voters;
    struct str part;
    bool broker = false;
    bool controller = false;

    config->voter_count = 0;
    read_roles(reading, &broker, &controller);
    while (next_part(&rest, ',', &part))
        read_voter(reading, part);
    qsort(config->voters, config->voter_count, sizeof config->voters[0], compare_voters);
    if (config->voter_count > 1 && !given->has_node_id)
        refuse(reading, "node.id is not set, and controller.quorum.voters names several nodes");
    if (reading->failed)
        return;
    if (config->voter_count > 0)
        check_membership(reading, controller);
    else if (controller && listeners_stand)
        vote_alone(reading);
    else if (!controller)
        refuse(reading, "process.roles=broker: needs controller.quorum.voters=id@host:port,...");
}

/* Everything that is wrong is said at once, so wrong listeners don't hide wrong voters. */
void finish_voters(struct reading *reading)
{
    bool failed = reading->failed;
    reading->failed = false;
    read_voters(reading, !failed);
    reading->failed |= failed;
}
