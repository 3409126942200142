/* wire.h -- every request and reply on the wire, both directions, and their frames.
 *
 * For each API there is a generated header: structs `<api>_request` and
 * `<api>_response`, their elements `<api>_request_topic` and so on, and for both
 *
 *   enum err <api>_request_read(struct *out, version, reader, arena);
 *   uint64_t <api>_request_size(const struct *, version);
 *   void     <api>_request_write(const struct *, version, writer);
 *   void     <api>_request_topic_init(struct *out);          each struct: Kafka's defaults
 *   struct  *<api>_request_topic_new(struct arena *, count); an array, each at its defaults
 *
 * Always start from _init() or _new(): zero is not the default of many fields (a
 * zeroed current_leader says "node 0"). WIRE_PRODUCE is the API's key.
 *
 * Source  Kafka 4.4's messages; the schema in src/net/wire/schema. */
#ifndef WIRE_H
#define WIRE_H

#include "base/base.h"
#include "base/walk.h"

#include "wire/all.h" /* Generated: WIRE_<API> keys, and every wire/<api>.h. */

/* One API, as this node speaks it. */
struct wire_api {
    int16_t key;
    const char *name; /* "Produce". */
    int16_t min, max; /* Versions served, and advertised. */
    int16_t flexible_from;
    bool internal; /* Only between nodes. */
    const struct walk_message *request;
    const struct walk_message *response;
};

/* Generated; sorted by key. */
extern const struct wire_api wire_apis[WIRE_API_COUNT];

/* NULL: unknown key. */
const struct wire_api *wire_api_find(int16_t key);

struct wire_request_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct str client_id; /* ? Bytes as they came. */
};

enum { WIRE_SIZE_PREFIX = 4 }; /* Bytes of a frame's size field. */

/* Read a request header (v1, or v2 where the version is flexible) and find its API.
 * Errors  ERR_INVALID_REQUEST: malformed; nothing in `out` counts.
 *         ERR_UNSUPPORTED_VERSION: unknown key (*api NULL) or version not served (*api set);
 *         then the first three fields of `out` are good, so that ApiVersions can answer. */
enum err wire_request_header_read(struct wire_request_header *out, const struct wire_api **api,
                                  struct wire_reader *reader);
/* Errors  ERR_INVALID_REQUEST: malformed. */
enum err wire_response_header_read(int32_t *correlation_id, const struct wire_api *api,
                                   int16_t version, struct wire_reader *reader);

/* A whole frame, size prefix included: the bytes of `head` with `splices` set in between. */
struct wire_frame {
    struct buf *head;            /* One reference. */
    struct wire_splice *splices; /* NULL when there are none. */
    uint32_t splice_count;
    uint64_t size; /* Bytes on the wire, prefix and extents included. */
};

/* Make the frame of a request or a response; `body` is the API's struct.
 * A version that the API does not have is our own mistake; ApiVersions' answer to
 * an unknown version is made with version 0.
 * Owns    *out is the caller's, until wire_frame_free().
 * Errors  ERR_TOO_LARGE: over 2 GiB; *out is untouched. */
enum err wire_request_frame(struct wire_frame *out, const struct wire_request_header *header,
                            const void *body);
enum err wire_response_frame(struct wire_frame *out, int16_t api_key, int16_t version,
                             int32_t correlation_id, const void *body);
void wire_frame_free(struct wire_frame *frame);

#endif
