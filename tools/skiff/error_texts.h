/* error_texts.h -- what each of Kafka's errors means, and what to do about it here. */
#ifndef SKIFF_ERROR_TEXTS_H
#define SKIFF_ERROR_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct error_text {
    enum err err;
    bool retriable; /* Clients ask again by themselves. */
    const char *meaning;
    const char *advice; /* NULL: this broker does not send it. */
};

extern const struct error_text error_texts[]; /* By code. */
extern const uint32_t error_text_count;

#endif
