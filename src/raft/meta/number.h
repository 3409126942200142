/* number.h -- whole numbers as text, as topic settings hold them. */
#ifndef NUMBER_H
#define NUMBER_H

#include "base/base.h"

/* Optional sign and digits, nothing else; false and *out untouched when it is not one. */
bool number_parse(struct str text, int64_t *out);

#endif
