/* image_delta.h -- how image_apply() says what it touched; a NULL delta hears nothing. */
#ifndef IMAGE_DELTA_H
#define IMAGE_DELTA_H

#include "image.h"

void delta_add_partition(struct image_delta *delta, struct partition_key key);
void delta_add_broker(struct image_delta *delta, node_id id);
void delta_set_topics(struct image_delta *delta);
void delta_set_voters(struct image_delta *delta);
void delta_set_configs(struct image_delta *delta);

#endif
