/* alter_job.h -- what AlterConfigs and IncrementalAlterConfigs share: their way to the controller
 * and back.
 *
 * Loggers belong to the node that is asked, the rest to the controller. The node that a client
 * asked answers when its own image shows the change. */
#ifndef NET_API_ALTER_JOB_H
#define NET_API_ALTER_JOB_H

#include "api.h"
#include "office.h"
#include "state.h"

/* Where one resource of a response stands; error_code NULL: it has no such. */
struct alter_slot {
    int8_t *resource_type;
    struct str *resource_name;
    int16_t *error_code;
    struct str *error_message;
};

/* Both APIs answer the same, in structs of their own. */
struct alter_api {
    void *(*response_new)(struct arena *arena, uint32_t count);
    struct alter_slot (*slot)(const void *response, uint32_t place);
};

struct alter_job {
    struct act act;
    struct request *request;
    struct alter_configs_command command; /* Its strings are the frame's, or kept. */
    struct alter_configs_reply reply;
    struct image_watch watch;
    const struct alter_api *api;
};

/* The command has come. */
void alter_job_start(struct shard *shard, struct alter_job *job);

#endif
