/* listeners.c -- where the node listens, what it tells its clients, which one is internal.
 *
 * The internal listener (quorum, replication, inter-node APIs) is, in this order: Kafka's
 * controller listener; the one whose port our own voter entry names; one that is named
 * INTERNAL; in a quorum, the one that brokers use among themselves. It serves no clients, so
 * none is guessed: a node that is its own quorum gets one more, on a free loopback port. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config_parts.h"

bool parse_address(struct str text, struct env_address *out)
{
    int64_t port = 0;
    uint32_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str host = {.data = text.data, .size = colon - 1};
    struct str digits = {.data = text.data + colon, .size = text.size - colon};
    if (!parse_number(digits, &port) || port < 0 || port > UINT16_MAX)
        return false;
    bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    if (bracketed)
        host = (struct str){.data = host.data + 1, .size = host.size - 2};
    else if (host.size > 0 && memchr(host.data, ':', host.size) != NULL)
        return false;
    if (host.size >= ENV_HOST_MAX || (host.size > 0 && memchr(host.data, '/', host.size) != NULL))
        return false;
    snprintf(out->host, sizeof out->host, "%.*s", STR_ARGS(host));
    out->port = (uint16_t)port;
    return true;
}

static bool parse_name(struct str text, char out[CONFIG_NAME_MAX])
{
    if (text.size == 0 || text.size >= CONFIG_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < text.size; i++) {
        if (!isalnum((unsigned char)text.data[i]) && strchr("_-.", text.data[i]) == NULL)
            return false;
        out[i] = (char)toupper((unsigned char)text.data[i]);
    }
    out[text.size] = '\0';
    return true;
}

/* "NAME://host:port". */
static bool parse_listener(struct str text, char name[CONFIG_NAME_MAX], struct env_address *out)
{
    const char *mark = memmem(text.data, text.size, "://", 3);
    if (mark == NULL)
        return false;
    uint32_t size = (uint32_t)(mark - text.data);
    struct str address = {.data = mark + 3, .size = text.size - size - 3};
    return parse_name((struct str){.data = text.data, .size = size}, name) &&
           parse_address(address, out);
}

static struct config_listener *find(struct config *config, struct str name)
{
    for (uint32_t i = 0; i < config->listener_count; i++)
        if (equals_ignoring_case(name, config->listeners[i].name))
            return &config->listeners[i];
    return NULL;
}

static void read_listener(struct reading *reading, struct str part)
{
    struct config *config = reading->config;
    struct config_listener listener = {.internal = false};
    if (!parse_listener(part, listener.name, &listener.bind)) {
        refuse(reading, "listeners=%.*s: must be NAME://host:port, port 0 to 65535",
               STR_ARGS(part));
        return;
    }
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *other = &config->listeners[i];
        if (strcmp(other->name, listener.name) == 0)
            refuse(reading, "listeners: %s stands there twice", listener.name);
        else if (listener.bind.port != 0 && other->bind.port == listener.bind.port &&
                 strcmp(other->bind.host, listener.bind.host) == 0)
            refuse(reading, "listeners: %s and %s have the same port %u", other->name,
                   listener.name, (unsigned)listener.bind.port);
    }
    if (config->listener_count == CONFIG_LISTENERS_MAX)
        refuse(reading, "listeners: more than %d", CONFIG_LISTENERS_MAX);
    else
        config->listeners[config->listener_count++] = listener;
}

static bool is_any(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static void read_advertised(struct reading *reading, struct str part)
{
    char name[CONFIG_NAME_MAX];
    struct env_address address;
    if (!parse_listener(part, name, &address)) {
        refuse(reading, "advertised.listeners=%.*s: must be NAME://host:port", STR_ARGS(part));
        return;
    }
    struct config_listener *listener = find(reading->config, str_from(name));
    if (is_any(address.host))
        refuse(reading, "advertised.listeners=%.*s: needs a host that clients can reach",
               STR_ARGS(part));
    else if (listener != NULL)
        listener->advertised = address;
    else if (!str_equal(reading->config->given->process_roles, STR("broker")))
        refuse(reading, "advertised.listeners=%.*s: listeners has no %s", STR_ARGS(part), name);
}

/* What clients are told where nothing was said: the machine itself, or this machine only. */
static void fill_advertised(struct reading *reading, struct config_listener *listener)
{
    if (listener->advertised.host[0] != '\0')
        return;
    listener->advertised = listener->bind;
    if (!is_any(listener->bind.host))
        return;
    snprintf(listener->advertised.host, ENV_HOST_MAX, "localhost");
    if (listener->internal)
        return;
    note(reading,
         "advertised.listeners is not set: clients of %s are told localhost:%u, which only "
         "this machine can use",
         listener->name, (unsigned)listener->bind.port);
}

/* The protocol that the map gives `name`; null: the map does not say. */
static struct str mapped_protocol(struct str map, const char *name)
{
    struct str part;
    struct str found = {NULL, 0};
    while (next_part(&map, ',', &part)) {
        struct str key = {NULL, 0};
        next_part(&part, ':', &key);
        if (equals_ignoring_case(key, name))
            found = trim(part);
    }
    return found;
}

static bool names_controller(const struct config_given *given, const char *name)
{
    struct str rest = given->controller_listeners;
    struct str part;
    while (next_part(&rest, ',', &part))
        if (equals_ignoring_case(part, name))
            return true;
    return false;
}

static void check_protocol(struct reading *reading, const struct config_listener *listener)
{
    const struct config_given *given = reading->config->given;
    const char *name = listener->name;
    struct str protocol = mapped_protocol(given->protocol_map, name);
    if (protocol.size == 0) {
        if (strcmp(name, "SSL") == 0 || strncmp(name, "SASL_", 5) == 0)
            protocol = str_from(name);
        else if (strcmp(name, "PLAINTEXT") == 0 || strcmp(name, "INTERNAL") == 0 ||
                 strcmp(name, "SKIFF_INTERNAL") == 0 || names_controller(given, name))
            protocol = STR("PLAINTEXT");
    }
    if (protocol.size == 0)
        refuse(reading,
               "listener.security.protocol.map does not name listener %s; add %s:PLAINTEXT", name,
               name);
    else if (!equals_ignoring_case(protocol, "PLAINTEXT"))
        refuse(reading,
               "listener %s: security protocol %.*s is not built yet, and is never ignored "
               "silently",
               name, STR_ARGS(protocol));
}

/* The listener that our own entry among the voters names. */
static struct config_listener *find_voted(struct config *config)
{
    struct str rest = config->given->voters;
    struct str part;
    while (next_part(&rest, ',', &part)) {
        struct str id_text = {NULL, 0};
        struct env_address address;
        int64_t id = -1;
        next_part(&part, '@', &id_text);
        if (!parse_number(id_text, &id) || id != config->node_id || !parse_address(part, &address))
            continue;
        for (uint32_t i = 0; i < config->listener_count; i++)
            if (address.port != 0 && (config->listeners[i].bind.port == address.port ||
                                      config->listeners[i].advertised.port == address.port))
                return &config->listeners[i];
    }
    return NULL;
}

/* A listener on a free loopback port, for a node that has nobody to talk to but itself. */
static void add_internal(struct reading *reading)
{
    struct config *config = reading->config;
    struct config_listener listener = {.name = "SKIFF_INTERNAL", .internal = true};
    snprintf(listener.bind.host, ENV_HOST_MAX, "localhost");
    if (config->listener_count == CONFIG_LISTENERS_MAX)
        refuse(reading, "listeners: more than %d", CONFIG_LISTENERS_MAX - 1);
    else
        config->listeners[config->listener_count++] = listener;
}

/* What the file names, or NULL. */
static struct config_listener *find_internal(struct config *config)
{
    const struct config_given *given = config->given;
    struct str rest = given->controller_listeners;
    struct str part;
    struct config_listener *listener = NULL;
    while (listener == NULL && next_part(&rest, ',', &part))
        listener = find(config, part);
    if (listener == NULL)
        listener = find_voted(config);
    if (listener == NULL && given->inter_broker_listener.size == 0)
        listener = find(config, STR("INTERNAL"));
    if (listener == NULL && given->voters.size > 0)
        listener = find(config, given->inter_broker_listener);
    return listener;
}

static void choose_internal(struct reading *reading)
{
    struct config *config = reading->config;
    struct config_listener *listener = find_internal(config);
    if (listener == NULL && config->given->voters.size == 0)
        add_internal(reading);
    else if (listener == NULL || config->listener_count == 1)
        refuse(reading,
               "listeners=%.*s: the quorum needs a listener of its own, apart from the clients'; "
               "add INTERNAL://host:port",
               STR_ARGS(config->given->listeners));
    else
        listener->internal = true;
}

static void check_names(struct reading *reading)
{
    struct config *config = reading->config;
    const struct config_given *given = config->given;
    bool broker_only = str_equal(given->process_roles, STR("broker"));
    struct str rest = given->controller_listeners;
    struct str first;
    if (!broker_only && next_part(&rest, ',', &first) && find(config, first) == NULL)
        refuse(reading, "controller.listener.names=%.*s: listeners has no such name",
               STR_ARGS(given->controller_listeners));
    if (given->inter_broker_listener.size > 0 && find(config, given->inter_broker_listener) == NULL)
        refuse(reading, "inter.broker.listener.name=%.*s: listeners has no such name",
               STR_ARGS(given->inter_broker_listener));
    if (given->inter_broker_protocol.size > 0 &&
        !equals_ignoring_case(given->inter_broker_protocol, "PLAINTEXT"))
        refuse(reading,
               "security.inter.broker.protocol=%.*s: is not built yet, and is never ignored "
               "silently",
               STR_ARGS(given->inter_broker_protocol));
}

static void warn_of_open_listeners(struct reading *reading)
{
    char names[CONFIG_LISTENERS_MAX * (CONFIG_NAME_MAX + 2)] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < reading->config->listener_count; i++) {
        const struct config_listener *listener = &reading->config->listeners[i];
        if (is_loopback(listener->bind.host))
            continue;
        size += (size_t)snprintf(names + size, sizeof names - size, "%s%s", size > 0 ? ", " : "",
                                 listener->name);
    }
    if (size > 0)
        warn(reading,
             "listeners %s: reachable from other machines without authentication; anyone "
             "there can read and write everything",
             names);
}

void finish_listeners(struct reading *reading)
{
    struct config *config = reading->config;
    struct str rest = config->given->listeners;
    struct str part;
    if (rest.size == 0)
        rest = STR("PLAINTEXT://:9092");
    config->listener_count = 0;
    while (next_part(&rest, ',', &part))
        read_listener(reading, part);
    if (config->listener_count == 0 || reading->failed)
        return;
    rest = config->given->advertised_listeners;
    while (next_part(&rest, ',', &part))
        read_advertised(reading, part);
    check_names(reading);
    choose_internal(reading);
    for (uint32_t i = 0; i < config->listener_count; i++) {
        check_protocol(reading, &config->listeners[i]);
        fill_advertised(reading, &config->listeners[i]);
    }
    warn_of_open_listeners(reading);
}

/* It comes last: neither a listener of Kafka's protocol nor anybody's address in the quorum. */
void finish_http(struct reading *reading)
{
    struct config *config = reading->config;
    struct str text = config->given->http_listener;
    struct config_listener listener = {.name = "skiff.http.listener", .http = true};
    if (text.size == 0)
        return;
    if (!parse_address(text, &listener.bind))
        refuse(reading, "skiff.http.listener=%.*s: must be host:port, port 0 to 65535",
               STR_ARGS(text));
    else if (config->listener_count == CONFIG_LISTENERS_MAX)
        refuse(reading, "listeners: more than %d, the HTTP port's included", CONFIG_LISTENERS_MAX);
    else
        config->listeners[config->listener_count++] = listener;
}
