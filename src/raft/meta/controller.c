/* controller.c -- taking and leaving office, sessions, and the frame of a decision.
 *
 * A decision works on an image of its own, record by record, so that later records
 * of a batch see the earlier ones; accepting it makes that image the controller's. */
#include "controller_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct controller *controller_open(const struct controller_config *config)
{
    struct controller *controller = mem_zalloc(sizeof *controller);
    controller->config = *config;
    map_init(&controller->sessions, sizeof(node_id));
    return controller;
}

static void forget_sessions(struct controller *controller)
{
    uint32_t cursor = 0;
    void *value = NULL;
    while (map_next(&controller->sessions, &cursor, &value)) {
        struct session *session = value;
        mem_free(session->unserviceable);
        mem_free(session);
    }
    map_free(&controller->sessions);
    map_init(&controller->sessions, sizeof(node_id));
}

void controller_resign(struct controller *controller)
{
    image_unref(controller->image);
    controller->image = NULL;
    forget_sessions(controller);
}

void controller_close(struct controller *controller)
{
    if (controller == NULL)
        return;
    controller_resign(controller);
    map_free(&controller->sessions);
    mem_free(controller);
}

void controller_take_office(struct controller *controller, const struct controller_office *office,
                            mono_ms now)
{
    controller_resign(controller);
    controller->image = image_ref(office->image);
    controller->epoch = office->epoch;
    controller->sweep_due = true;
    controller->balance_at = controller->config.balance_interval_ms > 0
                                 ? now + controller->config.balance_interval_ms
                                 : MONO_NEVER;
    /* The epoch is mixed in: two offices never draw the same topic ids, whatever the seed. */
    rand_init(&controller->rand, rand_derive(office->seed, (uint64_t)office->epoch));
    controller->placement_next = rand_below(&controller->rand, UINT16_MAX);

    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(office->image, id)) != NULL;
         id = broker->id) {
        struct session *session = session_of(controller, broker->id);
        session->heard = now;
        session->link_open = broker->id == controller->config.node_id;
        if (broker->id == office->predecessor && office->predecessor_answered < now)
            session->heard = office->predecessor_answered;
    }
}

bool controller_is_active(const struct controller *controller)
{
    return controller->image != NULL;
}

const struct image *controller_image(const struct controller *controller)
{
    return controller->image;
}

struct session *session_of(struct controller *controller, node_id id)
{
    struct session *session = map_get(&controller->sessions, &id);
    if (session != NULL)
        return session;
    session = mem_zalloc(sizeof *session);
    session->metadata_offset = -1;
    map_put(&controller->sessions, &id, session);
    return session;
}

void session_hear(struct session *session, mono_ms now)
{
    session->heard = now;
    session->link_open = true;
    session->refused = 0;
}

static struct session *current_session(struct controller *controller, node_id id,
                                       broker_epoch epoch)
{
    if (controller->image == NULL)
        return NULL;
    const struct image_broker *broker = image_broker(controller->image, id);
    return broker != NULL && broker->epoch == epoch ? session_of(controller, id) : NULL;
}

void controller_link_closed(struct controller *controller, node_id id, broker_epoch epoch)
{
    struct session *session = current_session(controller, id, epoch);
    if (session == NULL)
        return;
    session->link_open = false;
    session->refused = 0;
}

void controller_dial_refused(struct controller *controller, node_id id, broker_epoch epoch)
{
    struct session *session = current_session(controller, id, epoch);
    if (session != NULL)
        session->refused++;
}

void controller_dial_answered(struct controller *controller, node_id id, broker_epoch epoch)
{
    struct session *session = current_session(controller, id, epoch);
    if (session != NULL)
        session->refused = 0;
}

bool controller_wants_dial(const struct controller *controller, node_id id)
{
    if (controller->image == NULL || id == controller->config.node_id)
        return false;
    const struct image_broker *broker = image_broker(controller->image, id);
    const struct session *session = map_get(&controller->sessions, &id);
    return broker != NULL && !broker->fenced && session != NULL && !session->link_open;
}

mono_ms controller_deadline(const struct controller *controller)
{
    if (controller->image == NULL)
        return MONO_NEVER;
    if (controller->sweep_due)
        return INT64_MIN;
    mono_ms deadline = controller->balance_at;
    const struct image_broker *broker = NULL;
    for (node_id id = -1; (broker = image_broker_after(controller->image, id)) != NULL;
         id = broker->id) {
        const struct session *session = map_get(&controller->sessions, &broker->id);
        if (broker->fenced || session == NULL)
            continue;
        mono_ms due = session->heard + controller->config.session_timeout_ms;
        deadline = due < deadline ? due : deadline;
    }
    return deadline;
}

bool session_is_unserviceable(const struct controller *controller, node_id id,
                              struct partition_key key)
{
    const struct session *session = map_get(&controller->sessions, &id);
    uint32_t first = 0, end = session == NULL ? 0 : session->unserviceable_count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        int order = partition_key_compare(session->unserviceable[middle], key);
        if (order == 0)
            return true;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* Heap order among the first `count` keys, from `place` down. */
static void sift(struct partition_key *keys, uint32_t place, uint32_t count)
{
    for (uint32_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && partition_key_compare(keys[child], keys[child + 1]) < 0)
            child++;
        if (partition_key_compare(keys[place], keys[child]) >= 0)
            return;
        struct partition_key key = keys[place];
        keys[place] = keys[child];
        keys[child] = key;
        place = child;
    }
}

void session_set_unserviceable(struct session *session, uint32_t count,
                               const struct partition_key *keys)
{
    mem_free(session->unserviceable);
    session->unserviceable = NULL;
    session->unserviceable_count = count;
    if (count == 0)
        return;
    session->unserviceable = mem_alloc(count * sizeof *keys);
    memcpy(session->unserviceable, keys, count * sizeof *keys);
    for (uint32_t place = count / 2; place-- > 0;)
        sift(session->unserviceable, place, count);
    for (uint32_t end = count - 1; end > 0; end--) {
        struct partition_key greatest = session->unserviceable[0];
        session->unserviceable[0] = session->unserviceable[end];
        session->unserviceable[end] = greatest;
        sift(session->unserviceable, 0, end);
    }
}

void decision_begin(struct decision *decision, struct controller *controller, struct arena *arena,
                    log_offset base, mono_ms now)
{
    check(controller->image != NULL);
    check(base > controller->image->offset);
    *decision = (struct decision){
        .controller = controller,
        .arena = arena,
        .now = now,
        .base = base,
        .image = image_ref(controller->image),
    };
}

void decision_accept(struct decision *decision)
{
    struct controller *controller = decision->controller;
    image_unref(controller->image);
    controller->image = decision->image;
    decision->image = NULL;
}

void decision_drop(struct decision *decision)
{
    image_unref(decision->image);
    decision->image = NULL;
}

log_offset decision_end(const struct decision *decision)
{
    const struct image *image =
        decision->image != NULL ? decision->image : decision->controller->image;
    return decision->count > 0 ? decision->base + decision->count : image->offset + 1;
}

void decision_emit(struct decision *decision, const struct record *record)
{
    check(record->cause.size > 0);
    if (decision->count == decision->capacity) {
        uint32_t capacity = decision->capacity > 0 ? 2 * decision->capacity : 8;
        struct record *records = arena_array(decision->arena, struct record, capacity);
        if (decision->count > 0)
            memcpy(records, decision->records, decision->count * sizeof *records);
        decision->records = records;
        decision->capacity = capacity;
    }
    log_offset offset = decision->base + decision->count;
    decision->records[decision->count++] = *record;

    struct image *next = image_apply(decision->image, record, offset, NULL);
    image_unref(decision->image);
    decision->image = next;
}

struct decision_mark decision_mark(const struct decision *decision)
{
    return (struct decision_mark){.image = image_ref(decision->image),
                                  .count = decision->count,
                                  .placement_next = decision->controller->placement_next};
}

void decision_settle(struct decision *decision, const struct decision_mark *mark, bool stays)
{
    if (stays) {
        image_unref(mark->image);
        return;
    }
    image_unref(decision->image);
    decision->image = mark->image;
    decision->count = mark->count;
    decision->controller->placement_next = mark->placement_next;
}

struct str decision_cause(struct decision *decision, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return arena_str(decision->arena, str_from(text));
}

struct str topics_too_many(struct decision *decision, uint32_t count)
{
    if (count <= CONTROLLER_RECORDS_MAX)
        return (struct str){0};
    return decision_cause(decision, "The request names %u topics, and may name %d.", count,
                          CONTROLLER_RECORDS_MAX);
}
