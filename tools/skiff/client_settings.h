/* client_settings.h -- librdkafka's settings for one call: where, -X, -F. */
#ifndef SKIFF_CLIENT_SETTINGS_H
#define SKIFF_CLIENT_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "call.h"
#include "cluster.h"

enum { CLIENT_BROKERS_MAX = 1024 };

/* The brokers of a call that does without librdkafka: -b, --dir, what -X and -F say,
 * $SKIFF_BROKERS, or the local cluster last started.
 * Errors  an exit code, told; EXIT_USAGE also when they ask for what our own client can't do. */
int client_brokers(const struct call *call, char out[CLIENT_BROKERS_MAX]);

/* Whether `brokers` are those of the local cluster that the call is for, and none of them runs. */
bool client_cluster_is_down(const struct call *call, const char *brokers,
                            char dir[CLUSTER_PATH_MAX]);

/* A configuration to put a verb's own defaults into. What librdkafka has to tell comes out as
 * one line of ours; -X debug=... brings its own lines back.
 * Owns    the caller's; rd_kafka_new() takes it. */
rd_kafka_conf_t *client_settings_new(void);

/* Read -F, then -X, and the brokers into `settings`: they win over what was set before.
 * Errors  an exit code, told. */
int client_settings_read(const struct call *call, rd_kafka_conf_t *settings);

/* Set one key. Errors: EXIT_USAGE, told. */
int client_set(rd_kafka_conf_t *settings, const char *key, const char *value);

#endif
