/* client_settings.h -- librdkafka's settings for one call: where, -X, -F. */
#ifndef SKIFF_CLIENT_SETTINGS_H
#define SKIFF_CLIENT_SETTINGS_H

#include <librdkafka/rdkafka.h>

#include "call.h"

enum { CLIENT_BROKERS_MAX = 1024 };

/* The brokers of a call that does without librdkafka: -b, --dir, what -X and -F say,
 * $SKIFF_BROKERS, or the local cluster last started.
 * Errors  an exit code, told; EXIT_USAGE also when they ask for what our own client can't do. */
int client_brokers(const struct call *call, char out[CLIENT_BROKERS_MAX]);

/* A configuration with -F, then -X, and the brokers in it.
 * Owns    *out is the caller's; rd_kafka_new() takes it.
 * Errors  an exit code, told. */
int client_settings(const struct call *call, rd_kafka_conf_t **out);

/* Set one key, unless an -X of the call does. Errors: EXIT_USAGE, told. */
int client_default(const struct call *call, rd_kafka_conf_t *settings, const char *key,
                   const char *value);

/* Set one key. Errors: EXIT_USAGE, told. */
int client_set(rd_kafka_conf_t *settings, const char *key, const char *value);

#endif
