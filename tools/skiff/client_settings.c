/* client_settings.c -- librdkafka's settings for one call: where, -X, -F. */
#include "client_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "say.h"

static int find_brokers(const struct call *call, char *out, size_t size)
{
    const char *given = call_flag(call, "brokers");
    const char *dir = call_flag(call, "dir");
    if (given && !*given)
        return say_error(EXIT_USAGE, "-b names no broker: write HOST:PORT, or leave it out");
    if (!given && !dir)
        given = getenv("SKIFF_BROKERS");
    if (given && *given) {
        if (strlen(given) >= size)
            return say_error(EXIT_USAGE, "-b: more than %zu bytes", size - 1);
        snprintf(out, size, "%s", given);
        return EXIT_DONE;
    }
    char path[CLUSTER_PATH_MAX];
    char brokers[CLUSTER_BROKERS_MAX];
    struct cluster cluster;
    int code = cluster_dir(dir, true, path);
    if (!code)
        code = cluster_load(&cluster, path);
    if (code == EXIT_NOT_FOUND && dir)
        return say_error(EXIT_NOT_FOUND, "no cluster in %s", path);
    if (code == EXIT_NOT_FOUND)
        return say_error(EXIT_NOT_FOUND, "no brokers: start some with `skiff up`, or name them "
                                         "with -b HOST:PORT or $SKIFF_BROKERS");
    if (code)
        return code;
    cluster_brokers(&cluster, brokers);
    snprintf(out, size, "%s", brokers);
    return EXIT_DONE;
}

int client_set(rd_kafka_conf_t *settings, const char *key, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(settings, key, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return EXIT_DONE;
    return say_error(EXIT_USAGE, "%s=%s: %s", key, value, reason);
}

static int set_line(rd_kafka_conf_t *settings, const char *line, const char *where)
{
    char key[256];
    size_t size = strcspn(line, "=");
    if (line[size] != '=' || size == 0 || size >= sizeof key)
        return say_error(EXIT_USAGE, "%s: `%s` is not key=value", where, line);
    memcpy(key, line, size);
    key[size] = 0;
    return client_set(settings, key, line + size + 1);
}

static int set_file(rd_kafka_conf_t *settings, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (!file)
        return say_error(EXIT_FAILED, "-F %s: %s", path, strerror(errno));
    int code = EXIT_DONE;
    while (!code && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        const char *text = line + strspn(line, " \t");
        if (*text && *text != '#')
            code = set_line(settings, text, path);
    }
    fclose(file);
    return code;
}

/* -b and --dir first, then what -X and -F say, then what is known without them. */
static int set_brokers(const struct call *call, rd_kafka_conf_t *settings)
{
    char brokers[CLIENT_BROKERS_MAX] = "";
    size_t size = sizeof brokers;
    if (!call_flag(call, "brokers") && !call_flag(call, "dir") &&
        rd_kafka_conf_get(settings, "bootstrap.servers", brokers, &size) == RD_KAFKA_CONF_OK &&
        *brokers)
        return EXIT_DONE;
    int code = find_brokers(call, brokers, sizeof brokers);
    return code ? code : client_set(settings, "bootstrap.servers", brokers);
}

/* Every line of it either repeats what error_cb is told, or is about one broker of several. */
static void drop_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    (void)client, (void)level, (void)facility, (void)text;
}

/* That one broker is gone is no news while others answer; that none does is told once. */
static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    static bool has_told; /* A call has one client. */
    (void)client, (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT || has_told)
        return;
    has_told = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        say_error(0, "no broker can be reached; trying on");
    else
        say_error(0, "%.*s",
                  (int)(strstr(reason, " (after ") ? strstr(reason, " (after ") - reason
                                                   : (ptrdiff_t)strlen(reason)),
                  reason);
}

rd_kafka_conf_t *client_settings_new(void)
{
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    rd_kafka_conf_set(settings, "client.id", "skiff", NULL, 0);
    rd_kafka_conf_set_error_cb(settings, on_error);
    return settings;
}

static bool asks_for_debug(const rd_kafka_conf_t *settings)
{
    char what[512] = "";
    size_t size = sizeof what;
    return rd_kafka_conf_get(settings, "debug", what, &size) == RD_KAFKA_CONF_OK && *what;
}

int client_settings_read(const struct call *call, rd_kafka_conf_t *settings)
{
    const char *value;
    int code = EXIT_DONE;
    for (uint32_t i = 0; !code && (value = call_flag_at(call, "properties", i)); i++)
        code = set_file(settings, value);
    for (uint32_t i = 0; !code && (value = call_flag_at(call, "property", i)); i++)
        code = set_line(settings, value, "-X");
    if (!code)
        code = set_brokers(call, settings);
    if (!code && !asks_for_debug(settings))
        rd_kafka_conf_set_log_cb(settings, drop_line);
    return code;
}

bool client_cluster_is_down(const struct call *call, const char *brokers,
                            char dir[CLUSTER_PATH_MAX])
{
    char of_cluster[CLUSTER_BROKERS_MAX];
    struct cluster cluster;
    if (call_flag(call, "brokers") || cluster_dir(call_flag(call, "dir"), true, dir) ||
        cluster_load(&cluster, dir))
        return false;
    cluster_brokers(&cluster, of_cluster);
    return strcmp(of_cluster, brokers) == 0 && cluster_running(&cluster) == 0;
}

int client_brokers(const struct call *call, char out[CLIENT_BROKERS_MAX])
{
    char protocol[64] = "";
    size_t protocol_size = sizeof protocol;
    size_t size = CLIENT_BROKERS_MAX;
    rd_kafka_conf_t *settings = client_settings_new();
    int code = client_settings_read(call, settings);
    if (!code && rd_kafka_conf_get(settings, "bootstrap.servers", out, &size) != RD_KAFKA_CONF_OK)
        code = say_error(EXIT_USAGE, "bootstrap.servers: more than %d bytes", CLIENT_BROKERS_MAX);
    rd_kafka_conf_get(settings, "security.protocol", protocol, &protocol_size);
    if (!code && strcmp(protocol, "plaintext") != 0)
        code = say_error(EXIT_USAGE, "security.protocol=%s: `%s` speaks plaintext only, so far",
                         protocol, call->verb->name);
    rd_kafka_conf_destroy(settings);
    return code;
}
