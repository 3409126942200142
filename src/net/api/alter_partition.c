/* alter_partition.c -- AlterPartition: a leader proposes its ISR, or gives leadership away
 * (KIP-497, KIP-903). */
#include "api.h"
#include "office.h"
#include "probe.h"

struct alteration {
    struct act act;
    struct alter_partitions_command command;
    struct alter_partitions_reply reply;
};

static enum err alteration_decide(struct act *act, struct decision *decision)
{
    struct alteration *alteration = list_entry(act, struct alteration, act);
    return decide_alter_partitions(decision, &alteration->command, &alteration->reply);
}

static void probe_accepted(struct shard *shard, const struct alter_partition_reply *partition)
{
    int64_t mask = 0;
    for (uint32_t i = 0; i < partition->isr.count; i++)
        mask |= (int64_t)1 << (partition->isr.ids[i] & 63);
    env_probe(shard->env, &(struct probe){.kind = PROBE_ALTER_ACCEPTED,
                                          .key = partition->key,
                                          .epoch = partition->leader_epoch,
                                          .value = mask,
                                          .other = partition->partition_epoch});
}

static void put_answer(struct request *request, struct alter_partition_response_topic *topic,
                       const struct alter_partition_reply *partition)
{
    topic->topic_id = partition->key.topic_id;
    topic->partitions_count = 1;
    topic->partitions = alter_partition_response_partition_new(&request->arena, 1);
    struct alter_partition_response_partition *answer = &topic->partitions[0];
    answer->index = partition->key.index;
    answer->error_code = (int16_t)err_on_wire(partition->err);
    if (partition->err != ERR_NONE)
        return;
    answer->leader_id = partition->leader;
    answer->leader_epoch = partition->leader_epoch;
    answer->partition_epoch = partition->partition_epoch;
    answer->isr_count = partition->isr.count;
    answer->isr =
        arena_copy(&request->arena, partition->isr.ids, partition->isr.count * sizeof(int32_t) + 1);
}

static void alteration_finish(struct act *act, enum err result)
{
    struct alteration *alteration = list_entry(act, struct alteration, act);
    struct request *request = act->request;
    struct alter_partition_response response;
    alter_partition_response_init(&response);
    response.error_code = (int16_t)err_on_wire(result);
    if (result == ERR_NONE) {
        response.topics_count = alteration->reply.count;
        response.topics =
            alter_partition_response_topic_new(&request->arena, alteration->reply.count);
        for (uint32_t i = 0; i < alteration->reply.count; i++) {
            put_answer(request, &response.topics[i], &alteration->reply.partitions[i]);
            if (alteration->reply.partitions[i].err == ERR_NONE)
                probe_accepted(request->shard, &alteration->reply.partitions[i]);
        }
    }
    request_reply(request, &response);
}

static void take_partition(struct request *request, struct uuid topic_id,
                           const struct alter_partition_request_partition *from,
                           struct alter_partition *to)
{
    struct alter_member *members =
        arena_array(&request->arena, struct alter_member, from->new_isr_count + 1);
    for (uint32_t i = 0; i < from->new_isr_count; i++)
        members[i] = (struct alter_member){.id = from->new_isr[i].broker_id,
                                           .epoch = from->new_isr[i].broker_epoch};
    *to = (struct alter_partition){.key = {.topic_id = topic_id, .index = from->index},
                                   .leader_epoch = from->leader_epoch,
                                   .partition_epoch = from->partition_epoch,
                                   .member_count = from->new_isr_count,
                                   .isr = members,
                                   .recovering = from->leader_recovery_state != 0,
                                   .yield = from->yield};
}

void api_alter_partition(struct shard *shard, struct request *request)
{
    struct alteration *alteration = arena_alloc(&request->arena, sizeof *alteration);
    struct alter_partition_request body;
    if (!request_read(request, &body))
        return;
    uint32_t count = 0, place = 0;
    for (uint32_t t = 0; t < body.topics_count; t++)
        count += body.topics[t].partitions_count;
    struct alter_partition *partitions =
        arena_array(&request->arena, struct alter_partition, count + 1);
    for (uint32_t t = 0; t < body.topics_count; t++)
        for (uint32_t p = 0; p < body.topics[t].partitions_count; p++)
            take_partition(request, body.topics[t].topic_id, &body.topics[t].partitions[p],
                           &partitions[place++]);
    alteration->command = (struct alter_partitions_command){
        .id = body.broker_id, .epoch = body.broker_epoch, .count = count, .partitions = partitions};
    alteration->act.request = request;
    alteration->act.decide = alteration_decide;
    alteration->act.finish = alteration_finish;
    request_release_frame(request);
    office_do(shard, &alteration->act);
}
