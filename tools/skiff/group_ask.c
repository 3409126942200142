/* group_ask.c -- questions to the coordinator of one group, wherever it is at the moment. */
#include "group_ask.h"

#include "say.h"

enum { PAUSE_US = 50000, KEY_TYPE_GROUP = 0 };

bool group_is_moving(enum err err)
{
    return err == ERR_COORDINATOR_NOT_AVAILABLE || err == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           err == ERR_NOT_COORDINATOR;
}

static enum err find_coordinator(struct group_asking *asking)
{
    static const struct brokers_api api = {WIRE_FIND_COORDINATOR, 4, INT16_MAX};
    struct find_coordinator_request request;
    struct find_coordinator_response response;
    struct link *link;
    find_coordinator_request_init(&request);
    request.key_type = KEY_TYPE_GROUP;
    request.coordinator_keys_count = 1;
    request.coordinator_keys = &asking->group;
    enum err err = brokers_link(asking->brokers, -1, &link);
    if (!err)
        err = brokers_ask(asking->brokers, link, &api, &request, &response);
    if (!err && response.coordinators_count != 1)
        err = ERR_CORRUPT_MESSAGE;
    if (!err)
        err = (enum err)response.coordinators[0].error_code;
    if (!err)
        asking->coordinator = response.coordinators[0].node_id;
    return err;
}

enum err group_find(struct group_asking *asking, struct link **out)
{
    enum err err = asking->coordinator < 0 ? find_coordinator(asking) : ERR_NONE;
    return err ? err : brokers_link(asking->brokers, asking->coordinator, out);
}

enum err group_ask_once(struct group_asking *asking, const struct group_api *api,
                        const void *request, void *response)
{
    struct link *link;
    enum err err = group_find(asking, &link);
    if (!err)
        err = brokers_ask(asking->brokers, link, &api->api, request, response);
    return err ? err : api->error_of(response);
}

enum err group_ask(struct group_asking *asking, const struct group_api *api, const void *request,
                   void *response)
{
    for (;;) {
        enum err err = group_ask_once(asking, api, request, response);
        bool is_gone = brokers_is_gone(err);
        if (!is_gone && !group_is_moving(err))
            return err;
        if (now_us() + PAUSE_US >= brokers_deadline_us(asking->brokers))
            return is_gone ? ERR_COORDINATOR_NOT_AVAILABLE : err;
        sleep_us(PAUSE_US);
        asking->coordinator = -1;
        brokers_learn(asking->brokers); /* If it fails, the next try does it again. */
    }
}

int group_failed(struct str group, enum err err)
{
    if (err == ERR_GROUP_ID_NOT_FOUND)
        return say_error(EXIT_NOT_FOUND, "there is no group %.*s", (int)group.size, group.data);
    if (group_is_moving(err))
        return say_error(EXIT_TIMED_OUT, "group %.*s: no coordinator answered in time (%s)",
                         (int)group.size, group.data, err_words(err));
    if (err == ERR_UNSUPPORTED_VERSION)
        return say_error(EXIT_FAILED, "group %.*s: the brokers do not offer this (%s)",
                         (int)group.size, group.data, err_words(err));
    return say_error(exit_code_of(err), "group %.*s: %s", (int)group.size, group.data,
                     err_words(err));
}
