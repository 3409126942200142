/* fuzz_http.c -- any bytes, as the head of an HTTP request.
 *
 * Whatever it is: a head that is whole does not change with what follows it, and is not whole
 * without its last byte; its strings lie within it; and a path is a path. */
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str part, struct str whole)
{
    check(part.data >= whole.data);
    check(part.data + part.size <= whole.data + whole.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head head, alone;
    /* A copy of exactly its size, so that a read past the end is seen. */
    char *copy = mem_alloc(size + 1);
    memcpy(copy, data, size);
    copy = mem_realloc(copy, size > 0 ? size : 1);
    struct str text = {.data = copy, .size = (uint32_t)size};
    enum head_state state = head_read(text, &head);
    if (state != HEAD_PARTIAL) {
        check(head.size >= 4);
        check(head.size <= size);
        check(head_read((struct str){.data = copy, .size = head.size}, &alone) == state);
        check(head_read((struct str){.data = copy, .size = head.size - 1}, &alone) == HEAD_PARTIAL);
    }
    if (state == HEAD_WHOLE) {
        check_inside(head.method, (struct str){.data = copy, .size = head.size});
        check_inside(head.path, (struct str){.data = copy, .size = head.size});
        check(head.method.size > 0);
        check(head.path.size > 0);
        check(head.path.data[0] == '/');
        check(!memchr(head.path.data, '?', head.path.size));
    }
    mem_free(copy);
    return 0;
}
