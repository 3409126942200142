/* broker.c -- registration, heartbeats, session, controlled shutdown.
 *
 * Heartbeats have a connection of their own to the active controller: its end is
 * what tells the controller that this process died. */
#include "broker.h"

#include <stdio.h>

#include "cluster_clock.h"
#include "controller_link.h"
#include "node.h"
#include "partitions.h"
#include "quorum.h"

enum {
    RETRY_MS = 50,          /* Between tries to register. */
    LEAVE_INTERVAL_MS = 20, /* Between heartbeats while leaving. */
    DRAIN_MAX_MS = 1000,    /* For the last syncs. */
    UNSERVICEABLE_MAX = 100000,
    REFUSAL_AGAIN_MS = 10000
};

enum broker_state {
    BROKER_WAITING,
    BROKER_REGISTERING,
    BROKER_CATCHING_UP,
    BROKER_RUNNING,
    BROKER_LEAVING,
    BROKER_STOPPED
};

/* A replica that can't be served. */
struct unserviceable {
    struct partition_key key;
    log_epoch epoch; /* The last in which it followed or led. */
};

struct broker {
    struct shard *shard;
    enum broker_state state;
    struct peer peer;
    broker_epoch epoch;    /* As the controller gave it; -1: not registered. */
    bool calling;          /* A registration or heartbeat is in flight. */
    mono_ms last_accepted; /* When the newest accepted heartbeat was sent. */
    mono_ms sent_at;
    mono_ms leave_by;
    bool lost_session;
    bool fenced;                /* As last answered. */
    enum err refused_with;      /* By the controller, when it was last said. */
    mono_ms refusal_again;      /* Not said again before this. */
    struct timer timer;         /* Next registration or heartbeat. */
    struct timer session_timer; /* When the session ends if nothing is accepted. */
    uint32_t unserviceable_count, unserviceable_capacity;
    struct unserviceable *unserviceable;
};

static void broker_act(struct broker *broker);

static void broker_after(struct broker *broker, int32_t delay_ms)
{
    timer_start(&broker->shard->timers, &broker->timer, broker->shard->now + delay_ms);
}

static void broker_fire(struct timer *timer, mono_ms now)
{
    (void)now;
    broker_act(list_entry(timer, struct broker, timer));
}

/* ---- Session. */

struct session_news {
    struct letter letter;
    bool alive;
};

static void session_news_open(struct shard *shard, struct letter *letter)
{
    struct session_news *news = (struct session_news *)letter;
    partitions_session(shard->partitions, news->alive);
    mem_free(news);
}

static void broker_tell_session(struct broker *broker, bool alive)
{
    broker->lost_session = !alive;
    trace_info(broker->shard->env->trace, "broker node %d session %s",
               broker->shard->config->node_id,
               alive ? "resumed" : "lost: leading nothing until a heartbeat is accepted");
    for (uint32_t i = 0; i < broker->shard->config->shards; i++) {
        struct session_news *news = mem_zalloc(sizeof *news);
        news->alive = alive;
        mailbox_send(broker->shard, i, &news->letter, session_news_open);
    }
}

static void broker_session_fire(struct timer *timer, mono_ms now)
{
    struct broker *broker = list_entry(timer, struct broker, session_timer);
    (void)now;
    if (!broker->lost_session)
        broker_tell_session(broker, false);
}

static mono_ms session_end(const struct broker *broker)
{
    return broker->last_accepted + broker->shard->config->session_timeout_ms;
}

/* Whoever is fenced was led past: what it knows is older than that, so it serves nothing by it. */
static void broker_accepted(struct broker *broker, bool is_fenced)
{
    broker->last_accepted = broker->sent_at;
    timer_start(&broker->shard->timers, &broker->session_timer, session_end(broker));
    bool alive = !is_fenced && broker->shard->now < session_end(broker);
    if (alive == broker->lost_session)
        broker_tell_session(broker, alive);
}

void broker_begin_tick(struct broker *broker)
{
    if (broker->epoch >= 0 && !broker->lost_session && broker->shard->now >= session_end(broker))
        broker_tell_session(broker, false);
}

/* ---- Registration. */

/* Said once, and again every ten seconds: it is asked again all the time. */
static void broker_refused(struct broker *broker, enum err err)
{
    struct shard *shard = broker->shard;
    if (err == broker->refused_with && shard->now < broker->refusal_again)
        return;
    broker->refused_with = err;
    broker->refusal_again = shard->now + REFUSAL_AGAIN_MS;
    trace_warn(shard->env->trace, "broker node %d registration refused: %s%s",
               shard->config->node_id, err_name(err),
               err == ERR_DUPLICATE_BROKER_REGISTRATION
                   ? ": another process lives under this node.id; it is asked again until that ends"
                   : "");
}

static void broker_registered(struct broker *broker,
                              const struct broker_registration_response *body)
{
    struct shard *shard = broker->shard;
    if (body->error_code == ERR_NONE) {
        broker->epoch = body->broker_epoch;
        broker->state = BROKER_CATCHING_UP;
        broker_accepted(broker, false);
        broker_take_image(broker);
        return;
    }
    if (body->error_code == ERR_INCONSISTENT_CLUSTER_ID) {
        char own[UUID_TEXT_SIZE], line[256];
        uuid_format(shard->identity.cluster_id, own);
        snprintf(line, sizeof line,
                 "node %d: this directory belongs to cluster %s, the controller to another one",
                 shard->config->node_id, own);
        env_fatal(shard->env, line);
        return;
    }
    broker_refused(broker, (enum err)body->error_code);
    broker->state = BROKER_WAITING;
    broker_after(broker, RETRY_MS);
}

static void register_done(struct shard *shard, void *context, enum err result,
                          struct client_reply *reply)
{
    struct broker *broker = context;
    struct arena arena = {0};
    struct broker_registration_response body;
    broker_registration_response_init(&body);
    broker->calling = false;
    if (broker->state == BROKER_REGISTERING && result == ERR_NONE &&
        broker_registration_response_read(&body, reply->version, &reply->reader, &arena) ==
            ERR_NONE) {
        broker_registered(broker, &body);
    } else if (broker->state == BROKER_REGISTERING) {
        broker->state = BROKER_WAITING;
        broker_after(broker, RETRY_MS);
    }
    (void)shard;
    arena_free(&arena);
}

static void broker_register(struct broker *broker)
{
    struct shard *shard = broker->shard;
    char cluster[UUID_TEXT_SIZE];
    struct broker_registration_request body;
    struct broker_registration_request_listener listeners[CONFIG_LISTENERS_MAX];
    broker_registration_request_init(&body);
    body.broker_id = shard->config->node_id;
    uuid_format(shard->identity.cluster_id, cluster);
    body.cluster_id = str_from(cluster);
    body.incarnation_id = shard->identity.incarnation_id;
    body.listeners = listeners;
    for (uint32_t i = 0; i < shard->config->listener_count; i++) {
        const struct config_listener *listener = &shard->config->listeners[i];
        struct broker_registration_request_listener *told = &listeners[body.listeners_count];
        if (listener->http)
            continue; /* Kafka's protocol is not spoken there. */
        broker_registration_request_listener_init(told);
        told->name = str_from(listener->name);
        told->host = str_from(listener->advertised.host);
        told->port = listener->advertised.port;
        told->internal = listener->internal;
        body.listeners_count++;
    }
    body.log_dirs_count = 1;
    body.log_dirs = &shard->identity.directory_id;
    broker->sent_at = shard->now;
    if (peer_call(&broker->peer, WIRE_BROKER_REGISTRATION, WIRE_BROKER_REGISTRATION_MAX, &body,
                  shard->config->request_timeout_ms, register_done, broker) != ERR_NONE) {
        broker_after(broker, RETRY_MS);
        return;
    }
    broker->calling = true;
    broker->state = BROKER_REGISTERING;
}

/* ---- Heartbeats. */

static void broker_finish(struct broker *broker)
{
    struct shard *shard = broker->shard;
    if (broker->state != BROKER_STOPPED) {
        broker->state = BROKER_STOPPED;
        timer_stop(&shard->timers, &broker->session_timer);
        broker->leave_by = shard->now + DRAIN_MAX_MS;
        quorum_shut_down(shard->quorum);
        partitions_drain(shard->partitions);
    }
    shard->stopped = partitions_are_drained(shard->partitions) || shard->now >= broker->leave_by;
    if (!shard->stopped)
        broker_after(broker, 1);
}

/* It has another directory: ours is locked, so of our own earlier processes only what they once
 * sent can still come, and we register again. */
static bool has_rival(const struct broker *broker)
{
    const struct shard *shard = broker->shard;
    const struct image_broker *known = image_broker(shard->image, shard->config->node_id);
    return known && known->epoch > broker->epoch &&
           !uuid_equal(known->directory, shard->identity.directory_id);
}

static void broker_beaten(struct broker *broker, const struct broker_heartbeat_response *body)
{
    struct shard *shard = broker->shard;
    if (body->error_code == ERR_NONE) {
        broker_accepted(broker, body->is_fenced);
        broker->fenced = body->is_fenced;
        if (body->cluster_clock >= 0)
            cluster_clock_tell(shard, (struct wall_span){.earliest = body->cluster_clock,
                                                         .latest = body->cluster_clock_latest});
        if (broker->state == BROKER_LEAVING && body->should_shut_down) {
            broker_finish(broker);
            return;
        }
        int32_t delay = broker->state == BROKER_LEAVING ? LEAVE_INTERVAL_MS
                        : body->is_fenced               ? RETRY_MS
                                                        : shard->config->heartbeat_interval_ms;
        broker_after(broker, delay);
        return;
    }
    if (body->error_code == ERR_STALE_BROKER_EPOCH ||
        body->error_code == ERR_BROKER_ID_NOT_REGISTERED) {
        if (has_rival(broker)) {
            env_fatal(shard->env, "another process has registered with this node's id");
            return;
        }
        if (broker->state != BROKER_LEAVING)
            broker->state = BROKER_WAITING;
    }
    broker_after(broker, RETRY_MS);
}

static void heartbeat_done(struct shard *shard, void *context, enum err result,
                           struct client_reply *reply)
{
    struct broker *broker = context;
    struct arena arena = {0};
    struct broker_heartbeat_response body;
    (void)shard;
    broker_heartbeat_response_init(&body);
    broker->calling = false;
    if (broker->state == BROKER_STOPPED) {
        arena_free(&arena);
        return;
    }
    if (result == ERR_NONE &&
        broker_heartbeat_response_read(&body, reply->version, &reply->reader, &arena) == ERR_NONE)
        broker_beaten(broker, &body);
    else
        broker_after(broker, RETRY_MS);
    arena_free(&arena);
}

/* Keys of one topic stand together in the request; they were reported one by one. */
static void name_unserviceable(const struct broker *broker, struct arena *arena,
                               struct broker_heartbeat_request *body)
{
    body->unserviceable =
        broker_heartbeat_request_unserviceable_new(arena, broker->unserviceable_count);
    for (uint32_t i = 0; i < broker->unserviceable_count; i++) {
        body->unserviceable[i].topic_id = broker->unserviceable[i].key.topic_id;
        body->unserviceable[i].partitions_count = 1;
        body->unserviceable[i].partitions = &broker->unserviceable[i].key.index;
        body->unserviceable[i].epochs_count = 1;
        body->unserviceable[i].epochs = &broker->unserviceable[i].epoch;
    }
    body->unserviceable_count = broker->unserviceable_count;
}

static void broker_beat(struct broker *broker)
{
    struct shard *shard = broker->shard;
    struct arena arena = {0};
    struct broker_heartbeat_request body;
    broker_heartbeat_request_init(&body);
    body.broker_id = shard->config->node_id;
    body.broker_epoch = broker->epoch;
    body.current_metadata_offset = shard->image->offset;
    body.want_shut_down = broker->state == BROKER_LEAVING;
    body.wall_clock = env_wall(shard->env);
    name_unserviceable(broker, &arena, &body);
    broker->sent_at = shard->now;
    if (peer_call(&broker->peer, WIRE_BROKER_HEARTBEAT, WIRE_BROKER_HEARTBEAT_MAX, &body,
                  shard->config->request_timeout_ms, heartbeat_done, broker) == ERR_NONE)
        broker->calling = true;
    else
        broker_after(broker, RETRY_MS);
    arena_free(&arena);
}

static void broker_act(struct broker *broker)
{
    struct shard *shard = broker->shard;
    if (broker->state == BROKER_STOPPED ||
        (broker->state == BROKER_LEAVING &&
         (shard->now >= broker->leave_by || broker->epoch < 0))) {
        broker_finish(broker);
        return;
    }
    if (broker->state == BROKER_LEAVING)
        broker_after(broker, LEAVE_INTERVAL_MS); /* Looks at the deadline even if nobody answers. */
    if (broker->calling || shard->controller->leader < 0 || broker->peer.node < 0)
        return;
    if (broker->state == BROKER_WAITING)
        broker_register(broker);
    else if (broker->state != BROKER_REGISTERING)
        broker_beat(broker);
}

/* ---- Life. */

struct broker *broker_open(struct shard *shard)
{
    struct broker *broker = mem_zalloc(sizeof *broker);
    struct env_address nowhere = {.port = 0};
    broker->shard = shard;
    broker->epoch = -1;
    broker->timer.fire = broker_fire;
    broker->session_timer.fire = broker_session_fire;
    broker->lost_session = false;
    peer_init(shard, &broker->peer, -1, &nowhere);
    return broker;
}

void broker_close(struct broker *broker)
{
    if (!broker)
        return;
    peer_free(&broker->peer);
    timer_stop(&broker->shard->timers, &broker->timer);
    timer_stop(&broker->shard->timers, &broker->session_timer);
    mem_free(broker->unserviceable);
    mem_free(broker);
}

void broker_controller_changed(struct broker *broker)
{
    struct env_address address;
    node_id leader = broker->shard->controller->leader;
    broker->peer.node = leader;
    if (leader < 0 || !node_address(broker->shard, leader, &address))
        return;
    broker->peer.dial_after = 0;
    peer_set_address(&broker->peer, &address);
    broker_act(broker);
}

void broker_take_image(struct broker *broker)
{
    const struct image *image = broker->shard->image;
    /* If another registration has followed ours already, the first heartbeat hears of it. */
    if (broker->state != BROKER_CATCHING_UP || image->offset < broker->epoch)
        return;
    broker->state = BROKER_RUNNING;
    broker_act(broker);
}

void broker_stop(struct broker *broker)
{
    if (broker->state == BROKER_LEAVING || broker->state == BROKER_STOPPED)
        return;
    broker->leave_by = broker->shard->now + broker->shard->config->shutdown_timeout_ms;
    broker->state = BROKER_LEAVING;
    broker_act(broker);
}

const char *broker_unready(const struct broker *broker)
{
    const struct shard *shard = broker->shard;
    switch (broker->state) {
    case BROKER_WAITING:
        return shard->controller->leader < 0 ? "no controller is known" : "not registered yet";
    case BROKER_REGISTERING:
        return "not registered yet";
    case BROKER_CATCHING_UP:
        return "the metadata is not applied up to this registration yet";
    case BROKER_LEAVING:
    case BROKER_STOPPED:
        return "stopping";
    case BROKER_RUNNING:
        break;
    }
    if (broker->lost_session && !broker->fenced)
        return "no heartbeat was accepted for broker.session.timeout.ms";
    return image_broker_is_active(shard->image, shard->config->node_id) ? NULL : "fenced";
}

struct report {
    struct letter letter;
    struct unserviceable replica;
    bool unserviceable;
};

static void report_open(struct shard *shard, struct letter *letter)
{
    struct report *report = (struct report *)letter;
    struct broker *broker = shard->broker;
    uint32_t place = 0;
    while (place < broker->unserviceable_count &&
           !partition_key_equal(broker->unserviceable[place].key, report->replica.key))
        place++;
    bool known = place < broker->unserviceable_count;
    if (report->unserviceable && !known && broker->unserviceable_count < UNSERVICEABLE_MAX) {
        mem_grow(broker->unserviceable, broker->unserviceable_count,
                 &broker->unserviceable_capacity);
        broker->unserviceable[broker->unserviceable_count++] = report->replica;
    } else if (!report->unserviceable && known) {
        broker->unserviceable[place] = broker->unserviceable[--broker->unserviceable_count];
    }
    if (report->unserviceable && !known && broker->state == BROKER_RUNNING)
        broker_act(broker);
    mem_free(report);
}

void broker_report(struct shard *shard, struct partition_key key, log_epoch epoch,
                   bool unserviceable)
{
    struct report *report = mem_zalloc(sizeof *report);
    report->replica = (struct unserviceable){.key = key, .epoch = epoch};
    report->unserviceable = unserviceable;
    mailbox_send(shard, 0, &report->letter, report_open);
}
