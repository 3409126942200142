/* base.h -- the vocabulary; every other header begins with it. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/durations.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/spare.h"
#include "base/time.h"
#include "base/timer.h"
#include "base/trace.h"
#include "base/utf8.h"

#endif
