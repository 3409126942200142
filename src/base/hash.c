/* hash.c -- SipHash with one round a word for the maps, with two for digests that stand for a key.
 *
 * The secret of the process is the only state of this folder. It is set before the first map and
 * never again, so no map sees two of them, and threads only read it. */
#include "base/hash.h"

struct sip {
    uint64_t a, b, c, d;
};

/* Fixed until the process draws its own. */
static uint64_t process_secret[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static inline uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void rounds(struct sip *sip, int count)
{
    for (int i = 0; i < count; i++) {
        sip->a += sip->b;
        sip->b = rotate(sip->b, 13) ^ sip->a;
        sip->a = rotate(sip->a, 32);
        sip->c += sip->d;
        sip->d = rotate(sip->d, 16) ^ sip->c;
        sip->a += sip->d;
        sip->d = rotate(sip->d, 21) ^ sip->a;
        sip->c += sip->b;
        sip->b = rotate(sip->b, 17) ^ sip->c;
        sip->c = rotate(sip->c, 32);
    }
}

static inline struct sip begin(const uint64_t secret[2])
{
    return (struct sip){
        .a = secret[0] ^ 0x736f6d6570736575,
        .b = secret[1] ^ 0x646f72616e646f6d,
        .c = secret[0] ^ 0x6c7967656e657261,
        .d = secret[1] ^ 0x7465646279746573,
    };
}

static inline void take_word(struct sip *sip, uint64_t word, int round_count)
{
    sip->d ^= word;
    rounds(sip, round_count);
    sip->a ^= word;
}

/* The last, short word: up to seven bytes, little-endian, below the size. */
static inline uint64_t load_rest(const uint8_t *at, uint32_t size)
{
    uint64_t word = (uint64_t)size << 56;
    uint32_t done = 0;
    if (size & 4) {
        word |= __builtin_bswap32(load_be32(at));
        done = 4;
    }
    for (; done < (size & 7); done++)
        word |= (uint64_t)at[done] << (8 * done);
    return word;
}

static inline void take_key(struct sip *sip, struct bytes key, int round_count)
{
    const uint8_t *at = key.data;
    for (uint32_t left = key.size; left >= 8; left -= 8, at += 8)
        take_word(sip, __builtin_bswap64(load_be64(at)), round_count);
    take_word(sip, load_rest(at, key.size), round_count);
}

static inline uint64_t fold(const struct sip *sip)
{
    return sip->a ^ sip->b ^ sip->c ^ sip->d;
}

struct hash_digest hash_digest(const uint64_t secret[2], struct bytes key)
{
    struct sip sip = begin(secret);
    sip.b ^= 0xee;
    take_key(&sip, key, 2);
    sip.c ^= 0xee;
    rounds(&sip, 4);
    struct hash_digest digest = {.low = fold(&sip)};
    sip.b ^= 0xdd;
    rounds(&sip, 4);
    digest.high = fold(&sip);
    return digest;
}

uint64_t hash_key(struct bytes key)
{
    struct sip sip = begin(process_secret);
    take_key(&sip, key, 1);
    sip.c ^= 0xff;
    rounds(&sip, 3);
    return fold(&sip);
}

void hash_set_secret(const uint64_t secret[2])
{
    process_secret[0] = secret[0];
    process_secret[1] = secret[1];
}
