/* hash.h -- hashes that whoever chooses the keys cannot foresee: SipHash, keyed with a secret.
 *
 * Names, numbers and ids come from clients, and a map whose hash they know they can fill with keys
 * that all meet in one place. What is replicated or kept on disk is never hashed with these.
 *
 * Source  Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

struct hash_digest {
    uint64_t low, high;
};

/* SipHash-2-4 with 128 bits of output; two keys with one digest are not to be found. */
struct hash_digest hash_digest(const uint64_t secret[2], struct bytes key);

/* SipHash-1-3 with the secret of the process. */
uint64_t hash_key(struct bytes key);

/* Set the secret of the process, once, before there is any map and any second thread. Until
 * then it is a fixed one, with which the runs of tests and of the simulator repeat. */
void hash_set_secret(const uint64_t secret[2]);

#endif
