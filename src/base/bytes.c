/* bytes.c -- comparing borrowed runs of bytes.
 *
 * Null equals only null, and sorts as the empty run does. */
#include "base/bytes.h"

#include "base/check.h"

static int compare(const void *a, uint32_t a_size, const void *b, uint32_t b_size)
{
    uint32_t size = a_size < b_size ? a_size : b_size;
    int order = size == 0 ? 0 : memcmp(a, b, size);
    if (order != 0)
        return order;
    return (a_size > b_size) - (a_size < b_size);
}

struct str str_from(const char *terminated)
{
    if (terminated == NULL)
        return (struct str){.data = NULL, .size = 0};
    size_t size = strlen(terminated);
    check(size <= UINT32_MAX);
    return (struct str){.data = terminated, .size = (uint32_t)size};
}

bool str_equal(struct str a, struct str b)
{
    return bytes_equal(bytes_of_str(a), bytes_of_str(b));
}

int str_compare(struct str a, struct str b)
{
    return compare(a.data, a.size, b.data, b.size);
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    if ((a.data == NULL) != (b.data == NULL))
        return false;
    return compare(a.data, a.size, b.data, b.size) == 0;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    return compare(a.data, a.size, b.data, b.size);
}
