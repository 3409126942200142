/* ghost.c -- take the cores' probes into what is true. */
#include "ghost.h"

#include <stdio.h>

#include "value.h"

void ghost_open(struct world *world)
{
    struct ghost *ghost = mem_zalloc(sizeof *ghost);
    map_init(&ghost->partitions, sizeof(struct partition_key));
    world->ghost = ghost;
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        ghost->voters[i] = (struct ghost_voter){.leader = -1, .voted_for = -1, .wiped_epoch = -1};
    struct partition_key key = {.index = 0};
    key.topic_id.bytes[15] = 1;
    ghost->metadata = ghost_partition_of(world, key);
    ghost->metadata->is_metadata = true;
}

void ghost_close(struct world *world)
{
    mem_free(world->ghost); /* The rest goes with the process. */
    world->ghost = NULL;
}

struct ghost_partition *ghost_partition_find(struct world *world, struct partition_key key)
{
    return map_get(&world->ghost->partitions, &key);
}

struct ghost_partition *ghost_partition_of(struct world *world, struct partition_key key)
{
    struct ghost *ghost = world->ghost;
    struct ghost_partition *partition = map_get(&ghost->partitions, &key);
    if (partition)
        return partition;
    partition = mem_zalloc(sizeof *partition);
    partition->key = key;
    partition->leader = -1;
    map_init(&partition->positions, 16);
    map_init(&partition->grants, sizeof(log_epoch));
    map_init(&partition->versions, sizeof(int32_t));
    map_init(&partition->sequences, 16);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        partition->logs[i].leads = -1;
    map_put(&ghost->partitions, &key, partition);
    if (ghost->last)
        ghost->last->next = partition;
    else
        ghost->first = partition;
    ghost->last = partition;
    return partition;
}

/* ---- Batches. */

/* How many batches end at or below `offset`. */
static uint32_t count_below(const struct ghost_batches *batches, log_offset offset)
{
    uint32_t low = 0, high = batches->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (batches->all[middle].end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ghost_chain_at(const struct ghost_batches *batches, log_offset offset, uint64_t *chain)
{
    uint32_t count = count_below(batches, offset);
    if (count == 0) {
        *chain = 0;
        return offset == 0;
    }
    *chain = batches->all[count - 1].chain;
    return batches->all[count - 1].end == offset;
}

const struct ghost_batch *ghost_batch_at(const struct ghost_batches *batches, log_offset offset)
{
    uint32_t count = count_below(batches, offset);
    if (count == batches->count || batches->all[count].base > offset)
        return NULL;
    return &batches->all[count];
}

bool ghost_agree(const struct ghost_batches *a, const struct ghost_batches *b, log_offset offset)
{
    uint64_t chain_a, chain_b;
    return ghost_chain_at(a, offset, &chain_a) && ghost_chain_at(b, offset, &chain_b) &&
           chain_a == chain_b;
}

void ghost_push_batch(struct ghost_batches *batches, const struct ghost_batch *batch)
{
    mem_grow(batches->all, batches->count, &batches->capacity);
    batches->all[batches->count++] = *batch;
}

static void cut_batches(struct ghost_batches *batches, log_offset offset)
{
    batches->count = count_below(batches, offset);
}

/* One more batch of the append, its chain after that of the last. */
static void push_incoming(struct ghost *ghost, const struct ghost_log *log,
                          struct ghost_batch batch)
{
    const struct ghost_batches *before = ghost->incoming.count ? &ghost->incoming : &log->batches;
    uint64_t chain = before->count ? before->all[before->count - 1].chain : 0;
    chain = sim_mix(chain, (uint64_t)batch.base);
    batch.chain = sim_mix(chain, (uint64_t)(uint32_t)batch.epoch << 32 | batch.crc);
    ghost_push_batch(&ghost->incoming, &batch);
}

static struct ghost_batch batch_of(const struct batch_info *info, struct bytes bytes)
{
    return (struct ghost_batch){.base = info->base,
                                .end = batch_end(info),
                                .epoch = info->epoch,
                                .crc = info->crc,
                                .crc_here = info->crc,
                                .value = value_of_batch(bytes),
                                .size = info->size,
                                .timestamp = info->max_timestamp,
                                .producer_id = info->producer_id,
                                .producer_epoch = info->producer_epoch,
                                .sequence = info->base_sequence};
}

/* A follower takes a batch of a compacted partition: before it may be missing what was committed
 * there, and it may be less than its leader appended. */
static void push_copied(struct world *world, struct ghost_partition *partition,
                        const struct ghost_log *log, const struct batch_info *info,
                        struct bytes bytes)
{
    struct ghost *ghost = world->ghost;
    const struct ghost_batches *before = ghost->incoming.count ? &ghost->incoming : &log->batches;
    log_offset at = before->count ? before->all[before->count - 1].end : 0;
    for (uint32_t i = count_below(&partition->truth, at);
         i < partition->truth.count && partition->truth.all[i].end <= info->base; i++) {
        struct ghost_batch absent = partition->truth.all[i];
        absent.is_absent = true;
        push_incoming(ghost, log, absent);
    }
    const struct ghost_batch *original = keyed_original(partition, info->epoch, info->base);
    struct ghost_batch batch = original ? *original : batch_of(info, bytes);
    batch.crc_here = info->crc;
    push_incoming(ghost, log, batch);
    keyed_see(world, partition, bytes, info);
}

void ghost_read_append(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost *ghost = world->ghost;
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    struct ghost_log *log = &partition->logs[node->index];
    bool is_copy = partition->keyed && !probe->flag;
    struct bytes rest = probe->bytes, bytes;
    struct batch_info info;
    ghost->incoming.count = 0;
    if (is_copy)
        keyed_look(world, log->end, probe->value);
    enum err result;
    while ((result = batch_next(&rest, &info, &bytes)) == ERR_NONE) {
        if (is_copy) {
            push_copied(world, partition, log, &info, bytes);
            continue;
        }
        push_incoming(ghost, log, batch_of(&info, bytes));
        if (partition->keyed)
            keyed_append(partition, &ghost->incoming.all[ghost->incoming.count - 1], bytes);
    }
    if (result != ERR_NOT_FOUND)
        world_violation(world, "P2", "node %d appends bytes that are no batches: %s", node->id,
                        err_name(result));
    if (is_copy)
        keyed_copied(world, partition, node);
}

void ghost_check_positions(struct world *world, struct sim_node *node, const struct probe *probe,
                           const char *checker)
{
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    for (uint32_t i = 0; i < world->ghost->incoming.count; i++) {
        const struct ghost_batch *batch = &world->ghost->incoming.all[i];
        uint8_t key[16] = {0};
        store_be32(key, (uint32_t)batch->epoch);
        store_be64(key + 8, (uint64_t)batch->end);
        uintptr_t chain = (uintptr_t)batch->chain | 1;
        uintptr_t known = (uintptr_t)map_get(&partition->positions, key);
        if (known == 0)
            map_put(&partition->positions, key, (void *)chain);
        else if (known != chain)
            world_violation(world, checker,
                            "node %d, partition %d: epoch %d offset %lld has two histories",
                            node->id, probe->key.index, batch->epoch, (long long)batch->end);
    }
}

static void take_append(struct world *world, struct ghost_log *log, const struct probe *probe)
{
    struct ghost_batches *incoming = &world->ghost->incoming;
    for (uint32_t i = 0; i < incoming->count; i++)
        ghost_push_batch(&log->batches, &incoming->all[i]);
    ghost_uncut_forget(log);
    log->end = probe->value;
    world->ghost->appends++;
}

bool ghost_has_just_failed(const struct world *world, const struct ghost_log *log)
{
    return log->failed && log->failed_at == world->kernel.now;
}

/* What compaction has rightly taken away stays away, whatever is cut behind it later. */
static void note_gone(struct ghost_batches *batches, const struct keyed_found *found)
{
    for (uint32_t i = count_below(batches, found->start); i < batches->count; i++) {
        struct ghost_batch *batch = &batches->all[i];
        if (batch->end > found->end)
            return;
        if (batch->base >= found->start && !(keyed_left_at(found, batch->base) & KEYED_BATCH))
            batch->is_absent = true;
    }
}

static void take_open(struct world *world, struct ghost_log *log, const struct probe *probe)
{
    if (ghost_has_just_failed(world, log))
        return;
    log->failed = false;
    log->exists = true;
    log->open = true;
    log->start = probe->value;
    log->end = probe->offset;
    log->mark = probe->other;
    /* Of what a cut took away and a power loss brought back the mark is the evidence. S1 holds
     * it against the disk. */
    if (log->durable < log->mark)
        log->durable = log->mark;
    if (log->durable > log->end)
        log->durable = log->end;
    ghost_uncut_bring_back(log);
    if (world->ghost->found.is_there)
        note_gone(&log->batches, &world->ghost->found);
    cut_batches(&log->batches, log->end);
}

static void take_truncate(struct ghost_log *log, const struct probe *probe)
{
    ghost_uncut_keep(log);
    log->end = probe->offset;
    if (log->durable > log->end)
        log->durable = log->end;
    if (log->mark > log->end)
        log->mark = log->end;
    cut_batches(&log->batches, log->end);
}

static void reset_log(struct ghost_log *log)
{
    struct ghost_batches batches = log->batches, uncut = log->uncut;
    log_offset uncut_end = log->uncut_end, uncut_compacted = log->uncut_compacted;
    log_offset uncut_rot_end = log->uncut_rot_end;
    batches.count = 0;
    *log = (struct ghost_log){.leads = -1,
                              .batches = batches,
                              .uncut = uncut,
                              .uncut_end = uncut_end,
                              .uncut_compacted = uncut_compacted,
                              .uncut_rot_end = uncut_rot_end};
}

/* A log that starts anew at `start` holds, as it were, what was retired before it. */
static void take_reset(struct ghost_partition *partition, struct ghost_log *log, log_offset start)
{
    ghost_uncut_keep(log);
    reset_log(log);
    for (uint32_t i = 0; i < count_below(&partition->truth, start); i++)
        ghost_push_batch(&log->batches, &partition->truth.all[i]);
    log->start = log->end = start; /* Not durable before it says so. */
}

static void take_compact(const struct ghost *ghost, struct ghost_log *log, log_offset end)
{
    if (log->compacted < end)
        log->compacted = end;
    if (!ghost->found.is_there)
        return;
    note_gone(&log->batches, &ghost->found);
    note_gone(&log->uncut, &ghost->found);
}

static void take_durable(struct ghost_log *log, log_offset durable)
{
    log->durable = durable;
    ghost_uncut_forget(log);
}

/* What `log` has below its high watermark is committed for ever. */
static void extend_truth(struct world *world, struct ghost_partition *partition,
                         const struct ghost_log *log, log_offset high_watermark, log_epoch epoch)
{
    if (high_watermark <= partition->high_watermark)
        return;
    for (uint32_t i = count_below(&log->batches, partition->high_watermark);
         i < log->batches.count && log->batches.all[i].end <= high_watermark; i++) {
        const struct ghost_batch *batch = &log->batches.all[i];
        ghost_push_batch(&partition->truth, batch);
        partition->truth.all[partition->truth.count - 1].committed_in = epoch;
        if (partition->keyed)
            keyed_commit(world, partition, batch);
        if (batch->producer_id >= 0) {
            struct {
                int64_t producer;
                int32_t epoch, sequence;
            } key = {batch->producer_id, batch->producer_epoch, batch->sequence};
            map_put(&partition->sequences, &key, (void *)(uintptr_t)(batch->end));
        }
    }
    partition->high_watermark = high_watermark;
}

static void take_high_watermark(struct world *world, struct ghost_partition *partition,
                                struct ghost_log *log, const struct probe *probe)
{
    log->high_watermark = probe->offset;
    if (log->high_watermark_max < probe->offset)
        log->high_watermark_max = probe->offset;
    if (probe->flag)
        extend_truth(world, partition, log, probe->offset, probe->epoch);
}

static void take_leader(struct ghost_partition *partition, struct sim_node *node,
                        const struct probe *probe)
{
    struct ghost_log *log = &partition->logs[node->index];
    if (log->leads != probe->epoch) {
        log->isr = log->isr_max = 0;
        log->min_insync = 0;
    }
    log->leads = probe->epoch;
    log->leads_broker_epoch = probe->value;
    struct ghost_grant *grant = map_get(&partition->grants, &probe->epoch);
    if (!grant) {
        grant = mem_zalloc(sizeof *grant);
        *grant = (struct ghost_grant){.node = node->id, .broker_epoch = probe->value};
        map_put(&partition->grants, &probe->epoch, grant);
    }
    if (!grant->acted) {
        grant->acted = true;
        grant->incarnation = node->incarnation;
    }
}

/* ---- The image. */

uint64_t node_list_mask(const struct node_list *list)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < list->count; i++)
        mask |= node_bit(list->ids[i]);
    return mask;
}

/* Any image is committed, an old one too: it may be the only one that shows a change. */
static void take_change(struct ghost_partition *partition, const struct image_partition *from)
{
    uintptr_t version = node_list_mask(&from->isr) | UINT64_C(1) << 63;
    map_put(&partition->versions, &from->partition_epoch, (void *)version);
    if (from->leader >= 0 && !map_get(&partition->grants, &from->leader_epoch)) {
        struct ghost_grant *grant = mem_zalloc(sizeof *grant);
        *grant =
            (struct ghost_grant){.node = from->leader, .broker_epoch = from->leader_broker_epoch};
        map_put(&partition->grants, &from->leader_epoch, grant);
    }
}

static void take_partition(struct ghost_partition *partition, const struct image_partition *from)
{
    partition->leader = from->leader;
    partition->leader_epoch = from->leader_epoch;
    partition->partition_epoch = from->partition_epoch;
    partition->replicas = node_list_mask(&from->replicas);
    partition->isr = node_list_mask(&from->isr);
    partition->elr = node_list_mask(&from->elr);
    partition->min_insync = from->min_insync;
}

/* Whatever its policy is when it is first seen: none but what is compacted at some time is created
 * with one, and such a topic may cease to be, and be it again. */
static void learn_policy(const struct world *world, struct ghost_partition *partition,
                         const struct image *image)
{
    if (partition->is_known || !world->swarm.cleans)
        return;
    const struct image_topic *topic = image_topic_by_id(image, partition->key.topic_id);
    struct str policy = topic ? image_topic_config(topic, STR("cleanup.policy")) : (struct str){0};
    partition->is_known = true;
    if (policy.data)
        keyed_open(partition);
}

static void take_image(struct world *world, const struct probe *probe)
{
    struct ghost *ghost = world->ghost;
    const struct image *image = probe->object;
    bool newest = !ghost->image || ghost->image->offset < image->offset;
    for (const struct image_partition *at = NULL; (at = image_partition_after(image, at));) {
        struct ghost_partition *partition = ghost_partition_of(world, at->key);
        take_change(partition, at);
        learn_policy(world, partition, image);
        if (newest)
            take_partition(partition, at);
    }
    if (!newest)
        return;
    struct image *held = image_ref(image);
    if (ghost->image)
        image_unref((struct image *)(uintptr_t)ghost->image);
    ghost->image = held;
    for (struct ghost_partition *partition = ghost->first; partition; partition = partition->next)
        if (!partition->is_metadata &&
            !image_partition(image, partition->key.topic_id, partition->key.index)) {
            partition->removed = true;
            partition->leader = -1;
            partition->isr = partition->elr = 0;
        }
}

/* ---- Raft. */

static void take_role(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost_voter *voter = &world->ghost->voters[node->index];
    if (voter->leader != probe->peer || voter->epoch != probe->epoch) {
        voter->heard_at = 0;
        voter->refused = false;
    }
    voter->role = (enum raft_role)probe->value;
    voter->epoch = probe->epoch;
    voter->leader = probe->peer;
}

/* Something came from the leader just now. */
static void hear(struct world *world, const struct sim_node *node)
{
    struct ghost_voter *voter = &world->ghost->voters[node->index];
    voter->heard_at = world->kernel.now;
    voter->refused = false;
}

static void take_raft(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct ghost *ghost = world->ghost;
    struct ghost_voter *voter = &ghost->voters[node->index];
    struct ghost_log *log = &ghost->metadata->logs[node->index];
    switch (probe->kind) {
    case PROBE_RAFT_ROLE:
        take_role(world, node, probe);
        break;
    case PROBE_RAFT_VOTE:
        voter->vote_epoch = probe->epoch;
        voter->voted_for = probe->peer;
        break;
    case PROBE_RAFT_DIAL_REFUSED:
        voter->refused = true;
        break;
    case PROBE_RAFT_COMMIT:
        if (!ghost->formed && probe->offset > 0) {
            ghost->formed = true;
            for (uint32_t i = 0; i < world->swarm.nodes; i++)
                ghost->voters[i].founder_life = world->nodes[i].disk_life;
        }
        /* Its own sync may have been the last. */
        take_high_watermark(world, ghost->metadata, log, probe);
        break;
    default:
        break;
    }
}

void ghost_take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    if (probe->kind <= PROBE_RAFT_DIAL_REFUSED) {
        take_raft(world, node, probe);
        return;
    }
    if (probe->kind == PROBE_IMAGE) {
        take_image(world, probe);
        return;
    }
    if (probe->kind == PROBE_MARK || probe->kind == PROBE_CONTROLLER)
        return;
    struct ghost_partition *partition = ghost_partition_of(world, probe->key);
    struct ghost_log *log = &partition->logs[node->index];
    switch (probe->kind) {
    case PROBE_LOG_OPEN:
        take_open(world, log, probe);
        break;
    case PROBE_LOG_APPEND:
        take_append(world, log, probe);
        if (partition->is_metadata && !probe->flag)
            hear(world, node);
        break;
    case PROBE_LOG_TRUNCATE:
        take_truncate(log, probe);
        break;
    case PROBE_LOG_DURABLE:
        take_durable(log, probe->offset);
        break;
    case PROBE_LOG_OFFLINE:
        log->failed = true;
        log->failed_at = world->kernel.now;
        log->rot_told = log->rotten;
        log->leads = -1;
        break;
    case PROBE_LOG_RESET:
        take_reset(partition, log, probe->offset);
        break;
    case PROBE_LOG_COMPACT:
        take_compact(world->ghost, log, probe->value);
        break;
    case PROBE_LOG_RETIRE:
        log->start = probe->offset;
        if (log->leads >= 0 && partition->start_max < log->start)
            partition->start_max = log->start;
        break;
    case PROBE_LEADER:
        take_leader(partition, node, probe);
        break;
    case PROBE_FOLLOWER:
    case PROBE_RESIGN:
        log->leads = -1;
        break;
    case PROBE_ISR:
        log->isr = probe->value;
        log->isr_max = probe->other;
        log->min_insync = probe->count;
        break;
    case PROBE_HIGH_WATERMARK:
        take_high_watermark(world, partition, log, probe);
        break;
    case PROBE_ACK:
        world->ghost->acks++;
        break;
    default:
        break;
    }
}

/* ---- Deaths, and what may still be destroyed. */

void ghost_node_died(struct world *world, struct sim_node *node)
{
    struct ghost *ghost = world->ghost;
    struct ghost_voter *voter = &ghost->voters[node->index];
    voter->role = RAFT_UNATTACHED;
    voter->leader = -1;
    for (struct ghost_partition *partition = ghost->first; partition; partition = partition->next) {
        struct ghost_log *log = &partition->logs[node->index];
        log->open = false;
        log->failed = false;
        log->leads = -1;
        log->high_watermark = 0;
    }
}

void ghost_node_wiped(struct world *world, struct sim_node *node)
{
    struct ghost *ghost = world->ghost;
    struct ghost_voter *voter = &ghost->voters[node->index];
    const struct image_broker *broker = ghost->image ? image_broker(ghost->image, node->id) : NULL;
    voter->lost_durable = ghost->metadata->logs[node->index].durable;
    voter->wiped_epoch = broker ? broker->epoch : -1;
    voter->vote_epoch = 0;
    voter->voted_for = -1;
    voter->epoch = 0;
    for (struct ghost_partition *partition = ghost->first; partition; partition = partition->next) {
        reset_log(&partition->logs[node->index]);
        ghost_uncut_forget(&partition->logs[node->index]);
    }
}

bool ghost_is_voter(const struct world *world, const struct sim_node *node)
{
    const struct ghost *ghost = world->ghost;
    return !ghost->formed || ghost->voters[node->index].founder_life == node->disk_life;
}

bool ghost_is_formed(const struct world *world)
{
    return world->ghost->formed;
}

bool ghost_is_candidate(const struct world *world, const struct ghost_partition *partition,
                        const struct sim_node *node)
{
    const struct ghost *ghost = world->ghost;
    if (partition->removed || !((partition->isr | partition->elr) & node_bit(node->id)))
        return false;
    broker_epoch wiped = ghost->voters[node->index].wiped_epoch;
    if (wiped < 0 || !ghost->image)
        return true;
    const struct image_broker *broker = image_broker(ghost->image, node->id);
    return broker && broker->epoch > wiped;
}

/* Another in-sync replica has, durably, all that was committed. */
static bool is_held_elsewhere(const struct world *world, const struct ghost_partition *partition,
                              const struct sim_node *node)
{
    for (uint32_t i = 0; i < world->swarm.nodes; i++) {
        const struct ghost_log *log = &partition->logs[i];
        const struct sim_node *other = &world->nodes[i];
        if (other == node || log->rotten || log->failed)
            continue;
        bool counts = partition->is_metadata || (partition->isr & node_bit(other->id));
        if (counts && log->exists && log->durable >= partition->high_watermark &&
            ghost_agree(&log->batches, &partition->truth, partition->high_watermark))
            return true;
    }
    return false;
}

bool ghost_may_wipe(struct world *world, const struct sim_node *node)
{
    struct ghost *ghost = world->ghost;
    if (world->swarm.nodes < 3 || !ghost->formed || !ghost->image)
        return false;
    /* With a minimum of one a shrinking ISR, or a new topic, may be on its way and leave it as
     * the only one. */
    if (world->swarm.min_insync < 2)
        return false;
    for (struct ghost_partition *partition = ghost->first; partition; partition = partition->next) {
        bool holds = partition->is_metadata || (partition->replicas & node_bit(node->id));
        if (!holds || partition->removed)
            continue;
        if (!is_held_elsewhere(world, partition, node))
            return false;
    }
    return true;
}

bool ghost_log_path(const struct world *world, struct partition_key key, char path[ENV_PATH_MAX])
{
    const struct image *image = world->ghost->image;
    if (ghost_is_metadata(key)) {
        snprintf(path, ENV_PATH_MAX, "__cluster_metadata-0");
        return true;
    }
    const struct image_topic *topic = image ? image_topic_by_id(image, key.topic_id) : NULL;
    if (topic)
        snprintf(path, ENV_PATH_MAX, "%.*s-%d", (int)topic->name.size, topic->name.data, key.index);
    return topic != NULL;
}

static log_offset *trim_of(struct world *world, struct str topic, partition_id index)
{
    uint32_t number =
        topic.size > 0 ? (uint32_t)(topic.data[topic.size - 1] - '0') : SIM_TOPICS_MAX;
    return number < SIM_TOPICS_MAX && index < 16 ? &world->ghost->trims[number][index] : NULL;
}

void ghost_note_trim(struct world *world, struct str topic, partition_id index, log_offset offset)
{
    log_offset *trim = trim_of(world, topic, index);
    if (trim && *trim < offset)
        *trim = offset;
}

log_offset ghost_trim_of(struct world *world, struct partition_key key)
{
    const struct image *image = world->ghost->image;
    const struct image_topic *topic = image ? image_topic_by_id(image, key.topic_id) : NULL;
    const log_offset *trim = topic ? trim_of(world, topic->name, key.index) : NULL;
    return trim ? *trim : 0;
}

bool ghost_has_failed_log(struct world *world, const struct sim_node *node)
{
    for (struct ghost_partition *partition = world->ghost->first; partition;
         partition = partition->next) {
        const struct ghost_log *log = &partition->logs[node->index];
        if (log->failed && !log->rotten)
            return true;
    }
    return false;
}
