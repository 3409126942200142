/* probing.h -- probes by fresh connections: one after the other is due, many are open at once.
 *
 * What a client that knows nothing but the bootstrap list gets, whatever a stock client
 * would remember or wait for. A probe dials all bootstrap brokers side by side and asks
 * each for Metadata; the first that answers decides where its one request goes. Until
 * that request has left, the probe tries again, every AGAIN_NS; after it, never: an
 * answer, a lost connection and the deadline end it, so that what it wrote stands in the
 * log at most once. */
#ifndef WORKLOAD_PROBING_H
#define WORKLOAD_PROBING_H

#include <poll.h>

#include "exchange.h"
#include "workload.h"

enum {
    PROBE_BOOTSTRAP_MAX = 9,
    PROBE_OPEN_MAX = 1024,
    PROBE_POLLED_MAX = PROBE_OPEN_MAX * (PROBE_BOOTSTRAP_MAX + 1),
    PROBE_DEADLINE_NS = 1000000000,
    /* Old enough for any broker of today, and served by Kafka 4. */
    PROBE_METADATA_VERSION = 7,
    PROBE_PRODUCE_VERSION = 7,
    PROBE_CREATE_VERSION = 4,
    PROBE_DELETE_VERSION = 3,
};

struct probe {
    int64_t value; /* Its number in the history. */
    int64_t deadline_ns;
    int64_t again_ns; /* When to ask for Metadata again; 0: it is being asked, or was. */
    bool is_over;
    struct exchange asks[PROBE_BOOTSTRAP_MAX];
    struct exchange request; /* What the probe is about; not dialled while it asks. */
    uint64_t subject;        /* The kind's own: which partition, which topic. */
    bool deletes;            /* Metadata: the topic is deleted, not created. */
};

struct probing;

/* What a kind of probe does. */
struct probe_kind {
    const char *profile;
    bool asks_topic; /* Metadata is asked for the topic, not for brokers alone. */
    /* The subject of the next probe that is due. */
    uint64_t (*next)(struct probing *probing);
    /* Dial probe->request, or take the exchange that `answered`, and ask.
     * Errors  false: Metadata does not say where to. */
    bool (*ask)(struct probing *probing, struct probe *probe,
                const struct metadata_response *metadata, struct exchange *answered);
    /* Read the answer. `offset` is -1 where there is none. Errors: those of the broker. */
    enum err (*take)(struct probe *probe, struct client_reply *reply, struct arena *arena,
                     int64_t *offset);
    /* It is over, and told. ERR_NONE: it was done. */
    void (*after)(struct probing *probing, const struct probe *probe, enum err err); /* Or NULL. */
};

/* A descriptor that is polled, and whose it is. */
struct polled {
    struct probe *probe;
    struct exchange *exchange;
};

struct known_address {
    char host[256];
    uint16_t port;
    struct address address;
};

struct probing {
    struct workload workload;
    const struct probe_kind *kind;
    int64_t every_ns;
    uint32_t number; /* The client's, in the history. */
    int64_t next_value;
    uint64_t next_subject;
    uint32_t bootstrap_count;
    struct address bootstrap[PROBE_BOOTSTRAP_MAX];
    uint32_t known_count;
    struct known_address *known; /* Of brokers; a name is asked for once. */
    uint32_t known_capacity;
    uint32_t open_count;
    struct probe *open[PROBE_OPEN_MAX];
    struct pollfd fds[PROBE_POLLED_MAX + 1]; /* The last one is that of the signals. */
    struct polled polled[PROBE_POLLED_MAX];
    uint64_t acked, failed, passed_over;
    uint64_t *left; /* Metadata: topics that may still be there. */
    uint32_t left_count, left_capacity;
};

/* Begin one more probe now; false: too many are open. */
bool probing_begin(struct probing *probing, uint64_t subject, bool deletes);

/* The address of a broker by Metadata; NULL: nobody knows its host. */
const struct address *probing_broker(struct probing *probing,
                                     const struct metadata_response_broker *broker);

/* Probe until a signal comes, and until what is open is over.
 * Errors  an exit code, told. */
int probing_run(struct probing *probing);

/* The two kinds. */
extern const struct probe_kind probe_produce, probe_topics;

/* Delete what probes of topics left behind. Errors: an exit code, told. */
int probe_topics_delete(struct probing *probing, const char *brokers);

#endif
