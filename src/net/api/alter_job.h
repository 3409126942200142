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

struct alter_job {
    struct act act;
    struct request *request;
    struct alter_configs_command command; /* Its strings are the frame's, or kept. */
    struct alter_configs_reply reply;
    struct image_watch watch;
    /* Write the reply, one for each resource of the command, and end the request. */
    void (*answer)(struct alter_job *job);
    /* What the controller answered, a response struct of the API, goes into job->reply. */
    void (*take)(struct alter_job *job, const void *response);
};

/* The command has come. */
void alter_job_start(struct shard *shard, struct alter_job *job);

#endif
