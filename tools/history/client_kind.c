/* client_kind.c -- the table of kinds of clients. */
#include "client_kind.h"

static const struct client_kind kinds[] = {
    {.name = "writer", .keeps = true, .once = true, .ordered = true},
    {.name = "writer/1"},
    {.name = "writer/at-least-once", .keeps = true},
    {.name = "probe", .keeps = true, .once = true, .tried_once = true},
    {.name = "probe/1", .once = true, .tried_once = true},
    {.name = "admin"},
    {.name = "committer", .commits = true},
    {.name = "keyed", .keeps = true, .once = true, .ordered = true, .by_key = true},
    {.name = "reader", .is_reader = true},
    {.name = "member", .is_reader = true, .is_member = true},
};

const struct client_kind *client_kind_find(struct str name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_equal(str_from(kinds[i].name), name))
            return &kinds[i];
    return NULL;
}
