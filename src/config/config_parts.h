/* config_parts.h -- what the files of this folder share. */
#ifndef CONFIG_CONFIG_PARTS_H
#define CONFIG_CONFIG_PARTS_H

#include "base/base.h"
#include "config.h"
#include "config_key.h"

/* -1: its own default. What zlib calls 0, stored, Kafka does not take. */
#define CONFIG_GZIP_LEVELS "-1,1,2,3,4,5,6,7,8,9"

enum {
    KEY_SIZE_MAX = 128,  /* Longest key of Kafka is 61 bytes. */
    KEY_DISTANCE_MAX = 2 /* Typing errors that a suggestion forgives. */
};

/* What to do with a key of the broker. */
enum key_kind {
    KEY_INT32,
    KEY_INT64,
    KEY_RATIO, /* A decimal, kept as an int32 in millionths. */
    KEY_RATE,  /* A decimal, kept as an int64, whole; what is too large is INT64_MAX. */
    KEY_BOOL,
    KEY_WORDS,       /* Kept as text, in CONFIG_WORD_MAX bytes. */
    KEY_TEXT,        /* Kept for config_finish(), at `offset` of struct config_given. */
    KEY_MEANINGLESS, /* Kafka's, without a counterpart here. */
    KEY_LATER,       /* Not built yet, and harmless to leave out. */
    KEY_SECURITY,    /* Not built yet, and never to be left out silently. */
};

struct key {
    struct config_key about;
    enum key_kind kind;
    uint32_t offset; /* Of the field. */
};

/* The tables; a broker's keys stand in two, one after the other. */
extern const struct key used_keys[], idle_keys[];
extern const uint32_t used_key_count, idle_key_count;
extern const struct config_key topic_keys[], group_keys[];
extern const uint32_t topic_key_count, group_key_count;

enum { IGNORED_NAMES_MAX = 64 }; /* Of one kind, told by name. */

/* Keys that were given and have no effect, each once. */
struct ignored {
    uint32_t count, more; /* Named, and beyond IGNORED_NAMES_MAX. */
    struct str names[IGNORED_NAMES_MAX];
};

/* Values that only make sense together; null: not given. */
struct config_given {
    struct str listeners;
    struct str advertised_listeners;
    struct str protocol_map;
    struct str inter_broker_listener;
    struct str inter_broker_protocol;
    struct str controller_listeners;
    struct str process_roles;
    struct str voters;
    struct str bootstrap_servers;
    struct str log_dirs;
    struct str log_dir;
    struct str metadata_log_dir;
    struct str defaults;
    struct str http_listener;
    struct str log_level;
    struct str log_format;
    struct str retention_minutes, retention_hours;
    struct str roll_hours, roll_jitter_hours;
    struct str consumer_assignors;
    struct str consumer_policy;
    uint32_t read_count; /* Calls of config_read(). */
    uint8_t *sources;    /* enum config_source of each key, by key_index(). */
    struct str *values;  /* The text of each that was given; null: it was not. */
    struct ignored meaningless, later;
    bool has_node_id;
    bool has_replication_factor;
    bool has_min_insync;
    bool has_flush_messages;
    bool has_retention_ms, has_roll_ms, has_roll_jitter_ms;
};

/* One reading: where remarks go, and whether any was fatal. */
struct reading {
    struct config *config;
    struct arena *arena;
    struct config_remark **tail; /* Where the next one is hung. */
    bool failed;
};

struct property {
    struct str key;
    struct str value; /* Trimmed, as Kafka does. */
};

/* reading.c */
void reading_start(struct reading *reading, struct config *config, struct arena *arena,
                   struct config_remark **remarks);
void refuse(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
void warn(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note(struct reading *reading, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool parse_number(struct str text, int64_t *out);
/* A decimal that is not negative, "0.5" or "1.7E308", times `scale`; INT64_MAX if that is more. */
bool parse_decimal(struct str text, int64_t scale, int64_t *out);
bool parse_bool(struct str text, bool *out);
bool equals_ignoring_case(struct str text, const char *word);
struct str trim(struct str text);
/* Cut the part before `separator` off `rest`; false when nothing is left. */
bool next_part(struct str *rest, char separator, struct str *part);

/* properties.c: the next key of `rest`; false at the end. */
bool next_property(struct str *rest, struct arena *arena, struct property *out);

/* values.c: put what config_key_check() keeps of a value into the key's field. */
void key_store(struct config *config, const struct key *key, struct str value);

/* topics.c, pairs.c */
void finish_topics(struct reading *reading);
void finish_pairs(struct reading *reading);

/* keys.c */
const struct key *key_find(struct str name);
const struct key *key_at(uint32_t index); /* NULL: past the last. */
uint32_t key_index(const struct key *key);
uint32_t key_count(void);
const char *key_suggest(struct str name); /* NULL: nothing is near. Ends in '.': begins so. */
bool key_is_secret(struct str name);

/* consumers.c, listeners.c, voters.c */
void finish_consumers(struct reading *reading);
void finish_listeners(struct reading *reading);
void finish_http(struct reading *reading);
void finish_voters(struct reading *reading);
/* "host:port", "[::1]:port", ":port". */
bool parse_address(struct str text, struct env_address *out);

#define STR_ARGS(str) (int)(str).size, (str).data ? (str).data : ""

#endif
