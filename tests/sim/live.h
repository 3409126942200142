/* live.h -- what is demanded once all is healed; each fills `why` while it is not so. */
#ifndef SIM_LIVE_H
#define SIM_LIVE_H

#include <stdio.h>

#include "world.h"

bool live_l1(struct world *world, char *why, size_t size);
bool live_l2(struct world *world, char *why, size_t size);
bool live_l3(struct world *world, char *why, size_t size);
bool live_l6(struct world *world, char *why, size_t size);
bool live_l7(struct world *world, char *why, size_t size);

#endif
