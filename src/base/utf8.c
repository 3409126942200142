/* utf8.c -- UTF-8 found, and made.
 *
 * Source  RFC 3629; java.lang.String for what is one malformed piece: as much of a sequence as is
 * right, and a surrogate whole. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool goes_on(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the sequence that begins so; 0: none does. */
static uint32_t size_by_first(uint8_t first)
{
    return first < 0x80    ? 1
           : first < 0xc2  ? 0
           : first < 0xe0  ? 2
           : first < 0xf0  ? 3
           : first <= 0xf4 ? 4
                           : 0;
}

/* A second byte that no sequence of this first one has: it is overlong, or past U+10FFFF. */
static bool is_out_of_range(uint8_t first, uint8_t second)
{
    return (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90) ||
           (first == 0xf4 && second >= 0x90);
}

static bool is_surrogate(const uint8_t *at, uint32_t size)
{
    return size == 3 && at[0] == 0xed && at[1] >= 0xa0;
}

/* Bytes of the piece at `at`: a sequence, or, with *is_valid false, what is none. */
static uint32_t take_piece(const uint8_t *at, uint32_t left, bool *is_valid)
{
    uint32_t size = size_by_first(at[0]), there = 1;

    if (size > 1 && left > 1 && !is_out_of_range(at[0], at[1]))
        while (there < size && there < left && goes_on(at[there]))
            there++;
    *is_valid = there == size && !is_surrogate(at, size);
    return there;
}

/* Bytes of ASCII at the beginning, eight by eight. */
static uint32_t skip_ascii(const uint8_t *at, uint32_t left)
{
    uint32_t skipped = 0;
    uint64_t eight;

    for (; left - skipped >= sizeof eight; skipped += (uint32_t)sizeof eight) {
        memcpy(&eight, at + skipped, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return skipped;
}

bool utf8_is_valid(struct str text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    bool is_valid = true;

    for (uint32_t done = 0; is_valid && done < text.size;) {
        done += skip_ascii(at + done, text.size - done);
        if (done < text.size)
            done += take_piece(at + done, text.size - done, &is_valid);
    }
    return is_valid;
}

struct str utf8_mend(struct arena *arena, struct str text)
{
    const uint8_t *at = (const uint8_t *)text.data;

    if (utf8_is_valid(text))
        return text;
    char *mended = arena_alloc(arena, (size_t)text.size * UTF8_MENDED_TIMES);
    struct str out = {.data = mended};
    for (uint32_t done = 0; done < text.size;) {
        bool is_valid;
        uint32_t size = take_piece(at + done, text.size - done, &is_valid);
        uint32_t kept = is_valid ? size : 3;
        memcpy(mended + out.size, is_valid ? (const char *)at + done : "\xef\xbf\xbd", kept);
        out.size += kept;
        done += size;
    }
    return out;
}
