/* names.c -- kept strings, and the path-copying map of base used in place: nobody holds an
 * old root, so each update frees it. */
#include "names.h"

struct bytes keep_bytes(struct bytes bytes)
{
    if (bytes.data == NULL)
        return bytes;
    uint8_t *copy = mem_alloc(bytes.size > 0 ? bytes.size : 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return (struct bytes){.data = copy, .size = bytes.size};
}

struct str keep_str(struct str str)
{
    struct bytes kept = keep_bytes(bytes_of_str(str));
    return (struct str){.data = (const char *)kept.data, .size = kept.size};
}

void drop_str(struct str *str)
{
    mem_free((void *)(uintptr_t)str->data);
    *str = (struct str){.data = NULL};
}

void drop_bytes(struct bytes *bytes)
{
    mem_free((void *)(uintptr_t)bytes->data);
    *bytes = (struct bytes){.data = NULL};
}

void replace_str(struct str *kept, struct str str)
{
    struct str copy = keep_str(str);
    drop_str(kept);
    *kept = copy;
}

void replace_bytes(struct bytes *kept, struct bytes bytes)
{
    struct bytes copy = keep_bytes(bytes);
    drop_bytes(kept);
    *kept = copy;
}

void names_put(struct pmap **names, struct str key, void *value)
{
    struct pmap *old = *names;
    *names = pmap_put(NULL, old, bytes_of_str(key), value);
    pmap_unref(NULL, old);
}

void names_remove(struct pmap **names, struct str key)
{
    struct pmap *old = *names;
    *names = pmap_remove(NULL, old, bytes_of_str(key));
    pmap_unref(NULL, old);
}

void *names_get(const struct pmap *names, struct str key)
{
    return key.data == NULL ? NULL : pmap_get(names, bytes_of_str(key));
}

void *names_next(const struct pmap *names, struct str *after)
{
    struct bytes found = {.data = NULL};
    bool is_first = after->data == NULL;
    struct bytes from = is_first ? bytes_of_str(STR("")) : bytes_of_str(*after);
    void *value = pmap_seek(names, from, !is_first, &found);
    *after = (struct str){.data = (const char *)found.data, .size = found.size};
    return value;
}
