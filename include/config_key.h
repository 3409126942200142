/* config_key.h -- every config of a topic, a broker or a group: its name, its type, what it takes,
 * and what it does here.
 *
 * All that is checked or told of a config follows from one line of a table in src/config:
 * what a server.properties may hold, what CreateTopics and the Alter requests take, and what
 * DescribeConfigs says. Values travel as Kafka's text. */
#ifndef CONFIG_KEY_H
#define CONFIG_KEY_H

#include "base/base.h"

enum { CONFIG_TEXT_MAX = 4096 }; /* Bytes of a value. */

/* Kafka's numbers, as on the wire. */
enum config_resource {
    CONFIG_OF_TOPIC = 2,
    CONFIG_OF_BROKER = 4, /* With an empty name: of all brokers. */
    CONFIG_OF_LOGGER = 8,
    CONFIG_OF_GROUP = 32,
};

enum config_type {
    CONFIG_BOOLEAN = 1,
    CONFIG_STRING,
    CONFIG_INT,
    CONFIG_SHORT,
    CONFIG_LONG,
    CONFIG_DOUBLE,
    CONFIG_LIST,
    CONFIG_CLASS,
    CONFIG_PASSWORD, /* Never told. */
};

enum config_reach {
    CONFIG_LIVE,    /* A change is felt without a restart. */
    CONFIG_CLUSTER, /* The same, and all brokers have one value. */
    CONFIG_START,   /* Read when a node starts, or when what it is about is made. */
    CONFIG_IDLE,    /* Kafka's; it has no effect here. */
    CONFIG_GONE,    /* Dropped by Kafka 4; taken and forgotten. */
};

struct config_key {
    const char *name; /* Ends in '.': every key that begins so. */
    enum config_type type;
    enum config_reach reach;
    const char *fallback; /* The default; NULL: none, or computed. */
    int64_t min, max;     /* Of numbers; of a ratio in millionths. */
    bool is_never_zero;   /* -1 means something, and from 1 on all does. */
    const char
        *choices; /* With commas: any of them in a list, else one. NULL: any text, any number. */
    bool is_replicas;     /* A list of partition:broker, or '*' alone. */
    const char *synonyms; /* Of a topic or group: the broker's keys that stand for it where it says
                           * nothing itself, with commas, the most telling first. NULL: none. */
    const char *doc;
};

/* NULL: unknown. Loggers have no table. */
const struct config_key *config_key_find(enum config_resource resource, struct str name);
/* One after the other; NULL: past the last. Keys that end in '.' are among a broker's. */
const struct config_key *config_key_at(enum config_resource resource, uint32_t index);

/* Whether `key` takes `value`; *kept is what it means, as Kafka would tell it: no blanks around it
 * or around the words of a list, whole numbers and booleans in one form.
 * Owns    *kept is `value`, a part of it, constant, or lives in `arena`, as *message does, which
 *         names key, value and what is allowed.
 * Errors  ERR_INVALID_CONFIG. */
enum err config_key_check(const struct config_key *key, struct str value, struct arena *arena,
                          struct str *kept, struct str *message);

/* Whether a value is short enough to be looked at closer.
 * Owns    *message lives in `arena`, and names key, size and limit.
 * Errors  ERR_INVALID_CONFIG. */
enum err config_key_check_size(const struct config_key *key, struct str value, struct arena *arena,
                               struct str *message);

/* Two numbers of a broker: one is below the other, or at most the same. */
struct config_pair {
    const char *lesser, *greater;
    bool may_be_equal;
};

struct config_pair_numbers {
    int64_t lesser, greater;
};

/* One after the other; NULL: past the last. */
const struct config_pair *config_pair_at(uint32_t index);
/* Owns    *message lives in `arena`, and names both keys and numbers.
 * Errors  ERR_INVALID_CONFIG. */
enum err config_pair_check(const struct config_pair *pair, struct config_pair_numbers numbers,
                           struct arena *arena, struct str *message);

/* The next of the words that stand between commas in `rest`, trimmed; false: no more. */
bool config_next_word(struct str *rest, struct str *word);

#endif
