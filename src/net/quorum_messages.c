/* quorum_messages.c -- raft's messages as Vote, BeginQuorumEpoch and EndQuorumEpoch, both ways.
 *
 * Requests of ours travel with a note of what to put into the reply; requests of
 * others wait in `asked` until raft answers. The metadata log is the only topic.
 *
 * Source  KIP-595, KIP-853; the reply's tagged fields from 10000 are ours (forming). */
#include "quorum_state.h"

#include <stdio.h>

enum { CALL_TIMEOUT_MS = 1000 };

/* ---- Small conversions. */

struct str quorum_cluster_text(struct uuid cluster_id, char out[UUID_TEXT_SIZE])
{
    if (uuid_is_zero(cluster_id))
        return (struct str){0};
    uuid_format(cluster_id, out);
    return str_from(out);
}

struct uuid quorum_cluster_read(struct str text)
{
    struct uuid cluster_id = {{0}};
    if (text.data && !uuid_parse(text, &cluster_id))
        memset(&cluster_id, 0xff, sizeof cluster_id);
    return cluster_id;
}

/* ---- Requests of ours. */

struct sent {
    struct quorum *quorum;
    struct raft_message request;
};

static void step_reply(struct quorum *quorum, struct raft_message *reply)
{
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_MESSAGE, .message = reply};
    quorum_step(quorum, &event, &out);
}

static struct raft_message reply_to(const struct sent *sent, enum raft_message_kind kind)
{
    return (struct raft_message){.kind = kind,
                                 .from = sent->request.to,
                                 .to = sent->request.from,
                                 .request_id = sent->request.request_id,
                                 .pre_vote = sent->request.pre_vote,
                                 .last_epoch = -1,
                                 .last_offset = -1,
                                 .leader = -1,
                                 .epoch = -1};
}

static struct voter_link *link_of(struct quorum *quorum, node_id id)
{
    for (uint32_t i = 0; i < quorum->link_count; i++)
        if (quorum->links[i].id == id)
            return &quorum->links[i];
    return NULL;
}

/* Is most of the quorum another cluster? Then this directory does not belong here; where few
 * are, one of them may be the stranger. Nobody could tell why nothing leads, so it is said. */
void quorum_meet(struct quorum *quorum, node_id voter, struct uuid cluster_id)
{
    struct shard *shard = quorum->shard;
    struct voter_link *link = link_of(quorum, voter);
    struct uuid own = raft_cluster_id(quorum->raft);
    bool is_foreign =
        !uuid_is_zero(cluster_id) && !uuid_is_zero(own) && !uuid_equal(cluster_id, own);
    if (!link || uuid_equal(link->foreign, is_foreign ? cluster_id : (struct uuid){{0}}))
        return;
    link->foreign = is_foreign ? cluster_id : (struct uuid){{0}};
    if (!is_foreign)
        return;
    uint32_t count = 0;
    for (uint32_t i = 0; i < quorum->link_count; i++)
        count += uuid_equal(quorum->links[i].foreign, cluster_id);
    char ours[UUID_TEXT_SIZE], theirs[UUID_TEXT_SIZE], line[512];
    uuid_format(own, ours);
    uuid_format(cluster_id, theirs);
    snprintf(line, sizeof line, "%s of node %d belongs to cluster %s, voter %d to cluster %s",
             shard->config->log_dir, shard->config->node_id, ours, voter, theirs);
    if (count > shard->config->voter_count / 2)
        env_fatal(shard->env, line);
    else
        trace_warn(shard->env->trace, "%s", line);
}

static void vote_done(struct shard *shard, void *context, enum err result,
                      struct client_reply *reply)
{
    struct sent *sent = context;
    struct arena arena = {0};
    struct vote_response body;
    (void)shard;
    vote_response_init(&body);
    if (result == ERR_NONE &&
        vote_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE) {
        struct raft_message message = reply_to(sent, RAFT_VOTE_REPLY);
        message.from_directory = body.directory_id;
        message.cluster_id = quorum_cluster_read(body.formed_cluster_id);
        quorum_meet(sent->quorum, message.from, message.cluster_id);
        message.log_is_empty = !body.formed_cluster_id.data;
        message.error = (enum err)body.error_code;
        if (body.topics_count == 1 && body.topics[0].partitions_count == 1) {
            const struct vote_response_partition *partition = &body.topics[0].partitions[0];
            message.error = (enum err)(body.error_code ? body.error_code : partition->error_code);
            message.leader = partition->leader_id;
            message.epoch = partition->leader_epoch;
            message.granted = partition->vote_granted;
        }
        step_reply(sent->quorum, &message);
    }
    arena_free(&arena);
    mem_free(sent);
}

static void begin_done(struct shard *shard, void *context, enum err result,
                       struct client_reply *reply)
{
    struct sent *sent = context;
    struct arena arena = {0};
    struct begin_quorum_epoch_response body;
    (void)shard;
    begin_quorum_epoch_response_init(&body);
    if (result == ERR_NONE && begin_quorum_epoch_response_read(
                                  &body, reply->version, &reply->reader, &arena) == ERR_NONE) {
        struct raft_message message = reply_to(sent, RAFT_BEGIN_REPLY);
        message.error = (enum err)body.error_code;
        if (body.topics_count == 1 && body.topics[0].partitions_count == 1) {
            message.error = (enum err)(body.error_code ? body.error_code
                                                       : body.topics[0].partitions[0].error_code);
            message.leader = body.topics[0].partitions[0].leader_id;
            message.epoch = body.topics[0].partitions[0].leader_epoch;
        }
        step_reply(sent->quorum, &message);
    }
    arena_free(&arena);
    mem_free(sent);
}

static void end_done(struct shard *shard, void *context, enum err result,
                     struct client_reply *reply)
{
    (void)shard;
    (void)result;
    (void)reply;
    mem_free(context); /* Whoever resigned does not wait for anybody. */
}

static struct sent *sent_new(struct quorum *quorum, const struct raft_message *message)
{
    struct sent *sent = mem_zalloc(sizeof *sent);
    *sent = (struct sent){.quorum = quorum, .request = *message};
    return sent;
}

static void call(struct voter_link *link, int16_t key, int16_t version, const void *body,
                 peer_done *done, struct sent *sent)
{
    if (peer_call(&link->peer, key, version, body, CALL_TIMEOUT_MS, done, sent) != ERR_NONE)
        mem_free(sent);
}

static void send_vote(struct quorum *quorum, struct voter_link *link,
                      const struct raft_message *message)
{
    char cluster[UUID_TEXT_SIZE];
    struct vote_request_partition partition;
    vote_request_partition_init(&partition);
    partition.replica_epoch = message->epoch;
    partition.replica_id = message->from;
    partition.replica_directory_id = message->from_directory;
    partition.voter_directory_id = message->to_directory;
    partition.last_offset_epoch = message->last_epoch;
    partition.last_offset = message->last_offset;
    partition.pre_vote = message->pre_vote;
    struct vote_request_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct vote_request body = {.cluster_id = quorum_cluster_text(message->cluster_id, cluster),
                                .voter_id = message->to,
                                .topics_count = 1,
                                .topics = &topic};
    call(link, WIRE_VOTE, WIRE_VOTE_MAX, &body, vote_done, sent_new(quorum, message));
}

static void send_begin(struct quorum *quorum, struct voter_link *link,
                       const struct raft_message *message)
{
    char cluster[UUID_TEXT_SIZE];
    struct begin_quorum_epoch_request_partition partition;
    begin_quorum_epoch_request_partition_init(&partition);
    partition.voter_directory_id = message->to_directory;
    partition.leader_id = message->from;
    partition.leader_epoch = message->epoch;
    struct begin_quorum_epoch_request_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct begin_quorum_epoch_request body;
    begin_quorum_epoch_request_init(&body);
    body.cluster_id = quorum_cluster_text(message->cluster_id, cluster);
    body.voter_id = message->to;
    body.topics_count = 1;
    body.topics = &topic;
    call(link, WIRE_BEGIN_QUORUM_EPOCH, WIRE_BEGIN_QUORUM_EPOCH_MAX, &body, begin_done,
         sent_new(quorum, message));
}

static void send_end(struct quorum *quorum, struct voter_link *link,
                     const struct raft_message *message)
{
    char cluster[UUID_TEXT_SIZE];
    struct end_quorum_epoch_request_preferred_candidate candidates[RAFT_VOTERS_MAX];
    for (uint32_t i = 0; i < message->candidate_count; i++) {
        end_quorum_epoch_request_preferred_candidate_init(&candidates[i]);
        candidates[i].candidate_id = message->candidates[i].id;
        candidates[i].candidate_directory_id = message->candidates[i].directory;
    }
    struct end_quorum_epoch_request_partition partition;
    end_quorum_epoch_request_partition_init(&partition);
    partition.leader_id = message->from;
    partition.leader_epoch = message->epoch;
    partition.preferred_candidates_count = message->candidate_count;
    partition.preferred_candidates = candidates;
    struct end_quorum_epoch_request_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct end_quorum_epoch_request body;
    end_quorum_epoch_request_init(&body);
    body.cluster_id = quorum_cluster_text(message->cluster_id, cluster);
    body.topics_count = 1;
    body.topics = &topic;
    call(link, WIRE_END_QUORUM_EPOCH, WIRE_END_QUORUM_EPOCH_MAX, &body, end_done,
         sent_new(quorum, message));
}

/* ---- Answers to others. */

static struct request *take_asked(struct quorum *quorum, uint64_t id)
{
    struct list *node, *after;
    list_each (node, after, &quorum->asked) {
        struct asked *asked = list_entry(node, struct asked, link);
        if (asked->id != id)
            continue;
        struct request *request = asked->request;
        list_remove(&asked->link);
        quorum->asked_count--;
        mem_free(asked);
        return request;
    }
    return NULL;
}

static void answer_vote(struct request *request, const struct raft_message *message)
{
    char cluster[UUID_TEXT_SIZE];
    struct vote_response_partition partition;
    vote_response_partition_init(&partition);
    partition.error_code = (int16_t)message->error;
    partition.leader_id = message->leader;
    partition.leader_epoch = message->epoch;
    partition.vote_granted = message->granted;
    struct vote_response_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct vote_response body;
    vote_response_init(&body);
    body.topics_count = 1;
    body.topics = &topic;
    body.node_id = message->from;
    body.directory_id = message->from_directory;
    body.formed_cluster_id = quorum_cluster_text(message->cluster_id, cluster);
    if (!body.formed_cluster_id.data && !message->log_is_empty)
        body.formed_cluster_id =
            STR("AAAAAAAAAAAAAAAAAAAAAA"); /* Records, but of no known cluster. */
    request_reply(request, &body);
}

static void answer_begin(struct request *request, const struct raft_message *message)
{
    struct begin_quorum_epoch_response_partition partition;
    begin_quorum_epoch_response_partition_init(&partition);
    partition.error_code = (int16_t)message->error;
    partition.leader_id = message->leader;
    partition.leader_epoch = message->epoch;
    struct begin_quorum_epoch_response_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct begin_quorum_epoch_response body;
    begin_quorum_epoch_response_init(&body);
    body.topics_count = 1;
    body.topics = &topic;
    request_reply(request, &body);
}

static void answer_end(struct request *request, const struct raft_message *message)
{
    struct end_quorum_epoch_response_partition partition;
    end_quorum_epoch_response_partition_init(&partition);
    partition.error_code = (int16_t)message->error;
    partition.leader_id = message->leader;
    partition.leader_epoch = message->epoch;
    struct end_quorum_epoch_response_topic topic = {
        .name = STR(QUORUM_TOPIC), .partitions_count = 1, .partitions = &partition};
    struct end_quorum_epoch_response body;
    end_quorum_epoch_response_init(&body);
    body.topics_count = 1;
    body.topics = &topic;
    request_reply(request, &body);
}

static void probe_vote(struct quorum *quorum, const struct raft_message *message)
{
    struct probe probe = {.kind = message->granted ? PROBE_RAFT_GRANT : PROBE_RAFT_DENY,
                          .key = quorum_key(),
                          .epoch = message->epoch,
                          .peer = message->to,
                          .flag = message->pre_vote};
    env_probe(quorum->shard->env, &probe);
    if (!message->granted && message->pre_vote)
        env_mark(quorum->shard->env, "pre_vote_denied");
}

static void quorum_answer(struct quorum *quorum, const struct raft_message *message)
{
    struct request *request = take_asked(quorum, message->request_id);
    if (!request)
        return;
    if (message->kind == RAFT_VOTE_REPLY) {
        probe_vote(quorum, message);
        answer_vote(request, message);
    } else if (message->kind == RAFT_BEGIN_REPLY) {
        answer_begin(request, message);
    } else {
        answer_end(request, message);
    }
}

void quorum_send(struct quorum *quorum, const struct raft_message *message)
{
    if (message->kind == RAFT_VOTE_REPLY || message->kind == RAFT_BEGIN_REPLY ||
        message->kind == RAFT_END_REPLY) {
        quorum_answer(quorum, message);
        return;
    }
    struct voter_link *link = link_of(quorum, message->to);
    if (!link)
        return;
    if (message->kind == RAFT_VOTE_REQUEST)
        send_vote(quorum, link, message);
    else if (message->kind == RAFT_BEGIN_REQUEST)
        send_begin(quorum, link, message);
    else
        send_end(quorum, link, message);
}

/* A request that raft drops is never answered: the oldest makes room, and its
 * connection closes, which its sender takes as no answer. */
static void asked_make_room(struct quorum *quorum)
{
    if (quorum->asked_count < QUORUM_ASKED_MAX)
        return;
    struct asked *oldest = list_entry(quorum->asked.next, struct asked, link);
    request_close(take_asked(quorum, oldest->id));
}

void quorum_take_message(struct quorum *quorum, struct request *request,
                         struct raft_message *message)
{
    if (!quorum->raft) {
        request_close(request);
        return;
    }
    asked_make_room(quorum);
    struct asked *asked = mem_zalloc(sizeof *asked);
    uint64_t id = ++quorum->asked_next;
    *asked = (struct asked){.id = id, .request = request};
    list_append(&quorum->asked, &asked->link);
    quorum->asked_count++;
    request_release_frame(request);
    message->request_id = id;
    message->to = quorum->shard->config->node_id;
    struct raft_out out;
    struct raft_event event = {.kind = RAFT_MESSAGE, .message = message};
    quorum_step(quorum, &event, &out);
    if (out.dropped && (request = take_asked(quorum, id)))
        request_close(request);
}

/* ---- Links. */

static void link_changed(struct shard *shard, struct peer *peer, enum err result)
{
    struct voter_link *link = peer->owner;
    if (result == ERR_NONE || !link->quorum->raft)
        return;
    if (result == ERR_REFUSED)
        env_probe(shard->env, &(struct probe){.kind = PROBE_RAFT_DIAL_REFUSED,
                                              .key = quorum_key(),
                                              .peer = link->id});
    struct raft_out out;
    struct raft_event event = {.kind = result == ERR_REFUSED ? RAFT_DIAL_REFUSED : RAFT_PEER_CLOSED,
                               .peer = link->id};
    quorum_step(link->quorum, &event, &out);
}

void quorum_messages_init(struct quorum *quorum)
{
    const struct config *config = quorum->shard->config;
    for (uint32_t i = 0; i < config->voter_count; i++) {
        if (config->voters[i].id == config->node_id)
            continue;
        struct voter_link *link = &quorum->links[quorum->link_count++];
        link->quorum = quorum;
        link->id = config->voters[i].id;
        peer_init(quorum->shard, &link->peer, link->id, &config->voters[i].address);
        link->peer.changed = link_changed;
        link->peer.owner = link;
    }
}

void quorum_end_asked(struct quorum *quorum)
{
    while (!list_is_empty(&quorum->asked)) {
        struct asked *oldest = list_entry(quorum->asked.next, struct asked, link);
        request_close(take_asked(quorum, oldest->id));
    }
}

void quorum_messages_free(struct quorum *quorum)
{
    for (uint32_t i = 0; i < quorum->link_count; i++)
        peer_free(&quorum->links[i].peer);
}
