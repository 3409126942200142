/* decide_register.c -- a broker process introduces itself.
 *
 * The record's offset becomes its broker epoch, and it starts fenced, so every
 * partition that an old incarnation led gets a new leader epoch in the same batch
 * (rule 1). Under another directory its log is gone: it leaves every ISR and ELR in
 * that batch too (rule 2). */
#include "controller_state.h"

enum { TEXT_MAX = 255 }; /* Bytes of a listener name, a host, a rack. */

static bool is_usable(const struct record_endpoint *endpoint)
{
    return endpoint->name.size > 0 && endpoint->name.size <= TEXT_MAX && endpoint->host.size > 0 &&
           endpoint->host.size <= TEXT_MAX && endpoint->port > 0;
}

static bool is_well_formed(const struct record_broker *broker)
{
    bool internal = false;

    if (broker->id < 0 || uuid_is_zero(broker->incarnation) || uuid_is_zero(broker->directory))
        return false;
    if (broker->endpoint_count > RECORD_ENDPOINTS_MAX || broker->rack.size > TEXT_MAX)
        return false;
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        if (!is_usable(&broker->endpoints[i]))
            return false;
        internal = internal || broker->endpoints[i].internal;
    }
    return internal;
}

static bool is_directory_taken(const struct image *image, const struct record_broker *broker)
{
    const struct image_broker *other = NULL;
    for (node_id id = -1; (other = image_broker_after(image, id)) != NULL; id = other->id)
        if (other->id != broker->id && uuid_equal(other->directory, broker->directory))
            return true;
    return false;
}

/* The same process says the same again: its first answer was lost. */
static bool is_repeat(const struct image_broker *old, const struct record_broker *broker)
{
    if (!uuid_equal(old->incarnation, broker->incarnation) ||
        !uuid_equal(old->directory, broker->directory))
        return false;
    if (old->endpoint_count != broker->endpoint_count)
        return false;
    for (uint32_t i = 0; i < old->endpoint_count; i++) {
        const struct record_endpoint *a = &old->endpoints[i];
        const struct record_endpoint *b = &broker->endpoints[i];
        if (!str_equal(a->name, b->name) || !str_equal(a->host, b->host))
            return false;
        if (a->port != b->port || a->internal != b->internal)
            return false;
    }
    return old->rack.size == broker->rack.size &&
           (old->rack.size == 0 || str_equal(old->rack, broker->rack));
}

/* Rule 24: with its link closed the old process is gone, or will hear that it is. The controller's
 * own old process is gone for certain, since this one holds its directory: what it once sent and
 * comes only now replaces nothing. */
static bool may_replace(const struct decision *decision, const struct session *session,
                        const struct record_broker *broker)
{
    const struct controller_config *config = &decision->controller->config;
    mono_ms silent = decision->now - session->heard;
    if (broker->id == config->node_id)
        return uuid_equal(broker->incarnation, config->incarnation);
    return !(session->link_open && silent < config->session_timeout_ms);
}

static struct str cause_of(struct decision *decision, const struct image_broker *old,
                           const struct record_broker *broker, bool wiped)
{
    char incarnation[UUID_TEXT_SIZE];
    uuid_format(broker->incarnation, incarnation);
    if (old == NULL)
        return decision_cause(decision, "registration of node %d, incarnation %s", (int)broker->id,
                              incarnation);
    return decision_cause(
        decision, "registration of node %d, incarnation %s, in place of broker epoch %lld%s",
        (int)broker->id, incarnation, (long long)old->epoch,
        wiped ? ", with another directory" : "");
}

static enum err check_registration(const struct decision *decision,
                                   const struct register_command *command)
{
    const struct image *image = decision->image;
    if (image->has_cluster && !uuid_is_zero(command->cluster_id) &&
        !uuid_equal(image->cluster_id, command->cluster_id))
        return ERR_INCONSISTENT_CLUSTER_ID;
    if (!is_well_formed(&command->broker) || is_directory_taken(image, &command->broker))
        return ERR_INVALID_REGISTRATION;
    return ERR_NONE;
}

enum err decide_register_broker(struct decision *decision, const struct register_command *command,
                                struct register_reply *reply)
{
    const struct record_broker *broker = &command->broker;
    enum err err = check_registration(decision, command);
    if (err != ERR_NONE)
        return err;

    const struct image_broker *old = image_broker(decision->image, broker->id);
    struct session *session = session_of(decision->controller, broker->id);
    if (old != NULL && is_repeat(old, broker)) {
        session_hear(session, decision->now);
        reply->epoch = old->epoch;
        return ERR_NONE;
    }
    if (old != NULL && !may_replace(decision, session, broker))
        return ERR_DUPLICATE_BROKER_REGISTRATION;

    bool wiped = old != NULL && !uuid_equal(old->directory, broker->directory);
    struct str cause = cause_of(decision, old, broker, wiped);
    reply->epoch = decision->base + decision->count;
    decision->wiped_directory = decision->wiped_directory || wiped;
    session_hear(session, decision->now);
    session_set_unserviceable(session, 0, NULL);
    session->metadata_offset = -1;

    /* `old` goes with the image that this replaces. */
    decision_emit(decision, &(struct record){
                                .type = RECORD_REGISTER_BROKER, .cause = cause, .broker = *broker});
    change_without(decision, broker->id, wiped, cause);
    return ERR_NONE;
}
