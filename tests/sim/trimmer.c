/* trimmer.c -- asks now and then that the oldest records of a partition go. */
#include "actor.h"
#include "ghost.h"

struct trimmer {
    struct actor actor;
    bool asking;
    sim_us next_at, pace;
    /* What is asked. */
    struct partition_key key;
    log_offset offset;
};

static void ask(struct trimmer *trimmer, uint32_t topic_index, uint32_t index)
{
    struct actor *actor = &trimmer->actor;
    const struct actor_topic *from = &actor->topics[topic_index];
    struct delete_records_request request;
    struct delete_records_request_topic topic;
    struct delete_records_request_partition partition;
    int32_t leader = from->partitions[index].leader;
    trimmer->key = (struct partition_key){.topic_id = from->id, .index = (partition_id)index};
    struct ghost_partition *ghost = ghost_partition_find(actor->world, trimmer->key);
    if (leader < 1 || !ghost)
        return;
    trimmer->offset = (log_offset)rand_below(&actor->rand, (uint64_t)ghost->high_watermark + 2);
    if (rand_chance(&actor->rand, 1, 10))
        trimmer->offset = -1;
    /* By name: it may reach the topic's successor, and a copy may come late. */
    ghost_note_trim(actor->world,
                    (struct str){.data = from->name, .size = (uint32_t)strlen(from->name)},
                    (partition_id)index, trimmer->offset < 0 ? INT64_MAX : trimmer->offset);
    delete_records_request_init(&request);
    delete_records_request_topic_init(&topic);
    delete_records_request_partition_init(&partition);
    request.timeout_ms = 1000;
    request.topics = &topic;
    request.topics_count = 1;
    topic.name = str_from(from->name);
    topic.partitions = &partition;
    topic.partitions_count = 1;
    partition.index = (partition_id)index;
    partition.offset = trimmer->offset;
    trimmer->asking = link_send(link_to(actor, (uint32_t)leader - 1), WIRE_DELETE_RECORDS, 2,
                                &request, NULL, true);
}

static void drive(struct actor *actor)
{
    struct trimmer *trimmer = (struct trimmer *)actor;
    struct world *world = actor->world;
    if (trimmer->asking || world->kernel.now < trimmer->next_at || clients_are_quiet(world))
        return;
    trimmer->next_at = world->kernel.now + kernel_delay(&actor->rand, trimmer->pace);
    uint32_t topic = (uint32_t)rand_below(&actor->rand, world->swarm.topics);
    if (actor->topics[topic].partition_count > 0)
        ask(trimmer, topic,
            (uint32_t)rand_below(&actor->rand, actor->topics[topic].partition_count));
}

static void answered(struct actor *actor, uint32_t node, int16_t api_key,
                     struct client_reply *reply, void *object)
{
    struct trimmer *trimmer = (struct trimmer *)actor;
    struct delete_records_response response;
    struct arena arena = {0};
    (void)object;
    if (actor_take_metadata(actor, api_key, reply))
        return;
    trimmer->asking = false;
    actor->metadata_due = true;
    if (!reply)
        return;
    enum err err = delete_records_response_read(&response, reply->version, &reply->reader, &arena);
    if (err != ERR_NONE || response.topics_count != 1 || response.topics[0].partitions_count != 1)
        world_violation(actor->world, "client", "a DeleteRecords reply does not fit");
    const struct delete_records_response_partition *answer = &response.topics[0].partitions[0];
    const struct ghost_partition *ghost = ghost_partition_find(actor->world, trimmer->key);
    if (answer->error_code == ERR_NONE && !actor->world->swarm.recreates &&
        (answer->low_watermark < trimmer->offset || answer->low_watermark > ghost->high_watermark))
        world_violation(actor->world, "P11",
                        "node %u says that partition %d is trimmed to %lld, where %lld was asked; "
                        "%lld is committed",
                        node + 1, trimmer->key.index, (long long)answer->low_watermark,
                        (long long)trimmer->offset, (long long)ghost->high_watermark);
    arena_free(&arena);
}

struct actor *trimmer_new(struct world *world, uint32_t index)
{
    struct trimmer *trimmer = mem_zalloc(sizeof *trimmer);
    struct actor *actor = &trimmer->actor;
    actor->answered = answered;
    actor->drive = drive;
    actor_init(actor, world, index);
    trimmer->pace = (sim_us)(50 + rand_below(&actor->rand, 1000)) * SIM_MS;
    return actor;
}
