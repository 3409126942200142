/* err.c -- names, and what leaves the process. */
#include "base/err.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(err, has_the_names_that_kafka_gives)
{
    cr_assert_str_eq(err_name(ERR_NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER");
    cr_assert_str_eq(err_name(ERR_UNKNOWN_SERVER_ERROR), "UNKNOWN_SERVER_ERROR");
    cr_assert_str_eq(err_name(ERR_NONE), "NONE");
    cr_assert_str_eq(err_name(ERR_CONTROLLER_ID_NOT_REGISTERED), "CONTROLLER_ID_NOT_REGISTERED");
    cr_assert_str_eq(err_name(ERR_DENIED), "DENIED");
    cr_assert_str_eq(err_name((enum err)4711), "UNNAMED_ERROR");
}

Test(err, every_code_of_kafka_has_a_name)
{
    uint32_t nameless = 0;
    for (int code = -1; code <= 136; code++)
        nameless += err_name((enum err)code)[0] == '\0' ||
                    err_name((enum err)code) == err_name((enum err)4711);

    cr_assert_eq(nameless, 0);
}

Test(err, our_own_never_leave_as_unknown)
{
    uint32_t unknown = 0;
    for (int code = ERR_UNCONFIRMED; code <= ERR_AGAIN; code++)
        unknown += err_on_wire((enum err)code) <= ERR_NONE;

    cr_assert_eq(unknown, 0);
    cr_assert_eq(err_on_wire(ERR_IO), ERR_KAFKA_STORAGE_ERROR);
    cr_assert_eq(err_on_wire(ERR_BUSY), ERR_REQUEST_TIMED_OUT);
    cr_assert_eq(err_on_wire(ERR_UNCONFIRMED), ERR_NOT_CONTROLLER);
}

Test(err, kafkas_leave_as_they_are)
{
    cr_assert_eq(err_on_wire(ERR_NONE), ERR_NONE);
    cr_assert_eq(err_on_wire(ERR_FENCED_LEADER_EPOCH), ERR_FENCED_LEADER_EPOCH);
}
