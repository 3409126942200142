/* rand.c -- xoshiro256**, seeded and derived through splitmix64.
 *
 * Source  Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021. */
#include "base/rand.h"

#include "base/check.h"

/* One step of splitmix64: a bijection that scatters neighbouring numbers. */
static uint64_t scatter(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint64_t rotate(uint64_t value, int by)
{
    return (value << by) | (value >> (64 - by));
}

void rand_init(struct rand *rand, uint64_t seed)
{
    for (uint64_t i = 0; i < 4; i++)
        rand->state[i] = scatter(seed + i * UINT64_C(0x9e3779b97f4a7c15));
    /* All zero is the one state that never leaves itself; a bijection of four
     * different numbers cannot give it. */
}

uint64_t rand_u64(struct rand *rand)
{
    uint64_t *state = rand->state;
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

uint64_t rand_below(struct rand *rand, uint64_t limit)
{
    check(limit > 0);
    /* Draws below 2^64 mod limit would favour small results; draw again. */
    uint64_t unfair = (0 - limit) % limit;
    uint64_t draw = rand_u64(rand);
    while (draw < unfair)
        draw = rand_u64(rand);
    return draw % limit;
}

bool rand_chance(struct rand *rand, uint32_t numerator, uint32_t denominator)
{
    return rand_below(rand, denominator) < numerator;
}

uint64_t rand_derive(uint64_t seed, uint64_t stream)
{
    return scatter(scatter(seed) ^ scatter(~stream));
}
