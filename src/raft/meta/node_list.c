/* node_list.c -- a few broker ids in an order that means something. */
#include "record.h"

bool node_list_has(const struct node_list *list, node_id id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->ids[i] == id)
            return true;
    return false;
}

bool node_list_equal(const struct node_list *a, const struct node_list *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->ids[i] != b->ids[i])
            return false;
    return true;
}

void node_list_add(struct node_list *list, node_id id)
{
    if (node_list_has(list, id))
        return;
    check(list->count < RECORD_REPLICAS_MAX);
    list->ids[list->count++] = id;
}
