/* list_groups.c -- ListGroups: the groups of all coordinators on this node (KIP-518, 848).
 *
 * A coordinator that has left meanwhile has no groups here; one that loads makes the whole an
 * error, since some would be missing. */
#include "groups.h"

static void decide(struct group_decision *decision, const struct group_ask *ask)
{
    const struct group_job *job = ask->job;
    struct list_groups_command command = *(const struct list_groups_command *)job->context;
    command.token = group_ask_token(ask);
    group_decide_list(decision, &command);
}

static void put_groups(const struct group_listing *list, struct list_groups_response *response)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct list_groups_response_group *out = &response->groups[response->groups_count++];
        out->group_id = list->groups[i].group_id;
        out->protocol_type = list->groups[i].protocol_type;
        out->group_state = list->groups[i].state;
        out->group_type = list->groups[i].type;
    }
}

static void answer(struct group_job *job)
{
    struct request *request = job->request;
    struct list_groups_response response;
    uint32_t total = 0;
    list_groups_response_init(&response);
    for (uint32_t i = 0; i < job->count; i++) {
        const struct group_reply *reply = &job->asks[i].reply;
        if (reply->err == ERR_NONE)
            total += reply->list.count;
        else if (reply->err != ERR_NOT_COORDINATOR)
            response.error_code = (int16_t)err_on_wire(reply->err);
    }
    response.groups = list_groups_response_group_new(&request->arena, total);
    for (uint32_t i = 0; i < job->count; i++)
        if (job->asks[i].reply.err == ERR_NONE)
            put_groups(&job->asks[i].reply.list, &response);
    request_reply(request, &response);
}

/* Where the coordinators of this node are. */
static uint32_t find_own(struct shard *shard, const struct image_topic *topic, struct arena *arena,
                         struct partition_key **out)
{
    uint32_t count = 0;
    if (!topic)
        return 0;
    *out = arena_array(arena, struct partition_key, topic->partition_count);
    for (partition_id i = 0; i < topic->partition_count; i++) {
        const struct image_partition *partition = image_partition(shard->image, topic->id, i);
        if (partition && partition->leader == shard->config->node_id)
            (*out)[count++] = partition->key;
    }
    return count;
}

void api_list_groups(struct shard *shard, struct request *request)
{
    struct list_groups_request body;
    struct arena *arena = &request->arena;
    struct partition_key *keys = NULL;
    if (!request_read(request, &body))
        return;
    struct list_groups_command *command = arena_alloc(arena, sizeof *command);
    *command = (struct list_groups_command){.state_count = body.states_filter_count,
                                            .states = body.states_filter,
                                            .type_count = body.types_filter_count,
                                            .types = body.types_filter};
    uint32_t count =
        find_own(shard, image_topic_by_name(shard->image, STR("__consumer_offsets")), arena, &keys);
    struct group_job *job = group_job_begin(request, GROUP_REPLY_LIST, count, decide, answer);
    job->context = command;
    for (uint32_t i = 0; i < count; i++)
        group_job_send_to(shard, job, i, keys[i]);
    group_job_end(job);
}
