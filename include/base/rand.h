/* rand.h -- xoshiro256** from a seed; no hidden state, so a run replays. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct rand {
    uint64_t state[4];
};

void rand_init(struct rand *rand, uint64_t seed);
uint64_t rand_u64(struct rand *rand);
uint64_t rand_below(struct rand *rand, uint64_t limit); /* [0, limit); limit > 0. */
bool rand_chance(struct rand *rand, uint32_t numerator, uint32_t denominator);
/* Mixes a seed and a stream number into an independent seed. */
uint64_t rand_derive(uint64_t seed, uint64_t stream);

#endif
