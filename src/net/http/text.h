/* text.h -- text written into a buffer of fixed size, without formats and without allocation. */
#ifndef NET_HTTP_TEXT_H
#define NET_HTTP_TEXT_H

#include "base/base.h"

struct text {
    char *data; /* The caller's, of `size_max` bytes. */
    uint32_t size, size_max;
};

/* Empty, over an array. */
#define TEXT_OVER(array) ((struct text){.data = (array), .size_max = sizeof(array)})

uint32_t text_room(const struct text *text);
struct str text_str(const struct text *text); /* What was written. */
/* Whoever writes has looked at the room before. */
void text_put(struct text *text, struct str str);
void text_put_number(struct text *text, int64_t number);
/* `number` divided by ten to the `digits`, in decimal, without zeros at its end. */
void text_put_decimal(struct text *text, uint64_t number, uint32_t digits);

#endif
