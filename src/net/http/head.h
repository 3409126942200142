/* head.h -- the head of an HTTP request: its line and its header fields. */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include "base/base.h"

enum head_state {
    HEAD_PARTIAL, /* No empty line yet. */
    HEAD_BAD,     /* Not a request that RFC 9112 allows. */
    HEAD_WHOLE,
};

struct head {
    uint32_t size; /* With the empty line. */
    struct str method;
    struct str path; /* Without the query. */
    bool is_1_0;     /* HTTP/1.0: no chunks, and the connection closes unless it is to be kept. */
    bool keeps;      /* The connection is for further requests. */
    bool has_body;
};

/* Read what stands at the start of `text`; strings of *out point into it. */
enum head_state head_read(struct str text, struct head *out);

#endif
